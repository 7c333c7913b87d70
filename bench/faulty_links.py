"""Links of the three chains that fail at random, seeded: real interfaces of the framework, faults of every kind.

For debates in virtual time: everything waits by asyncio alone. What is "heard" travels in the frames' user data, so
that words lost or doubled by a switch can be counted exactly.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, APIStatusError, llm, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer

WORD = "word"
"""Key of a frame's user data: the word that ends in it."""

FAULTS = (
    "refuses",
    "hangs",
    "says-nothing",
    "cut",
    "ends-early",
    "status-401",
    "status-429",
    "status-500",
    "raw",
    "drip",
)
VOICE_RATE = 24_000
SECONDS_PER_LETTER = 1 / 14


class Weather:
    """When a link is dead, and how. Spells of health and of faults follow each other, drawn from `random`."""

    def __init__(self, random: Random, *, healthy_seconds: float = 90.0, dead_seconds: float = 45.0) -> None:
        self._random = random
        self._means = (healthy_seconds, dead_seconds)
        self._until = 0.0
        self._fault = ""
        self._dead = True
        self.struck: dict[str, int] = {}

    def fault(self) -> str:
        """The fault of a request that begins now, "" for none."""
        now = asyncio.get_running_loop().time()
        while now >= self._until:
            self._dead = not self._dead
            self._fault = self._random.choice(FAULTS) if self._dead else ""
            self._until = max(self._until, now) + self._random.expovariate(1 / self._means[self._dead])
        if self._fault:
            self.struck[self._fault] = self.struck.get(self._fault, 0) + 1
        return self._fault

    async def wait(self, median: float) -> None:
        """A latency of a vendor."""
        await asyncio.sleep(median * self._random.uniform(0.6, 1.6))


async def strike_at_connect(fault: str) -> None:
    """Raise, or hang, as a vendor that cannot be reached."""
    if fault == "refuses":
        raise APIConnectionError("refused")
    if fault == "raw":
        raise OSError("a plugin lets it through")
    if fault.startswith("status-"):
        raise APIStatusError("status", status_code=int(fault.removeprefix("status-")))
    if fault == "hangs":
        await asyncio.Event().wait()


class FaultySTT(stt.STT[Any]):
    """Hears the words in the frames' user data; one final a flush."""

    def __init__(self, weather: Weather) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(streaming=True, interim_results=True, manual_flush=True)
        )
        self.weather = weather

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.RecognizeStream:
        return _Hearing(stt=self, conn_options=conn_options)

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        raise NotImplementedError("it streams")


class _Hearing(stt.RecognizeStream):
    def __init__(self, *, stt: FaultySTT, conn_options: APIConnectOptions) -> None:
        super().__init__(stt=stt, conn_options=conn_options)
        self._weather = stt.weather

    async def _run(self) -> None:
        fault = self._weather.fault()
        await strike_at_connect(fault)
        words: list[str] = []
        frames = 0
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                frames += 1
                if (word := item.userdata.get(WORD)) is not None:
                    words.append(word)
                    self._tell(stt.SpeechEventType.INTERIM_TRANSCRIPT, words, fault)
                if fault == "cut" and frames > 40:
                    raise APIStatusError("cut", status_code=1006)
                if fault == "ends-early" and frames > 40:
                    return
                fault = fault or self._weather.fault()
            else:
                await self._weather.wait(5.0 if fault == "drip" else 0.25)
                self._tell(stt.SpeechEventType.FINAL_TRANSCRIPT, words, fault)
                words = []

    def _tell(self, kind: stt.SpeechEventType, words: list[str], fault: str) -> None:
        if fault in ("says-nothing", "hangs"):
            return
        data = stt.SpeechData(language="en", text=" ".join(words))  # type: ignore[arg-type]
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[data]))


class FaultyLLM(llm.LLM[Any]):
    """Answers in numbered sentences."""

    def __init__(self, weather: Weather) -> None:
        super().__init__()
        self.weather = weather
        self.answers = 0

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> llm.LLMStream:
        return _Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class _Answer(llm.LLMStream):
    def __init__(self, owner: FaultyLLM, **about: Any) -> None:
        super().__init__(owner, **about)
        self._owner = owner

    async def _run(self) -> None:
        weather = self._owner.weather
        fault = weather.fault()
        await strike_at_connect(fault)
        if fault == "says-nothing":
            await asyncio.Event().wait()
        await weather.wait(0.18)
        self._owner.answers += 1
        text = f"This is answer {self._owner.answers}. It is short, and it ends here."
        for number, word in enumerate(text.split()):
            if fault == "cut" and number == 5:
                raise APIConnectionError("cut")
            if fault == "ends-early" and number == 5:
                return
            await asyncio.sleep(0.8 if fault == "drip" else 0.02)
            delta = llm.ChoiceDelta(role="assistant", content=f"{word} ")
            self._event_ch.send_nowait(llm.ChatChunk(id="answer", delta=delta))


class FaultyTTS(tts.TTS[Any]):
    """Hums for as long as the text would take to say."""

    def __init__(self, weather: Weather) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False), sample_rate=VOICE_RATE, num_channels=1
        )
        self.weather = weather

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return _Hum(tts=self, input_text=text, conn_options=conn_options)


class _Hum(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        weather = self._tts.weather  # type: ignore[attr-defined]
        fault = weather.fault()
        await strike_at_connect(fault)
        output_emitter.initialize(
            request_id="hum", sample_rate=VOICE_RATE, num_channels=1, mime_type="audio/pcm", frame_size_ms=20
        )
        if fault == "says-nothing":
            await asyncio.Event().wait()
        await weather.wait(0.19)
        left = len(self.input_text) * SECONDS_PER_LETTER
        stops_at = left / 2 if fault in ("cut", "ends-early") else 0.0
        while left > 0:
            seconds = min(left, 0.2)
            time = np.arange(int(VOICE_RATE * seconds)) / VOICE_RATE
            output_emitter.push((np.sin(time * 2 * np.pi * 180) * 6000).astype(np.int16).tobytes())
            left -= seconds
            if left < stops_at and fault == "cut":
                raise APIConnectionError("cut")
            if left < stops_at:
                break
            await asyncio.sleep(0.9 if fault == "drip" else seconds / 5)
        output_emitter.flush()
