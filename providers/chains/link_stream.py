"""One link's stream for one person: what it was given to hear, what it owes, and how long nothing was heard of it.

Owns the plugin's stream and the task that reads it. Whether a link is dead is judged by stt.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from livekit import rtc
from livekit.agents import APIConnectOptions
from livekit.agents import stt as speech

from providers.chains import attempt
from providers.chains.attempt import Attempt
from providers.chains.breaker import Breaker
from providers.chains.failures import CUT_SHORT, Failure, LinkFailed, failure_of
from providers.chains.passages import Passage, text_of

CONNECT_SECONDS = 2.0
FIRST_SIGN_SECONDS = 1.5
"""Of sound in which a link that tells words as they are spoken must have given a first sign of life ..."""

NEXT_SIGN_SECONDS = 1.5
"""... and in which it must give another. The price of a vendor that only takes its time is that two hear the rest."""

_RUNNING = (speech.SpeechEventType.INTERIM_TRANSCRIPT, speech.SpeechEventType.PREFLIGHT_TRANSCRIPT)


@dataclass(frozen=True, slots=True)
class SpeechLink:
    """A link of the chain. breaker None: it works in this process and is never taken for dead."""

    name: str
    stt: speech.STT[Any]
    breaker: Breaker | None

    @property
    def vendor(self) -> str:
        """`openai` of both `openai` and `openai-batch`."""
        return self.name.split("-", maxsplit=1)[0]

    @property
    def living(self) -> bool:
        """Whether it is not known to be dead."""
        return self.breaker is None or not self.breaker.open

    @property
    def unreachable(self) -> bool:
        """Whether it is known to be dead, and not by a status that it answered with."""
        failure = self.breaker.failure if self.breaker is not None else None
        return failure is not None and failure.status is None

    def open_stream(self) -> tuple[speech.RecognizeStream, Attempt]:
        """A stream, and what its requests learn beside their answers. Raises what the plugin raises."""
        context = contextvars.copy_context()  # the ear's own context is none of an attempt
        noted = context.run(attempt.begin)
        options = APIConnectOptions(max_retry=0, timeout=CONNECT_SECONDS)
        return context.run(self.stt.stream, conn_options=options), noted


class Owner(Protocol):
    """Who is told by a LinkStream."""

    def on_words(self, by: LinkStream, passage: Passage, event: speech.SpeechEvent) -> None: ...
    def on_final(self, by: LinkStream, passage: Passage, event: speech.SpeechEvent) -> None: ...
    def on_usage(self, event: speech.SpeechEvent) -> None: ...
    def on_failed(self, by: LinkStream, failure: Failure) -> None: ...


class LinkStream:
    """Reads its stream from the start; `aclose` ends both. Nothing but the constructor raises."""

    def __init__(self, link: SpeechLink, owner: Owner) -> None:
        self.link = link
        self.owes: deque[Passage] = deque()
        """Passages whose final has not come, in order; the last one may still be spoken."""

        self.doubted = False
        """Whether another link was asked because nothing was heard of this one."""

        self._owner = owner
        self._stream, self._noted = link.open_stream()
        self._loop = asyncio.get_running_loop()
        self.opened_at = self._loop.time()
        self._signed = False
        self._unheard_seconds = 0.0
        self._unheard_since = self.opened_at
        self._reading = asyncio.create_task(self._read(), name=f"hear-{link.name}")

    @property
    def gave_sign(self) -> bool:
        """Whether anything was heard of it since it was given the newest passage."""
        return self._signed

    def begin(self, passage: Passage) -> None:
        """A passage begins; its frames follow."""
        self.owes.append(passage)
        passage.asked.setdefault(self.link.name)
        self._signed = self.doubted = False
        self._hear_nothing_since()

    def push(self, frame: rtc.AudioFrame) -> None:
        """A frame as it is spoken."""
        self._unheard_seconds += frame.duration
        self._push(frame)

    def flush(self) -> None:
        """The passage is over."""
        with contextlib.suppress(RuntimeError):  # it has failed, which the reader is about to be told
            self._stream.flush()

    def hear_again(self, passages: Iterable[Passage]) -> None:
        """Have it hear passages from their beginning, at once."""
        for passage in passages:
            if passage.flushed_at is not None and not passage.frames:
                continue
            self.begin(passage)
            for frame in passage.frames:
                self._push(frame)
            if passage.flushed_at is not None:
                self.flush()
        self._hear_nothing_since()

    def is_silent(self) -> bool:
        """Whether a link that tells words as they are spoken has told nothing for too long, of sound and of time."""
        if not self.link.stt.capabilities.interim_results:
            return False
        limit = NEXT_SIGN_SECONDS if self._signed else FIRST_SIGN_SECONDS
        return self._unheard_seconds >= limit and self._loop.time() - self._unheard_since >= limit

    def waited(self, passage: Passage) -> float:
        """Seconds since it could have given its final word on a passage that is over."""
        assert passage.flushed_at is not None
        return self._loop.time() - max(passage.flushed_at, self.opened_at)

    async def aclose(self) -> None:
        """End the stream. A dead vendor may take its time with that."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        try:
            await self._stream.aclose()
        finally:
            main = self._stream._task
            if main.done() and not main.cancelled():
                main.exception()  # told or not, it is known: asyncio need not log it

    def _push(self, frame: rtc.AudioFrame) -> None:
        with contextlib.suppress(
            RuntimeError
        ):  # as in `flush`; the passage keeps the frame for the next link
            self._stream.push_frame(frame)

    def _hear_nothing_since(self) -> None:
        self._unheard_seconds, self._unheard_since = 0.0, self._loop.time()

    async def _read(self) -> None:
        try:
            async for event in self._stream:
                self._take(event)
            raise LinkFailed(CUT_SHORT)
        except Exception as error:  # noqa: BLE001 - plugins raise what their clients raise
            self._owner.on_failed(self, failure_of(error, self._noted))

    def _take(self, event: speech.SpeechEvent) -> None:
        if event.type is speech.SpeechEventType.RECOGNITION_USAGE:
            self._owner.on_usage(event)
            return
        self._signed, self.doubted = True, False
        self._hear_nothing_since()
        if not self.owes:
            return
        passage = self.owes[0]
        if event.type is speech.SpeechEventType.FINAL_TRANSCRIPT and passage.flushed_at is not None:
            self.owes.popleft()
            passage.texts[self] = text_of(event)
            self._owner.on_final(self, passage, event)
        elif event.type in _RUNNING:
            if text := text_of(event):
                passage.texts[self] = text
            self._owner.on_words(self, passage, event)
