"""TTS link `local`: speech made on this machine, as the framework's `tts.TTS`, with the times of the words.

What sounds is hibari_voice.py's. A text is spoken in one go: the chain cuts it, and takes out what is not read aloud.
"""

from __future__ import annotations

import asyncio
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

SHORT_FRAME_MS = 20  # the emitter's 200 ms would hold the first sound back


class LocalTTS(tts.TTS[Any]):
    """The bundled voice in one style. Instances share the loaded model."""

    def __init__(self, voice: str = "heart", *, model: LocalVoice | None = None) -> None:
        """`voice` is "heart:PITCH:SPEED" (ValueError otherwise); `model` the process's own by default."""
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False, aligned_transcript=True),
            sample_rate=SAMPLE_RATE,
            num_channels=1,
        )
        self._style = parse_style(voice)
        self._model = model

    @property
    def model(self) -> str:
        return "hibari-heart"

    @property
    def provider(self) -> str:
        return "local"

    @property
    def style(self) -> VoiceStyle:
        """How the next text is spoken."""
        return self._style

    def update_options(self, *, voice: str) -> None:
        """Speak in another style from the next text on; ValueError as in the constructor."""
        self._style = parse_style(voice)

    def prewarm(self) -> None:
        self._model = self._model or shared_voice()

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return LocalStream(self, text, conn_options, self._style)

    async def speak(self, text: str, style: VoiceStyle) -> Speech:
        """Speech for one text, made off the loop; APIConnectionError when the model fails."""
        loop = asyncio.get_running_loop()
        if self._model is None:
            self._model = await loop.run_in_executor(None, shared_voice)
        try:
            return await loop.run_in_executor(self._model.worker, self._model.speak, text, style)
        except Exception as problem:
            raise APIConnectionError("the local voice failed", retryable=False) from problem


class LocalStream(tts.ChunkedStream):
    """One text as sound."""

    def __init__(
        self, voice: LocalTTS, text: str, conn_options: APIConnectOptions, style: VoiceStyle
    ) -> None:
        super().__init__(tts=voice, input_text=text, conn_options=conn_options)
        self._voice = voice
        self._style = style

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        speech = await self._voice.speak(self.input_text, self._style)
        output_emitter.initialize(
            request_id=utils.shortuuid("local_"),
            sample_rate=SAMPLE_RATE,
            num_channels=1,
            mime_type="audio/pcm",
            frame_size_ms=SHORT_FRAME_MS,
        )
        for word in speech.words:
            output_emitter.push_timed_transcript(
                TimedString(word.text, start_time=word.start, end_time=word.end)
            )
        if len(speech.samples):
            output_emitter.push((speech.samples * 32767.0).astype(np.int16).tobytes())
        output_emitter.flush()
