"""Fixtures of the browser tests, which name this module in `pytest_plugins`: the page's address and a Chromium."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser

from launcher.livekit_server import RunningServer
from launcher.stack import start_stack
from tests.service.browser import at_localhost, chromium


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
