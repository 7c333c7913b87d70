"""The formats of debate as data: one TOML file each under formats/.

Owns reading and checking them. Runs nothing: the clock is in clock.py, the rules are applied by debate.py.
A file more in the folder is a format more.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from errors import InvalidInput, Problem, SettingsError

FOLDER = Path(__file__).resolve().parent / "formats"
DEFAULT_FORMAT = "open-discussion"
SEGMENT_KINDS = ("speech", "reply", "cross-examination", "crossfire", "discussion", "question", "vote")
_SEGMENT_KEYS = frozenset(
    {"name", "kind", "side", "minutes", "points_of_information", "bells", "double_bells"}
)
_FORMAT_KEYS = frozenset(
    {
        "title",
        "summary",
        "sides",
        "prep_minutes",
        "grace_seconds",
        "warnings_seconds",
        "mutes",
        "through_chair",
        "advance_seconds",
        "judges",
        "segment",
    }
)


@dataclass(frozen=True, slots=True)
class Segment:
    name: str
    kind: str  # one of SEGMENT_KINDS
    side: str  # one of the format's sides, or "" for all
    seconds: float
    points_of_information: tuple[float, float] | None  # from and until, in seconds of the segment
    bells: tuple[float, ...]  # seconds of the segment
    double_bells: tuple[float, ...]

    def at_speed(self, speed: float) -> Segment:
        """The same segment, `speed` times shorter."""
        points = self.points_of_information
        return replace(
            self,
            seconds=self.seconds / speed,
            points_of_information=(points[0] / speed, points[1] / speed) if points else None,
            bells=tuple(value / speed for value in self.bells),
            double_bells=tuple(value / speed for value in self.double_bells),
        )


@dataclass(frozen=True, slots=True)
class Format:
    name: str
    title: str
    summary: str
    sides: tuple[str, ...]
    prep_seconds: float  # for each side
    grace_seconds: float  # after the end of time, before the firm stop
    warnings: tuple[float, ...]  # seconds before the end
    mutes: bool  # the microphone goes off at the firm stop, if the host allowed it
    through_chair: bool  # every question goes through the moderator
    advance_seconds: (
        float  # of silence after the end of time, then the next segment begins; 0: the host says so
    )
    judges: bool  # judges give points and decide
    segments: tuple[Segment, ...]

    def at_speed(self, speed: float) -> Format:
        """The same format, shortened: all its times divided by `speed`, but for the silence before the next segment,
        as people take breath at the same speed."""
        if speed == 1:
            return self
        return replace(
            self,
            prep_seconds=self.prep_seconds / speed,
            grace_seconds=self.grace_seconds / speed,
            warnings=tuple(value / speed for value in self.warnings),
            segments=tuple(segment.at_speed(speed) for segment in self.segments),
        )


@cache
def load_formats(folder: Path | None = None) -> Mapping[str, Format]:
    """Every format by name. Raises SettingsError with all problems, each naming file, key and remedy."""
    place = FOLDER if folder is None else folder
    problems: list[Problem] = []
    formats: dict[str, Format] = {}
    for path in sorted(place.glob("*.toml")):
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
            found = [Problem(f"formats/{path.name}", what, remedy) for what, remedy in _check(data)]
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            found = [Problem(f"formats/{path.name}", f"cannot be read ({error})", "mend or remove the file")]
        problems += found
        if not found:
            formats[path.stem] = _format(path.stem, data)
    if DEFAULT_FORMAT not in formats and not problems:
        problems.append(Problem("formats", f"has no {DEFAULT_FORMAT}.toml", "restore the default format"))
    if problems:
        raise SettingsError(problems)
    return MappingProxyType(formats)


def get_format(name: str) -> Format:
    """The format called `name`; raises InvalidInput, which lists the known ones."""
    known = load_formats()
    if name not in known:
        listed = ", ".join(known)
        raise InvalidInput(
            f"There is no format {name[:64]!r}.",
            {"format": f"must be one of: {listed}"},
            code="unknown-format",
            hint=f"Use one of: {listed}.",
        )
    return known[name]


def _format(name: str, data: Mapping[str, Any]) -> Format:
    return Format(
        name=name,
        title=data["title"],
        summary=data["summary"],
        sides=tuple(data.get("sides", ())),
        prep_seconds=data.get("prep_minutes", 0) * 60.0,
        grace_seconds=float(data.get("grace_seconds", 15)),
        warnings=tuple(float(value) for value in data.get("warnings_seconds", (15,))),
        mutes=data.get("mutes", False),
        through_chair=data.get("through_chair", False),
        advance_seconds=float(data.get("advance_seconds", 3)),
        judges=data.get("judges", False),
        segments=tuple(_segment(item) for item in data.get("segment", ())),
    )


def _segment(data: Mapping[str, Any]) -> Segment:
    points = data.get("points_of_information")
    return Segment(
        name=data["name"],
        kind=data["kind"],
        side=data.get("side", ""),
        seconds=data["minutes"] * 60.0,
        points_of_information=(points[0] * 60.0, points[1] * 60.0) if points else None,
        bells=tuple(value * 60.0 for value in data.get("bells", ())),
        double_bells=tuple(value * 60.0 for value in data.get("double_bells", ())),
    )


def _number(value: object, most: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most


def _numbers(value: object, most: float) -> bool:
    return isinstance(value, list) and all(_number(item, most) for item in value)


def _check(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in sorted(set(data) - _FORMAT_KEYS):
        yield f"has an unknown key {key!r}", f"use only {', '.join(sorted(_FORMAT_KEYS))}"
    for key in ("title", "summary"):
        if not isinstance(data.get(key), str) or not data[key].strip():
            yield f"needs {key!r}", "give it a text"
    sides = data.get("sides", [])
    if not isinstance(sides, list) or not all(isinstance(side, str) and side for side in sides):
        yield "has bad 'sides'", "list the names of the sides"
        return
    for key, most in (("prep_minutes", 60), ("grace_seconds", 120), ("advance_seconds", 120)):
        if not _number(data.get(key, 0), most):
            yield f"has a bad {key!r}", f"give a number from 0 to {most}"
    if not _numbers(data.get("warnings_seconds", []), 600):
        yield "has bad 'warnings_seconds'", "list seconds before the end of a segment"
    for key in ("mutes", "through_chair", "judges"):
        if not isinstance(data.get(key, False), bool):
            yield f"has a bad {key!r}", "write true or false"
    segments = data.get("segment", [])
    if not isinstance(segments, list) or len(segments) > 60:
        yield "has bad segments", "write them as [[segment]] tables, 60 at most"
        return
    for index, segment in enumerate(segments, 1):
        for what, remedy in _check_segment(segment, sides):
            yield f"segment {index} {what}", remedy


def _check_segment(segment: Any, sides: list[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(segment, dict):
        yield "is no table", "write it as [[segment]]"
        return
    for key in sorted(set(segment) - _SEGMENT_KEYS):
        yield f"has an unknown key {key!r}", f"use only {', '.join(sorted(_SEGMENT_KEYS))}"
    if not isinstance(segment.get("name"), str) or not segment["name"].strip():
        yield "needs 'name'", "give it a text"
    if segment.get("kind") not in SEGMENT_KINDS:
        yield "has a bad 'kind'", f"use one of {', '.join(SEGMENT_KINDS)}"
    if segment.get("side", "") not in ("", *sides):
        yield "has an unknown 'side'", f"use one of {', '.join(sides) or 'none'}"
    minutes = segment.get("minutes")
    if not _number(minutes, 240) or not minutes:
        yield "has bad 'minutes'", "give a number above 0, at most 240"
        return
    for key, count in (("points_of_information", 2), ("bells", None), ("double_bells", None)):
        value = segment.get(key)
        if value is not None and (not _numbers(value, minutes) or (count and len(value) != count)):
            yield f"has bad {key!r}", "list minutes within the segment"
