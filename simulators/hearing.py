"""What the speech recognition servers hear: the local recogniser behind a judge of where speech begins and ends.

Owns segments (speech up to a silence), their texts and the times of their words. Knows no vendor's protocol.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from livekit import local_inference, rtc
from livekit.agents import stt

from providers.local.stt import LocalSTT
from providers.local.utterance import SAMPLE_RATE, WINDOW

LEAST_END_SILENCE = 0.2
"""Seconds of silence that end a segment at the least. Vendors are asked for less (Deepgram's plugin says 25 ms), but
their models keep the context over a cut; Moonshine does not, and mishears words that stand alone."""
_SPEECH = 0.5  # probability from which on a window is speech ...
_SILENCE = 0.35  # ... and below which it is silence again
_QUIET = 10 ** (-30 / 10)  # of the power of the loudest window: below it there is no sound of speech
_WINDOWS_TO_BEGIN = 2  # 64 ms: a click is none


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word and when it was said, in seconds of the stream: the segment's time shared out by letters."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Began:
    """Somebody began to speak, `at` seconds of the stream."""

    at: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The speech of a segment ended, `at` seconds of the stream; its text follows."""

    at: float


@dataclass(frozen=True, slots=True)
class Heard:
    """Words of a segment: so far, or (`final`) all of them; a final without words answers `flush`."""

    words: tuple[HeardWord, ...]
    start: float
    end: float
    final: bool
    asked: bool = False
    """Whether `flush` ended the segment, not a silence."""
    arrived: float = 0.0
    """Monotonic seconds at which the last sound of the speech arrived."""

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(slots=True)
class _Segment:
    asked: bool
    arrived: float


class Hearing:
    """One stream of audio. Iterate it for what is heard; inference is off the loop, one decode at a time waits."""

    def __init__(
        self,
        sample_rate: int,
        *,
        end_silence: float | None = LEAST_END_SILENCE,
        script: deque[str] | None = None,
    ) -> None:
        """Audio is int16 mono at `sample_rate`. `end_silence` ends a segment, in seconds; None: only `flush` does.
        While `script` has texts, each segment is the next of them, and nothing is decoded."""
        self.seconds = 0.0
        """Audio heard."""
        self._rate = sample_rate
        self._end_silence = None if end_silence is None else max(end_silence, LEAST_END_SILENCE)
        self._resampler = rtc.AudioResampler(sample_rate, SAMPLE_RATE) if sample_rate != SAMPLE_RATE else None
        self._judge: Any = local_inference.VAD()
        self._stt = LocalSTT()
        self._stream = self._stt.stream()
        self._script = deque[str]() if script is None else script
        self._heard: asyncio.Queue[Heard | None] = asyncio.Queue()
        self._decoding = asyncio.create_task(self._decode())
        self._closing: asyncio.Task[None] | None = None
        self._segments: deque[_Segment] = deque()
        self._pending = np.zeros(0, np.int16)
        self._judged = 0.0  # seconds
        self._loud_windows = 0
        self._began: float | None = None
        self._last_speech = 0.0
        self._arrived = time.monotonic()
        self._loudest = 0.0  # power of the segment's loudest window
        self._odd = b""

    @property
    def speaking(self) -> bool:
        """Whether a segment has begun."""
        return self._began is not None

    @property
    def silence(self) -> float:
        """Seconds since speech was last heard."""
        return self._judged - self._last_speech

    def hear(self, pcm: bytes) -> list[Began | Ended]:
        """Take audio; what began and ended with it."""
        pcm = self._odd + pcm
        whole = len(pcm) // 2 * 2
        self._odd = pcm[whole:]
        if not whole:
            return []
        frame = rtc.AudioFrame(pcm[:whole], self._rate, 1, whole // 2)
        self.seconds += frame.duration
        frames = [frame] if self._resampler is None else self._resampler.push(frame)
        found: list[Began | Ended] = []
        for each in frames:
            if not self._script:
                self._stream.push_frame(each)
            self._pending = np.concatenate([self._pending, np.frombuffer(each.data, np.int16)])
            while len(self._pending) >= WINDOW:
                window, self._pending = self._pending[:WINDOW], self._pending[WINDOW:]
                found += self._judge_window(window)
        return found

    def flush(self) -> None:
        """End the segment now; a final follows in any case."""
        self._cut(asked=True)

    def end(self) -> None:
        """No more audio: the final of an open segment follows, then the iteration ends."""
        if self._began is not None:
            self._cut(asked=True)
        self._stream.end_input()

    async def aclose(self) -> None:
        """Stop listening. A handler is cancelled once more when its server stops: closing goes on by itself then."""
        self._closing = self._closing or asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._decoding.cancel()
        await asyncio.wait({self._decoding})
        await self._stream.aclose()
        await self._stt.aclose()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while (heard := await self._heard.get()) is not None:
            yield heard
        await self._decoding  # raises what ended it

    async def _decode(self) -> None:
        try:
            async for event in self._stream:
                if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                    if self._segments:
                        self._heard.put_nowait(_as_heard(event, self._segments.popleft()))
                elif event.type in (
                    stt.SpeechEventType.INTERIM_TRANSCRIPT,
                    stt.SpeechEventType.PREFLIGHT_TRANSCRIPT,
                ):
                    self._heard.put_nowait(_as_heard(event, None))
        finally:
            self._heard.put_nowait(None)

    def _judge_window(self, window: np.ndarray[Any, np.dtype[np.int16]]) -> list[Began | Ended]:
        self._judged += WINDOW / SAMPLE_RATE
        probability = self._judge.predict(window)
        if probability >= _SPEECH:
            self._loud_windows += 1
            self._last_speech = self._judged
            power = float(np.square(window.astype(np.float32)).mean())
            self._loudest = max(self._loudest, power)
            if power > self._loudest * _QUIET:
                # the judge says speech for two windows more than there is sound of it
                self._arrived = time.monotonic()
        elif probability < _SILENCE:
            self._loud_windows = 0
        if self._began is None and self._loud_windows >= _WINDOWS_TO_BEGIN:
            self._began = self._judged - self._loud_windows * WINDOW / SAMPLE_RATE
            return [Began(self._began)]
        if self._began is not None and self._end_silence is not None and self.silence >= self._end_silence:
            return [self._cut(asked=False)]
        return []

    def _cut(self, *, asked: bool) -> Ended:
        began = self._last_speech if self._began is None else self._began
        if self._script:
            text = "" if self._began is None else self._script.popleft()
            words = share_out(text, began, self._last_speech)
            heard = Heard(words, began, self._last_speech, final=True, asked=asked, arrived=self._arrived)
            self._heard.put_nowait(heard)
        else:
            self._segments.append(_Segment(asked, self._arrived))
            self._stream.flush()
        self._began, self._loud_windows, self._loudest = None, 0, 0.0
        return Ended(self._last_speech)


def _as_heard(event: stt.SpeechEvent, segment: _Segment | None) -> Heard:
    data = event.alternatives[0]
    start, end = data.start_time, max(data.end_time, data.start_time)
    words = share_out(data.text, start, end)
    if segment is None:
        return Heard(words, start, end, final=False)
    return Heard(words, start, end, final=True, asked=segment.asked, arrived=segment.arrived)


def share_out(text: str, start: float, end: float) -> tuple[HeardWord, ...]:
    """Words of `text` with times between `start` and `end`, each by its share of the letters."""
    words = text.split()
    lengths = [len(word) + 1 for word in words]
    scale = (end - start) / sum(lengths) if words else 0.0
    at, shared = start, []
    for word, length in zip(words, lengths, strict=True):
        shared.append(HeardWord(word, at, at + length * scale))
        at += length * scale
    return tuple(shared)


async def recognise(pcm: bytes, sample_rate: int, script: deque[str] | None = None) -> Heard:
    """The words of a whole recording (int16, mono); those of `script` as in Hearing."""
    hearing = Hearing(sample_rate, end_silence=None, script=script)
    try:
        hearing.hear(pcm)
        hearing.flush()
        hearing.end()
        async for heard in hearing:
            if heard.final:
                return heard
    finally:
        await hearing.aclose()
    raise RuntimeError("the recogniser ended without a text")
