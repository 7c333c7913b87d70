"""The memory of a room: looks up beside the event loop what was said in its earlier debates, and tells the debate.

Owns who may be searched (this room only, without the debate that goes on) and when something was said, in words. Says
nothing itself. No question and no find goes into a log.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from debate.decisions import Decision
from debate.events import Recalled
from debate.recall import QUOTED_CHARS, Recalls
from errors import SageError
from memory import Answer, DebateRecord, Search

logger = logging.getLogger("sage.voice.recalling")

_WEEK_DAYS = 7


class Recalling:
    """Answers the questions of one debate. tell: puts an event to the debate; clock: epoch seconds."""

    def __init__(
        self,
        search: Search,
        record: DebateRecord,
        tell: Callable[[Recalled], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._search = search
        self._record = record
        self._tell = tell
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, known: Recalls) -> None:
        """Take up what another job left unanswered."""
        for asked in known.waiting.values():
            self._ask(asked.number, asked.question)

    def follow(self, decisions: Iterable[Decision]) -> None:
        """Take the decisions that ask for something."""
        for decision in decisions:
            if decision.kind == "recall" and not decision.text:
                self._ask(decision.check, decision.question)

    async def aclose(self) -> None:
        """Look up nothing any more. What waits is left to the job that goes on with the debate."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._search.aclose()

    def _ask(self, number: str, question: str) -> None:
        task = asyncio.create_task(self._answer(number, question), name="recall")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, number: str, question: str) -> None:
        try:
            found = await self._search.find(self._record.room, question, excluding=self._record.debate_id)
            event = event_of(number, found, self._clock())
        except SageError as error:
            event = Recalled(number, trouble="late" if error.code == "search-late" else "down")
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the search, the debate goes on
            # its text may quote what people said
            logger.error("what was said could not be searched", extra={"problem": type(error).__name__})
            event = Recalled(number, trouble="down")
        logger.info("a recall was made", extra={"finds": len(event.finds), "trouble": event.trouble})
        self._tell(event)


def event_of(number: str, found: Answer, now: float) -> Recalled:
    """What was found, as the debate hears it."""
    finds = tuple(
        {
            "id": find.id,
            "identity": find.identity,
            "name": find.name,
            "text": find.text[:QUOTED_CHARS],
            "when": said_when(find.at, now),
        }
        for find in found.finds
    )
    return Recalled(number, finds, found.query.speaker.title(), found.query.about)


def said_when(at: float, now: float) -> str:
    """When `at` was, as one says it at `now` (epoch seconds): "On Monday", "Yesterday", "On 28 October"."""
    then, today = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(now, UTC)
    days = (today.date() - then.date()).days
    if days <= 0:
        return "Earlier today"
    if days == 1:
        return "Yesterday"
    if days <= _WEEK_DAYS:
        return f"On {then:%A}"
    return f"On {then.day} {then:%B}" + (f" {then.year}" if then.year != today.year else "")
