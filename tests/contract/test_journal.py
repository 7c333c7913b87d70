"""The journal's own promises: killed processes, other processes, disks that refuse, the schema, the event
loop.
"""

import asyncio
import json
import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from errors import Conflict
from memory import DebateRecord, Journal, Record, uuid7
from memory.journal_file import SCHEMA_VERSION

REPOSITORY = Path(__file__).resolve().parents[2]
DEBATE = DebateRecord(uuid7(), "hall", "Taxes", "time-keeper", "oxford", 10.0)


def a_record(number: int = 0, kind: str = "event") -> Record:
    return Record(uuid7(), DEBATE.debate_id, kind, float(number), {"n": number})


def run_child(program: str, *arguments: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, **options)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    made = Journal(tmp_path, retry_seconds=0.0)
    yield made
    await made.aclose()


async def numbers(journal: Journal) -> list[int]:
    return [record.data["n"] for record in await journal.records(DEBATE.debate_id)]


WRITER = """
import asyncio, pathlib, sys
from memory import DebateRecord, Journal, Record, uuid7
async def main():
    folder, debate_id = pathlib.Path(sys.argv[1]), sys.argv[2]
    first, count = map(int, sys.argv[3:])
    journal = Journal(folder)
    await journal.open_debate(DebateRecord(debate_id, "hall", "Taxes", "time-keeper", "oxford", 10.0))
    for number in range(first, first + count):
        assert await journal.append([Record(uuid7(), debate_id, "event", 0.0, {"n": number})])
        print(number, flush=True)
    await journal.aclose()
asyncio.run(main())
"""


async def test_a_killed_process_loses_nothing_it_was_told_is_durable(
    journal: Journal, tmp_path: Path
) -> None:
    child = run_child(WRITER, str(tmp_path), DEBATE.debate_id, "0", "1000000")
    assert child.stdout is not None
    told = [int(child.stdout.readline()) for _ in range(50)]
    child.send_signal(signal.SIGKILL)
    told += [int(line) for line in child.stdout.read().split()]
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    kept = await numbers(journal)
    assert kept[: len(told)] == told
    assert len(kept) - len(told) <= 1, "at most the one that was committed but not yet told"
    assert await journal.open_debate(DEBATE) == DEBATE
    assert await journal.append([a_record(-1)])
    assert (await numbers(journal))[-1] == -1


async def test_two_processes_write_the_same_debate(journal: Journal, tmp_path: Path) -> None:
    children = [run_child(WRITER, str(tmp_path), DEBATE.debate_id, str(first), "150") for first in (0, 1000)]
    await journal.open_debate(DEBATE)
    for number in range(2000, 2050):
        assert await journal.append([a_record(number)])
    for child in children:
        child.communicate()
        assert child.returncode == 0
    kept = await numbers(journal)
    assert sorted(kept) == [*range(150), *range(1000, 1150), *range(2000, 2050)]
    for first in (0, 1000, 2000):
        mine = [number for number in kept if first <= number < first + 1000]
        assert mine == sorted(mine)


FULL_DISK = """
import asyncio, logging, pathlib, resource, sys
from memory import DebateRecord, Journal, Record, uuid7
class Alarms(logging.Handler):
    seen = []
    def emit(self, record): self.seen.append(record.getMessage())
async def main():
    logging.getLogger().addHandler(Alarms())
    journal = Journal(pathlib.Path(sys.argv[1]), retry_seconds=3600.0)
    debate = await journal.open_debate(DebateRecord(uuid7(), "hall", "t", "p", "f", 1.0))
    def record(number):
        return Record(uuid7(), debate.debate_id, "event", 0.0, {"n": number, "x": "x" * 2000})
    # No file of this process may grow: to SQLite a disk that is full.
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, most))
    answers = [await journal.append([record(number)]) for number in range(200)]
    refused = answers.index(False)
    assert not any(answers[refused:]), answers
    assert not journal.health.ok and journal.health.held == 200 - refused and journal.health.lost == 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert not await journal.append([record(200)]), "not yet time to try again"
    await journal.aclose()
    journal = Journal(pathlib.Path(sys.argv[1]))
    kept = await journal.records(debate.debate_id)
    assert [r.data["n"] for r in kept] == list(range(201))
    await journal.aclose()
    alarm, relief = Alarms.seen
    assert "cannot write" in alarm and "writes again" in relief, Alarms.seen
    print("kept", len(kept))
asyncio.run(main())
"""


def test_a_full_disk_is_one_alarm_and_what_was_said_is_written_later(tmp_path: Path) -> None:
    child = run_child(FULL_DISK, str(tmp_path))
    output, _ = child.communicate()
    assert (child.returncode, output) == (0, "kept 201\n")


READ_ONLY = """
import asyncio, os, pathlib, sys
from memory import DebateRecord, Journal, Record, uuid7
async def main():
    os.seteuid(65534 if os.geteuid() == 0 else os.geteuid())
    folder = pathlib.Path(sys.argv[1])
    journal = Journal(folder)
    debate = DebateRecord(uuid7(), "hall", "t", "p", "f", 1.0)
    assert await journal.open_debate(debate) == debate
    assert not await journal.append([Record(uuid7(), debate.debate_id, "event", 0.0)])
    print(journal.health.problem, flush=True)
    sys.stdin.readline()
    while not journal.health.ok:
        await asyncio.sleep(0.01)
    print(len(await journal.records(debate.debate_id)), flush=True)
    await journal.aclose()
asyncio.run(main())
"""


def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    for folder in [tmp_path, *tmp_path.parents]:
        if str(folder).startswith(str(tmp_path.parent.parent)):
            folder.chmod(0o755)
    data = tmp_path / "data"
    data.mkdir(mode=0o555)
    child = run_child(READ_ONLY, str(data), stdin=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    assert "ermission denied" in child.stdout.readline()
    data.chmod(0o777)
    output, _ = child.communicate("go\n")
    assert (child.returncode, output) == (0, "1\n")


async def test_memory_is_bounded_while_the_disk_refuses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "data"
    blocked.write_text("a file where the folder should be")
    journal = Journal(blocked, max_held=5, retry_seconds=1000.0)
    await journal.open_debate(DEBATE)
    for number in range(3):
        assert not await journal.append([a_record(number, "interim"), a_record(number)])
    assert journal.health.held == 5
    assert journal.health.lost == 0, "an utterance so far is the first to go"
    assert not await journal.append([a_record(number) for number in range(3, 8)])
    health = journal.health
    assert (health.held, health.lost) == (5, 3)
    assert [r.levelno for r in caplog.records] == [logging.ERROR, logging.CRITICAL]
    blocked.unlink()
    await journal.aclose()
    after = Journal(blocked)
    assert await numbers(after) == [0, 1, 2, 3, 4]
    await after.aclose()


async def test_the_event_loop_never_waits_for_the_disk(journal: Journal, tmp_path: Path) -> None:
    await journal.open_debate(DEBATE)
    path = tmp_path / "hall" / f"{DEBATE.debate_id}.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        # Somebody else holds the file's write lock: to the journal a disk that takes for ever.
        other.execute("begin immediate")
        writes = [asyncio.create_task(journal.append([a_record(number)])) for number in range(100)]
        for _ in range(1000):
            await asyncio.sleep(0)
        assert await numbers(journal) == [], "reading goes on while a write waits"
        assert not any(write.done() for write in writes)
        other.execute("commit")
    assert await asyncio.gather(*writes) == [True] * 100
    assert await numbers(journal) == list(range(100))


async def test_a_cancelled_write_is_still_written(journal: Journal) -> None:
    await journal.open_debate(DEBATE)
    write = asyncio.create_task(journal.append([a_record(1)]))
    await asyncio.sleep(0)
    write.cancel()
    await asyncio.wait([write])
    assert await journal.append([a_record(2)])
    assert await numbers(journal) == [1, 2]


async def test_a_newer_schema_is_neither_read_nor_written(journal: Journal, tmp_path: Path) -> None:
    await journal.open_debate(DEBATE)
    await journal.aclose()
    path = tmp_path / "hall" / f"{DEBATE.debate_id}.sqlite3"
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"pragma user_version = {SCHEMA_VERSION + 1}")
    later = Journal(tmp_path)
    for attempt in (later.open_debate(DEBATE), later.append([a_record()]), later.records(DEBATE.debate_id)):
        with pytest.raises(Conflict) as refused:
            await attempt
        assert refused.value.code == "journal-too-new"
    await later.aclose()


async def test_a_damaged_file_hides_no_other_debate(journal: Journal, tmp_path: Path) -> None:
    await journal.open_debate(DEBATE)
    (tmp_path / "hall" / f"{uuid7()}.sqlite3").write_bytes(b"not a database" * 500)
    (tmp_path / "hall" / f"{uuid7()}.sqlite3").touch()
    assert await journal.debates() == (DEBATE,)
    assert await journal.latest_debate("hall") == DEBATE


async def test_only_the_owner_may_read_what_was_said(journal: Journal, tmp_path: Path) -> None:
    await journal.open_debate(DEBATE)
    await journal.append([a_record()])
    for path in (tmp_path / "hall").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert stat.S_IMODE((tmp_path / "hall").stat().st_mode) == 0o700


async def test_the_file_is_write_ahead_and_versioned(journal: Journal, tmp_path: Path) -> None:
    await journal.open_debate(DEBATE)
    with closing(sqlite3.connect(tmp_path / "hall" / f"{DEBATE.debate_id}.sqlite3")) as file:
        assert file.execute("pragma journal_mode").fetchone() == ("wal",)
        assert file.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,)
        assert [json.loads(row[0]) for row in file.execute("select data from record")] == []


async def test_a_closed_journal_says_so(journal: Journal) -> None:
    await journal.aclose()
    with pytest.raises(Conflict, match="closed"):
        await journal.open_debate(DEBATE)
