"""What every store keeps: order, idempotence, durability's answer, errors. Runs over all implementations."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from errors import InvalidInput, NotFound
from memory import DebateRecord, Journal, Record, Store, previous_words, uuid7
from tests.contract.memory_reference import ReferenceStore
from tests.contract.mirrored_store import MirroredStore
from tests.contract.postgres_server import PostgresServer
from tests.contract.supabase_server import BUILD, POSTRUST, SupabaseServer
from tests.service.conftest import missing


@pytest.fixture(params=["journal", "reference", "supabase", "postrust"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_if_any: PostgresServer | None
) -> AsyncIterator[Store]:
    if request.param in ("supabase", "postrust"):
        if request.param == "postrust" and not POSTRUST.is_file():
            missing("Postrust, the PostgREST dialect", BUILD)
        postgres = request.getfixturevalue("postgres")
        server = SupabaseServer(postgres, postrust=request.param == "postrust")
        mirrored = MirroredStore(tmp_path, await server.start(), page_rows=7)
        yield mirrored
        await mirrored.aclose()
        await server.stop()
        return
    made: Store = Journal(tmp_path) if request.param == "journal" else ReferenceStore()
    yield made
    await made.aclose()


def a_debate(room: str = "hall", topic: str = "Taxes") -> DebateRecord:
    return DebateRecord(uuid7(), room, topic, "neutral-facilitator", "open-discussion", 1_700_000_000.25)


def a_record(debate: DebateRecord, text: str = "hello", kind: str = "event", at: float = 1.5) -> Record:
    return Record(uuid7(), debate.debate_id, kind, at, {"type": "uttered", "identity": "ana", "text": text})


async def test_opening_again_finds_what_was_kept_first(store: Store) -> None:
    debate = a_debate()
    assert await store.open_debate(debate) == debate
    changed = DebateRecord(debate.debate_id, "hall", "Another topic", "time-keeper", "oxford", 5.0)
    assert await store.open_debate(changed) == debate
    assert await store.debate(debate.debate_id) == debate
    assert await store.debates() == (debate,)


async def test_records_come_back_in_order_with_their_sequence(store: Store) -> None:
    debate = await store.open_debate(a_debate())
    records = [a_record(debate, f"word {n}", at=n + 0.125) for n in range(20)]
    assert await store.append(records[:7]) is True
    assert await store.append(records[7:]) is True
    read = await store.records(debate.debate_id)
    assert [r.seq for r in read] == list(range(1, 21))
    assert [(r.id, r.debate_id, r.kind, r.at, r.data) for r in read] == [
        (r.id, r.debate_id, r.kind, r.at, r.data) for r in records
    ]


async def test_a_record_written_twice_is_kept_once(store: Store) -> None:
    debate = await store.open_debate(a_debate())
    first, second = a_record(debate, "first"), a_record(debate, "second")
    await store.append([first])
    assert await store.append([first, second, second]) is True
    assert [r.id for r in await store.records(debate.debate_id)] == [first.id, second.id]


async def test_records_are_picked_by_kind_and_position(store: Store) -> None:
    debate = await store.open_debate(a_debate())
    kinds = ["event", "interim", "spoken", "event", "decision", "note"]
    await store.append([a_record(debate, kind=kind) for kind in kinds])
    read = await store.records(debate.debate_id, kinds=("event", "spoken"))
    assert [r.kind for r in read] == ["event", "spoken", "event"]
    assert [r.kind for r in await store.records(debate.debate_id, after_seq=4)] == ["decision", "note"]
    assert await store.records(debate.debate_id, kinds=()) == ()


@pytest.mark.parametrize(
    "text", ["Zoë ’n 日本 🎙", "<b>&\"'", "line\nbreak\x00nul", "half a pair \ud83d", "x" * 200_000]
)
async def test_any_text_comes_back_as_it_was(store: Store, text: str) -> None:
    debate = await store.open_debate(a_debate())
    await store.append([a_record(debate, text)])
    assert (await store.records(debate.debate_id))[0].data["text"] == text


async def test_an_append_to_an_unknown_debate_keeps_nothing(store: Store) -> None:
    stranger = a_debate()
    with pytest.raises(NotFound):
        await store.append([a_record(stranger)])
    assert await store.debate(stranger.debate_id) is None
    with pytest.raises(NotFound):
        await store.records(stranger.debate_id)


@pytest.mark.parametrize("data", [{"x": object()}, {"x": float("nan")}, {"x": {1, 2}}])
async def test_data_that_json_cannot_hold_is_refused_whole(store: Store, data: dict[str, object]) -> None:
    debate = await store.open_debate(a_debate())
    good = a_record(debate)
    with pytest.raises(InvalidInput):
        await store.append([good, Record(uuid7(), debate.debate_id, "event", 0.0, data)])
    assert await store.records(debate.debate_id) == ()
    assert await store.append([good]) is True


@pytest.mark.parametrize("room", ["", "../up", "a/b", "a b", "r" * 65, "*", "."])
async def test_a_room_that_cannot_be_a_folder_is_refused(store: Store, room: str) -> None:
    with pytest.raises(InvalidInput):
        await store.open_debate(a_debate(room))
    with pytest.raises(InvalidInput):
        await store.debates(room)


@pytest.mark.parametrize("debate_id", ["", "../../etc/passwd", "*", "not-a-uuid"])
async def test_an_id_that_cannot_be_a_file_is_refused(store: Store, debate_id: str) -> None:
    with pytest.raises(InvalidInput):
        await store.open_debate(DebateRecord(debate_id, "hall", "t", "p", "f", 0.0))
    with pytest.raises(InvalidInput):
        await store.append([Record(uuid7(), debate_id, "event", 0.0)])
    assert await store.debate(debate_id) is None


async def test_an_unknown_kind_is_refused(store: Store) -> None:
    debate = await store.open_debate(a_debate())
    with pytest.raises(InvalidInput) as refused:
        await store.append([a_record(debate, kind="gossip")])
    assert "event" in refused.value.fields["kind"]


async def test_the_latest_debate_of_a_room_is_its_newest_other_than_this(store: Store) -> None:
    assert await store.latest_debate("hall") is None
    older, newer, elsewhere = a_debate(), a_debate(), a_debate("attic")
    for debate in (newer, elsewhere, older):
        await store.open_debate(debate)
    assert await store.latest_debate("hall") == newer
    assert await store.latest_debate("hall", excluding=newer.debate_id) == older
    assert await store.latest_debate("cellar") is None
    assert await store.debates("hall") == (newer, older)
    assert await store.debates() == (elsewhere, newer, older)


async def test_many_tasks_at_once_keep_each_task_in_order(store: Store) -> None:
    debates = [await store.open_debate(a_debate(f"room-{n}")) for n in range(3)]

    async def speak(debate: DebateRecord, speaker: int) -> None:
        for number in range(20):
            assert await store.append(
                [Record(uuid7(), debate.debate_id, "event", 0.0, {"s": speaker, "n": number})]
            )

    await asyncio.gather(*(speak(debate, speaker) for debate in debates for speaker in range(4)))
    for debate in debates:
        read = await store.records(debate.debate_id)
        assert [r.seq for r in read] == list(range(1, 81))
        for speaker in range(4):
            assert [r.data["n"] for r in read if r.data["s"] == speaker] == list(range(20))


async def test_an_empty_append_is_durable(store: Store) -> None:
    assert await store.append([]) is True


async def test_closing_twice_is_allowed(store: Store) -> None:
    await store.open_debate(a_debate())
    await store.aclose()
    await store.aclose()


def an_event(debate: DebateRecord, **data: object) -> Record:
    return Record(uuid7(), debate.debate_id, "event", 100.0, dict(data))


async def test_recall_is_the_last_debate_in_which_anybody_spoke(store: Store) -> None:
    spoken = await store.open_debate(a_debate(topic="Taxes."))
    await store.append(
        [
            an_event(spoken, type="joined", identity="ana", name="Ana María"),
            an_event(spoken, type="uttered", identity="ana", text="Taxes are too low."),
            an_event(spoken, type="uttered", identity="ben", text="No."),
            an_event(spoken, type="uttered", identity="ana", text=" "),
            an_event(spoken, type="tick"),
            Record(uuid7(), spoken.debate_id, "interim", 101.0, {"identity": "ben", "text": "they"}),
        ]
    )
    silent = await store.open_debate(a_debate())
    now = await store.open_debate(a_debate())
    await store.append([an_event(silent, type="joined", identity="eve", name="Eve")])
    recall = await previous_words(store, "hall", excluding=now.debate_id, limit=10)
    assert recall
    assert recall.debate_id == spoken.debate_id
    assert recall.speakers == ("Ana María", "ben")
    assert [(said.name, said.text) for said in recall.words] == [
        ("Ana María", "Taxes are too low."),
        ("ben", "No."),
    ]
    assert recall.sentence() == "Last time here you spoke about Taxes, with Ana María and ben."
    assert "Ana María: Taxes are too low." in recall.briefing()
    assert len((await previous_words(store, "hall", limit=1)).words) == 1


async def test_recall_of_a_new_room_says_nothing(store: Store) -> None:
    recall = await previous_words(store, "hall")
    assert not recall
    assert recall.sentence() == ""
    assert recall.briefing() == ""
