"""Closing what belongs to a link: nobody waits for it, as a dead vendor may take its time with that too."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger("sage.providers.chains")

CLOSE_SECONDS = 5.0


class Closing:
    """What is being closed. `aclose` waits for all of it, which is bounded."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def later(self, run: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Close something in the background."""
        task = asyncio.create_task(within(run), name="close-link")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def aclose(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def within(run: Coroutine[Any, Any, None], seconds: float = CLOSE_SECONDS) -> None:
    """Close something of a link that may be dead; its failure to do so is nobody's concern."""
    try:
        async with asyncio.timeout(seconds):
            await run
    except Exception:  # noqa: BLE001 - a dead link's
        logger.debug("a part of a dead link did not close")
