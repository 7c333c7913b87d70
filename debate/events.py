"""What can happen in a debate, as frozen values, and their JSON shape for the journal.

Owns the words that the ears, the page and the journal share with the debate. Decides nothing and knows no
clock: the time at which an event is applied travels beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from debate import sources as src

ROLES = ("host", "debater", "judge", "audience")


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody came into the room, or came back. `role` is one of ROLES, from the signed token."""

    identity: str
    name: str
    role: str = "debater"


@dataclass(frozen=True, slots=True)
class Left:
    identity: str


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """An ear hears the first sound of an utterance."""

    identity: str


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The utterance is over; `seconds` is the length of the speech itself, without the silence after it."""

    identity: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Uttered:
    """Words of one person, final. `start` and `end` are seconds of the debate."""

    utterance_id: str
    identity: str
    text: str
    start: float
    end: float
    via: str = "voice"  # or "chat"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a language model says of one utterance, some seconds after it; the debate decides what that is worth."""

    utterance_id: str
    identity: str  # who said it
    attack: bool = False  # it is about a person here rather than about an argument
    strayed: bool = False  # it is not about the topic
    claim: bool = False  # a fact that could be looked up, and on which something hangs
    owes: str = ""  # identity of who evades a question with it, or passes it over; "" for nobody
    asked_by: str = ""  # who put that question


@dataclass(frozen=True, slots=True)
class HandRaised:
    identity: str


@dataclass(frozen=True, slots=True)
class HandLowered:
    identity: str


@dataclass(frozen=True, slots=True)
class Commanded:
    """A command from the page ("rpc") or the web service ("http"); the signed token vouches for `role`."""

    by: str
    name: str
    args: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    role: str = "debater"
    via: str = "rpc"


@dataclass(frozen=True, slots=True)
class ModeratorSpoke:
    """What the moderator has really said aloud; `start` and `end` in seconds of the debate."""

    text: str
    start: float
    end: float
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class HearingChanged:
    """No recogniser of speech is left (`works` is false), or one is back."""

    works: bool


@dataclass(frozen=True, slots=True)
class FactChecksChanged:
    """Claims can be checked from now on (`trouble` is ""), or cannot: one of debate.fact_checks.TROUBLES says why."""

    trouble: str


@dataclass(frozen=True, slots=True)
class FactChecked:
    """What the search made of the claim of a `fact_check` decision, by that decision's `check`.

    Either `trouble` says why there is no answer, or `verdict` (of debate.fact_checks.VERDICTS) and `sentence` are one.
    """

    check: str
    verdict: str = ""
    sentence: str = ""
    sources: tuple[src.Source, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the search found for the question of a `recall` decision, by that decision's `check`.

    `finds`: objects with the "name", "text" and "when" of an utterance, the best first. None: there is no record of
    `speaker` on `about`. `trouble`: why nothing could be looked up, of debate.recall.TROUBLES.
    """

    recall: str
    finds: tuple[Mapping[str, str], ...] = ()
    speaker: str = ""
    about: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Restored:
    """What the moderator before left of itself where others can read it, of debate.handover; a journal that holds one
    begins in the middle of a debate.
    """

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing happened, but time went on."""


Event = (
    Joined
    | Left
    | SpeechStarted
    | SpeechEnded
    | Uttered
    | Judged
    | HandRaised
    | HandLowered
    | Commanded
    | ModeratorSpoke
    | HearingChanged
    | FactChecksChanged
    | FactChecked
    | Recalled
    | Restored
    | Tick
)
_TYPES: Mapping[str, type[Event]] = MappingProxyType(
    {
        "joined": Joined,
        "left": Left,
        "speech_started": SpeechStarted,
        "speech_ended": SpeechEnded,
        "uttered": Uttered,
        "judged": Judged,
        "hand_raised": HandRaised,
        "hand_lowered": HandLowered,
        "commanded": Commanded,
        "moderator_spoke": ModeratorSpoke,
        "hearing_changed": HearingChanged,
        "fact_checks_changed": FactChecksChanged,
        "fact_checked": FactChecked,
        "recalled": Recalled,
        "restored": Restored,
        "tick": Tick,
    }
)
_NAMES = {kind: name for name, kind in _TYPES.items()}


def to_json(event: Event) -> dict[str, Any]:
    """`event` as a JSON object: its "type" and its fields."""
    data: dict[str, Any] = {"type": _NAMES[type(event)]}
    for item in fields(event):
        value = getattr(event, item.name)
        data[item.name] = dict(value) if isinstance(value, Mapping) else value
    if isinstance(event, FactChecked):
        data["sources"] = src.to_json(event.sources)
    return data


def from_json(data: Mapping[str, Any]) -> Event:
    """The event that `data` describes; members that no field bears ("at" of the journal) are passed over.

    Raises ValueError where the type is unknown or a field without a default is missing.
    """
    kind = _TYPES.get(str(data.get("type")))
    if kind is None:
        raise ValueError(f"no event is of the type {data.get('type')!r}")
    known = {item.name for item in fields(kind)}
    values = {key: value for key, value in data.items() if key in known}
    if "sources" in values:
        values["sources"] = src.sources_of(values["sources"])
    if isinstance(values.get("finds"), list):
        values["finds"] = tuple(values["finds"])
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"the event {data.get('type')!r} lacks a field: {error}") from None
