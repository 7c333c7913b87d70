"""The moderator's participant attributes: the state that every page, also one that comes late, reads from the room.

A clock needs no ticking messages: `sage.ends_at` is an instant, and empty while no clock runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from debate.view import DebateView

MAX_VALUE_CHARS = 2000
"""LiveKit bounds all attributes of a participant together to 64 KiB."""


def attributes_of(
    view: DebateView, debate_id: str, epoch_seconds: float, services: Mapping[str, str]
) -> dict[str, str]:
    """The `sage.*` attributes of DESIGN.md for `view`, taken at `epoch_seconds`."""
    ends_at = "" if view.ends_in is None else str(round((epoch_seconds + view.ends_in) * 1000))
    return {
        "sage.debate_id": debate_id,
        "sage.persona": view.persona.name,
        "sage.topic": view.topic[:MAX_VALUE_CHARS],
        "sage.format": view.format,
        "sage.segment": view.segment or "",
        "sage.ends_at": ends_at,
        "sage.floor": view.floor,
        "sage.queue": json.dumps(list(view.queue))[:MAX_VALUE_CHARS],
        "sage.services": json.dumps(dict(services)),
    }


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """What differs; an end of time that moved by less than half a second does not."""
    return {
        key: value
        for key, value in after.items()
        if before.get(key) != value and not (key == "sage.ends_at" and _near(before.get(key, ""), value))
    }


def _near(one: str, other: str) -> bool:
    return one.isdigit() and other.isdigit() and abs(int(one) - int(other)) < 500
