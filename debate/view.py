"""A frozen snapshot of a debate: what briefings, the playbook and the page's attributes are made of.

Owns only the shape and the look-ups in it. Text and names in it are data from people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from personas.registry import Persona


@dataclass(frozen=True, slots=True)
class PersonView:
    identity: str
    name: str
    role: str
    present: bool
    talk_seconds: float
    utterances: int


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance; times are seconds of the debate. The moderator's own have the identity ""."""

    name: str
    identity: str
    text: str
    start: float
    end: float


Window = Literal["none", "closed", "open"]


@dataclass(frozen=True, slots=True)
class VoteView:
    """One vote as all may know it: who chose what stays untold, and the counts too until it closes."""

    number: int  # one that is started over has another
    name: str
    cast: int
    counts: Mapping[str, int] | None  # None while it is open


@dataclass(frozen=True, slots=True)
class PointView:
    window: Window = "none"  # whether points of information belong to this part, and may be offered now
    by: str = ""  # identity of who offers or makes one
    taken: bool = False  # the speaker has accepted it


@dataclass(frozen=True, slots=True)
class Procedure:
    """What the format asks of people at the moment."""

    kind: str = ""  # of the running part, one of SEGMENT_KINDS
    side: str = ""  # whose part it is, "" for everybody's
    following: str = ""  # what the next part is called
    sides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # identities that are here, by side
    votes: tuple[VoteView, ...] = ()  # in order, the last one perhaps open
    choices: tuple[str, ...] = ()
    swing: Mapping[str, int] | None = None  # None where it is not decided, or there was one vote only
    won: tuple[str, ...] | None = None  # () for a draw; None while a vote is open or to come
    point: PointView = PointView()
    prep_left: Mapping[str, float] = field(default_factory=dict)  # seconds by side
    preparing: str = ""  # the side whose preparation time runs
    may_prepare: bool = False
    judges: bool = False  # judges hand in ballots
    ballots: tuple[str, ...] = ()  # identities of the judges who have
    may_check: bool = False  # claims can be checked


@dataclass(frozen=True, slots=True)
class DebateView:
    topic: str
    format: str
    persona: Persona
    segment: str  # what the running segment is called, "" without one
    ends_in: float | None  # seconds left in the segment; None where nothing is timed
    elapsed: float  # seconds since the debate began
    floor: str  # identity of who has the floor, or ""
    queue: tuple[str, ...]  # identities of raised hands, in order
    people: tuple[PersonView, ...]
    recent: tuple[Said, ...]  # the last words, oldest first, bounded
    earlier: str = ""  # what was said before `recent`, shortened, bounded
    claims: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # of the summaries so far, by identity
    last_speaker: str = ""  # identity of who spoke last
    paused: bool = False
    quiet: bool = False  # was told to be quiet
    status: str = "open"  # of the format's clock: open, ready, running, paused, preparing, over
    procedure: Procedure = Procedure()

    def person(self, identity: str) -> PersonView | None:
        return next((person for person in self.people if person.identity == identity), None)

    def name(self, identity: str) -> str:
        """What to call `identity` aloud; "" where nobody bears it."""
        person = self.person(identity)
        return person.name if person else ""

    @property
    def present(self) -> tuple[PersonView, ...]:
        return tuple(person for person in self.people if person.present)

    def speakers(self) -> tuple[PersonView, ...]:
        """Who is here to debate: all but audience and judges, or everybody where only they are here."""
        here = self.present
        return tuple(person for person in here if person.role in ("host", "debater")) or here
