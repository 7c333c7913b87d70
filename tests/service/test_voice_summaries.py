"""In a real room: a debate that ends is summarised in its journal and on the pages, also for who comes late."""

import asyncio
import functools
import json
from typing import Any

import pytest
from livekit import rtc

from launcher.stack import Stack
from rehearsal.moderated import ModeratedDebate, moderated

pytestmark = [pytest.mark.livekit, pytest.mark.timeout(180)]

ANA = "Night buses would bring the workers of the hospital home safely, and the city would save the money for taxis."
BEN = "Night buses cost more than they earn, because hardly anybody takes them, and drivers would have to be paid more."


async def told(debate: ModeratedDebate, name: str) -> dict[str, Any]:
    room = debate.people["Ana"]._room
    assert room is not None
    answer = await room.local_participant.perform_rpc(
        destination_identity=debate.moderator, method=f"sage.{name}", payload="{}"
    )
    return dict(json.loads(answer))


async def test_a_debate_that_ends_is_summarised(stack: Stack, room_name: str) -> None:
    async with moderated(stack, room_name, "Ana", "Ben") as debate:
        await debate.greeted()
        shown: asyncio.Queue[str] = asyncio.Queue()

        def read(reader: rtc.TextStreamReader, _identity: str) -> None:
            reading.append(asyncio.create_task(_put(reader, shown)))

        reading: list[asyncio.Task[None]] = []
        debate.observer._room.register_text_stream_handler("sage.summary", read)
        for who, words in (("Ana", ANA), ("Ben", BEN)):
            await debate.say(who, words)
            await debate.until(functools.partial(debate.captions, debate.identity(who)), "the caption")
        assert await told(debate, "end") == {"ok": True}
        part = json.loads(await asyncio.wait_for(shown.get(), 20))["text"].splitlines()
        whole = json.loads(await asyncio.wait_for(shown.get(), 20))["text"].splitlines()
        await asyncio.gather(*reading)
        assert part[0].startswith("Summary of minutes 0 to ")
        assert whole[0] == "Summary of the debate"
        assert {line.split(":")[0] for line in whole[1:]} == {"Ana", "Ben"}
        notes = [row.data for row in await debate.journal("note") if row.data["type"] == "summary"]
        assert [(note["scope"], note["by"]) for note in notes] == [
            ("segment", "extract"),
            ("debate", "extract"),
        ]
        late = (await told(debate, "state"))["remarks"]
        assert [one["text"].splitlines()[0] for one in late][-1] == "Summary of the debate"


async def _put(reader: rtc.TextStreamReader, shown: asyncio.Queue[str]) -> None:
    shown.put_nowait(await reader.read_all())
