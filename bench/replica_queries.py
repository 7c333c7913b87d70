"""What the queries of memory cost a Supabase of many utterances: time and index of each, on a real Postgres.

`python -m bench.replica_queries --utterances 10000000`; a part of `make bench-memory` with fewer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from statistics import median
from typing import Any

import psycopg

from memory.schema import apply
from tests.contract.postgres_server import PostgresServer

ROWS_A_DEBATE = 2000
_FILL = """
insert into debates select lpad(to_hex(n), 32, '0')::uuid, 'room-' || n %% 500, 'Taxes', 'neutral', 'oxford', n
from generate_series(1, %(debates)s) n;
insert into journals select debate_id, debate_id, %(rows)s from debates;
insert into participants
    select debate_id, 'person-' || (created_at::bigint * 8 + k) %% 5000, 'Ana', 'debater', created_at
    from debates, generate_series(0, 7) k on conflict do nothing;
insert into utterances (id, debate_id, journal, seq, kind, at, name, data)
    select gen_random_uuid(), debate_id, debate_id, n, 'event', created_at + n, 'Ana', jsonb_build_object(
        'type', 'uttered', 'identity', 'person-' || (created_at::bigint * 8 + n %% 8) %% 5000,
        'text', 'I do not agree with that at all, and I will tell you why in a moment, number ' || n)
    from debates, generate_series(1, %(rows)s) n;
"""
QUERIES = {
    "a debate's records, a page": (
        "select id, debate_id, kind, at, data, seq from records where debate_id = %(debate)s and seq > 0"
        " order by seq limit 1000"
    ),
    "a debate's records, the last page": (
        "select id, debate_id, kind, at, data, seq from records where debate_id = %(debate)s and seq > 1000"
        " and kind in ('event') order by seq limit 1000"
    ),
    "a debate": "select * from debates where debate_id = %(debate)s limit 1",
    "a room's latest debate": "select * from debates where room = 'room-7' order by debate_id desc limit 1",
    "where a person took part": "select debate_id from participants where identity = 'person-77' order by debate_id",
    "where a person spoke": (
        "select debate_id from utterances where identity = 'person-77' order by debate_id limit 1000"
    ),
    "debates that are old": (
        "select debate_id from debates where created_at < 50 and debate_id > %(first)s order by debate_id limit 100"
    ),
}


def measure(url: str, utterances: int, repeats: int = 9) -> dict[str, Any]:
    """The median time (ms) of each query and the scans of its plan, in a database filled with `utterances` rows."""
    apply(url)
    debates = max(1, utterances // ROWS_A_DEBATE)
    with psycopg.connect(url, autocommit=True) as database:
        began = time.perf_counter()
        for statement in _FILL.split(";\n"):
            if statement.strip():
                values = {"debates": debates, "rows": ROWS_A_DEBATE}
                # a client-side binding cursor: a placeholder in `generate_series` has no type of its own
                psycopg.ClientCursor(database).execute(statement.encode(), values)
        database.execute("vacuum analyze")
        result: dict[str, Any] = {
            "rows": debates * ROWS_A_DEBATE,
            "filled_s": round(time.perf_counter() - began, 1),
        }
        named = {"debate": f"{debates // 2:032x}", "first": "0" * 32}
        for what, query in QUERIES.items():
            took = []
            for _ in range(repeats):
                began = time.perf_counter()
                database.execute(query.encode(), named).fetchall()
                took.append((time.perf_counter() - began) * 1000)
            plan = "\n".join(row[0] for row in database.execute(f"explain {query}".encode(), named))
            scans = sorted(set(re.findall(r"((?:Index|Bitmap Index|Index Only|Seq) Scan.*? on \w+)", plan)))
            result[what] = {
                "median_ms": round(median(took), 2),
                "worst_ms": round(max(took), 2),
                "scans": scans,
            }
    return result


async def measured(utterances: int) -> dict[str, Any]:
    """`measure` over a Postgres of its own."""
    postgres = await asyncio.to_thread(PostgresServer().start)
    try:
        return await asyncio.to_thread(measure, postgres.url(postgres.database()), utterances)
    finally:
        await asyncio.to_thread(postgres.stop)


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.replica_queries", description=__doc__)
    parser.add_argument("--utterances", type=int, default=1_000_000)
    print(json.dumps(asyncio.run(measured(parser.parse_args().utterances)), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
