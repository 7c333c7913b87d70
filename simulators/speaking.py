"""What the speech servers say it with: the local voice, in another pitch for each of a vendor's voices.

Owns chunks of speech, their cache and audio formats. Knows no vendor's protocol.
"""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from livekit import rtc

from providers.local.hibari_voice import SAMPLE_RATE, SpokenWord, VoiceStyle, shared_voice
from simulators.sentences import Chunker

SAMPLE_BYTES = 2
MOST_CHARS = 4096  # that OpenAI takes in a request; the others take at least as much
_CACHED_CHUNKS = 256
_PITCHES = (0.82, 1.22)

# Formats that OpenAI's response_format names: container and codec of PyAV, content type.
ENCODED = {
    "mp3": ("mp3", "libmp3lame", "audio/mpeg"),
    "opus": ("ogg", "libopus", "audio/opus"),
    "aac": ("adts", "aac", "audio/aac"),
    "flac": ("flac", "flac", "audio/flac"),
}


@dataclass(frozen=True, slots=True)
class SpokenChunk:
    """A clause or sentence: int16 mono PCM, and its words with times in seconds of this chunk."""

    pcm: bytes
    words: tuple[SpokenWord, ...]
    seconds: float


_cache: OrderedDict[tuple[str, VoiceStyle, int], SpokenChunk] = OrderedDict()


def style_of(voice: str, speed: float = 1.0) -> VoiceStyle:
    """A pitch for a vendor's voice, always the same one."""
    low, high = _PITCHES
    share = zlib.crc32(voice.encode()) / 0xFFFFFFFF
    return VoiceStyle(pitch=round(low + share * (high - low), 3), speed=min(max(speed, 0.5), 2.0))


async def speak(text: str, style: VoiceStyle, sample_rate: int = SAMPLE_RATE) -> SpokenChunk:
    """One chunk, made on the voice's own thread. What was said lately comes from memory, so that a benchmark's
    latencies are the profile's and not this machine's."""
    wanted = (text, style, sample_rate)
    if (cached := _cache.get(wanted)) is not None:
        _cache.move_to_end(wanted)
        return cached
    loop = asyncio.get_running_loop()
    voice = await loop.run_in_executor(None, shared_voice)
    speech = await loop.run_in_executor(voice.worker, lambda: voice.speak(text, style))
    pcm = (speech.samples * 32767.0).astype(np.int16).tobytes()
    chunk = SpokenChunk(resampled(pcm, sample_rate), speech.words, len(speech.samples) / SAMPLE_RATE)
    _cache[wanted] = chunk
    while len(_cache) > _CACHED_CHUNKS:
        _cache.popitem(last=False)
    return chunk


async def speak_all(
    text: str, style: VoiceStyle, sample_rate: int = SAMPLE_RATE
) -> AsyncIterator[SpokenChunk]:
    """A whole text, sentence by sentence; the next one is made while the last is sent."""
    chunker = Chunker(least=24, most=160, first_most=80)
    chunks = [*chunker.push(text), *chunker.flush()]
    making = asyncio.create_task(speak(chunks[0], style, sample_rate)) if chunks else None
    try:
        for following in [*chunks[1:], None]:
            if making is None:
                return
            chunk = await making
            making = asyncio.create_task(speak(following, style, sample_rate)) if following else None
            yield chunk
    finally:
        if making is not None:
            making.cancel()


def resampled(pcm: bytes, sample_rate: int) -> bytes:
    """int16 mono PCM of the voice's own rate at another one."""
    if sample_rate == SAMPLE_RATE or not pcm:
        return pcm
    resampler = rtc.AudioResampler(SAMPLE_RATE, sample_rate)
    frames = resampler.push(rtc.AudioFrame(pcm, SAMPLE_RATE, 1, len(pcm) // SAMPLE_BYTES))
    return b"".join(bytes(frame.data) for frame in [*frames, *resampler.flush()])


def wav_header(sample_rate: int = SAMPLE_RATE) -> bytes:
    """The header of a WAV file whose length is not known yet, as streaming servers send it."""
    unknown = 0xFFFFFFFF
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, sample_rate * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", unknown, b"WAVE") + form + struct.pack("<4sI", b"data", unknown)


def encode(pcm: bytes, name: str) -> bytes:
    """PCM of the voice's own rate as a file of a format of `ENCODED`; blocks, for a few ms a second of speech."""
    container, codec, _ = ENCODED[name]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        rate = 48_000 if name == "opus" else SAMPLE_RATE
        stream: Any = output.add_stream(codec, rate=rate, layout="mono")
        samples = np.frombuffer(resampled(pcm, rate), np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            output.mux(packet)
    return file.getvalue()


def pieces(pcm: bytes, sample_rate: int = SAMPLE_RATE, seconds: float = 0.1) -> list[bytes]:
    """PCM cut as vendors send it: pieces of `seconds`."""
    size = int(sample_rate * seconds) * SAMPLE_BYTES
    return [pcm[start : start + size] for start in range(0, len(pcm), size)]
