"""How long `Debate.apply` takes over four hours with twenty people, and whether what it keeps stays bounded.

Everybody talks in turn, at random and seeded, now and then over each other or to the moderator. `make bench-apply`,
ARGS="--hours 1 --people 8".
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Iterator
from random import Random
from types import FunctionType, ModuleType
from typing import Any

from bench.results import Target, publish
from debate.debate import Debate
from debate.events import Event, HandRaised, Joined, Left, SpeechEnded, SpeechStarted, Tick, Uttered
from debate.words import words_in
from personas.registry import load_registry

LIMIT_MS = 1.0
TICK_SECONDS = 0.25
GROWTH = 1.5
"""Of what is kept after the first hour, at the most."""

WORDS = words_in(
    "cars city money buses people should because percent children never always agree question why think street air"
    " noise study million schools"
)
ADDRESSED_SHARE = 0.1
"""Of the utterances: they call the moderator."""

Kept = tuple[int, int]


def events(hours: float, people: int, seed: int) -> Iterator[tuple[float, Event]]:
    """A debate without end: speeches of 1 to 16 s, some of them over another's, hands, comings and goings."""
    random = Random(seed)
    names = [f"p{number}" for number in range(people)]
    for who in names:
        yield 0.0, Joined(who, f"Name{who}")
    at, number = 0.0, 0
    while at < hours * 3600:
        who = random.choice(names)
        at += random.random() * 1.5
        number += 1
        yield at, SpeechStarted(who)
        seconds = random.random() * 15 + 1
        over = random.choice(names) if random.random() < 0.1 else ""
        if over:
            yield at + 0.5, SpeechStarted(over)
            yield at + 1.0, SpeechEnded(over, 0.5)
        for tick in range(int(seconds / TICK_SECONDS)):
            yield at + tick * TICK_SECONDS, Tick()
        at += seconds
        yield at, SpeechEnded(who, seconds)
        words = " ".join(random.choice(WORDS) for _ in range(int(seconds * 2.6)))
        words = f"Moderator, {words}" if random.random() < ADDRESSED_SHARE else words
        yield at + 0.3, Uttered(f"u{number}", who, words + random.choice(".?"), at - seconds, at)
        if random.random() < 0.05:
            yield at + 0.4, HandRaised(random.choice(names))
        if random.random() < 0.01:
            yield at + 0.5, Left(who)
            yield at + 0.6, Joined(who, f"Name{who}")


def kept(debate: Debate) -> Kept:
    """(objects, bytes) that only this debate refers to, its personas left out."""
    shared = (type, FunctionType, ModuleType)
    seen = {id(debate.personas), id(debate.persona), id(debate.clock.format)}
    waiting: list[Any] = [debate]
    count = size = 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, shared):
            continue
        seen.add(id(one))
        count += 1
        size += sys.getsizeof(one)
        waiting += gc.get_referents(one)
    return count, size


def measure(hours: float, people: int, seed: int) -> tuple[list[float], list[float], list[Kept]]:
    """(wall milliseconds, processor milliseconds of every `apply`; what is kept after each hour)."""
    personas = load_registry()
    debate = Debate("Should cities ban cars?", personas.get("devils-advocate"), personas=personas)
    wall: list[float] = []
    busy: list[float] = []
    after: list[Kept] = []
    for at, event in events(hours, people, seed):
        if at >= (len(after) + 1) * 3600:
            after.append(kept(debate))
        began, began_busy = time.perf_counter(), time.thread_time()
        debate.apply(event, at)
        busy.append((time.thread_time() - began_busy) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
    return sorted(wall), sorted(busy), [*after, kept(debate)]


def main() -> int:
    """Run from the command line; answers the exit code."""
    parser = argparse.ArgumentParser(prog="make bench-apply", description=__doc__)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    wall, busy, after = measure(given.hours, given.people, given.seed)
    targets = [
        Target(f"apply, P99 of {len(wall)} events", round(wall[int(0.99 * len(wall))], 3), "ms", LIMIT_MS),
        Target("apply, P50", round(wall[len(wall) // 2], 4), "ms"),
        Target("apply, slowest", round(wall[-1], 2), "ms"),
        Target("processor time, P99", round(busy[int(0.99 * len(busy))], 3), "ms"),
        Target(
            f"kept after {given.hours:g} h over the first hour",
            round(after[-1][1] / after[0][1], 2),
            "",
            GROWTH,
        ),
    ]
    return publish("apply", targets, detail={"kept_after_each_hour": after})


if __name__ == "__main__":
    sys.exit(main())
