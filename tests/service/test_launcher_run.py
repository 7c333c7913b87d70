"""`make run` for real: ready, on loopback, back after a death, and gone after Ctrl-C."""

import json
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from launcher import livekit_server as livekit
from launcher.places import REPOSITORY, plain_environment
from launcher.ports import free_ports
from launcher.stack import Ports, port_variables
from tests.service.conftest import missing
from tests.service.terminal import Terminal

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
SECONDS_TO_START = 120.0
SECONDS_TO_END = 30.0


class Run:
    """A `launcher.run` of the test's own, and what it has printed so far."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.lines: list[str] = []
        self._printed = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "launcher.run"], cwd=REPOSITORY, env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                with self._printed:
                    self.lines.append(line.rstrip("\n"))
                    self._printed.notify_all()
        with self._printed:
            self._printed.notify_all()

    def wait_for(self, needle: str, timeout: float = SECONDS_TO_START) -> str:
        """The first line with `needle` in it."""

        def found() -> str | None:
            return next((line for line in self.lines if needle in line), None)

        with self._printed:
            self._printed.wait_for(lambda: found() or not self._reader.is_alive(), timeout)
            line = found()
        assert line is not None, f"no {needle!r} in:\n" + "\n".join(self.lines[-30:])
        return line

    def tree(self) -> list[psutil.Process]:
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]

    def end(self) -> None:
        self.process.kill()
        self.process.wait(SECONDS_TO_END)
        self._reader.join(SECONDS_TO_END)


@pytest.fixture
def ports() -> Ports:
    return Ports(*free_ports(4))


@pytest.fixture
def running(ports: Ports, tmp_path: Path) -> Iterator[Run]:
    if livekit.find() is None:
        missing("a LiveKit server", "`make test` builds one, or put livekit-server on PATH")
    run = Run(plain_environment(port_variables(ports) | {"DATA_DIR": str(tmp_path)}))
    yield run
    run.end()


def commands(processes: list[psutil.Process], part: str) -> list[psutil.Process]:
    return [
        each
        for each in processes
        if part in " ".join(each.cmdline()) and "guard.py" not in str(each.cmdline())
    ]


@pytest.mark.timeout(400)
def test_the_whole_of_sage_starts_with_one_command_and_ends_with_ctrl_c(running: Run, ports: Ports) -> None:
    ready = running.wait_for("Sage is ready")
    assert f"http://localhost:{ports.web}" in ready

    processes = running.tree()
    listening = [
        connection
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN or connection.type == 2  # a bound UDP socket listens too
    ]
    assert len(listening) >= 6
    exposed = {
        (connection.laddr.ip, connection.laddr.port)
        for connection in listening
        if connection.laddr.ip not in LOOPBACK
    }
    assert exposed == set()

    request = urllib.request.Request(
        f"http://127.0.0.1:{ports.token}/token",
        data=json.dumps({"room": "test", "identity": "ana"}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["ws_url"].startswith("ws://127.0.0.1:")

    prefixes = {line.split("|")[0].strip() for line in running.lines if "|" in line}
    assert prefixes >= {"sage", "livekit", "web", "worker"}

    (web,) = commands(processes, "launcher.web")
    web.kill()
    running.wait_for("the web ended with exit code 137")
    running.wait_for("the web is back")

    processes = running.tree()
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(SECONDS_TO_END) == 0
    assert running.wait_for("stopped")
    _, alive = psutil.wait_procs(processes, timeout=SECONDS_TO_END)
    assert alive == []


@pytest.mark.timeout(400)
def test_a_terminal_that_is_closed_takes_all_of_sage_with_it(ports: Ports, tmp_path: Path) -> None:
    if livekit.find() is None:
        missing("a LiveKit server", "`make test` builds one, or put livekit-server on PATH")
    environment = plain_environment(port_variables(ports) | {"DATA_DIR": str(tmp_path), "TERM": "xterm"})
    terminal = Terminal([sys.executable, "-m", "launcher.run"], cwd=REPOSITORY, environment=environment)
    try:
        terminal.until("Sage is ready", SECONDS_TO_START)
        processes = psutil.Process(terminal.pid).children(recursive=True)
        terminal.hang_up()
        _, alive = psutil.wait_procs(processes, timeout=SECONDS_TO_END)
        assert alive == []
    finally:
        terminal.close()
