"""A voice and a mind for tests of the conductor: real framework interfaces, scripted words, tones instead of speech."""

from __future__ import annotations

from typing import Any

import numpy as np
from livekit.agents import APIConnectOptions, llm, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

RATE = 24_000
SECONDS_PER_WORD = 0.1


class ToneVoice(tts.TTS[Any]):
    """Says every word as 100 ms of a tone, at once. Remembers the texts."""

    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE, num_channels=1)
        self.said: list[str] = []

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        self.said.append(text)
        return _Tone(tts=self, input_text=text, conn_options=conn_options)


class _Tone(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(request_id="tone", sample_rate=RATE, num_channels=1, mime_type="audio/pcm")
        count = int(RATE * SECONDS_PER_WORD * len(self.input_text.split()))
        tone = np.sin(np.arange(count) * 2 * np.pi * 220 / RATE) * 8000
        output_emitter.push(tone.astype(np.int16).tobytes())
        output_emitter.flush()


class ScriptedMind(llm.LLM[Any]):
    """Answers with its script, one line a question; a question more than the script has is an error."""

    def __init__(self, *lines: str) -> None:
        super().__init__()
        self.lines = list(lines)
        self.asked: list[llm.ChatContext] = []

    def chat(self, *, chat_ctx: llm.ChatContext, tools=None, conn_options=DEFAULT_API_CONNECT_OPTIONS, **_):
        self.asked.append(chat_ctx)
        if not self.lines:
            raise AssertionError("the mind was asked more often than its script has lines")
        return _Line(self, self.lines.pop(0), chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class _Line(llm.LLMStream):
    def __init__(self, mind: ScriptedMind, line: str, **kwargs) -> None:
        super().__init__(mind, **kwargs)
        self._line = line

    async def _run(self) -> None:
        self._event_ch.send_nowait(
            llm.ChatChunk(id="line", delta=llm.ChoiceDelta(role="assistant", content=self._line))
        )
