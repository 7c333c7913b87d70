"""How well and how soon recall answers: recall at 5 and MRR on both halves of the questions of tests/recall for words,
embeddings and both; and the time of a question over a million utterances.

Makes its journals and its index in a temporary folder and removes them. Owns the generated utterances.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.recall_questions import ASKED_AT, ROOM, Measure, fill, measured, questions
from bench.results import Target, publish
from memory import DebateRecord, Journal, Record, uuid7
from memory.embeddings import embedder
from memory.questions import parse_query
from memory.ranking import LEAST_LIKENESS, Find
from memory.search import COMPARED_MOST, Likeness, LocalSearch
from memory.search_index import SearchIndex

P95_MS = 50.0
UTTERANCES = 1_000_000
A_DEBATE = 2_000
SPEAKERS = 40
VOCABULARY = 20_000
ASKED = 200
_APART_SECONDS = 25  # a million utterances fill ten months


def main() -> int:
    """Measure and publish; answers the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=int, default=UTTERANCES, help="generated for the timing")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sage-recall-") as folder:
        quality = asyncio.run(_quality(Path(folder) / "questions"))
        times, built = timed(Path(folder) / "many", given.utterances)
    targets = [
        Target(f"{given.utterances:,} utterances: a question, P95", _percentile(times, 0.95), "ms", P95_MS),
        Target(f"{given.utterances:,} utterances: a question, P50", _percentile(times, 0.5), "ms"),
        Target("making that index", built, "s"),
    ]
    for name, measure in quality.items():
        targets += [
            Target(f"{name}: recall at 5", measure.recall_at_5, ""),
            Target(f"{name}: MRR", measure.mrr, ""),
            Target(f"{name}: answered without a source", measure.invented, ""),
        ]
    detail = {name: asdict(measure) for name, measure in quality.items()}
    return publish("recall", targets, detail={"quality": detail, "embeddings": embedder() is not None})


async def _quality(folder: Path) -> dict[str, Measure]:
    journal = Journal(folder)
    await fill(journal)
    await journal.aclose()
    found: dict[str, Measure] = {}
    for signal, ask in _signals(folder):
        for half in ("tuning", "held-out"):
            found[f"{signal}, {half}"] = await measured(questions(half), ask)
    return found


def _signals(folder: Path) -> Iterator[tuple[str, Callable[[str], Awaitable[Iterable[Find]]]]]:
    for signal, model in (("words", lambda: None), ("both", embedder)):
        if signal == "both" and embedder() is None:
            continue
        search = LocalSearch(folder, model=model, clock=lambda: ASKED_AT)

        async def ask(text: str, search: LocalSearch = search, signal: str = signal) -> Iterable[Find]:
            # a room's utterances are embedded a part at a time: from the second time on all are compared
            for _ in range(3 if signal == "both" else 1):
                answer = await search.find(ROOM, text)
            return answer.finds

        yield signal, ask
    if (loaded := embedder()) is not None:
        index, likeness = SearchIndex(folder), Likeness(loaded)

        async def alone(text: str) -> Iterable[Find]:
            finds = index.everything(ROOM, parse_query(text, ASKED_AT, index.names(ROOM)), "", COMPARED_MOST)
            for _ in range(3):
                cosines = likeness.of(text, finds)
            alike = [find for find in finds if cosines.get(find.id, 0.0) >= LEAST_LIKENESS]
            return sorted(alike, key=lambda find: -cosines[find.id])

        yield "embeddings", alone


def timed(folder: Path, utterances: int) -> tuple[list[float], float]:
    """Milliseconds of each question by words over so many utterances, and the seconds that their index took to make."""
    chance = random.Random(6)
    words = [f"{a}{b}{c}" for a in _SOUNDS for b in _SOUNDS for c in _SOUNDS][:VOCABULARY]
    weights = [1 / (place + 10) for place in range(len(words))]
    (folder / ROOM).mkdir(parents=True)
    index = SearchIndex(folder)
    began = time.perf_counter()
    for number in range(0, utterances, A_DEBATE):
        text = chance.choices(words, weights, k=A_DEBATE * 12)
        topic = " ".join(chance.choices(words, k=3))
        at = ASKED_AT - (utterances - number) * _APART_SECONDS
        debate = DebateRecord(uuid7(), ROOM, topic, "neutral-facilitator", "open", at)
        records = [_joined(debate, speaker) for speaker in range(SPEAKERS)]
        for place in range(min(A_DEBATE, utterances - number)):
            said = {"type": "uttered", "identity": f"p{chance.randrange(SPEAKERS)}"}
            said["text"] = " ".join(text[place * 12 : place * 12 + 12])
            records.append(
                Record(uuid7(), debate.debate_id, "event", at + place * _APART_SECONDS, dict(said), place + 1)
            )
        # a journal must be there, or its debate is taken for forgotten: an empty file with an empty signature
        (folder / ROOM / f"{debate.debate_id}.sqlite3").touch()
        index.add(debate, records, "|")
    built = time.perf_counter() - began
    index.close()
    search = LocalSearch(folder, model=lambda: None, clock=lambda: ASKED_AT)
    times = []
    for number in range(ASKED):
        asked = " ".join(chance.choices(words, weights, k=chance.randint(1, 5)))
        who = f"did Person{chance.randrange(SPEAKERS)} say about" if number % 2 else "was said about"
        when = ("", " last week", " last month", " last year")[number % 4]
        begun = time.perf_counter()
        search.find_now(ROOM, f"What {who} {asked}{when}?")
        times.append((time.perf_counter() - begun) * 1000)
    asyncio.run(search.aclose())
    return times, built


_SOUNDS = [f"{one}{two}" for one in "bdfgklmnprst" for two in "aeiou"]


def _joined(debate: DebateRecord, speaker: int) -> Record:
    data: dict[str, Any] = {"type": "joined", "identity": f"p{speaker}", "name": f"Person{speaker} Family"}
    return Record(uuid7(), debate.debate_id, "event", debate.created_at, data)


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


if __name__ == "__main__":
    sys.exit(main())
