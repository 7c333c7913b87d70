"""Who is on which side, and who speaks in which part of a format: sides are chosen, or balanced; members take turns.

Owns the rules of both. Holds no people (people.py) and no time (clock.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from debate.formats import Format
from debate.people import Person

DEBATING = frozenset({"host", "debater"})


def debaters(people: Sequence[Person]) -> list[Person]:
    """Who is here to debate, in the order of their coming. A host debates only where too few others would."""
    here = [person for person in people if person.present and person.role in DEBATING]
    others = [person for person in here if person.role != "host" or person.side]
    return others if len(others) >= 2 else here


def balance(form: Format, people: Sequence[Person]) -> None:
    """Give a side to each debater who has chosen none: the smallest one, in the format's order."""
    if not form.sides:
        return
    here = debaters(people)
    sizes = {side: sum(person.side == side for person in here) for side in form.sides}
    for person in here:
        if person.side not in sizes:
            person.side = min(form.sides, key=lambda side: sizes[side])
            sizes[person.side] += 1


def members(side: str, people: Sequence[Person]) -> list[Person]:
    """Who speaks for `side`, in the order of their coming."""
    return [person for person in debaters(people) if person.side == side]


def speaker_of(form: Format, index: int, people: Sequence[Person]) -> str:
    """Who speaks in the part `index`: the side's members in turn; a reply is its first speaker's. "" where the part
    belongs to nobody, or the side has nobody left."""
    segment = form.segments[index] if 0 <= index < len(form.segments) else None
    if segment is None or segment.side not in form.sides:
        return ""
    own = members(segment.side, people)
    if not own:
        return ""
    if segment.kind == "reply":
        return own[0].identity
    turn = sum(one.side == segment.side and one.kind == segment.kind for one in form.segments[:index])
    return own[turn % len(own)].identity


def missing(form: Format, people: Sequence[Person]) -> tuple[str, ...]:
    """The sides that have nobody to speak for them."""
    return tuple(side for side in form.sides if not members(side, people))
