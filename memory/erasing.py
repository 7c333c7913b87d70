"""Forgetting where words are kept: the journals of this machine, the search over them, and Supabase; and what is held
on a person.

Owns the order (the mark first, so that no other machine brings anything back) and what is told of it. What is changed
in a record is `forgetting`'s.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from operator import methodcaller
from pathlib import Path
from typing import Any

from errors import Unavailable
from memory.bookmarks import Bookmarks
from memory.forgetting import MARK, about, without_words
from memory.ids import uuid7
from memory.journal_file import NewerSchemaError, read_debate, read_records, replace_data, rows_of
from memory.journal_writer import find_files, read_debate_or_none
from memory.projection import HOMES, Row, debate_of, home_of, record_of, storable
from memory.retention import DAY_SECONDS, delete_file
from memory.search_index import follow_journals
from memory.store import DebateRecord, Record
from memory.supabase_tables import PAGE_ROWS, SupabaseTables, is_last

LEASE_TRIES = 120
LEASE_WAIT_SECONDS = 0.25
EVERYWHERE = "00000000-0000-0000-0000-000000000000"
"""In a mark: all debates."""

_COLUMNS = "id,debate_id,journal,seq,kind,at,data"


@dataclass
class Forgotten:
    """What was done: changed records by debate, on each side; debates that were deleted."""

    in_journals: dict[str, int] = field(default_factory=dict)
    in_supabase: dict[str, int] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    """Journals that could not be read, in which the words may still be, and why."""


_UNREADABLE = (sqlite3.Error, OSError, NewerSchemaError)


def erase_in_file(path: Path, identity: str, until: float) -> int:
    """Forget the words of `identity` in one journal; answers how many records have changed. Raises sqlite3.Error."""
    records = read_records(path, None, 0) or ()
    changed = without_words(records, identity, until)
    if not changed and not any(record.data.get(MARK) for record in records):
        return 0
    note = Record(uuid7(), path.stem, "note", until, {"type": "forgotten", "identity": identity})
    # also where only the WAL was left to be cut
    replace_data(path, {record.id: record.data for record in changed}, rows_of([note]) if changed else ())
    return len(changed)


class Erasing:
    """Forgets and exports over `data_dir` and, where there are, `tables`. One object belongs to one event loop."""

    def __init__(
        self,
        data_dir: Path,
        bookmarks: Bookmarks,
        tables: SupabaseTables | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._bookmarks = bookmarks
        self._tables = tables

    async def forget_debate(self, debate_id: str) -> Forgotten:
        """Delete a debate on both sides. Raises Unavailable; it may be called again."""
        done = Forgotten()
        paths = find_files(self._data_dir, debate_id or "*")
        there = await self._remote_debates("debate_id", debate_id) if self._tables is not None else []
        if self._tables is not None:
            await self._mark(debate_id, "", time.time())
        for path in paths:
            await self._claim(debate_id)
            await asyncio.to_thread(delete_file, path)
        self._bookmarks.remove(debate_id)
        await asyncio.to_thread(follow_journals, self._data_dir)
        if self._tables is not None:
            await self._tables.delete("debates", lambda query: query.eq("debate_id", debate_id))
        if paths or there:
            done.deleted.append(debate_id)
        return done

    async def forget_person(self, identity: str, debate_id: str | None = None) -> Forgotten:
        """Forget the words of a person in one debate, or in all. Raises Unavailable, sqlite3.Error; may be called
        again.
        """
        done, until = Forgotten(), time.time()
        remote = await self._debates_with(identity, debate_id)
        if debate_id is None:
            remote = await self._with_their_rooms(remote)
        if self._tables is not None:
            # also for debates that no other machine has sent yet
            await self._mark(debate_id or EVERYWHERE, identity, until)
        for path in find_files(self._data_dir, debate_id or "*"):
            await self._claim(path.stem)
            try:
                count = await asyncio.to_thread(erase_in_file, path, identity, until)
            except _UNREADABLE as error:  # one damaged file keeps no other's words
                done.unread[str(path)] = str(error)
                continue
            finally:
                self._bookmarks.release(path.stem)
            if count:
                done.in_journals[path.stem] = count
        # also where nothing has changed: the command before may have been killed just here
        await asyncio.to_thread(follow_journals, self._data_dir)
        for one in remote:
            if count := await self._erase_rows(one, identity, until):
                done.in_supabase[one] = count
        return done

    async def export(self, identity: str) -> dict[str, Any]:
        """All that is held on a person: records of all debates, from both sides, each once; `unread` names journals
        that could not be read, and why. Raises Unavailable."""
        found: dict[str, dict[str, Any]] = {}
        unread: dict[str, str] = {}
        for path in find_files(self._data_dir):
            try:
                debate, records = read_debate(path), read_records(path, None, 0) or ()
            except _UNREADABLE as error:
                unread[str(path)] = str(error)
                continue
            if debate is not None:
                _add(found, debate, about(records, identity))
        for debate_id in await self._debates_with(identity, None):
            debates = await self._remote_debates("debate_id", debate_id)
            rows = await self._rows(debate_id)
            if debates:
                _add(found, debates[0], about(map(record_of, rows), identity))
        debates_found = [
            {**entry, "records": sorted(entry["records"].values(), key=lambda record: record["at"])}
            for entry in found.values()
        ]
        return {"identity": identity, "exported_at": time.time(), "debates": debates_found, "unread": unread}

    async def _claim(self, debate_id: str) -> None:
        """Keep the replicator from the debate: what it has read already must not arrive after this."""
        for _ in range(LEASE_TRIES):
            if self._bookmarks.claim(debate_id) is not None:
                return
            await asyncio.sleep(LEASE_WAIT_SECONDS)
        raise Unavailable("A worker is sending this debate without an end.", hint="Try again later.")

    async def _mark(self, debate_id: str, identity: str, at: float) -> None:
        assert self._tables is not None
        row = {"debate_id": debate_id, "identity": storable(identity), "forgotten_at": at}
        await self._tables.upsert("forgotten", [row], replace=True)

    async def _debates_with(self, identity: str, debate_id: str | None) -> list[str]:
        """The debates in Supabase in which `identity` took part."""
        if self._tables is None:
            return []

        def build(query: Any) -> Any:
            query = query.eq("identity", storable(identity))
            return query.eq("debate_id", debate_id) if debate_id else query

        found: set[str] = set()
        for table in ("participants", "utterances", "votes", "events"):
            rows = await self._pages(table, build, "debate_id", "debate_id")
            found |= {str(row["debate_id"]) for row in rows}
        return sorted(found)

    async def _with_their_rooms(self, debates: Sequence[str]) -> list[str]:
        """`debates` and all others of their rooms in Supabase: what is said in one is recalled in the later ones."""
        found = set(debates)
        rooms = {one.room for id_ in debates for one in await self._remote_debates("debate_id", id_)}
        for room in sorted(rooms):
            rows = await self._pages("debates", methodcaller("eq", "room", room), "debate_id", "debate_id")
            found |= {str(row["debate_id"]) for row in rows}
        return sorted(found)

    async def _remote_debates(self, column: str, value: str) -> list[DebateRecord]:
        if self._tables is None:
            return []
        rows = await self._tables.select("debates", lambda query: query.eq(column, value))
        return [debate_of(row) for row in rows]

    async def _rows(self, debate_id: str) -> list[Row]:
        found: list[Row] = []
        for table in HOMES:
            columns = f"{_COLUMNS},name" if table == "utterances" else _COLUMNS
            found += await self._pages(table, lambda query: query.eq("debate_id", debate_id), columns, "id")
        return found

    async def _pages(self, table: str, build: Any, columns: str, order: str) -> list[Row]:
        """Every row that `build` filters, page by page in the order of a column."""
        assert self._tables is not None
        found: list[Row] = []

        def page(query: Any) -> Any:
            query = build(query)
            if found:
                query = query.gt(order, found[-1][order])
            return query.order(order).limit(PAGE_ROWS)

        while True:
            rows = await self._tables.select(table, page, columns)
            found += rows
            if is_last(rows):
                return found

    async def _erase_rows(self, debate_id: str, identity: str, until: float) -> int:
        assert self._tables is not None
        rows = {str(row["id"]): row for row in await self._rows(debate_id)}
        changed = without_words([record_of(row) for row in rows.values()], identity, until)
        by_table: dict[str, list[Row]] = {}
        for record in changed:
            row = {**rows[record.id], "data": storable(record.data)}
            by_table.setdefault(home_of(record), []).append(row)
        for table, its_rows in by_table.items():
            await self._tables.upsert(table, its_rows, replace=True)
        return len(changed)


def _add(found: dict[str, dict[str, Any]], debate: DebateRecord, records: Sequence[Record]) -> None:
    if records:
        entry = found.setdefault(debate.debate_id, {**asdict(debate), "records": {}})
        entry["records"].update(_exported(records))


def _exported(records: Iterable[Record]) -> Mapping[str, dict[str, Any]]:
    return {
        record.id: {"id": record.id, "kind": record.kind, "at": record.at, "data": record.data}
        for record in records
    }


async def _marks(tables: SupabaseTables, debate_id: str | None) -> list[Row]:
    """The marks of all debates, or of one and of all together; oldest first, so that a new one is behind every page."""
    found: list[Row] = []

    def page(query: Any) -> Any:
        query = query.in_("debate_id", [debate_id, EVERYWHERE]) if debate_id else query
        for column in ("forgotten_at", "debate_id", "identity"):
            query = query.order(column)
        return query.range(len(found), len(found) + PAGE_ROWS - 1)

    while True:
        rows = await tables.select("forgotten", page)
        found += rows
        if is_last(rows):
            return found


async def apply_marks(
    tables: SupabaseTables, data_dir: Path, bookmarks: Bookmarks, debate_id: str | None = None
) -> list[str]:
    """Forget here what was forgotten elsewhere; answers the debates that have changed.

    The caller holds the lease where it names one debate. Raises Unavailable, sqlite3.Error.
    """
    touched: list[str] = []
    marks = await _marks(tables, debate_id)
    for path in find_files(data_dir, debate_id or "*") if marks else ():
        todo = _still_to_do(path, marks, bookmarks)
        if not todo or (debate_id is None and bookmarks.claim(path.stem) is None):
            continue  # nothing, or its sender looks at the marks itself
        try:
            touched.extend(path.stem for row in todo if _carry_out(path, row, bookmarks))
        except _UNREADABLE:
            continue  # busy or damaged: at the next look
        finally:
            if debate_id is None:
                bookmarks.release(path.stem)
    if touched:
        follow_journals(data_dir)
    return list(dict.fromkeys(touched))


def _still_to_do(path: Path, marks: Sequence[Row], bookmarks: Bookmarks) -> list[Row]:
    """The marks that mean the debate of `path` and were not carried out on it; one that is older than the debate means
    words that were never in it. Where the debate is to be deleted nothing else is to be done."""
    meant = [row for row in marks if row["debate_id"] in (path.stem, EVERYWHERE)]
    if deletion := [row for row in meant if not row["identity"]]:
        return deletion[:1]
    debate = read_debate_or_none(path) if meant else None
    return [
        row
        for row in meant
        if debate is not None
        and row["forgotten_at"] > debate.created_at - DAY_SECONDS  # machines' clocks differ
        and not bookmarks.applied(path.stem, row["identity"], row["forgotten_at"])
    ]


def _carry_out(path: Path, mark: Row, bookmarks: Bookmarks) -> bool:
    """Whether a mark changed anything."""
    if mark["identity"]:
        changed = erase_in_file(path, mark["identity"], mark["forgotten_at"])
        bookmarks.apply(path.stem, mark["identity"], mark["forgotten_at"])
        return changed > 0
    delete_file(path)
    bookmarks.remove(path.stem)
    return True
