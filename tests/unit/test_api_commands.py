"""A command is over when the moderator says so, and not before; until then it is sent again, as the same one."""

import json

import pytest

from api.commands import Commands
from api.moderators import Moderators
from errors import Unavailable
from tests.api_memory_livekit import MemoryLiveKit
from tests.unit.test_api_moderators import LIMITS


async def test_another_commands_answer_is_not_ours_and_silence_is_told() -> None:
    livekit = MemoryLiveKit()
    sent: list[tuple[object, ...]] = []
    await Moderators(livekit, LIMITS).make_room("hall")
    livekit.join_moderator("hall", sage_ack=json.dumps({"id": "another", "ok": True}))
    livekit.on_send = lambda *packet: sent.append(packet)
    moderator = await livekit.participant("hall", "agent-1")
    assert moderator is not None
    with pytest.raises(Unavailable) as caught:
        await Commands(livekit, "s" * 40, ack_seconds=0.0).send(
            "hall", moderator, "persona", {"persona": "x"}
        )
    assert caught.value.code == "moderator-silent"
    assert len(sent) == 1


async def test_a_moderator_that_heard_nothing_yet_gets_the_same_packet_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.commands.RESEND_SECONDS", 0.0)
    monkeypatch.setattr("api.commands.POLL_SECONDS", 0.0)
    livekit = MemoryLiveKit()
    await Moderators(livekit, LIMITS).make_room("hall")
    livekit.join_moderator("hall")
    heard: list[bytes] = []

    def deaf_at_first(room: str, identity: str, topic: str, payload: bytes) -> None:
        heard.append(payload)
        if len(heard) == 3:
            ack = {"id": json.loads(payload)["id"], "ok": True, "code": "", "message": ""}
            livekit.join_moderator(room, identity, sage_ack=json.dumps(ack))

    livekit.on_send = deaf_at_first
    moderator = await livekit.participant("hall", "agent-1")
    assert moderator is not None
    await Commands(livekit, "s" * 40).send("hall", moderator, "persona", {"persona": "x"})
    assert len(heard) == 3
    assert len(set(heard)) == 1
