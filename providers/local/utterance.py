"""One utterance as the local recogniser hears it: its audio, where speech is in it, and where it may be cut.

Owns what the recogniser is given (nothing where nobody speaks, no long silence, quiet speech raised). Knows no
event loop, no model and no stream; the voice activity judge comes as a function.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
WINDOW = 512  # samples (32 ms) that one judgement of the voice activity model covers

SPEECH_PROBABILITY = 0.4
# Kept before the first speech. On texts held back from choosing it, 0.5 s heard the first word right where 0.25 s did
# not 12 times of 216, and the other way round 6 times (p = 0.24): no gain is proven, and 16 ms is all it costs.
LEAD_SECONDS = 0.5
TAIL_SECONDS = 0.25  # kept after the last
# -70 dB. No effect on words was measured, for or against. What keeps words away that nobody said is the decoding of
# whole buffers and the judge of speech (`bench/local_stt.py`, first_words).
NOISE_LEVEL = 0.0003
QUIET_PEAK = 0.25  # speech whose peaks stay below is raised to it ...
MOST_GAIN = 20.0  # ... by this factor at most, or a distant murmur would be shouted

CUT_FROM_SECONDS = 8.0
CUT_AT_SECONDS = 12.0
CUT_PAUSE_SECONDS = 0.2  # a pause this long, from CUT_FROM_SECONDS on, is the place to cut
QUIET_SPAN = 480  # samples (30 ms) over which the quietest point is looked for

Pcm = NDArray[np.int16]
Samples = NDArray[np.float32]

# One noise for all: the same audio must give the same words each time.
_NOISE = np.random.default_rng(3).normal(0.0, NOISE_LEVEL, SAMPLE_RATE).astype(np.float32)


class Utterance:
    """Audio from one flush of the stream to the next. Positions are samples from its beginning."""

    def __init__(self, judge: Callable[[Pcm], float], *, began: float = 0.0) -> None:
        """`judge` gives the probability of speech in exactly `WINDOW` samples; `began` is in seconds of the
        stream."""
        self.began = began
        self.length = 0
        self.part_start = 0
        self.first_speech: int | None = None
        self.speech_end = 0
        self._judge = judge
        self._judged = 0
        self._peak = 1.0 / 32768
        self._audio: Pcm = np.zeros(SAMPLE_RATE * 4, dtype=np.int16)

    @property
    def silence_seconds(self) -> float:
        """How long ago speech was last heard; 0.0 before any."""
        return 0.0 if self.first_speech is None else (self._judged - self.speech_end) / SAMPLE_RATE

    @property
    def start_seconds(self) -> float:
        """Where its speech begins, in seconds of the stream."""
        return self.began + (self.first_speech or 0) / SAMPLE_RATE

    @property
    def end_seconds(self) -> float:
        """Where its speech ends, in seconds of the stream."""
        return self.began + self.speech_end / SAMPLE_RATE

    def push(self, pcm: Pcm) -> None:
        """Add audio (int16, mono, 16 kHz) and judge the windows that it fills."""
        needed = self.length + len(pcm)
        if needed > len(self._audio):
            # A new array, never a resize in place: the decode thread may be reading the old one.
            grown = np.zeros(max(needed, 2 * len(self._audio)), dtype=np.int16)
            grown[: self.length] = self._audio[: self.length]
            self._audio = grown
        self._audio[self.length : needed] = pcm
        self.length = needed
        while self.length - self._judged >= WINDOW:
            window = self._audio[self._judged : self._judged + WINDOW]
            self._judged += WINDOW
            self._peak = max(self._peak, float(np.abs(window.astype(np.float32)).max()) / 32768.0)
            # Quiet speech is judged as loud as it will be decoded: else the trimming takes its soft words
            # away.
            raised = np.clip(window * _gain(self._peak), -32768, 32767).astype(np.int16)
            if self._judge(raised) >= SPEECH_PROBABILITY:
                if self.first_speech is None:
                    self.first_speech = self._judged - WINDOW
                self.speech_end = self._judged

    def speech_in_part(self) -> bool:
        """Whether anybody spoke since the last cut."""
        return self.first_speech is not None and self.speech_end > self.part_start

    def cut(self) -> tuple[int, int] | None:
        """Start and end of a part that is long enough to be decoded for good, or None; the next part begins
        there.

        It ends in a pause where one comes in time, else at the quietest point: a cut in the middle of a vowel
        costs the word on both sides.
        """
        start, seconds = self.part_start, (self.length - self.part_start) / SAMPLE_RATE
        if seconds < CUT_FROM_SECONDS or not self.speech_in_part():
            return None
        if self.silence_seconds >= CUT_PAUSE_SECONDS:
            end = (self.speech_end + self._judged) // 2
        elif seconds >= CUT_AT_SECONDS:
            end = self._quietest(start + int(CUT_FROM_SECONDS * SAMPLE_RATE), self.length)
        else:
            return None
        self.part_start = end
        return start, end

    def _quietest(self, start: int, end: int) -> int:
        energy = np.square(self._audio[start:end].astype(np.float32))
        summed = np.cumsum(np.concatenate(([0.0], energy)))
        spans = summed[QUIET_SPAN:] - summed[:-QUIET_SPAN]
        return start + int(np.argmin(spans)) + QUIET_SPAN // 2

    def samples(self, start: int, end: int | None = None) -> Samples:
        """The audio of [start, end) made ready for the recogniser: float32, without the silence around it."""
        end = self.length if end is None else end
        if self.first_speech is not None:
            start = max(start, self.first_speech - int(LEAD_SECONDS * SAMPLE_RATE))
            end = min(end, self.speech_end + int(TAIL_SECONDS * SAMPLE_RATE))
        return prepare(self._audio[start : max(start, end)])


def prepare(pcm: Pcm) -> Samples:
    """int16 audio as the recogniser hears it best: float32 in -1..1, quiet speech raised, a floor of
    noise."""
    samples = pcm.astype(np.float32) / 32768.0
    samples *= _gain(float(np.abs(samples).max(initial=0.0)))
    return samples + np.resize(_NOISE, len(samples))


def _gain(peak: float) -> float:
    """Factor that raises speech of that peak (0..1) to where the models hear it well; never below 1."""
    return min(QUIET_PEAK / peak, MOST_GAIN) if 0.0 < peak < QUIET_PEAK else 1.0


def join_parts(texts: list[str]) -> str:
    """One text from the texts of consecutive parts."""
    return " ".join(text for text in texts if text)
