"""`console` as a person uses it: in a terminal, typing, and speaking into a microphone that is a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rehearsal.moderated import spoken
from tests.service.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
DEVICES = Path(__file__).with_name("console_devices")
RATE = 24_000
PROMPT = "Type to talk to your agent"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TERM": "xterm",
        "COLUMNS": "120",
        "DATA_DIR": str(tmp_path),
        "DEBATE_TOPIC": "Should cities ban cars",
        "PYTHONPATH": str(DEVICES),
        "SAGE_TEST_MICROPHONE": str(tmp_path / "microphone.pcm"),
        "SAGE_TEST_SPEAKER": str(tmp_path / "speaker.pcm"),
    }


@pytest.fixture
def console(environment: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Terminal]:
    command = [sys.executable, "debate_moderator_agent.py", "console", *getattr(request, "param", [])]
    terminal = Terminal(command, cwd=ROOT, environment=environment)
    yield terminal
    terminal.close()


@pytest.mark.timeout(150)
@pytest.mark.parametrize("console", [["--text"]], indirect=True)
def test_who_types_is_greeted_answered_when_they_ask_and_left_alone_otherwise(console: Terminal):
    console.until("Should cities ban cars. I am Sage")
    for line, answer in (
        ("The moderator said something.", "Sage is silent"),
        ("Sage, who has the floor?", "The floor is open."),
        ("Sage, be the time keeper", "I am the time keeper now."),
    ):
        console.until(PROMPT)
        console.type(line, "❯ ")
        console.until(answer)
    console.interrupt()


@pytest.mark.timeout(150)
def test_who_speaks_into_the_microphone_is_heard_and_answered_aloud(
    environment: dict[str, str], tmp_path: Path
):
    question = spoken("Moderator, who has the floor?").samples
    (tmp_path / "microphone.pcm").write_bytes(question.tobytes())
    command = [sys.executable, "debate_moderator_agent.py", "console"]
    console = Terminal(command, cwd=ROOT, environment=environment)
    try:
        console.until("Sage The floor is open.")
        console.interrupt()
    finally:
        console.close()
    assert "You Moderator, who has the floor" in console.shown
    played = np.fromfile(tmp_path / "speaker.pcm", np.int16)
    sounding = np.abs(played[: len(played) // 2400 * 2400].reshape(-1, 2400)).max(axis=1) > 500
    # the greeting and the answer, each some seconds of speech
    assert sounding.sum() * 2400 / RATE > 4.0


def test_without_portaudio_the_console_says_what_to_install(environment: dict[str, str], tmp_path: Path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    command = [sys.executable, "debate_moderator_agent.py", "console"]
    console = Terminal(command, cwd=ROOT, environment={**environment, "PYTHONPATH": str(broken)})
    try:
        console.until("sudo apt-get install libportaudio2")
        console.until("console --text")
    finally:
        console.close()
