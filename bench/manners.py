"""One script moderated by every persona, side by side: what each says unasked, and when. Writes `docs/manners.md`.

`python -m bench.manners`, without a language model: the words are those of the personas' own lines.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.replay import play, script_events
from debate.decisions import Decision
from personas.registry import Persona, load_registry
from rehearsal.labelled import LabelledDebate, load_labelled

SCRIPT = Path(__file__).resolve().parent.parent / "tests" / "debates" / "tuning" / "silent-1.debate"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "manners.md"
TOGETHER_SECONDS = 20.0
"""Interventions of two personas within it are about the same moment."""

QUOTED_CHARS = 110


def interventions(script: LabelledDebate, persona: Persona) -> list[Decision]:
    """What a persona says or writes unasked."""
    personas = load_registry()
    head = script.head
    played = play(script_events(script), head["topic"], persona, head["format"], personas, script.seconds + 5)
    return played.unasked


def page() -> str:
    """The page, as Markdown."""
    script = load_labelled(SCRIPT)
    personas = list(load_registry())
    said = {persona.name: interventions(script, persona) for persona in personas}
    times = sorted(one.at for found in said.values() for one in found)
    moments: list[list[float]] = []
    for at in times:
        if moments and at - moments[-1][0] <= TOGETHER_SECONDS:
            moments[-1].append(at)
        else:
            moments.append([at])
    lines = [
        "# One debate, five manners",
        "",
        (
            f"What each persona says unasked in the same {script.seconds / 60:.0f} minutes "
            f"([{SCRIPT.stem}](../tests/debates/tuning/{SCRIPT.name}), {script.head['topic']}), without a "
            "language model. Times are minutes and seconds; *in private* is text on one person's page. "
            "Made by `python -m bench.manners`."
        ),
    ]
    for moment in moments:
        first, last = moment[0], moment[-1]
        before = [one for one in script.speeches if one.end <= first]
        lines += ["", f"## {_clock(first)}", ""]
        if before:
            lines += [f"{before[-1].who}: “{_short(before[-1].text)}”", ""]
        lines += ["| Persona | When | What it says |", "|---|---|---|"]
        for persona in personas:
            own = [one for one in said[persona.name] if first <= one.at <= last]
            words = [(_clock(one.at), _words(one)) for one in own] or [("", "*says nothing*")]
            lines += [f"| {persona.title} | {when} | {text} |" for when, text in words]
    return "\n".join(lines) + "\n"


def _words(decision: Decision) -> str:
    where = "*in private:* " if decision.kind == "nudge" else ""
    return where + _cell(decision.text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _short(text: str) -> str:
    return _cell(text if len(text) <= QUOTED_CHARS else "… " + text[-QUOTED_CHARS:].split(" ", 1)[-1])


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE}")
    sys.exit(0)
