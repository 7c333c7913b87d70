"""How soon Sage is there and what it takes: start-up times, dispatch to the first word, memory idle and in a
job.

Starts a stack of its own on loopback with local models only, and hears the greeting as a participant does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import psutil

from bench.results import Target, publish
from errors import SageError
from launcher import livekit_server
from launcher.places import plain_environment
from launcher.stack import REGISTERED, Ports, Stack, StackFailedError, port_variables
from rehearsal.console import Console
from rehearsal.debater import Debater
from rehearsal.observer import Observer
from rehearsal.web import WebService

REGISTERED_SECONDS = 5.0
WEB_READY_SECONDS = 2.0
IDLE_MEGABYTES = 1000.0  # the deployment guide's "< 1GB"
GREETING_SECONDS = 1.5
IDLE_PROCESSES = 2
GIVE_UP_SECONDS = 120.0
_INITIALIZED = "process initialized"


class Lines:
    """When the stack's programs said what; filled from their reader threads."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, str, str]] = []

    def write(self, name: str, line: str) -> None:
        """Keep one line."""
        self.seen.append((time.monotonic(), name, line))

    def times(self, needle: str) -> list[float]:
        """When lines with `needle` in them came."""
        return [at for at, _, line in tuple(self.seen) if needle in line]

    def job_pid(self, room: str) -> int | None:
        """The process that runs the job of `room`, by the worker's own log."""
        for _, name, line in tuple(self.seen):
            if name == "worker" and room in line and line.startswith("{"):
                pid = json.loads(line).get("pid")
                if isinstance(pid, int):
                    return pid
        return None


async def measure(rounds: int) -> tuple[list[Target], dict[str, Any]]:
    """Start everything once, greet `rounds` times, end everything."""
    lines = Lines()
    server = await asyncio.to_thread(livekit_server.start, 0, sink=lines.write)
    with tempfile.TemporaryDirectory(prefix="sage-footprint-") as data:
        ports = Ports.free()
        extra = server.environment | port_variables(ports) | {"DATA_DIR": data, "LOG_LEVEL": "INFO"}
        stack = Stack(plain_environment(extra), ports, server, lines.write)
        try:
            web = await _timed(stack.start_web)
            web_cpu = _cpu_seconds(stack.web.pid)
            begun = time.monotonic()
            await stack.start_worker()
            registered = min(lines.times(REGISTERED), default=time.monotonic()) - begun
            await _until(lambda: len(lines.times(_INITIALIZED)) >= IDLE_PROCESSES, "idle processes")
            worker_cpu = _cpu_seconds(stack.worker.pid)
            idle = _memory(stack.worker.pid)
            greetings, jobs = await _greetings(stack, lines, rounds)
        finally:
            await stack.stop()
    heard = [greeting["first_sound"] for greeting in greetings]
    targets = [
        Target("worker registered after its start", registered, "s", REGISTERED_SECONDS),
        Target("web service ready after its start", web, "s", WEB_READY_SECONDS),
        Target("dispatch to first word of the greeting (median)", median(heard), "s", GREETING_SECONDS),
        Target("memory of an idle worker, all processes (PSS)", sum(idle.values()), "MB", IDLE_MEGABYTES),
        Target("memory of a process with a job (PSS, median)", median(jobs), "MB"),
    ]
    detail = {
        # On a machine that does other things as well these tell more than the clock does.
        "cpu_seconds_until_ready": {"web service": web_cpu, "worker and idle processes": worker_cpu},
        "idle_processes_mb": idle,
        "job_mb": jobs,
        "greetings": greetings,
    }
    return targets, detail


async def _greetings(stack: Stack, lines: Lines, rounds: int) -> tuple[list[dict[str, float]], list[float]]:
    greetings: list[dict[str, float]] = []
    jobs: list[float] = []
    for _ in range(rounds):
        room = f"footprint-{secrets.token_hex(4)}"
        service = WebService(stack.web_url)
        observer, debater = Observer(Console(quiet=True)), Debater("Ana", seed=1)
        try:
            mine, theirs = await asyncio.gather(service.enter(room, "Observer"), service.enter(room, "Ana"))
            await asyncio.gather(observer.join(mine), debater.join(theirs))
            greetings.append(await _greeting(service, observer, room))
            pid = lines.job_pid(room)
            if pid is not None:
                jobs.append(_pss(psutil.Process(pid)))
            await service.dismiss_moderator(room)
            await _until(lambda: not observer.moderator_present, "the moderator's leaving")  # noqa: B023
        finally:
            await asyncio.gather(debater.leave(), observer.aclose(), service.aclose())
        # The next round begins with as many idle processes as this one did.
        await _until(
            lambda: len(lines.times(_INITIALIZED)) >= IDLE_PROCESSES + len(greetings), "an idle process"
        )
    return greetings, jobs


async def _greeting(service: WebService, observer: Observer, room: str) -> dict[str, float]:
    """Seconds from the request until the moderator is there, is heard, is captioned."""
    asked = asyncio.get_running_loop().time()
    await service.open_debate(room, topic="Taxes", persona="", format_name="", host="Ana")
    answered = asyncio.get_running_loop().time()
    await _until(lambda: observer.moderator_present, "the moderator")
    present = asyncio.get_running_loop().time()
    received = observer.received

    def first_sound() -> float | None:
        sounds = (received.sounds[one] for one in received.moderators if one in received.sounds)
        return next((at for sound in sounds if (at := sound.first_audible(asked, float("inf")))), None)

    def first_caption() -> float | None:
        return next(
            (s.first_at for s in received.segments.values() if s.identity in received.moderators), None
        )

    await _until(lambda: first_sound() is not None and first_caption() is not None, "the greeting")
    sound, caption = first_sound(), first_caption()
    assert sound is not None
    assert caption is not None
    return {
        "request_answered": round(answered - asked, 3),
        "moderator_present": round(present - asked, 3),
        "first_sound": round(sound - asked, 3),
        "first_caption": round(caption - asked, 3),
    }


async def _timed(start: Callable[[], Awaitable[None]]) -> float:
    begun = time.monotonic()
    await start()
    return time.monotonic() - begun


async def _until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {GIVE_UP_SECONDS:.0f} s in vain for {what}")
        await asyncio.sleep(0.01)


def _memory(pid: int) -> dict[str, float]:
    """PSS in MB of a process and all that it started, by pid and role."""
    main = psutil.Process(pid)
    family = {"main": main} | {f"child {child.pid}": child for child in main.children(recursive=True)}
    return {name: _pss(process) for name, process in family.items()}


def _cpu_seconds(pid: int) -> float:
    """Processor time that a process and all that it started have used."""
    main = psutil.Process(pid)
    times = [process.cpu_times() for process in (main, *main.children(recursive=True))]
    return round(sum(time.user + time.system for time in times), 2)


def _pss(process: psutil.Process) -> float:
    # Shared pages are counted by share: the sum over processes is what the worker really takes.
    return round(float(process.memory_full_info().pss) / 1e6, 1)


def main() -> int:
    """Run from the command line; answers the exit code."""
    parser = argparse.ArgumentParser(prog="make bench-footprint", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="greetings to measure (default 5)")
    given = parser.parse_args()
    try:
        targets, detail = asyncio.run(measure(given.rounds))
    except (StackFailedError, SageError, TimeoutError) as error:
        print(f"could not be measured: {error}", file=sys.stderr)
        return 2
    return publish("footprint", targets, detail=detail)


if __name__ == "__main__":
    sys.exit(main())
