"""A command is over when the moderator says so, and not before."""

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
