"""One link speaks one reply: chunks in, sound and word times out, as events of one queue.

A link that streams gets one stream a reply; another one a request a chunk, the next of them asked ahead. Owns the
plugins' streams and their closing; judges nothing.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

from livekit import rtc
from livekit.agents import APIConnectOptions, tts
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, TimedString
from livekit.agents.utils import is_given

from providers.chains import attempt
from providers.chains.attempt import Attempt
from providers.chains.breaker import Breaker
from providers.chains.chunks import Chunk
from providers.chains.closing import within
from providers.chains.failures import LinkFailed
from providers.chains.sound import RATE, is_noise, page_at
from providers.chains.spoken_so_far import Pace

logger = logging.getLogger("sage.providers.chains")

NOT_SOUND = "what it sent is no sound"
_OPTIONS = APIConnectOptions(max_retry=0, timeout=30.0)
"""What nothing waits for: the chain's deadlines are shorter, and a language model may be slow within a stream."""

_REQUESTS = 2  # the one that is spoken and the next one


@dataclass(slots=True, eq=False)
class VoiceLink:
    """A link of the chain. breaker None: it works in this process and is never taken for dead."""

    name: str
    tts: tts.TTS[Any]
    breaker: Breaker | None
    streams: bool = False
    """Whether it takes a reply chunk by chunk in one stream and tells the times of words."""

    pace: Pace = field(default_factory=Pace)


class Script:
    """The chunks of one reply as they are cut, and the first word that nobody has spoken yet."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.ended = False
        self.chunk = 0
        self.word = 0  # of that chunk
        self._changed = asyncio.Event()

    def add(self, chunk: Chunk) -> None:
        self.chunks.append(chunk)
        self._tell()

    def end(self) -> None:
        """No more chunks come."""
        self.ended = True
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def get(self, number: int) -> Chunk | None:
        """A chunk as soon as it is there; None where the reply has no such chunk."""
        while number >= len(self.chunks) and not self.ended:
            await self._changed.wait()
        return self.chunks[number] if number < len(self.chunks) else None

    async def left(self, number: int) -> Chunk | None:
        """The same without the words that were spoken of it."""
        chunk = await self.get(number)
        return (
            Chunk(chunk.rest(self.word))
            if chunk is not None and number == self.chunk and self.word
            else chunk
        )

    def spoke(self, words: int) -> None:
        """So many words more were spoken."""
        while words and self.chunk < len(self.chunks):
            rest = len(self.chunks[self.chunk].words) - self.word
            if words < rest:
                self.word += words
                return
            words -= rest
            self.chunk, self.word = self.chunk + 1, 0

    @property
    def place(self) -> tuple[int, int]:
        """The first word not spoken: chunk, and word of it."""
        return self.chunk, self.word

    @property
    def done(self) -> bool:
        """Whether every word of the reply was spoken."""
        return self.ended and self.chunk >= len(self.chunks)

    @property
    def text(self) -> str:
        """All that was cut so far."""
        return " ".join(word for chunk in self.chunks for word in chunk.words)

    @property
    def words_spoken(self) -> int:
        return sum(len(chunk.words) for chunk in self.chunks[: self.chunk]) + self.word


@dataclass(frozen=True, slots=True)
class Given:
    """The link was asked for a chunk, at a time of the loop."""

    chunk: Chunk
    at: float


@dataclass(frozen=True, slots=True)
class Heard:
    """Sound (24 kHz mono) and words with their times, in seconds of the link's stream."""

    pcm: bytes
    times: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkOver:
    """The request for one chunk ended well."""


@dataclass(frozen=True, slots=True)
class Over:
    """Everything ended well: no more events come."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The link failed; no more events come."""

    error: Exception
    attempt: Attempt


Event = Given | Heard | ChunkOver | Over | Failed
PluginStream = tts.SynthesizeStream | tts.ChunkedStream


@dataclass(frozen=True, slots=True)
class _Request:
    chunk: Chunk
    at: float
    stream: tts.ChunkedStream
    attempt: Attempt


class Voicing:
    """A link at work on a script from its first unspoken word on. `close` it in any case."""

    def __init__(self, link: VoiceLink, script: Script) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.over = False
        """Whether the plugin's streams have ended by themselves."""

        self.link = link
        self._script = script
        self.begins = script.place
        """The first word: chunk, and word of it."""

        self._streams: list[PluginStream] = []
        self._places = asyncio.Semaphore(_REQUESTS)
        self._task = asyncio.create_task(self._run(), name=f"voicing-{link.name}")

    @property
    def reused_connection(self) -> bool:
        """Whether the stream runs on a socket that was open before it."""
        return bool(self._streams) and bool(getattr(self._streams[-1], "_connection_reused", False))

    async def close(self) -> None:
        """End it, within a bounded time; whoever waits for nothing runs this in a task."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        closing = (within(stream.aclose()) for stream in self._streams)
        await asyncio.gather(*closing, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await (self._in_one_stream() if self.link.streams else self._by_requests())
        except Exception as error:  # noqa: BLE001 - a plugin may refuse even to be asked
            self.events.put_nowait(Failed(error, Attempt()))

    async def _in_one_stream(self) -> None:
        noted = attempt.begin()
        stream = self.link.tts.stream(conn_options=_OPTIONS)
        self._streams.append(stream)
        listening = asyncio.create_task(self._listen(stream, noted, Over()), name="listen-to-voice")
        try:
            number = self.begins[0]
            while (chunk := await self._script.left(number)) is not None:
                self.events.put_nowait(Given(chunk, asyncio.get_running_loop().time()))
                stream.push_text(chunk.text)
                number += 1
            stream.end_input()
            await listening
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _by_requests(self) -> None:
        loop = asyncio.get_running_loop()
        asked: asyncio.Queue[_Request | None] = asyncio.Queue()
        listening = asyncio.create_task(self._listen_to_requests(asked), name="listen-to-voice")
        try:
            number = self.begins[0]
            while (chunk := await self._script.left(number)) is not None:
                await self._places.acquire()
                noted = attempt.begin()
                stream = self.link.tts.synthesize(chunk.text, conn_options=_OPTIONS)
                self._streams.append(stream)
                asked.put_nowait(_Request(chunk, loop.time(), stream, noted))
                number += 1
            asked.put_nowait(None)
            await listening
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen_to_requests(self, asked: asyncio.Queue[_Request | None]) -> None:
        while (request := await asked.get()) is not None:
            self.events.put_nowait(Given(request.chunk, request.at))
            if not await self._listen(request.stream, request.attempt, ChunkOver()):
                return
            self._places.release()
            await within(request.stream.aclose())
            self._streams.remove(request.stream)
        self.over = True
        self.events.put_nowait(Over())

    async def _listen(self, stream: PluginStream, noted: Attempt, end: ChunkOver | Over) -> bool:
        """Pass on what a stream says; whether it ended well."""
        try:
            sound = _Sound()
            async for audio in stream:
                heard, wrong = sound.heard(audio.frame)
                self.events.put_nowait(heard)
                if wrong:
                    raise LinkFailed(NOT_SOUND)
            if rest := sound.rest():
                self.events.put_nowait(Heard(rest))
            self.over = isinstance(end, Over)
            self.events.put_nowait(end)
        except Exception as error:  # noqa: BLE001 - plugins raise what their clients raise
            self.events.put_nowait(Failed(error, noted))
            return False
        return True


class _Sound:
    """Frames of one stream as 24 kHz mono sound, unless they are none."""

    def __init__(self) -> None:
        self._began = False
        self._resampler: rtc.AudioResampler | None = None

    def heard(self, frame: rtc.AudioFrame) -> tuple[Heard, bool]:
        """What of a frame is sound, and whether the rest of it is none."""
        pcm = bytes(frame.data)
        wrong = page_at(pcm)
        if wrong is None and not self._began and is_noise(pcm):
            wrong = 0
        if wrong is not None:
            return Heard(pcm[: wrong // 2 * 2] if self._began else b""), True
        self._began = True
        times = tuple(
            (str(word).strip(), float(word.start_time), float(word.end_time))
            for word in frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])
            if isinstance(word, TimedString) and is_given(word.start_time) and is_given(word.end_time)
        )
        return Heard(self._at_rate(frame, pcm), times), False

    def _at_rate(self, frame: rtc.AudioFrame, pcm: bytes) -> bytes:
        if frame.sample_rate == RATE and frame.num_channels == 1:
            return pcm
        if self._resampler is None:
            self._resampler = rtc.AudioResampler(frame.sample_rate, RATE, num_channels=frame.num_channels)
        return b"".join(bytes(each.data) for each in self._resampler.push(frame))

    def rest(self) -> bytes:
        """What the resampler still has."""
        return b"".join(bytes(each.data) for each in self._resampler.flush()) if self._resampler else b""


__all__ = [
    "NOT_SOUND", "ChunkOver", "Event", "Failed", "Given", "Heard", "Over", "Script", "VoiceLink", "Voicing",
]  # fmt: skip
