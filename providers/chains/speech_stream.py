"""One person's stream of the speech recognition chain: whichever link dies, no word is lost and none is doubled.

A link hears a passage from its first frame. Where it fails, or is late, the next one hears the passage again from its
beginning. One final text a flush, in order; no error of a link ever reaches the ear.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any, Protocol

from livekit import rtc
from livekit.agents import APIConnectOptions, LanguageCode, stt
from livekit.agents.utils.aio import ChanClosed

from providers.chains.attempt import Deadlines, LinkUse
from providers.chains.closing import Closing
from providers.chains.failures import TIMED_OUT, Failure, failure_of
from providers.chains.link_stream import LinkStream, SpeechLink
from providers.chains.passages import Passage, text_of

LONGEST_STREAM_SECONDS = 1500.0
"""A vendor ends its sessions some time (OpenAI after 60 minutes): between two passages we do it first."""

ROUNDS_AFTER_FLUSH = 1
"""How often all links are tried again when each has failed on speech that is over: nobody waits for more."""

ROUND_SECONDS = 0.2
LONGEST_ROUND_SECONDS = 2.0
CLOCK_SECONDS = 0.001
"""A timer may be early by the clock's resolution."""

CLOSE_SECONDS = 1.0
"""How long closing a stream of the chain waits for its links' streams; they go on closing behind it."""


class Chain(Protocol):
    """What the streams of all participants share."""

    links: tuple[SpeechLink, ...]
    closing: Closing
    deadlines: Deadlines
    hold_seconds: float
    last_use: LinkUse | None

    @property
    def recogniser(self) -> stt.STT[Any]: ...
    def failed(self, link: SpeechLink, failure: Failure, passage: Passage) -> None: ...
    def keep_sample(self, link: SpeechLink, passage: Passage) -> None: ...
    def worked(self, link: SpeechLink) -> None: ...
    def took(self, link: SpeechLink, seconds: float) -> None: ...
    def patience(self, link: SpeechLink) -> float: ...
    def slackens(self, link: SpeechLink) -> bool: ...
    def has_better(self, than: SpeechLink, seconds: float, passage: Passage) -> bool: ...


class ChainSpeechStream(stt.RecognizeStream):
    """One person's stream. All changes are made at once, in whichever call or event brings them; none is awaited."""

    def __init__(self, chain: Chain) -> None:
        super().__init__(stt=chain.recogniser, conn_options=APIConnectOptions(max_retry=0, timeout=10.0))
        self.last_use: LinkUse | None = None
        """Who answered the last passage; None where none was answered since it was set to None."""

        self._chain = chain
        self._loop = asyncio.get_running_loop()
        self._unanswered: deque[Passage] = deque()
        self._open: list[LinkStream] = []
        """In the order in which they were asked: the first is trusted, the others were asked because it is late."""

        self._suspects: list[tuple[LinkStream, Passage]] = []
        """Streams that have not given their final on a passage that another answered, while they have time for it."""

        self._idle_since = self._retry_at = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._over = asyncio.Event()

    # -- what the ear does -----------------------------------------------------------------------------
    def push_frame(self, frame: rtc.AudioFrame) -> None:
        self._check_input_not_ended()
        passage = self._running() or self._begin()
        passage.add(frame)
        for each in tuple(self._open):
            each.push(frame)
        if self._open and not self._open[-1].doubted and self._open[-1].is_silent():
            self._open[-1].doubted = True
            self._ask_next()
            self._arm()

    def flush(self) -> None:
        self._check_input_not_ended()
        passage = self._running()
        if passage is None:  # no sound since the last flush: no link is asked
            passage = Passage(self._loop.time())
            self._unanswered.append(passage)
        elif self._open:
            for each in self._open:
                each.flush()
        passage.end(self._loop.time())
        if not self._open and passage.frames:
            self._ask_next()
        self._settle()

    def end_input(self) -> None:
        if self._running() is not None:
            self.flush()
        self._input_ch.close()
        self._settle()

    async def _run(self) -> None:
        await self._over.wait()

    async def aclose(self) -> None:
        self._unanswered.clear()
        self._over.set()
        if self._alarm is not None:
            self._alarm.cancel()
        closing = [self._dismiss(each) for each in tuple(self._open)]
        await super().aclose()
        if closing:
            await asyncio.wait(closing, timeout=CLOSE_SECONDS)

    # -- passages --------------------------------------------------------------------------------------
    def _running(self) -> Passage | None:
        """The passage that is being spoken."""
        last = self._unanswered[-1] if self._unanswered else None
        return last if last is not None and last.flushed_at is None else None

    def _begin(self) -> Passage:
        if not self._unanswered:
            self._choose()
        passage = Passage(self._loop.time())
        self._unanswered.append(passage)
        for each in self._open:
            each.begin(passage)
        living = any(link.living for link in self._chain.links)
        if not self._open or (living and not any(each.link.living for each in self._open)):
            self._ask_next()
        if len(self._open) == 1 and self._chain.slackens(self._open[0].link):
            self._ask_next()
        self._arm()
        return passage

    def _choose(self) -> None:
        """Between two passages: keep the stream that is open, unless a better link lives or it is too old."""
        if self._suspects:
            return
        preferred = next((link for link in self._in_order() if link.living), None)
        for each in tuple(self._open):
            too_old = self._loop.time() - each.opened_at >= LONGEST_STREAM_SECONDS
            if too_old or (preferred is not None and each.link is not preferred):
                self._dismiss(each)

    # -- links -----------------------------------------------------------------------------------------
    def _candidate(self) -> SpeechLink | None:
        """The next link to hear what is unanswered. One that is known to be dead is asked where all are dead."""
        busy = {each.link.name for each in self._open}
        failed = self._unanswered[0].failed
        rest = [link for link in self._in_order() if link.name not in busy and link.name not in failed]
        if living := next((link for link in rest if link.living), None):
            return living
        if any(link.living for link in self._chain.links):
            return None
        return next(iter(rest), None)

    def _in_order(self) -> list[SpeechLink]:
        """The links in order of preference; the other way to a vendor that is late, or that cannot be reached, comes
        after other vendors."""
        bad = {each.link.vendor for each in self._open if each.doubted or self._is_late(each)}
        bad |= {link.vendor for link in self._chain.links if link.unreachable}
        return sorted(self._chain.links, key=lambda link: link.vendor in bad)

    def _is_late(self, stream: LinkStream) -> bool:
        return any(
            passage.flushed_at is not None
            and stream.waited(passage) >= self._chain.patience(stream.link) - CLOCK_SECONDS
            for passage in stream.owes
        )

    def _ask_next(self) -> None:
        """Have the next link hear all that is unanswered, if there is one."""
        while self._unanswered and (link := self._candidate()) is not None:
            try:
                stream = LinkStream(link, self)
            except Exception as error:  # noqa: BLE001 - plugins raise what their clients raise
                self._blame(link, failure_of(error))
                continue
            self._open.append(stream)
            stream.hear_again(self._unanswered)
            return

    def _look_again(self) -> None:
        """Every link has failed: after a while each of them is asked again."""
        if self._retry_at <= self._loop.time():
            for passage in self._unanswered:
                passage.forgive()
            self._ask_next()
            self._settle()

    def _blame(self, link: SpeechLink, failure: Failure) -> None:
        for passage in self._unanswered:
            self._chain.failed(link, failure, passage)
        rounds = self._unanswered[0].rounds if self._unanswered else 0
        self._retry_at = self._loop.time() + min(ROUND_SECONDS * 2**rounds, LONGEST_ROUND_SECONDS)

    def _dismiss(self, stream: LinkStream) -> asyncio.Task[None]:
        """Listen to it no more; it closes by itself."""
        self._open.remove(stream)
        return self._chain.closing.later(stream.aclose())

    # -- what the links say ----------------------------------------------------------------------------
    def on_words(self, by: LinkStream, passage: Passage, event: stt.SpeechEvent) -> None:
        """A link's words so far: told where the passage is the oldest, by the first link that has any."""
        text = text_of(event)
        if not text or not self._unanswered or passage is not self._unanswered[0]:
            return
        teller = next((each for each in self._open if passage.texts.get(each)), None)
        if teller is by and text != passage.told:
            passage.told = text
            self._tell(event)

    def on_final(self, by: LinkStream, passage: Passage, event: stt.SpeechEvent) -> None:
        """A link's last word on a passage."""
        if by in self._open:
            passage.finals[by] = event
            if text_of(event):
                self._chain.took(by.link, by.waited(passage))
            self._settle()

    def on_usage(self, event: stt.SpeechEvent) -> None:
        """What a link bills."""
        self._tell(event)

    def on_failed(self, by: LinkStream, failure: Failure, heard: Passage | None = None) -> None:
        """A link's stream ended, or is given up for `heard`, which is answered. Between passages that its stream ends
        is no failure: vendors close what is idle."""
        if by not in self._open:
            return
        owed = any(passage in self._unanswered for passage in by.owes)
        suspected = next((passage for each, passage in self._suspects if each is by), None)
        self._dismiss(by)
        if owed:
            self._blame(by.link, failure)
        if guilty_of := heard or suspected:
            self._chain.failed(by.link, failure, guilty_of)
        if not self._open:
            self._ask_next()
        self._settle()

    # -- final texts -----------------------------------------------------------------------------------
    def _settle(self) -> None:
        """Tell every final that can be told, in order."""
        while self._unanswered:
            head = self._unanswered[0]
            if head.flushed_at is None:
                break
            pending = [each for each in self._open if head in each.owes]
            if not head.frames:
                self._unanswered.popleft()
                self._tell(_final(""))
            elif (winner := head.first_with_words()) is not None:
                self._answer(head, winner)
            elif not pending and head.finals:
                self._answer(head, next(iter(head.finals)))
            elif not pending and head.rounds > ROUNDS_AFTER_FLUSH:
                self._answer(head, None)
            elif self._loop.time() >= self._deadline(head) and all(each.link.breaker for each in pending):
                self._answer(head, None)  # what works in this process has all the time it takes
            else:
                break
        if not self._unanswered:
            if not self._suspects:
                for each in self._open[1:]:
                    self._dismiss(each)
            self._idle_since = self._loop.time()
            if self._input_ch.closed:
                self._over.set()
        self._arm()

    def _answer(self, head: Passage, winner: LinkStream | None) -> None:
        """Tell the final of the oldest passage: `winner`'s, or the best that is known."""
        assert head.flushed_at is not None
        self._unanswered.popleft()
        if winner is not None:
            event = head.finals[winner]
        else:
            winner, text = head.best_text(self._open)
            event = _final(text)
        self._judge_late(head, winner, has_words=bool(text_of(event)))
        if winner in head.finals and not self._leave(winner, head):
            self._chain.worked(winner.link)
        for link in self._chain.links:
            if link.name in head.blamed:  # all of it was spoken meanwhile
                self._chain.keep_sample(link, head)
        asked = self._loop.time() - head.flushed_at
        name = winner.link.name if winner is not None else ""
        use = LinkUse(name, asked * 1000, switched=len(head.asked) > 1)
        self.last_use = self._chain.last_use = use
        self._tell(event)

    def _judge_late(self, head: Passage, winner: LinkStream | None, *, has_words: bool) -> None:
        """A link that does not give its final in its time is dead, if there were words, or if nothing at all was heard
        of it. A cough, which has no words for anybody, kills no link."""
        for each in tuple(self._open):
            if each is winner and each in head.finals:
                return  # those that were asked after it have not had their time
            if head not in each.owes or each.link.breaker is None:
                continue
            if each.waited(head) < self._chain.deadlines.attempt:
                if has_words:
                    self._suspects.append((each, head))
            elif has_words or not each.gave_sign:
                self._dismiss(each)
                self._chain.failed(each.link, Failure(TIMED_OUT), head)

    def _leave(self, winner: LinkStream, head: Passage) -> bool:
        """Whether a link that answered, but over its time, is left: where another lives that is not known to be slower.
        Else each turn would wait for it anew, and those of all others in the room too."""
        seconds = winner.waited(head)
        over = seconds >= self._chain.deadlines.attempt - CLOCK_SECONDS and bool(head.texts[winner])
        if not (over and winner.link.breaker and self._chain.has_better(winner.link, seconds, head)):
            return False
        self._dismiss(winner)
        self._chain.failed(winner.link, Failure(TIMED_OUT), head)
        return True

    def _judge_suspects(self) -> None:
        """Those that another link was faster than: dead, unless their final comes in its time too."""
        suspects, self._suspects = self._suspects, []
        for each, passage in suspects:
            if each not in self._open or passage not in each.owes:
                continue
            if each.waited(passage) < self._chain.deadlines.attempt - CLOCK_SECONDS:
                self._suspects.append((each, passage))
            else:
                self.on_failed(each, Failure(TIMED_OUT), passage)

    def _deadline(self, head: Passage) -> float:
        assert head.flushed_at is not None
        return head.flushed_at + self._chain.deadlines.chain

    def _tell(self, event: stt.SpeechEvent) -> None:
        with contextlib.suppress(ChanClosed):  # nobody listens any more
            self._event_ch.send_nowait(event)

    # -- time ------------------------------------------------------------------------------------------
    def _arm(self) -> None:
        """Wake up when the next thing is due."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if not self._over.is_set() and (due := self._due()):
            self._alarm = self._loop.call_at(min(due), self._wake)

    def _due(self) -> list[float]:
        attempt = self._chain.deadlines.attempt
        suspects = [self._loop.time() + attempt - each.waited(passage) for each, passage in self._suspects]
        return [*suspects, *self._due_to_passages()]

    def _due_to_passages(self) -> list[float]:
        if not self._unanswered:
            return [self._idle_since + self._chain.hold_seconds] if self._open else []
        head = self._unanswered[0]
        if not self._open:
            return [self._retry_at]
        if head.flushed_at is None:
            return []
        pending = [each for each in self._open if head in each.owes]
        due = [self._deadline(head)] if all(each.link.breaker for each in pending) else []
        return [*due, *self._hedge_at(head)]

    def _hedge_at(self, head: Passage) -> list[float]:
        """When the next link is asked because those that were asked are late; none where no link is left."""
        if head.flushed_at is None or self._candidate() is None:
            return []
        newest = self._open[-1]
        return [max(head.flushed_at, newest.opened_at) + self._chain.patience(newest.link)]

    def _wake(self) -> None:
        self._judge_suspects()
        now = self._loop.time() + CLOCK_SECONDS
        if not self._unanswered:
            if self._open and now >= self._idle_since + self._chain.hold_seconds:
                for each in tuple(self._open):
                    self._dismiss(each)
        elif not self._open:
            self._look_again()
        elif any(now >= at for at in self._hedge_at(self._unanswered[0])):
            self._ask_next()
        self._settle()


def _final(text: str) -> stt.SpeechEvent:
    data = stt.SpeechData(language=LanguageCode("en"), text=text)
    return stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[data])
