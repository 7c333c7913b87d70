"""Labelled debates: scripts that people can read, each with what a moderator should and must not do, and when.

Owns the form of `tests/debates/*.debate` (its README.md) and the times of what happens in it. Plays and judges nothing.
`python -m rehearsal.labelled FILE...` checks files and prints what is in them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from debate.events import ROLES
from errors import SageError

WORDS_PER_SECOND = 2.6
GAP_SECONDS = 0.5
PASSAGE_SECONDS = 25.0
"""A long speech is heard in passages of about this length, as an ear splits it."""

DEEDS = ("joins", "leaves", "raises a hand", "lowers the hand", "votes", "takes", "commands")
SIGNALS = (
    "addressed", "time", "floor", "interruption", "dominance", "quiet", "silence", "begin", "attack", "drift", "claim",
    "agreement", "unanswered", "hand", "any",
)  # fmt: skip
_HEAD = ("title", "mood", "format", "topic", "people")
_SPEECH = re.compile(
    r"(?P<who>[^:~+!*]+?)(?:\s+(?P<gap>[+-]\d+(?:\.\d+)?))?(?:\s+~(?P<seconds>\d+(?:\.\d+)?))?:\s+(?P<text>\S.*)"
)
_SILENCE = re.compile(r"\.\.\.\s*(?P<seconds>\d+(?:\.\d+)?)")
_DEED = re.compile(rf"\*\s+(?P<who>.+?)\s+(?P<what>{'|'.join(DEEDS)})(?:\s+(?P<word>.+))?")
_LABEL = re.compile(
    r"!\s+(?P<kind>must|may)\s+(?P<signal>\S+)(?:\s+(?P<who>.+?))?\s+within\s+(?P<seconds>\d+(?:\.\d+)?):\s*(?P<why>.+)"
)
_QUIET = re.compile(r"!\s+quiet\s+(?P<seconds>\d+(?:\.\d+)?):\s*(?P<why>.+)")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the head."""

    name: str
    role: str = "debater"
    side: str = ""


@dataclass(frozen=True, slots=True)
class Speech:
    """Words of one person, from `start` to `end` in seconds of the debate."""

    who: str
    text: str
    start: float
    end: float

    def passages(self) -> list[Speech]:
        """As an ear tells it: whole sentences, each with the share of the time that its letters have, joined to at most
        PASSAGE_SECONDS where sentences are that short."""
        sentences = re.findall(r"\S.*?(?:[.!?]+(?=\s)|$)", self.text)
        letters = sum(len(sentence) for sentence in sentences)
        found: list[Speech] = []
        at = self.start
        for sentence in sentences:
            until = at + (self.end - self.start) * len(sentence) / letters
            last = found[-1] if found else None
            if last is not None and until - last.start <= PASSAGE_SECONDS:
                found[-1] = Speech(self.who, f"{last.text} {sentence}", last.start, until)
            else:
                found.append(Speech(self.who, sentence, at, until))
            at = until
        return found


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody does on the page: one of DEEDS, and its word ("" for most)."""

    who: str
    what: str
    word: str
    at: float


@dataclass(frozen=True, slots=True)
class Label:
    """What a moderator must do, may do, or must not do ("quiet"), from `start` to `end`. `who`: "" for anybody."""

    kind: Literal["must", "may", "quiet"]
    signal: str
    who: str
    since: float
    """When the last speech before it ended: what a silence calls for may be done before the silence is over."""

    start: float
    end: float
    why: str
    line: int


@dataclass
class LabelledDebate:
    """One script with its times."""

    path: Path
    head: dict[str, str] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)
    speeches: list[Speech] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    seconds: float = 0.0

    def of(self, kind: str) -> list[Label]:
        """The labels of one kind."""
        return [label for label in self.labels if label.kind == kind]


class LabelledDebateError(SageError):
    """The script is not one; the message names every line that is wrong and what would be right there."""

    code = "labelled-debate-invalid"
    title = "The labelled debate cannot be read"
    status = 422


def load_labelled(path: Path) -> LabelledDebate:
    """Read and check one script. Raises LabelledDebateError with all mistakes."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LabelledDebateError(f"{path}: cannot be read ({error}).") from None
    reader = _Reader(path)
    try:
        border = lines.index("---")
    except ValueError:
        raise LabelledDebateError(f"{path}: has no line of three dashes after its head.") from None
    reader.read_head(lines[:border])
    for number, line in enumerate(lines[border + 1 :], start=border + 2):
        if line.strip():
            reader.read(number, line.strip())
    if reader.problems:
        raise LabelledDebateError("\n".join(f"{path}{problem}" for problem in reader.problems))
    return reader.debate


class _Reader:
    """Walks through one script; `_at` is the end of the last speech or silence."""

    def __init__(self, path: Path) -> None:
        self.debate = LabelledDebate(path)
        self.problems: list[str] = []
        self._at = self._spoken = 0.0

    def read_head(self, lines: Sequence[str]) -> None:
        """The head: each of its keys once."""
        head = self.debate.head
        for number, line in enumerate(lines, start=1):
            key, colon, value = line.partition(":")
            if key.strip() not in _HEAD or not colon or not value.strip():
                self.problems.append(
                    f":{number}: a line of the head is one of {', '.join(_HEAD)}, and its text."
                )
            else:
                head[key.strip()] = value.strip()
        self.problems += [f": the head lacks {key!r}." for key in _HEAD if key not in head]
        for entry in re.split(r",\s*(?![^(]*\))", head.get("people", "")):
            if not (found := re.fullmatch(r"([^()]+?)(?:\s*\(([^()]*)\))?", entry)):
                self.problems.append(f": {entry!r} is no person: write NAME or NAME (role, side).")
                continue
            words = [word.strip() for word in (found[2] or "").split(",") if word.strip()]
            role = next((word for word in words if word in ROLES), "debater")
            side = next((word for word in words if word not in ROLES), "")
            self.debate.people.append(Person(found[1], role, side))

    def read(self, number: int, line: str) -> None:
        """One line of the debate."""
        if found := _SILENCE.fullmatch(line):
            self._at += float(found["seconds"])
        elif line.startswith("*") and (found := _DEED.fullmatch(line)):
            if self._known(number, found["who"]):
                deed = Deed(found["who"], found["what"], found["word"] or "", self._at)
                self.debate.deeds.append(deed)
        elif line.startswith("!"):
            self._label(number, line)
        elif (found := _SPEECH.fullmatch(line)) and self._known(number, found["who"]):
            self._speech(found)
        elif not found:
            self.problems.append(
                f":{number}: is no speech, silence, deed or label (tests/debates/README.md)."
            )
        self.debate.seconds = max(self.debate.seconds, self._at)

    def _known(self, number: int, who: str) -> bool:
        if who in {person.name for person in self.debate.people}:
            return True
        self.problems.append(f":{number}: {who!r} is none of the head's people.")
        return False

    def _speech(self, found: re.Match[str]) -> None:
        start = max(0.0, self._at + float(found["gap"] or GAP_SECONDS))
        seconds = float(found["seconds"] or len(found["text"].split()) / WORDS_PER_SECOND)
        self.debate.speeches.append(Speech(found["who"], found["text"], start, start + seconds))
        # what is said over a longer speech ends within it
        self._at = self._spoken = max(self._at, start + seconds)

    def _label(self, number: int, line: str) -> None:
        if found := _QUIET.fullmatch(line):
            end = self._at + float(found["seconds"])
            self.debate.labels.append(Label("quiet", "", "", self._at, self._at, end, found["why"], number))
        elif (found := _LABEL.fullmatch(line)) and found["signal"] in SIGNALS:
            who = found["who"] or ""
            if who and not self._known(number, who):
                return
            kind: Literal["must", "may"] = "must" if found["kind"] == "must" else "may"
            end = self._at + float(found["seconds"])
            self.debate.labels.append(
                Label(kind, found["signal"], who, self._spoken, self._at, end, found["why"], number)
            )
        else:
            self.problems.append(
                f":{number}: is no label: `! must|may SIGNAL [NAME] within SECONDS: why` or `! quiet SECONDS: why`, "
                f"SIGNAL one of {', '.join(SIGNALS)}."
            )


def main(paths: Sequence[str]) -> int:
    """Check files; answers the exit code."""
    failed = False
    for path in paths:
        try:
            debate = load_labelled(Path(path))
        except LabelledDebateError as error:
            print(error)
            failed = True
            continue
        counts = ", ".join(f"{len(debate.of(kind))} {kind}" for kind in ("must", "may", "quiet"))
        print(f"{path}: {debate.seconds / 60:.1f} min, {len(debate.speeches)} speeches, {counts}")
        for label in debate.of("must"):
            print(f"  {label.start:6.1f}-{label.end:6.1f} s  {label.signal} {label.who}")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
