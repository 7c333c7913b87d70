"""One debate's file: its SQLite schema and the statements that write and read it.

Owns the schema version and the durability settings (WAL, `synchronous=FULL`). Knows no thread, no queue and
no event loop: `journal` calls it from its own threads.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memory.store import DebateRecord, Record

BUSY_SECONDS = 5.0

Row = tuple[str, str, float, str]
_APPEND = "insert into record (id, kind, at, data) values (?, ?, ?, ?) on conflict (id) do nothing"
"""A record as SQLite takes it: id, kind, epoch seconds, JSON text."""

# One script a version, in order; `PRAGMA user_version` counts how many a file has seen.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """create table debate (
            debate_id text primary key, room text not null, topic text not null, persona text not null,
            format text not null, created_at real not null
        ) strict""",
        """create table record (
            seq integer primary key autoincrement, id text not null unique, kind text not null,
            at real not null, data text not null
        ) strict""",
        "create index record_by_kind on record (kind, seq)",
    ),
)
SCHEMA_VERSION = len(MIGRATIONS)


class NewerSchemaError(Exception):
    """The file was written by a newer Sage: nothing is read from it and nothing written to it."""

    def __init__(self, path: Path, version: int) -> None:
        super().__init__(
            f"{path.name} has schema version {version}, this Sage knows {SCHEMA_VERSION}: run a newer Sage"
        )


def encode(data: dict[str, Any]) -> str:
    """`data` as JSON text. Raises TypeError or ValueError for what JSON cannot hold (NaN included)."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair, as a browser can send it, is no UTF-8: escaped, it is kept as it came.
        return json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text


class JournalFile:
    """A debate's file, open for writing. Raises sqlite3.Error and OSError as they come."""

    def __init__(self, path: Path, debate: DebateRecord) -> None:
        _make_private(path)
        self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _use_wal(self._db)
            # FULL: a commit that was answered survives a power cut, not only a killed process.
            self._db.execute("pragma synchronous = full")
            _migrate(self._db, path)
            with transaction(self._db):
                self._db.execute(
                    "insert into debate values (?, ?, ?, ?, ?, ?) on conflict (debate_id) do nothing",
                    (
                        debate.debate_id,
                        debate.room,
                        debate.topic,
                        debate.persona,
                        debate.format,
                        debate.created_at,
                    ),
                )
            stored = _debate_row(self._db)
        except BaseException:
            self._db.close()
            raise
        self.debate = stored or debate

    def append(self, rows: Sequence[Row]) -> None:
        """Commit `rows` in one transaction, passing over known ids."""
        with transaction(self._db):
            self._db.executemany(_APPEND, rows)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def read_debate(path: Path) -> DebateRecord | None:
    """The debate that `path` keeps; None where the file is missing or was not finished by its maker."""
    with _reading(path) as db:
        return _debate_row(db) if db is not None else None


def read_records(path: Path, kinds: Collection[str] | None, after_seq: int) -> tuple[Record, ...] | None:
    """The rows of `path` behind `after_seq` in order; None where it keeps no debate."""
    with _reading(path) as db:
        debate = _debate_row(db) if db is not None else None
        if db is None or debate is None:
            return None
        sql = "select seq, id, kind, at, data from record where seq > ?"
        arguments: list[int | str] = [after_seq]
        if kinds is not None:
            sql += f" and kind in ({', '.join('?' * len(kinds))})"
            arguments += kinds
        rows = db.execute(f"{sql} order by seq", arguments).fetchall()
    return _records(debate.debate_id, rows)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file in order, and what sending them elsewhere needs.

    `journal` is the id of the file's first record: a file that was made anew has another ("" while it has none);
    `names` are those of the people, by identity, who had joined before these rows.
    """

    debate: DebateRecord
    journal: str
    records: tuple[Record, ...]
    names: dict[str, str]


def read_batch(
    path: Path, journal: str, after_seq: int, limit: int, *, with_names: bool = True
) -> Batch | None:
    """At most `limit` rows behind `after_seq`, or from the first on where the file is not the one called `journal`.

    None where `path` keeps no debate. Raises sqlite3.Error, OSError and NewerSchemaError.
    """
    with _reading(path) as db:
        debate = _debate_row(db) if db is not None else None
        if db is None or debate is None:
            return None
        first = db.execute("select id from record order by seq limit 1").fetchone()
        now = str(first[0]) if first else ""
        start = after_seq if now == journal else 0
        rows = db.execute(
            "select seq, id, kind, at, data from record where seq > ? order by seq limit ?", (start, limit)
        ).fetchall()
        joined: list[tuple[str]] = []
        if with_names and start:
            sql = "select data from record where kind = 'event' and seq <= ? and data like '%joined%' order by seq"
            joined = db.execute(sql, (start,)).fetchall()
    return Batch(debate, now, _records(debate.debate_id, rows), _names(joined))


def replace_data(path: Path, changes: Mapping[str, dict[str, Any]], added: Sequence[Row] = ()) -> None:
    """Put other data into the records of these ids, so that the old ones are in no byte of the file or its WAL.

    `added`: rows that say so, appended in the same transaction, as the index of the search goes by them.

    Raises sqlite3.OperationalError where another process kept the file busy too long: then the data are replaced, but
    pages that were in use may still hold the old ones; calling it again mends that.
    """
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as db:
        db.execute("pragma secure_delete = on")
        with transaction(db):
            rows = [(encode(data), id_) for id_, data in changes.items()]
            db.executemany("update record set data = ? where id = ?", rows)
            db.executemany(_APPEND, added)
        # the old pages stand in the WAL until it is written back and cut, and VACUUM leaves no free page
        db.execute("vacuum")
        busy = db.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
        if busy:
            raise sqlite3.OperationalError("database is locked: the WAL could not be cut")


def _names(rows: Iterable[tuple[str]]) -> dict[str, str]:
    """The people who joined, of the data of events. In Python, as SQLite cannot answer with half a surrogate pair."""
    names: dict[str, str] = {}
    for (text,) in rows:
        data = json.loads(text)
        if data.get("type") == "joined" and isinstance(data.get("identity"), str):
            names[data["identity"]] = str(data.get("name") or data["identity"])
    return names


def rows_behind(path: Path, after_seq: int) -> int:
    """How many rows `path` has behind `after_seq`. Raises as `read_batch`."""
    with _reading(path) as db:
        return 0 if db is None else _value(db, "select count(*) from record where seq > ?", after_seq)


def rows_of(records: Sequence[Record]) -> list[Row]:
    """`records` as `JournalFile.append` takes them. Raises TypeError or ValueError for bad data."""
    return [(record.id, record.kind, float(record.at), encode(record.data)) for record in records]


def _records(debate_id: str, rows: Iterable[tuple[int, str, str, float, str]]) -> tuple[Record, ...]:
    return tuple(
        Record(id=id_, debate_id=debate_id, kind=kind, at=at, data=json.loads(data), seq=seq)
        for seq, id_, kind, at, data in rows
    )


def _value(db: sqlite3.Connection, sql: str, *arguments: int) -> int:
    return int(db.execute(sql, arguments).fetchone()[0])


def _make_private(path: Path) -> None:
    # Speech is nobody else's business: SQLite would give the file the umask's rights, and its WAL the file's.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _use_wal(db: sqlite3.Connection) -> None:
    # The change to WAL needs the file for itself and does not wait for `timeout`: two processes that open a
    # new debate at once would meet "database is locked".
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("pragma journal_mode = wal").fetchone()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    if _version(db) == SCHEMA_VERSION:
        return
    with transaction(db):
        version = _version(db)
        if version > SCHEMA_VERSION:
            raise NewerSchemaError(path, version)
        for script in MIGRATIONS[version:]:
            for statement in script:
                db.execute(statement)
        db.execute(f"pragma user_version = {SCHEMA_VERSION}")


def _version(db: sqlite3.Connection) -> int:
    return _value(db, "pragma user_version")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; the file is ours from the beginning on. Raises sqlite3.Error."""
    db.execute("begin immediate")
    try:
        yield
        db.execute("commit")
    except BaseException:
        # A full disk may have rolled back already: then there is nothing to undo.
        if db.in_transaction:
            db.execute("rollback")
        raise


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    if not path.is_file():
        yield None
        return
    # Read-only, so that looking at a debate can never change or create one. Without a WAL beside it and
    # without the right to make one, the file is complete by itself: `immutable` reads it all the same.
    frozen = not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if frozen else ''}"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as db:
        version = _version(db)
        if version > SCHEMA_VERSION:
            raise NewerSchemaError(path, version)
        if version == 0:
            yield None
            return
        db.execute("begin")
        yield db


def _debate_row(db: sqlite3.Connection) -> DebateRecord | None:
    row = db.execute(
        "select debate_id, room, topic, persona, format, created_at from debate limit 1"
    ).fetchone()
    return DebateRecord(*row) if row else None
