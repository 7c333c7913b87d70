"""Deepgram's plugin with one final text a flush: its own gives a final for each pause that the server hears.

The server's answer to a flush (`from_finalize`) may hold no words, which the plugin swallows, and may not come at all
where nothing noticeable is left to be heard (developers.deepgram.com/docs/finalize): see `_judge`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp
from livekit import rtc
from livekit.agents import APIConnectOptions, LanguageCode, stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.plugins import deepgram

from providers.chains.failures import LinkFailed
from providers.event_socket import ANSWERED_WITH_ERROR, event_of

COVERED_SECONDS = 0.25
"""A final that ends so little before the flush covers all that was sent."""

NEAR_SECONDS = 0.6
"""Where the server has told of everything but so little of the end, of which an ear's silence is at least 0.3 s, its
answer to the flush may not come. Where more is left it does."""

WORDS_SETTLE_SECONDS = 0.4
"""How long after a flush words that are final, with none running, wait for that answer ..."""

SILENCE_SETTLES_SECONDS = 0.8
"""... and how long where there are no words."""

_CLOSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Result:
    """One `Results` message: what was heard of the stream's seconds from `start` to `end`."""

    text: str
    start: float
    end: float
    is_final: bool
    answers_flush: bool

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


def result_of(event: dict[str, Any]) -> Result | None:
    """The result that a message holds; None for other messages. LinkFailed for errors and what cannot be read."""
    try:
        if event["type"] == "Error":
            raise LinkFailed(ANSWERED_WITH_ERROR)
        if event["type"] != "Results":
            return None
        alternatives = event["channel"]["alternatives"]
        text = str(alternatives[0]["transcript"]) if alternatives else ""
        start = float(event["start"])
        end = start + float(event["duration"])
        return Result(text.strip(), start, end, bool(event["is_final"]), bool(event.get("from_finalize")))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise LinkFailed("an answer that cannot be read") from None


@dataclass(eq=False, slots=True)
class _Passage:
    """A passage as this stream hears it; times in seconds of the stream."""

    end: float | None = None
    """Where it was flushed."""

    settled: list[str] = field(default_factory=list)
    running: str = ""
    covered: float = -1.0
    """Up to where finals reach; nothing is covered of which the server has said nothing."""

    reported: float = -1.0
    """Up to where any result reaches."""

    flushed_at: float = 0.0
    """The loop's time."""

    silent: bool = False
    """Nothing was sent between two flushes: the server is not asked."""

    @property
    def text(self) -> str:
        return " ".join(part for part in (*self.settled, self.running) if part)


class DeepgramSTT(deepgram.STT):
    """The plugin's, with streams that keep the chain's contract."""

    def stream(
        self,
        *,
        language: NotGivenOr[deepgram.models.DeepgramLanguages | str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> DeepgramStream:
        return DeepgramStream(
            stt=self,
            conn_options=conn_options,
            opts=self._sanitize_options(language=language),
            api_key=self._api_key,
            http_session=self._ensure_session(),
            base_url=self._opts.endpoint_url,
        )


class DeepgramStream(deepgram.SpeechStream):
    """An interim event without words says that the server hears."""

    def __init__(self, **about: Any) -> None:
        super().__init__(**about)
        self._passages: deque[_Passage] = deque()
        self._sent_seconds = 0.0
        self._unconfirmed: deque[float] = deque()
        """Where the flushes were that were taken for answered without an answer: one may still come."""

        self._unflushed = False
        self._settling: asyncio.TimerHandle | None = None

    # -- what is sent ----------------------------------------------------------------------------------
    def push_frame(self, frame: rtc.AudioFrame) -> None:
        super().push_frame(frame)
        self._sent_seconds += frame.duration
        if not self._unflushed:
            self._unflushed = True
            self._passages.append(_Passage())

    def flush(self) -> None:
        now = asyncio.get_running_loop().time()
        if not self._unflushed:
            self._check_input_not_ended()
            self._check_not_closed()
            self._passages.append(_Passage(end=self._sent_seconds, flushed_at=now, silent=True))
        else:
            super().flush()
            self._unflushed = False
            passage = self._passages[-1]
            passage.end, passage.flushed_at = self._sent_seconds, now
        self._judge()

    def end_input(self) -> None:
        if self._unflushed:
            self.flush()
        self._input_ch.close()

    # -- what is heard ---------------------------------------------------------------------------------
    async def _connect_ws(self) -> aiohttp.ClientWebSocketResponse:
        return cast("aiohttp.ClientWebSocketResponse", _ReadSocket(await super()._connect_ws()))

    def _process_stream_event(self, data: dict[str, Any]) -> None:
        result = result_of(data)
        if result is None:
            return
        is_answer = result.answers_flush and not self._is_late(result)
        if not self._passages:
            return
        self._skip_to(result)
        passage = self._passages[0]
        passage.reported = max(passage.reported, result.end)
        if result.is_final:
            passage.running = ""
            passage.covered = max(passage.covered, result.end)
            if result.text:
                passage.settled.append(result.text)
        else:
            passage.running = result.text
        if is_answer and passage.end is not None:
            self._confirm()
        else:
            self._tell(stt.SpeechEventType.INTERIM_TRANSCRIPT, passage.text)
        self._judge()

    def _is_late(self, result: Result) -> bool:
        """Whether it answers a flush that was taken for answered already."""
        while self._unconfirmed and self._unconfirmed[0] + COVERED_SECONDS < result.end:
            self._unconfirmed.popleft()
        if self._unconfirmed:
            self._unconfirmed.popleft()
            return True
        return False

    def _skip_to(self, result: Result) -> None:
        """Words from after a flush say that it will not be answered: the server was done with what came before."""
        while len(self._passages) > 1 and (end := self._passages[0].end) is not None and result.middle > end:
            self._answer()

    def _judge(self) -> None:
        """Tell the finals of passages that are known to be over, though no answer to their flush came; look again
        when the next could be."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        loop = asyncio.get_running_loop()
        while self._passages and (end := self._passages[0].end) is not None:
            passage = self._passages[0]
            wait = self._wait(passage, end)
            if wait is None:
                return
            at = passage.flushed_at + wait
            if loop.time() < at - 0.001:
                self._settling = loop.call_at(at, self._judge)
                return
            self._answer()

    @staticmethod
    def _wait(passage: _Passage, end: float) -> float | None:
        """Seconds after its flush at which the passage is over without an answer to it; None: not before one."""
        if passage.silent:
            return 0.0
        if passage.running:
            return None
        if passage.covered >= end - COVERED_SECONDS:
            return 0.0
        if passage.reported < end - NEAR_SECONDS:
            return None
        return WORDS_SETTLE_SECONDS if passage.settled else SILENCE_SETTLES_SECONDS

    def _answer(self) -> None:
        """Tell a final without the server's answer to the flush."""
        passage = self._passages[0]
        if passage.end is not None and not passage.silent:
            self._unconfirmed.append(passage.end)
        self._confirm()

    def _confirm(self) -> None:
        self._tell(stt.SpeechEventType.FINAL_TRANSCRIPT, self._passages.popleft().text)

    def _tell(self, kind: stt.SpeechEventType, text: str) -> None:
        with contextlib.suppress(RuntimeError):
            data = stt.SpeechData(language=self._opts.language or LanguageCode("en"), text=text)
            if not self._event_ch.closed:
                self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[data]))

    async def aclose(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
        await super().aclose()


class _ReadSocket:
    """The plugin's socket, except that what cannot be read ends it (the plugin logs it and waits for ever), and that
    closing it does not wait for a server that answers nothing."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self.send_bytes, self.send_str, self.exception = ws.send_bytes, ws.send_str, ws.exception

    @property
    def close_code(self) -> int | None:
        return self._ws.close_code

    async def receive(self) -> aiohttp.WSMessage:
        message = await self._ws.receive()
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            result_of(event_of(message))
        return message

    async def close(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._ws.close()
