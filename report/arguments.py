"""What people argued, what was replied to it, and which questions nobody took up: by counting words, without a model.

Every sentence is somebody's own, shortened at the most. Owns the choice; judges nothing to be true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from debate.address import find_address
from debate.extract import telling_sentence
from debate.topicality import stems
from debate.words import clean, sentences
from report.content import MODERATOR, Argument, Line, Quote

ARGUMENTS_OF_EACH = 5
"""Arguments told of one person."""

LEAST_WORDS = 6
REPLY_SECONDS = 600.0
REPLY_LINES = 12
"""A reply comes within so many lines and so long: later, equal words are about something else."""

SHARED_STEMS = 2
TAKEN_UP_SECONDS = 90.0
QUESTION_CHARS = 200


def arguments_of(lines: Sequence[Line], sides: Mapping[str, str]) -> tuple[Argument, ...]:
    """The most telling sentences of each person, in the order of their saying, with what others replied."""
    spoken = [line for line in lines if line.identity != MODERATOR and not line.forgotten]
    stemmed = [stems(line.text) for line in spoken]
    often = Counter(stem for words in stemmed for stem in words)
    chosen: dict[str, list[tuple[float, int]]] = {}
    for index, line in enumerate(spoken):
        if len(line.text.split()) < LEAST_WORDS or line.text.rstrip().endswith("?") or _to_moderator(line):
            continue
        # what others take up again matters to the debate; a word said once may be a slip of the recogniser
        weight = sum(min(often[stem], 4) - 0.5 for stem in stemmed[index])
        chosen.setdefault(line.identity, []).append((weight, index))
    best = sorted(
        index for ranked in chosen.values() for _, index in sorted(ranked, reverse=True)[:ARGUMENTS_OF_EACH]
    )
    return tuple(
        Argument(sides.get(spoken[index].identity, ""), quote, _replies(spoken, stemmed, index, sides))
        for index in best
        if (quote := _quote(spoken[index])).text
    )


def _replies(
    spoken: Sequence[Line], stemmed: Sequence[frozenset[str]], index: int, sides: Mapping[str, str]
) -> tuple[Quote, ...]:
    """The first thing that somebody else (of another side, where there are sides) said to the same words."""
    line = spoken[index]
    side = sides.get(line.identity, "")
    for later in range(index + 1, min(index + 1 + REPLY_LINES, len(spoken))):
        other = spoken[later]
        if other.start - line.end > REPLY_SECONDS:
            break
        same_side = bool(side) and sides.get(other.identity, "") == side
        if other.identity == line.identity or same_side or _to_moderator(other):
            continue
        if len(stemmed[index] & stemmed[later]) >= SHARED_STEMS and (quote := _quote(other)).text:
            return (quote,)
    return ()


def open_questions(lines: Sequence[Line], names: Sequence[str]) -> tuple[Quote, ...]:
    """Questions to the others after which nobody else said a word of theirs within TAKEN_UP_SECONDS."""
    spoken = [line for line in lines if line.identity != MODERATOR and not line.forgotten]
    found = []
    for index, line in enumerate(spoken):
        question = _question(line.text)
        if not question or find_address(line.text, names) is not None:
            continue
        asked = stems(question)
        later = [
            other
            for other in spoken[index + 1 : index + 1 + REPLY_LINES]
            if other.identity != line.identity and other.start - line.end <= TAKEN_UP_SECONDS
        ]
        if asked and not any(asked & stems(other.text) for other in later):
            found.append(Quote(line.identity, line.name, question, line.id, line.start))
    return tuple(found)


def _question(text: str) -> str:
    """The last sentence of `text` where it is a question of some length, else ""."""
    parts = sentences(clean(text, 2000))
    last = parts[-1] if parts else ""
    return clean(last, QUESTION_CHARS) if last.endswith("?") and len(last.split()) >= LEAST_WORDS - 1 else ""


def _quote(line: Line) -> Quote:
    return Quote(line.identity, line.name, telling_sentence([line.text]), line.id, line.start)


def _to_moderator(line: Line) -> bool:
    return find_address(line.text) is not None
