"""A recogniser that does what a script says, stream by stream; a stream that no script is left for is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from livekit import rtc
from livekit.agents import APIConnectOptions, LanguageCode, stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer


@dataclass(frozen=True)
class Words:
    """An interim text; "" is a sign of life."""

    text: str = ""


@dataclass(frozen=True)
class Final:
    """A final text."""

    text: str


@dataclass(frozen=True)
class Heard:
    """Wait until so many seconds of sound were heard, since the stream began."""

    seconds: float


@dataclass(frozen=True)
class Flushed:
    """Wait for so many flushes since the stream began."""

    times: int = 1


Step = Words | Final | Heard | Flushed | float | Exception
"""A float waits so many seconds. After its last step a stream hears on and says nothing."""


class ScriptedSTT(stt.STT[Any]):
    """Each stream takes the next script."""

    def __init__(
        self, *scripts: Sequence[Step] | Exception, name: str = "scripted", interims: bool = True
    ) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(streaming=True, interim_results=interims, manual_flush=True)
        )
        self._scripts = list(scripts)
        self._name = name
        self.streams: list[ScriptedStream] = []
        self.unscripted = 0
        self.never_closes = False

    @property
    def model(self) -> str:
        return self._name

    @property
    def open_streams(self) -> int:
        return sum(not each.ended for each in self.streams)

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> ScriptedStream:
        assert conn_options.max_retry == 0, "nothing may retry beneath the chain"
        if not self._scripts:
            self.unscripted += 1
            raise AssertionError(f"{self._name} was asked once more than its script says")
        script = self._scripts.pop(0)
        if isinstance(script, Exception):
            raise script
        stream = ScriptedStream(self, script, conn_options)
        self.streams.append(stream)
        return stream

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        raise AssertionError("only streams are scripted")


class ScriptedStream(stt.RecognizeStream):
    def __init__(self, owner: ScriptedSTT, steps: Sequence[Step], conn_options: APIConnectOptions) -> None:
        super().__init__(stt=owner, conn_options=conn_options)
        self._owner = owner
        self._steps = steps
        self.passages: list[float] = [0.0]
        """Seconds heard of each passage; the last one is not flushed."""

        self.ended = False
        self._more = asyncio.Event()

    async def _run(self) -> None:
        listening = asyncio.create_task(self._listen())
        try:
            for step in self._steps:
                await self._do(step)
            await asyncio.Event().wait()
        finally:
            listening.cancel()
            self.ended = True
            if self._owner.never_closes:
                await asyncio.sleep(1e6)

    async def _listen(self) -> None:
        async for each in self._input_ch:
            if isinstance(each, rtc.AudioFrame):
                self.passages[-1] = round(self.passages[-1] + each.duration, 3)
            else:
                self.passages.append(0.0)
            self._more.set()

    async def _do(self, step: Step) -> None:
        if isinstance(step, Exception):
            raise step
        if isinstance(step, float):
            await asyncio.sleep(step)
        elif isinstance(step, Words):
            self._send(stt.SpeechEventType.INTERIM_TRANSCRIPT, step.text)
        elif isinstance(step, Final):
            self._send(stt.SpeechEventType.FINAL_TRANSCRIPT, step.text)
        else:
            while not self._has(step):
                self._more.clear()
                await self._more.wait()

    def _has(self, step: Heard | Flushed) -> bool:
        if isinstance(step, Flushed):
            return len(self.passages) > step.times
        return sum(self.passages) >= step.seconds - 1e-6

    def _send(self, kind: stt.SpeechEventType, text: str) -> None:
        data = stt.SpeechData(language=LanguageCode("en"), text=text)
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[data]))
