"""Events in, one after the other: into the journal first, then to the debate, then its decisions out.

Owns the order of things and the debate's clock. Replays the journal of a job that was killed, so that another job goes
on where it stopped. Knows no audio and no LiveKit.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from debate.debate import Debate
from debate.decisions import Decision
from debate.decisions import to_json as decision_to_json
from debate.events import Event, Restored, Tick, to_json
from debate.replayed import replayed
from errors import SageError
from memory import DebateRecord, Record, Store, uuid7

logger = logging.getLogger("sage.voice.deliberation")

TICK_SECONDS = 0.25
LEAST_SECONDS = 0.001
"""Less than this may not be a step of the clock at all, and what is due would be waited for without end."""


@dataclass(slots=True)
class _Matter:
    event: Event
    at: float
    answered: asyncio.Future[tuple[Decision, ...]] | None


class Deliberation:
    """Runs one debate over one journal.

    on_decided(event, decisions) is called on the loop after each event, in order. clock: epoch seconds; only the start
    is taken from it, then time is monotonic, so that a stepped wall clock moves no debate.
    """

    def __init__(
        self,
        debate: Debate,
        record: DebateRecord,
        store: Store,
        on_decided: Callable[[Event, Sequence[Decision]], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.debate = debate
        self.record = record
        self._store = store
        self._on_decided = on_decided
        self._clock = clock
        self._offset = clock() - record.created_at - _monotonic()
        self._matters: asyncio.Queue[_Matter] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    # -- time ------------------------------------------------------------------------------------------
    def now(self) -> float:
        """Seconds of the debate."""
        return max(0.0, _monotonic() + self._offset)

    def at(self, monotonic: float) -> float:
        """Seconds of the debate at a monotonic instant."""
        return max(0.0, monotonic + self._offset)

    def epoch(self, at: float) -> float:
        """Epoch seconds at a second of the debate."""
        return self.record.created_at + at

    # -- life --------------------------------------------------------------------------------------------
    async def resume(self) -> int:
        """Replay what the journal holds of this debate; answers how many events there were."""
        count, last = 0, 0.0
        rows = await self._store.records(self.record.debate_id, kinds=("event", "decision"))
        for event, last in replayed(self.debate, ((row.kind, row.data) for row in rows), _passed_over):  # noqa: B007
            count += event is not None
        # a clock set back since the first job began must not make the debate's time run backwards
        self._offset = max(self._offset, last - _monotonic())
        return count

    async def restore(self, state: Mapping[str, Any]) -> None:
        """Begin with the state that a moderator on another machine has left, of debate.handover."""
        event, at = Restored(state), self.now()
        await self._append(self._row("event", to_json(event), at))
        self.debate.apply(event, at)

    async def decided_before(self) -> tuple[Record, ...]:
        """The journal's rows of what was decided before this job, in order; () where the debate has just begun."""
        if not self.debate.greeted:
            return ()
        return await self._store.records(self.record.debate_id, kinds=("decision",))

    def start(self) -> None:
        for run in (self._deliberate(), self._tick()):
            self._tasks.append(asyncio.create_task(run, name="deliberation"))

    async def aclose(self) -> None:
        """Finish what was told, then stop."""
        if self._tasks:
            await self._matters.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def greet(self) -> Decision | None:
        """The greeting, once a debate: None where it was decided before, also by a job that was killed since."""
        await self._matters.join()  # whoever has joined is known by name before the greeting is made
        if self.debate.greeted:
            return None
        at = self.now()
        decision = self.debate.greet(at)
        await self._append(self._row("decision", decision_to_json(decision), at))
        return decision

    # -- events --------------------------------------------------------------------------------------------
    def tell(self, event: Event, at: float | None = None) -> None:
        """Something happened, now or at a second of the debate."""
        self._matters.put_nowait(_Matter(event, self.now() if at is None else at, None))

    async def ask(self, event: Event) -> tuple[Decision, ...]:
        """Something happened, and somebody waits for what the debate decides on it."""
        answered: asyncio.Future[tuple[Decision, ...]] = asyncio.get_running_loop().create_future()
        self._matters.put_nowait(_Matter(event, self.now(), answered))
        return await answered

    async def write(self, kind: str, data: dict[str, object]) -> None:
        """A row of the journal beside the events."""
        await self._append(self._row(kind, data, self.now()))

    def _row(self, kind: str, data: Mapping[str, Any], at: float) -> Record:
        """A row of the journal; `at`, the debate's second, stands in its data where the data have none of their own."""
        return Record(uuid7(), self.record.debate_id, kind, self.epoch(at), {"at": at, **data})

    async def _append(self, *rows: Record) -> None:
        try:
            await self._store.append(rows)
        except SageError as error:
            # the store itself raises the alarm over its disk; a row it cannot take must not end the debate
            logger.error("the journal refused a row", extra={"code": error.code})

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._until_tick())
            if self._matters.empty():
                self.tell(Tick())

    def _until_tick(self) -> float:
        """Seconds until the debate looks at its time again: in a while, or at the moment when something falls due."""
        now = self.now()
        due = self.debate.next_at(now)
        return TICK_SECONDS if due is None else min(TICK_SECONDS, max(due - now, LEAST_SECONDS))

    async def _deliberate(self) -> None:
        latest = 0.0
        while True:
            matter = await self._matters.get()
            try:
                # events of ears carry the time they were heard at; the debate's time never runs backwards
                latest = max(latest, matter.at)
                decisions = await self._apply(matter.event, latest)
                if matter.answered is not None and not matter.answered.done():
                    matter.answered.set_result(decisions)
            except Exception as error:
                logger.exception("an event could not be deliberated")
                if matter.answered is not None and not matter.answered.done():
                    matter.answered.set_exception(error)
            finally:
                self._matters.task_done()

    async def _apply(self, event: Event, at: float) -> tuple[Decision, ...]:
        if not isinstance(event, Tick):
            await self._append(self._row("event", to_json(event), at))
        decisions = self.debate.apply(event, at)
        if decisions:
            await self._append(*(self._row("decision", decision_to_json(one), at) for one in decisions))
        self._on_decided(event, decisions)
        return decisions


def _passed_over(data: Mapping[str, Any]) -> None:
    logger.warning(
        "an event of the journal is not known and was passed over", extra={"type": data.get("type")}
    )


def _monotonic() -> float:
    """The loop's own clock, by which its timers run: in a debate of virtual time the two must be one."""
    return asyncio.get_running_loop().time()
