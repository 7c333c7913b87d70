"""What a report can be had in: a page, Markdown, JSON, captions, text. Owns their names and media types."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from report.content import MODERATOR, Report
from report.picture import HEAD, WIDTH, picture_of
from report.plain import as_json, captions, clock, date, deed, one_line, transcript

_MARKS = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>&|~"})
_BEGINS_BLOCK = re.compile(r"^(\d*)([#+=.)-])")
"""What makes a heading or a list of a line that begins with it."""


@dataclass(frozen=True, slots=True)
class Form:
    """`ending`: what a file of it is called by; `inline`: whether a browser shows it rather than keeps it."""

    ending: str
    media_type: str
    make: Callable[[Report], str]
    inline: bool = True


@cache
def _templates() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "clock": clock,
        "date": date,
        "deed": deed,
        "one_line": one_line,
        "percent": lambda share: f"{share:.0%}",
        "md": _marked_down,
        "points": lambda value: f"{value:g}",
        "signed": lambda value: f"{value:+d}",
    }
    return found


def _marked_down(text: object) -> str:
    return _BEGINS_BLOCK.sub(r"\1\\\2", one_line(str(text)).translate(_MARKS))


def _render(template: str, report: Report) -> str:
    return (
        _templates()
        .get_template(template)
        .render(report=report, picture=picture_of(report), MODERATOR=MODERATOR, WIDTH=WIDTH, HEAD=HEAD)
    )


def page(report: Report) -> str:
    """One HTML file with all that it needs in it."""
    return _render("report.html", report)


def markdown(report: Report) -> str:
    """CommonMark; what people said is escaped."""
    return _render("report.md", report)


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "html": Form("html", "text/html", page),
        "md": Form("md", "text/markdown", markdown),
        "json": Form("json", "application/json", as_json),
        "vtt": Form("vtt", "text/vtt", captions, inline=False),
        "txt": Form("txt", "text/plain", transcript),
    }
)
