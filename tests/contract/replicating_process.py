"""A process that does nothing but send journals, to be killed by a test: DATA_DIR, URL and KEY are its arguments."""

import asyncio
import sys
import time
from pathlib import Path

from memory.bookmarks import Bookmarks
from memory.replicator import Replicator
from memory.supabase_tables import SupabaseTables


async def main(data_dir: str, url: str, key: str) -> None:
    tables = SupabaseTables(url, key)
    # what the process before it held is free at once: its lease would run out in 20 s
    with Bookmarks(
        Path(data_dir), f"process-{time.time_ns()}", clock=lambda: time.time_ns() / 1e6
    ) as bookmarks:
        await Replicator(Path(data_dir), tables, bookmarks, batch_rows=10).send_changed()
    await tables.aclose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
