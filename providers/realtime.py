"""OpenAI's realtime transcription as a link: one socket a stream, one committed item a passage.

Not by its plugin, which sends nothing for a flush (only silence ends a turn), hangs on a server that answers nothing or
what is no JSON, and lets aiohttp's errors through as they are (docs/simulators.md).
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from livekit import rtc
from livekit.agents import APIConnectOptions, APIStatusError, LanguageCode, stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer, aio, audio

from providers.chains.failures import LinkFailed
from providers.event_socket import ANSWERED_WITH_ERROR, EventSocket, open_socket
from providers.flushed_stream import FlushedStream

SAMPLE_RATE = 24_000
LEAST_COMMIT_SECONDS = 0.1
"""The API refuses to commit less."""

_CHUNK_SAMPLES = SAMPLE_RATE // 20
_SAMPLE_BYTES = 2
_ITEM = "conversation.item.input_audio_transcription."
_STATUS_OF = {
    "invalid_api_key": 401,
    "insufficient_quota": 402,
    "model_not_found": 404,
    "rate_limit_exceeded": 429,
}


@dataclass(frozen=True, slots=True)
class RealtimeOptions:
    """What a session is told, and where."""

    model: str
    language: str
    prompt: str
    api_key: str
    base_url: str

    def url(self) -> str:
        """The endpoint. OpenAI's own takes a model here for a conversation; others route by it."""
        query = {"intent": "transcription"}
        if urlsplit(self.base_url).hostname != "api.openai.com":
            query["model"] = self.model
        return f"{self.base_url.rstrip('/')}/realtime?{urlencode(query)}"

    def update(self) -> dict[str, Any]:
        """The event that sets the session up. No turn detection: the ear ends turns."""
        transcription = {"model": self.model, "language": self.language, "prompt": self.prompt}
        heard = {
            "format": {"type": "audio/pcm", "rate": SAMPLE_RATE},
            "transcription": transcription,
            "turn_detection": None,
        }
        return {"type": "session.update", "session": {"type": "transcription", "audio": {"input": heard}}}


class RealtimeSTT(stt.STT[Any]):
    """Its words come after a flush, as pieces and then as a whole: there is nothing to be heard of it before."""

    def __init__(self, options: RealtimeOptions) -> None:
        capabilities = stt.STTCapabilities(streaming=True, interim_results=False, manual_flush=True)
        super().__init__(capabilities=capabilities)
        self.options = options

    @property
    def model(self) -> str:
        return self.options.model

    @property
    def provider(self) -> str:
        return "OpenAI"

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> RealtimeStream:
        return RealtimeStream(self, conn_options)

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        raise NotImplementedError("link openai-batch recognises recordings")


@dataclass(eq=False, slots=True)
class _Item:
    """A passage as the server keeps it."""

    item_id: str = ""
    seconds: float = 0.0
    committed: bool = False
    text: str = ""
    done: bool = False


class RealtimeStream(FlushedStream):
    """One socket from the first frame's stream on, until it is closed."""

    def __init__(self, owner: RealtimeSTT, conn_options: APIConnectOptions) -> None:
        super().__init__(stt=owner, conn_options=conn_options, sample_rate=SAMPLE_RATE)
        self._options = owner.options
        self._items: deque[_Item] = deque()
        self._answered = asyncio.Event()

    async def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self._options.api_key}"}
        seconds = self._conn_options.timeout
        async with open_socket(self._options.url(), headers, seconds) as socket:
            await socket.send(self._options.update())
            sending = asyncio.create_task(self._send(socket))
            reading = asyncio.create_task(self._read(socket, seconds))
            try:
                await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
                for task in (reading, sending):
                    if task.done():
                        task.result()
            finally:
                await aio.cancel_and_wait(sending, reading)

    async def _send(self, socket: EventSocket) -> None:
        chunks = audio.AudioByteStream(SAMPLE_RATE, 1, _CHUNK_SAMPLES)
        running: _Item | None = None
        async for each in self._input_ch:
            if isinstance(each, rtc.AudioFrame):
                if running is None:
                    running = _Item()
                    self._items.append(running)
                running.seconds += each.duration
                for chunk in chunks.push(each.data.tobytes()):
                    await _append(socket, bytes(chunk.data))
                continue
            if running is None:  # nothing was said: there is nothing to ask for
                self._items.append(_Item(committed=True, done=True))
                self._tell_done()
                continue
            rest = b"".join(bytes(chunk.data) for chunk in chunks.flush())
            short = max(0.0, LEAST_COMMIT_SECONDS - running.seconds)
            if rest or short:
                await _append(
                    socket, rest + bytes(int(short * SAMPLE_RATE + 1) * _SAMPLE_BYTES * bool(short))
                )
            running.committed = True
            await socket.send({"type": "input_audio_buffer.commit"})
            running = None
        while self._items:
            self._answered.clear()
            await self._answered.wait()

    async def _read(self, socket: EventSocket, seconds: float) -> None:
        """Raises TimeoutError where the session is not set up in time, and for whatever ends it."""
        async with asyncio.timeout(seconds) as limit:
            while True:
                event = await socket.receive()
                if event.get("type") == "session.updated":
                    limit.reschedule(None)
                try:
                    self._take(event)
                except (KeyError, TypeError, AttributeError):
                    raise LinkFailed("an answer that cannot be read") from None

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "error":
            status = _STATUS_OF.get(event["error"].get("code") or "")
            if status is not None:
                raise APIStatusError(ANSWERED_WITH_ERROR, status_code=status)
            raise LinkFailed(ANSWERED_WITH_ERROR)
        if kind == "input_audio_buffer.committed":
            if all(item.item_id != event["item_id"] for item in self._items):
                self._nameless().item_id = event["item_id"]
        elif kind == _ITEM + "failed":
            raise LinkFailed("it could not transcribe")
        elif kind in (_ITEM + "delta", _ITEM + "completed"):
            item = self._item(event["item_id"])
            if kind.endswith("delta"):
                item.text += event["delta"]
                if item is self._items[0]:
                    self._tell(stt.SpeechEventType.INTERIM_TRANSCRIPT, item)
            else:
                item.text, item.done = event["transcript"], True
                self._tell_done()

    def _item(self, item_id: str) -> _Item:
        found = next((item for item in self._items if item.item_id == item_id), None)
        if found is None:  # some models tell words before the item is committed
            found = self._nameless()
            found.item_id = item_id
        return found

    def _nameless(self) -> _Item:
        found = next((item for item in self._items if not item.item_id and not item.done), None)
        if found is None:
            raise LinkFailed("an answer to what was not asked")
        return found

    def _tell_done(self) -> None:
        """Finals in the order of the flushes, whatever the server's is."""
        while self._items and self._items[0].done and self._items[0].committed:
            item = self._items.popleft()
            self._tell(stt.SpeechEventType.FINAL_TRANSCRIPT, item)
            usage = stt.RecognitionUsage(audio_duration=item.seconds)
            self._event_ch.send_nowait(
                stt.SpeechEvent(type=stt.SpeechEventType.RECOGNITION_USAGE, recognition_usage=usage)
            )
        self._answered.set()

    def _tell(self, kind: stt.SpeechEventType, item: _Item) -> None:
        data = stt.SpeechData(language=LanguageCode(self._options.language), text=item.text)
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[data]))


async def _append(socket: EventSocket, pcm: bytes) -> None:
    if pcm:
        encoded = base64.b64encode(pcm).decode()
        await socket.send({"type": "input_audio_buffer.append", "audio": encoded})
