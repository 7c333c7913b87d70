"""How far each journal has been sent to the replica, and who is sending it: `DATA_DIR/replica.sqlite3`.

Owns the leases by which several workers of one machine share the work. A lost or torn file costs nothing but sending
again, which is harmless, so it is not synced to the disk at every step.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

FILE = "replica.sqlite3"
LEASE_SECONDS = 20.0
"""Longer than the longest time-out of a request; what a killed process held is free after it."""

_SCHEMA = """
create table if not exists bookmark (
    debate_id text primary key, journal text not null default '', sent integer not null default 0,
    holder text not null default '', held_until real not null default 0
);
create table if not exists refused (
    id text primary key, debate_id text not null, seq integer not null, code text not null
);
create table if not exists forgotten_here (
    debate_id text not null, identity text not null, forgotten_at real not null, primary key (debate_id, identity)
);
create table if not exists last_time (what text primary key, at real not null);
"""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """The rows up to `sent` of the file called `journal` are in the replica."""

    journal: str = ""
    sent: int = 0


class Bookmarks:
    """One process's (and one thread's) view of the file; `holder` names it to the others."""

    def __init__(self, data_dir: Path, holder: str, clock: Callable[[], float] = time.time) -> None:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = data_dir / FILE
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        self._holder = holder
        self._clock = clock
        self._db = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = normal")
            self._db.executescript(_SCHEMA)
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def claim(self, debate_id: str) -> Bookmark | None:
        """Take or renew the lease; None while somebody else holds it."""
        now = self._clock()
        self._db.execute("insert into bookmark (debate_id) values (?) on conflict do nothing", (debate_id,))
        row = self._db.execute(
            "update bookmark set holder = ?, held_until = ? where debate_id = ? and (holder = ? or held_until < ?)"
            " returning journal, sent",
            (self._holder, now + LEASE_SECONDS, debate_id, self._holder, now),
        ).fetchone()
        return Bookmark(*row) if row else None

    def advance(self, debate_id: str, bookmark: Bookmark) -> bool:
        """Everything up to `bookmark` is sent; False where somebody else has taken the lease over meanwhile."""
        changed = self._db.execute(
            "update bookmark set journal = ?, sent = ?, held_until = ? where debate_id = ? and holder = ?",
            (bookmark.journal, bookmark.sent, self._clock() + LEASE_SECONDS, debate_id, self._holder),
        )
        return changed.rowcount == 1

    def release(self, debate_id: str) -> None:
        """Let others have it."""
        self._db.execute(
            "update bookmark set holder = '', held_until = 0 where debate_id = ? and holder = ?",
            (debate_id, self._holder),
        )

    def remove(self, debate_id: str) -> None:
        """The debate is no more."""
        self._db.execute("delete from bookmark where debate_id = ?", (debate_id,))
        self._db.execute("delete from refused where debate_id = ?", (debate_id,))
        self._db.execute("delete from forgotten_here where debate_id = ?", (debate_id,))

    def applied(self, debate_id: str, identity: str, forgotten_at: float) -> bool:
        """Whether a mark of the table `forgotten` has been carried out on this machine."""
        return (
            self._db.execute(
                "select 1 from forgotten_here where debate_id = ? and identity = ? and forgotten_at >= ?",
                (debate_id, identity, forgotten_at),
            ).fetchone()
            is not None
        )

    def apply(self, debate_id: str, identity: str, forgotten_at: float) -> None:
        """A mark has been carried out here."""
        self._db.execute(
            "insert into forgotten_here values (?, ?, ?)"
            " on conflict do update set forgotten_at = max(forgotten_at, excluded.forgotten_at)",
            (debate_id, identity, forgotten_at),
        )

    def of(self, debate_id: str) -> Bookmark:
        """How far a debate is, whoever sends it."""
        row = self._db.execute(
            "select journal, sent from bookmark where debate_id = ?", (debate_id,)
        ).fetchone()
        return Bookmark(*row) if row else Bookmark()

    def refuse(self, record_id: str, debate_id: str, seq: int, code: str) -> None:
        """Remember a row that the database will never take."""
        self._db.execute(
            "insert into refused values (?, ?, ?, ?) on conflict do nothing",
            (record_id, debate_id, seq, code),
        )

    def refused(self) -> tuple[tuple[str, str, int, str], ...]:
        """Rows that the database will never take: record id, debate id, seq, code."""
        return tuple(self._db.execute("select id, debate_id, seq, code from refused order by debate_id, seq"))

    @contextmanager
    def due(self, what: str, every_seconds: float) -> Iterator[bool]:
        """Whether `what` was not done for so long, by any process; it counts as done now, unless it fails."""
        now = self._clock()
        changed = self._db.execute(
            "insert into last_time values (?, ?) on conflict (what) do update set at = excluded.at where at <= ?",
            (what, now, now - every_seconds),
        )
        try:
            yield changed.rowcount == 1
        except BaseException:
            self._db.execute("delete from last_time where what = ?", (what,))
            raise
