"""The replicator under faults: nothing lost, nothing doubled, order kept, one bad row no obstacle."""

import asyncio
import logging
import os
import random
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from errors import Unavailable
from launcher.places import REPOSITORY
from memory import DebateRecord, Journal, Record, uuid7
from memory.bookmarks import Bookmarks
from memory.journal_writer import find_files
from memory.replica import Backoff, Replica
from memory.replicator import QUIET_LOOKS, Replicator
from memory.supabase_reading import SupabaseReading
from tests.contract.mirrored_store import tables_of
from tests.contract.supabase_server import SupabaseServer, key

KINDS = ("event", "decision", "spoken", "interim", "note")
HOMES = ("utterances", "decisions", "spoken_replies", "events", "votes", "fact_checks", "summaries")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    made = Journal(tmp_path)
    yield made
    await made.aclose()


async def a_debate(journal: Journal, rows: int = 60, room: str = "hall") -> DebateRecord:
    debate = await journal.open_debate(
        DebateRecord(uuid7(), room, "Taxes", "neutral", "oxford", 1_700_000_000.5)
    )
    made = [
        Record(uuid7(), debate.debate_id, "event", 1.0, {"type": "joined", "identity": "ana", "name": "Ana"})
    ]
    for number in range(rows - 1):
        kind = KINDS[number % len(KINDS)]
        data = {"type": "uttered" if kind == "event" else "x", "identity": "ana", "text": f"word {number}"}
        made.append(Record(uuid7(), debate.debate_id, kind, float(number), data))
    await journal.append(made)
    return debate


async def same(journal: Journal, server: SupabaseServer, debate: DebateRecord) -> None:
    """The replica holds what the journal holds: no row less, none twice, in the same order."""
    tables = tables_of(server)
    try:
        read = await SupabaseReading(tables).records(debate.debate_id)
    finally:
        await tables.aclose()
    assert read == await journal.records(debate.debate_id)
    counts = [
        server.rows(f"select count(*) from {home} where debate_id = %s", debate.debate_id)[0][0]
        for home in HOMES
    ]
    assert sum(counts) == len(read)


class Sender:
    """A replicator over `data_dir` as a worker has it, tried again until all has arrived."""

    def __init__(
        self,
        data_dir: Path,
        server: SupabaseServer,
        holder: str = "one",
        seconds: float = 5.0,
        bookmarks: Path | None = None,
    ) -> None:
        self.tables = tables_of(server, seconds=seconds)
        self.bookmarks = Bookmarks(bookmarks or data_dir, holder)
        self.replicator = Replicator(data_dir, self.tables, self.bookmarks, batch_rows=10)
        self.failures = 0

    async def until_sent(self) -> None:
        for _ in range(100):
            try:
                await self.replicator.send_changed()
            except Unavailable:
                self.failures += 1
            else:
                return
        raise AssertionError("never arrived")

    async def aclose(self) -> None:
        await self.tables.aclose()
        self.bookmarks.__exit__()


@pytest.mark.parametrize("fault", [500, 503, 429, 502, "refuse", "lose", "hang"])
@pytest.mark.parametrize("after", [0, 2, 7, 12])
async def test_a_fault_at_any_request_loses_and_doubles_nothing(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path, fault: int | str, after: int
) -> None:
    debate = await a_debate(journal)
    supabase.script.extend([*[None] * after, fault])
    sender = Sender(tmp_path, supabase, seconds=0.4 if fault == "hang" else 5.0)
    await sender.until_sent()
    await sender.aclose()
    assert sender.failures == 1
    assert not supabase.script
    await same(journal, supabase, debate)


@pytest.mark.parametrize("seed", range(6))
async def test_many_faults_at_seeded_moments(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    debates = [await a_debate(journal, 40, room) for room in ("hall", "attic")]
    supabase.script.extend(chance.choice([None, None, 500, 503, 429, "refuse", "lose"]) for _ in range(60))
    sender = Sender(tmp_path, supabase)
    await sender.until_sent()
    await sender.aclose()
    supabase.script.clear()
    assert sender.failures > 0
    for debate in debates:
        await same(journal, supabase, debate)


async def test_two_workers_share_the_work_without_doubling(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    debates = [await a_debate(journal, 50, f"room-{number}") for number in range(4)]
    senders = [Sender(tmp_path, supabase, holder) for holder in ("one", "two")]
    await asyncio.gather(*(sender.until_sent() for sender in senders))
    await senders[0].until_sent()
    for sender in senders:
        await sender.aclose()
    for debate in debates:
        await same(journal, supabase, debate)


async def test_two_that_know_nothing_of_each_other_do_not_double_either(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    debate = await a_debate(journal, 80)
    senders = [
        Sender(tmp_path, supabase, holder, bookmarks=tmp_path / "marks" / holder) for holder in ("one", "two")
    ]
    await asyncio.gather(*(sender.until_sent() for sender in senders))
    for sender in senders:
        await sender.aclose()
    await same(journal, supabase, debate)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_process_killed_at_seeded_moments_is_followed_by_one_that_goes_on(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    debate, chance, killed = await a_debate(journal, 600), random.Random(6), 0
    command = [sys.executable, "-m", "tests.contract.replicating_process", str(tmp_path), supabase.url]
    for _ in range(20):
        moment, reached, count = chance.randrange(1, 40), asyncio.Event(), iter(range(1000))
        supabase.on_request = lambda *_, m=moment, r=reached, c=count: r.set() if next(c) >= m else None
        process = await asyncio.create_subprocess_exec(*command, key("service_role"), cwd=REPOSITORY)
        done = asyncio.create_task(process.wait())
        await asyncio.wait(
            [done, waiting := asyncio.create_task(reached.wait())], return_when="FIRST_COMPLETED"
        )
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        if process.returncode is None:
            process.kill()
            killed += 1
        await done
    assert killed >= 15
    supabase.on_request = lambda *_: None
    last = await asyncio.create_subprocess_exec(*command, key("service_role"), cwd=REPOSITORY)
    assert await last.wait() == 0
    await same(journal, supabase, debate)


async def test_what_is_on_its_way_is_not_shown_before_it_is_whole(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    debate = await a_debate(journal, 10)
    sender = Sender(tmp_path, supabase)
    # the batch's last request tells that it is whole
    supabase.script.extend([*[None] * 3, *[None] * 5, 503])
    with pytest.raises(Unavailable):
        await sender.replicator.send_changed()
    shown = supabase.rows("select count(*) from records")[0][0]
    arrived = supabase.rows("select count(*) from utterances")[0][0]
    assert shown == 0
    assert arrived > 0
    await sender.until_sent()
    await sender.aclose()
    await same(journal, supabase, debate)


async def test_a_row_that_the_database_never_takes_stops_no_other(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    debate = await a_debate(journal, 30)
    secret = "my neighbour told me so"
    poison = Record(
        uuid7(), debate.debate_id, "event", 1e300, {"type": "uttered", "identity": "b", "text": secret}
    )
    await journal.append([poison])
    more = [Record(uuid7(), debate.debate_id, "spoken", 5.0, {"text": "after it"}) for _ in range(3)]
    await journal.append(more)
    sender = Sender(tmp_path, supabase)
    with caplog.at_level(logging.DEBUG):
        await sender.until_sent()
    assert [row[0] for row in sender.bookmarks.refused()] == [poison.id]
    assert sender.failures == 0
    assert secret not in caplog.text
    read = await SupabaseReading(sender.tables).records(debate.debate_id)
    kept = await journal.records(debate.debate_id)
    assert [row.id for row in read] == [row.id for row in kept if row.id != poison.id]
    await sender.aclose()


async def test_names_are_known_to_a_process_that_goes_on_later(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    debate = await a_debate(journal, 3)
    odd = {"type": "joined", "identity": "ben", "name": "Ben \ud83d"}
    await journal.append([Record(uuid7(), debate.debate_id, "event", 1.0, odd)])
    for holder in ("one", "two"):
        uttered = {"type": "uttered", "identity": "ana" if holder == "one" else "ben", "text": holder}
        await journal.append([Record(uuid7(), debate.debate_id, "event", 2.0, uttered)])
        sender = Sender(tmp_path, supabase, holder)
        await sender.until_sent()
        await sender.aclose()
    names = dict(supabase.rows("select text, name from utterances where text in ('one', 'two')"))
    assert names["one"] == "Ana"
    assert names["two"].startswith("Ben ")
    await same(journal, supabase, debate)


async def test_a_journal_that_was_quiet_for_long_is_looked_at_seldom_but_not_never(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    debate = await a_debate(journal, 5)
    await journal.aclose()
    path = find_files(tmp_path)[0]
    os.utime(path, (time.time() - 4000, time.time() - 4000))
    sender = Sender(tmp_path, supabase)
    await sender.until_sent()
    path.with_name(path.name + "-wal").unlink(missing_ok=True)
    os.utime(path, (time.time() - 3700, time.time() - 3700))
    looks = [len(sender.replicator.changed()) for _ in range(QUIET_LOOKS)]
    assert sum(looks) == 1
    await sender.aclose()
    assert supabase.rows("select count(*) from records where debate_id = %s", debate.debate_id) == [(5,)]


async def test_a_database_that_was_emptied_is_filled_again(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    debate = await a_debate(journal, 20)
    sender = Sender(tmp_path, supabase)
    await sender.until_sent()
    with psycopg.connect(supabase.postgres_url) as database:
        database.execute("delete from debates")
    await journal.append([Record(uuid7(), debate.debate_id, "spoken", 5.0, {"text": "more"})])
    await sender.until_sent()
    await sender.aclose()
    await same(journal, supabase, debate)


async def test_rows_of_a_second_machine_follow_those_of_the_first(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    debate = await a_debate(journal, 20)
    other = Journal(tmp_path / "other")
    await other.open_debate(debate)
    later = [Record(uuid7(), debate.debate_id, "spoken", 50.0, {"text": f"later {n}"}) for n in range(5)]
    await other.append(later)
    for folder, holder in ((tmp_path / "other", "two"), (tmp_path, "one")):
        sender = Sender(folder, supabase, holder)
        await sender.until_sent()
        read = await SupabaseReading(sender.tables).records(debate.debate_id)
        await sender.aclose()
    first = await journal.records(debate.debate_id)
    assert [row.id for row in read] == [row.id for row in (*first, *later)]
    assert [row.seq for row in read] == list(range(1, 26))
    await other.aclose()


async def test_the_anon_key_is_refused_with_the_reason(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    await a_debate(journal)
    tables = tables_of(supabase, "anon")
    with Bookmarks(tmp_path, "one") as bookmarks:
        with pytest.raises(Unavailable) as refused:
            await Replicator(tmp_path, tables, bookmarks).send_changed()
    await tables.aclose()
    assert refused.value.code == "replica-refuses"
    assert "SUPABASE_SERVICE_ROLE_KEY" in refused.value.hint


def settings_of(
    data_dir: Path, server: SupabaseServer, role: str = "service_role", days: int = 0
) -> SimpleNamespace:
    secrets = {"supabase_service_role_key": key(role), "supabase_key": key("anon")}
    return SimpleNamespace(
        data_dir=data_dir, supabase_url=server.url, memory_retention_days=days, secret=secrets.__getitem__
    )


async def test_the_thread_sends_while_the_debate_goes_on_and_ends_with_nothing_left(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    whole = asyncio.Event()
    supabase.on_request = lambda _method, table: whole.set() if table == "journals" else None
    replica = Replica(settings_of(tmp_path, supabase))
    replica.start()
    debate = await a_debate(journal, 5)
    await asyncio.wait_for(whole.wait(), 30)
    await journal.append([Record(uuid7(), debate.debate_id, "spoken", 5.0, {"text": "the last words"})])
    await asyncio.to_thread(replica.stop, 10.0)
    assert replica.left == 0
    await same(journal, supabase, debate)


async def test_the_thread_survives_hours_away_and_says_what_is_left(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = asyncio.Event()
    supabase.on_request = lambda *_: asked.set()
    supabase.forever = 503
    debate = await a_debate(journal, 5)
    replica = Replica(settings_of(tmp_path, supabase))
    replica.start()
    await asyncio.wait_for(asked.wait(), 30)
    await asyncio.to_thread(replica.stop, 3.0)
    assert replica.left == 5
    assert any(getattr(record, "rows_left", 0) == 5 for record in caplog.records)
    supabase.forever = None
    following = Replica(settings_of(tmp_path, supabase))
    following.start()
    await asyncio.to_thread(following.stop, 10.0)
    assert following.left == 0
    await same(journal, supabase, debate)


async def test_the_thread_is_not_begun_with_a_key_that_may_not_write(
    supabase: SupabaseServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    replica = Replica(settings_of(tmp_path, supabase, "anon"))
    replica.start()
    replica.stop()
    assert supabase.requests == []
    assert any("role anon" in getattr(record, "reason", "") for record in caplog.records)


async def test_a_supabase_that_hangs_does_not_keep_the_worker_from_ending(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    asked = asyncio.Event()
    supabase.on_request = lambda *_: asked.set()
    supabase.forever = "hang"
    await a_debate(journal, 5)
    replica = Replica(settings_of(tmp_path, supabase))
    replica.start()
    await asyncio.wait_for(asked.wait(), 30)
    await asyncio.to_thread(replica.stop, 0.5)
    assert replica.left == 5


async def test_old_debates_are_deleted_on_both_sides_and_running_ones_spared(
    journal: Journal, supabase: SupabaseServer, tmp_path: Path
) -> None:
    old, running = await a_debate(journal, 5), await a_debate(journal, 5)
    now = time.time()
    await journal.append([Record(uuid7(), running.debate_id, "spoken", now, {"text": "still here"})])
    fresh = await journal.open_debate(replace(old, debate_id=uuid7(), created_at=now))
    sender = Sender(tmp_path, supabase)
    await sender.until_sent()
    await sender.aclose()
    await journal.aclose()
    path = tmp_path / "hall" / f"{old.debate_id}.sqlite3"
    os.utime(path, (now - 9e5, now - 9e5))
    deleted = asyncio.Event()
    supabase.on_request = lambda method, _table: deleted.set() if method == "DELETE" else None
    replica = Replica(settings_of(tmp_path, supabase, days=7))
    replica.start()
    await asyncio.wait_for(deleted.wait(), 30)
    await asyncio.to_thread(replica.stop, 10.0)
    ids = {str(row[0]) for row in supabase.rows("select debate_id from debates")}
    assert ids == {running.debate_id, fresh.debate_id}
    assert {one.stem for one in find_files(tmp_path)} == ids


def test_the_wait_doubles_with_jitter_and_has_a_limit() -> None:
    longest = Backoff(chance=lambda _low, high: high)
    assert [longest.failed() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    shortest = Backoff(chance=lambda low, _high: low)
    assert [shortest.failed() for _ in range(3)] == [0.25, 0.5, 1]
