"""What the debate wants to be done, as frozen values, and their JSON shape for the journal.

Owns the kinds and the order of urgency. Does nothing itself: the conductor carries decisions out, or drops
them once they have expired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from debate.sources import Source, sources_of

Kind = Literal[
    "reply",
    "announce",
    "give_floor",
    "cut_in",
    "nudge",
    "bell",
    "mute",
    "summarise",
    "vote",
    "fact_check",
    "recall",
    "refuse",
]
Urgency = Literal["safety", "time", "answer", "flow"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# The most urgent first.
URGENCIES: tuple[Urgency, ...] = ("safety", "time", "answer", "flow")


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing to do. Times are seconds of the debate; after `expires_at` it must not be done any more."""

    at: float
    kind: Kind
    reason: str  # one sentence for the journal and the report, by name, without quoting speech
    signal: str  # what gave rise to it: "addressed", "command:persona", "greeting", "time:warning", ...
    addressed_to: str  # identity, or "" for the room
    text: str  # words to say as they stand; "" leaves the words to the LLM chain
    urgency: Urgency
    expires_at: float
    question: str = ""  # what was asked, without the address; what the words of an empty `text` must answer
    # the number of the fact check or recall that it is about, "" for none; without `text` it is to be made
    check: str = ""
    sources: tuple[Source, ...] = ()  # what the verdict of a fact check rests on


def to_json(decision: Decision) -> dict[str, Any]:
    return asdict(decision)


def from_json(data: Mapping[str, Any]) -> Decision:
    """The decision that `data` describes; raises ValueError where it is none."""
    known = {item.name for item in fields(Decision)}
    values = {key: value for key, value in data.items() if key in known}
    if "sources" in values:
        values["sources"] = sources_of(values["sources"])
    try:
        return Decision(**values)
    except TypeError as error:
        raise ValueError(f"not a decision: {error}") from None
