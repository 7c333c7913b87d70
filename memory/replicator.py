"""Sends journals to the replica: what is new, in order, in batches, as often as it takes.

Owns the order of a batch's upserts, the setting aside of rows that the database will never take, and the finding of
journals, also those of killed jobs. Knows no thread and does not wait between tries: `replica` does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from memory.bookmarks import Bookmark, Bookmarks
from memory.erasing import apply_marks
from memory.journal_file import Batch, NewerSchemaError, read_batch, rows_behind
from memory.projection import HOMES, Row, opening_rows, rows_by_table
from memory.supabase_tables import DebateMissingError, RowsRefusedError, SupabaseTables

logger = logging.getLogger("sage.memory.replicator")

BATCH_ROWS = 200
BATCHES_A_TURN = 10
QUIET_SECONDS = 3600
QUIET_LOOKS = 60
"""A journal that nobody has written to for so long is looked at only every so many times."""

_Stamp = tuple[int, int, int, int]
"""Size and time of change of a journal and of its WAL."""


class Replicator:
    """Brings the replica up to the journals below `data_dir`. One object belongs to one event loop."""

    def __init__(
        self,
        data_dir: Path,
        tables: SupabaseTables,
        bookmarks: Bookmarks,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self._data_dir = data_dir
        self._tables = tables
        self._bookmarks = bookmarks
        self._batch_rows = batch_rows
        self._opened: set[tuple[str, str]] = set()
        self._asked: set[str] = set()
        self._names: dict[str, tuple[Bookmark, dict[str, str]]] = {}
        self._seen: dict[Path, _Stamp] = {}
        self._looks = 0

    async def send_changed(self) -> int:
        """Send every journal that has changed since it was last sent whole; answers the number of rows.

        A journal that cannot be read, or whose rows are refused, does not keep the others waiting. Raises Unavailable
        where the replica is away or refuses us.
        """
        count, whole = 0, False
        while not whole:
            # again from the newest debate on: the one that goes on does not wait for what piled up in others
            sent, whole = await self._pass()
            count += sent
        return count

    async def _pass(self) -> tuple[int, bool]:
        """Some batches of every journal that has changed; answers the rows, and whether that was all there is."""
        count, all_whole = 0, True
        for path, stamp in self.changed():
            try:
                sent, whole = await self._send(path)
            except (OSError, sqlite3.Error, NewerSchemaError) as error:
                extra = {"file": path.name, "problem": type(error).__name__}
                logger.warning("a journal could not be sent", extra=extra)
                sent, whole = 0, True
            if sent is None:
                continue  # another process sends it; whether all of it arrives is looked at again
            count += sent
            if whole:
                self._seen[path] = stamp
            else:
                all_whole = False
        return count, all_whole

    async def _send(self, path: Path) -> tuple[int | None, bool]:
        """Some batches of one journal: the rows (None where another process is at it), and whether that was all.

        Raises Unavailable.
        """
        debate_id = path.stem
        for _ in range(2):
            mark = self._bookmarks.claim(debate_id)
            if mark is None:
                return None, False
            try:
                return await self._send_behind(path, mark)
            except DebateMissingError:
                # deleted there, or the database is a new one: from the first row on, once
                logger.warning("the replica lacks a debate: it is sent again", extra={"debate_id": debate_id})
                self._unknow(debate_id)
                self._bookmarks.advance(debate_id, Bookmark())
            finally:
                self._bookmarks.release(debate_id)
        logger.error(
            "the replica does not keep a debate: it stays in the journal", extra={"debate_id": debate_id}
        )
        return 0, True

    def changed(self) -> list[tuple[Path, _Stamp]]:
        """The journals that have changed since they were last sent whole, the newest debate first."""
        found = []
        self._looks += 1
        long_ago = time.time_ns() - QUIET_SECONDS * 1_000_000_000
        for path in _journals(self._data_dir):
            seen = self._seen.get(path)
            # ten thousand old debates would cost a tenth of a core if each were looked at every time
            if seen is not None and self._looks % QUIET_LOOKS and max(seen[1], seen[3]) < long_ago:
                continue
            stamp = _stamp(path)
            if stamp is not None and seen != stamp:
                found.append((path, stamp))
        return sorted(found, key=lambda one: one[0].name, reverse=True)

    def _unknow(self, debate_id: str) -> None:
        self._opened = {one for one in self._opened if one[0] != debate_id}
        self._asked.discard(debate_id)

    async def _send_behind(self, path: Path, mark: Bookmark) -> tuple[int, bool]:
        count = 0
        for _ in range(BATCHES_A_TURN):
            remembered, known = self._names.get(path.stem, (None, None))
            if remembered != mark:
                known = None  # another process was at it meanwhile
            batch = await asyncio.to_thread(
                read_batch, path, mark.journal, mark.sent, self._batch_rows, with_names=known is None
            )
            if batch is None:
                return count, True
            if await self._open(batch):
                # forgotten elsewhere: what was read may hold what must not be sent
                self._bookmarks.advance(batch.debate.debate_id, mark)
                continue
            if not batch.records:
                return count, True
            names = known if known is not None and batch.journal == mark.journal else batch.names
            await self._send_batch(batch, names)
            mark = Bookmark(batch.journal, batch.records[-1].seq)
            self._names[path.stem] = (mark, names)
            if not self._bookmarks.advance(batch.debate.debate_id, mark):
                return count, True  # taken over by another process, which sends the same
            count += len(batch.records)
        return count, False

    async def _open(self, batch: Batch) -> bool:
        """Make the debate known there, once; True where the journal has changed by that and is to be read again."""
        debate_id = batch.debate.debate_id
        known = (debate_id, batch.journal)
        if known in self._opened:
            return False
        if debate_id not in self._asked:
            touched = await apply_marks(self._tables, self._data_dir, self._bookmarks, debate_id)
            self._asked.add(debate_id)
            if touched:
                return True
        for table, rows in opening_rows(batch.debate).items():
            await self._upsert(batch, table, rows)
        if batch.journal:
            await self._tables.upsert("journals", [_progress(batch, 0)])
            self._opened.add(known)
        return False

    async def _send_batch(self, batch: Batch, names: dict[str, str]) -> None:
        tables = rows_by_table(batch.records, batch.journal, names)
        answers = await asyncio.gather(
            *(self._upsert(batch, table, rows) for table, rows in tables.items()), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        # only now are the rows shown: whoever reads sees whole batches in their order
        await self._tables.upsert("journals", [_progress(batch, batch.records[-1].seq)], replace=True)

    async def _upsert(self, batch: Batch, table: str, rows: Sequence[Row]) -> None:
        try:
            await self._tables.upsert(table, rows, replace=table == "participants")
        except RowsRefusedError as error:
            if len(rows) > 1:
                middle = len(rows) // 2
                await self._upsert(batch, table, rows[:middle])
                await self._upsert(batch, table, rows[middle:])
                return
            self._set_aside(batch, table, rows[0], error.code)

    def _set_aside(self, batch: Batch, table: str, row: Row, code: str) -> None:
        debate_id = batch.debate.debate_id
        logger.error(
            "the replica refuses a row: it stays in the journal alone",
            extra={"debate_id": debate_id, "table": table, "code": code, "id": row.get("id", "")},
        )
        if table in HOMES:
            self._bookmarks.refuse(row["id"], debate_id, row["seq"], code)


def rows_left(data_dir: Path) -> tuple[int, int]:
    """How many rows of all journals are still to be sent, and how many the database has refused. Raises sqlite3.Error,
    OSError.
    """
    left = 0
    with Bookmarks(data_dir, "") as bookmarks:
        for path in _journals(data_dir):
            try:
                left += rows_behind(path, bookmarks.of(path.stem).sent)
            except (OSError, sqlite3.Error, NewerSchemaError):
                continue
        return left, len(bookmarks.refused())


def _journals(data_dir: Path) -> list[Path]:
    # not find_files: this runs several times a second, and order does not matter
    try:
        rooms = [entry.path for entry in os.scandir(data_dir) if entry.is_dir()]
    except OSError:
        return []
    return [path for room in rooms for path in Path(room).glob("*.sqlite3")]


def _progress(batch: Batch, sent_seq: int) -> Row:
    return {"journal": batch.journal, "debate_id": batch.debate.debate_id, "sent_seq": sent_seq}


def _stamp(path: Path) -> _Stamp | None:
    """Size and time of change of a journal and its WAL; None where it has gone."""
    try:
        file = path.stat()
    except OSError:
        return None
    try:
        wal = path.with_name(path.name + "-wal").stat()
    except OSError:
        return file.st_size, file.st_mtime_ns, 0, 0
    return file.st_size, file.st_mtime_ns, wal.st_size, wal.st_mtime_ns
