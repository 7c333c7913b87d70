"""What a real worker tells of the turns of a real debate: log line, journal, metrics page, aggregation."""

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.turns import main as aggregate
from launcher.stack import Stack
from rehearsal.moderated import ModeratedDebate, moderated, spoken
from voice.turn_metrics import EVENT

pytestmark = [pytest.mark.livekit, pytest.mark.timeout(180)]
OVER_IT = "Nobody has asked you to explain all of that again here."


def told(stack: Stack, room: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in list(stack.worker.lines) if f'"{EVENT}"' in line]
    return [line for line in lines if line["room"] == room]


async def turns(debate: ModeratedDebate, count: int) -> list[dict[str, Any]]:
    await debate.until(lambda: len(told(debate.stack, debate.room)) >= count, f"{count} turns in the log")
    return told(debate.stack, debate.room)


async def page_of(stack: Stack, holds: str) -> str:
    """The worker's page as soon as it holds a series; it is read anew for each request."""
    async with asyncio.timeout(30), httpx.AsyncClient() as client:
        while True:
            text = (await client.get(f"{stack.metrics_url}/metrics")).text
            if holds in text:
                return text
            await asyncio.sleep(0.1)


async def test_each_turn_is_told_of_with_the_values_that_apply(
    stack: Stack, room_name: str, tmp_path: Path
) -> None:
    async with moderated(stack, room_name, "Ana", "Ben") as debate:
        await debate.greeted()
        (greeting,) = await turns(debate, 1)
        assert (greeting["reason"], greeting["switched"]) == ("greeting", False)
        assert greeting["links"] == {"stt": None, "llm": None, "tts": "local"}
        assert greeting["tts_first_audio_latency_ms"] > 0
        others = ("llm_ttft_ms", "barge_in_cutoff_ms", "e2e_first_audio_ms", "endpointer_latency_ms")
        assert [greeting[name] for name in others] == [None] * 4

        said = debate.observer.moderator_turns
        await debate.say("Ana", "Moderator, what do you think about cars?")
        await debate.until(lambda: debate.observer.moderator_turns > said, "the answer's first words")
        await debate.say("Ben", spoken(OVER_IT))
        answer = (await turns(debate, 2))[1]
        assert answer["links"]["stt"] == "local"
        assert 200 <= answer["endpointer_latency_ms"] <= 3000
        assert answer["e2e_first_audio_ms"] > 0
        assert answer["barge_in_cutoff_ms"] >= 190

        row = (await debate.journal("spoken"))[1].data
        assert row["turn_id"] == answer["turn_id"]
        assert row["unvoiced"] == ""
        shown = {name: row["latency_ms"][name] for name in answer if name.endswith("_ms")}
        assert shown == {name: answer[name] for name in shown}
        both = answer["endpointer_latency_ms"] + answer["e2e_first_audio_ms"]
        assert abs(both - row["latency_ms"]["speech_end_to_first_audio_ms"]) <= 5

        page = await page_of(stack, f'sage_turns_total{{reason="{answer["reason"]}"}}')
        assert 'sage_turn_e2e_first_audio_seconds_bucket{le="10.0"' in page
        assert "lk_agents_active_job_count" in page
        for word in (room_name, "Ana", "cars"):
            assert word not in page
        assert "cars" not in json.dumps([greeting, answer])

        log = "\n".join(list(stack.worker.lines))
        assert aggregate([], io.StringIO(log), tmp_path) in (0, 1)
        rows = {
            one["name"]: one["value"] for one in json.loads((tmp_path / "turns.json").read_text())["targets"]
        }
        assert rows["turns"] >= 2
        assert rows["barge_in_cutoff_ms count"] >= 1
