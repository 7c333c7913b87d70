"""`make run` in its parts: taken ports, deaths of children, whole lines on one screen."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import run
from launcher.children import Child
from launcher.places import plain_environment
from launcher.ports import free_ports, is_free, preferred_or_free
from launcher.stack import Ports, Stack, StackFailedError
from launcher.web import listening_sockets
from settings import Settings


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def screen() -> run.Screen:
    return run.Screen()


def settings(**values: int) -> Settings:
    names = ("port", "token_server_port", "worker_health_port", "worker_metrics_port")
    ports = dict(zip(names, free_ports(4), strict=True))
    return Settings(_env_file=None, **(ports | values))  # type: ignore[call-arg, arg-type]


@pytest.mark.parametrize(
    ("attribute", "variable"), [("port", "PORT"), ("token_server_port", "TOKEN_SERVER_PORT")]
)
def test_a_taken_port_is_named_with_its_holder_and_another_to_choose(
    attribute: str, variable: str, taken_port: int, screen: run.Screen
) -> None:
    with pytest.raises(run.GivenUpError) as refusal:
        run._ports(settings(**{attribute: taken_port}), screen)
    assert f"port {taken_port} ({variable}) is taken by process" in str(refusal.value)
    again = str(refusal.value).splitlines()[-1]
    assert f" {variable}={taken_port + 10}" in again
    other = {"PORT": "TOKEN_SERVER_PORT", "TOKEN_SERVER_PORT": "PORT"}[variable]
    assert f" {other}=" in again  # what was chosen already stays chosen


def test_the_workers_own_pages_move_to_a_free_port(
    taken_port: int, screen: run.Screen, capsys: pytest.CaptureFixture[str]
) -> None:
    ports = run._ports(settings(worker_health_port=taken_port), screen)
    assert ports.health != taken_port
    assert is_free(ports.health)
    assert f"port {taken_port} is taken" in capsys.readouterr().out


def test_a_preferred_port_is_kept_while_it_is_free(taken_port: int) -> None:
    free = free_ports(1)[0]
    assert preferred_or_free(free) == free
    assert preferred_or_free(taken_port) != taken_port


def test_the_web_service_listens_on_loopback_alone() -> None:
    port = free_ports(1)[0]
    sockets = listening_sockets([port, port])
    try:
        assert {sock.getsockname()[0] for sock in sockets} <= {"127.0.0.1", "::1"}
        with pytest.raises(OSError, match=f"port {port} of 127.0.0.1"):
            sockets[0].listen(1)
            listening_sockets([port])
    finally:
        for sock in sockets:
            sock.close()


def test_lines_carry_the_name_of_their_writer(screen: run.Screen, capsys: pytest.CaptureFixture[str]) -> None:
    screen.line("web", "one")
    screen.say("two\nthree")
    assert capsys.readouterr().out == "web     | one\nsage    | two\nsage    | three\n"


class MortalStack(Stack):
    """A stack whose web service does as scripted at each start, and refuses what was not scripted."""

    def __init__(self, *lives: str) -> None:
        super().__init__(plain_environment(), Ports(1, 2, 3, 4), None)
        self.lives = list(lives)

    async def start_web(self) -> None:
        if not self.lives:
            raise AssertionError("started more often than scripted")
        code = self.lives.pop(0)
        command = [sys.executable, "-c", code]
        self.children["web"] = Child("web", command, env=self.environment, cwd=Path("/"))
        if code == "never ready":
            raise StackFailedError("the web service did not become ready: scripted")


async def test_a_part_that_keeps_dying_is_given_up_with_its_exit_code(
    screen: run.Screen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "LONGEST_PAUSE_SECONDS", 0.0)
    stack = MortalStack(*["raise SystemExit(9)"] * run.MOST_DEATHS)
    await stack.start_web()
    with pytest.raises(
        run.GivenUpError, match=f"the web ended {run.MOST_DEATHS} times in a row.*exit code 9"
    ):
        await run._keep(stack, "web", screen)
    assert stack.lives == []
    assert capsys.readouterr().out.count("is started again") == run.MOST_DEATHS - 1
    await stack.stop()


async def test_a_start_that_fails_counts_as_a_death_and_is_said(
    screen: run.Screen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "LONGEST_PAUSE_SECONDS", 0.0)
    stack = MortalStack("raise SystemExit(9)", *["never ready"] * (run.MOST_DEATHS - 1))
    await stack.start_web()
    with pytest.raises(run.GivenUpError):
        await run._keep(stack, "web", screen)
    assert capsys.readouterr().out.count("did not become ready: scripted") == run.MOST_DEATHS - 1
    await stack.stop()
