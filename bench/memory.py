"""What memory costs the audio loop, and how far the replica is behind: `make bench-memory`.

Writes 10,000 utterances a second in bursts into a journal, on this disk and on a slow one, and measures the event
loop's lag meanwhile; sends a debate to Supabase (the real client, a real Postgres, on loopback) as it goes on, and a
backlog as fast as it goes; asks a larger database what memory asks, and an index of a million utterances who said what.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import psycopg

from bench import recall, replica_queries
from bench.results import Target, publish
from memory import DebateRecord, Journal, Record, uuid7
from memory.bookmarks import Bookmarks
from memory.journal_file import JournalFile, Row
from memory.replica import Replica
from memory.replicator import Replicator
from memory.supabase_tables import SupabaseTables
from tests.contract.postgres_server import PostgresServer
from tests.contract.supabase_server import POSTRUST, SupabaseServer, key

RATE = 10_000
BURST = 100
PROBE_SECONDS = 0.002
LAG_MS = 5.0
SLOW_SECONDS = 0.1
"""What a commit takes longer on the slow disk."""
BEHIND_SECONDS = 1.0
RECALL_MS = 50.0
LIVE_RATE = 40
"""Rows a second of a busy debate: eight people with their captions."""

TEXT = "I do not agree with that at all, and I will tell you why in a moment."


def an_utterance(debate: DebateRecord, number: int) -> Record:
    """A row as the ears write it."""
    data = {"type": "uttered", "identity": f"p{number % 8}", "text": f"{TEXT} {number}", "at": 1.0}
    return Record(uuid7(), debate.debate_id, "event", time.time(), data)


async def a_debate(journal: Journal) -> DebateRecord:
    """A debate to write into."""
    return await journal.open_debate(
        DebateRecord(uuid7(), "bench", "Taxes", "neutral", "oxford", time.time())
    )


@contextmanager
def slow_disk(seconds: float) -> Iterator[None]:
    """Every commit of a journal takes so much longer."""
    commit = JournalFile.append

    def slowly(file: JournalFile, rows: Sequence[Row]) -> None:
        time.sleep(seconds)
        commit(file, rows)

    with patch.object(JournalFile, "append", slowly):
        yield


async def loop_lag(seconds: float, *, writing: bool, folder: Path) -> tuple[list[float], int]:
    """How late (ms) the loop came to a timer, while bursts were written or not; and how many rows were durable."""
    journal, lags, answers = Journal(folder), [], []
    debate = await a_debate(journal)
    ends = time.perf_counter() + seconds

    async def write() -> None:
        number, began = 0, time.perf_counter()
        while time.perf_counter() < ends:
            rows = [an_utterance(debate, number + one) for one in range(BURST)]
            answers.append(asyncio.create_task(journal.append(rows)))
            number += BURST
            await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))

    async def probe() -> None:
        while time.perf_counter() < ends:
            due = time.perf_counter() + PROBE_SECONDS
            await asyncio.sleep(PROBE_SECONDS)
            lags.append((time.perf_counter() - due) * 1000)

    await asyncio.gather(probe(), *([write()] if writing else []))
    await asyncio.gather(*answers)
    count = len(await journal.records(debate.debate_id))
    await journal.aclose()
    return lags, count


async def replica_lag(server: SupabaseServer, folder: Path, seconds: float) -> tuple[list[float], int]:
    """How long (s) after its writing each row was shown in Supabase; and the rows left when the replica stopped."""
    journal = Journal(folder)
    debate = await a_debate(journal)
    secrets = {"supabase_service_role_key": key("service_role"), "supabase_key": ""}
    replica = Replica(
        SimpleNamespace(
            data_dir=folder, supabase_url=server.url, memory_retention_days=0, secret=secrets.__getitem__
        )
    )
    replica.start()
    written: list[float] = []
    lags: list[float] = []
    query = "select coalesce(max(sent_seq), 0) from journals where debate_id = %s"
    with psycopg.connect(server.postgres_url, autocommit=True) as database:
        ends, shown = time.perf_counter() + seconds, 0
        while shown < len(written) or time.perf_counter() < ends:
            if time.perf_counter() < ends:
                await journal.append([an_utterance(debate, len(written))])
                written.append(time.perf_counter())
            await asyncio.sleep(1 / LIVE_RATE)
            found = await asyncio.to_thread(lambda: database.execute(query, (debate.debate_id,)).fetchone())
            now, sent = time.perf_counter(), int(found[0]) if found else 0
            lags += [now - at for at in written[shown:sent]]
            shown = sent
            if now > ends + 60:
                raise TimeoutError("the replica never came up to the journal")
    await asyncio.to_thread(replica.stop)
    await journal.aclose()
    return lags[LIVE_RATE:], replica.left  # without the first second, in which the client is imported


async def backlog(server: SupabaseServer, folder: Path, rows: int) -> float:
    """Rows a second at which what has piled up is sent."""
    journal = Journal(folder)
    debate = await a_debate(journal)
    await journal.append([an_utterance(debate, number) for number in range(rows)])
    await journal.aclose()
    tables = SupabaseTables(server.url, key("service_role"))
    with Bookmarks(folder, "bench") as bookmarks:
        began = time.perf_counter()
        sent = await Replicator(folder, tables, bookmarks).send_changed()
        took = time.perf_counter() - began
    await tables.aclose()
    if sent != rows:
        raise RuntimeError(f"{sent} of {rows} rows were sent")
    return rows / took


async def measure(
    seconds: float, rows: int, utterances: int, recalled: int, folder: Path
) -> tuple[list[Target], dict[str, Any]]:
    """All figures; `folder` is empty and temporary."""
    idle, _ = await loop_lag(seconds, writing=False, folder=folder / "idle")
    busy, durable = await loop_lag(seconds, writing=True, folder=folder / "busy")
    with slow_disk(SLOW_SECONDS):
        slow, kept = await loop_lag(seconds, writing=True, folder=folder / "slow")
    postgres = PostgresServer().start()
    server = SupabaseServer(postgres, postrust=POSTRUST.is_file())
    try:
        await server.start()
        behind, left = await replica_lag(server, folder / "live", seconds * 2)
        rate = await backlog(server, folder / "backlog", rows)
        database = postgres.url(postgres.database())
        queries = await asyncio.to_thread(replica_queries.measure, database, utterances)
    finally:
        await server.stop()
        postgres.stop()
    times, _ = await asyncio.to_thread(recall.timed, folder / "recall", recalled)
    page_ms = queries["a debate's records, a page"]["median_ms"]
    targets = [
        Target("loop lag while writing, P99", percentile(busy, 99), "ms", LAG_MS),
        Target("loop lag on a slow disk, P99", percentile(slow, 99), "ms", LAG_MS),
        Target("loop lag idle, P99", percentile(idle, 99), "ms"),
        Target("durable utterances a second", durable / seconds, "1/s", RATE * 0.9, at_least=True),
        Target("the same on a slow disk", kept / seconds, "1/s", RATE * 0.9, at_least=True),
        Target("replica behind, P95", percentile(behind, 95), "s", BEHIND_SECONDS),
        Target("replica behind, worst", max(behind), "s"),
        Target("rows left at the end", left, "", 0),
        Target("backlog sent", rate, "1/s"),
        Target(f"recall over {recalled} utterances, P95", percentile(times, 95), "ms", RECALL_MS),
        Target("a page of a debate's records, median", page_ms, "ms", 100.0),
    ]
    detail = {
        "rows": durable,
        "bursts of": BURST,
        "live rows a second": LIVE_RATE,
        "dialect": "Postrust" if POSTRUST.is_file() else "the tests' own routes over Postgres",
        "queries": queries,
        "lag_ms": {str(p): round(percentile(busy, p), 3) for p in (50, 95, 99, 99.9, 100)},
    }
    return targets, detail


def percentile(values: Sequence[float], share: float) -> float:
    """The percentile of `values`."""
    return float(np.percentile(np.asarray(values), share))


def main() -> int:
    """0 where every target is kept."""
    parser = argparse.ArgumentParser(prog="make bench-memory", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--rows", type=int, default=20_000, help="of the backlog")
    parser.add_argument("--utterances", type=int, default=200_000, help="of the database that is asked")
    parser.add_argument(
        "--recalled", type=int, default=1_000_000, help="utterances of the index that is asked"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sage-bench-memory-") as folder:
        targets, detail = asyncio.run(
            measure(options.seconds, options.rows, options.utterances, options.recalled, Path(folder))
        )
    return publish("memory", targets, detail=detail)


if __name__ == "__main__":
    sys.exit(main())
