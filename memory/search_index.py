"""The local search index: SQLite FTS5 over what the journals hold, in one file of its own, `DATA_DIR/search.sqlite3`.

Owns its schema, bringing it up to date and the candidates of a query. It is made from the journals alone: a lost or
damaged file is made anew, and whatever the journals forget it forgets. Blocking: called beside the event loop.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from memory.journal_file import NewerSchemaError, read_debate, read_records, transaction
from memory.journal_writer import find_files
from memory.questions import Query, speakers_named
from memory.ranking import Find, query_stems, stems
from memory.search_terms import DAY, MONTH, limits_of, matches_of, token
from memory.store import DebateRecord, Record

logger = logging.getLogger("sage.memory.search")

INDEX = "search.sqlite3"
CANDIDATES = 200
_OF_A_WORD = 300
_OF_A_TOPIC = 60
_TOPICS = 10
_NEWEST = f"select rowid from words where words match ? order by rowid desc limit {_OF_A_WORD}"  # noqa: S608
_VERSION = 1
_SCHEMA = (
    """create table debate (
        debate_id text primary key, room text not null, topic text not null, seq integer not null,
        signature text not null
    ) strict""",
    "create index debate_of_room on debate (room)",
    """create table utterance (
        rowid integer primary key, id text not null, debate_id text not null, identity text not null,
        name text not null, text text not null, at real not null
    ) strict""",
    "create index utterance_of_debate on utterance (debate_id)",
    "create index utterance_of_speaker on utterance (debate_id, identity)",
    """create table speaker (
        room text not null, identity text not null, name text not null, debate_id text not null,
        primary key (debate_id, identity)
    ) strict""",
    "create index speaker_of_room on speaker (room, identity)",
    "create table place (number integer primary key, key text not null unique) strict",
    # Each stem twice: of its room and of its speaker, so that whose words are asked for costs nothing. Without
    # places and columns the lists are short; phrases are looked for in what was found.
    "create virtual table words using fts5 (tokens, tokenize = 'unicode61', detail = 'none')",
    f"pragma user_version = {_VERSION}",
)
_FIND = (
    "select u.id, u.debate_id, d.topic, u.identity, u.name, u.text, u.at"
    " from utterance u join debate d using (debate_id)"
)


@dataclass(frozen=True, slots=True)
class _Room:
    version: tuple[int, int]
    names: tuple[tuple[str, str], ...]
    topics: tuple[tuple[str, str], ...]


class SearchIndex:
    """The index of one `data_dir`; one object belongs to one thread at a time. Raises sqlite3.Error and OSError."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._path = data_dir / INDEX
        self._db: sqlite3.Connection | None = None
        self._rooms: dict[str, _Room] = {}
        self._numbers: dict[str, int] = {}

    def update(self, room: str) -> None:
        """Take in what the room's journals have gained since, and drop what they have lost."""
        db = self._opened()
        known = {
            debate_id: (seq, signature)
            for debate_id, seq, signature in db.execute(
                "select debate_id, seq, signature from debate where room = ?", (room,)
            )
        }
        files = {path.stem: path for path in find_files(self._data_dir, room=room)}
        changed = [
            (debate_id, signature)
            for debate_id, path in files.items()
            if (signature := _signature(path)) != known.get(debate_id, (0, ""))[1]
        ]
        gone = [debate_id for debate_id in known if debate_id not in files]
        if not changed and not gone:
            return
        self._numbers.clear()  # some may be of a transaction that was undone
        with transaction(db):
            for debate_id in gone:
                self._drop(db, debate_id)
            for debate_id, signature in changed:
                try:
                    gone += self._read(db, files[debate_id], signature)
                except NewerSchemaError as error:
                    logger.warning("a journal is not searched", extra={"problem": str(error)})
        if gone:
            # a deleted row stays readable in the full-text segments until they are merged
            db.execute("insert into words (words) values ('optimize')")
            db.execute("pragma wal_checkpoint(truncate)").fetchall()

    def update_all(self) -> None:
        """`update` of every room that the index knows."""
        for (room,) in self._opened().execute("select distinct room from debate order by room").fetchall():
            self.update(str(room))

    def names(self, room: str) -> tuple[tuple[str, str], ...]:
        """(identity, name) of everybody who has spoken in `room`."""
        return self._known(room).names

    def candidates(self, room: str, query: Query, excluding: str = "") -> tuple[Find, ...]:
        """What may answer `query` in `room`, at most a few hundred, unordered; () where its speaker is unknown.

        Of a word that very many utterances hold, the newest of them. `excluding`: a debate that is not looked at.
        """
        db = self._opened()
        speakers = speakers_named(query.speaker, self.names(room)) if query.speaker else ()
        if query.speaker and not speakers:
            return ()
        limits, values = limits_of(room, query, excluding, speakers)
        asked = query_stems(query)
        if asked:
            rows = self._holding(
                db, matches_of(self._places(db, room, speakers), asked, query), limits, values
            )
            for debate_id in self._debates_about(room, query, asked):
                rows += db.execute(
                    f"{_FIND} where {limits} and u.debate_id = ? order by u.rowid desc limit {_OF_A_TOPIC}",
                    (*values, debate_id),
                ).fetchall()
        else:
            rows = db.execute(
                f"{_FIND} where {limits} order by u.at desc limit {CANDIDATES}", values
            ).fetchall()
        wanted = set(stems(query.topic))
        finds = {str(row[0]): Find(*row) for row in rows}
        return tuple(find for find in finds.values() if wanted <= _stems_of(find.topic))

    def _holding(
        self, db: sqlite3.Connection, matches: Sequence[str], limits: str, values: Sequence[str | float]
    ) -> list[Any]:
        """Rows of the utterances that hold most of what is asked: by rarity of the words, then the newest."""
        held: dict[int, float] = {}
        for match in matches:
            # ordered by rowid, FTS5 stops at the limit; by its own rank it would score every row that matches
            found = db.execute(
                _NEWEST,
                (match,),
            ).fetchall()
            for (rowid,) in found:
                held[rowid] = held.get(rowid, 0.0) + 1 / (20 + len(found))
        best = sorted(held, key=lambda rowid: (-held[rowid], -rowid))[:CANDIDATES]
        chosen = f"{_FIND} where u.rowid in ({','.join('?' * len(best))}) and {limits}"
        return db.execute(chosen, (*best, *values)).fetchall()

    def everything(self, room: str, query: Query, excluding: str, most: int) -> tuple[Find, ...]:
        """All that the query's filters leave, its words aside; () where that is more than `most`."""
        speakers = speakers_named(query.speaker, self.names(room)) if query.speaker else ()
        if (query.speaker and not speakers) or query.topic or query.phrases:
            return ()
        limits, values = limits_of(room, query, excluding, speakers)
        rows = self._opened().execute(f"{_FIND} where {limits} limit {most + 1}", values).fetchall()
        return tuple(Find(*row) for row in rows) if len(rows) <= most else ()

    def close(self) -> None:
        """Let go of the file."""
        db, self._db = self._db, None
        self._rooms.clear()
        self._numbers.clear()
        if db is not None:
            db.close()

    def add(self, debate: DebateRecord, records: Iterable[Record], signature: str, seq: int = 0) -> None:
        """Put utterances of one debate in, in one transaction (benchmarks make their indexes by it)."""
        db = self._opened()
        self._numbers.clear()
        with transaction(db):
            self._take(db, debate, records, signature, seq)

    # -- the file -----------------------------------------------------------------------------------------------
    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            try:
                self._db = self._open()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise  # locked, full or read-only: not the file's fault
                logger.warning("the search index is damaged and made anew")
                self._remove()
                self._db = self._open()
        return self._db

    def _open(self) -> sqlite3.Connection:
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(self._path, timeout=5.0, isolation_level=None, check_same_thread=False)
        try:
            db.execute("pragma secure_delete = on")
            db.execute("pragma journal_mode = wal").fetchone()
            db.execute("pragma synchronous = normal")
            version = int(db.execute("pragma user_version").fetchone()[0])
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError("made by another version")
            with transaction(db):
                if int(db.execute("pragma user_version").fetchone()[0]) == 0:
                    for statement in _SCHEMA:
                        db.execute(statement)
        except BaseException:
            db.close()
            raise
        return db

    def _remove(self) -> None:
        for ending in ("-wal", "-shm", ""):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)

    # -- rows ---------------------------------------------------------------------------------------------------
    def _read(self, db: sqlite3.Connection, path: Path, signature: str) -> list[str]:
        """Take in one changed journal; answers its id where words of it were removed."""
        debate = read_debate(path)
        if debate is None:
            return []
        row = db.execute("select seq from debate where debate_id = ?", (debate.debate_id,)).fetchone()
        seq = int(row[0]) if row else 0
        records = read_records(path, ("event", "note"), seq) or ()
        forgotten = row and any(record.data.get("type") == "forgotten" for record in records)
        if forgotten:
            self._drop(db, debate.debate_id)
            seq, records = 0, read_records(path, ("event", "note"), 0) or ()
        self._take(db, debate, records, signature, seq)
        return [debate.debate_id] if forgotten else []

    def _take(
        self,
        db: sqlite3.Connection,
        debate: DebateRecord,
        records: Iterable[Record],
        signature: str,
        seq: int,
    ) -> None:
        names = dict(
            db.execute("select identity, name from speaker where debate_id = ?", (debate.debate_id,))
        )
        for record in records:
            seq = max(seq, record.seq)
            data = record.data
            identity, kind = data.get("identity"), data.get("type")
            if not isinstance(identity, str):
                continue
            if kind == "joined":
                names[identity] = str(data.get("name") or identity)
            elif kind == "uttered" and (text := str(data.get("text") or "").strip()):
                name = names.setdefault(identity, identity)
                done = db.execute(
                    "insert into utterance (id, debate_id, identity, name, text, at) values (?, ?, ?, ?, ?, ?)",
                    (record.id, debate.debate_id, identity, name, text, record.at),
                )
                db.execute(
                    "insert into words (rowid, tokens) values (?, ?)",
                    (done.lastrowid, self._tokens(db, debate.room, identity, record.at, text)),
                )
        db.executemany(
            "insert or replace into speaker (room, identity, name, debate_id) values (?, ?, ?, ?)",
            [(debate.room, identity, name, debate.debate_id) for identity, name in names.items()],
        )
        db.execute(
            "insert or replace into debate values (?, ?, ?, ?, ?)",
            (debate.debate_id, debate.room, debate.topic, seq, signature),
        )

    def _tokens(self, db: sqlite3.Connection, room: str, identity: str, at: float, text: str) -> str:
        here, whose = self._number(db, room), self._number(db, f"{room}/{identity}")
        said = dict.fromkeys(stems(text))
        words = [token(place, "w", word) for word in said for place in (here, whose)]
        return " ".join((*words, token(here, "d", int(at // DAY)), token(here, "m", int(at // MONTH))))

    def _number(self, db: sqlite3.Connection, key: str) -> int:
        """The number that stands for a room, or for a speaker in it, in the tokens."""
        number = self._numbers.get(key)
        if number is None:
            db.execute("insert or ignore into place (key) values (?)", (key,))
            row = db.execute("select number from place where key = ?", (key,)).fetchone()
            number = self._numbers[key] = int(row[0])
        return number

    def _places(self, db: sqlite3.Connection, room: str, speakers: Sequence[str]) -> list[int]:
        """The room's number, then those of the speakers that are meant."""
        keys = (room, *(f"{room}/{one}" for one in speakers))
        found = [db.execute("select number from place where key = ?", (key,)).fetchone() for key in keys]
        return [int(row[0]) for row in found if row]

    def _drop(self, db: sqlite3.Connection, debate_id: str) -> None:
        db.execute(
            "delete from words where rowid in (select rowid from utterance where debate_id = ?)", (debate_id,)
        )
        for table in ("utterance", "speaker", "debate"):
            db.execute(f"delete from {table} where debate_id = ?", (debate_id,))  # noqa: S608 - names of ours

    def _debates_about(self, room: str, query: Query, asked: Sequence[str]) -> tuple[str, ...]:
        """The newest debates whose topic holds a word of the question."""
        wanted = {*asked, *stems(query.topic)}
        topics = self._known(room).topics
        return tuple(debate_id for debate_id, topic in topics if wanted & _stems_of(topic))[:_TOPICS]

    def _known(self, room: str) -> _Room:
        """Who has spoken and about what, read anew where the index has changed."""
        db = self._opened()
        version = (int(db.execute("pragma data_version").fetchone()[0]), db.total_changes)
        known = self._rooms.get(room)
        if known is None or known.version != version:
            names = db.execute(
                "select distinct identity, name from speaker where room = ? order by identity, name", (room,)
            ).fetchall()
            topics = db.execute(
                "select debate_id, topic from debate where room = ? order by debate_id desc", (room,)
            ).fetchall()
            known = self._rooms[room] = _Room(version, tuple(names), tuple(topics))
        return known


def follow_journals(data_dir: Path) -> None:
    """Forget now, in the index of `data_dir` where there is one, what the journals have forgotten.

    Blocking. Raises sqlite3.Error where another process keeps the file busy.
    """
    if not (data_dir / INDEX).exists():
        return
    index = SearchIndex(data_dir)
    try:
        index.update_all()
    finally:
        index.close()


@lru_cache(maxsize=4096)
def _stems_of(topic: str) -> frozenset[str]:
    return frozenset(stems(topic))


def _signature(path: Path) -> str:
    """Changes with every commit to a journal, also while it is only in its WAL."""
    parts = []
    for name in (str(path), f"{path}-wal"):
        try:
            status = os.stat(name)  # noqa: PTH116 - thousands of them before a search: paths cost more than the stat
        except FileNotFoundError:
            parts.append("")
            continue
        parts.append(f"{status.st_ino}:{status.st_size}:{status.st_mtime_ns}" if status.st_size else "")
    return "|".join(parts)
