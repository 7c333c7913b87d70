"""A recogniser of recordings as a link that streams: each passage is sent as a whole when it is flushed."""

from __future__ import annotations

from typing import Any

from livekit import rtc
from livekit.agents import APIConnectOptions, stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer

from providers.by_passage import Part, PassageStream

SAMPLE_RATE = 16_000
LEAST_SECONDS = 0.1
"""OpenAI refuses shorter recordings."""


class BatchSTT(stt.STT[Any]):
    """Streams by a plugin that recognises recordings; no words before the flush."""

    def __init__(self, recogniser: stt.STT[Any]) -> None:
        capabilities = stt.STTCapabilities(streaming=True, interim_results=False, manual_flush=True)
        super().__init__(capabilities=capabilities)
        self.recogniser = recogniser

    @property
    def model(self) -> str:
        return self.recogniser.model

    @property
    def provider(self) -> str:
        return self.recogniser.provider

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> BatchStream:
        return BatchStream(self, conn_options)

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        return await self.recogniser.recognize(buffer, conn_options=conn_options)

    async def aclose(self) -> None:
        await self.recogniser.aclose()


class BatchStream(PassageStream):
    """One request a passage."""

    def __init__(self, owner: BatchSTT, conn_options: APIConnectOptions) -> None:
        super().__init__(owner, conn_options, SAMPLE_RATE)
        self._recogniser = owner.recogniser

    async def _hear(self, part: Part) -> str:
        frames: list[rtc.AudioFrame] = [frame async for frame in part]
        if part.seconds < LEAST_SECONDS:
            samples = int((LEAST_SECONDS - part.seconds) * SAMPLE_RATE) + 1
            frames.append(rtc.AudioFrame(bytes(samples * 2), SAMPLE_RATE, 1, samples))
        event = await self._recogniser.recognize(frames, conn_options=self._conn_options)
        return event.alternatives[0].text if event.alternatives else ""
