"""A question by voice in a real room is answered from an earlier debate of that room, with speaker and time."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from livekit import rtc

from launcher.stack import start_stack
from memory import DebateRecord, Journal, Record, uuid7
from rehearsal.moderated import moderated

pytestmark = [pytest.mark.livekit, pytest.mark.timeout(180)]

SAID = "wind power is cheaper than any new coal plant"
PROMISED = "I will bring the figures next time."


async def an_earlier_debate(data_dir: Path, room: str) -> None:
    """Yesterday Zara spoke here; somebody said the same in another room."""
    journal, yesterday = Journal(data_dir), time.time() - 86400
    for where, identity, name in ((room, "zara", "Zara"), (f"{room}-other", "omar", "Omar")):
        debate = DebateRecord(uuid7(), where, "Energy", "neutral-facilitator", "open-discussion", yesterday)
        await journal.open_debate(debate)
        joined: dict[str, Any] = {"type": "joined", "identity": identity, "name": name, "role": "debater"}
        said: list[dict[str, Any]] = [
            {
                "type": "uttered",
                "utterance_id": text,
                "identity": identity,
                "text": text,
                "start": at,
                "end": at + 4.0,
            }
            for at, text in ((1.0, SAID), (9.0, PROMISED))
        ]
        rows = [Record(uuid7(), debate.debate_id, "event", yesterday, data) for data in (joined, *said)]
        await journal.append(rows)
    await journal.aclose()


async def test_a_spoken_question_is_answered_from_an_earlier_debate(tmp_path: Path, room_name: str) -> None:
    await an_earlier_debate(tmp_path, room_name)
    stack = await start_stack(environment={"DATA_DIR": str(tmp_path)})
    try:
        async with moderated(stack, room_name, "Ana") as debate:
            await debate.greeted()
            assert "Zara said: I will bring the figures next time" in debate.replies()[0].text
            answer = await debate.reply_to("Ana", "Moderator, what was said about wind power yesterday?")
            assert "Yesterday Zara said" in answer
            assert "cheaper than any new coal plant" in answer
            assert "Omar" not in answer
            room = debate.people["Ana"]._room
            assert room is not None
            await ask_by_page(room, debate.moderator)
            before = await state_remarks(room, debate.moderator)
            assert before[0]["topic"] == "sage.before"
            assert f"Promised: Zara: \u201c{PROMISED}\u201d" in before[0]["text"]
            assert "Omar" not in before[0]["text"]
            (note,) = [row.data for row in await debate.journal("note") if row.data["type"] == "before"]
            assert PROMISED in [one["text"] for one in note["finds"]]
            decisions = [one.data for one in await debate.journal("decision")]
            shown = [one["text"] for one in decisions if one["kind"] == "recall" and one["text"]]
            assert [SAID in text for text in shown][:1] == [True]
    finally:
        await stack.stop()


async def ask_by_page(room: rtc.Room, moderator: str) -> None:
    """The RPC takes the question; a refusal would raise."""
    payload = json.dumps({"question": "What did Nobody say about whales?"})
    answer = await room.local_participant.perform_rpc(
        destination_identity=moderator, method="sage.recall", payload=payload
    )
    assert json.loads(answer) == {"ok": True}


async def state_remarks(room: rtc.Room, moderator: str) -> list[dict[str, str]]:
    """What a page that has just come is told."""
    answer = await room.local_participant.perform_rpc(
        destination_identity=moderator, method="sage.state", payload="{}"
    )
    return list(json.loads(answer)["remarks"])
