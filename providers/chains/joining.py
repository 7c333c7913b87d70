"""Where one link's sound ends and the next one's goes on, when the first died within a clause.

The next link says the clause from its beginning; of that the listener hears what he has not heard yet. Joined between
two words where their times are known, else in a pause, else at the same point of a word. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from providers.chains.alignment import Alignment
from providers.chains.sound import bytes_of
from providers.chains.spoken_so_far import Take

_FASTER = 0.9  # the next voice may be, but hardly more: it is too early to try
_SPARE_SECONDS = 0.3  # what follows helps to find the place
_CONTEXT_SECONDS = 0.4
_CLEAR_SECONDS = 0.15
_EDGE_SECONDS = 0.05
_SNAP_SECONDS = 0.05
_UNLIKE = 3.6  # the same words in two voices are 1 to 3 apart, other words 4 and more


@dataclass(frozen=True, slots=True)
class Joint:
    """Leave the old sound at one time, begin the new one at another; seconds of each."""

    leave: float
    begin: float
    end: float
    """Where the old sound ends within the new one: the same in two trials, it is no chance of too little sound."""


def may_join(old: Take, new: Take, *, all_there: bool) -> bool:
    """Whether enough of the new sound is there to try. `all_there`: no more of it comes for now."""
    return (
        all_there
        or new.received >= min(old.received, old.emitted + _CONTEXT_SECONDS) * _FASTER + _SPARE_SECONDS
    )


def joint(old: Take, new: Take, *, all_there: bool) -> Joint | None:
    """Where to go over; None where the new sound has not come so far yet. Takes up to 0.2 s on a busy core."""
    known = min(old.received, old.emitted + _CONTEXT_SECONDS)
    alignment = Alignment(old.sound[: bytes_of(known)], new.sound)
    place = alignment.at(known)
    if not all_there and place > new.received - _CLEAR_SECONDS:
        return None
    if alignment.distance > _UNLIKE:
        return _joint_by_pace(old, new)
    first, last = old.emitted, max(old.emitted, known - _EDGE_SECONDS)
    for end in new.told_ends():
        leave = alignment.back(end)
        if first <= leave <= last:
            return Joint(leave, end, place)
    for pause in old.pauses(first, last):
        begin = alignment.at(pause)
        return Joint(pause, new.quietest(begin - _SNAP_SECONDS, begin + _SNAP_SECONDS), place)
    leave = old.quietest(first, min(last, first + 3 * _SNAP_SECONDS)) if last > first else first
    return Joint(max(first, leave), min(alignment.at(leave), new.received), place)


def _joint_by_pace(old: Take, new: Take) -> Joint:
    """The two do not sound like the same words: go by how fast the voices are."""
    count = sum(end <= old.emitted for _, end in old.times())
    starts = [start for start, _ in new.times()]
    begin = min(starts[count] if count < len(starts) else new.received, new.received)
    return Joint(old.emitted, begin, begin)
