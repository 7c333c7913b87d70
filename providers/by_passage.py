"""Recognition that hears each passage by itself: a request, or a socket, for every one; finals in the order of flushes.

Base of the links whose server knows no stream of several passages.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any

from livekit import rtc
from livekit.agents import APIConnectOptions, LanguageCode, stt
from livekit.agents.utils import aio

from providers.flushed_stream import FlushedStream


class Part:
    """A passage: iterate it for its frames as they are spoken, until it is flushed."""

    def __init__(self) -> None:
        self.text = ""
        self.seconds = 0.0
        self._frames: aio.Chan[rtc.AudioFrame] = aio.Chan()

    def add(self, frame: rtc.AudioFrame) -> None:
        """One more frame."""
        self.seconds += frame.duration
        self._frames.send_nowait(frame)

    def end(self) -> None:
        """It is over."""
        self._frames.close()

    def __aiter__(self) -> AsyncIterator[rtc.AudioFrame]:
        return aiter(self._frames)


class PassageStream(FlushedStream):
    """Begins to hear a passage with its first frame. What fails one passage fails the stream."""

    def __init__(self, owner: stt.STT[Any], conn_options: APIConnectOptions, sample_rate: int) -> None:
        super().__init__(stt=owner, conn_options=conn_options, sample_rate=sample_rate)
        self._hearing: list[tuple[Part, asyncio.Task[str]]] = []
        self._changed = asyncio.Event()
        self._ended = False

    @abstractmethod
    async def _hear(self, part: Part) -> str:
        """All words of one passage; `_tell_running` meanwhile. Raises what failed."""

    async def _run(self) -> None:
        dividing = asyncio.create_task(self._divide())
        telling = asyncio.create_task(self._tell_finals())
        try:
            done, _ = await asyncio.wait({dividing, telling}, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            hearing = [task for _, task in self._hearing]
            await aio.cancel_and_wait(dividing, telling, *hearing)
            for each in hearing:
                if not each.cancelled():
                    each.exception()  # known: it failed beside the one that ended the stream

    async def _divide(self) -> None:
        running: Part | None = None
        async for each in self._input_ch:
            if running is None:
                running = Part()
                self._begin(running, has_sound=isinstance(each, rtc.AudioFrame))
            if isinstance(each, rtc.AudioFrame):
                running.add(each)
            else:
                running.end()
                running = None
        self._ended = True
        self._changed.set()

    def _begin(self, part: Part, *, has_sound: bool) -> None:
        run = self._hear(part) if has_sound else _nothing()
        self._hearing.append((part, asyncio.create_task(run)))
        self._changed.set()

    async def _tell_finals(self) -> None:
        while not (self._ended and not self._hearing):
            if not self._hearing:
                self._changed.clear()
                await self._changed.wait()
                continue
            part, task = self._hearing[0]
            part.text = await asyncio.shield(task)
            self._hearing.pop(0)
            self._tell(stt.SpeechEventType.FINAL_TRANSCRIPT, part.text)
            usage = stt.RecognitionUsage(audio_duration=part.seconds)
            self._event_ch.send_nowait(
                stt.SpeechEvent(type=stt.SpeechEventType.RECOGNITION_USAGE, recognition_usage=usage)
            )
            if self._hearing and self._hearing[0][0].text:
                self._tell(stt.SpeechEventType.INTERIM_TRANSCRIPT, self._hearing[0][0].text)

    def _tell_running(self, part: Part, text: str) -> None:
        """Words so far: told where the passage is the oldest."""
        part.text = text
        if self._hearing[0][0] is part:
            self._tell(stt.SpeechEventType.INTERIM_TRANSCRIPT, text)

    def _tell(self, kind: stt.SpeechEventType, text: str) -> None:
        data = stt.SpeechData(language=LanguageCode("en"), text=text.strip())
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[data]))


async def _nothing() -> str:
    return ""
