"""The speech recognition chain as the framework's `stt.STT`: what its participants' streams share.

Owns the links, what is known of their failures, the probes, and the closing of streams. A stream is speech_stream.py's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from livekit import rtc
from livekit.agents import APIConnectOptions, stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer

from providers.chains.attempt import Deadlines, LinkUse
from providers.chains.closing import Closing, within
from providers.chains.failures import SAID_NOTHING, TIMED_OUT, Failure, LinkFailed
from providers.chains.link_stream import SpeechLink
from providers.chains.pace import Pace
from providers.chains.passages import Passage
from providers.chains.speech_stream import ChainSpeechStream

__all__ = ["ChainSTT", "ChainSpeechStream", "SpeechLink"]

logger = logging.getLogger("sage.providers.chains")


class ChainSTT(stt.STT[Any]):
    """One recogniser for all participants, each with a stream of their own; they share links and breakers."""

    def __init__(self, links: Sequence[SpeechLink], deadlines: Deadlines, hold_seconds: float) -> None:
        """`hold_seconds`: how long a link's stream is kept after the last passage; then a silent person costs
        nothing."""
        capabilities = stt.STTCapabilities(streaming=True, interim_results=True, manual_flush=True)
        super().__init__(capabilities=capabilities)
        self.links = tuple(links)
        self.deadlines = deadlines
        self.hold_seconds = hold_seconds
        self.last_use: LinkUse | None = None
        """Who answered the last passage of anybody; a stream has its own."""

        self._samples: dict[str, list[rtc.AudioFrame]] = {}
        self._pace = Pace()
        self.closing = Closing()
        for link in self.links:
            if link.breaker is not None:
                link.breaker.probe = lambda link=link: self._probe(link)

    @property
    def model(self) -> str:
        return self.links[0].stt.model

    @property
    def provider(self) -> str:
        return "chain"

    @property
    def recogniser(self) -> stt.STT[Any]:
        """The chain as its streams' owner."""
        return self

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> ChainSpeechStream:
        return ChainSpeechStream(self)

    def prewarm(self) -> None:
        for link in self.links:
            link.stt.prewarm()

    async def _recognize_impl(
        self,
        buffer: AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        async with self.stream() as stream:
            for frame in buffer if isinstance(buffer, list) else [buffer]:
                stream.push_frame(frame)
            stream.flush()
            async for event in stream:
                if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                    return event
        raise LinkFailed(SAID_NOTHING)

    def failed(self, link: SpeechLink, failure: Failure, passage: Passage) -> None:
        """A link failed on a passage, whose beginning a probe will play to it."""
        passage.failed.add(link.name)
        passage.blamed.add(link.name)
        if link.breaker is None:
            logger.warning("the local recogniser failed", extra={"reason": failure.reason})
            return
        link.breaker.failed(failure)
        self.keep_sample(link, passage)

    def keep_sample(self, link: SpeechLink, passage: Passage) -> None:
        """Keep the beginning of a passage for as long as the breaker is open."""
        if not link.living and (sample := passage.sample()):
            self._samples[link.name] = sample

    def worked(self, link: SpeechLink) -> None:
        """A link gave the final text of a passage."""
        self._samples.pop(link.name, None)
        if link.breaker is not None:
            link.breaker.worked()

    def took(self, link: SpeechLink, seconds: float) -> None:
        """A link took so long for a final text that has words."""
        self._pace.note(link.name, seconds)

    def patience(self, link: SpeechLink) -> float:
        """Seconds after which another link is asked too; what works in this process has its whole time."""
        most = self.deadlines.attempt
        return most if link.breaker is None else self._pace.patience(link.name, most)

    def slackens(self, link: SpeechLink) -> bool:
        """Whether another link is to hear the next passage too."""
        return link.breaker is not None and link.living and self._pace.has_slackened(link.name)

    def has_better(self, than: SpeechLink, seconds: float, passage: Passage) -> bool:
        """Whether another link lives that did not fail on `passage`, and is not known to need `seconds` for its."""
        return any(
            link is not than
            and link.living
            and link.name not in passage.blamed
            and self._pace.last(link.name) < seconds
            for link in self.links
        )

    async def _probe(self, link: SpeechLink) -> None:
        """Let a link hear what it failed on: any word of it, or sign that it listens, will do; of one that was late,
        its final in its time, and as much again to connect. Raises for none."""
        was_late = link.breaker is not None and link.breaker.failure == Failure(TIMED_OUT)
        within_time = asyncio.timeout(2 * self.deadlines.attempt if was_late else None)
        stream, _ = link.open_stream()
        try:
            # Sound that a link failed on is always there; silence would do to see it connect.
            for frame in self._samples.get(link.name) or [_silence()]:
                stream.push_frame(frame)
            stream.flush()
            async with within_time:
                async for event in stream:
                    if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT or not (
                        was_late or event.type is stt.SpeechEventType.RECOGNITION_USAGE
                    ):
                        self._samples.pop(link.name, None)
                        return
            raise LinkFailed(SAID_NOTHING)
        finally:
            self.closing.later(stream.aclose())

    async def aclose(self) -> None:
        await super().aclose()
        self._samples.clear()
        await self.closing.aclose()
        await asyncio.gather(*(within(link.stt.aclose()) for link in self.links))


def _silence() -> rtc.AudioFrame:
    return rtc.AudioFrame(bytes(16_000), 16_000, 1, 8_000)
