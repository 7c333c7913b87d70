"""A frozen snapshot of a debate: what briefings, the playbook and the page's attributes are made of.

Owns only the shape and the look-ups in it. Text and names in it are data from people.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    last_speaker: str = ""  # identity of who spoke last
    paused: bool = False
    quiet: bool = False  # was told to be quiet
    status: str = "open"  # of the format's clock: open, ready, running, paused, over

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
