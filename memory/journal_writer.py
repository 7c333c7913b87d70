"""The journal's own thread: takes writes in order, commits them in groups, keeps them while the disk refuses.

Owns the open files, the bounded queue in memory and the one alarm about a disk that is full or read-only.
Knows no event loop: every write carries the callback that is told how it went.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from errors import Conflict, InvalidInput, NotFound, SageError
from memory.journal_file import JournalFile, NewerSchemaError, Row, read_debate, rows_of
from memory.store import DebateRecord, Record, StoreHealth

_log = logging.getLogger("sage.memory.journal")

_GROUP_ROWS = 2000
_OPEN_FILES = 16

Outcome = bool | DebateRecord | BaseException
"""How a write went: durable or held (append), what is kept (open_debate), or what to raise."""


@dataclass(frozen=True, slots=True)
class Write:
    """One call: `opening` a debate, or `records` for `debate_id`."""

    debate_id: str
    opening: DebateRecord | None
    records: Sequence[Record]
    done: Callable[[Outcome], None]


class JournalWriter:
    """Writes the files below `data_dir`; `submit` never blocks and never raises once the writer is open."""

    def __init__(self, data_dir: Path, *, max_held: int, retry_seconds: float) -> None:
        self._data_dir = data_dir
        self._max_held = max_held
        self._retry_seconds = retry_seconds
        self._queue: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        self._known: dict[str, DebateRecord] = {}
        self._files: OrderedDict[str, JournalFile] = OrderedDict()
        # A debate is in here while its file refuses, also when only the file itself has still to be made.
        self._held: dict[str, list[Row]] = {}
        self._lost = 0
        self._retry_at = 0.0
        self.health = StoreHealth()
        self._thread = threading.Thread(target=self._run, name="sage-journal", daemon=True)
        self._thread.start()

    def submit(self, write: Write) -> None:
        """Queue `write`; its `done` is called from the writer's thread."""
        self._queue.put(write)

    def close(self) -> None:
        """Write all that is queued, then end the thread. Blocks; call it off the event loop."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        closing = False
        while not closing:
            batch, closing = self._take()
            groups: dict[str, list[Write]] = {}
            for write in batch:
                groups.setdefault(write.debate_id, []).append(write)
            for debate_id, writes in groups.items():
                self._carry_out(debate_id, writes)
            if self._held and (closing or time.monotonic() >= self._retry_at):
                self._retry()
        held = sum(map(len, self._held.values()))
        if held:
            _log.error("journal closed with records unwritten", extra={"unwritten": held, "lost": self._lost})
        for file in self._files.values():
            file.close()

    def _take(self) -> tuple[list[Write], bool]:
        """The writes that wait now (at least one, unless it is time to try the held ones again), and the
        end.
        """
        batch: list[Write] = []
        rows = 0
        try:
            write = self._queue.get(timeout=self._until_retry() if self._held else None)
            while True:
                if write is None:
                    return batch, True
                batch.append(write)
                rows += len(write.records)
                if rows >= _GROUP_ROWS:
                    return batch, False
                write = self._queue.get_nowait()
        except queue.Empty:
            return batch, False

    def _until_retry(self) -> float:
        return max(0.0, self._retry_at - time.monotonic())

    def _carry_out(self, debate_id: str, writes: Sequence[Write]) -> None:
        try:
            accepted = self._accept(debate_id, writes)
            rows = [row for _, its_rows in accepted for row in its_rows]
            durable = self._commit(debate_id, rows)
        except Exception as error:  # noqa: BLE001 - the thread must outlive a bug; every caller is told of it
            for write in writes:
                write.done(error)
            return
        for write, _ in accepted:
            write.done(self._known[debate_id] if write.opening else durable)

    def _accept(self, debate_id: str, writes: Sequence[Write]) -> list[tuple[Write, list[Row]]]:
        """The writes that can be kept, with their rows; the others are answered with what is wrong with
        them.
        """
        accepted: list[tuple[Write, list[Row]]] = []
        for write in writes:
            try:
                self._know(debate_id, write.opening)
                accepted.append((write, rows_of(write.records)))
            except SageError as error:
                write.done(error)
            except NewerSchemaError as error:
                write.done(Conflict(str(error), code="journal-too-new"))
            except (TypeError, ValueError) as error:
                write.done(InvalidInput("A record holds data that JSON cannot hold.", {"data": str(error)}))
        return accepted

    def _know(self, debate_id: str, opening: DebateRecord | None) -> None:
        if debate_id in self._known:
            return
        paths = find_files(self._data_dir, debate_id)
        stored = next(filter(None, map(read_debate_or_none, paths)), None) or opening
        if stored is None:
            raise NotFound(
                f"There is no debate {debate_id}.", hint="Open the debate before you append to it."
            )
        self._known[debate_id] = stored
        try:
            self._file(debate_id)
        except (OSError, sqlite3.Error) as error:
            self._hold(debate_id, [], error)

    def _file(self, debate_id: str) -> JournalFile:
        file = self._files.get(debate_id)
        if file is None:
            debate = self._known[debate_id]
            try:
                file = JournalFile(path_of(self._data_dir, debate), debate)
            except NewerSchemaError:
                del self._known[debate_id]
                raise
            # Another process may have opened the debate first, with another topic: what is kept is true.
            self._known[debate_id] = file.debate
            self._files[debate_id] = file
            if len(self._files) > _OPEN_FILES:
                self._files.popitem(last=False)[1].close()
        self._files.move_to_end(debate_id)
        return file

    def _commit(self, debate_id: str, rows: list[Row]) -> bool:
        """Make `rows` durable, or hold them behind those that are held already so that the order is kept."""
        if debate_id in self._held:
            self._keep_in_memory(debate_id, rows)
            if time.monotonic() < self._retry_at:
                return False
            return self._retry_one(debate_id)
        left = self._write(debate_id, rows)
        return not left

    def _write(self, debate_id: str, rows: list[Row]) -> bool:
        """Write `rows` group by group; on failure hold what is left of them and say True."""
        written = 0
        try:
            while written < len(rows):
                self._file(debate_id).append(rows[written : written + _GROUP_ROWS])
                written += _GROUP_ROWS
        except (OSError, sqlite3.Error) as error:
            self._hold(debate_id, rows[written:], error)
            return True
        return False

    def _hold(self, debate_id: str, rows: list[Row], error: Exception) -> None:
        # The connection may be in any state after an I/O error: the next try begins with a new one.
        file = self._files.pop(debate_id, None)
        if file is not None:
            file.close()
        self._retry_at = time.monotonic() + self._retry_seconds
        first = self.health.ok
        self._held.setdefault(debate_id, [])
        self._keep_in_memory(debate_id, rows, problem=str(error))
        if first:
            _log.error(
                "journal cannot write: records are kept in memory until there is room",
                extra={"debate_id": debate_id, "problem": str(error), "folder": str(self._data_dir)},
            )

    def _keep_in_memory(self, debate_id: str, rows: list[Row], problem: str | None = None) -> None:
        held = self._held[debate_id]
        held.extend(rows)
        excess = sum(map(len, self._held.values())) - self._max_held
        if excess > 0:
            # An utterance so far is overtaken by the utterance: it goes first, then the newest that found no
            # room.
            interims = [row for row in held if row[1] == "interim"][:excess]
            dropped = {row[0] for row in interims}
            kept = [row for row in held if row[0] not in dropped]
            excess -= len(interims)
            if excess > 0:
                if not self._lost:
                    _log.critical("journal loses records: memory is full too", extra={"debate_id": debate_id})
                self._lost += excess
                kept = kept[: max(0, len(kept) - excess)]
            self._held[debate_id] = kept
        self._tell(problem if problem is not None else self.health.problem)

    def _retry(self) -> None:
        for debate_id in tuple(self._held):
            if not self._retry_one(debate_id):
                return

    def _retry_one(self, debate_id: str) -> bool:
        rows = self._held.pop(debate_id)
        try:
            self._file(debate_id)
        except (OSError, sqlite3.Error, NewerSchemaError) as error:
            self._hold(debate_id, rows, error)
            return False
        if self._write(debate_id, rows):
            return False
        self._tell(self.health.problem if self._held else "")
        if not self._held:
            _log.warning("journal writes again", extra={"written": len(rows), "lost": self._lost})
        return True

    def _tell(self, problem: str) -> None:
        held = sum(map(len, self._held.values()))
        self.health = StoreHealth(ok=not self._held, held=held, lost=self._lost, problem=problem)


def path_of(data_dir: Path, debate: DebateRecord) -> Path:
    """Where `debate` is kept."""
    return data_dir / debate.room / f"{debate.debate_id}.sqlite3"


def find_files(data_dir: Path, debate_id: str = "*", room: str = "*") -> list[Path]:
    """The files of a debate, a room, or all, the newest debate first."""
    return sorted(data_dir.glob(f"{room}/{debate_id}.sqlite3"), key=lambda path: path.name, reverse=True)


def read_debate_or_none(path: Path) -> DebateRecord | None:
    """The debate of a file; None, with a warning, where the file cannot be read. Raises NewerSchemaError."""
    try:
        return read_debate(path)
    except (OSError, sqlite3.Error) as error:
        _log.warning("journal file cannot be read", extra={"file": path.name, "problem": str(error)})
        return None
