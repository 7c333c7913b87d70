"""Loading the local engines before they are needed, so that no measured answer pays for it."""

from __future__ import annotations

import asyncio

from providers.local.hibari_voice import shared_voice
from providers.local.moonshine import shared_queue


async def load_engines() -> None:
    """Load recogniser and voice of this process (about 1.5 s), off the loop."""
    await asyncio.gather(asyncio.to_thread(shared_queue), asyncio.to_thread(shared_voice))
