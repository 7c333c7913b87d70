"""What people argued, what was replied to it, and which questions nobody took up: by counting words, without a model.

Every sentence is somebody's own, shortened at the most. Owns the choice; judges nothing to be true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from debate.extract import telling_sentence
from debate.matters import REPLY_LINES, arguing, open_questions, to_moderator
from debate.topicality import stems
from report.content import MODERATOR, Argument, Line, Quote

ARGUMENTS_OF_EACH = 5
"""Arguments told of one person."""

REPLY_SECONDS = 600.0
"""A reply comes within REPLY_LINES and so long: later, equal words are about something else."""

SHARED_STEMS = 2


def arguments_of(lines: Sequence[Line], sides: Mapping[str, str]) -> tuple[Argument, ...]:
    """The most telling sentences of each person, in the order of their saying, with what others replied."""
    spoken = _spoken(lines)
    stemmed = [stems(line.text) for line in spoken]
    best = sorted(
        index
        for weighed in arguing(spoken).values()
        for _, index in sorted(weighed, reverse=True)[:ARGUMENTS_OF_EACH]
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
        if other.identity == line.identity or same_side or to_moderator(other):
            continue
        if len(stemmed[index] & stemmed[later]) >= SHARED_STEMS and (quote := _quote(other)).text:
            return (quote,)
    return ()


def questions_left(lines: Sequence[Line], names: Sequence[str]) -> tuple[Quote, ...]:
    """Questions to the others that nobody took up."""
    lines = _spoken(lines)
    names_of = {line.id: line.name for line in lines}
    return tuple(
        Quote(said.identity, names_of[said.id], question, said.id, said.start)
        for said, question in open_questions(lines, names)
    )


def _spoken(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.identity != MODERATOR and not line.forgotten]


def _quote(line: Line) -> Quote:
    return Quote(line.identity, line.name, telling_sentence([line.text]), line.id, line.start)
