"""The voice chain as the framework's `tts.TTS`: whoever is dead, every word is heard once, or at least shown.

Text is cut into chunks once for all links. Each link has one attempt until its first sound, the whole chain a deadline;
a link that dies in mid-sentence is followed by the next one at the first word not spoken. Never raises.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from livekit.agents import APIConnectOptions, tts, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from providers.chains.attempt import Deadlines, LinkUse, Tries
from providers.chains.chunks import Chunk, Chunking, SpeechChunker
from providers.chains.closing import Closing, within
from providers.chains.failures import SAID_NOTHING, TIMED_OUT, Failure, LinkFailed, failure_of
from providers.chains.reading import Delivery, Reading
from providers.chains.sound import RATE, bytes_of
from providers.chains.spoken_so_far import Pace, Take
from providers.chains.supply import LAG_SECONDS, Supply
from providers.chains.voicing import Failed, Heard, Over, Script, VoiceLink, Voicing

logger = logging.getLogger("sage.providers.chains")

FRAME_MS = 20
"""The emitter's 200 ms would hold the first sound back."""

HERE_SECONDS = 30.0
"""What a link of this process may take on a busy machine; it is the last hope of every chain it is in."""

DIED_IDLE_SECONDS = 0.3
"""A socket that was open before and breaks so soon was dead already: that says nothing of the vendor."""

PROBE_TEXT = "OK."


class ChainTTS(tts.TTS[Any]):
    """Asks one link after the other; 24 kHz mono, with the times of words."""

    def __init__(
        self, links: Sequence[VoiceLink], deadlines: Deadlines, chunking: Chunking | None = None
    ) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=RATE,
            num_channels=1,
        )
        self.links = tuple(links)
        self.deadlines = deadlines
        self.chunking = chunking or Chunking()
        self.last_use: LinkUse | None = None
        """Who spoke in the last stream; its link is "" where nobody did, or not to the end."""

        self.generated_text = ""
        """The words that the last stream was given, without what is not read aloud."""

        self.spoken_text = ""
        """Those of them that were spoken: the rest was interrupted, or is `unvoiced`."""

        self.unvoiced = ""
        """Those that no link could speak: they are shown only."""

        self.on_waiting: Callable[[], None] | None = None
        """Called when a link did not answer in time and the next one is asked: a frame of silence keeps the track
        alive."""

        self.closing = Closing()
        self._closed = False
        for link in self.links:
            if link.breaker is not None:
                link.breaker.probe = lambda link=link: self._probe(link)

    @property
    def model(self) -> str:
        return self.links[0].tts.model

    @property
    def provider(self) -> str:
        return "chain"

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> ChainStream:
        # the chain tries again by itself, and knows when
        return ChainStream(self, APIConnectOptions(max_retry=0, timeout=conn_options.timeout))

    def prewarm(self) -> None:
        for link in self.links:
            if link.breaker is None or not link.breaker.open:
                link.tts.prewarm()

    async def _probe(self, link: VoiceLink) -> None:
        """Two letters; raises where their sound does not come as fast as in a debate."""
        script = Script()
        script.add(Chunk(PROBE_TEXT))
        script.end()
        voicing, take = Voicing(link, script), Take(Pace())
        try:
            async with asyncio.timeout(self.deadlines.attempt + LAG_SECONDS):
                while not isinstance(event := await voicing.events.get(), Over):
                    if isinstance(event, Failed):
                        raise event.error
                    if isinstance(event, Heard):
                        take.hear(event.pcm)
        finally:
            self.closing.later(voicing.close())
        if not take.received:
            raise LinkFailed(SAID_NOTHING)

    async def close_voicing(self, link: VoiceLink, reading: Reading) -> None:
        """End a link's part of a reply. One that was broken off lost its socket: have a new one before it is needed."""
        voicing = reading.voicing
        await voicing.close()
        if link.streams and not voicing.over and not reading.failed and not self._closed:
            link.tts.prewarm()

    async def aclose(self) -> None:
        self._closed = True
        await super().aclose()
        await self.closing.aclose()
        await asyncio.gather(*(within(link.tts.aclose()) for link in self.links), return_exceptions=True)


class ChainStream(tts.SynthesizeStream):
    """One reply of the chain."""

    def __init__(self, chain: ChainTTS, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=chain, conn_options=conn_options)
        self._chain = chain
        self._script = Script()
        self._asked = 0
        self._began = 0.0  # when the first chunk was there
        self._last_call = 0.0  # when somebody must have begun to speak
        self._heir: VoiceLink | None = None  # of the link that reads
        self._ahead: Voicing | None = None  # the heir at work before it is needed
        self._left: Take | None = None  # the sound of a link that died within a clause

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        chain, script = self._chain, self._script
        chain.last_use, chain.generated_text, chain.spoken_text, chain.unvoiced = None, "", "", ""
        output_emitter.initialize(
            request_id=utils.shortuuid("voice_"),
            sample_rate=RATE,
            num_channels=1,
            mime_type="audio/pcm",
            frame_size_ms=FRAME_MS,
            stream=True,
        )
        delivery = Delivery(output_emitter)
        cutting = asyncio.create_task(self._cut_text(), name="cut-text")
        try:
            first = await script.get(0)
            if not self._pushed_text:
                return
            output_emitter.start_segment(segment_id=utils.shortuuid("voice_"))
            if first is not None:
                await self._speak(delivery)
            if not delivery.seconds:
                delivery.say(bytes(bytes_of(0.01)), ())  # the framework takes no reply without any sound
            output_emitter.end_segment()
        finally:
            if self._ahead is not None:
                chain.closing.later(self._ahead.close())
            cutting.cancel()
            await asyncio.gather(cutting, return_exceptions=True)
            if not chain.unvoiced:
                chain.spoken_text = _first_words(script, delivery.shown)
            chain.generated_text = script.text

    async def _cut_text(self) -> None:
        """Chunks as soon as they are complete, or as the text has stopped coming for too long."""
        loop = asyncio.get_running_loop()
        chunker, wait = SpeechChunker(self._chain.chunking), self._chain.chunking.wait
        hurry_at: float | None = None
        try:
            while True:
                try:
                    async with asyncio.timeout_at(hurry_at):
                        item = await self._input_ch.recv()
                except TimeoutError:
                    hurry_at, chunks = None, chunker.hurry()
                else:
                    chunks = chunker.push(item) if isinstance(item, str) else chunker.flush()
                    if chunks or hurry_at is None:
                        hurry_at = loop.time() + wait if chunker.waiting else None
                for chunk in chunks:
                    self._script.add(chunk)
        except utils.aio.ChanClosed:
            for chunk in chunker.flush():
                self._script.add(chunk)
        finally:
            self._script.end()

    async def _speak(self, delivery: Delivery) -> None:
        """Have the reply spoken by whoever can, and show what nobody can speak."""
        loop = asyncio.get_running_loop()
        chain = self._chain
        self._began = loop.time()
        self._mark_started()
        self._last_call = self._began + chain.deadlines.chain
        name = ""
        try:
            for link, heir in self._candidates():
                self._heir = heir
                if link.breaker is not None and loop.time() >= self._last_call:
                    continue  # the time is up: only what works in this process comes still
                if await self._ask(link, delivery, is_last=heir is None):
                    name = link.name
                    break
        except asyncio.CancelledError:
            self._note_use(link.name, delivery)  # cut by somebody who spoke: a turn all the same
            raise
        except Exception:
            logger.exception("the voice chain itself failed")  # the words are shown all the same
        self._note_use(name, delivery)  # before the frame of silence, which is no voice
        if not name:
            await self._show_the_rest(delivery)

    def _note_use(self, link: str, delivery: Delivery) -> None:
        first_ms = (delivery.first_at - self._began) * 1000 if delivery.first_at is not None else None
        self._chain.last_use = LinkUse(link, first_ms, switched=self._asked > 1)

    def _candidates(self) -> Iterator[tuple[VoiceLink, VoiceLink | None]]:
        """The links to be asked, each with the one after it: those that live, then those known to be dead, as silence
        is the alternative."""
        links = self._chain.links
        dead = [link for link in links if link.breaker is not None and link.breaker.open]
        order = [link for link in links if link not in dead] + dead
        yield from zip(order, [*order[1:], None], strict=True)

    async def _ask(self, link: VoiceLink, delivery: Delivery, *, is_last: bool) -> bool:
        """Let one link read on, as often as that makes sense; whether the reply is at its end."""
        loop = asyncio.get_running_loop()
        here = link.breaker is None
        attempt_seconds = HERE_SECONDS if here else self._chain.deadlines.attempt
        begin_by = loop.time() + attempt_seconds
        if not here:
            begin_by = self._last_call if is_last else min(begin_by, self._last_call)
        again = _Again(is_last)
        self._asked += 1
        while True:
            first = max(0.0, begin_by - loop.time())
            supply = Supply(attempt_seconds, first, lag=HERE_SECONDS if here else LAG_SECONDS)
            before = delivery.seconds
            try:
                await self._read(link, delivery, supply)
            except _Died as died:
                failure = died.failure
                if delivery.seconds > before:
                    again.spoke = True
                    self._last_call = loop.time() + self._chain.deadlines.chain
                    begin_by = max(begin_by, self._last_call) if is_last else begin_by
                if failure.reason == TIMED_OUT and self._chain.on_waiting is not None:
                    self._chain.on_waiting()
                wait = again.wait(died, (supply.due or begin_by) - loop.time())
                if wait is None:
                    if link.breaker is not None:
                        link.breaker.failed(failure)
                    return False
                await asyncio.sleep(wait)
            else:
                if self._script.done:
                    return True
                begin_by = loop.time() + attempt_seconds  # its stream ended while the text had stopped coming

    async def _read(self, link: VoiceLink, delivery: Delivery, supply: Supply) -> None:
        began = asyncio.get_running_loop().time()
        voicing, self._ahead = self._ahead, None
        if voicing is not None and (voicing.link is not link or voicing.begins != self._script.place):
            self._chain.closing.later(voicing.close())
            voicing = None
        reading = Reading(voicing or Voicing(link, self._script), self._script, delivery, supply, self._left)
        reading.on_late = self._make_ready if self._heir is not None else None
        try:
            await reading.read()
        except Exception as error:  # noqa: BLE001 - plugins raise what their clients raise
            seconds = asyncio.get_running_loop().time() - began
            raise _Died(failure_of(error, reading.attempt), reading, seconds) from None
        finally:
            self._left = reading.left
            self._chain.closing.later(self._chain.close_voicing(link, reading))

    def _make_ready(self) -> None:
        """The next link begins with the clause already: its first sound is there when it is needed."""
        if self._ahead is not None and self._ahead.begins == self._script.place:
            return
        if self._ahead is not None:
            self._chain.closing.later(self._ahead.close())
        if self._heir is not None and not (self._heir.breaker is not None and self._heir.breaker.open):
            self._ahead = Voicing(self._heir, self._script)

    async def _show_the_rest(self, delivery: Delivery) -> None:
        """No link is left: the words go out without a voice, as they come."""
        script, chain = self._script, self._chain
        if self._left is not None:
            cut = self._left.cut()
            delivery.say(cut.pcm, ())
            script.spoke(cut.words)
        spoken = script.words_spoken
        chain.spoken_text = _first_words(script, spoken)
        logger.error("nobody could speak a reply")
        number = script.chunk
        while await script.get(number) is not None:
            number = len(script.chunks)
            at, words = delivery.seconds, script.text.split()
            silent = [(place, words[place], at, at) for place in range(delivery.shown, len(words))]
            delivery.say(bytes(bytes_of(0.01)), silent)
            chain.unvoiced = " ".join(words[spoken:])


class _Again:
    """Whether a link that died in a reply is asked once more in the same reply."""

    def __init__(self, is_last: bool) -> None:
        self.spoke = False
        self._is_last = is_last
        self._tries = Tries()
        self._died_idle = False
        self._went_on = False

    def wait(self, died: _Died, seconds_left: float) -> float | None:
        """Seconds until then; None where it is not."""
        reading = died.reading
        young = died.seconds < DIED_IDLE_SECONDS and died.failure.status is None and not reading.supply.heard
        if young and reading.voicing.reused_connection and not self._died_idle:
            self._died_idle = True
            return 0.0
        if died.failure.may_try_again and not reading.began_chunk:
            wait = self._tries.wait(reading.attempt.retry_after, seconds_left)
            if wait is not None:
                return wait
        if self._is_last and self.spoke and not self._went_on:
            # the last one may go on where it was cut itself: a connection that broke is no dead vendor
            self._went_on = True
            return 0.0
        return None


class _Died(Exception):  # noqa: N818 - it ends an attempt
    """A link died."""

    def __init__(self, failure: Failure, reading: Reading, seconds: float) -> None:
        super().__init__(failure.reason)
        self.failure = failure
        self.reading = reading
        self.seconds = seconds


def _first_words(script: Script, count: int) -> str:
    return " ".join(script.text.split()[:count])


__all__ = ["ChainStream", "ChainTTS", "VoiceLink"]
