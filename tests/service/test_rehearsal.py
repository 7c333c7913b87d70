"""A whole rehearsal on the real LiveKit server and the real web service, before a moderator whose faults are known."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from launcher.livekit_server import RunningServer
from launcher.stack import Stack, start_stack
from rehearsal.__main__ import main, rehearse
from tests.service.rehearsal_agent import Reaction, ScriptedAgent

pytestmark = [
    pytest.mark.livekit,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("livekit_server"),
]

SCRIPT = """
title = "TITLE"
topic = "Taxes"
[[line]]
who = "Ana"
after_answer = 0.3
say = "Taxes should be lower in this city"
expect = "silence"
[[line]]
who = "Ben"
after = -0.7
say = "Nobody pays for our schools then my friend"
expect = "silence"
[[line]]
who = "Ana"
after = 1.5
say = "Moderator who has the floor"
expect = "answer"
[[line]]
who = "Clara"
after_answer = 0.2
do = "join"
[[line]]
who = "Clara"
after = 0.3
do = "persona:time-keeper"
[[line]]
who = "Ben"
after = 0.5
do = "mute"
[[line]]
who = "Ben"
after = 0.2
say = "This is said into a closed microphone"
[[line]]
who = "Ben"
after = 0.4
do = "unmute"
[[line]]
who = "Clara"
after = 0.3
say = "I would rather count the customers first"
expect = "silence"
[[line]]
who = "Ana"
after = 0.2
do = "leave"
"""

GOOD = {
    "Ana": [
        Reaction("Taxes should be lower in this city."),
        Reaction("Moderator who has the floor?", reply="Ana has the floor."),
    ],
    "Ben": [Reaction("Nobody pays for our schools then my friend.")],
    "Clara": [Reaction("I would rather count the customers first.")],
}


@pytest.fixture
async def web(livekit_server: RunningServer, tmp_path: Path) -> AsyncIterator[Stack]:
    stack = await start_stack(server=livekit_server, environment={"DATA_DIR": str(tmp_path)}, worker=False)
    yield stack
    await stack.stop()


async def rehearsed(
    server: RunningServer,
    web: Stack,
    tmp_path: Path,
    title: str,
    script: dict[str, list[Reaction]],
    source: str,
) -> tuple[int, dict[str, Any], ScriptedAgent]:
    path, out = tmp_path / "script.toml", tmp_path / "report.json"
    path.write_text(source.replace("TITLE", title))
    agent = ScriptedAgent(server, f"{title}-", "Welcome to all of you.", script)
    playing = asyncio.create_task(agent.run())
    try:
        code = await rehearse(path, out, web.web_url, keep=False)
    finally:
        playing.cancel()
        (end,) = await asyncio.gather(playing, return_exceptions=True)
        assert isinstance(end, asyncio.CancelledError), f"the agent failed: {end!r}"
    return code, json.loads(out.read_text()), agent


async def test_a_debate_heard_as_it_was_spoken_passes(
    livekit_server: RunningServer, web: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report, agent = await rehearsed(livekit_server, web, tmp_path, "all-is-well", GOOD, SCRIPT)
    assert (agent.unscripted, agent.left) == ([], [])
    assert report["failures"] == []
    assert code == 0
    said = sorted((u["speaker"], u["line"], u["text"]) for u in report["utterances"])
    assert said == [
        ("Ana", 1, "Taxes should be lower in this city."),
        ("Ana", 3, "Moderator who has the floor?"),
        ("Ben", 2, "Nobody pays for our schools then my friend."),
        ("Clara", 9, "I would rather count the customers first."),
    ]
    greeting, answer = report["moderator"]
    assert (greeting["reason"], greeting["text"]) == ("greeting", "Welcome to all of you.")
    assert (answer["reason"], answer["addressed_to"], answer["line"]) == ("asked", "Ana", 3)
    assert answer["audible"]
    # The agent hears 0.8 s of silence before it answers: what the observer measures cannot be much less.
    assert 600 < answer["latency_ms"]["answer"] < 5000
    assert 0.6 < answer["end"] - answer["start"] < 3.0
    assert report["measured"]["wer_alone"] == 0.0
    assert report["measured"]["overlaps_seconds"][0] > 0.3
    assert report["persona_changes"][-1]["persona"] == "time-keeper"
    assert {"Ana", "Ben", "Clara", "Sage"} <= report["talk_seconds"].keys()
    assert "Ana:" in capsys.readouterr().out
    assert "<svg" in (tmp_path / "report.html").read_text()


async def test_wrong_names_lost_lines_and_idle_talk_fail(
    livekit_server: RunningServer, web: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {
        "Ana": [
            Reaction("Elephants never forget anything.", reply="That is a good point."),
            Reaction("Moderator who has the floor?"),
        ],
        "Ben": [Reaction("Nobody pays for our schools then my friend.", under="Ana")],
        "Clara": [Reaction("I would rather count the customers first.")],
    }
    source = SCRIPT.replace("after = -0.7", "after = 2.5").replace("persona:time-keeper", "persona:nobody")
    code, report, agent = await rehearsed(livekit_server, web, tmp_path, "all-goes-wrong", bad, source)
    assert (agent.unscripted, agent.left) == ([], [])
    assert code == 1
    assert [line["line"] for line in report["missed_lines"]] == [1]
    assert [(line["line"], line["heard_as"]) for line in report["misattributed_lines"]] == [(2, "Ana")]
    assert [line["line"] for line in report["measured"]["missing_answers"]] == [3]
    assert [row["line"] for row in report["measured"]["false_answers"]] == [1]
    assert report["measured"]["invented_utterances"] == ["Elephants never forget anything."]
    assert "there is no such persona" in report["measured"]["refused"][0]
    assert capsys.readouterr().out.count("FAILED:") == 5


def test_what_cannot_be_played_ends_with_two_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("title = 'x'\ntopic = 'y'\n[[line]]\nwho = 'Ana'\nat = 0\nsay = 'x'\ndo = 'mute'\n")
    assert main([str(path)]) == 2
    assert "line 3 ([[line]] 1)" in capsys.readouterr().err
    path.write_text("title = 'x'\ntopic = 'y'\n[[line]]\nwho = 'Ana'\nat = 0\nsay = 'Hello'\n")
    assert main([str(path), "--url", "http://127.0.0.1:9"]) == 2
    assert "does not answer" in capsys.readouterr().err
