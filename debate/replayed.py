"""A debate made anew from the rows of its journal: for a job that takes it over, and for the report.

Owns in which order rows become events, and the times between them. Reads no journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from debate.debate import Debate
from debate.events import Event, Tick, from_json

Row = tuple[str, Mapping[str, Any]]
"""The kind of a row ("event" or "decision"; others are passed over) and its data."""


def replayed(
    debate: Debate, rows: Iterable[Row], unknown: Callable[[Mapping[str, Any]], None] = lambda _: None
) -> Iterator[tuple[Event | None, float]]:
    """Apply `rows` to `debate` in their order; after each, the event (None for a decision) and its second.

    `unknown` is told of an event that this Sage does not know; it is passed over.
    """
    last = 0.0
    for kind, data in rows:
        if kind not in ("event", "decision"):
            continue
        event: Event | None = None
        if kind == "event":
            try:
                event = from_json(data)
            except ValueError:
                unknown(data)
                continue
        last = max(last, float(data.get("at", last)))
        # what was decided as time went by, and not on an event, is decided again then
        debate.apply(event or Tick(), last)
        if kind == "decision" and data.get("signal") == "greeting":
            debate.mark_greeted()
        yield event, last
