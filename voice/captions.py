"""Debaters' captions: what each says, under their own name, while they say it.

Owns `lk.transcription` streams on behalf of debaters. A text is in the journal before it is shown (`before_shown`).
Interim texts are replaced by newer ones while they wait; final ones are never dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from livekit import rtc

from voice.spoken import TOPIC

logger = logging.getLogger("sage.voice.captions")

INTERIM_EVERY_SECONDS = 0.2
"""One utterance's interim captions are shown at most this often."""


@dataclass(frozen=True, slots=True)
class Caption:
    """The whole text of one utterance so far."""

    identity: str
    segment_id: str
    text: str
    final: bool
    track_sid: str = ""


class DebaterCaptions:
    """Shows captions in one room, in the order of speaking."""

    def __init__(self, *, before_shown: Callable[[Caption], Awaitable[None]]) -> None:
        self._before_shown = before_shown
        self._room: rtc.Room | None = None
        self._waiting: dict[str, Caption] = {}
        self._closed_segments: set[str] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._shown_at: dict[str, float] = {}

    def start(self, room: rtc.Room | None) -> None:
        """Begin to show; a room of None (console) shows nothing."""
        self._room = room
        self._task = asyncio.create_task(self._show_all(), name="debater-captions")

    async def aclose(self) -> None:
        """Show what waits, then stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for caption in list(self._waiting.values()):
            await self._show(caption)
        self._waiting.clear()

    def show(self, caption: Caption) -> None:
        """Show a caption as soon as may be. After an utterance's final one no interim one is shown."""
        if caption.segment_id in self._closed_segments:
            return
        if caption.final:
            self._closed_segments.add(caption.segment_id)
            if len(self._closed_segments) > 4096:
                self._closed_segments = {caption.segment_id}
        self._waiting[caption.segment_id] = caption
        self._wake.set()

    async def _show_all(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            due = next((one for one in self._waiting.values() if self._is_due(one, now)), None)
            if due is None:
                self._wake.clear()
                wait = INTERIM_EVERY_SECONDS / 2 if self._waiting else None
                try:
                    await asyncio.wait_for(self._wake.wait(), wait)
                except TimeoutError:
                    continue
                if self._waiting:
                    # finals go at once; interims keep their pace
                    await asyncio.sleep(0)
                continue
            del self._waiting[due.segment_id]
            self._shown_at[due.segment_id] = now
            if due.final:
                self._shown_at.pop(due.segment_id, None)
            await self._show(due)

    def _is_due(self, caption: Caption, now: float) -> bool:
        last = self._shown_at.get(caption.segment_id)
        return caption.final or last is None or now - last >= INTERIM_EVERY_SECONDS

    async def _show(self, caption: Caption) -> None:
        try:
            await self._before_shown(caption)
            if self._room is None or not self._room.isconnected():
                return
            attributes = {
                "lk.segment_id": caption.segment_id,
                "lk.transcription_final": "true" if caption.final else "false",
            }
            if caption.track_sid:
                attributes["lk.transcribed_track_id"] = caption.track_sid
            writer = await self._room.local_participant.stream_text(
                topic=TOPIC, sender_identity=caption.identity, attributes=attributes
            )
            await writer.write(caption.text)
            await writer.aclose()
        except Exception as error:  # noqa: BLE001 - a page that cannot be told must not end the debate
            logger.warning("a caption could not be shown", extra={"error": type(error).__name__})
