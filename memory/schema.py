"""The replica's tables: ordered SQL files in `migrations/`, each recorded in the table `sage_migrations`.

Owns their order, what is applied and how. The SQL itself says what the tables are; docs/memory.md explains them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from errors import Unavailable

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name without `.sql`, and its SQL."""

    number: int
    name: str
    sql: str


def migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """All migrations in order. Raises ValueError where a file's name or the sequence is broken."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.stem)
        if match is None:
            raise ValueError(f"{path.name} is not called NNNN_name.sql")
        found.append(Migration(int(match[1]), path.stem, path.read_text(encoding="utf-8")))
    if [one.number for one in found] != list(range(1, len(found) + 1)):
        raise ValueError("migrations are not numbered 0001, 0002 and so on, each once")
    return tuple(found)


def script(found: Sequence[Migration]) -> str:
    """`found` as one text for Supabase's SQL editor."""
    return "\n".join(f"-- {one.name}.sql\n{one.sql}" for one in found)


def apply(database_url: str, found: Sequence[Migration] | None = None) -> tuple[str, ...]:
    """Apply what the database lacks, in order; answers the names of what was applied.

    Each file is a transaction of its own; two that migrate at once wait for each other. Raises Unavailable where the
    database cannot be reached or refuses.
    """
    import psycopg

    wanted = migrations() if found is None else found
    applied = []
    try:
        with psycopg.connect(database_url, autocommit=True, connect_timeout=10) as database:
            # held until the connection ends; any number that nobody else uses
            database.execute("select pg_advisory_lock(7243001)")
            known = _known(database)
            for one in wanted:
                if one.number not in known:
                    database.execute(one.sql.encode())
                    applied.append(one.name)
    except psycopg.Error as error:
        # never the connection's own text: it may hold the address with its password
        state = error.sqlstate or type(error).__name__
        refused = error.diag.message_primary or "no answer"
        raise Unavailable(
            f"The database refused ({state}): {refused}", hint="Look at DATABASE_URL; then migrate again."
        ) from None
    return tuple(applied)


def _known(database: object) -> frozenset[int]:
    import psycopg

    assert isinstance(database, psycopg.Connection)
    there = database.execute("select to_regclass('public.sage_migrations') is not null").fetchone()
    if there is None or not there[0]:
        return frozenset()
    return frozenset(int(row[0]) for row in database.execute("select number from public.sage_migrations"))
