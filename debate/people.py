"""Who is in the debate: names, roles, presence, talk time, raised hands. Bounded, however many come and go.

Owns the counting. Decides nothing; at most one person holds the floor, and whoever leaves gives it up.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from debate.view import PersonView
from debate.words import NAME_CHARS, clean

PEOPLE_MAX = 400  # ever seen; the longest absent are forgotten first
SPEECH_MAX_SECONDS = 3600.0  # a single speech longer than this is an error of the ear

LESS_HEARD_SECONDS = 60.0
"""Whoever was heard for so much less goes before a raised hand, and so does who has said nothing yet."""

WAITED_SECONDS = 120.0
"""A hand that has been up for so long is passed by nobody."""


@dataclass(slots=True)
class Person:
    identity: str
    name: str
    role: str
    side: str = ""
    """The side of the format that this person has taken, or was given; "" for none."""

    present: bool = True
    talk_seconds: float = 0.0
    utterances: int = 0
    speaking_since: float | None = None
    seen_at: float = 0.0
    hand_at: float = 0.0
    """When the hand was raised, where it is up."""

    def goes_before(self, other: Person, at: float) -> bool:
        """Whether a hand raised at `at` is called before another's that has been up: first-timers and the least heard
        first."""
        if at - other.hand_at >= WAITED_SECONDS:
            return False
        first = self.talk_seconds == 0 < other.talk_seconds
        return first or self.talk_seconds + LESS_HEARD_SECONDS <= other.talk_seconds


@dataclass(slots=True)
class People:
    known: dict[str, Person] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    floor: str = ""
    given: bool = False  # the floor was given to its holder, who keeps it while silent
    last_speaker: str = ""

    def join(self, identity: str, name: str, role: str, at: float) -> Person:
        person = self.known.get(identity)
        if person is None:
            person = self.known[identity] = Person(identity, "", role)
            self._forget()
        person.name = clean(name, NAME_CHARS) or clean(identity, NAME_CHARS) or "Guest"
        person.role = role
        person.present = True
        person.seen_at = at
        return person

    def of(self, identity: str, at: float) -> Person:
        """The person, taken in as a debater where the words came before the joining."""
        return self.known.get(identity) or self.join(identity, identity, "debater", at)

    def leave(self, identity: str, at: float) -> None:
        person = self.known.get(identity)
        if person is None:
            return
        self.stop_speaking(identity, None, at)
        person.present = False
        person.seen_at = at
        self.lower_hand(identity)
        if self.floor == identity:
            self.release(at)

    def start_speaking(self, identity: str, at: float) -> None:
        person = self.of(identity, at)
        if not person.present:
            person.present = True
        if person.speaking_since is None:
            person.speaking_since = at
        person.seen_at = at
        if not self.floor:
            self.floor, self.given = identity, False

    def stop_speaking(self, identity: str, seconds: float | None, at: float) -> None:
        """Count a speech of `seconds`, or of the time since it began where nobody measured it."""
        person = self.known.get(identity)
        if person is None:
            return
        since, person.speaking_since = person.speaking_since, None
        if seconds is None:
            seconds = at - since if since is not None else 0.0
        person.talk_seconds += min(max(seconds, 0.0), SPEECH_MAX_SECONDS)
        person.seen_at = at
        if seconds > 0:
            self.last_speaker = identity
        if self.floor == identity and not self.given:
            self.release(at)

    def give_floor(self, identity: str, at: float) -> None:
        self.floor, self.given = identity, True
        self.lower_hand(identity)

    def release(self, at: float) -> None:
        """Whoever has been speaking for the longest holds the floor next."""
        speaking = [p for p in self.known.values() if p.speaking_since is not None and p.present]
        left = [p for p in speaking if p.identity != self.floor]
        self.given = False
        self.floor = min(left, key=lambda p: p.speaking_since or 0.0).identity if left else ""

    def raise_hand(self, identity: str, at: float) -> None:
        """Put a hand into the queue: behind those that are up, but for those of whoever was heard more."""
        holds = identity == self.floor and self.given
        person = self.of(identity, at)
        if not person.present or identity in self.queue or holds:
            return
        person.hand_at = at
        place = len(self.queue)
        while place and person.goes_before(self.known[self.queue[place - 1]], at):
            place -= 1
        self.queue.insert(place, identity)

    def lower_hand(self, identity: str) -> None:
        if identity in self.queue:
            self.queue.remove(identity)

    def views(self, at: float) -> tuple[PersonView, ...]:
        return tuple(
            PersonView(
                person.identity,
                person.name,
                person.role,
                person.present,
                person.talk_seconds
                + (at - person.speaking_since if person.speaking_since is not None else 0.0),
                person.utterances,
            )
            for person in self.known.values()
        )

    def _forget(self) -> None:
        if len(self.known) > PEOPLE_MAX:
            absent = [person for person in self.known.values() if not person.present]
            if absent:
                del self.known[min(absent, key=lambda person: person.seen_at).identity]
