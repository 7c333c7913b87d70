"""What a rehearsal says while it goes on: how long it will take, what was heard, with times that never go back."""

import asyncio
import re
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rehearsal.__main__ import roughly
from rehearsal.console import Console
from rehearsal.observer import Observer
from rehearsal.performance import LAST_ANSWER_SECONDS, SETTLED_SECONDS, USUAL_ANSWER_SECONDS, expected_seconds
from rehearsal.script import Line, Script
from rehearsal.voices import SAMPLE_RATE, Sound


class Captions:
    """A text stream of captions that lasts until `go_on` lets it end."""

    def __init__(self, text: str, go_on: asyncio.Event) -> None:
        self.info = SimpleNamespace(attributes={"lk.transcription_final": "true"}, stream_id=text)
        self._text = text
        self._go_on = go_on

    async def __aiter__(self) -> AsyncIterator[str]:
        await self._go_on.wait()
        yield self._text


def captions(text: str, go_on: asyncio.Event) -> Any:
    return Captions(text, go_on)


def agent(identity: str) -> Any:
    return SimpleNamespace(identity=identity)


async def test_times_are_those_of_printing_and_never_go_back() -> None:
    out = StringIO()
    observer = Observer(Console(out))
    observer.received.names |= {"ana-1": "Ana", "ben-1": "Ben"}
    observer.zero = asyncio.get_running_loop().time() - 10.0
    first, second = asyncio.Event(), asyncio.Event()
    readings = [
        asyncio.create_task(observer._read(captions("Begun first, over last.", first), "ana-1")),
        asyncio.create_task(observer._read(captions("Begun last, over first.", second), "ben-1")),
    ]
    await asyncio.sleep(0.15)
    second.set()
    await readings[1]
    observer.received.moderators.add("agent-1")
    observer._on_attributes({"sage.persona": "time-keeper"}, agent("agent-1"))
    await asyncio.sleep(0.15)
    first.set()
    await readings[0]
    lines = re.findall(r"^ *([\d.]+) s  (.*)$", out.getvalue(), re.MULTILINE)
    assert [text for _, text in lines] == [
        "Ben: Begun last, over first.",
        "— persona is now time-keeper",
        "Ana: Begun first, over last.",
    ]
    times = [float(time) for time, _ in lines]
    assert times == sorted(times)
    assert times[0] >= 10.1


async def test_a_floor_that_follows_the_talking_is_not_told() -> None:
    out = StringIO()
    observer = Observer(Console(out))
    observer.received.moderators.add("agent-1")
    for holder in ("ana-zdt5ny", "", "ben-a1b2c3"):
        observer._on_attributes({"sage.floor": holder}, agent("agent-1"))
    assert out.getvalue() == ""
    assert [change.value for change in observer.received.changes] == ["ana-zdt5ny", "", "ben-a1b2c3"]


def sound(seconds: float) -> Sound:
    return Sound(np.zeros(int(seconds * SAMPLE_RATE), np.int16), 0.0, seconds)


def test_a_debate_is_expected_to_take_its_lines_pauses_and_answers() -> None:
    lines = (
        Line(1, "Ana", "Hello.", after_answer=0.5),  # the greeting, then she comes in once it is silent
        Line(2, "Ben", "No.", after=-1.0),  # over her last second
        Line(3, "Ben", do="mute", after=0.5),
        Line(4, "Ana", "Well.", after=0.5),
    )
    script = Script(Path("x.toml"), "Title", "Topic", lines)
    sounds = {1: sound(4.0), 2: sound(2.0), 4: sound(3.0)}
    expected = USUAL_ANSWER_SECONDS + SETTLED_SECONDS + 4.0 + 1.0 + 0.5 + 0.5 + 3.0 + LAST_ANSWER_SECONDS
    assert expected_seconds(script, sounds) == pytest.approx(expected)


def test_lines_of_one_speaker_are_expected_one_after_the_other() -> None:
    lines = (Line(1, "Ana", "One.", at=1.0), Line(2, "Ana", "Two.", at=2.0), Line(3, "Ben", "Short.", at=3.0))
    script = Script(Path("x.toml"), "Title", "Topic", lines)
    sounds = {1: sound(5.0), 2: sound(5.0), 3: sound(1.0)}
    assert expected_seconds(script, sounds) == pytest.approx(11.0 + LAST_ANSWER_SECONDS)


@pytest.mark.parametrize(
    ("seconds", "words"), [(2.0, "10 s"), (47.0, "50 s"), (58.0, "1 min"), (193.8, "3 min 10 s")]
)
def test_durations_are_said_roughly(seconds: float, words: str) -> None:
    assert roughly(seconds) == words
