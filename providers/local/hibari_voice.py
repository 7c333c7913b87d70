"""The voice: hibari's bundled English model, its silences trimmed and its pitch changed to taste.

Owns the loaded model and its one worker thread, the meaning of a voice string, and the times of the words.
Knows nothing of streams (tts.py) and personas.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 24_000
Samples = NDArray[np.float32]

PITCHES = (0.6, 1.7)
SPEEDS = (0.5, 2.0)

_HOP = SAMPLE_RATE // 100  # samples of the span over which loudness is measured: 10 ms
_SILENT = 0.003  # RMS below which a span is silence; the voice's breath between words lies above
_LEAD_SECONDS = 0.03
_PAUSES = {".": 0.30, "!": 0.30, "?": 0.30, "…": 0.34, ":": 0.20, ";": 0.20, ",": 0.14, "—": 0.16, "–": 0.16}
_PAUSE = 0.05  # after a chunk that was cut between two words
_FADE = SAMPLE_RATE // 200


@dataclass(frozen=True, slots=True)
class VoiceStyle:
    """A bundled voice at a pitch (1.0 is its own; formants move along, so it is another speaker) and a
    pace."""

    name: str = "heart"
    pitch: float = 1.0
    speed: float = 1.0


def parse_style(voice: str) -> VoiceStyle:
    """Read "heart", "heart:PITCH" or "heart:PITCH:SPEED"; ValueError with what would be right."""
    name, *numbers = voice.strip().split(":")
    try:
        pitch, speed = (*(float(number) for number in numbers), 1.0, 1.0)[:2]
        if len(numbers) > 2:
            raise ValueError
    except ValueError:
        raise ValueError(f"voice {voice!r}: write heart:PITCH:SPEED, for example heart:0.94:1.02") from None
    if name != "heart":
        raise ValueError(f"voice {voice!r}: the only voice inside the package is heart")
    for what, value, (least, most) in (("pitch", pitch, PITCHES), ("speed", speed, SPEEDS)):
        if not least <= value <= most:
            raise ValueError(f"voice {voice!r}: {what} must be between {least} and {most}")
    return VoiceStyle(name, pitch, speed)


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word with the white space after it, and when it is heard, in seconds of its chunk's audio."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Speech:
    """A chunk of speech: float32 mono at 24 kHz, and its words."""

    samples: Samples
    words: tuple[SpokenWord, ...]


class LocalVoice:
    """The loaded model. `speak` blocks; call it on `worker`, as the model is not made for two threads at
    once."""

    def __init__(self) -> None:
        from hibari import Hibari

        self._model: Any = Hibari()
        self.worker = ThreadPoolExecutor(1, thread_name_prefix="shared-voice")
        self.speak("Ready, everyone?", VoiceStyle())  # the first call reads lexica for half a second

    def speak(self, text: str, style: VoiceStyle, *, seed: int = 1) -> Speech:
        """`text`, a sentence or a clause, as speech; empty audio for text without a sound. About 2 % of real
        time."""
        pace = style.speed / style.pitch
        samples = np.asarray(self._model(text, speed=pace, seed=seed), dtype=np.float32)
        if style.pitch != 1.0:
            samples = _played_faster(samples, style.pitch)
        first, last = _sounding(samples)
        if first >= last:
            return Speech(np.zeros(0, np.float32), ())
        lead = int(_LEAD_SECONDS * SAMPLE_RATE)
        tail = int(_PAUSES.get(text.rstrip("\"'”’)] \n")[-1:], _PAUSE) / style.speed * SAMPLE_RATE)
        start, end = max(0, first - lead), min(len(samples), last + tail)
        spoken = samples[start:end].copy()
        _fade(spoken)
        spoken = np.pad(spoken, (0, max(0, last + tail - end)))
        words = self._times(text, (first - start) / SAMPLE_RATE, (last - start) / SAMPLE_RATE)
        return Speech(np.clip(spoken, -1.0, 1.0), words)

    def _times(self, text: str, start: float, end: float) -> tuple[SpokenWord, ...]:
        """Share the sounding time among the words by their phonemes: the model does not tell its
        durations."""
        words = text.split()
        lengths = [max(1.0, self._weight(word)) for word in words]
        scale = (end - start) / sum(lengths) if words else 0.0
        ends = np.cumsum(lengths) * scale + start
        starts = [start, *ends[:-1].tolist()]
        return tuple(
            SpokenWord(word + " ", begin, float(stop))
            for word, begin, stop in zip(words, starts, ends, strict=True)
        )

    def _weight(self, word: str) -> float:
        phonemes: str = self._model.g2p(word) or ""
        sounds = sum(char.isalpha() for char in phonemes)
        # A diphthong is one letter in the model's alphabet, a comma is a breath in the middle of a sentence.
        diphthongs = sum(char in "AIOQWY" for char in phonemes)
        return sounds + 0.5 * diphthongs + (2.5 if phonemes[-1:] in ",;:—" else 0.4)


def _played_faster(samples: Samples, factor: float) -> Samples:
    """Resample by an exact, band-limited change of the spectrum's length; the ends are silence, so it may
    wrap."""
    if not len(samples):
        return samples
    padded = np.pad(samples, (0, -len(samples) % 400))
    count = round(len(padded) / factor)
    spectrum = np.fft.rfft(padded)
    resampled = np.fft.irfft(spectrum[: count // 2 + 1], count) * (count / len(padded))
    return np.asarray(resampled, dtype=np.float32)


def _sounding(samples: Samples) -> tuple[int, int]:
    """First and last sample that are not silence; (0, 0) when all are."""
    spans = samples[: len(samples) // _HOP * _HOP].reshape(-1, _HOP)
    loud = np.nonzero(np.sqrt(np.square(spans).mean(axis=1)) > _SILENT)[0]
    return (0, 0) if not len(loud) else (int(loud[0]) * _HOP, (int(loud[-1]) + 1) * _HOP)


def _fade(samples: Samples) -> None:
    """Ramp 5 ms at both ends in place: a step is heard as a click."""
    if len(samples) > 2 * _FADE:
        ramp = np.linspace(0.0, 1.0, _FADE, dtype=np.float32)
        samples[:_FADE] *= ramp
        samples[-_FADE:] *= ramp[::-1]


_lock = threading.Lock()


@cache
def _the_voice() -> LocalVoice:
    return LocalVoice()


def shared_voice() -> LocalVoice:
    """The process's voice; loads the model and its lexica (0.9 s) at the first call."""
    with _lock:  # the cache alone would let two threads load it
        return _the_voice()
