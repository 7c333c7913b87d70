"""A microphone and a loudspeaker that keep the loop's time: for debates in virtual time.

What is said travels with the frames (bench/faulty_links.py), so that each word can be counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from random import Random

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from bench.faulty_links import WORD
from voice.ears import FRAME_MS, SAMPLE_RATE

WORD_SECONDS = 0.3


class Microphone:
    """One debater's fake microphone: noise, and lines whose words travel with the frames."""

    def __init__(self, samples: Sequence[NDArray[np.int16]], random: Random) -> None:
        self._samples = samples
        self._random = random
        self._line: NDArray[np.int16] | None = None
        self._words: list[str] = []
        self._at = 0
        self._noise = np.random.default_rng(3).normal(0, 12, SAMPLE_RATE).astype(np.int16)
        self.open = True
        self.ended = asyncio.Event()

    def speak(self, words: Sequence[str]) -> None:
        """Say a line of these words."""
        sound = self._random.choice(self._samples)
        needed = int((len(words) * WORD_SECONDS + 0.2) * SAMPLE_RATE)
        self._line = np.tile(sound, -(-needed // len(sound)))[:needed]
        self._words, self._at = list(words), 0
        self.ended.clear()

    async def frames(self) -> AsyncIterator[rtc.AudioFrame]:
        """Frames as a track's stream gives them, in the loop's time."""
        loop = asyncio.get_running_loop()
        count = SAMPLE_RATE * FRAME_MS // 1000
        due = loop.time()
        while self.open:
            due += FRAME_MS / 1000
            await asyncio.sleep(due - loop.time())
            yield self._next(count)

    def _next(self, count: int) -> rtc.AudioFrame:
        if self._line is None:
            return rtc.AudioFrame(self._noise[:count].tobytes(), SAMPLE_RATE, 1, count)
        before, self._at = self._at, self._at + count
        part = np.zeros(count, np.int16)
        piece = self._line[before : self._at]
        part[: len(piece)] = piece
        frame = rtc.AudioFrame(part.tobytes(), SAMPLE_RATE, 1, count)
        # a word ends in the frame in which its time is over; the first begins with the line
        index = int((self._at / SAMPLE_RATE - 0.1) / WORD_SECONDS) - 1
        last = int((before / SAMPLE_RATE - 0.1) / WORD_SECONDS) - 1
        if index > last and 0 <= index < len(self._words):
            frame.userdata[WORD] = self._words[index]
        if self._at >= len(self._line):
            self._line = None
            self.ended.set()
        return frame


class Loudspeaker(rtc.AudioSource):
    """The native source's interface over the loop's time."""

    def __init__(self) -> None:
        self._empty_at = 0.0

    @property
    def queued_duration(self) -> float:
        return max(0.0, self._empty_at - asyncio.get_running_loop().time())

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        now = asyncio.get_running_loop().time()
        self._empty_at = max(self._empty_at, now) + frame.duration
        if (over := self._empty_at - now - 0.06) > 0:
            await asyncio.sleep(over)

    def clear_queue(self) -> None:
        self._empty_at = 0.0

    async def aclose(self) -> None:
        return

    def __del__(self) -> None:
        return
