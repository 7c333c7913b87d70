"""What a room hears of Supabase's troubles, and what is lost by them: `make bench-supabase-faults`.

One debate goes on in a real room while Supabase (the real client, a real Postgres, on loopback) is well, and refuses,
hangs, fails, is slow or away in between: the time from a question's last sound to the answer's first is compared, the
turns of all cases taking their turns. Then the worker is killed at seeded moments of a debate, by SIGTERM or SIGKILL,
and started again. At the end everything that a journal ever held must be there, and in Supabase, once and in order.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.latency import ask
from bench.results import Target, publish
from bench.side_by_side import SideBySide
from launcher.stack import Stack
from memory import Journal, Record
from memory.supabase_reading import SupabaseReading
from rehearsal.moderated import ModeratedDebate, moderated
from tests.contract.mirrored_store import tables_of
from tests.contract.postgres_server import PostgresServer
from tests.contract.supabase_server import POSTRUST, SupabaseServer, key

WELL = "well"
RESPONSES: dict[str, int | str | None] = {
    WELL: None,
    "refuses": "refuse",
    "hangs": "hang",
    "500": 500,
    "503": 503,
    "429": 429,
    "loses answers": "lose",
    "slow": "slow",
}
AWAY, RESTARTED = "away", "restarted in a batch"
ROUND_TURNS = 4
WITHIN = 0.05
TAKEN_OVER_SECONDS = 60.0
SENT_SECONDS = 120.0
LINE = "I do not think that this is right, because people need their cars to get to work every day."


@dataclass
class Kept:
    """What was committed of each debate, by its rows' ids in order, and what became of it."""

    committed: dict[str, list[str]] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    differing: int = 0
    """Rows that Supabase has not, or has otherwise."""

    async def look(self, debate: ModeratedDebate) -> None:
        """Remember what is committed now."""
        self.committed[debate.debate_id] = [row.id for row in await debate.journal()]

    async def compare(self, data_dir: Path, server: SupabaseServer) -> int:
        """Count what was lost of it, in the journals and in Supabase; answers the rows of all journals."""
        journal, reading = Journal(data_dir), SupabaseReading(tables_of(server))
        rows = 0
        try:
            for debate in await journal.debates():
                here = await journal.records(debate.debate_id)
                rows += len(here)
                self._count(self.committed.get(debate.debate_id, []), here)
                self.differing += _differing(here, await reading.records(debate.debate_id))
        finally:
            await reading.aclose()
            await journal.aclose()
        return rows

    def _count(self, committed: Sequence[str], here: Sequence[Record]) -> None:
        ids = [row.id for row in here]
        self.lost += len(set(committed) - set(ids))
        self.doubled += len(ids) - len(set(ids))
        known = set(committed)
        self.out_of_order += [one for one in ids if one in known] != list(committed)


def _differing(here: Sequence[Record], there: Sequence[Record]) -> int:
    same = sum(ours == theirs for ours, theirs in zip(here, there, strict=False))
    return max(len(here), len(there)) - same


@asynccontextmanager
async def troubled(server: SupabaseServer, case: str) -> AsyncIterator[None]:
    """Supabase is as `case` says, and well again afterwards."""
    if case == AWAY:
        await server.away()
    elif case == RESTARTED:
        server.on_request = lambda method, _table: _restart(server) if method == "POST" else None
    else:
        server.forever = RESPONSES[case]
    try:
        yield
    finally:
        server.forever, server.on_request = None, lambda _method, _table: None
        if case == AWAY:
            await server.back()


_restarts: set[asyncio.Task[None]] = set()


def _restart(server: SupabaseServer) -> None:
    """Go away in the middle of a request, and come back at once; a request that comes meanwhile is cut too."""

    async def restart() -> None:
        await server.away()
        await server.back()

    if not _restarts:
        task = asyncio.create_task(restart())
        _restarts.add(task)
        task.add_done_callback(_restarts.discard)


async def turns_by_case(bench: SideBySide, server: SupabaseServer, turns: int) -> dict[str, list[float]]:
    """Seconds of the answers of every case, the cases taking turns."""
    cases = [*RESPONSES, AWAY, RESTARTED]
    found: dict[str, list[float]] = {case: [] for case in cases}
    async with bench.sage() as room:
        await ask(bench, room, 2)  # the first answers of a process load what later ones have
        for _ in range(0, turns, ROUND_TURNS):
            for case in cases:
                print(f"Supabase: {case}", flush=True)
                async with troubled(server, case):
                    found[case] += await ask(bench, room, ROUND_TURNS)
    return found


async def away_all_the_time(bench: SideBySide, server: SupabaseServer, turns: int) -> list[float]:
    """Answers of a debate that begins and ends while Supabase is away."""
    print("Supabase: away for a whole debate", flush=True)
    async with troubled(server, AWAY), bench.sage() as room:
        await ask(bench, room, 2)
        return await ask(bench, room, turns)


async def killed(bench: SideBySide, times: int, seed: int, kept: Kept) -> float:
    """Kill the worker at `times` seeded moments of somebody's speech; answers the longest takeover (s)."""
    rng, clock, longest = random.Random(seed), asyncio.get_running_loop().time, 0.0
    stack: Stack = bench.stack
    async with moderated(stack, f"killed-{secrets.token_hex(4)}", "Ana") as debate:
        await debate.greeted()
        for number in range(times):
            harsh = rng.random() < 0.5
            first, after = debate.moderator, rng.uniform(0.0, 6.0)
            print(f"  {number + 1}: {'SIGKILL' if harsh else 'SIGTERM'} after {after:.2f} s", flush=True)
            playback = debate.play("Ana", LINE)
            await asyncio.sleep(after)
            await kept.look(debate)
            began = clock()
            await asyncio.to_thread(stack.worker.kill if harsh else stack.worker.stop)
            await stack.start_worker()
            await debate.taken_over(first, TAKEN_OVER_SECONDS)
            longest = max(longest, clock() - began)
            await asyncio.wait_for(playback.done.wait(), 30)
        await kept.look(debate)
    return longest


async def all_sent(data_dir: Path, server: SupabaseServer) -> None:
    """Wait until Supabase has as many rows as the journals, `SENT_SECONDS` at most."""
    async with asyncio.timeout(SENT_SECONDS):
        while True:
            again = Kept()
            await again.compare(data_dir, server)
            if not again.differing:
                return
            await asyncio.sleep(1.0)


async def measure(turns: int, kills: int, seed: int) -> tuple[list[Target], dict[str, Any]]:
    """All figures."""
    kept = Kept()
    async with AsyncExitStack() as running:
        postgres = await asyncio.to_thread(PostgresServer().start)
        running.callback(postgres.stop)
        server = await SupabaseServer(postgres, postrust=POSTRUST.is_file()).start()
        running.push_async_callback(server.stop)
        settings = {"SUPABASE_URL": server.url, "SUPABASE_SERVICE_ROLE_KEY": key("service_role")}
        starting = SideBySide.start(latency="medians", stock=False, settings=settings)
        bench = await running.enter_async_context(starting)
        found = await turns_by_case(bench, server, turns)
        found["away for a whole debate"] = await away_all_the_time(bench, server, turns)
        longest = await killed(bench, kills, seed, kept) if kills else 0.0
        try:
            await all_sent(bench.stack.data_dir, server)
        except TimeoutError:
            print("  not everything was sent in time")
        rows = await kept.compare(bench.stack.data_dir, server)
        requests = len(server.requests)
    well = found.pop(WELL)
    troubles = [one for case in found.values() for one in case]
    ninety_five = percentile(well)
    targets = [
        Target("answers while Supabase is well, P95", ninety_five, "s"),
        Target(
            "while it is not, P95 over all troubles", percentile(troubles), "s", ninety_five * (1 + WITHIN)
        ),
        *(Target(f"{case}, P95", percentile(case_found), "s") for case, case_found in found.items()),
        Target("committed rows lost", kept.lost, "", 0),
        Target("rows doubled", kept.doubled, "", 0),
        Target("debates out of order", kept.out_of_order, "", 0),
        Target("rows that Supabase has not", kept.differing, "", 0),
    ]
    if kills:
        targets.append(Target(f"another moderator after a kill, longest of {kills}", longest, "s"))
    return targets, {"well_s": well, "troubled_s": found, "rows": rows, "requests": requests, "seed": seed}


def percentile(values: Sequence[float]) -> float:
    """P95 of `values`."""
    return float(np.percentile(np.asarray(values), 95))


def main() -> int:
    """0 where every target is kept."""
    parser = argparse.ArgumentParser(prog="make bench-supabase-faults", description=__doc__)
    parser.add_argument("--turns", type=int, default=24, help="answers of each case")
    parser.add_argument("--kills", type=int, default=20, help="of the worker")
    parser.add_argument("--seed", type=int, default=1, help="of their moments")
    options = parser.parse_args()
    targets, detail = asyncio.run(measure(options.turns, options.kills, options.seed))
    return publish("supabase-faults", targets, detail=detail)


if __name__ == "__main__":
    sys.exit(main())
