"""Old debates are deleted after `MEMORY_RETENTION_DAYS`, here and in Supabase.

Owns what "old" means: opened before the limit and not written to within the last day, so that a debate that goes on
is spared.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from memory.bookmarks import Bookmarks
from memory.journal_file import NewerSchemaError, read_debate
from memory.supabase_tables import SupabaseTables

logger = logging.getLogger("sage.memory.retention")

DAY_SECONDS = 86400.0
_BATCH = 100


def delete_file(path: Path) -> None:
    """Remove a journal with its WAL; the WAL first, as it would be replayed into a new file of the name."""
    for ending in ("-wal", "-shm", ""):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def delete_old_files(data_dir: Path, days: int, now: float, bookmarks: Bookmarks | None) -> list[str]:
    """Delete the journals of old debates; answers their ids. `now` is in epoch seconds."""
    deleted = []
    for path in sorted(data_dir.glob("*/*.sqlite3")):
        try:
            debate = read_debate(path)
            parts = [path, path.with_name(path.name + "-wal")]
            touched = max(part.stat().st_mtime for part in parts if part.exists())
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
    return deleted


async def delete_old_rows(tables: SupabaseTables, days: int, now: float) -> int:
    """Delete old debates in Supabase; answers how many. Raises Unavailable.

    A debate that has been written to within the last day, on whatever machine, is spared.
    """
    limit, count, spared = now - days * DAY_SECONDS, 0, set[str]()
    last = ""
    while True:
        after = last
        rows = await tables.select(
            "debates",
            lambda query, after=after: (
                query.lt("created_at", limit)
                .gt("debate_id", after or _FIRST)
                .order("debate_id")
                .limit(_BATCH)
            ),
            "debate_id",
        )
        if not rows:
            return count
        last = rows[-1]["debate_id"]
        ids = [row["debate_id"] for row in rows]
        recent = await tables.select(
            "records",
            lambda query, ids=ids: query.in_("debate_id", ids).gt("at", now - DAY_SECONDS).limit(1000),
            "debate_id",
        )
        spared |= {row["debate_id"] for row in recent}
        old = [one for one in ids if one not in spared]
        if old:
            await tables.delete("debates", lambda query, old=old: query.in_("debate_id", old))
        count += len(old)


_FIRST = "00000000-0000-0000-0000-000000000000"
