"""vLLM's `/v1/realtime` (Voxtral) as a link: one socket a passage, opened at its first frame.

The order is vLLM's: `session.update` with the model, `commit` with `final: false` to start, appends of 16 kHz PCM16,
`commit` with `final: true`; `transcription.delta` meanwhile and `transcription.done` at last.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from livekit.agents import APIConnectOptions, stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer, aio, audio

from providers.by_passage import Part, PassageStream
from providers.chains.failures import LinkFailed
from providers.event_socket import ANSWERED_WITH_ERROR, EventSocket, open_socket

SAMPLE_RATE = 16_000
_CHUNK_SAMPLES = SAMPLE_RATE // 20
_COMMIT = "input_audio_buffer.commit"


class VllmRealtimeSTT(stt.STT[Any]):
    """It tells words while they are spoken, but promises nothing of when: its silence says nothing."""

    def __init__(self, model: str, base_url: str) -> None:
        capabilities = stt.STTCapabilities(streaming=True, interim_results=False, manual_flush=True)
        super().__init__(capabilities=capabilities)
        self._model = model
        self.url = f"{base_url.rstrip('/')}/realtime"

    @property
    def model(self) -> str:
        return self._model

    @property
    def provider(self) -> str:
        return "vLLM"

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> VllmRealtimeStream:
        return VllmRealtimeStream(self, conn_options)

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        raise NotImplementedError("it hears streams")


class VllmRealtimeStream(PassageStream):
    """One person's passages."""

    def __init__(self, owner: VllmRealtimeSTT, conn_options: APIConnectOptions) -> None:
        super().__init__(owner, conn_options, SAMPLE_RATE)
        self._model, self._url = owner.model, owner.url

    async def _hear(self, part: Part) -> str:
        async with open_socket(self._url, {}, self._conn_options.timeout) as socket:
            sending = asyncio.create_task(self._send(socket, part))
            reading = asyncio.create_task(self._read(socket, part))
            try:
                await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_EXCEPTION)
                for task in (reading, sending):
                    if task.done():
                        task.result()
                return reading.result()
            finally:
                await aio.cancel_and_wait(sending, reading)

    async def _send(self, socket: EventSocket, part: Part) -> None:
        await socket.send({"type": "session.update", "model": self._model})
        await socket.send({"type": _COMMIT, "final": False})
        chunks = audio.AudioByteStream(SAMPLE_RATE, 1, _CHUNK_SAMPLES)
        async for frame in part:
            for chunk in chunks.push(frame.data.tobytes()):
                await _append(socket, bytes(chunk.data))
        for chunk in chunks.flush():
            await _append(socket, bytes(chunk.data))
        await socket.send({"type": _COMMIT, "final": True})

    async def _read(self, socket: EventSocket, part: Part) -> str:
        text = ""
        async with asyncio.timeout(self._conn_options.timeout) as limit:
            while True:
                event = await socket.receive()
                kind = event.get("type")
                if kind == "error":
                    raise LinkFailed(ANSWERED_WITH_ERROR)
                if kind == "session.created":
                    limit.reschedule(None)
                try:
                    if kind == "transcription.delta":
                        text += event["delta"]
                        self._tell_running(part, text)
                    elif kind == "transcription.done":
                        return str(event["text"])
                except (KeyError, TypeError):
                    raise LinkFailed("an answer that cannot be read") from None


async def _append(socket: EventSocket, pcm: bytes) -> None:
    await socket.send({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})
