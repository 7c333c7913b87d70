"""The watcher: sees rooms whose moderator never came or is gone, and calls another one.

Owns when that is (monotonic time, given as an argument) and its background task. Every instance runs one;
what they do at the same moment is settled by `api.moderators`. What it remembers is only since when it has
seen something.
"""

import asyncio
import logging
import random
import time
from dataclasses import dataclass

from api.moderators import DEAD_AFTER_SECONDS, Moderators, State
from api.port import LiveKit, Room
from errors import SageError

log = logging.getLogger(__name__)

SWEEP_SECONDS = 2.0
REFUSED_AFTER_SECONDS = 3.0
"""A dispatch without a job is one that no worker took; LiveKit offers it to nobody again."""
SLOWEST_SECONDS = 60.0
ROOMS_AT_ONCE = 8


@dataclass(slots=True)
class _Absence:
    """Since when (monotonic seconds) a room has been without a moderator under the same newest dispatch."""

    dispatch_id: str
    since: float


class Watcher:
    """`sweep` looks once at every room with a debate; `start` and `aclose` own the task that repeats it."""

    def __init__(self, livekit: LiveKit, moderators: Moderators) -> None:
        self._livekit = livekit
        self._moderators = moderators
        self._absences: dict[str, _Absence] = {}
        self._tries: dict[str, int] = {}
        self._served: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="moderator-watcher")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def sweep(self, now: float) -> None:
        """Look at every room with a debate and replace what is overdue at monotonic time `now`."""
        rooms = await self._livekit.rooms()
        at_once = asyncio.Semaphore(ROOMS_AT_ONCE)

        async def look(room: Room) -> None:
            async with at_once:
                try:
                    await self._look(room, now)
                except SageError as error:
                    log.warning("room could not be looked at", extra={"room": room.name, "code": error.code})

        await asyncio.gather(*(look(room) for room in rooms))
        names = {room.sid for room in rooms}
        for memory in (self._absences, self._tries):
            for sid in memory.keys() - names:
                memory.pop(sid, None)
        self._served &= names

    async def _look(self, room: Room, now: float) -> None:
        state = await self._moderators.look_into(room)
        if state.debate is None or state.debate.ended_at:
            self._absences.pop(room.sid, None)
            return
        if state.moderator is not None:
            self._absences.pop(room.sid, None)
            self._tries.pop(room.sid, None)
            self._served.add(room.sid)
            return
        newest = state.dispatches[0].id if state.dispatches else ""
        absence = self._absences.get(room.sid)
        if absence is None or absence.dispatch_id != newest:
            self._absences[room.sid] = absence = _Absence(newest, now)
        if self._needs_one(state) and now - absence.since >= self._patience(state):
            if await self._moderators.replace(room.name, newest):
                self._tries[room.sid] = self._tries.get(room.sid, 0) + 1
            self._absences.pop(room.sid, None)

    def _needs_one(self, state: State) -> bool:
        """With people there, always; without, only where the moderator that was called never came: one that
        left an empty room has done right.
        """
        assert state.room is not None
        return bool(state.humans) or (bool(state.dispatches) and state.room.sid not in self._served)

    def _patience(self, state: State) -> float:
        """Seconds from when a dispatch was first seen without a moderator to when it is replaced."""
        assert state.room is not None
        tries = self._tries.get(state.room.sid, 0)
        if state.dispatches and not state.dispatches[0].has_job:
            return min(REFUSED_AFTER_SECONDS * (1 + tries), DEAD_AFTER_SECONDS)
        # A job that was taken may only be slow to start, on a machine that is busy: replacing it again and
        # again at the same pace would end each one just before it arrives.
        return min(DEAD_AFTER_SECONDS * 2.0**tries, SLOWEST_SECONDS)

    async def _run(self) -> None:
        away = False
        while True:
            try:
                await self.sweep(time.monotonic())
                away = False
            except SageError as error:
                if not away:
                    log.warning("rooms cannot be watched", extra={"code": error.code})
                away = True
            except Exception:
                # Never the end of watching; the next round may do better.
                log.exception("watching rooms failed")
            # Not in step with other instances, so that one of them finds the room served by the other.
            await asyncio.sleep(SWEEP_SECONDS * random.uniform(0.75, 1.25))  # noqa: S311
