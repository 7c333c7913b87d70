"""Old debates are deleted after `MEMORY_RETENTION_DAYS`, here and in Supabase.

Owns what "old" means: opened before the limit and not written to within the last day, so that a debate that goes on
is spared.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Any

from memory.bookmarks import Bookmarks
from memory.journal_file import NewerSchemaError, read_debate
from memory.search_index import follow_journals
from memory.supabase_tables import PAGE_ROWS, SupabaseTables

logger = logging.getLogger("sage.memory.retention")

DAY_SECONDS = 86400.0
_BATCH = 100


def delete_file(path: Path) -> None:
    """Remove a journal with its WAL; the WAL first, as it would be replayed into a new file of the name."""
    for ending in ("-wal", "-shm", ""):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def last_written(path: Path) -> float:
    """When a journal was last written to, in epoch seconds. Raises OSError where it has gone."""
    wal = path.with_name(path.name + "-wal")
    times = [path.stat().st_mtime]
    if wal.exists() and wal.stat().st_size:
        times.append(wal.stat().st_mtime)
    return max(times)


def delete_old_files(data_dir: Path, days: int, now: float, bookmarks: Bookmarks | None) -> list[str]:
    """Delete the journals of old debates, in the search too; answers their ids. `now` is in epoch seconds.

    Raises sqlite3.Error where the search's index stays busy; at the next question of the room it follows.
    """
    deleted = []
    for path in sorted(data_dir.glob("*/*.sqlite3")):
        try:
            # before it is read: reading makes an empty WAL beside it
            touched = last_written(path)
            debate = read_debate(path)
            if debate is None or debate.created_at > now - days * DAY_SECONDS or touched > now - DAY_SECONDS:
                continue
            delete_file(path)
        except (OSError, ValueError, sqlite3.Error, NewerSchemaError) as error:
            extra = {"file": path.name, "problem": type(error).__name__}
            logger.warning("retention passed a journal over", extra=extra)
            continue
        if bookmarks is not None:
            bookmarks.remove(debate.debate_id)
        deleted.append(debate.debate_id)
    if deleted:
        follow_journals(data_dir)
    return deleted


async def delete_old_rows(tables: SupabaseTables, days: int, now: float) -> int:
    """Delete old debates in Supabase; answers how many. Raises Unavailable.

    A debate that has been written to within the last day, on whatever machine, is spared.
    """
    limit, count, last = now - days * DAY_SECONDS, 0, _FIRST
    ids: list[str] = []

    def old(query: Any) -> Any:
        return query.lt("created_at", limit).gt("debate_id", last).order("debate_id").limit(_BATCH)

    def recent(query: Any) -> Any:
        return query.in_("debate_id", ids).gt("at", now - DAY_SECONDS).limit(PAGE_ROWS)

    def doomed(query: Any) -> Any:
        return query.in_("debate_id", ids)

    while True:
        ids = [row["debate_id"] for row in await tables.select("debates", old, "debate_id")]
        if not ids:
            return count
        last = ids[-1]
        while goes_on := {row["debate_id"] for row in await tables.select("records", recent, "debate_id")}:
            ids = [one for one in ids if one not in goes_on]
            if not ids:
                break
        if ids:
            await tables.delete("debates", doomed)
        count += len(ids)


_FIRST = "00000000-0000-0000-0000-000000000000"
