"""Where a LiveKit server comes from, that it is built once, and that it is told to stay on this machine."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from launcher import livekit_server as livekit
from launcher.livekit_server import LiveKitServerFailedError, LiveKitServerMissingError

# Stands for Go: answers its version, and "builds" by writing the binary where GOBIN says, leaving a mark a build.
FAKE_GO = """#!/bin/sh
if [ "$1" = env ]; then echo go{version}; exit; fi
echo "$2" >> "{builds}"
{body}
"""
BUILDS_A_SERVER = 'mkdir -p "$GOBIN"; printf "#!/bin/sh\\n" > "$GOBIN/server"; chmod +x "$GOBIN/server"'


class Tools:
    """A PATH and a cache folder of the test's own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.cache, self.builds = folder / "bin", folder / "cache", folder / "builds"
        self.path.mkdir()
        self.said: list[str] = []
        monkeypatch.setenv("XDG_CACHE_HOME", str(self.cache))
        monkeypatch.setenv("PATH", f"{self.path}{os.pathsep}/usr/bin{os.pathsep}/bin")

    def put(self, name: str, text: str = "#!/bin/sh\n") -> Path:
        program = self.path / name
        program.write_text(text)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program

    def put_go(self, body: str = BUILDS_A_SERVER, version: str = "1.26.8") -> None:
        self.put("go", FAKE_GO.format(version=version, builds=self.builds, body=body))

    def count_builds(self) -> int:
        return len(self.builds.read_text().splitlines()) if self.builds.exists() else 0


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    return Tools(tmp_path, monkeypatch)


def test_a_server_on_path_comes_before_the_cache(tools: Tools) -> None:
    cached = tools.cache / "sage" / f"livekit-server-{livekit.VERSION}" / "server"
    cached.parent.mkdir(parents=True)
    cached.write_text("#!/bin/sh\n")
    cached.chmod(0o755)
    assert livekit.find_or_build(tools.said.append) == cached
    on_path = tools.put("livekit-server")
    assert livekit.find_or_build(tools.said.append) == on_path
    assert "cache folder" in tools.said[0]
    assert "on PATH" in tools.said[1]


def test_a_server_that_is_nowhere_is_built_into_the_cache_once(tools: Tools) -> None:
    tools.put_go()
    first = livekit.find_or_build(tools.said.append)
    second = livekit.find_or_build(tools.said.append)
    assert first == second == tools.cache / "sage" / f"livekit-server-{livekit.VERSION}" / "server"
    assert tools.builds.read_text().splitlines() == [livekit.MODULE]
    assert livekit.BUILD_TAKES in "\n".join(tools.said)


def test_two_clones_that_need_a_server_build_it_once(tools: Tools) -> None:
    tools.put_go()
    found: list[Path] = []
    clones = [
        threading.Thread(target=lambda: found.append(livekit.find_or_build(tools.said.append))) for _ in "ab"
    ]
    for clone in clones:
        clone.start()
    for clone in clones:
        clone.join()
    assert len(found) == 2
    assert tools.count_builds() == 1


def test_half_a_build_is_never_found(tools: Tools) -> None:
    tools.put_go('mkdir -p "$GOBIN"; printf half > "$GOBIN/server"; echo "no space left on device"; exit 1')
    with pytest.raises(LiveKitServerMissingError, match="no space left on device") as failure:
        livekit.find_or_build(tools.said.append)
    assert "LIVEKIT_URL" in str(failure.value)
    assert livekit.find() is None
    tools.put_go()
    livekit.find_or_build(tools.said.append)
    assert livekit.find() is not None


def test_an_older_go_is_passed_over(tools: Tools) -> None:
    tools.put_go(version="1.24.1")
    own = tools.cache / "sage" / livekit.GO_PACKAGE.replace("==", "-") / "bin" / "go"
    own.parent.mkdir(parents=True)
    own.write_text(FAKE_GO.format(version="1.26.6", builds=tools.builds, body=BUILDS_A_SERVER))
    own.chmod(0o755)
    livekit.find_or_build(tools.said.append)
    assert tools.count_builds() == 1
    assert (tools.path / "go").exists()


def test_every_listener_is_told_to_stay_on_loopback() -> None:
    body = json.loads(livekit.configuration(7880, 7882, "key", "secret", "info"))
    assert body["bind_addresses"] == ["127.0.0.1"]
    assert body["rtc"]["tcp_port"] == 0
    assert body["rtc"]["node_ip"] == "127.0.0.1"
    assert body["rtc"]["interfaces"] == {"includes": ["lo"]}
    assert body["rtc"]["use_external_ip"] is False
    assert body["keys"] == {"key": "secret"}


def test_a_server_that_ends_at_once_is_reported_with_its_last_words(tools: Tools) -> None:
    broken = tools.put("livekit-server", "#!/bin/sh\necho cannot read the configuration\nexit 3\n")
    with pytest.raises(LiveKitServerFailedError, match="cannot read the configuration"):
        livekit.start(0, binary=broken)
