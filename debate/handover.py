"""What another moderator needs to go on with a debate whose journal it cannot read: persona, format, clock, floor,
queue, people and the last words.

Owns that small state, how it is taken and how it is put into a debate that has just begun. Votes and ballots are not
part of it: they are the journal's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from debate.clock import Clock
from debate.formats import get_format
from debate.view import Said
from debate.words import clean
from errors import SageError

if TYPE_CHECKING:
    from debate.debate import Debate
    from debate.events import Restored

VERSION = 1
PEOPLE_MOST = 40
WORDS_MOST = 8
WORDS_CHARS = 160
TOLD_MOST = 32
_LONGEST = 1e12
_Seconds = Field(ge=-_LONGEST, le=_LONGEST, allow_inf_nan=False)


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class PersonState(_Part):
    identity: str = Field(max_length=256)
    name: str = Field(max_length=256)
    role: str = Field(max_length=20)
    side: str = Field("", max_length=80)
    talk_seconds: float = Field(0.0, ge=0, le=_LONGEST, allow_inf_nan=False)
    utterances: int = Field(0, ge=0, le=1_000_000)


class WordsState(_Part):
    name: str = Field(max_length=256)
    identity: str = Field(max_length=256)
    text: str = Field(max_length=1000)
    start: float = _Seconds
    end: float = _Seconds


class ClockState(_Part):
    index: int = Field(-1, ge=-1, le=1000)
    ends_at: float = Field(0.0, ge=-_LONGEST, le=_LONGEST, allow_inf_nan=False)
    left_when_paused: float | None = Field(None, ge=-_LONGEST, le=_LONGEST, allow_inf_nan=False)
    given: float = Field(0.0, ge=0, le=_LONGEST, allow_inf_nan=False)
    told: list[str] = Field(default_factory=list, max_length=TOLD_MOST)
    prep_left: dict[str, float] = Field(default_factory=dict, max_length=8)
    preparing: str = Field("", max_length=80)
    prep_ends_at: float = Field(0.0, ge=-_LONGEST, le=_LONGEST, allow_inf_nan=False)


class DebateState(_Part):
    version: int = Field(ge=VERSION, le=VERSION)
    persona: str = Field(max_length=64)
    topic: str = Field(max_length=500)
    format: str = Field(max_length=64)
    greeted: bool
    quiet: bool
    floor: str = Field("", max_length=256)
    given: bool
    queue: list[str] = Field(default_factory=list, max_length=PEOPLE_MOST)
    clock: ClockState
    people: list[PersonState] = Field(default_factory=list, max_length=PEOPLE_MOST)
    words: list[WordsState] = Field(default_factory=list, max_length=WORDS_MOST)


def taken(debate: Debate) -> dict[str, Any]:
    """The state of `debate`, as JSON can hold it: some kilobytes at the most. Times are seconds of the debate."""
    clock, people = debate.clock, debate.people
    here = sorted(people.known.values(), key=lambda one: (not one.present, -one.seen_at))[:PEOPLE_MOST]
    return {
        "version": VERSION,
        "persona": debate.persona.name,
        "topic": debate.topic,
        "format": clock.format.name,
        "greeted": debate.greeted,
        "quiet": debate.quiet,
        "floor": people.floor,
        "given": people.given,
        "queue": people.queue[:PEOPLE_MOST],
        "clock": {
            "index": clock.index,
            "ends_at": round(clock.ends_at, 3),
            "left_when_paused": clock.left_when_paused,
            "given": clock.given,
            "told": sorted(clock.told)[:TOLD_MOST],
            "prep_left": dict(clock.prep_left),
            "preparing": clock.preparing,
            "prep_ends_at": round(clock.prep_ends_at, 3),
        },
        "people": [
            {
                "identity": one.identity,
                "name": one.name,
                "role": one.role,
                "side": one.side,
                "talk_seconds": round(one.talk_seconds, 1),
                "utterances": one.utterances,
            }
            for one in here
        ],
        "words": [
            {
                "name": said.name,
                "identity": said.identity,
                "text": clean(said.text, WORDS_CHARS),
                "start": _second(said.start),
                "end": _second(said.end),
            }
            for said in debate.recent[-WORDS_MOST:]
        ],
    }


def _second(at: float) -> float:
    return round(min(max(at, -_LONGEST), _LONGEST), 1) if at == at else 0.0  # noqa: PLR0124 - what is no number


def restored(debate: Debate, event: Restored, at: float) -> tuple[()]:
    """Put a state that was taken elsewhere into `debate`. What cannot be read, or is not known here, is passed over."""
    try:
        state = DebateState.model_validate(event.state)
        clock = Clock(get_format(state.format).at_speed(debate.speed))
    except (ValidationError, SageError):
        return ()
    if state.persona in debate.personas:
        debate.persona = debate.personas.get(state.persona)
    debate.topic = clean(state.topic, 500)
    debate.attention.topic_is(debate.topic)
    debate.greeted, debate.quiet = state.greeted, state.quiet
    for one in state.people:
        person = debate.people.join(one.identity, one.name, one.role, at)
        person.talk_seconds, person.utterances = one.talk_seconds, one.utterances
        person.side = one.side if one.side in clock.format.sides else ""
    for said in state.words:
        debate.keep(Said(said.name, said.identity, said.text, said.start, said.end))
    _restore_clock(clock, state.clock)
    debate.clock = clock
    if state.floor in debate.people.known:
        debate.people.floor, debate.people.given = state.floor, state.given
    debate.begin_to_listen(at)
    debate.people.queue = [one for one in dict.fromkeys(state.queue) if one in debate.people.known]
    return ()


def _restore_clock(clock: Clock, state: ClockState) -> None:
    clock.index = min(state.index, len(clock.format.segments))
    clock.ends_at, clock.given, clock.told = state.ends_at, state.given, set(state.told)
    clock.left_when_paused = state.left_when_paused if clock.segment is not None else None
    sides = [side for side in clock.prep_left if side in state.prep_left]
    clock.prep_left |= {side: max(0.0, min(clock.prep_left[side], state.prep_left[side])) for side in sides}
    if state.preparing in clock.prep_left:
        clock.preparing, clock.prep_ends_at = state.preparing, state.prep_ends_at
