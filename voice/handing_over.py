"""What another worker needs to go on with this debate, kept in the room's metadata: a machine that has neither this
one's disk nor Supabase finds it there.

Owns when it is written and what else in the metadata is left as it is. What the state holds is `debate.handover`'s.
Room metadata can be written by holders of the API key alone; it is read as data all the same.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
from livekit import api, rtc

from debate.debate import Debate
from debate.handover import taken
from memory import DebateRecord
from settings import Settings

logger = logging.getLogger("sage.voice.handing_over")

KEY = "handover"
WRITE_SECONDS = 3.0
"""At most so often: everybody in the room gets it."""

MAX_CHARS = 30_000
"""LiveKit refuses more than 64 KiB of metadata; the web service's own members stand beside it."""

Write = Callable[[str], Awaitable[None]]


def metadata_writer(settings: Settings, room: str) -> Write:
    """Writes the metadata of `room` by the server's API. Raises what the API raises."""

    async def write(metadata: str) -> None:
        async with api.LiveKitAPI(
            settings.livekit_http_url,
            settings.secret("livekit_api_key"),
            settings.secret("livekit_api_secret"),
            timeout=aiohttp.ClientTimeout(total=5),
        ) as client:
            await client.room.update_room_metadata(
                api.UpdateRoomMetadataRequest(room=room, metadata=metadata)
            )

    return write


class HandingOver:
    """Keeps the state of one debate in its room's metadata, from `start` to `aclose`."""

    def __init__(self, room: rtc.Room, debate: Debate, record: DebateRecord, write: Write) -> None:
        self._room = room
        self._debate = debate
        self._record = record
        self._write = write
        self._written = ""
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Write the state now, and again whenever it has changed."""
        self._room.on("room_metadata_changed", self._on_metadata)
        self._changed.set()
        self._task = asyncio.create_task(self._run(), name="handing-over")

    def follow(self) -> None:
        """Something has happened in the debate."""
        self._changed.set()

    async def aclose(self) -> None:
        """Write no more."""
        if self._task is not None:
            self._room.off("room_metadata_changed", self._on_metadata)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _on_metadata(self, _old: str, new: str) -> None:
        if (members := _members(new)) is not None and KEY not in members:
            self._written = ""  # the web service has written its own members anew
            self._changed.set()

    async def _run(self) -> None:
        failed = False
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._bring_up_to_date()
                failed = False
            except (api.TwirpError, aiohttp.ClientError, TimeoutError, OSError) as error:
                if not failed:
                    extra = {"room": self._record.room, "error": type(error).__name__}
                    logger.warning("the room's metadata could not be written", extra=extra)
                failed = True
                self._changed.set()
            await asyncio.sleep(WRITE_SECONDS)

    async def _bring_up_to_date(self) -> None:
        state = {"epoch": self._record.created_at, **taken(self._debate)}
        if len(json.dumps(state)) > MAX_CHARS:
            state |= {"people": state["people"][:8], "words": []}
        text = json.dumps(state, sort_keys=True)
        members = _members(self._room.metadata)
        if text == self._written or members is None or members.get("ended_at"):
            return
        if members.get("debate_id", self._record.debate_id) != self._record.debate_id:
            return
        ours = {"debate_id": self._record.debate_id, "room_name": self._record.room}
        await self._write(json.dumps({**ours, **members, KEY: state}, ensure_ascii=False, sort_keys=True))
        self._written = text


def handed_over(metadata: str, debate_id: str) -> Mapping[str, Any] | None:
    """The state of `debate_id` in a room's metadata, with its `epoch`; None where there is none."""
    members = _members(metadata) or {}
    state = members.get(KEY)
    if members.get("debate_id") != debate_id or not isinstance(state, dict):
        return None
    epoch = state.get("epoch")
    return state if isinstance(epoch, float) and 0 < epoch < 1e11 else None


def _members(metadata: str) -> dict[str, Any] | None:
    """The JSON object of a room's metadata, {} for none; None for somebody else's, which is left alone."""
    try:
        members = json.loads(metadata) if metadata else {}
    except (ValueError, RecursionError):
        return None
    return members if isinstance(members, dict) else None
