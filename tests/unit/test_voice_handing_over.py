"""The state in the room's metadata: when it is written, what is left alone, and what another machine makes of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from livekit import rtc

from debate.debate import Debate
from debate.handover import taken
from memory import DebateRecord, Journal, uuid7
from tests.unit.test_debate_course import host, seated
from voice import handing_over
from voice.deliberation import Deliberation
from voice.handing_over import KEY, MAX_CHARS, HandingOver, handed_over

RECORD = DebateRecord(uuid7(), "hall", "Taxes", "neutral-facilitator", "public-forum", 1_795_435_200.0)
OTHERS = {"debate_id": RECORD.debate_id, "topic": "Taxes", "host": "Cem", "ended_at": ""}


class MetadataRoom(rtc.Room):
    """A room without a server, whose metadata the test holds."""

    def __init__(self, metadata: str) -> None:
        super().__init__()
        self.text = metadata

    @property
    def metadata(self) -> str:
        return self.text


class Server:
    """What a room's metadata has been set to; each call fails with the next of `failures`."""

    def __init__(self, room: MetadataRoom, *failures: Exception) -> None:
        self.room = room
        self.failures = list(failures)
        self.written: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def write(self, metadata: str) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.room.text = metadata
        self.written.put_nowait(json.loads(metadata))

    async def next(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.written.get(), 5)


@pytest.fixture
def debate(monkeypatch: pytest.MonkeyPatch) -> Debate:
    """Public Forum, whose first speech runs."""
    monkeypatch.setattr(handing_over, "WRITE_SECONDS", 0.01)
    room = seated("public-forum")
    host(room, "start")
    return room.debate


async def test_the_state_is_written_beside_what_the_web_service_wrote(debate: Debate) -> None:
    room = MetadataRoom(json.dumps(OTHERS))
    server = Server(room)
    one = HandingOver(room, debate, RECORD, server.write)
    one.start()
    written = await server.next()
    assert {key: written[key] for key in OTHERS} == OTHERS
    assert written[KEY]["clock"]["index"] == 0
    found = handed_over(room.text, RECORD.debate_id)
    assert found is not None
    assert found["epoch"] == RECORD.created_at
    one.follow()  # nothing is new
    debate.people.raise_hand("cem", 9.0)
    one.follow()
    assert (await server.next())[KEY]["queue"] == ["cem"]
    await one.aclose()
    assert server.written.empty()


@pytest.mark.parametrize(
    "metadata",
    [
        "somebody's own words",
        "[1]",
        json.dumps({"debate_id": "another"}),
        json.dumps({**OTHERS, "ended_at": "2026-11-23T12:00:00.000Z"}),
    ],
)
async def test_what_is_not_this_running_debates_is_left_alone(debate: Debate, metadata: str) -> None:
    room = MetadataRoom(metadata)
    server = Server(room)
    one = HandingOver(room, debate, RECORD, server.write)
    await one._bring_up_to_date()
    assert room.text == metadata
    assert server.written.empty()


async def test_what_never_began_can_be_ended(debate: Debate) -> None:
    room = MetadataRoom("")
    room.on("room_metadata_changed", print)  # somebody else's
    await HandingOver(room, debate, RECORD, Server(room).write).aclose()


async def test_a_room_without_metadata_gets_a_whole_one(debate: Debate) -> None:
    room = MetadataRoom("")
    server = Server(room)
    await HandingOver(room, debate, RECORD, server.write)._bring_up_to_date()
    assert (await server.next())["debate_id"] == RECORD.debate_id


async def test_a_server_that_is_away_is_asked_again(debate: Debate) -> None:
    room = MetadataRoom(json.dumps(OTHERS))
    server = Server(room, TimeoutError(), aiohttp.ClientConnectionError())
    one = HandingOver(room, debate, RECORD, server.write)
    one.start()
    assert KEY in await server.next()
    await one.aclose()


async def test_what_the_web_service_overwrote_is_written_again(debate: Debate) -> None:
    room = MetadataRoom(json.dumps(OTHERS))
    server = Server(room)
    one = HandingOver(room, debate, RECORD, server.write)
    one.start()
    await server.next()
    before, room.text = room.text, json.dumps(OTHERS)
    room.emit("room_metadata_changed", before, room.text)
    assert KEY in await server.next()
    await one.aclose()


async def test_a_full_room_fits_into_the_metadata(debate: Debate) -> None:
    for number in range(300):
        debate.people.join(f"{number}" * 60, "Ž" * 60, "debater", 1.0)
    room = MetadataRoom("")
    server = Server(room)
    await HandingOver(room, debate, RECORD, server.write)._bring_up_to_date()
    await server.next()
    assert len(room.text.encode()) < 2 * MAX_CHARS


@pytest.mark.parametrize(
    "metadata",
    ["", "x", "[]", "{}", json.dumps({**OTHERS, KEY: 1}), json.dumps({**OTHERS, KEY: {"epoch": "1"}}),
     json.dumps({"debate_id": "another", KEY: {"epoch": 1.0}}), '{"debate_id": 1' + "[" * 9000],
)  # fmt: skip
def test_what_is_no_state_of_this_debate_is_none(metadata: str) -> None:
    assert handed_over(metadata, RECORD.debate_id) is None


async def test_another_machine_goes_on_and_its_own_journal_says_from_where(
    tmp_path: Path, debate: Debate
) -> None:
    state = {"epoch": RECORD.created_at, **taken(debate)}
    store = Journal(tmp_path)
    await store.open_debate(RECORD)

    def fresh() -> Debate:
        return Debate("Parks", debate.persona, "open-discussion", personas=debate.personas)

    first = Deliberation(fresh(), RECORD, store, lambda *_: None, clock=lambda: RECORD.created_at + 30.0)
    assert await first.resume() == 0
    await first.restore(state)
    view = first.debate.view(first.now())
    assert (view.topic, view.format, view.segment) == (debate.topic, "public-forum", "first pro speech")
    assert view.ends_in == pytest.approx(240.0 - 30.0, abs=1.0)
    assert first.debate.greeted == debate.greeted
    # that job dies too: the next one on this machine has the journal
    second = Deliberation(fresh(), RECORD, store, lambda *_: None, clock=lambda: RECORD.created_at + 40.0)
    assert await second.resume() == 1
    assert second.debate.view(second.now()).segment == "first pro speech"
    await store.aclose()


@pytest.mark.parametrize("state", [{}, {"version": 2}, {"version": 1, "format": "no such"}, {"clock": None}])
async def test_a_state_that_cannot_be_read_begins_anew(
    tmp_path: Path, debate: Debate, state: dict[str, Any]
) -> None:
    store = Journal(tmp_path)
    await store.open_debate(RECORD)
    empty = Debate("Parks", debate.persona, "open-discussion", personas=debate.personas)
    one = Deliberation(empty, RECORD, store, lambda *_: None)
    await one.restore({**taken(debate), **state} if state else state)
    assert one.debate.view(1.0).topic == "Parks"
    await store.aclose()
