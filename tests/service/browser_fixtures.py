"""Fixtures of the browser tests, which name this module in `pytest_plugins`: the page's address and a Chromium."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from launcher.livekit_server import RunningServer
from launcher.stack import start_stack
from tests.service.browser import Moderate, ScriptedModerator, at_localhost, chromium, scripted_moderator

# As long as a busy machine takes: an expectation that holds is met at once all the same.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def page_url(livekit_server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page, from a real web service without any worker: moderators are scripted. It ends in "/"."""
    environment = {"DATA_DIR": str(tmp_path_factory.mktemp("page"))}
    running = asyncio.run(start_stack(server=livekit_server, environment=environment, worker=False))
    yield at_localhost(running.web_url)
    asyncio.run(running.stop())


@pytest.fixture(name="browser")
async def browser_fixture() -> AsyncIterator[Browser]:
    """A Chromium whose microphone is allowed."""
    async with chromium() as running:
        yield running


@pytest.fixture
async def moderate(livekit_server: RunningServer) -> AsyncIterator[Moderate]:
    """Scripted moderators that leave when the test is over, however it ended."""
    joined: list[ScriptedModerator] = []

    async def join(
        room_name: str, *, server: RunningServer | None = None, **options: Any
    ) -> ScriptedModerator:
        joined.append(await scripted_moderator(server or livekit_server, room_name, **options))
        return joined[-1]

    yield join
    for one in joined:
        await one.leave()
