"""Who spoke when, as a picture: one row for each person, the parts of the format behind them.

Made of plain numbers; the template draws them. Rows are in the order of talk, the moderator last.
"""

from __future__ import annotations

from dataclasses import dataclass

from report.content import MODERATOR, Report
from report.plain import clock

WIDTH = 1000.0
ROW = 26.0
HEAD = 22.0
MOST_ROWS = 40
LEAST_WIDTH = 1.5
"""A short remark is to be seen too."""

JOINED = 1.0
"""Stretches of one person closer than so many units are one bar: an hour has thousands."""

STEPS = (30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
MOST_MARKS = 9


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    y: float
    bars: tuple[Bar, ...]
    moderator: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A time below the picture, or the beginning of a part."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Units of a viewBox of WIDTH x `height`."""

    height: float
    rows: tuple[Row, ...]
    marks: tuple[Mark, ...]
    parts: tuple[Mark, ...]


def picture_of(report: Report) -> Picture:
    """The timeline of `report`; without rows where nobody spoke."""
    length = max(1.0, *(line.end for line in report.lines)) if report.lines else max(1.0, report.seconds)
    order = [person.identity for person in report.people][:MOST_ROWS]
    spans: dict[str, list[tuple[float, float]]] = {}
    for line in report.lines:
        if not line.typed:
            spans.setdefault(line.identity, []).append((line.start, line.end))
    names = {person.identity: person.name for person in report.people} | {MODERATOR: "Sage"}
    shown = [identity for identity in (*order, MODERATOR) if identity in spans]
    rows = tuple(
        Row(names[identity], HEAD + ROW * number, _bars(spans[identity], length), identity == MODERATOR)
        for number, identity in enumerate(shown)
    )
    step = next((one for one in STEPS if length / one <= MOST_MARKS), STEPS[-1])
    marks = tuple(Mark(WIDTH * at / length, clock(at)) for at in range(0, int(length) + 1, step))
    parts = tuple(Mark(WIDTH * part.start / length, part.name) for part in report.parts)
    return Picture(HEAD + ROW * len(rows) + HEAD, rows, marks, parts)


def _bars(spans: list[tuple[float, float]], length: float) -> tuple[Bar, ...]:
    found: list[Bar] = []
    for start, end in sorted(spans):
        x, width = WIDTH * start / length, max(LEAST_WIDTH, WIDTH * (end - start) / length)
        if found and x - (found[-1].x + found[-1].width) < JOINED:
            until = max(found[-1].x + found[-1].width, x + width)
            found[-1] = Bar(found[-1].x, until - found[-1].x)
        else:
            found.append(Bar(x, width))
    return tuple(Bar(round(bar.x, 1), round(bar.width, 1)) for bar in found)
