"""A real room and worker with Supabase beside it: away for the whole debate, the worker killed, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from launcher.stack import start_stack
from memory import DebateRecord, Journal, Record, uuid7
from memory.supabase_reading import SupabaseReading
from rehearsal.moderated import moderated
from tests.contract.mirrored_store import tables_of
from tests.contract.postgres_server import PostgresServer, installed
from tests.contract.supabase_server import POSTRUST, SupabaseServer, key
from tests.service.conftest import missing

pytestmark = [pytest.mark.livekit, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
async def supabase() -> AsyncIterator[SupabaseServer]:
    if not installed():
        missing("a Postgres", "pip install -r requirements-dev.txt")
    postgres = await asyncio.to_thread(PostgresServer().start)
    server = SupabaseServer(postgres, postrust=POSTRUST.is_file())
    try:
        yield await server.start()
    finally:
        await server.stop()
        await asyncio.to_thread(postgres.stop)


async def left_by_a_killed_job(journal: Journal) -> DebateRecord:
    left = await journal.open_debate(DebateRecord(uuid7(), "hall", "Taxes", "neutral", "oxford", 5.0))
    data = {"type": "uttered", "identity": "ana", "text": "the last words before the kill"}
    await journal.append([Record(uuid7(), left.debate_id, "event", 5.0, data)])
    return left


async def test_a_debate_without_supabase_and_a_killed_worker_lose_no_row(
    supabase: SupabaseServer, tmp_path: Path, room_name: str
) -> None:
    journal = Journal(tmp_path)
    left = await left_by_a_killed_job(journal)
    asked = asyncio.Event()
    supabase.on_request = lambda *_: asked.set()
    supabase.forever = 503
    credentials = {"SUPABASE_URL": supabase.url, "SUPABASE_SERVICE_ROLE_KEY": key("service_role")}
    stack = await start_stack(environment={"DATA_DIR": str(tmp_path), **credentials})
    try:
        async with moderated(stack, room_name, "Ana") as debate:
            await debate.greeted()
            await asyncio.wait_for(asked.wait(), 60)
            first = debate.moderator
            await asyncio.to_thread(stack.worker.kill)
            supabase.forever = None
            await stack.start_worker()
            await debate.taken_over(first, 20.0)
            assert "cars" in await debate.reply_to("Ana", "Moderator, what is the topic?")
            assert await asyncio.to_thread(stack.worker.stop, 20.0) == 0
    finally:
        await stack.stop()
    reading = SupabaseReading(tables_of(supabase))
    debates = await journal.debates()
    assert {one.debate_id for one in debates} == {one.debate_id for one in await reading.debates()}
    assert len(debates) == 2
    assert left in debates
    for one in debates:
        kept = await journal.records(one.debate_id)
        assert kept
        assert await reading.records(one.debate_id) == kept
    await reading.aclose()
    await journal.aclose()
