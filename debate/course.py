"""The course of a timed format: start, next, pause, more time, start over, preparation, end; who speaks in a part.

Owns the acts that move the clock. Who may give them is commands.py's; the arithmetic is clock.py's.
"""

# ruff: noqa: ARG001 - the functions of one table share one signature, whatever each of them needs.
from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from debate import playbook, sides, voting
from debate.acts import Act, CannotBeError, Done
from debate.grammar import ParsedCommand
from debate.words import clean, duration, ended, exact_duration, join_names

if TYPE_CHECKING:
    from debate.debate import Debate

TIMELESS = "Nothing is timed at the moment."
OVER = "The debate is over."
MOST_EXTENSION = 3600.0
TOGETHER_SECONDS = 6.0
"""A host who says "next" just after a part began by itself means that part."""


def start(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    if not debate.clock.format.segments:
        debate.clock.reopen()
        return "started the discussion", f"Please begin. Our topic is {ended(clean(debate.topic, 160))}"
    if debate.clock.status == "paused":
        return resume(debate, command, by, at)
    if debate.clock.status != "ready":
        raise CannotBeError("The debate has been started already.")
    people = list(debate.people.known.values())
    sides.balance(debate.clock.format, people)
    if lacking := sides.missing(debate.clock.format, people):
        raise CannotBeError(
            f"Nobody speaks for {join_names(lacking)} yet. Take that side on the page, or choose an open discussion."
        )
    return advance(debate, command, by, at)


def advance(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    """The next part, or the first one. Parts whose side has nobody left are passed over, and that is said."""
    if debate.clock.status == "open":
        return "moved on", playbook.floor_to(debate.view(at), by, "")
    if debate.clock.status == "over":
        raise CannotBeError(OVER)
    if by and at - debate.clock.by_itself_at < TOGETHER_SECONDS:
        raise CannotBeError("We have just come to the next part.")
    left_out: list[str] = []
    while (segment := debate.clock.advance(at)) is not None:
        if segment.side and not sides.members(segment.side, list(debate.people.known.values())):
            left_out.append(segment.name)
            continue
        break
    return _opened(debate, at, left_out)


def _opened(debate: Debate, at: float, left_out: list[str]) -> Done:
    segment = debate.clock.segment
    debate.people.release(at)
    debate.attention.segment_began(at)
    debate.point.clear()
    voted = debate.voting.close()
    without = f"We leave out the {join_names(left_out)}, as nobody is here for it. " if left_out else ""
    if segment is None:
        result = f"{debate.voting.result()} " if voted else ""
        return (
            "ended the last part",
            f"{without}{result}{_decided(debate)}That was the last part. Thank you all for the debate.",
        )
    debate.voting.segment_began(segment, debate.clock.format)
    if segment.kind == "vote":
        return f"opened the {segment.name}", f"{without}{debate.voting.opening(segment)}"
    holder = sides.speaker_of(debate.clock.format, debate.clock.index, list(debate.people.known.values()))
    if holder:
        debate.people.give_floor(holder, at)
    name = debate.view(at).name(holder)
    opening = f"{name}, the floor is yours: " if name else "We come to "
    return f"started the {segment.name}", f"{without}{opening}{segment.name}, {duration(segment.seconds)}."


def again(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    if debate.clock.again(at) is None:
        raise CannotBeError(TIMELESS)
    done, words = _opened(debate, at, [])
    return f"{done} once more", f"Once more from the beginning. {words}"


def pause(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    if not debate.clock.pause(at):
        raise CannotBeError("No clock is running.")
    return "stopped the clock", "The clock is stopped."


def resume(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    if debate.clock.preparing:
        debate.clock.stop_preparing(at)
        return "ended the preparation", "We go on."
    if not debate.clock.resume(at):
        raise CannotBeError("No clock is stopped.")
    return "started the clock again", f"We go on, with {duration(debate.clock.remaining(at) or 0.0)} left."


def extend(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    text = command.args.get("seconds", "60")
    seconds = min(float(text), MOST_EXTENSION) if text.isdecimal() else 60.0
    if not debate.clock.extend(at, seconds):
        raise CannotBeError(TIMELESS)
    return f"gave {seconds:g} seconds more", f"{duration(seconds).capitalize()} more."


def prepare(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    """Preparation time of the speaker's own side; the host names one."""
    person = debate.people.known.get(by)
    side = command.args.get("side", "") or (person.side if person else "")
    if not debate.clock.prep_left:
        raise CannotBeError("This format has no preparation time.")
    if side not in debate.clock.prep_left:
        raise CannotBeError("Preparation time belongs to a side, and you are on none.")
    if debate.clock.prep_left[side] <= 0:
        raise CannotBeError("The preparation time of that side is used up.")
    if not debate.clock.prepare(side, at):
        raise CannotBeError("Preparation time is for between the speeches, not during one.")
    left = exact_duration(debate.clock.remaining(at) or 0.0)
    return f"took preparation time for {side}", f"Preparation time for {side}: {left} left."


def side(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    """Take a side of the format, by its name."""
    form = debate.clock.format
    wanted = command.args.get("side", command.args.get("choice", "")).strip().lower()
    found = next((one for one in form.sides if one.lower() == wanted), None)
    if found is None:
        raise CannotBeError(
            f"The sides are {join_names(list(form.sides))}." if form.sides else "This format has no sides."
        )
    person = debate.people.known.get(by)
    if person is None or person.role not in sides.DEBATING:
        raise CannotBeError("Sides are for those who debate.")
    if debate.clock.status not in ("ready", "open") and person.side in form.sides:
        raise CannotBeError("Sides cannot be changed while the debate is running.")
    person.side = found
    return f"took the side {found}", ""


def end(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    if debate.clock.status == "over":
        raise CannotBeError(OVER)
    debate.clock.end(at)
    debate.people.release(at)
    debate.people.queue.clear()
    debate.point.clear()
    result = f"{debate.voting.result()} " if debate.voting.close() else ""
    return "ended the debate", f"{result}{_decided(debate)}Thank you all for the debate."


def _decided(debate: Debate) -> str:
    """The judges' decision where all ballots are in already."""
    words = voting.verdict(debate)
    return f"{words} " if words else ""


ACTS: Mapping[str, Act] = MappingProxyType(
    {
        "start": start,
        "next": advance,
        "again": again,
        "pause": pause,
        "resume": resume,
        "extend": extend,
        "prepare": prepare,
        "side": side,
        "end": end,
    }
)
