"""TTS link `local`: speech made on this machine, as the framework's `tts.TTS`, with the times of the words.

Owns when which text is spoken; what sounds is hibari_voice.py's, what is left out of the text is
speakable.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from livekit.agents import APIConnectOptions, tts, utils
from livekit.agents._exceptions import APIConnectionError
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, TimedString

from providers.local.hibari_voice import (
    SAMPLE_RATE,
    LocalVoice,
    Speech,
    VoiceStyle,
    parse_style,
    shared_voice,
)
from providers.local.speakable import Chunker, speakable

FIRST_CHUNK_CHARS = 60  # takes about 60 ms to make; 120 characters take 110 ms
SHORT_FRAME_MS = 20  # the emitter's 200 ms would hold the first sound back


class LocalTTS(tts.TTS[Any]):
    """The bundled voice in one style. Instances share the loaded model."""

    def __init__(
        self,
        voice: str = "heart",
        *,
        chunk_min_chars: int = 24,
        chunk_max_chars: int = 120,
        chunk_max_wait_ms: int = 350,
        model: LocalVoice | None = None,
    ) -> None:
        """`voice` is "heart:PITCH:SPEED" (ValueError otherwise); `model` the process's own by default."""
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=SAMPLE_RATE,
            num_channels=1,
        )
        self._style = parse_style(voice)
        self._model = model
        self._least, self._most = chunk_min_chars, chunk_max_chars
        self._max_wait = chunk_max_wait_ms / 1000

    @property
    def model(self) -> str:
        return "hibari-heart"

    @property
    def provider(self) -> str:
        return "local"

    @property
    def style(self) -> VoiceStyle:
        """How the next stream speaks."""
        return self._style

    def update_options(self, *, voice: str) -> None:
        """Speak in another style from the next stream on; ValueError as in the constructor."""
        self._style = parse_style(voice)

    def prewarm(self) -> None:
        self._model = self._model or shared_voice()

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> LocalSynthesizeStream:
        return LocalSynthesizeStream(tts=self, conn_options=conn_options, style=self._style)

    def chunker(self) -> Chunker:
        """A new cutter of streamed text with this voice's bounds."""
        return Chunker(least=self._least, most=self._most, first_most=min(FIRST_CHUNK_CHARS, self._most))

    async def speak(self, text: str, style: VoiceStyle) -> Speech:
        """Speech for one chunk, made off the loop; APIConnectionError when the model fails."""
        loop = asyncio.get_running_loop()
        if self._model is None:
            self._model = await loop.run_in_executor(None, shared_voice)
        try:
            return await loop.run_in_executor(self._model.worker, self._model.speak, text, style)
        except Exception as problem:
            raise APIConnectionError("the local voice failed", retryable=False) from problem

    @property
    def max_wait_seconds(self) -> float:
        """How long words wait for the end of their clause."""
        return self._max_wait


class LocalSynthesizeStream(tts.SynthesizeStream):
    """Text in, frames out, one chunk after the other."""

    def __init__(self, *, tts: LocalTTS, conn_options: APIConnectOptions, style: VoiceStyle) -> None:
        super().__init__(tts=tts, conn_options=conn_options)
        self._local = tts
        self._style = style

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=utils.shortuuid("local_"),
            sample_rate=SAMPLE_RATE,
            num_channels=1,
            mime_type="audio/pcm",
            frame_size_ms=SHORT_FRAME_MS,
            stream=True,
        )
        output_emitter.start_segment(segment_id=utils.shortuuid("local_"))
        seconds = 0.0
        async for chunk in self._chunks():
            if not (text := speakable(chunk)):
                continue
            self._mark_started()
            speech = await self._local.speak(text, self._style)
            for word in speech.words:
                output_emitter.push_timed_transcript(
                    TimedString(word.text, start_time=seconds + word.start, end_time=seconds + word.end)
                )
            if len(speech.samples):
                output_emitter.push((speech.samples * 32767.0).astype(np.int16).tobytes())
            seconds += len(speech.samples) / SAMPLE_RATE
        output_emitter.end_segment()

    async def _chunks(self) -> AsyncIterator[str]:
        """Chunks as soon as they are complete, or as the text has stopped coming for too long."""
        chunker = self._local.chunker()
        ended = False
        while not ended:
            wait = self._local.max_wait_seconds if chunker.waiting else None
            try:
                item = await asyncio.wait_for(self._input_ch.recv(), wait)
            except TimeoutError:
                chunks = chunker.hurry()
                if not chunks:
                    item = await self._input_ch.recv()
            except utils.aio.ChanClosed:
                ended, chunks = True, chunker.flush()
            else:
                chunks = chunker.push(item) if isinstance(item, str) else chunker.flush()
            for chunk in chunks:
                yield chunk
