"""Debates read from Supabase: the `Reading` part of the store protocol over the replica.

Owns paging and what an unknown id means. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from errors import NotFound
from memory.ids import is_uuid
from memory.journal import check_id, check_room
from memory.projection import Row, debate_of, record_of
from memory.store import DebateRecord, Record
from memory.supabase_tables import PAGE_ROWS, SupabaseTables, is_last


class SupabaseReading:
    """`Reading` over a project's tables; closes them in the end. One object belongs to one event loop."""

    def __init__(self, tables: SupabaseTables, page_rows: int = PAGE_ROWS) -> None:
        self._tables = tables
        self._page_rows = page_rows

    async def records(
        self, debate_id: str, kinds: Collection[str] | None = None, after_seq: int = 0
    ) -> tuple[Record, ...]:
        """See `Reading`. `seq` counts the rows that are here; where several machines wrote one debate, one machine's
        rows follow the other's.
        """
        check_id(debate_id)
        if await self.debate(debate_id) is None:
            raise NotFound(f"There is no debate {debate_id}.")
        if kinds is not None and not kinds:
            return ()
        found: list[Row] = []

        def build(query: Any) -> Any:
            query = query.eq("debate_id", debate_id).gt("seq", found[-1]["seq"] if found else after_seq)
            if kinds is not None:
                query = query.in_("kind", list(kinds))
            return query.order("seq").limit(self._page_rows)

        while True:
            page = await self._tables.select("records", build, "id,debate_id,kind,at,data,seq")
            found += page
            if is_last(page, self._page_rows):
                return tuple(map(record_of, found))

    async def debate(self, debate_id: str) -> DebateRecord | None:
        """See `Reading`."""
        if not is_uuid(debate_id):
            return None
        rows = await self._tables.select("debates", lambda query: query.eq("debate_id", debate_id).limit(1))
        return debate_of(rows[0]) if rows else None

    async def latest_debate(self, room: str, excluding: str | None = None) -> DebateRecord | None:
        """See `Reading`."""
        check_room(room)

        def build(query: Any) -> Any:
            if excluding is not None and is_uuid(excluding):
                query = query.neq("debate_id", excluding)
            return query.eq("room", room).order("debate_id", desc=True).limit(1)

        rows = await self._tables.select("debates", build)
        return debate_of(rows[0]) if rows else None

    async def debates(self, room: str | None = None) -> tuple[DebateRecord, ...]:
        """See `Reading`."""
        if room is not None:
            check_room(room)
        found: list[Row] = []

        def build(query: Any) -> Any:
            if room is not None:
                query = query.eq("room", room)
            if found:
                query = query.lt("debate_id", found[-1]["debate_id"])
            return query.order("debate_id", desc=True).limit(self._page_rows)

        while True:
            page = await self._tables.select("debates", build)
            found += page
            if is_last(page, self._page_rows):
                return tuple(map(debate_of, found))

    async def aclose(self) -> None:
        """See `Reading`."""
        await self._tables.aclose()
