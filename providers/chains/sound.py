"""What can be told from samples alone: whether they are sound at all, where they are quiet, and where they may be cut.

16-bit mono PCM at RATE. Pure; knows no words.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

RATE = 24_000
SAMPLE_BYTES = 2
HOP_SECONDS = 0.01
"""The span over which loudness is measured."""

SILENT = 0.008
"""RMS of full scale below which a span is silence; a voice's breath lies above."""

LEAST_PAUSE_SECONDS = 0.03
"""Shorter ones are within words, as between the sounds of a "t"."""

Levels = NDArray[np.float32]

_HOP = int(RATE * HOP_SECONDS)
_PAGE = re.compile(rb"[\t\n\r\x20-\x7e]{80,}")
_JUDGED = _HOP // 2  # samples without which noise cannot be told from a consonant
_NOISE_LEVEL = 0.3
_NOISE_CROSSINGS = 0.4
_FADE = RATE // 200


def seconds_of(pcm: bytes | bytearray) -> float:
    """The length of sound."""
    return len(pcm) / (RATE * SAMPLE_BYTES)


def bytes_of(seconds: float) -> int:
    """The size of so much sound, in whole samples."""
    return round(seconds * RATE) * SAMPLE_BYTES


def page_at(pcm: bytes) -> int | None:
    """Where a text begins that was sent as samples, in bytes; None in sound, which never is printable for 80 bytes."""
    found = _PAGE.search(pcm)
    return found.start() if found is not None else None


def is_noise(pcm: bytes) -> bool:
    """Whether samples are loud white noise, as compressed or encrypted bytes are that are played as samples."""
    samples = np.frombuffer(pcm, np.int16)[: 4 * _HOP].astype(np.float32) / 32768.0
    if len(samples) < _JUDGED:
        return False
    loud = float(np.sqrt(np.square(samples).mean())) > _NOISE_LEVEL
    crossings = float((np.signbit(samples[1:]) != np.signbit(samples[:-1])).mean())
    return loud and crossings > _NOISE_CROSSINGS


class Loudness:
    """The RMS of full scale of each HOP_SECONDS of sound that grows."""

    def __init__(self) -> None:
        self.levels: Levels = np.zeros(0, np.float32)
        self._rest = b""

    def add(self, pcm: bytes) -> None:
        """Take sound; spans are measured once they are whole."""
        pcm = self._rest + pcm
        whole = len(pcm) // (_HOP * SAMPLE_BYTES)
        if whole:
            spans = np.frombuffer(pcm, np.int16, whole * _HOP).astype(np.float32).reshape(-1, _HOP) / 32768.0
            self.levels = np.concatenate([self.levels, np.sqrt(np.square(spans).mean(axis=1))])
        self._rest = pcm[whole * _HOP * SAMPLE_BYTES :]

    def sounding(self) -> tuple[float, float]:
        """From when to when there is sound, seconds; (0, 0) where all is silence."""
        loud = np.nonzero(self.levels > SILENT)[0]
        if not len(loud):
            return 0.0, 0.0
        return float(loud[0]) * HOP_SECONDS, float(loud[-1] + 1) * HOP_SECONDS

    def quiet_end(self) -> float:
        """Seconds of quiet after the last sound: a sentence dies away, a sound that was cut off does not."""
        levels = self.levels
        if not len(levels):
            return 0.0
        loud = np.nonzero(levels > max(SILENT, 0.08 * self._speech(levels)))[0]
        return float(len(levels) - (loud[-1] + 1 if len(loud) else 0)) * HOP_SECONDS

    def pauses(self, least: float = LEAST_PAUSE_SECONDS) -> list[tuple[float, float]]:
        """From when to when it is quiet for `least` seconds and more, before, between and after what sounds."""
        levels = self.levels
        if not len(levels):
            return []
        quiet = np.concatenate([[False], levels < max(SILENT, 0.08 * self._speech(levels)), [False]])
        edges = np.nonzero(np.diff(quiet.astype(np.int8)))[0].reshape(-1, 2)
        long = edges[(edges[:, 1] - edges[:, 0]) * HOP_SECONDS >= least - 1e-6]
        return [(float(begin) * HOP_SECONDS, float(end) * HOP_SECONDS) for begin, end in long]

    def quietest(self, begin: float, end: float) -> float:
        """The middle of the quietest span between two times, seconds."""
        levels = self.levels
        first = max(0, int(begin / HOP_SECONDS))
        span = levels[first : max(first + 1, int(end / HOP_SECONDS) + 1)]
        if not len(span):
            return end
        return (first + int(np.argmin(span)) + 0.5) * HOP_SECONDS

    @staticmethod
    def _speech(levels: Levels) -> float:
        return float(np.percentile(levels, 90))


def faded_out(pcm: bytes) -> bytes:
    """The same with its last 5 ms ramped down: a step is heard as a click."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float32)
    if len(samples) > _FADE:
        samples[-_FADE:] *= np.linspace(1.0, 0.0, _FADE, dtype=np.float32)
    return samples.astype(np.int16).tobytes()
