"""One link reads a reply aloud from its first unspoken word on, until it is done or dead.

Owns what leaves of its sound and when: at once where the voice would run dry, else once it is known to be whole, so
that a link that dies can be cut between two words. `Delivery` is the reply's way out, the same for all its links.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from livekit.agents import tts
from livekit.agents.types import TimedString

from providers.chains.attempt import Attempt
from providers.chains.failures import CUT_SHORT, SAID_NOTHING, LinkFailed
from providers.chains.joining import joint, may_join
from providers.chains.sound import faded_out, seconds_of
from providers.chains.spoken_so_far import Take
from providers.chains.supply import Supply
from providers.chains.voicing import ChunkOver, Event, Failed, Given, Heard, Over, Script, Voicing

LEAD_SECONDS = 0.35
"""Sound that is kept ahead of the listener; more of it leaves only once it is whole."""

FIRST_SECONDS = 0.3
"""So much of a link's first sound leaves as it comes."""

_TAIL_SECONDS = 0.2  # stays, as the rest of its last word may never come
_DRY_SECONDS = 0.03
_POLL_SECONDS = 0.02
_GRACE_SECONDS = 0.03  # for sound that is here, but not taken yet, on a busy loop
_JOIN_AGAIN_SECONDS = 0.15  # of sound
_SAME_SECONDS = 0.08
_END_SECONDS = 0.8  # for a stream's end once all its words are there

Words = Sequence[tuple[int, str, float, float]]
"""Number within the reply, text, begin and end in seconds of the reply's sound."""


class Delivery:
    """The sound and the timed words of one reply, on their way to whoever asked for them."""

    def __init__(self, emitter: tts.AudioEmitter) -> None:
        self._emitter = emitter
        self._lasts_until = 0.0
        self.seconds = 0.0
        """Sound that left."""
        self.first_at: float | None = None
        """When the first of it left, the loop's seconds."""
        self.shown = 0
        """Words that left."""

    def lead(self, now: float) -> float:
        """Seconds of sound that the listener, if he has not paused, still has to hear."""
        return max(0.0, self._lasts_until - now)

    def say(self, pcm: bytes, words: Words) -> None:
        """Let sound go, and before it the words that begin in it."""
        for number, text, begin, end in words:
            if number == self.shown:
                self.shown += 1
                spaced = text if number == 0 else f" {text}"
                self._emitter.push_timed_transcript(TimedString(spaced, start_time=begin, end_time=end))
        if not pcm:
            return
        now = asyncio.get_running_loop().time()
        self.first_at = now if self.first_at is None else self.first_at
        self._lasts_until = max(self._lasts_until, now) + seconds_of(pcm)
        self.seconds += seconds_of(pcm)
        self._emitter.push(pcm)


class Reading:
    """One link at one reply. `read` raises where the link died; the script then is at the first unspoken word."""

    def __init__(
        self, voicing: Voicing, script: Script, delivery: Delivery, supply: Supply, left: Take | None = None
    ) -> None:
        """`left`: the sound of a link that died within the clause at which the script is."""
        self.voicing = voicing
        self.supply = supply
        self.left = left
        """What this link leaves to the next one, as it was left to it until it goes on from there."""

        self.on_late: Callable[[], None] | None = None
        """Called when its sound has run out where there should be more."""

        self.attempt = Attempt()
        self.failed = False
        self.began_chunk = False
        """Whether there was sound of the chunk in which it ended."""

        self._link = voicing.link
        self._script = script
        self._delivery = delivery
        self._take: Take | None = None
        self._words: list[str] = []  # of the take
        self._base = 0  # number of its first word within the reply
        self._due_chunks: list[
            int
        ] = []  # how many words the take has at the end of each chunk that is not whole
        self._whole_words = 0  # of the take, in chunks that are whole
        self._called_late = False
        self._end_by: float | None = None
        self._overdue_since: float | None = None
        self._tried: float | None = None  # what the last try said
        self._join_from = 0.0  # seconds of sound, from which on it is worth a try

    async def read(self) -> None:
        """Read until the script is at its end, or a stream ended while nothing was owed."""
        try:
            while True:
                event = await self._next()
                ended = event is not None and self._take_in(event)
                if self.left is not None:
                    await self._join(self.left)
                if self._take is not None and self._take.whole:
                    self._close_take(self._take)
                if ended:
                    return
        except Exception:
            self.failed = True
            self._cut()
            raise

    async def _next(self) -> Event | None:
        """The next event, or None where it is time to let sound go. TimeoutError: the link is dead."""
        loop = asyncio.get_running_loop()
        late = self.supply.late if self.on_late is not None and not self._called_late else None
        wakes = [when for when in (self._due(), self._release_at(), late) if when is not None]
        try:
            async with asyncio.timeout_at(min(wakes) if wakes else None):
                return await self.voicing.events.get()
        except TimeoutError:
            now = loop.time()
        if late is not None and now >= late and self.on_late is not None:
            self._called_late = True
            self.on_late()
        due = self._due()
        if due is not None and now >= due:
            if self._end_by is not None and not self.supply.owes:
                return Over()
            if self._overdue_since is not None:
                raise TimeoutError
            self._overdue_since = now
        self._release()
        return None

    def _due(self) -> float | None:
        due = self._end_by if not self.supply.owes else self.supply.due
        if due is not None and self._overdue_since is not None:
            return max(due, self._overdue_since + _GRACE_SECONDS)
        return due

    def _release_at(self) -> float | None:
        if self._take is None or not self._take.held or self.left is not None:
            return None
        now = asyncio.get_running_loop().time()
        return now + max(_POLL_SECONDS, self._delivery.lead(now) - LEAD_SECONDS)

    def _take_in(self, event: Event) -> bool:
        """Whether that was the end."""
        self._overdue_since = None
        if isinstance(event, Given):
            self._given(event)
        elif isinstance(event, Heard):
            self._heard(event)
        elif isinstance(event, ChunkOver):
            self._end_take()
        elif isinstance(event, Over):
            if self._take is not None:
                self._end_take()
            return True
        elif isinstance(event, Failed):
            self.attempt = event.attempt
            if self._take is None or self.supply.owes or self._take.cut_short():
                raise event.error
            self._end_take()  # while nothing is owed a stream may end as it likes
            return True
        return False

    def _given(self, event: Given) -> None:
        if self._take is None:
            self._take, self._words, self._base = Take(self._link.pace), [], self._script.words_spoken
        self._take.expect(event.chunk.words)
        self._words += event.chunk.words
        self._due_chunks.append(len(self._words))
        self.supply.given(event.at)
        self.began_chunk = False
        self._end_by = None

    def _heard(self, event: Heard) -> None:
        take = self._take
        if take is None:
            return
        now = asyncio.get_running_loop().time()
        for word, start, end in event.times:
            take.time(word, start, end)
        if event.pcm:
            self.began_chunk = True
            take.hear(event.pcm)
            self.supply.sounded(now, seconds_of(event.pcm))
        if self._link.streams:
            self._count_chunks(take, now)
        self._release()

    def _count_chunks(self, take: Take, now: float) -> None:
        """A stream does not tell where a chunk ends; its words do."""
        count = 0
        whole = take.words_whole
        while self._due_chunks and self._due_chunks[0] <= whole and self.left is None:
            end = self._due_chunks.pop(0)
            self._script.spoke(end - self._whole_words)
            self._whole_words, count = end, count + 1
        if count:
            self.supply.done(now, count)
            self.began_chunk = False
            self._worked()
        if self._script.ended and not self.supply.owes:
            self._end_by = now + _END_SECONDS

    def _end_take(self) -> None:
        """No more of its sound comes. LinkFailed where that is not all."""
        take = self._take
        assert take is not None
        if not take.received:
            raise LinkFailed(SAID_NOTHING)
        if take.cut_short():
            raise LinkFailed(CUT_SHORT)
        take.end()

    def _close_take(self, take: Take) -> None:
        self._release()
        self._script.spoke(len(self._words) - self._whole_words)
        self._whole_words = 0
        self.supply.done(asyncio.get_running_loop().time(), len(self._due_chunks))
        self._due_chunks.clear()
        self._take = None
        self.began_chunk = False
        self._worked()

    async def _join(self, left: Take) -> None:
        """Go on where another link stopped, once it is known where that is in this link's sound."""
        take = self._take
        if take is None or not take.received:
            return
        all_there = take.whole or not self.supply.owes
        if take.received < self._join_from or not may_join(left, take, all_there=all_there):
            return
        place = await asyncio.to_thread(joint, left, take, all_there=all_there)
        sure = all_there or (place and self._tried and abs(place.end - self._tried) < _SAME_SECONDS)
        if place is None or not sure:
            self._tried = place.end if place is not None else None
            self._join_from = take.received + _JOIN_AGAIN_SECONDS
            return
        self.left = None
        if rest := left.let_go(place.leave):
            self._delivery.say(faded_out(rest), ())
        take.skip(place.begin)
        self._release()

    def _worked(self) -> None:
        if self._link.breaker is not None:
            self._link.breaker.worked()

    def _release(self) -> None:
        """Let go what is whole, and what must leave so that the listener hears no gap."""
        take = self._take
        if take is None or self.left is not None:
            return
        until = take.received if take.whole else self._until(take)
        if until <= take.emitted and not take.whole:
            return
        words = self._begun(take, until)
        self._delivery.say(take.let_go(until), words)

    def _until(self, take: Take) -> float:
        now = asyncio.get_running_loop().time()
        until = take.emitted
        if self._whole_words:
            until = max(until, min(take.times()[self._whole_words - 1][1], take.received))
        lead = self._delivery.lead(now) + until - take.emitted
        if lead >= LEAD_SECONDS:
            return until
        if take.emitted < FIRST_SECONDS and lead < LEAD_SECONDS - FIRST_SECONDS + _DRY_SECONDS:
            until = max(until, min(take.received, FIRST_SECONDS))
        wanted = min(until + LEAD_SECONDS - lead, take.received - _TAIL_SECONDS)
        if wanted > until:
            return take.next_cut(wanted, take.received) or wanted
        if lead < _DRY_SECONDS:
            return max(until, take.last_cut(until, take.received) or until)
        return until

    def _begun(self, take: Take, until: float) -> list[tuple[int, str, float, float]]:
        offset = self._delivery.seconds - take.emitted
        return [
            (self._base + number, text, offset + start, offset + end)
            for number, (text, (start, end)) in enumerate(zip(self._words, take.times(), strict=True))
            if start < until or take.whole
        ]

    def _cut(self) -> None:
        """What the link said before it died is heard as far as it is whole words; the next one goes on after it."""
        take, self._take = self._take, None
        if take is None or self.left is not None:
            return  # nobody heard any of it
        if self._whole_words == len(self._words):
            words, sound = self._begun(take, take.received), take.let_go(take.received)
            self._delivery.say(sound, words)
            return
        rest = take.from_word(self._whole_words)
        if rest.emitted:
            self.left = rest  # where it stopped is found in the sound of the next one
        elif self._whole_words:
            until = take.received - rest.received
            words = self._begun(take, until)[: self._whole_words]
            self._delivery.say(take.let_go(until), words)
