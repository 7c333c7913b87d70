"""The moderator's participant attributes: the state that every page, also one that comes late, reads from the room.

A clock needs no ticking messages: `sage.ends_at` is an instant, and empty while no clock runs. What each one holds is
in docs/page.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from debate.view import DebateView, Procedure

MAX_VALUE_CHARS = 2000
"""LiveKit bounds all attributes of a participant together to 64 KiB."""


def attributes_of(
    view: DebateView, debate_id: str, epoch_seconds: float, services: Mapping[str, str]
) -> dict[str, str]:
    """The `sage.*` attributes for `view`, taken at `epoch_seconds`."""
    runs = view.ends_in is not None and not view.paused
    return {
        "sage.debate_id": debate_id,
        "sage.persona": view.persona.name,
        "sage.topic": view.topic[:MAX_VALUE_CHARS],
        "sage.format": view.format,
        "sage.status": view.status,
        "sage.segment": view.segment or "",
        "sage.ends_at": str(round((epoch_seconds + (view.ends_in or 0.0)) * 1000)) if runs else "",
        "sage.floor": view.floor,
        "sage.queue": _json(_first(view.queue, MAX_VALUE_CHARS)),
        "sage.services": json.dumps(dict(services)),
        **_asked(view.procedure, view.ends_in if view.paused else None),
    }


def _asked(now: Procedure, stopped_at: float | None) -> dict[str, str]:
    """What the format asks of people, empty where it has no such thing; `stopped_at`: what a stopped clock has left."""
    course: dict[str, Any] = {"kind": now.kind, "side": now.side, "next": now.following}
    if stopped_at is not None:
        course["left"] = round(stopped_at)
    preparation = {
        "left": {side: round(seconds) for side, seconds in now.prep_left.items()},
        "side": now.preparing,
        "open": now.may_prepare,
    }
    point = {"window": now.point.window, "by": now.point.by, "taken": now.point.taken}
    ballots = _json(_first(now.ballots, MAX_VALUE_CHARS))
    return {
        "sage.course": _json(course) if now.kind or now.following else "",
        "sage.sides": _sides(now.sides),
        "sage.vote": _votes(now),
        "sage.point": _json(point) if now.point.window != "none" or now.point.by else "",
        "sage.prep": _json(preparation) if now.prep_left else "",
        "sage.ballots": ballots if now.judges else "",
        "sage.checks": "on" if now.may_check else "",
    }


def _votes(now: Procedure) -> str:
    """How many have voted, and the counts of each vote that has closed, in the order of the choices."""
    if not now.votes:
        return ""
    told: dict[str, Any] = {
        "choices": now.choices,
        "votes": [
            {"number": one.number, "name": one.name, "cast": one.cast}
            | ({} if one.counts is None else {"counts": list(one.counts.values())})
            for one in now.votes
        ],
    }
    if now.swing is not None:
        told["swing"] = list(now.swing.values())
    if now.won is not None:
        told["won"] = now.won
    return _json(told)


def _sides(sides: Mapping[str, tuple[str, ...]]) -> str:
    if not sides:
        return ""
    room = (MAX_VALUE_CHARS - len(_json(dict.fromkeys(sides, ())))) // len(sides)
    return _json({side: _first(identities, room) for side, identities in sides.items()})


def _first(names: Iterable[str], chars: int) -> list[str]:
    """As many of `names` as fit into `chars` as JSON: a list that is cut says less, JSON that is cut says nothing."""
    kept: list[str] = []
    left = chars - len("[]")
    for name in names:
        left -= len(_json(name)) + len(",")
        if left < 0:
            break
        kept.append(name)
    return kept


def _json(value: Any) -> str:
    """Compact JSON, "" where it is longer than an attribute may be."""
    text = json.dumps(value, separators=(",", ":"))
    return text if len(text) <= MAX_VALUE_CHARS else ""


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """What differs; an end of time that moved by less than half a second does not."""
    return {
        key: value
        for key, value in after.items()
        if before.get(key) != value and not (key == "sage.ends_at" and _near(before.get(key, ""), value))
    }


def _near(one: str, other: str) -> bool:
    return one.isdigit() and other.isdigit() and abs(int(one) - int(other)) < 500
