"""What of a debate matters to the next one: where people stand, what they conceded, agreed, promised and left open.

By counting words and by how people put it, without a model. Every sentence is somebody's own, shortened at the most.
Owns the choice; judges nothing to be true.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from debate.address import find_address
from debate.extract import QUOTE_CHARS, telling_sentence
from debate.topicality import stems
from debate.words import clean, plain, sentences

Kind = Literal["position", "conceded", "agreed", "promised", "open"]

LEAST_WORDS = 6
"""Shorter utterances are no arguments."""

REPLY_LINES = 12
TAKEN_UP_SECONDS = 90.0
"""A question is taken up where somebody else says a word of it within so many utterances and so long."""

QUESTION_CHARS = 200
LEAST_STEMS = 2
SUBSTANTIAL_STEMS = 4
COMMON_UTTERANCES = 2
OF_A_KIND = 5
"""Matters of one kind that are told, the newest; of positions one a person."""

_TEXT_CHARS = 2000


class Said(Protocol):
    """One utterance; times in seconds, of whatever beginning."""

    @property
    def id(self) -> str: ...
    @property
    def identity(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Matter:
    """A sentence of the utterance `said` (its id) that matters, word for word but for its shortening."""

    kind: Kind
    identity: str
    text: str
    said: str


def matters_of(spoken: Sequence[Said], names: Sequence[str] = ()) -> tuple[Matter, ...]:
    """What matters of `spoken` (people's utterances in order, not the moderator's), kind by kind as in `Kind`.

    `names`: what people are called, as an utterance that begins with one is put to that person alone.
    """
    found = [*_positions(spoken)]
    told = [matter for said in spoken for matter in _told(said)]
    for kind in ("conceded", "agreed", "promised"):
        found += [matter for matter in told if matter.kind == kind][-OF_A_KIND:]
    questions = [Matter("open", said.identity, text, said.id) for said, text in open_questions(spoken, names)]
    return (*found, *questions[-OF_A_KIND:])


def arguing(spoken: Sequence[Said]) -> dict[str, list[tuple[float, int]]]:
    """Of each person the utterances that argue, as (weight, index in `spoken`): the heavier, the more taken up."""
    stemmed = [stems(said.text) for said in spoken]
    often = Counter(stem for words in stemmed for stem in words)
    found: dict[str, list[tuple[float, int]]] = {}
    for index, said in enumerate(spoken):
        if len(said.text.split()) < LEAST_WORDS or said.text.rstrip().endswith("?") or to_moderator(said):
            continue
        # what others take up again matters to the debate; a word said once may be a slip of the recogniser
        weight = sum(min(often[stem], 4) - 0.5 for stem in stemmed[index])
        found.setdefault(said.identity, []).append((weight, index))
    return found


def open_questions(spoken: Sequence[Said], names: Sequence[str]) -> list[tuple[Said, str]]:
    """Questions of substance to the others, after which nobody else said a word of theirs within TAKEN_UP_SECONDS.

    Of substance: with SUBSTANTIAL_STEMS, or with LEAST_STEMS of which one is said in more than COMMON_UTTERANCES.
    """
    often = Counter(stem for said in spoken for stem in stems(said.text))
    found = []
    for index, said in enumerate(spoken):
        question = _question(said.text)
        if not question or find_address(said.text, names) is not None:
            continue
        asked = stems(question)
        common = any(often[stem] > COMMON_UTTERANCES for stem in asked)
        if len(asked) < (LEAST_STEMS if common else SUBSTANTIAL_STEMS):
            continue
        later = [
            other
            for other in spoken[index + 1 : index + 1 + REPLY_LINES]
            if other.identity != said.identity and other.start - said.end <= TAKEN_UP_SECONDS
        ]
        if not any(asked & stems(other.text) for other in later):
            found.append((said, question))
    return found


def to_moderator(said: Said) -> bool:
    """Whether an utterance is put to the moderator: no part of the argument."""
    return find_address(said.text) is not None


def _positions(spoken: Sequence[Said]) -> Iterable[Matter]:
    for identity, weighed in arguing(spoken).items():
        _, best = max(weighed)
        if text := telling_sentence([spoken[best].text]):
            yield Matter("position", identity, text, spoken[best].id)


def _told(said: Said) -> Iterable[Matter]:
    if to_moderator(said):
        return
    for sentence in sentences(said.text[:_TEXT_CHARS]):
        if kind := kind_of(sentence):
            yield Matter(kind, said.identity, clean(sentence, QUOTE_CHARS), said.id)
            return  # one of an utterance: the rest of it says the same again


def kind_of(sentence: str) -> Literal["conceded", "agreed", "promised"] | None:
    """Whether a sentence concedes, agrees or promises something, by its wording."""
    words = plain(sentence)
    if sentence.rstrip().endswith("?") or _WORDINGS["none"].search(words):
        return None
    if _WORDINGS["promised"].search(words):
        return "promised"
    if _WORDINGS["conceded"].search(words):
        return "conceded"
    return "agreed" if _WORDINGS["agreed"].search(words) else None


def _question(text: str) -> str:
    """The last sentence of `text` where it is a question of some length, else ""."""
    parts = sentences(clean(text, _TEXT_CHARS))
    last = parts[-1] if parts else ""
    return clean(last, QUESTION_CHARS) if last.endswith("?") and len(last.split()) >= LEAST_WORDS - 1 else ""


def _load_wordings() -> dict[str, re.Pattern[str]]:
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return {one["kind"]: re.compile("|".join(one["wordings"])) for one in tomllib.loads(text)["matter"]}


_WORDINGS = _load_wordings()
