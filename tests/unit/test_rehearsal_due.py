"""When the moments of a format are due, as who judges its clock counts it."""

from __future__ import annotations

import pytest

from bench.formats import play_virtually, targets_of
from debate.formats import get_format, load_formats
from rehearsal.due import Course, Moment, Span, timed

FORM = get_format("lincoln-douglas").at_speed(
    60.0
)  # six seconds of the first speech, grace and warning 0.25 s
START = (10.0, "command:start")


def first(course: Course) -> list[tuple[str, float | None, float | None]]:
    part = FORM.segments[0].name
    return [(one.what, one.due, one.came) for one in timed(FORM, course) if one.part == part]


def test_a_part_ends_after_its_time_and_the_next_begins_after_a_breath():
    came = (START, (15.75, "time:warning"), (16.004, "time:over"), (19.1, "time:next"))
    assert first(Course(came, [Span("ana", 10.5, 15.0)])) == [
        ("time:warning", 15.75, 15.75),
        ("time:over", 16.0, 16.004),
        ("time:next", 19.0, 19.1),
    ]


def test_whoever_speaks_on_is_stopped_and_the_breath_is_counted_behind_them():
    found = first(Course((START,), [Span("ana", 10.5, 17.5), Span("", 16.5, 18.0), Span("", 18.5, 22.0)]))
    assert found[2:] == [("time:stop", 16.25, None), ("time:next", 21.0, None)]


def test_what_was_not_due_is_told_of():
    found = timed(FORM, Course((START, (12.0, "time:bell")), []))
    assert found[-1] == Moment("", "time:bell", None, 12.0)
    assert timed(FORM, Course((), [])) == [Moment("", "command:start", 0.0, None)]


@pytest.mark.parametrize("form", [name for name in load_formats() if name != "open-discussion"])
def test_every_format_keeps_its_time(form):
    """Somebody uses their time, somebody stops early, somebody is stopped: by the clock to a tenth of a second."""
    moments = play_virtually(form)
    assert [target.name for target in targets_of(form, moments) if not target.ok] == []
    parts = [one.part for one in moments if one.what == "time:over"]
    assert parts == [segment.name for segment in get_format(form).segments]
