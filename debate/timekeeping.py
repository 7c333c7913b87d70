"""What the time brings, in decisions: bells, warnings, the end, the firm stop, the next part, time given back.

Owns what is done and said about it. When it falls due is clock.py's; what starts the next part is course.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debate import course, sides
from debate.clock import Due
from debate.decisions import Decision
from debate.grammar import ParsedCommand
from debate.words import duration

if TYPE_CHECKING:
    from debate.debate import Debate

RETURNED_SECONDS = 3.0
"""Speech in another's time for longer is given back to its holder (as signals.OUT_OF_TURN_SECONDS)."""

HOLDER_SECONDS = 1.5
NEXT = ParsedCommand("next")
PROTECTED_KINDS = frozenset({"speech", "reply"})


def time_brings(debate: Debate, at: float) -> list[Decision]:
    """All that fell due up to `at`."""
    found = [decision for due in debate.clock.due(at) for decision in _clock_says(debate, due, at)]
    return found + _points(debate, at) + (_advance(debate, at) if not found else [])


def next_at(debate: Debate, at: float) -> float | None:
    """When the time brings something next, after `at`, if nobody does anything until then; None for never."""
    clock, watch = debate.clock, debate.attention.watch
    times = [clock.next_due(at)]
    if clock.status == "running" and not watch.speaking:
        times.append(max(clock.ends_at, watch.silent_since or 0.0) + clock.format.advance_seconds)
    return min((time for time in times if time is not None and time > at), default=None)


def give_back(debate: Debate, identity: str, seconds: float, at: float) -> list[Decision]:
    """Somebody has spoken for `seconds`: if it was in another's protected time, that is given back."""
    segment, holder = debate.clock.segment, debate.people.floor
    if (
        segment is None
        or segment.kind not in PROTECTED_KINDS
        or not debate.people.given
        or identity == holder
    ):
        return []
    seconds = min(seconds, at - debate.attention.segment_at)  # what was said before this part took none of it
    if seconds < RETURNED_SECONDS or debate.point.by == identity:
        return []
    returned = debate.clock.give_back(at, seconds)
    if not returned:
        return []
    view = debate.view(at)
    reason = (
        f"{view.name(identity)} took {duration(returned)} of {view.name(holder)}'s time, which is given back."
    )
    return [debate.decide(at, "bell", reason, "time:returned", to=holder, urgency="time", lasts=5.0)]


def _clock_says(debate: Debate, due: Due, at: float) -> list[Decision]:
    holder = debate.people.floor
    name = debate.view(at).name(holder)
    of = f", {name}" if name else ""
    segment = debate.clock.segment.name if debate.clock.segment else "segment"

    def said(kind: str, reason: str, signal: str, text: str, lasts: float = 10.0) -> list[Decision]:
        return [debate.decide(at, kind, reason, signal, to=holder, text=text, urgency="time", lasts=lasts)]

    if due.what in ("bell", "double-bell"):
        reason = f"{duration(due.seconds).capitalize()} of the {segment} are gone."
        return said("bell", reason, f"time:{due.what}", "", 4.0)
    if due.what == "warning":
        reason = f"{due.seconds:g} seconds are left for the {segment}."
        return said("bell", reason, "time:warning", f"{duration(due.seconds).capitalize()}{of}.", 4.0)
    if due.what == "prepared":
        return said(
            "announce", "The preparation time is used up.", "time:prepared", "The preparation time is over."
        )
    if due.what == "time":
        following = debate.clock.following
        then = f" Next is the {following.name}." if following else " That was the last part of the debate."
        return said(
            "cut_in", f"The time for the {segment} is over.", "time:over", f"Time{of}. Thank you.{then}"
        )
    person = debate.people.known.get(holder)
    if person is None or person.speaking_since is None:
        return []
    kind = "mute" if debate.clock.format.mutes else "cut_in"
    text = f"Please stop here{of}; your time is over."
    return said(kind, f"{name} went on after the grace.", "time:stop", text)


def _points(debate: Debate, at: float) -> list[Decision]:
    point, holder = debate.point, debate.people.floor
    if not point.by:
        return []
    name = debate.view(at).name(point.by)
    if not point.told:
        point.told = True
        text = f"{name} offers a point of information. Accept, or decline."
        reason = f"{name} offered a point of information."
        return [debate.decide(at, "nudge", reason, "point:offered", to=holder, text=text, urgency="time")]
    if not point.over(at):
        return []
    by, speaking = point.by, point.by in debate.attention.watch.speaking
    point.clear()
    if not speaking:
        return []
    debate.attention.policy.done["floor", by] = at
    text = f"Thank you, {name}. {debate.view(at).name(holder)}, please go on."
    reason = f"The point of information of {name} had its fifteen seconds."
    return [
        debate.decide(at, "cut_in", reason, "point:over", to=holder, text=text, urgency="time", lasts=5.0)
    ]


def _advance(debate: Debate, at: float) -> list[Decision]:
    """The next part begins by itself once the time is over and its speaker has fallen silent."""
    clock, watch = debate.clock, debate.attention.watch
    wait = clock.format.advance_seconds
    if clock.status != "running" or not wait or clock.remaining(at):
        return []
    following = sides.speaker_of(clock.format, clock.index + 1, list(debate.people.known.values()))
    if watch.speaking:
        # whoever is next has taken the word, and who had it has fallen silent for longer than a breath; who speaks on
        # from one speech into the next, which is theirs too, has taken nothing
        own = clock.segment is not None and clock.segment.kind in PROTECTED_KINDS
        last = debate.people.known.get(debate.people.floor)
        if (
            watch.speaking != {following}
            or (own and following == debate.people.floor and not watch.began_since(following, clock.ends_at))
            or (last is not None and at - last.seen_at < HOLDER_SECONDS)
        ):
            return []
    elif at - max(clock.ends_at, watch.silent_since or 0.0) < wait:
        return []
    clock.by_itself_at = at
    done, words = course.advance(debate, NEXT, "", at)
    holder = debate.people.floor
    kind = "give_floor" if holder else "announce"
    reason = f"The time was over and nobody spoke: the moderator {done}."
    return [debate.decide(at, kind, reason, "time:next", to=holder, text=words, urgency="time", lasts=15.0)]
