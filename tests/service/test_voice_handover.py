"""A worker on another machine, with neither disk nor Supabase in common, goes on with the debate where it was."""

import asyncio
import json
from pathlib import Path

import pytest
from livekit import rtc

from launcher.stack import Stack, start_stack
from rehearsal.moderated import ModeratedDebate, moderated

pytestmark = [pytest.mark.livekit, pytest.mark.timeout(180)]


async def command(debate: ModeratedDebate, name: str, **arguments: str) -> None:
    room = debate.people["Ana"]._room
    assert room is not None
    answer = await room.local_participant.perform_rpc(
        destination_identity=debate.moderator, method=f"sage.{name}", payload=json.dumps(arguments)
    )
    assert json.loads(answer) == {"ok": True}


def shown(debate: ModeratedDebate) -> dict[str, str]:
    """What pages read of the moderator that is there now."""
    person: rtc.RemoteParticipant | None = debate.observer._room.remote_participants.get(debate.moderator)
    return dict(person.attributes) if person is not None else {}


async def test_another_machine_goes_on_with_clock_floor_and_persona(tmp_path: Path, room_name: str) -> None:
    stack = await start_stack(environment={"DATA_DIR": str(tmp_path / "one")})
    try:
        async with moderated(stack, room_name, "Ana", "Ben", form="public-forum") as debate:
            await debate.greeted()
            await command(debate, "persona", persona="time-keeper")
            await command(debate, "topic", topic="Should buses be free?")
            await command(debate, "start")
            await debate.until(lambda: shown(debate).get("sage.segment"), "the first speech")
            kept = '"index": 0'
            await debate.until(lambda: kept in debate.observer._room.metadata, "the state in the room")
            before, first, said = shown(debate), debate.moderator, len(debate.replies())
            await stack_moves(stack, tmp_path / "two")
            await debate.taken_over(first, 20.0)
            after = shown(debate)
            same = ("sage.segment", "sage.persona", "sage.topic", "sage.floor", "sage.debate_id")
            assert {name: after[name] for name in same} == {name: before[name] for name in same}
            assert abs(int(after["sage.ends_at"]) - int(before["sage.ends_at"])) < 1000
            answer = await debate.reply_to("Ben", "Moderator, how much time is left?")
            assert "first pro speech" in answer
            assert not [
                one.text for one in debate.replies()[said:] if "I am Sage" in one.text
            ]  # no second greeting
    finally:
        await stack.stop()


async def stack_moves(stack: Stack, data_dir: Path) -> None:
    """The worker dies, and one with another disk comes."""
    await asyncio.to_thread(stack.worker.kill)
    stack.environment["DATA_DIR"] = str(data_dir)
    await stack.start_worker()
