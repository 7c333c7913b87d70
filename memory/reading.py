"""Where debates are read from: Supabase where it is configured, the journals of this machine, or nowhere.

Owns that choice and what is said where there is neither. Where there are both, the one that knows more answers:
Supabase of other machines' debates, the journals of what has not arrived there yet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import TypeVar

from errors import NotFound, SageError, Unavailable
from memory.journal import Journal
from memory.recall import Recall, previous_words
from memory.replica import ReplicaSettings, tables_of, why_no_replica
from memory.store import DebateRecord, Reading, Record
from memory.supabase_reading import SupabaseReading

logger = logging.getLogger("sage.memory.reading")

RECALL_SECONDS = 1.0
"""How long the beginning of a debate waits for what other machines know."""

_T = TypeVar("_T")


def open_reading(settings: ReplicaSettings) -> Reading:
    """What can be read with these settings. Asks nobody and touches no disk until it is used.

    Its methods raise Unavailable (`no-memory`) where neither Supabase nor a folder of journals is there.
    """
    here = JournalsHere(Path(settings.data_dir), why_no_replica(settings))
    if why_no_replica(settings):
        return here
    return ReplicaAndJournals(SupabaseReading(tables_of(settings)), here)


class JournalsHere:
    """`Reading` of the journals below `data_dir`, which need not be there. `why_only`: why nothing else is."""

    def __init__(self, data_dir: Path, why_only: str = "") -> None:
        self._data_dir = data_dir
        self._why_only = why_only
        self._journal = Journal(data_dir)

    async def records(
        self, debate_id: str, kinds: Collection[str] | None = None, after_seq: int = 0
    ) -> tuple[Record, ...]:
        """See `Reading`."""
        return await self._there().records(debate_id, kinds, after_seq)

    async def debate(self, debate_id: str) -> DebateRecord | None:
        """See `Reading`."""
        return await self._there().debate(debate_id)

    async def latest_debate(self, room: str, excluding: str | None = None) -> DebateRecord | None:
        """See `Reading`."""
        return await self._there().latest_debate(room, excluding)

    async def debates(self, room: str | None = None) -> tuple[DebateRecord, ...]:
        """See `Reading`."""
        return await self._there().debates(room)

    async def aclose(self) -> None:
        """See `Reading`."""
        await self._journal.aclose()

    def _there(self) -> Journal:
        if not self._data_dir.is_dir():
            why = f" ({self._why_only})" if self._why_only else ""
            raise Unavailable(
                f"No debate is kept where this service could read it{why}.",
                code="no-memory",
                hint="Set SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY, or give both processes the same DATA_DIR.",
            )
        return self._journal


class ReplicaAndJournals:
    """`Reading` of Supabase and of the journals here: whichever knows more, so that an outage hides nothing."""

    def __init__(self, replica: Reading, here: Reading) -> None:
        self._replica = replica
        self._here = here

    async def records(
        self, debate_id: str, kinds: Collection[str] | None = None, after_seq: int = 0
    ) -> tuple[Record, ...]:
        """See `Reading`. The longer of the two: of a debate on several machines Supabase has more, of one that Supabase
        lags behind this machine's journal.
        """
        found = await self._ask(lambda reading: reading.records(debate_id, kinds, after_seq))
        return max(found, key=len)

    async def debate(self, debate_id: str) -> DebateRecord | None:
        """See `Reading`."""
        found = await self._ask(lambda reading: reading.debate(debate_id))
        return next(filter(None, found), None)

    async def latest_debate(self, room: str, excluding: str | None = None) -> DebateRecord | None:
        """See `Reading`."""
        found = await self._ask(lambda reading: reading.latest_debate(room, excluding))
        return max(filter(None, found), key=lambda debate: debate.debate_id, default=None)

    async def debates(self, room: str | None = None) -> tuple[DebateRecord, ...]:
        """See `Reading`."""
        found = await self._ask(lambda reading: reading.debates(room))
        by_id = {debate.debate_id: debate for debates in reversed(found) for debate in debates}
        return tuple(by_id[debate_id] for debate_id in sorted(by_id, reverse=True))

    async def aclose(self) -> None:
        """See `Reading`."""
        await asyncio.gather(self._replica.aclose(), self._here.aclose())

    async def _ask(self, read: Callable[[Reading], Awaitable[_T]]) -> list[_T]:
        """What each of the two answers, Supabase first; where neither can, what is wrong with Supabase is raised."""
        answers = await asyncio.gather(read(self._replica), read(self._here), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, Unavailable | NotFound):
                raise answer
        found = [answer for answer in answers if not isinstance(answer, BaseException)]
        if not found and isinstance(answers[0], BaseException):
            raise answers[0]
        return found


async def words_before(
    settings: ReplicaSettings, store: Reading, room: str, excluding: str | None = None
) -> Recall:
    """The last words of the room's newest debate, other than `excluding`, on whichever machine it was.

    Never raises for what Supabase does: after RECALL_SECONDS what `store` has is the answer.
    """
    here = await previous_words(store, room, excluding)
    if why_no_replica(settings):
        return here
    reading = SupabaseReading(tables_of(settings))
    try:
        async with asyncio.timeout(RECALL_SECONDS):
            there = await previous_words(reading, room, excluding)
    except (TimeoutError, SageError) as error:
        logger.info("other machines' debates are not known", extra={"problem": type(error).__name__})
        return here
    finally:
        await reading.aclose()
    # ids are in time order; of the same debate this machine's journal may know more
    return there if there.debate_id > here.debate_id else here
