"""Search keeps its promises over both engines: the same finds by the same questions, and nothing that was forgotten."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bench.recall_questions import ASKED_AT, ROOM, debates, fill, measured, questions, record_id
from memory import Journal, Record, uuid7
from memory.bookmarks import Bookmarks
from memory.erasing import Erasing
from memory.retention import DAY_SECONDS, delete_old_files
from memory.search import LocalSearch, Search
from memory.search_index import INDEX, SearchIndex
from memory.supabase_search import SupabaseSearch
from tests.contract.mirrored_store import MirroredStore, tables_of
from tests.contract.postgres_server import PostgresServer
from tests.contract.supabase_server import POSTRUST, SupabaseServer
from tests.service.conftest import missing

Find = Callable[[str], Awaitable[list[str]]]


@pytest.fixture(params=["local", "supabase"])
async def search(
    request: pytest.FixtureRequest, postgres_if_any: PostgresServer | None, tmp_path: Path
) -> AsyncIterator[Search]:
    made: Search
    server: SupabaseServer | None = None
    if request.param == "local":
        journal = Journal(tmp_path)
        await fill(journal)
        await journal.aclose()
        made = LocalSearch(tmp_path, model=lambda: None, clock=lambda: ASKED_AT)
    else:
        if postgres_if_any is None:
            missing("a Postgres", "pip install -r requirements-dev.txt")
        assert postgres_if_any is not None
        server = await SupabaseServer(postgres_if_any, postrust=POSTRUST.is_file()).start()
        mirrored = MirroredStore(tmp_path, server)
        await fill(mirrored)
        await mirrored.replicator.send_changed()
        await mirrored.aclose()
        made = SupabaseSearch(tables_of(server), model=lambda: None, clock=lambda: ASKED_AT)
    yield made
    await made.aclose()
    if server is not None:
        await server.stop()


async def found(search: Search, text: str, room: str = ROOM) -> list[str]:
    return [find.id for find in (await search.find(room, text)).finds]


async def test_the_questions_are_answered_and_none_is_invented(search: Search) -> None:
    async def ask(text: str) -> tuple[object, ...]:
        return (await search.find(ROOM, text)).finds

    measure = await measured(questions("tuning"), ask)  # type: ignore[arg-type]
    assert measure.recall_at_5 >= 0.85
    assert measure.mrr >= 0.8
    assert measure.invented == 0


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("What did Ben say about Hinkley Point?", "n3"),
        ("speaker:ana luxembourg", "b5"),
        ('"same pay"', "f1"),
        ("topic:zoos penguins", "z8"),
        ("what did Chen say yesterday about solar", "n10"),
        ("debate:00000000-0000-0000-0000-000000000000 solar", ""),
        ('"pay same"', ""),
        ("solar since:2026-11-23", ""),
        ("solar until:2026-11-22", "n10"),
        ("What did Zoe say about taxes?", ""),
        ("what did Chen say last month about solar", ""),
    ],
)
async def test_words_phrases_speaker_topic_and_time(search: Search, text: str, first: str) -> None:
    assert (await found(search, text))[:1] == ([record_id(first)] if first else [])


async def test_a_rooms_past_is_not_another_rooms_business(search: Search) -> None:
    assert await found(search, "lemonade") == []
    assert await found(search, "lemonade", "cellar") == [record_id("s1")]
    assert await found(search, "What did Henk say?") == []


async def test_only_whose_words_are_asked_for(search: Search) -> None:
    answer = await search.find(ROOM, "What did Ben Carter say?")
    assert {find.identity for find in answer.finds} == {"ben-carter"}
    assert {find.identity for find in (await search.find(ROOM, "what did ana say")).finds} <= {
        "ana",
        "ana-costa",
    }


@pytest.mark.parametrize(
    "text", ["", "?", '"', "' or 1=1 --", "speaker:", 'a" AND said : (b', "NEAR(q zz)", "& | !"]
)
async def test_odd_questions_find_nothing_and_break_nothing(search: Search, text: str) -> None:
    assert await found(search, text) == []


async def test_what_is_forgotten_is_found_no_more(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    await fill(journal)
    search = LocalSearch(tmp_path, model=lambda: None, clock=lambda: ASKED_AT)
    assert await found(search, "sellafield") == [record_id("n8")]
    with Bookmarks(tmp_path, "test") as bookmarks:
        erasing = Erasing(tmp_path, bookmarks)
        await erasing.forget_person("ben")
        assert await found(search, "sellafield") == []
        assert await found(search, "What did Chen say about solar?") == [record_id("n10")]
        nuclear = next(debate for debate, _ in debates() if "Nuclear" in debate.topic)
        await erasing.forget_debate(nuclear.debate_id)
        assert await found(search, "What did Chen say about solar?") == []
    await search.aclose()
    await journal.aclose()
    kept = bytes_of_the_index(tmp_path)
    assert b"bread" in kept
    assert b"sellafield" not in kept
    assert b"solar" not in kept


async def test_what_is_forgotten_is_in_no_byte_of_the_index_before_anybody_asks(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    await fill(journal)
    search = LocalSearch(tmp_path, model=lambda: None, clock=lambda: ASKED_AT)
    assert await found(search, "sellafield") == [record_id("n8")]
    await search.aclose()
    assert b"sellafield" in bytes_of_the_index(tmp_path)
    with Bookmarks(tmp_path, "test") as bookmarks:
        erasing = Erasing(tmp_path, bookmarks)
        await erasing.forget_person("ben")
        kept = bytes_of_the_index(tmp_path)
        assert b"bread" in kept
        assert b"sellafield" not in kept
        nuclear = next(debate for debate, _ in debates() if "Nuclear" in debate.topic)
        await erasing.forget_debate(nuclear.debate_id)
    await journal.aclose()
    assert b"solar" not in bytes_of_the_index(tmp_path)


async def test_a_forgetting_that_was_killed_before_the_index_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    await fill(journal)
    await journal.aclose()
    search = LocalSearch(tmp_path, model=lambda: None, clock=lambda: ASKED_AT)
    assert await found(search, "sellafield") == [record_id("n8")]
    await search.aclose()

    def killed(_: Path) -> None:
        raise InterruptedError

    with Bookmarks(tmp_path, "test") as bookmarks:
        with monkeypatch.context() as patched, pytest.raises(InterruptedError):
            patched.setattr("memory.erasing.follow_journals", killed)
            await Erasing(tmp_path, bookmarks).forget_person("ben")
        assert b"sellafield" in bytes_of_the_index(tmp_path)
        await Erasing(tmp_path, bookmarks).forget_person("ben")
    assert b"sellafield" not in bytes_of_the_index(tmp_path)


async def test_retention_reaches_the_index(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    await fill(journal)
    await journal.aclose()
    search = LocalSearch(tmp_path, model=lambda: None, clock=lambda: ASKED_AT)
    assert await found(search, "sellafield") == [record_id("n8")]
    await search.aclose()
    delete_old_files(tmp_path, 1, time.time() + 10 * DAY_SECONDS, None)
    assert b"sellafield" not in bytes_of_the_index(tmp_path)


async def test_the_index_follows_the_journals_and_is_made_anew_where_it_is_lost(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    await fill(journal)
    search = LocalSearch(tmp_path, model=lambda: None, clock=lambda: ASKED_AT)
    assert await found(search, "aubergines") == []
    debate = debates()[0][0]
    said = {"type": "uttered", "identity": "ana", "text": "aubergines should be taxed"}
    late = Record(uuid7(), debate.debate_id, "event", debate.created_at + 900, said)
    await journal.append([late])
    assert await found(search, "aubergines") == [late.id]
    await search.aclose()
    damage_the_index(tmp_path)
    again = LocalSearch(tmp_path, model=lambda: None, clock=lambda: ASKED_AT)
    assert await found(again, "aubergines") == [late.id]
    await again.aclose()
    await journal.aclose()


def test_the_index_is_nobody_elses_business(tmp_path: Path) -> None:
    index = SearchIndex(tmp_path)
    index.update(ROOM)
    index.close()
    assert (tmp_path / INDEX).stat().st_mode & 0o077 == 0


def bytes_of_the_index(data_dir: Path) -> bytes:
    return b"".join(path.read_bytes() for path in data_dir.glob(f"{INDEX}*"))


def damage_the_index(data_dir: Path) -> None:
    for left in data_dir.glob(f"{INDEX}-*"):
        left.unlink()
    (data_dir / INDEX).write_bytes(b"no database at all" * 100)
