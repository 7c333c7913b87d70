"""Forgetting: the words are in no byte of the journal and no row of Supabase, and the debate can still be replayed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from debate.events import from_json
from memory import DebateRecord, Journal, Record, uuid7
from memory.__main__ import main
from memory.bookmarks import Bookmarks
from memory.erasing import EVERYWHERE, Erasing, apply_marks
from memory.forgetting import about, without_words
from memory.supabase_reading import SupabaseReading
from tests.contract.mirrored_store import send_all, tables_of
from tests.contract.supabase_server import SupabaseServer, key

SECRET = "my uncle Theobald owns the harbour"
DEBATE = DebateRecord(uuid7(), "hall", "Taxes", "neutral", "oxford", 1_700_000_000.0)


def event(kind: str, /, **data: object) -> Record:
    return Record(uuid7(), DEBATE.debate_id, "event", 5.0, {"type": kind, "at": 5.0, **data})


def other(kind: str, /, **data: object) -> Record:
    return Record(uuid7(), DEBATE.debate_id, kind, 6.0, {"at": 6.0, **data})


def uttered(identity: str, text: str) -> Record:
    return event(
        "uttered", utterance_id=uuid7(), identity=identity, text=text, start=1.0, end=2.0, via="voice"
    )


def a_debate() -> list[Record]:
    said = uttered("ana", SECRET)
    return [
        event("joined", identity="ana", name="Ana", role="debater"),
        event("joined", identity="ben", name="Ben", role="debater"),
        other("interim", by="ana", segment_id="s", text=SECRET[:20]),
        said,
        uttered("ben", "Taxes are theft."),
        event("commanded", by="ana", name="factcheck", args={"claim": SECRET, "side": "first opposition"}),
        event("commanded", by="ben", name="pause", args={}, role="host"),
        other("decision", kind="fact_check", reason="Ana asked", addressed_to="ana", text="", question=SECRET),
        other("decision", kind="reply", reason="x", addressed_to="ben", text=f"Ana said: {SECRET}.", signal=""),
        event("moderator_spoke", text=f"You said {SECRET}, Ana.", start=2.0, end=3.0),
        other("spoken", text=f"You said {SECRET}, Ana.", generated="Five minutes are left for both of you."),
        event("fact_checked", check="1", verdict="false", sentence="That uncle Theobald owns the harbour is false."),
        other(
            "note", type="summary", scope="segment", segment="1", by="extract",
            claims=[
                {"text": "The harbour is in private hands", "speaker": "ana", "utterances": [said.id]},
                {"text": "Taxes are theft", "speaker": "ben", "utterances": []},
            ],
        ),
    ]  # fmt: skip


def test_only_that_persons_words_go_and_only_once() -> None:
    records = a_debate()
    changed = without_words(records, "ana")
    text = json.dumps([record.data for record in changed])
    assert "Theobald" not in text
    assert "harbour" not in text
    assert all(record.data["forgotten"] is True for record in changed)
    untouched = {record.id for record in records} - {record.id for record in changed}
    by_id = {record.id: record for record in records}
    assert any(by_id[one].data.get("text") == "Taxes are theft." for one in untouched)
    after = [next((c for c in changed if c.id == record.id), record) for record in records]
    assert "Five minutes are left for both of you." in json.dumps([record.data for record in after])
    assert after[5].data["args"]["side"] == "first opposition"
    assert without_words(after, "ana") == ()


def test_words_said_later_are_not_meant() -> None:
    assert without_words(a_debate(), "ana", until=4.0) == ()


def test_what_is_left_can_be_replayed() -> None:
    records = a_debate()
    for record in without_words(records, "ana"):
        if record.kind == "event":
            from_json(record.data)


def test_what_is_held_on_a_person_names_all_places() -> None:
    found = about(a_debate(), "ana")
    assert {record.kind for record in found} == {"event", "interim", "decision", "note"}
    assert all(record.data.get("text") != "Taxes are theft." for record in found)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    made = Journal(tmp_path)
    await made.open_debate(DEBATE)
    await made.append(a_debate())
    yield made
    await made.aclose()


async def copied(journal: Journal, folder: Path) -> Path:
    """The same debate in the journals of another machine."""
    copy = Journal(folder)
    await copy.open_debate(DEBATE)
    await copy.append(await journal.records(DEBATE.debate_id))
    await copy.aclose()
    return folder


def bytes_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def test_the_words_are_in_no_byte_of_the_disk_while_the_debate_goes_on(
    journal: Journal, tmp_path: Path
) -> None:
    assert b"Theobald" in bytes_on_disk(tmp_path)
    with Bookmarks(tmp_path, "test") as bookmarks:
        done = await Erasing(tmp_path, bookmarks).forget_person("ana")
    assert done.in_journals[DEBATE.debate_id] > 5
    assert b"Theobald" not in bytes_on_disk(tmp_path)
    # the job that writes this debate goes on without noticing
    await journal.append([uttered("ben", "And another thing.")])
    read = await journal.records(DEBATE.debate_id)
    assert [record.seq for record in read] == list(range(1, len(read) + 1))
    assert read[-1].data["text"] == "And another thing."
    assert read[-2].data["type"] == "forgotten"


def files_of(folder: Path) -> list[Path]:
    return list(folder.glob("hall/*"))


def everything(server: SupabaseServer) -> str:
    """All rows of all tables of the project, as text."""
    with psycopg.connect(server.postgres_url) as database:
        tables = [
            row[0] for row in database.execute("select tablename from pg_tables where schemaname = 'public'")
        ]
        return "\n".join(
            str(row)
            for table in tables
            for row in database.execute(f"select to_json(t)::text from {table} t".encode())
        )


async def test_the_words_are_in_no_row_of_supabase_and_do_not_come_back(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    tables = tables_of(supabase)
    elsewhere = await copied(journal, tmp_path / "elsewhere")
    await send_all(tmp_path, supabase)
    assert "Theobald" in everything(supabase)
    with Bookmarks(tmp_path, "here") as bookmarks:
        done = await Erasing(tmp_path, bookmarks, tables).forget_person("ana")
        assert done.in_supabase[DEBATE.debate_id] == done.in_journals[DEBATE.debate_id]
        assert "Theobald" not in everything(supabase)
    await send_all(tmp_path, supabase)
    # another machine that still has all of it, and sends it now
    await send_all(elsewhere, supabase, "there")
    assert "Theobald" not in everything(supabase)
    assert b"Theobald" not in bytes_on_disk(elsewhere)
    read = await SupabaseReading(tables).records(DEBATE.debate_id)
    await tables.aclose()
    assert [record.data.get("text") for record in read if record.data.get("identity") == "ben"][
        -1
    ] == "Taxes are theft."


async def test_no_mark_is_passed_over_however_many_there_are(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    supabase.most_rows = 200
    tables = tables_of(supabase)
    elsewhere = await copied(journal, tmp_path / "elsewhere")
    others = [{"debate_id": EVERYWHERE, "identity": f"p{each}", "forgotten_at": 1.0} for each in range(450)]
    others += [{**each, "identity": "ben", "forgotten_at": 2e9} for each in others[:1]]
    await tables.upsert("forgotten", [*others, {**others[0], "identity": "ana", "forgotten_at": 1e10}])
    with Bookmarks(elsewhere, "there") as bookmarks:
        assert await apply_marks(tables, elsewhere, bookmarks) == [DEBATE.debate_id]
        assert await apply_marks(tables, elsewhere, bookmarks) == []
    await tables.aclose()
    assert b"Theobald" not in bytes_on_disk(elsewhere)


async def test_words_that_a_later_debate_opened_with_go_too_though_the_person_was_not_there(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    later = DebateRecord(uuid7(), DEBATE.room, "Parks", "neutral", "oxford", 1_700_100_000.0)
    elsewhere = DebateRecord(uuid7(), "another-room", "Harbours", "neutral", "oxford", 1_700_100_000.0)
    quoted = {"id": "1", "identity": "ana", "name": "Ana", "text": f"I promise that {SECRET}."}
    spoken = {"text": f"Welcome. Last time Ana said: I promise that {SECRET}."}
    for debate, rows in (
        (later, (("note", {"type": "before", "finds": [quoted]}), ("spoken", spoken))),
        (elsewhere, (("event", {"type": "uttered", "identity": "zoe", "text": "Quite another thing."}),)),
    ):
        await journal.open_debate(debate)
        await journal.append([Record(uuid7(), debate.debate_id, kind, 7.0, data) for kind, data in rows])
    await send_all(tmp_path, supabase)
    tables = tables_of(supabase)
    with Bookmarks(tmp_path, "here") as bookmarks:
        done = await Erasing(tmp_path, bookmarks, tables).forget_person("ana")
    await tables.aclose()
    assert done.in_supabase[later.debate_id] == done.in_journals[later.debate_id] == 2
    assert elsewhere.debate_id not in done.in_supabase
    assert "Theobald" not in everything(supabase)
    assert b"Theobald" not in bytes_on_disk(tmp_path)
    assert "Quite another thing." in everything(supabase)


async def test_a_forgotten_debate_is_gone_on_both_sides_and_stays_gone(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    tables = tables_of(supabase)
    elsewhere = await copied(journal, tmp_path / "elsewhere")
    await send_all(tmp_path, supabase)
    with Bookmarks(tmp_path, "here") as bookmarks:
        done = await Erasing(tmp_path, bookmarks, tables).forget_debate(DEBATE.debate_id)
    assert done.deleted == [DEBATE.debate_id]
    assert files_of(tmp_path) == []
    assert await send_all(elsewhere, supabase, "there") == 0
    await tables.aclose()
    assert files_of(elsewhere) == []
    assert supabase.rows("select count(*) from debates") == [(0,)]


def command(monkeypatch: pytest.MonkeyPatch, data_dir: Path, server: SupabaseServer, *arguments: str) -> int:
    monkeypatch.setenv("DATA_DIR", str(data_dir))
    monkeypatch.setenv("SUPABASE_URL", server.url)
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", key("service_role"))
    monkeypatch.setenv("DATABASE_URL", server.postgres_url)
    return main(arguments)


async def test_the_commands_for_people(
    journal: Journal,
    supabase: SupabaseServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def run(*arguments: str) -> str:
        code = await asyncio.to_thread(command, monkeypatch, tmp_path, supabase, *arguments)
        printed = capsys.readouterr()
        assert code == 0, printed.err
        return printed.out

    assert "up to date" in await run("migrate")
    assert "create table" in await run("migrate", "--print")
    assert "13 rows are still to be sent" in await run("status")
    assert "sent 13 rows, 0 left" in await run("sync")
    assert "0 rows are still to be sent" in await run("status")
    assert DEBATE.debate_id in (listed := await run("list", DEBATE.topic[:6].lower()))
    assert "(ana)" in listed
    assert "no such debate" in await run("list", "a word of none")
    held = json.loads(await run("export", "--person", "ana"))
    assert SECRET in json.dumps(held)
    assert len(held["debates"]) == 1
    ids = [record["id"] for record in held["debates"][0]["records"]]
    assert len(ids) == len(set(ids))
    assert "no words any more in Supabase" in await run("forget", "--person", "ana")
    assert "Theobald" not in await run("export", "--person", "ana")
    assert f"deleted {DEBATE.debate_id}" in await run("forget", "--debate", DEBATE.debate_id)
    assert json.loads(await run("export", "--person", "ana"))["debates"] == []
    assert "nothing of it is kept" in await run("forget", "--debate", DEBATE.debate_id)


async def test_a_damaged_journal_is_named_and_keeps_nobody_elses_words(
    journal: Journal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    await journal.aclose()
    damaged = tmp_path / "cellar" / f"{uuid7()}.sqlite3"
    damaged.parent.mkdir()
    damaged.write_bytes(b"not a database, and long enough to be looked at" * 40)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    async def run(*arguments: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    code, out, err = await run("list")
    assert (code, DEBATE.debate_id in out, vars(caplog.records[-1])["file"]) == (0, True, damaged.name)
    for command in ("export", "forget"):
        code, out, err = await run(command, "--person", "ana")
        assert (code, DEBATE.debate_id in out, str(damaged) in err) == (1, True, True)
        assert "forget --debate ID" in err
    assert b"Theobald" not in bytes_on_disk(tmp_path)
    assert await run("forget", "--debate", damaged.stem) == (0, f"deleted {damaged.stem}\n", "")
    assert (await run("export", "--person", "ana"))[0] == 0


def test_forgetting_is_refused_where_supabase_could_not_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SUPABASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("SUPABASE_KEY", key("anon"))
    assert main(["forget", "--person", "ana"]) == 1
    assert "anon key" in capsys.readouterr().err
