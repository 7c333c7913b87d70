"""The last seconds of a microphone: what a recogniser hears of the time before it was asked, and when each sound came.

Owns the audio kept of one ear, its times and its levels. Pure; knows no speech.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

KEPT_SECONDS = 8.0
"""Audio kept for pre-roll, and for a busy machine where voice activity is known late: the words must still be there."""

SILENT_DB = -120.0
"""The level of digital silence."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One frame, the number of its last sample, when it came and how loud it is (RMS, dB of full scale)."""

    frame: rtc.AudioFrame
    end: int
    at: float
    level: float


class KeptAudio:
    """Mono 16-bit frames of one microphone in the order of their coming."""

    def __init__(self, frame_seconds: float) -> None:
        self._kept: deque[Kept] = deque(maxlen=round(KEPT_SECONDS / frame_seconds))
        self.samples = 0
        """Samples that came until now."""

    def add(self, frame: rtc.AudioFrame, at: float) -> None:
        """A frame came."""
        self.samples += frame.samples_per_channel
        self._kept.append(Kept(frame, self.samples, at, decibels(np.frombuffer(frame.data, np.int16))))

    def upto(self, sample: int) -> Kept | None:
        """The frame that ended with `sample`, or the last before it; what is older than all that is kept: the oldest.
        None where nothing came yet."""
        for kept in reversed(self._kept):
            if kept.end <= sample:
                return kept
        return self._kept[0] if self._kept else None

    def after(self, sample: int, since: float) -> Iterator[rtc.AudioFrame]:
        """The frames behind `sample` that came at `since` or later."""
        return (kept.frame for kept in self._kept if kept.end > sample and kept.at >= since)


def decibels(samples: NDArray[np.int16]) -> float:
    """The RMS of `samples` in dB of full scale; SILENT_DB for digital silence and for no samples."""
    scaled = samples.astype(np.float32) / 32768.0
    power = float(np.dot(scaled, scaled)) / max(1, scaled.size)
    return max(SILENT_DB, 10.0 * math.log10(power)) if power > 0 else SILENT_DB
