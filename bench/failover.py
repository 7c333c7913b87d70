"""Dead air after the first link of a chain dies: Sage and a stock agent, asked the same of the same simulated vendors.

For every kind of link and every fault: a healthy turn, the turn in which the first link is dead, and the one after it.
All times are those of sound that another participant received. `make bench-failover`, ARGS="--kinds llm --faults cut".
Each result is written at once to `bench/results/failover-cases.jsonl`; ARGS=--go-on measures only what it lacks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench.endurance import lost_and_doubled
from bench.results import RESULTS, Target, commit, publish
from bench.side_by_side import ASKED, SAID, Room, SideBySide, Turn
from rehearsal.cores import Cores
from rehearsal.moderated import spoken
from simulators.faults import IN_STREAM, STATUSES, Fault
from simulators.fleet import VENDORS

REPLY = "That argument has two parts. Please answer the first one now, and keep the second one for later."
SHORT_REPLY = "Please answer the first part now."
"""Of the turns before and after: only their first sound is of interest."""

Place = Callable[[], AbstractAsyncContextManager[Room]]
FIRST_LINKS = {"stt": "deepgram", "llm": "cerebras", "tts": "cartesia"}
MIDWAY = {"stt": 1500, "llm": 6, "tts": 60_000}
"""Milliseconds heard, tokens, bytes of audio (1.4 s): where a fault strikes in the middle."""

AT_MOST = {"sage": 12.0, "stock": 15.0}
"""Seconds that an answer is waited for. Stock's own limits are 44 s and more (LIVEKIT.md)."""

TRIES = 5
REST_SECONDS = 30.0
STARVED_SHARE = 0.2
"""Of the processor time that was asked for: where the host took more, sound comes late and in bursts, and what is
measured is the host."""

MORE_SECONDS = 1.5
NEXT_SECONDS = 0.05


NOT_MEASURED = (RuntimeError, TimeoutError, AssertionError)
"""What a room that never came to its turn raises: no greeting, no answer, no cores."""


class StarvedError(RuntimeError):
    """The host took this share of the processor time in a turn: what was measured is the host."""

    def __init__(self, share: float) -> None:
        super().__init__(f"the host took {share:.0%} of the processor time")
        self.share = share


@dataclass(frozen=True, slots=True)
class Case:
    """One way of dying."""

    kind: str
    fault: Fault
    after: int = 0

    @property
    def name(self) -> str:
        return f"{self.kind} {self.fault}{' midway' if self.after else ''}"

    def setting(self) -> dict[str, Any]:
        """As `PUT /_fault` takes it; open connections are struck too, as the vendor is dead for them as well."""
        return {"fault": str(self.fault), "after": self.after, "reset_open": self.fault not in IN_STREAM}


def cases(kinds: Sequence[str], faults: Sequence[str]) -> list[Case]:
    """Every fault that the first link of each kind has, before its answer and in the middle of it."""
    found = []
    for kind in kinds:
        for fault in sorted(VENDORS[FIRST_LINKS[kind]].faults - {Fault.NONE}):
            if faults and str(fault) not in faults:
                continue
            found.append(Case(kind, fault))
            if fault in IN_STREAM and fault not in STATUSES:
                found.append(Case(kind, fault, MIDWAY[kind]))
    return found


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds of dead air of three turns; the share of the reply's words that the dying turn said; the words of its
    question that were lost or doubled, beside the same sound in the healthy turn."""

    healthy: float
    dying: float
    following: float
    said: float
    lost: int
    doubled: int
    heard: tuple[str, str]
    """The question as it was recognised in the healthy and in the dying turn."""

    @property
    def more(self) -> float:
        return self.dying - self.healthy


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared."""
    return [plain for word in text.split() if (plain := word.strip(".,?!").lower())]


def share_said(turn: Turn) -> float:
    """The share of the reply's words that were said; over 1 where some were said twice."""
    wanted, said = words_of(REPLY), words_of(turn.text)
    return 1.0 if sorted(said) == sorted(wanted) else sum(word in wanted for word in said) / len(wanted)


async def ask(bench: SideBySide, room: Room, kind: str, reply: str, at_most: float) -> tuple[Turn, float]:
    """One turn, answered with `reply`, and the share of the processor time that the host took meanwhile."""
    for name in ("cerebras", "openai"):
        await bench.vendors.put(name, "_script", {"answers": [reply] * 3})
    if kind != "stt":  # what is not measured costs no processor time
        for name in ("deepgram", "openai"):
            await bench.vendors.put(name, "_script", {"heard": [ASKED]})
    cores = Cores()
    turn = await room.ask(spoken(SAID), at_most=at_most)
    return turn, cores.stolen_share()


async def die(bench: SideBySide, room: Room, case: Case, at_most: float) -> Result:
    """Three turns of one room. Raises StarvedError where the host took too much in one of them."""
    vendor = FIRST_LINKS[case.kind]
    try:
        healthy, first = await ask(bench, room, case.kind, SHORT_REPLY, at_most)
        await room.quiet()
        await bench.vendors.put(vendor, "_fault", case.setting())
        dying, second = await ask(bench, room, case.kind, REPLY, at_most)
        following, third = await ask(bench, room, case.kind, SHORT_REPLY, at_most)
    finally:
        await bench.vendors.heal(vendor)
    if (stolen := max(first, second, third)) > STARVED_SHARE:
        raise StarvedError(stolen)
    lost, doubled = lost_and_doubled(words_of(healthy.heard), words_of(dying.heard))
    said = share_said(dying)
    heard = (healthy.heard, dying.heard)
    return Result(healthy.silence, dying.silence, following.silence, said, lost, doubled, heard)


async def in_a_room(bench: SideBySide, place: Place, case: Case, who: str) -> Result:
    """One case in a room of its own, whose chains know nothing yet."""
    async with place() as room:
        return await die(bench, room, case, AT_MOST[who])


async def with_cores(measured: Callable[[], Awaitable[Result]]) -> Result:
    """A result of a machine that had its cores in every turn: what was measured without them is measured again after
    a rest, with one line that says so. Raises StarvedError after TRIES."""
    tried = 0
    while True:
        tried += 1
        cores = Cores()
        try:
            return await measured()
        except NOT_MEASURED as error:
            taken = error.share if isinstance(error, StarvedError) else cores.stolen_share()
            if taken < STARVED_SHARE or tried == TRIES:
                raise
        print(f"  the host took {taken:.0%} of the processor time meanwhile: again", flush=True)
        await asyncio.sleep(REST_SECONDS)


class Ledger:
    """The results of a benchmark that takes an hour, a line of JSON each: what was measured is not lost with it."""

    def __init__(self, path: Path, *, go_on: bool) -> None:
        self._path = path
        self.found: dict[str, dict[str, list[Result]]] = {}
        """By case and by who."""

        if not go_on:
            path.unlink(missing_ok=True)
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            kept = json.loads(line)
            result = Result(**kept["result"] | {"heard": tuple(kept["result"]["heard"])})
            self._by(kept["case"], kept["who"]).append(result)

    def _by(self, case: str, who: str) -> list[Result]:
        return self.found.setdefault(case, {}).setdefault(who, [])

    def has(self, case: Case, who: str, rounds: int) -> bool:
        """Whether a case was measured so often."""
        return len(self._by(case.name, who)) >= rounds

    def add(self, case: Case, who: str, result: Result) -> None:
        """Keep a result, with the commit that it is of."""
        self._by(case.name, who).append(result)
        line = {"case": case.name, "who": who, "commit": commit(), "result": asdict(result)}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


async def measure(bench: SideBySide, wanted: list[Case], rounds: int, ledger: Ledger) -> int:
    """Every case that the ledger lacks; progress a line each. Answers how many of them could not be measured."""
    agents = {"sage": bench.sage} | ({} if bench.stock is None else {"stock": bench.peer})
    due = [
        (case, who)
        for number in range(rounds)
        for case in wanted
        for who in agents
        if not ledger.has(case, who, number + 1)
    ]
    failed = 0
    for number, (case, who) in enumerate(due, start=1):
        try:
            result = await with_cores(partial(in_a_room, bench, agents[who], case, who))
        except NOT_MEASURED as error:
            print(f"[{number}/{len(due)}] {case.name:34} {who:5} not measured: {error}", flush=True)
            failed += 1
            continue
        ledger.add(case, who, result)
        print(
            f"[{number}/{len(due)}] {case.name:34} {who:5} healthy {result.healthy:5.2f} s, "
            f"dying {result.more:+6.2f} s, "
            f"next {result.following - result.healthy:+6.2f} s, said {result.said:.0%}, "
            f"heard {-result.lost:+d} {result.doubled:+d}",
            flush=True,
        )
    return failed


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, the nearest value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]


def targets_of(kind: str, own: Sequence[Result]) -> list[Target]:
    """The targets of one kind of link."""
    # single turns differ by tenths of a second on a busy machine, so the turns after are compared as a whole
    after = median(one.following for one in own) - median(one.healthy for one in own)
    targets = [
        Target(
            f"{kind}: more dead air when it dies (P95)", p95([one.more for one in own]), "s", MORE_SECONDS
        ),
        Target(f"{kind}: more in the turn after it (median)", after, "s", NEXT_SECONDS),
        Target(
            f"{kind}: words said when it dies (least)", min(one.said for one in own), "", 1.0, at_least=True
        ),
    ]
    if kind == "stt":
        targets.append(Target("stt: words lost", sum(one.lost for one in own), "", 0))
        targets.append(Target("stt: words doubled", sum(one.doubled for one in own), "", 0))
    return targets


def figures_of(stock: Sequence[Result]) -> dict[str, float]:
    """What the stock agent did."""
    return {
        "more when it dies (P95)": p95([one.more for one in stock]),
        "more in the turn after it (median)": median(one.following for one in stock)
        - median(one.healthy for one in stock),
        "words said when it dies (least)": min(one.said for one in stock),
        "words of questions lost": sum(one.lost for one in stock),
        "words of questions doubled": sum(one.doubled for one in stock),
    }


def judge(found: dict[str, dict[str, list[Result]]], failed: int) -> int:
    """Publish; answers the exit code."""
    targets, compared = [Target("cases that could not be measured", failed, "", 0)], {}
    for kind in FIRST_LINKS:
        by_who = [each for name, each in found.items() if name.startswith(kind)]
        if own := [one for each in by_who for one in each.get("sage", [])]:
            targets += targets_of(kind, own)
        if stock := [one for each in by_who for one in each.get("stock", [])]:
            compared[f"stock {kind}"] = figures_of(stock)
    detail = {
        name: {who: [asdict(one) for one in each] for who, each in by.items()} for name, by in found.items()
    }
    for name, figures in compared.items():
        print(f"  {name}: " + ", ".join(f"{what} {value:.2f}" for what, value in figures.items()))
    return publish("failover", targets, compared=compared, detail=detail)


async def main(options: argparse.Namespace) -> int:
    """Start all, measure, stop."""
    wanted = cases(options.kinds, options.faults)
    ledger = Ledger(RESULTS / "failover-cases.jsonl", go_on=options.go_on)
    async with SideBySide.start(latency=options.latency, stock=not options.no_stock) as bench:
        failed = await measure(bench, wanted, options.rounds, ledger)
    return judge(ledger.found, failed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=tuple(FIRST_LINKS), default=list(FIRST_LINKS))
    parser.add_argument("--faults", nargs="*", choices=[str(one) for one in Fault], default=[])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--latency", default="medians", help="a profile of simulators/latency.py")
    parser.add_argument("--no-stock", action="store_true", help="Sage alone")
    parser.add_argument("--go-on", action="store_true", help="measure only what the last run left")
    sys.exit(asyncio.run(main(parser.parse_args())))
