"""The journal: a store on this machine's disk, one SQLite file a debate
(`DATA_DIR/<room>/<debate_id>.sqlite3`).

Owns the asynchronous face: input is checked here, writes go to the writer's thread and reads to a thread of
their own, so that the event loop never waits for a disk.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from errors import Conflict, InvalidInput, NotFound
from memory.ids import is_uuid
from memory.journal_file import NewerSchemaError, read_records
from memory.journal_writer import JournalWriter, Outcome, Write, find_files, read_debate_or_none
from memory.store import KINDS, DebateRecord, Record, StoreHealth

_ROOM = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_T = TypeVar("_T")


class Journal:
    """`Store` over SQLite files below `data_dir`; one object may serve any number of debates.

    `max_held` rows are kept in memory while the disk refuses, tried again every `retry_seconds`. Several
    processes may use the same files at once.
    """

    def __init__(self, data_dir: Path, *, max_held: int = 20_000, retry_seconds: float = 1.0) -> None:
        self._data_dir = data_dir
        self._max_held = max_held
        self._retry_seconds = retry_seconds
        self._writer: JournalWriter | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._closed = False

    @property
    def health(self) -> StoreHealth:
        """How the disk does."""
        return self._writer.health if self._writer else StoreHealth()

    async def open_debate(self, debate: DebateRecord) -> DebateRecord:
        """See `Store`. Where the disk refuses, `debate` itself is the answer and its file is made later."""
        check_debate(debate)
        kept = await self._submit(debate.debate_id, debate, ())
        assert isinstance(kept, DebateRecord)
        return kept

    async def append(self, records: Sequence[Record]) -> bool:
        """See `Store`. Records of several debates may come mixed; each debate's are one transaction."""
        check_records(records)
        groups: dict[str, list[Record]] = {}
        for record in records:
            groups.setdefault(record.debate_id, []).append(record)
        # All are queued before the first is awaited: the order of calls is the order of writing.
        answers = [self._submit(debate_id, None, rows) for debate_id, rows in groups.items()]
        outcomes = await asyncio.gather(*answers)
        return all(outcome is True for outcome in outcomes)

    async def records(
        self, debate_id: str, kinds: Collection[str] | None = None, after_seq: int = 0
    ) -> tuple[Record, ...]:
        """See `Store`."""
        check_id(debate_id)
        wanted = None if kinds is None else tuple(kinds)
        return await self._read(lambda: self._read_records(debate_id, wanted, after_seq))

    async def debate(self, debate_id: str) -> DebateRecord | None:
        """See `Store`."""
        if not is_uuid(debate_id):
            return None
        return await self._read(lambda: self._first(find_files(self._data_dir, debate_id)))

    async def latest_debate(self, room: str, excluding: str | None = None) -> DebateRecord | None:
        """See `Store`."""
        check_room(room)

        def read() -> DebateRecord | None:
            return self._first([p for p in find_files(self._data_dir, room=room) if p.stem != excluding])

        return await self._read(read)

    async def debates(self, room: str | None = None) -> tuple[DebateRecord, ...]:
        """See `Store`."""
        if room is not None:
            check_room(room)
        return await self._read(
            lambda: tuple(
                filter(None, map(read_debate_or_none, find_files(self._data_dir, room=room or "*")))
            )
        )

    async def aclose(self) -> None:
        """See `Store`. What the disk still refuses is tried once more and then counted in the log."""
        self._closed = True
        writer, self._writer = self._writer, None
        readers, self._readers = self._readers, None
        if writer is not None:
            await asyncio.to_thread(writer.close)
        if readers is not None:
            await asyncio.to_thread(readers.shutdown)

    def _submit(
        self, debate_id: str, opening: DebateRecord | None, records: Sequence[Record]
    ) -> asyncio.Future[bool | DebateRecord]:
        self._check_open()
        if self._writer is None:
            # Made at the first use: the worker forks, and a thread does not survive that.
            self._writer = JournalWriter(
                self._data_dir, max_held=self._max_held, retry_seconds=self._retry_seconds
            )
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool | DebateRecord] = loop.create_future()

        def settle(outcome: Outcome) -> None:
            if answer.done():  # the caller was cancelled; the records are written all the same
                return
            if isinstance(outcome, BaseException):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

        def done(outcome: Outcome) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, outcome)

        self._writer.submit(Write(debate_id, opening, tuple(records), done))
        return answer

    async def _read(self, read: Callable[[], _T]) -> _T:
        self._check_open()
        if self._readers is None:
            self._readers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sage-journal-read")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, read)
        except NewerSchemaError as error:
            raise Conflict(str(error), code="journal-too-new") from None

    def _check_open(self) -> None:
        if self._closed:
            raise Conflict("The journal is closed.", code="store-closed", hint="Open a new one.")

    @staticmethod
    def _first(paths: Sequence[Path]) -> DebateRecord | None:
        return next(filter(None, map(read_debate_or_none, paths)), None)

    def _read_records(
        self, debate_id: str, kinds: tuple[str, ...] | None, after_seq: int
    ) -> tuple[Record, ...]:
        for path in find_files(self._data_dir, debate_id):
            rows = read_records(path, kinds, after_seq)
            if rows is not None:
                return rows
        raise NotFound(f"There is no debate {debate_id}.")


def check_room(room: str) -> None:
    """Raise InvalidInput unless `room` can name a room (and so a folder)."""
    if not _ROOM.fullmatch(room):
        raise InvalidInput("This cannot be a room.", {"room": "use 1 to 64 of a-z, A-Z, 0-9, _ and -"})


def check_id(debate_id: str) -> None:
    """Raise InvalidInput unless `debate_id` is a UUID in lower case (and so safe as a file's name)."""
    if not is_uuid(debate_id):
        raise InvalidInput("This cannot be a debate's id.", {"debate_id": "use a UUID in lower case"})


def check_debate(debate: DebateRecord) -> None:
    """Raise InvalidInput unless `debate` can be kept."""
    check_room(debate.room)
    check_id(debate.debate_id)


def check_records(records: Sequence[Record]) -> None:
    """Raise InvalidInput unless every record names a debate and is of a known kind."""
    for record in records:
        check_id(record.debate_id)
        if record.kind not in KINDS:
            raise InvalidInput("This cannot be a record's kind.", {"kind": f"use one of {', '.join(KINDS)}"})
