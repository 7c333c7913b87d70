"""The sound of a script's lines: spoken by the local voice or read from files, as mono samples of one rate.

Owns who sounds how and the noise floor of a debater's microphone. Plays nothing.
"""

from __future__ import annotations

import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from providers.local.hibari_voice import parse_style, shared_voice
from rehearsal.loudness import AUDIBLE_DB
from rehearsal.script import Line, Script, ScriptError
from voice.kept_audio import decibels

SAMPLE_RATE = 24_000
NOISE_DB = -60.0

# Far enough apart to be told from each other and near enough to the voice that recognisers know them.
PITCHES_AND_SPEEDS = (
    (1.0, 1.0),
    (0.86, 0.98),
    (1.14, 1.03),
    (0.93, 1.05),
    (1.07, 0.96),
    (0.8, 1.0),
    (1.21, 1.0),
)

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Sound:
    """A line's samples (int16 mono, 24 kHz) and the seconds in them between which it is audible."""

    samples: Samples
    audible_from: float
    audible_to: float

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.samples) / SAMPLE_RATE


def sounds_of(script: Script) -> dict[int, Sound]:
    """The sound of every spoken line by its number. Blocks for about 2 % of their length; raises
    ScriptError.
    """
    voices = voices_of(script.people, script.voices)
    sounds: dict[int, Sound] = {}
    problems: list[str] = []
    for line in script.lines:
        if not line.spoken:
            continue
        try:
            sounds[line.number] = sound_of(line, voices[line.who])
        except (OSError, ValueError) as error:
            problems.append(f" ([[line]] {line.number}): {error}.")
    if problems:
        raise ScriptError(script.path, problems)
    return sounds


def voices_of(people: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """A voice string for everybody: the chosen one, else the next pitch and pace of our own."""
    voices: dict[str, str] = {}
    for index, who in enumerate(people):
        pitch, speed = PITCHES_AND_SPEEDS[index % len(PITCHES_AND_SPEEDS)]
        voices[who] = chosen.get(who, f"heart:{pitch}:{speed}")
    return voices


def sound_of(line: Line, voice: str) -> Sound:
    """The sound of one line. Raises ValueError for what cannot be spoken or read, OSError for files."""
    if line.wav is not None:
        samples = read_audio(line.wav)
    else:
        speech = shared_voice().speak(line.text, parse_style(voice))
        samples = (np.clip(speech.samples, -1.0, 1.0) * 32767).astype(np.int16)
    hop = SAMPLE_RATE // 100
    loud = [i for i in range(0, len(samples), hop) if decibels(samples[i : i + hop]) >= AUDIBLE_DB]
    if not loud:
        raise ValueError("nothing is audible in it: give words that can be spoken, or a louder file")
    return Sound(samples, loud[0] / SAMPLE_RATE, min(loud[-1] + hop, len(samples)) / SAMPLE_RATE)


def read_audio(path: Path) -> Samples:
    """The samples of a file at 24 kHz mono: PCM wav of any rate, width and channels, else what PyAV can
    read.
    """
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
        mono = _to_mono(data, width, channels)
    except (wave.Error, EOFError):
        mono, rate = _read_with_av(path)
    return resampled(mono, rate)


def resampled(samples: Samples, rate: int) -> Samples:
    """`samples` of `rate` at 24 kHz."""
    if rate == SAMPLE_RATE or not len(samples):
        return samples
    resampler = rtc.AudioResampler(rate, SAMPLE_RATE, quality=rtc.AudioResamplerQuality.HIGH)
    frames = [*resampler.push(bytearray(samples.tobytes())), *resampler.flush()]
    return np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames])


def noise(seconds: float, seed: int) -> Samples:
    """A microphone's noise floor at about -60 dB: recognisers invent words in digital silence."""
    level = 10 ** (NOISE_DB / 20) * 32768
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(0.0, level, int(seconds * SAMPLE_RATE))).astype(np.int16)


def _to_mono(data: bytes, width: int, channels: int) -> Samples:
    if width == 1:
        wide = (np.frombuffer(data, np.uint8).astype(np.float64) - 128) * 256
    elif width == 3:
        raw = np.frombuffer(data, np.uint8).reshape(-1, 3)
        wide = np.ascontiguousarray(raw[:, 1:]).view("<i2").reshape(-1).astype(np.float64)
    elif width == 4:
        wide = np.frombuffer(data, "<i4").astype(np.float64) / 65536
    else:
        wide = np.frombuffer(data, "<i2").astype(np.float64)
    return np.asarray(np.round(wide.reshape(-1, channels).mean(axis=1)), dtype=np.int16)


def _read_with_av(path: Path) -> tuple[Samples, int]:
    import av

    try:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
            frames += resampler.resample(None)
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(f"{path.name} cannot be read as audio: {error}") from None
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(np.int16), SAMPLE_RATE
