"""The debates and questions of tests/recall, and how well a search answers them.

Owns the reading of those files and the measures. Searches nothing itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from memory import DebateRecord, Record, Store
from memory.ranking import Find

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "recall"
ROOM = "hall"
ASKED_AT = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
_UTTERANCE_SECONDS = 12.0


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the names of the utterances that answer it: none where nothing does."""

    text: str
    answers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Measure:
    """Of the questions with an answer: recall (share of them with one in the first five) and mean reciprocal rank.
    `invented`: share of the questions without one that were answered all the same.
    """

    recall_at_5: float
    mrr: float
    invented: float


def questions(half: str) -> tuple[Question, ...]:
    """The questions of `half`: "tuning" or "held-out"."""
    lines = (FOLDER / half / "questions.txt").read_text(encoding="utf-8").splitlines()
    parts = (line.partition("|") for line in lines if line.strip())
    return tuple(Question(text.strip(), frozenset(answers.split())) for text, _, answers in parts)


def record_id(name: str) -> str:
    """The record's id of the utterance that the questions call `name`."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def debates() -> tuple[tuple[DebateRecord, tuple[Record, ...]], ...]:
    """All debates with their records, as a journal has them."""
    return tuple(_read(path) for path in sorted((FOLDER / "debates").glob("*.txt")))


async def fill(store: Store) -> None:
    """Write all debates into `store`."""
    for debate, records in debates():
        await store.open_debate(debate)
        await store.append(records)


async def measured(asked: Iterable[Question], search: Callable[[str], Awaitable[Iterable[Find]]]) -> Measure:
    """How `search` does, which answers a question's finds, the best first."""
    recalled, reciprocal, invented, answered, unanswered = 0, 0.0, 0, 0, 0
    for question in asked:
        found = [find.id for find in await search(question.text)][:5]
        if not question.answers:
            unanswered += 1
            invented += bool(found)
            continue
        right = {record_id(name) for name in question.answers}
        place = next((index for index, one in enumerate(found, 1) if one in right), 0)
        answered += 1
        recalled += place > 0
        reciprocal += 1 / place if place else 0
    return Measure(recalled / max(1, answered), reciprocal / max(1, answered), invented / max(1, unanswered))


def _read(path: Path) -> tuple[DebateRecord, tuple[Record, ...]]:
    head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
    given = dict(line.split(": ", 1) for line in head.splitlines())
    at = datetime.fromisoformat(given["at"]).timestamp()
    debate_id = str(uuid.uuid5(uuid.NAMESPACE_OID, path.stem))
    debate = DebateRecord(debate_id, given["room"], given["topic"], "neutral-facilitator", "open", at)
    records = [
        Record(
            record_id(f"{path.stem}/{identity}"),
            debate_id,
            "event",
            at,
            {"type": "joined", "identity": identity, "name": name, "role": "debater"},
        )
        for identity, name in (one.split("=") for one in given["people"].split("; "))
    ]
    for count, line in enumerate(body.splitlines(), 1):
        name, identity, text = line.split(" ", 2)
        identity = identity.removesuffix(":")
        start = count * _UTTERANCE_SECONDS
        said = {
            "type": "uttered",
            "utterance_id": name,
            "identity": identity,
            "text": text,
            "start": start,
            "end": start + 8.0,
        }
        records.append(Record(record_id(name), debate_id, "event", at + start, said))
    return debate, tuple(records)
