"""Search over what was said on all machines: Postgres full text in Supabase, by the functions of 0005_search.sql.

Owns what is asked of the project. The query language and the order of finds are those of the local search.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from errors import Unavailable
from memory.embeddings import Embedder, embedder
from memory.ids import is_uuid
from memory.journal import check_room
from memory.questions import QUERY_CHARS, STOP_WORDS, Query, parse_query, speakers_named, words_of
from memory.ranking import Find, rank, stems
from memory.replica import ReplicaSettings, tables_of, why_no_replica
from memory.search import DEADLINE_SECONDS, FINDS, Answer, Likeness, LocalSearch, Search
from memory.supabase_tables import SupabaseTables

CANDIDATES = 200


class SupabaseSearch:
    """`Search` over a project's tables; closes them in the end. One object belongs to one event loop."""

    def __init__(
        self,
        tables: SupabaseTables,
        *,
        model: Callable[[], Embedder | None] = embedder,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tables = tables
        self._model = model
        self._likeness: Likeness | None = None
        self._clock = clock

    async def find(self, room: str, text: str, *, excluding: str = "", limit: int = FINDS) -> Answer:
        """See `Search`."""
        check_room(room)
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await self._find(room, text, excluding, limit)
        except TimeoutError:
            raise Unavailable("The search took too long.", code="search-late") from None

    async def aclose(self) -> None:
        """See `Search`."""
        await self._tables.aclose()

    async def _find(self, room: str, text: str, excluding: str, limit: int) -> Answer:
        people = await self._tables.call("sage_speakers", {"room_asked": room})
        names = tuple((str(row["identity"]), str(row["name"])) for row in people)
        query = parse_query(text, self._clock(), names)
        speakers = speakers_named(query.speaker, names) if query.speaker else ()
        if not query or (query.speaker and not speakers) or (query.debate and not is_uuid(query.debate)):
            return Answer(query, ())
        words = _words(query)
        finds = await self._candidates(room, query, words, speakers, excluding)
        model = await asyncio.to_thread(self._model) if words else None
        if model is None:
            return Answer(query, rank(query, finds, limit))
        self._likeness = self._likeness or Likeness(model)
        around = await self._candidates(room, query, (), speakers, excluding)
        finds = tuple({find.id: find for find in (*finds, *around)}.values())
        question = " ".join(text[:QUERY_CHARS].split())
        likeness = await asyncio.to_thread(self._likeness.of, question, finds)
        return Answer(query, rank(query, finds, limit, likeness))

    async def _candidates(
        self, room: str, query: Query, words: Sequence[str], speakers: Sequence[str], excluding: str
    ) -> tuple[Find, ...]:
        asked = {
            "room_asked": room,
            "words": " ".join(words),
            "identities": json.dumps(speakers),
            "debate_asked": query.debate or None,
            "excluding": excluding or None,
            "since": query.since,
            "until": query.until,
            "most": CANDIDATES,
        }
        given = {name: value for name, value in asked.items() if value is not None}
        rows = await self._tables.call("sage_search", given)
        wanted = set(stems(query.topic))
        finds = (_find_of(row) for row in rows)
        return tuple(find for find in finds if wanted <= set(stems(find.topic)))


def _words(query: Query) -> tuple[str, ...]:
    phrases = (word for phrase in query.phrases for word in words_of(phrase) if word not in STOP_WORDS)
    return tuple(dict.fromkeys((*query.words, *phrases)))


def _find_of(row: dict[str, Any]) -> Find:
    return Find(
        id=str(row["id"]),
        debate_id=str(row["debate_id"]),
        topic=str(row["topic"]),
        identity=str(row["identity"]),
        name=str(row["name"]) or str(row["identity"]),
        text=str(row["text"]),
        at=float(row["at"]),
    )


def open_search(settings: ReplicaSettings) -> Search:
    """What can be searched with these settings. Asks nobody and touches no disk until it is used."""
    here = LocalSearch(Path(settings.data_dir))
    if why_no_replica(settings):
        return here
    return SearchWithReplica(SupabaseSearch(tables_of(settings)), here)


class SearchWithReplica:
    """`Search` of Supabase, and of the journals here while it is away or for what has not arrived there yet."""

    def __init__(self, replica: Search, here: Search) -> None:
        self._replica = replica
        self._here = here

    async def find(self, room: str, text: str, *, excluding: str = "", limit: int = FINDS) -> Answer:
        """See `Search`. Both are asked at once, so that one that is away costs no time of the other's."""
        there, here = await asyncio.gather(
            self._replica.find(room, text, excluding=excluding, limit=limit),
            self._here.find(room, text, excluding=excluding, limit=limit),
            return_exceptions=True,
        )
        if isinstance(there, Answer) and (there.finds or not isinstance(here, Answer)):
            return there
        if isinstance(here, BaseException):
            raise here
        return here

    async def aclose(self) -> None:
        """See `Search`."""
        await asyncio.gather(self._replica.aclose(), self._here.aclose())
