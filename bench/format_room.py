"""A format in a real room, shortened: synthetic debaters with voices, the real moderator, an observer who watches.

Owns who speaks when. When a moment was due is rehearsal/due.py's to say; the times are those of the journal, and those
at which another participant saw the part change.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import Sequence

from debate.formats import get_format
from launcher.stack import start_stack
from memory import Record
from rehearsal.due import Course, Moment, Span, timed
from rehearsal.moderated import ModeratedDebate, moderated, spoken
from rehearsal.voices import SAMPLE_RATE

PEOPLE = ("Ana", "Ben", "Cleo", "Dan")
LINES = (
    "Whoever lives beside a main road knows what a quiet street is worth.",
    "Buses and bicycles carry more people on the same ground.",
    "A city must plan for those who cannot drive as well.",
    "Shops lose nothing where people can walk to them.",
)
EARLY_SECONDS = 0.5
TURN_LINES = 1
"""Of a crossfire: then the other one speaks."""


async def in_room(name: str, speed: float) -> tuple[list[Moment], list[float]]:
    """(its moments, how late in milliseconds another participant saw each change of part). Raises what a stack or a
    room raises that cannot be had."""
    with tempfile.TemporaryDirectory(prefix="sage-formats-") as folder:
        stack = await start_stack(environment={"DATA_DIR": folder, "FORMAT_SPEED": f"{speed:g}"})
        try:
            async with moderated(stack, f"formats-{secrets.token_hex(4)}", *PEOPLE, form=name) as debate:
                return await _played(debate, name, speed)
        finally:
            await stack.stop()


async def _played(debate: ModeratedDebate, name: str, speed: float) -> tuple[list[Moment], list[float]]:
    form = get_format(name).at_speed(speed)
    lines = {who: [spoken(text, debate.voice_of(who)) for text in LINES] for who in PEOPLE}
    await debate.greeted()
    await debate.until(lambda: debate.observer.moderator_silent_for > 0.5, "a silent moderator")
    await debate.say(PEOPLE[0], "Moderator, start the debate.")
    await debate.until(lambda: status(debate) == "running", "the first part")
    turn = 0
    while status(debate) != "over":
        segment = debate.observer.moderator_attribute("sage.segment")
        ends = float(debate.observer.moderator_attribute("sage.ends_at") or 0) / 1000
        floor = debate.observer.moderator_attribute("sage.floor")
        if not segment or not ends:
            await debate.observer.news(0.1)
            continue
        by_identity = {debate.identity(who): who for who in PEOPLE}
        turn += 1
        who = by_identity.get(floor, PEOPLE[turn % len(PEOPLE)])
        sound = lines[who][turn % len(LINES)]
        if time.time() + len(sound.samples) / SAMPLE_RATE < ends - EARLY_SECONDS:
            await debate.say(who, sound)
        else:
            await _until_part_changes(debate, segment)
    rows = await debate.journal("event", "decision")
    return timed(form, course_of(rows)), _seen_late(debate, rows)


async def _until_part_changes(debate: ModeratedDebate, segment: str) -> None:
    await debate.until(
        lambda: debate.observer.moderator_attribute("sage.segment") != segment or status(debate) == "over",
        f"the end of the {segment}",
        60.0,
    )


def status(debate: ModeratedDebate) -> str:
    """The status of the clock as the room shows it."""
    return debate.observer.moderator_attribute("sage.status")


def course_of(rows: Sequence[Record]) -> Course:
    """What a journal tells of a format's course."""
    came, spans = [], []
    open_since: dict[str, float] = {}
    for row in rows:
        at, kind = float(row.data["at"]), row.data.get("type", "")
        if row.kind == "decision":
            signal = str(row.data["signal"])
            if row.data["urgency"] == "time" or signal == "command:start":
                came.append((at, signal))
        elif kind == "speech_started":
            open_since[row.data["identity"]] = at
        elif kind == "speech_ended":
            spans.append(Span(row.data["identity"], open_since.pop(row.data["identity"], at), at))
        elif kind == "moderator_spoke":
            spans.append(Span("", float(row.data["start"]), float(row.data["end"])))
    return Course(came, spans)


def _seen_late(debate: ModeratedDebate, rows: Sequence[Record]) -> list[float]:
    """Milliseconds from each decision that began a part to the moment at which the observer saw another one."""
    to_epoch = time.time() - asyncio.get_running_loop().time()
    changes = [
        change.at + to_epoch for change in debate.observer.received.changes if change.key == "sage.segment"
    ]
    decided = [
        row.at
        for row in rows
        if row.kind == "decision" and row.data["signal"] in ("time:next", "command:start")
    ]
    found = []
    for at in decided:
        seen = next((change for change in changes if change >= at - 0.05), None)
        found.append(round((seen - at) * 1000, 1) if seen is not None else float("inf"))
    return found
