"""When the moments of a format were due, counted from its data and from who spoke when; and when they came.

Owns an arithmetic of its own, so that a clock can be judged by it. Times are seconds of the debate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from debate.formats import Format, Segment

MATCH_SECONDS = 2.0
"""What comes later than this after its time has not come."""


@dataclass(frozen=True, slots=True)
class Span:
    """Somebody spoke; `who` is "" for the moderator."""

    who: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Course:
    """What was decided, as (second, signal): "command:start", "time:bell", "time:next" and so on; and who spoke."""

    came: Sequence[tuple[float, str]]
    spans: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Moment:
    """due is None for what came though it was not due, came for what never came."""

    part: str
    what: str
    due: float | None
    came: float | None

    @property
    def late_ms(self) -> float | None:
        """Milliseconds after its time; None where it has no two times."""
        return None if self.due is None or self.came is None else round((self.came - self.due) * 1000, 1)


def timed(form: Format, course: Course) -> list[Moment]:
    """Every moment of a debate that nobody paused, prepared in or moved on by hand."""
    left = sorted(course.came)
    began = next((at for at, what in left if what == "command:start"), None)
    if began is None:
        return [Moment("", "command:start", 0.0, None)]
    left = [one for one in left if one[1] != "command:start"]
    found: list[Moment] = []
    for segment in form.segments:
        following = None
        for what, due in _due_in(form, segment, began, course.spans):
            came = next((one for one in left if one[1] == what and abs(one[0] - due) <= MATCH_SECONDS), None)
            if came is not None:
                left.remove(came)
            found.append(Moment(segment.name, what, due, came[0] if came else None))
            if what == "time:next":
                following = came[0] if came else due
        assert following is not None
        began = following
    return [*found, *(Moment("", what, None, at) for at, what in left)]


def _due_in(
    form: Format, segment: Segment, began: float, spans: Sequence[Span]
) -> Iterator[tuple[str, float]]:
    ends = began + segment.seconds
    yield from (("time:bell", began + at) for at in segment.bells)
    yield from (("time:double-bell", began + at) for at in segment.double_bells)
    yield from (("time:warning", ends - left) for left in form.warnings if left < segment.seconds)
    yield "time:over", ends
    stop = ends + form.grace_seconds
    if segment.side and any(one.who and one.start <= ends and stop < one.end for one in spans):
        yield "time:stop", stop
    yield "time:next", _silent_from(ends, form.advance_seconds, spans)


def _silent_from(ends: float, seconds: float, spans: Sequence[Span]) -> float:
    """The end of the first silence of that many seconds since the time was over. It counts anew behind words of the
    moderator, but those under way are not waited for: they are known when they are over."""
    since = ends
    for span in sorted(spans, key=lambda one: one.start):
        if span.end <= since:
            continue
        if (span.start if span.who else span.end) >= since + seconds:
            continue
        since = span.end
    return since + seconds
