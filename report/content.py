"""What a report of a debate holds, as frozen values: the same for every form that it is shown in.

Times are seconds of the debate, but for `began` and `ended` (epoch seconds). All names, topics and words are data from
people: every form escapes them for itself. Owns no reading of journals and no form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from debate.sources import Source

MODERATOR = ""
"""The identity that stands for the moderator."""

FORGOTTEN = "(words removed at the speaker's request)"


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance, or what the moderator was heard to say. `id` is the utterance's, or the journal row's."""

    id: str
    identity: str
    name: str
    text: str
    start: float
    end: float
    typed: bool = False
    forgotten: bool = False

    @property
    def shown(self) -> str:
        """The words, or that they were removed."""
        return FORGOTTEN if self.forgotten else self.text


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the format as it was played. `given`: seconds the format gave it; `speaker`: an identity, or ""."""

    name: str
    kind: str
    side: str
    speaker: str
    start: float
    end: float
    given: float


@dataclass(frozen=True, slots=True)
class Person:
    """What one person did; `seconds` of talk. `given`: seconds that the format gave them alone, None for nobody's."""

    identity: str
    name: str
    role: str
    side: str
    seconds: float
    words: int
    utterances: int
    interrupted: int
    """How often this person cut others off."""

    was_interrupted: int
    given: float | None


@dataclass(frozen=True, slots=True)
class Side:
    name: str
    members: tuple[str, ...]
    seconds: float
    given: float


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of an utterance (`line` is its id), word for word but for its shortening."""

    identity: str
    name: str
    text: str
    line: str
    at: float


@dataclass(frozen=True, slots=True)
class Argument:
    side: str
    quote: Quote
    replies: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """A fact check; `verdict` and `sentence` are "" where it could not be made, and `trouble` says why."""

    claim: str
    verdict: str
    sentence: str
    sources: tuple[Source, ...]
    trouble: str
    at: float


@dataclass(frozen=True, slots=True)
class Voted:
    name: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Balloted:
    judge: str
    decision: str
    reasons: str
    points: Mapping[str, float]
    """By speaker's name, 0 to 100."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that the moderator decided, and why. `to`: a name, "" for the room."""

    at: float
    kind: str
    reason: str
    to: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What was said in a part (or in the whole debate, `part` ""); each claim points to lines."""

    part: str
    by: str
    claims: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """One debate, for people."""

    debate_id: str
    room: str
    topic: str
    format: str
    personas: tuple[str, ...]
    began: float
    ended: float
    over: bool
    """Whether it was ended, or only broke off (or still goes on)."""

    people: tuple[Person, ...]
    sides: tuple[Side, ...]
    parts: tuple[Part, ...]
    lines: tuple[Line, ...]
    arguments: tuple[Argument, ...]
    open_questions: tuple[Quote, ...]
    checks: tuple[Checked, ...]
    votes: tuple[Voted, ...]
    swing: Mapping[str, int] | None
    outcome: str
    """The votes' outcome in words, "" where nobody voted."""

    ballots: tuple[Balloted, ...]
    decision: str
    """The judges' decision in words, "" where there is none."""

    acts: tuple[Act, ...]
    summaries: tuple[Summary, ...]

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max(0.0, self.ended - self.began)

    @property
    def moderator_words(self) -> int:
        """Words that the moderator was heard to say."""
        return sum(len(line.text.split()) for line in self.lines if line.identity == MODERATOR)

    @property
    def words(self) -> int:
        """All words, the moderator's included."""
        return sum(len(line.text.split()) for line in self.lines)

    @property
    def moderator_share(self) -> float:
        """The moderator's share of all words, 0 to 1."""
        return self.moderator_words / self.words if self.words else 0.0

    @property
    def arguments_by_side(self) -> tuple[tuple[str, tuple[Argument, ...]], ...]:
        """Each side that argued, in the format's order, those on no side last; with its arguments."""
        order = [*(side.name for side in self.sides), *(one.side for one in self.arguments if one.side), ""]
        found = ((side, tuple(a for a in self.arguments if a.side == side)) for side in dict.fromkeys(order))
        return tuple((side, arguments) for side, arguments in found if arguments)

    def name_of(self, identity: str) -> str:
        """What somebody is called; "" for nobody."""
        return next((person.name for person in self.people if person.identity == identity), "")
