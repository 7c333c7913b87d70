"""A report as text: the transcript with names and times, captions (WebVTT), JSON.

Owns how times are written. What people said comes out word for word, with what a form takes for its own signs escaped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from report.content import Line, Report

CAPTION_SECONDS = 0.5
"""A caption stands for so long at least."""

TYPED_SECONDS = 2.0
READ_WORDS_A_SECOND = 3.0
"""What was typed took no time to say: its caption stands for as long as people read it."""


DEEDS: Mapping[str, str] = {
    "reply": "answered",
    "announce": "spoke up",
    "give_floor": "gave the floor",
    "cut_in": "cut in",
    "nudge": "a private word",
    "bell": "rang the bell",
    "mute": "muted",
    "summarise": "summed up",
    "vote": "held a vote",
    "fact_check": "checked a claim",
    "recall": "looked up what was said",
    "refuse": "declined",
}
"""What the moderator did, by the kind of its decision (`debate.decisions.Kind`), as people read it."""


def deed(kind: str) -> str:
    """A decision's kind in words; as it is where a newer Sage wrote it."""
    return DEEDS.get(kind, kind.replace("_", " "))


def clock(seconds: float) -> str:
    """As on a stop watch: 0:07, 12:30, 1:02:05."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, seconds_left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds_left:02}" if hours else f"{minutes}:{seconds_left:02}"


def date(epoch_seconds: float) -> str:
    """A day and a time of it, in UTC."""
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%d %B %Y, %H:%M UTC").lstrip("0")


def one_line(text: str) -> str:
    """`text` without line breaks and other characters that are not to be seen."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def transcript(report: Report) -> str:
    """Every line with its time and name."""
    head = f"{one_line(report.topic)}\n{report.format}, {date(report.began)}\n"
    lines = (
        f"[{clock(line.start)}] {one_line(line.name)}{' (typed)' if line.typed else ''}: {one_line(line.shown)}"
        for line in report.lines
    )
    return "\n".join([head, *lines, ""])


def captions(report: Report) -> str:
    """WebVTT; each caption names its speaker by a voice tag."""
    return "\n\n".join(["WEBVTT", *_cues(report)]) + "\n"


def _cues(report: Report) -> Iterator[str]:
    for line in report.lines:
        start = max(0.0, line.start)
        end = max(start + _least_seconds(line), line.end)
        words = _escaped(one_line(line.shown))
        # a ">" would end the tag, and a line of "-->" the cue
        yield f"{_stamp(start)} --> {_stamp(end)}\n<v {_escaped(one_line(line.name))}>{words}"


def _least_seconds(line: Line) -> float:
    """Seconds that a line's caption stands for at least."""
    if not line.typed:
        return CAPTION_SECONDS
    return max(TYPED_SECONDS, len(line.shown.split()) / READ_WORDS_A_SECOND)


def _stamp(seconds: float) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{milliseconds:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_json(report: Report) -> str:
    """The content as it is, with what follows from it."""
    data = asdict(report)
    data["lines"] = [_line(line) for line in report.lines]
    data["seconds"] = round(report.seconds, 3)
    data["words"] = report.words
    data["moderator_words"] = report.moderator_words
    data["moderator_share"] = round(report.moderator_share, 4)
    return json.dumps(data, ensure_ascii=False, indent=1)


def _line(line: Line) -> dict[str, object]:
    return {**asdict(line), "text": "" if line.forgotten else line.text}
