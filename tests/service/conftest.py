"""Real servers for the service tests, once for a whole run, on free ports of the loopback address.

A missing prerequisite skips the tests that need it, by name; under CI=true or SAGE_REQUIRE_SERVICES=1 it
fails them. Rooms are what tests have of their own: take `room_name`, and leave what others are in alone.
"""

import asyncio
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher import livekit_server as livekit
from launcher.livekit_server import RunningServer
from launcher.stack import Stack, start_stack


def services_required() -> bool:
    """Whether a missing prerequisite is a failure, as in CI, where it would go unnoticed."""
    return os.environ.get("CI") == "true" or os.environ.get("SAGE_REQUIRE_SERVICES") == "1"


def missing(prerequisite: str, remedy: str) -> None:
    """Skips, or fails where services are required, naming what is missing and what mends it."""
    message = f"missing: {prerequisite} ({remedy})"
    if services_required():
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.fixture(scope="session")
def livekit_server() -> Iterator[RunningServer]:
    """A real LiveKit server with keys of its own; `.environment` has what clients need."""
    found = livekit.find()
    if found is None:
        missing("a LiveKit server", "`make test` builds one, or put livekit-server on PATH")
        return
    server = livekit.start(0, binary=found[0])
    yield server
    server.stop()


@pytest.fixture(scope="session")
def stack(livekit_server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """LiveKit, web service and worker, without any vendor's key: every chain is `local`.

    The LiveKit server is the stack's own: on `livekit_server` tests play the moderator themselves, and a real worker
    there would come into their rooms. Who kills a part starts it again (`await stack.start_worker()`), or takes a
    stack of their own with `start_stack(environment={"DATA_DIR": ...})`.
    """
    data_dir: Path = tmp_path_factory.mktemp("data")
    running = asyncio.run(start_stack(environment={"DATA_DIR": str(data_dir)}))
    yield running
    asyncio.run(running.stop())


@pytest.fixture
def room_name() -> str:
    """A room that no other test has."""
    return f"test-{secrets.token_hex(6)}"
