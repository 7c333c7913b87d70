"""`make run`: the whole of Sage on this machine until Ctrl-C, with the three logs on one screen.

A worker or web service that dies is started again, with longer pauses when it keeps dying; without its LiveKit
server there is nothing to serve, so that one's end is the end of all, with its reason.
"""

import asyncio
import contextlib
import ctypes
import signal
import sys
import threading
import time
from pathlib import Path

import psutil

from errors import SettingsError
from launcher import livekit_server
from launcher.livekit_server import LiveKitServerFailedError, LiveKitServerMissingError, RunningServer
from launcher.places import started_by_make, whole_environment
from launcher.ports import free_ports, is_free
from launcher.preflight import NotReachableError, check_reachable, checked_settings
from launcher.stack import Ports, Stack, StackFailedError, port_variables
from settings import Settings

COLOURS = {"livekit": "35", "web": "36", "worker": "33", "sage": "1;32"}
PREFIX_WIDTH = 7
# A part that lived this long had recovered: its next death counts as the first.
RECOVERED_SECONDS = 60.0
MOST_DEATHS = 5
LONGEST_PAUSE_SECONDS = 30.0
PR_SET_PDEATHSIG = 1


class GivenUpError(RuntimeError):
    """Something that Sage cannot run without is gone; the message says what and why."""


class Screen:
    """Standard output, a whole line at a time, each with the name of who wrote it."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()
        self._lock = threading.Lock()

    def line(self, name: str, text: str) -> None:
        prefix = f"{name:<{PREFIX_WIDTH}} | "
        if self.is_terminal:
            prefix = f"\x1b[{COLOURS.get(name, '0')}m{prefix}\x1b[0m"
        # A terminal that was closed takes no more lines; what there is to stop must be stopped all the same.
        with self._lock, contextlib.suppress(OSError, ValueError):
            sys.stdout.write(f"{prefix}{text}\n")
            sys.stdout.flush()

    def say(self, text: str) -> None:
        for line in text.splitlines():
            self.line("sage", line)


def main() -> int:
    """0 after Ctrl-C, 1 with the reason when Sage could not start or not go on."""
    if started_by_make():
        # A make that is killed takes this along; a terminal's Ctrl-C reaches both anyway.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    screen = Screen()
    try:
        settings = checked_settings(screen.say)
        ports = _ports(settings, screen)
        # Before the loop: a build takes minutes, and Ctrl-C must end it.
        if settings.livekit_url:
            check_reachable(settings)
        binary = None if settings.livekit_url else livekit_server.find_or_build(screen.say)
        return asyncio.run(_run(ports, binary, screen))
    except KeyboardInterrupt:
        screen.say("interrupted")
    except StackFailedError as error:
        # Its last lines stand on the screen already.
        screen.say(error.reason)
    except (SettingsError, GivenUpError, NotReachableError) as error:
        screen.say(str(error))
    except (LiveKitServerMissingError, LiveKitServerFailedError) as error:
        screen.say(str(error))
    return 1


async def _run(ports: Ports, binary: Path | None, screen: Screen) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopping.set)
    began = time.monotonic()
    server = await _start_server(binary, screen) if binary else None
    own = server.environment if server else {}
    environment = whole_environment(own | port_variables(ports))
    stack = Stack(environment, ports, server, screen.line, screen.is_terminal)
    work = asyncio.ensure_future(_serve(stack, screen, began))
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((work, stopped), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        work.cancel()
        stopped.cancel()
        await _stop(stack, stopping, screen)
    return 0


async def _start_server(binary: Path, screen: Screen) -> RunningServer:
    server = await asyncio.to_thread(livekit_server.start, None, binary=binary, sink=screen.line)
    screen.say(f"LiveKit server: {server.url}, this machine only")
    return server


async def _serve(stack: Stack, screen: Screen, began: float) -> None:
    """Starts web service and worker and keeps them alive; returns never, raises GivenUpError."""
    if stack.server is None:
        screen.say("LiveKit server: the one that LIVEKIT_URL names")
    try:
        await stack.start()
    except StackFailedError as error:
        hint = "" if stack.server else "; unset LIVEKIT_URL to have a server started on this machine"
        raise StackFailedError(f"{error.reason}{hint}") from error
    took = time.monotonic() - began
    screen.say(
        f"Sage is ready after {took:.1f} s: open http://localhost:{stack.ports.web} (Ctrl-C stops all)"
    )
    watchers = [asyncio.ensure_future(_keep(stack, name, screen)) for name in ("web", "worker")]
    if stack.server is not None:
        watchers.append(asyncio.ensure_future(_watch_server(stack.server)))
    try:
        await asyncio.gather(*watchers)
    finally:
        for watcher in watchers:
            watcher.cancel()


async def _keep(stack: Stack, name: str, screen: Screen) -> None:
    """Starts web service or worker again whenever it ends."""
    start = {"web": stack.start_web, "worker": stack.start_worker}[name]
    deaths = 0
    while True:
        child = stack.children[name]
        code = await asyncio.to_thread(child.wait)
        deaths = 1 if time.monotonic() - child.started_at > RECOVERED_SECONDS else deaths + 1
        if deaths >= MOST_DEATHS:
            raise GivenUpError(
                f"the {name} ended {deaths} times in a row, the last time with exit code {code}"
            )
        pause = min(LONGEST_PAUSE_SECONDS, 0.5 * 2**deaths)
        screen.say(f"the {name} ended with exit code {code}; it is started again in {pause:.0f} s")
        await asyncio.sleep(pause)
        try:
            await start()
            screen.say(f"the {name} is back")
        except StackFailedError as error:
            screen.say(error.reason)
            if stack.children[name].running:
                await asyncio.to_thread(stack.children[name].stop)


async def _watch_server(server: RunningServer) -> None:
    code = await asyncio.to_thread(server.child.wait)
    raise GivenUpError(f"the LiveKit server ended with exit code {code}; start again with `make run`")


async def _stop(stack: Stack, stopping: asyncio.Event, screen: Screen) -> None:
    """Worker, web service, server, in this order; a second Ctrl-C ends all at once."""
    parts = "worker, web service and LiveKit server" if stack.server else "worker and web service"
    screen.say(f"stopping {parts}: some seconds where a debate runs (Ctrl-C again: at once)")
    stopping.clear()
    orderly = asyncio.ensure_future(stack.stop())
    hurry = asyncio.ensure_future(stopping.wait())
    await asyncio.wait((orderly, hurry), return_when=asyncio.FIRST_COMPLETED)
    if not orderly.done():
        await asyncio.gather(*(asyncio.to_thread(child.kill) for child in stack.running_children()))
    hurry.cancel()
    await orderly
    screen.say("stopped")


def _ports(settings: Settings, screen: Screen) -> Ports:
    """The ports of the settings. Page and token route must be these; the worker's own pages may move."""
    outer = {"PORT": settings.port, "TOKEN_SERVER_PORT": settings.token_server_port}
    for variable, port in outer.items():
        if not is_free(port):
            others = [
                f"{name}={chosen}"
                for name, chosen in outer.items()
                if name.lower() in settings.model_fields_set and name != variable
            ]
            again = " ".join(("make run", *others, f"{variable}={port + 10}"))
            raise GivenUpError(
                f"port {port} ({variable}) is taken by {_holder(port)}.\n"
                f"Stop that program, or choose another port: {again}"
            )
    inner = []
    for name, port in (("health", settings.worker_health_port), ("metrics", settings.worker_metrics_port)):
        use = port if port and is_free(port) else free_ports(1)[0]
        if port and use != port:
            screen.say(f"port {port} is taken by {_holder(port)}: the worker's {name} page is on {use}")
        inner.append(use)
    return Ports(settings.port, settings.token_server_port, *inner)


def _holder(port: int) -> str:
    """Who listens on `port`, as far as this user may know."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        connections = []
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and getattr(connection.laddr, "port", None) == port
        if listens and connection.pid:
            try:
                return f"process {connection.pid} ({' '.join(psutil.Process(connection.pid).cmdline())[:80]})"
            except psutil.Error:
                return f"process {connection.pid}"
    return "another program"


if __name__ == "__main__":
    sys.exit(main())
