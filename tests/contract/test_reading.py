"""Where debates are read from: Supabase, the journals while it is away, and a clear word where there is neither."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from errors import NotFound, Unavailable
from memory import DebateRecord, Journal, Record, open_reading, uuid7, words_before
from memory.supabase_key import role_of, why_it_may_not_write
from memory.supabase_reading import SupabaseReading
from settings import Settings, load_settings
from tests.contract.mirrored_store import send_all, tables_of
from tests.contract.supabase_server import SupabaseServer, key
from tests.contract.test_api_reports import served
from tests.contract.test_api_routes import refusal


def settings_of(data_dir: Path, url: str | None = None) -> Settings:
    chosen = {"supabase_url": url, "supabase_service_role_key": key("service_role")} if url else {}
    return load_settings(data_dir=data_dir, **chosen)


async def a_debate(journal: Journal, text: str) -> DebateRecord:
    debate = await journal.open_debate(DebateRecord(uuid7(), "hall", "Taxes", "neutral", "oxford", 5.0))
    times = {"at": 2.0, "start": 1.0, "end": 2.0}
    data = {"type": "uttered", "utterance_id": uuid7(), "identity": "ana", "text": text, **times}
    await journal.append([Record(uuid7(), debate.debate_id, "event", 5.0, data)])
    return debate


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    made = Journal(tmp_path / "data")
    yield made
    await made.aclose()


async def test_without_supabase_the_journals_are_read(journal: Journal, tmp_path: Path) -> None:
    debate = await a_debate(journal, "hello")
    reading = open_reading(settings_of(tmp_path / "data"))
    assert await reading.latest_debate("hall") == debate
    assert [record.data["text"] for record in await reading.records(debate.debate_id)] == ["hello"]
    await reading.aclose()


async def test_with_neither_it_is_said_what_to_set(tmp_path: Path) -> None:
    reading = open_reading(settings_of(tmp_path / "nowhere"))
    with pytest.raises(Unavailable) as refused:
        await reading.debates()
    assert refused.value.code == "no-memory"
    assert "SUPABASE_URL" in refused.value.hint
    assert "DATA_DIR" in refused.value.hint
    await reading.aclose()
    assert not (tmp_path / "nowhere").exists()


async def test_another_machine_reads_supabase_and_knows_the_last_words(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    debate = await a_debate(journal, "taxes are too low")
    await send_all(tmp_path / "data", supabase)
    elsewhere = settings_of(tmp_path / "elsewhere", supabase.url)
    reading = open_reading(elsewhere)
    assert await reading.debate(debate.debate_id) == debate
    assert await reading.debate(uuid7()) is None
    with pytest.raises(NotFound):
        await reading.records(uuid7())
    await reading.aclose()
    store = Journal(tmp_path / "elsewhere")
    recall = await words_before(elsewhere, store, "hall", excluding=uuid7())
    assert [said.text for said in recall.words] == ["taxes are too low"]
    newer = await a_debate(store, "something newer, here")
    assert (await words_before(elsewhere, store, "hall")).debate_id == newer.debate_id
    await store.aclose()


async def test_a_project_that_answers_fewer_rows_than_were_asked_for_loses_none(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    debate = await a_debate(journal, "the first of many")
    rows = [
        Record(uuid7(), debate.debate_id, "event", 6.0, {"type": "tick", "at": float(n)}) for n in range(450)
    ]
    await journal.append(rows)
    await send_all(tmp_path / "data", supabase)
    supabase.most_rows = 200
    reading = SupabaseReading(tables_of(supabase))
    assert [one.id for one in await reading.records(debate.debate_id)][1:] == [row.id for row in rows]
    await reading.aclose()


async def test_what_supabase_does_not_have_yet_is_read_from_the_journals_here(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    debate = await a_debate(journal, "it has arrived")
    await send_all(tmp_path / "data", supabase)
    await journal.append([Record(uuid7(), debate.debate_id, "spoken", 6.0, {"text": "it has not"})])
    newer = await a_debate(journal, "nothing of it has")
    reading = open_reading(settings_of(tmp_path / "data", supabase.url))
    assert len(await reading.records(debate.debate_id)) == 2
    assert await reading.latest_debate("hall") == newer
    assert await reading.debates() == (newer, debate)
    await reading.aclose()


async def test_the_web_service_reports_a_debate_of_another_machine(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    debate = await a_debate(journal, "taxes are too low")
    await send_all(tmp_path / "data", supabase)
    there = {"supabase_url": supabase.url, "supabase_service_role_key": key("service_role")}
    async with served(tmp_path / "elsewhere", **there) as web:
        told = await web.get(f"/debates/{debate.debate_id}/transcript.txt")
        assert "taxes are too low" in told.text
        assert (await web.get("/debates/hall/report.json")).json()["debate_id"] == debate.debate_id
    async with served(tmp_path / "elsewhere") as web:
        refusal(await web.get("/debates/hall/report.json"), 503, "no-memory")


@pytest.mark.parametrize("fault", [503, "hang", "refuse"])
async def test_while_supabase_is_away_the_journals_answer(
    journal: Journal,
    supabase: SupabaseServer,
    tmp_path: Path,
    fault: int | str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("memory.replica.TIMEOUT_SECONDS", 0.3)
    supabase.forever = fault
    debate = await a_debate(journal, "hello")
    settings = settings_of(tmp_path / "data", supabase.url)
    reading = open_reading(settings)
    assert await reading.debate(debate.debate_id) == debate
    assert len(await reading.records(debate.debate_id)) == 1
    assert (await words_before(settings, journal, "hall")).debate_id == debate.debate_id
    with pytest.raises(Unavailable) as away:
        await reading.records(uuid7())
    assert away.value.code == "replica-away"
    await reading.aclose()


def test_keys_say_what_they_may() -> None:
    assert role_of(key("service_role")) == "service_role"
    assert why_it_may_not_write(key("service_role")) == ""
    assert why_it_may_not_write("sb_secret_abcdefghijkl") == ""
    assert "role anon" in why_it_may_not_write(key("anon"))
    assert "publishable" in why_it_may_not_write("sb_publishable_abcdefghijkl")
    assert "SUPABASE_KEY is the anon key" in why_it_may_not_write("", key("anon"))
    for odd in ("a.b.c", "..", "a.bnVsbA.c", "x" * 200):
        assert role_of(odd) == ""
    for secret in (key("anon"), "sb_publishable_abcdefghijkl"):
        assert secret not in why_it_may_not_write(secret, secret)
