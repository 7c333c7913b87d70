"""One Postgres for all contract tests that need one, and Supabase projects over it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.postgres_server import PostgresServer, installed
from tests.contract.supabase_server import POSTRUST, SupabaseServer
from tests.service.conftest import missing


@pytest.fixture(scope="session")
def postgres_if_any() -> Iterator[PostgresServer | None]:
    """The server, or None where its wheel is not installed: for tests of which only some need it."""
    if not installed():
        yield None
        return
    running = PostgresServer()
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="session")
def postgres(postgres_if_any: PostgresServer | None) -> PostgresServer:
    if postgres_if_any is None:
        missing("a Postgres", "pip install -r requirements-dev.txt")
    assert postgres_if_any is not None
    return postgres_if_any


@pytest.fixture
async def supabase(postgres: PostgresServer) -> AsyncIterator[SupabaseServer]:
    """A project whose tables are made; answered by what is at hand (see supabase_server)."""
    server = SupabaseServer(postgres, postrust=POSTRUST.is_file())
    try:
        yield await server.start()
    finally:
        await server.stop()
