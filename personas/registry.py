"""The personas: what a moderator is like, as data, one TOML file each beside this module.

Owns reading, checking and looking them up. Knows no vendor's SDK (a voice is an opaque string for the link
that uses it) and nothing of debates. A file more in the folder is a persona more.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Any

from errors import PersonaUnknown, Problem, SettingsError

FOLDER = Path(__file__).resolve().parent
DEFAULT_PERSONA = "neutral-facilitator"
VOICE_LINKS = ("cartesia", "openai", "chatterbox", "local")
# What the lines may speak of; {asker} is who addressed the moderator, {name} whom the question is handed to, or whom an
# intervention is about, with {other} beside. Those that end in "_nudge" are read by one person alone.
LINES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "takeover": frozenset(),
        "attend": frozenset({"asker"}),
        "handback": frozenset({"asker", "name"}),
        "handback_room": frozenset({"asker"}),
        "attack": frozenset({"name"}),
        "attack_nudge": frozenset(),
        "floor": frozenset({"name", "other"}),
        "begin": frozenset({"name"}),
        "interruption": frozenset({"name", "other"}),
        "interruption_nudge": frozenset({"other"}),
        "unanswered": frozenset({"name", "other"}),
        "dominance": frozenset({"name", "other"}),
        "dominance_nudge": frozenset(),
        "silence": frozenset({"name"}),
        "silence_room": frozenset(),
        "quiet": frozenset({"name"}),
        "quiet_nudge": frozenset(),
        "drift": frozenset({"topic"}),
        "agreement": frozenset({"name"}),
        "claim": frozenset({"name"}),
        "provoke": frozenset({"name"}),
    }
)
OPTIONAL_LINES: Mapping[str, frozenset[str]] = MappingProxyType(
    {"offer": frozenset({"name"}), "drift_nudge": frozenset({"topic"})}
)
"""Lines that not every persona has. "offer": instead of "claim" where claims can be checked; offers that.
"drift_nudge": instead of "drift" for the host alone, where words only suggest it."""

# Each with its permitted range; seconds, shares of one, counts.
THRESHOLDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "gap_seconds": (15.0, 600.0),
        "word_share": (0.0, 0.15),
        "dominance_share": (0.2, 1.0),
        "quiet_after_utterances": (1.0, 100.0),
        "silence_seconds": (5.0, 600.0),
        "claim_rate": (0.0, 1.0),
        "provoke_rate": (0.0, 1.0),
    }
)
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LOCAL_VOICE = re.compile(r"[a-z_]+(:[0-9.]+:[0-9.]+)?")
_TEXTS = {"title": 60, "summary": 200, "manner": 2000, "greeting": 200}
_KEYS = frozenset({*_TEXTS, "aliases", "voices", "thresholds", "lines"})


@dataclass(frozen=True, slots=True)
class Persona:
    """One manner of moderating. Every text is spoken or shown as it stands, apart from its {placeholders}."""

    name: str  # kebab-case; the file's name
    title: str  # as said of oneself: "the devil's advocate"
    summary: str  # one sentence for the page
    manner: str  # prompt text: how this persona speaks
    greeting: str  # template with {names} and {topic}
    voices: Mapping[str, str]  # one for each link of VOICE_LINKS; local is "VOICE" or "VOICE:PITCH:SPEED"
    thresholds: Mapping[str, float]  # keys of THRESHOLDS
    lines: Mapping[str, tuple[str, ...]]  # keys of LINES, at least one line each
    aliases: tuple[str, ...]  # what people call it, in lower case

    @property
    def spoken_title(self) -> str:
        """The title without its article: "devil's advocate"."""
        return self.title.removeprefix("the ")


class Registry:
    """All personas of a folder, by name, in the order of their names with the default one first."""

    def __init__(self, personas: Mapping[str, Persona]) -> None:
        order = sorted(personas, key=lambda name: (name != DEFAULT_PERSONA, name))
        self._personas = {name: personas[name] for name in order}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._personas)

    def all(self) -> tuple[Persona, ...]:
        return tuple(self._personas.values())

    def get(self, name: str) -> Persona:
        """The persona called `name`; raises PersonaUnknown, which lists the known ones."""
        persona = self._personas.get(name)
        if persona is None:
            raise PersonaUnknown(name, self.names)
        return persona

    def __contains__(self, name: object) -> bool:
        return name in self._personas

    def __iter__(self) -> Iterator[Persona]:
        return iter(self._personas.values())

    def __len__(self) -> int:
        return len(self._personas)


def load_registry(folder: Path | None = None) -> Registry:
    """Read and check every `*.toml` of `folder` (default: this one).

    Raises SettingsError with all problems at once, each naming file, key and remedy.
    """
    place = FOLDER if folder is None else folder
    problems: list[Problem] = []
    personas: dict[str, Persona] = {}
    for path in sorted(place.glob("*.toml")):
        file = f"personas/{path.name}"
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            problems.append(Problem(file, f"cannot be read ({error})", "mend or remove the file"))
            continue
        found = [Problem(file, what, remedy) for what, remedy in _check(path.stem, data)]
        problems += found
        if not found:
            personas[path.stem] = _persona(path.stem, data)
    if not problems and not personas:
        problems.append(Problem("personas", f"has no file in {place.name}/", "restore the persona files"))
    if not problems and folder is None and DEFAULT_PERSONA not in personas:
        problems.append(Problem("personas", f"has no {DEFAULT_PERSONA}.toml", "restore the default persona"))
    if problems:
        raise SettingsError(problems)
    return Registry(personas)


def _persona(name: str, data: Mapping[str, Any]) -> Persona:
    return Persona(
        name=name,
        title=data["title"].strip(),
        summary=data["summary"].strip(),
        manner=" ".join(data["manner"].split()),
        greeting=data["greeting"].strip(),
        voices=MappingProxyType(dict(data["voices"])),
        thresholds=MappingProxyType({key: float(value) for key, value in data["thresholds"].items()}),
        lines=MappingProxyType({key: tuple(value) for key, value in data["lines"].items()}),
        aliases=tuple(dict.fromkeys(alias.lower() for alias in data["aliases"])),
    )


def _check(name: str, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if len(name) > 64 or not _NAME.fullmatch(name):
        yield "has a name that is not kebab-case", "rename it, as in time-keeper.toml"
    for key in sorted(set(data) - _KEYS):
        yield f"has an unknown key {key!r}", f"use only {', '.join(sorted(_KEYS))}"
    for key, most in _TEXTS.items():
        value = data.get(key)
        if not isinstance(value, str) or not value.strip() or len(value) > most:
            yield f"needs {key!r}", f"give it a text of 1 to {most} characters"
    yield from _check_template("greeting", data.get("greeting"), frozenset({"names", "topic"}), whole=True)
    aliases = data.get("aliases")
    if not isinstance(aliases, list) or not aliases or not all(map(_is_text, aliases)):
        yield "needs 'aliases'", "list the names that people say, at least one"
    yield from _check_voices(data.get("voices"))
    yield from _check_thresholds(data.get("thresholds"))
    yield from _check_lines(data.get("lines"))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _check_voices(voices: object) -> Iterator[tuple[str, str]]:
    if not isinstance(voices, dict) or set(voices) != set(VOICE_LINKS):
        yield "needs [voices]", f"give one voice for each of {', '.join(VOICE_LINKS)}"
        return
    for link, voice in voices.items():
        if not _is_text(voice):
            yield f"needs voices.{link}", "give it the voice's name or id as a text"
    if isinstance(voices["local"], str) and not _LOCAL_VOICE.fullmatch(voices["local"]):
        yield "has a bad voices.local", 'write it as "heart" or "heart:PITCH:SPEED", e.g. "heart:0.94:1.02"'


def _check_thresholds(thresholds: object) -> Iterator[tuple[str, str]]:
    if not isinstance(thresholds, dict) or set(thresholds) != set(THRESHOLDS):
        yield "needs [thresholds]", f"give a number for each of {', '.join(THRESHOLDS)}"
        return
    for key, (least, most) in THRESHOLDS.items():
        value = thresholds[key]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            yield f"has a bad thresholds.{key}", f"give a number from {least:g} to {most:g}"


def _check_lines(lines: object) -> Iterator[tuple[str, str]]:
    if not isinstance(lines, dict) or set(lines) - set(OPTIONAL_LINES) != set(LINES):
        yield "needs [lines]", f"give a list of lines for each of {', '.join(LINES)}"
        return
    for key, allowed in {**LINES, **OPTIONAL_LINES}.items():
        if key not in lines:
            continue
        value = lines[key]
        if not isinstance(value, list) or not value:
            yield f"needs lines.{key}", "list at least one line"
            continue
        for line in value:
            yield from _check_template(f"lines.{key}", line, allowed)


def _check_template(
    key: str, text: object, allowed: frozenset[str], *, whole: bool = False
) -> Iterator[tuple[str, str]]:
    """Placeholders of `text` must be among `allowed`; with `whole` each of them must occur."""
    listed = ", ".join(f"{{{name}}}" for name in sorted(allowed)) or "no placeholder"
    try:
        if not isinstance(text, str):
            raise ValueError("not a text")
        used = {field for _, field, _, _ in Formatter().parse(text) if field is not None}
    except ValueError:
        yield f"has a bad {key}", f"give a text with {listed} and no other braces"
        return
    if used - allowed or (whole and used != allowed):
        yield f"has a bad {key}", f"use {listed}"
