"""The whole of Sage on this machine: LiveKit server, web service and worker, started in order and ready.

`make run`, the service tests and rehearsals start the same stack. It takes the environment of its children as
an argument; who watches the children afterwards is the caller's matter (run.py restarts them).
"""

import asyncio
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from launcher import livekit_server
from launcher.children import Child, LineSink, discard
from launcher.livekit_server import RunningServer
from launcher.places import REPOSITORY, plain_environment
from launcher.ports import LOOPBACK, free_ports

WORKER_COMMAND = ("debate_moderator_agent.py", "start")
# Written by the framework once LiveKit has taken the worker; its health page answers before that.
REGISTERED = "registered worker"
WARM = "process initialized"
WEB_READY_SECONDS = 60.0
# Nine seconds on two idle cores; a machine that runs ten other things needs minutes to load the models.
WORKER_READY_SECONDS = 240.0
FIRST_POLL_SECONDS = 0.05
LONGEST_POLL_SECONDS = 0.5
WORKER_STOP_SECONDS = 12.0
WEB_STOP_SECONDS = 5.0


class StackFailedError(RuntimeError):
    """A part did not become ready: `reason` names it and says why, the message has its last lines as well."""

    def __init__(self, reason: str, lines: Sequence[str] = ()) -> None:
        tail = "".join(f"\n  {line}" for line in lines)
        super().__init__(f"{reason}. Its last lines:{tail}" if tail else reason)
        self.reason = reason


@dataclass(frozen=True)
class Ports:
    """Ports on loopback: page and API, token route, the worker's health page and its metrics."""

    web: int
    token: int
    health: int
    metrics: int

    @classmethod
    def free(cls) -> Self:
        return cls(*free_ports(4))


@dataclass
class Stack:
    """A stack that runs. Its parts may be killed and started again by hand, on the same ports."""

    environment: dict[str, str]
    ports: Ports
    server: RunningServer | None
    sink: LineSink = discard
    terminal: bool = False
    children: dict[str, Child] = field(default_factory=dict)

    @property
    def web_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.web}"

    @property
    def token_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.token}"

    @property
    def health_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.health}"

    @property
    def metrics_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.metrics}"

    @property
    def data_dir(self) -> Path:
        return REPOSITORY / self.environment.get("DATA_DIR", "data")

    @property
    def web(self) -> Child:
        return self.children["web"]

    @property
    def worker(self) -> Child:
        return self.children["worker"]

    async def start(self, *, web: bool = True, worker: bool = True) -> None:
        """Starts both side by side: loading the models takes the worker longest. Raises the first failure."""
        starts = ([self.start_web()] if web else []) + ([self.start_worker()] if worker else [])
        tasks = [asyncio.ensure_future(start) for start in starts]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def start_web(self) -> None:
        """Starts the web service; returns when LiveKit answers it with our credentials."""
        ports = [str(self.ports.web), str(self.ports.token)]
        await self._start("web", ["-m", "launcher.web", *ports])
        await self._until(self.web, "the web service", WEB_READY_SECONDS, f"{self.web_url}/ready")

    async def start_worker(self) -> None:
        """Starts the worker; returns when LiveKit has registered it, its health page answers and it is warm."""
        await self._start("worker", list(WORKER_COMMAND))
        registered = await asyncio.to_thread(self.worker.wait_for_line, REGISTERED, WORKER_READY_SECONDS)
        # With LOG_LEVEL above INFO there is no such line: the health page has to be enough.
        if not registered and (
            not self.worker.running or self.environment.get("LOG_LEVEL", "INFO") == "INFO"
        ):
            raise _failure(self.worker, "the worker", "it was not registered by LiveKit")
        await self._until(self.worker, "the worker", WORKER_READY_SECONDS, f"{self.health_url}/")
        if registered:
            # it would take a room now, but load the models for it first: ready is when one process has them
            await asyncio.to_thread(self.worker.wait_for_line, WARM, WORKER_READY_SECONDS)

    async def stop(self) -> None:
        """Ends worker, web service and server, in this order. Safe to call again."""
        for name, grace in (("worker", WORKER_STOP_SECONDS), ("web", WEB_STOP_SECONDS)):
            if child := self.children.get(name):
                await asyncio.to_thread(child.stop, grace)
        if self.server is not None:
            await asyncio.to_thread(self.server.stop)

    def running_children(self) -> list[Child]:
        """All that runs, the server's process included where it is this stack's own."""
        children = [*self.children.values()] + ([self.server.child] if self.server else [])
        return [child for child in children if child.running]

    async def _start(self, name: str, arguments: list[str]) -> None:
        if (before := self.children.get(name)) is not None:
            await asyncio.to_thread(before.stop)
        self.children[name] = await asyncio.to_thread(
            Child,
            name,
            [sys.executable, *arguments],
            env=self.environment,
            cwd=REPOSITORY,
            sink=self.sink,
            terminal=self.terminal,
        )

    async def _until(self, child: Child, what: str, seconds: float, url: str) -> None:
        """Waits for 200 from `url`; StackFailedError when the child ends first or the time is over."""
        deadline = asyncio.get_running_loop().time() + seconds
        answer = "no answer"
        pause = FIRST_POLL_SECONDS
        while child.running and asyncio.get_running_loop().time() < deadline:
            status, answer = await asyncio.to_thread(_get, url)
            if status == 200:
                return
            await asyncio.sleep(pause)
            pause = min(LONGEST_POLL_SECONDS, pause * 1.5)
        raise _failure(child, what, answer)


async def start_stack(
    *,
    environment: Mapping[str, str] | None = None,
    ports: Ports | None = None,
    server: RunningServer | None = None,
    sink: LineSink = discard,
    web: bool = True,
    worker: bool = True,
) -> Stack:
    """A stack of its own on free ports: no vendor's key, no `.env`, `environment` on top.

    A `server` that is passed in stays its owner's: `Stack.stop` leaves it running. Raises StackFailedError,
    LiveKitServerMissingError or LiveKitServerFailedError, with everything it had started ended again.
    """
    own = None
    if server is None:
        own = server = await asyncio.to_thread(livekit_server.start, 0, sink=sink)
    ports = ports or Ports.free()
    wanted = plain_environment(server.environment | port_variables(ports) | dict(environment or {}))
    stack = Stack(wanted, ports, own, sink)
    try:
        await stack.start(web=web, worker=worker)
    except BaseException:
        await stack.stop()
        raise
    return stack


def port_variables(ports: Ports) -> dict[str, str]:
    """The settings that put web service and worker on `ports`."""
    return {
        "PORT": str(ports.web),
        "TOKEN_SERVER_PORT": str(ports.token),
        "WORKER_HEALTH_PORT": str(ports.health),
        "WORKER_METRICS_PORT": str(ports.metrics),
    }


def _get(url: str) -> tuple[int, str]:
    """Status and what it says; status 0 where nothing answered."""
    try:
        with urllib.request.urlopen(url, timeout=5.0) as answer:
            return int(answer.status), ""
    except urllib.error.HTTPError as error:
        body = error.read().decode("utf-8", "replace")
        try:
            return error.code, str(json.loads(body).get("detail", body))
        except (ValueError, AttributeError):
            return error.code, body[:300]
    except OSError as error:
        return 0, str(error)


def _failure(child: Child, what: str, why: str) -> StackFailedError:
    if not child.running:
        why = f"it ended with exit code {child.exit_code}"
    return StackFailedError(f"{what} did not become ready: {why.rstrip('.')}", list(child.lines)[-20:])
