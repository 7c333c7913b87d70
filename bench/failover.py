"""Dead air after the first link of a chain dies: Sage and a stock agent, asked the same of the same simulated vendors.

For every kind of link and every fault: a healthy turn, the turn in which the first link is dead, and the one after it.
All times are those of sound that another participant received. `make bench-failover`, ARGS="--kinds llm --faults cut".
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.results import Target, publish
from bench.side_by_side import Room, SideBySide, Turn, question
from simulators.faults import IN_STREAM, STATUSES, Fault
from simulators.fleet import VENDORS

ASKED = "Moderator, what do you make of the last argument?"
REPLY = "That argument has two parts. Please answer the first one now, and keep the second one for later."
FIRST_LINKS = {"stt": "deepgram", "llm": "cerebras", "tts": "cartesia"}
MIDWAY = {"stt": 1500, "llm": 6, "tts": 60_000}
"""Milliseconds heard, tokens, bytes of audio (1.4 s): where a fault strikes in the middle."""

AT_MOST = {"sage": 12.0, "stock": 15.0}
"""Seconds that an answer is waited for. Stock's own limits are 44 s and more (LIVEKIT.md)."""

MORE_SECONDS = 1.5
NEXT_SECONDS = 0.05


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
    """Seconds of dead air of three turns, and the share of the reply's words that the dying turn said."""

    healthy: float
    dying: float
    following: float
    said: float

    @property
    def more(self) -> float:
        return self.dying - self.healthy

    @property
    def next_more(self) -> float:
        return self.following - self.healthy


def share_said(turn: Turn) -> float:
    """The share of the reply's words that were said, in order; over 1 where some were said twice."""
    wanted = [word.strip(".,").lower() for word in REPLY.split()]
    said = [word.strip(".,").lower() for word in turn.text.replace("[1][2]", "").split()]
    if sorted(said) == sorted(wanted):
        return 1.0
    return sum(word in wanted for word in said) / len(wanted)


async def die(bench: SideBySide, room: Room, case: Case, at_most: float) -> Result:
    """Three turns of one room."""
    sound, vendor = question(ASKED), FIRST_LINKS[case.kind]
    for name in ("cerebras", "openai"):
        await bench.vendors.put(name, "_script", {"answers": [REPLY] * 6})
    try:
        healthy = await room.ask(sound, at_most=at_most)
        await room.quiet()
        await bench.vendors.put(vendor, "_fault", case.setting())
        dying = await room.ask(sound, at_most=at_most)
        following = await room.ask(sound, at_most=at_most)
    finally:
        await bench.vendors.heal(vendor)
    return Result(healthy.silence, dying.silence, following.silence, share_said(dying))


async def measure(bench: SideBySide, wanted: list[Case], rounds: int) -> dict[str, dict[str, list[Result]]]:
    """Every case, by case and by who; progress a line each."""
    found: dict[str, dict[str, list[Result]]] = {}
    for number, case in enumerate(wanted * rounds, start=1):
        for who, place in (("sage", bench.sage), ("stock", bench.peer)):
            if who == "stock" and bench.stock is None:
                continue
            async with place() as room:
                result = await die(bench, room, case, AT_MOST[who])
            found.setdefault(case.name, {}).setdefault(who, []).append(result)
            print(
                f"[{number}/{len(wanted) * rounds}] {case.name:34} {who:5} healthy {result.healthy:5.2f} s, "
                f"dying {result.more:+6.2f} s, next {result.next_more:+6.2f} s, said {result.said:.0%}",
                flush=True,
            )
    return found


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, the nearest value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]


def judge(found: dict[str, dict[str, list[Result]]]) -> int:
    """Publish; answers the exit code."""
    targets, compared = [], {}
    for kind in FIRST_LINKS:
        own = [one for name, each in found.items() if name.startswith(kind) for one in each["sage"]]
        if not own:
            continue
        targets += [
            Target(
                f"{kind}: more dead air when it dies (P95)", p95([one.more for one in own]), "s", MORE_SECONDS
            ),
            Target(
                f"{kind}: more in the turn after it (P95)",
                p95([one.next_more for one in own]),
                "s",
                NEXT_SECONDS,
            ),
            Target(
                f"{kind}: words said when it dies (least)",
                min(one.said for one in own),
                "",
                1.0,
                at_least=True,
            ),
        ]
        stock = [
            one for name, each in found.items() if name.startswith(kind) for one in each.get("stock", [])
        ]
        if stock:
            compared[kind] = {
                "stock more when it dies (P95)": p95([one.more for one in stock]),
                "stock more in the turn after it (P95)": p95([one.next_more for one in stock]),
                "stock words said (least)": min(one.said for one in stock),
            }
    detail = {
        name: {who: [asdict(one) for one in each] for who, each in by.items()} for name, by in found.items()
    }
    for kind, figures in compared.items():
        print(f"  {kind}: " + ", ".join(f"{what} {value:.2f}" for what, value in figures.items()))
    return publish("failover", targets, compared=compared, detail=detail)


async def main(options: argparse.Namespace) -> int:
    """Start all, measure, stop."""
    wanted = cases(options.kinds, options.faults)
    async with SideBySide.start(latency=options.latency, stock=not options.no_stock) as bench:
        return judge(await measure(bench, wanted, options.rounds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=tuple(FIRST_LINKS), default=list(FIRST_LINKS))
    parser.add_argument("--faults", nargs="*", choices=[str(one) for one in Fault], default=[])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--latency", default="medians", help="a profile of simulators/latency.py")
    parser.add_argument("--no-stock", action="store_true", help="Sage alone")
    sys.exit(asyncio.run(main(parser.parse_args())))
