"""A rehearsal's script: TOML in, a checked `Script` out, or every mistake at once with its place and its
remedy.

Owns the form of scripts. Makes no sound: a wav's contents are checked by `voices`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from errors import SageError

EXPECTATIONS = ("answer", "silence")
DEEDS = ("join", "leave", "mute", "unmute")
_TOP = {"title", "topic", "persona", "format", "voices", "line"}
_LINE = {"at", "after", "after_answer", "who", "say", "wav", "text", "do", "expect"}
_NAME_CHARS = 64


@dataclass(frozen=True, slots=True)
class Line:
    """One `[[line]]`. Exactly one of `say`, `wav` and `do` is set, and one of `at`, `after` and
    `after_answer`.

    `number` counts the tables from 1. `at` is in seconds of the debate; `after` in seconds after the end of
    the line before (negative: they overlap); `after_answer` in seconds after the end of the moderator's next
    turn. `text`: the words that are spoken (for a wav they may be unknown: "").
    """

    number: int
    who: str
    text: str = ""
    wav: Path | None = None
    do: str = ""
    at: float | None = None
    after: float | None = None
    after_answer: float | None = None
    expect: str = ""

    @property
    def spoken(self) -> bool:
        """Whether this line is a sound."""
        return not self.do


@dataclass(frozen=True, slots=True)
class Script:
    """A checked script. `voices` maps names to voice strings (`heart:PITCH:SPEED`); those left out get their
    own.
    """

    path: Path
    title: str
    topic: str
    lines: tuple[Line, ...]
    persona: str = ""
    format: str = ""
    voices: Mapping[str, str] = field(default_factory=dict)

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who speaks or acts, in the order of their first line."""
        return tuple(dict.fromkeys(line.who for line in self.lines))

    @property
    def late(self) -> tuple[str, ...]:
        """Those whose first line is `do = "join"`: they are not there when the debate begins."""
        first: dict[str, Line] = {}
        for line in self.lines:
            first.setdefault(line.who, line)
        return tuple(who for who, line in first.items() if line.do == "join")


class ScriptError(SageError):
    """The script cannot be played. `problems` names every place and what would be right there."""

    code = "script-invalid"
    title = "The script cannot be played"
    status = 422

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{path}{problem}" for problem in problems))


def load_script(path: Path) -> Script:
    """Read and check the script at `path`. Raises ScriptError with all mistakes."""
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ScriptError(path, [f": cannot be read: {reason}. Give the path of a TOML file."]) from None
    try:
        table = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise ScriptError(path, [f": is not TOML: {error}. Mend that line."]) from None
    reader = _Reader(path, source)
    script = reader.script(table)
    if reader.problems:
        raise ScriptError(path, reader.problems)
    return script


class _Reader:
    """Walks through one parsed script and collects what is wrong with it."""

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        self._places = [
            number
            for number, text in enumerate(source.splitlines(), 1)
            if re.match(r"\s*\[\[\s*line\s*\]\]", text)
        ]
        self.problems: list[str] = []

    def script(self, table: Mapping[str, Any]) -> Script:
        self._unknown("", table, _TOP)
        raw_lines = table.get("line", [])
        if (
            not isinstance(raw_lines, list)
            or not raw_lines
            or not all(isinstance(r, dict) for r in raw_lines)
        ):
            self._problem("", "has no lines: write at least one [[line]] table with who and say")
            raw_lines = []
        lines = tuple(self._line(number, raw) for number, raw in enumerate(raw_lines, 1))
        self._check_order(lines)
        script = Script(
            path=self._path,
            title=self._text("", table, "title"),
            topic=self._text("", table, "topic"),
            persona=self._text("", table, "persona", required=False),
            format=self._text("", table, "format", required=False),
            voices=self._voices(table.get("voices", {})),
            lines=lines,
        )
        for name in script.voices:
            if lines and name not in script.people:
                self._problem(" [voices]", f"{name!r} has no line: take the entry out or mend the name")
        return script

    def _line(self, number: int, raw: Mapping[str, Any]) -> Line:
        place = self._place(number)
        self._unknown(place, raw, _LINE)
        who = self._text(place, raw, "who")
        if len(who) > _NAME_CHARS:
            self._problem(place, f"who has {len(who)} characters: use at most {_NAME_CHARS}")
        for keys, example in (
            (("say", "wav", "do"), 'say = "..."'),
            (("at", "after", "after_answer"), "after = 0.8"),
        ):
            given = [key for key in keys if key in raw]
            if len(given) != 1:
                found = " and ".join(given) or "none of them"
                self._problem(
                    place, f"needs exactly one of {', '.join(keys)} and has {found}: e.g. {example}"
                )
        times = {key: self._seconds(place, raw, key) for key in ("at", "after", "after_answer")}
        do = self._text(place, raw, "do", required="do" in raw)
        wav = self._text(place, raw, "wav", required="wav" in raw)
        self._check_deed(place, do)
        self._check_extras(place, raw, do, wav)
        return Line(
            number=number,
            who=who,
            text=self._text(place, raw, "say", required="say" in raw)
            or self._text(place, raw, "text", required=False),
            wav=self._path.parent / wav if wav else None,
            do=do,
            expect=self._text(place, raw, "expect", required=False),
            **times,
        )

    def _check_deed(self, place: str, do: str) -> None:
        if not do or do in DEEDS or re.fullmatch(r"persona:[a-z0-9-]+", do):
            return
        self._problem(place, f"do = {do!r} is unknown: use one of {', '.join(DEEDS)} or persona:NAME")

    def _check_extras(self, place: str, raw: Mapping[str, Any], do: str, wav: str) -> None:
        if wav and not (self._path.parent / wav).is_file():
            self._problem(place, f"wav = {wav!r} is not there: give a path relative to the script")
        if "text" in raw and not wav:
            self._problem(place, "text says what a wav says: use it beside wav only")
        expect = raw.get("expect")
        if expect is not None and (do or expect not in EXPECTATIONS):
            allowed = " or ".join(EXPECTATIONS)
            self._problem(place, f"expect = {expect!r} cannot be: use {allowed}, beside say or wav")

    def _check_order(self, lines: tuple[Line, ...]) -> None:
        """Who has left cannot speak, who is there cannot join; a first line has nothing to come after."""
        late = {line.who for line in reversed(lines) if line.do == "join"}
        firsts: dict[str, Line] = {}
        for line in lines:
            firsts.setdefault(line.who, line)
        here = {who for who, line in firsts.items() if not (who in late and line.do == "join")}
        for line in lines:
            place = self._place(line.number)
            if line.do == "join":
                if line.who in here:
                    self._problem(
                        place, f"{line.who} is in the room already: take this line out or leave first"
                    )
                here.add(line.who)
            elif line.who and line.who not in here:
                self._problem(place, f'{line.who} is not in the room: add a line with do = "join" before')
            elif line.do == "leave":
                here.discard(line.who)

    def _voices(self, raw: object) -> dict[str, str]:
        if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
            self._problem(" [voices]", 'must map names to voices: Ana = "heart:1.1:1.0"')
            return {}
        for name, voice in raw.items():
            if not re.fullmatch(r"[a-z]+(:\d+(\.\d+)?){0,2}", voice):
                self._problem(" [voices]", f"{name} = {voice!r} is no voice: write heart:PITCH:SPEED")
        return dict(raw)

    def _text(self, place: str, raw: Mapping[str, Any], key: str, *, required: bool = True) -> str:
        value = raw.get(key, "")
        if not isinstance(value, str):
            self._problem(place, f"{key} must be text, not {value!r}: put it in quotes")
            return ""
        if required and not value.strip():
            self._problem(place, f'{key} is missing or empty: write {key} = "..."')
        return value.strip()

    def _seconds(self, place: str, raw: Mapping[str, Any], key: str) -> float | None:
        value = raw.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not -3600 < value < 86_400:
            self._problem(place, f"{key} must be seconds, not {value!r}: e.g. {key} = 1.5")
            return 0.0
        if value < 0 and key != "after":
            self._problem(place, f"{key} must not be negative: for an overlap use a negative after")
        return float(value)

    def _unknown(self, place: str, raw: Mapping[str, Any], known: set[str]) -> None:
        for key in raw.keys() - known:
            self._problem(place, f"{key} is unknown here: use {', '.join(sorted(known))}")

    def _place(self, number: int) -> str:
        row = self._places[number - 1] if number <= len(self._places) else 0
        return f", line {row} ([[line]] {number})" if row else f" ([[line]] {number})"

    def _problem(self, place: str, problem: str) -> None:
        self.problems.append(f"{place}: {problem}.")


def asking(lines: tuple[Line, ...]) -> Iterator[Line]:
    """The lines that the moderator must answer."""
    return (line for line in lines if line.expect == "answer")
