"""Points of information and of order: offered, accepted, declined, and over after fifteen seconds.

Owns who may offer one and when (the format's window within a speech), and for how long the point is its maker's time.
"""

# ruff: noqa: ARG001 - the functions of one table share one signature, whatever each of them needs.
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from debate.acts import Act, CannotBeError, Done
from debate.clock import Clock
from debate.grammar import ParsedCommand
from debate.view import Window

if TYPE_CHECKING:
    from debate.debate import Debate

POINT_SECONDS = 15.0
"""A point of information is over then (World Universities Debating rules)."""

COURTESY_SECONDS = 2.0
"""Nobody is cut off in the last word of a point."""

OFFER_SECONDS = 15.0
"""An offer that nobody answers is gone."""


@dataclass(slots=True)
class Point:
    """The point that is offered or made at the moment."""

    by: str = ""
    offered_at: float = 0.0
    accepted_at: float | None = None
    told: bool = False
    """Whether the speaker knows of the offer."""

    aside: tuple[str, float] = ("", -1e9)
    """Who last said a word in another's speech, and when."""

    def clear(self) -> None:
        """Nothing is offered any more."""
        self.by, self.accepted_at, self.told, self.aside = "", None, False, ("", -1e9)

    def made_by(self, at: float) -> str:
        """Whose time it is for a point, "" for nobody's."""
        return self.by if self.accepted_at is not None and not self.over(at) else ""

    def over(self, at: float) -> bool:
        """Whether a point that was accepted has had its time; an offer that nobody answered goes by itself."""
        if self.by and self.accepted_at is None and at >= self.offered_at + OFFER_SECONDS:
            self.clear()
        return self.accepted_at is not None and at >= self.accepted_at + POINT_SECONDS + COURTESY_SECONDS


def window(clock: Clock, at: float) -> Window:
    """Whether points may be offered now: "closed" is the protected time of a part that has them."""
    segment = clock.segment
    if clock.status != "running" or segment is None or segment.points_of_information is None:
        return "none"
    since, until = segment.points_of_information
    return "open" if since <= clock.elapsed(at) <= until else "closed"


def order(debate: Debate, by: str, at: float) -> Done:
    """A point of order is about the rules: whoever takes part may make one at any time, and it is heard at once."""
    name = debate.view(at).name(by)
    point = debate.point
    if point.made_by(at):
        raise CannotBeError("Another point is being made.")
    if debate.clock.status == "running":
        point.clear()
        point.by, point.offered_at, point.accepted_at, point.told = by, at, at, True
    return "raised a point of order", f"{name}, your point of order, fifteen seconds."


def offer(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    if command.args.get("kind") == "order":
        return order(debate, by, at)
    point, holder = debate.point, debate.people.floor
    segment = debate.clock.segment
    if segment is None or segment.points_of_information is None:
        raise CannotBeError("There are no points of information in this part.")
    if window(debate.clock, at) != "open":
        raise CannotBeError("This is protected time: no points of information now.")
    if by == holder or not _opposed(debate, by):
        raise CannotBeError("Points of information come from the other side.")
    if point.by == by:  # the speaker has heard it, and the moderator was told as well
        return "offered a point of information", ""
    if point.by:
        raise CannotBeError("Another point is offered already.")
    point.clear()
    point.by, point.offered_at = by, at
    return "offered a point of information", ""


def accept(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    point = debate.point
    if not point.by or point.accepted_at is not None or by != debate.people.floor:
        raise CannotBeError("No point is offered to you.")
    point.accepted_at = at
    name = debate.view(at).name(point.by)
    return f"took a point of information of {name}", f"{name}, your point, fifteen seconds."


def decline(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    point = debate.point
    if not point.by or point.accepted_at is not None or by != debate.people.floor:
        raise CannotBeError("No point is offered to you.")
    name = debate.view(at).name(point.by)
    point.clear()
    return f"declined a point of information of {name}", ""


def give_up(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    """Yield: the rest of one's own time is not wanted."""
    if debate.people.floor != by:
        raise CannotBeError("You do not have the floor.")
    segment = debate.clock.segment
    if segment is not None and debate.clock.status == "running":
        debate.clock.ends_at = at
        return f"yielded the rest of the {segment.name}", ""
    debate.people.release(at)
    return "yielded the floor", ""


_OFFERING = re.compile(
    r"^(?:\w+ ){0,2}?(?:on (?:a|that|this) point|(?:a )?point of (?:information|order|clarification)|on a point of)\b"
)
_TAKING = re.compile(
    r"^(?:yes|yeah|sure|okay|ok|accepted|go ahead|go on|please|i will take (?:it|that|you|this)|i take it|i accept)\b"
)
_REFUSING = re.compile(
    r"^(?:no|not now|declined?|later|in a (?:moment|minute|second)|i am in my|sit down|no thank)\b"
)
SHORT_WORDS = 14


def heard(debate: Debate, identity: str, words: str, at: float) -> None:
    """What is said in a speech may offer a point, or be the speaker's answer to one. `words`: lower case, bare. A
    speaker may also give way to whoever has just said a word."""
    point, holder, count = debate.point, debate.people.floor, len(words.split())
    segment = debate.clock.segment
    if (
        not debate.people.given
        or segment is None
        or segment.points_of_information is None
        or count > SHORT_WORDS
    ):
        return
    if identity != holder:
        point.aside = (identity, at)
        if (
            not point.by
            and _OFFERING.match(words)
            and window(debate.clock, at) == "open"
            and _opposed(debate, identity)
        ):
            point.by, point.offered_at, point.told = identity, at, True
    elif _TAKING.match(words):
        who, when = point.aside
        if point.accepted_at is None and (point.by or (who and at - when <= OFFER_SECONDS)):
            point.by = point.by or who
            point.accepted_at, point.told = at, True
    elif _REFUSING.match(words) and point.accepted_at is None:
        point.clear()


def _opposed(debate: Debate, identity: str) -> bool:
    """Whether somebody may put a point to whoever speaks: they are on no side, or on another."""
    person, speaker = debate.people.known.get(identity), debate.people.known.get(debate.people.floor)
    return person is not None and speaker is not None and (not person.side or person.side != speaker.side)


ACTS: Mapping[str, Act] = MappingProxyType(
    {"point": offer, "accept": accept, "decline": decline, "yield": give_up}
)
