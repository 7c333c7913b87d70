"""A moderated room to measure and to test: debaters with voices, a silent observer, the journal. Real servers only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import numpy as np
import psutil
from livekit import rtc

from launcher.stack import Stack
from memory import Journal, Record
from providers.local.hibari_voice import parse_style, shared_voice
from rehearsal.console import Console
from rehearsal.debater import Debater, Playback
from rehearsal.heard import Segment
from rehearsal.loudness import Span
from rehearsal.observer import Observer
from rehearsal.voices import PITCHES_AND_SPEEDS, SAMPLE_RATE, Sound
from rehearsal.web import WebService

LISTENING = frozenset({"listening", "thinking", "speaking"})
WAIT_SECONDS = 30.0
JOURNAL_ROWS_TOLD = 40


def spoken(text: str, voice: str = "heart:1.0:1.0") -> Sound:
    """`text` in the local voice with the silence before and after it cut off, so that times are those of sound."""
    samples = (np.clip(shared_voice().speak(text, parse_style(voice)).samples, -1.0, 1.0) * 32767).astype(
        np.int16
    )
    loud = np.flatnonzero(np.abs(samples) > 600)
    trimmed = samples[loud[0] : loud[-1] + 1]
    return Sound(trimmed, 0.0, len(trimmed) / SAMPLE_RATE)


def noise_burst(seconds: float, *, decay: float) -> Sound:
    """A cough (short, even) or a slammed door (`decay` in seconds): noise, no speech."""
    rng = np.random.default_rng(7)
    count = int(seconds * SAMPLE_RATE)
    samples = rng.normal(0, 6000, count) * np.exp(-np.arange(count) / (decay * SAMPLE_RATE))
    return Sound(np.clip(samples, -32768, 32767).astype(np.int16), 0.0, seconds)


@dataclass
class ModeratedDebate:
    """One room of the stack with its people, seen by an observer."""

    stack: Stack
    room: str
    web: WebService
    observer: Observer
    debate_id: str = ""
    people: dict[str, Debater] = field(default_factory=dict)

    async def join(self, who: str) -> Debater:
        debater = self.people[who] = Debater(who, seed=len(self.people))
        await debater.join(await self.web.enter(self.room, who))
        return debater

    def voice_of(self, who: str) -> str:
        pitch, speed = PITCHES_AND_SPEEDS[list(self.people).index(who) % len(PITCHES_AND_SPEEDS)]
        return f"heart:{pitch}:{speed}"

    def play(self, who: str, what: str | Sound) -> Playback:
        return self.people[who].play(0, spoken(what, self.voice_of(who)) if isinstance(what, str) else what)

    async def say(self, who: str, what: str | Sound) -> Playback:
        playback = self.play(who, what)
        await asyncio.wait_for(playback.done.wait(), WAIT_SECONDS)
        return playback

    # -- what the observer received ---------------------------------------------------------------
    def identity(self, who: str) -> str:
        return self.people[who].identities[-1]

    @property
    def moderator(self) -> str:
        agents = [
            one.identity
            for one in self.observer._room.remote_participants.values()
            if one.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        ]
        return agents[-1] if agents else ""

    def captions(self, identity: str) -> list[Segment]:
        """Final captions of one participant in the order of their coming."""
        ended = [one for one in self.observer.received.segments.values() if one.final_at and one.text.strip()]
        return sorted((one for one in ended if one.identity == identity), key=lambda one: one.final_at or 0.0)

    def replies(self) -> list[Segment]:
        mods = self.observer.received.moderators
        return sorted(
            (one for mod in mods for one in self.captions(mod)), key=lambda one: one.final_at or 0.0
        )

    def sound(self, identity: str, since: float) -> list[Span]:
        loudness = self.observer.received.sounds.get(identity)
        return loudness.spans(since, gap=0.15) if loudness is not None else []

    async def until(self, holds: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> None:
        """Wait for news until `holds()`; fails naming `what`, with the end of the journal."""
        deadline = time.monotonic() + seconds
        while not holds():
            left = deadline - time.monotonic()
            if left <= 0:
                rows = (await self.journal())[-JOURNAL_ROWS_TOLD:]
                told = "\n".join(f"  {row.at:.3f} {row.kind} {row.data}" for row in rows)
                raise AssertionError(f"not within {seconds:g} s: {what}; the journal ends so:\n{told}")
            await self.observer.news(min(left, 0.1))

    async def greeted(self) -> None:
        await self.until(self.replies, "the greeting")

    async def taken_over(self, first: str, seconds: float) -> None:
        """Wait for another moderator than `first` (an identity) that says itself that it listens: what is said while it
        enters the room begins for it in the middle of a word.
        """
        await self.until(lambda: self.moderator not in ("", first), "another moderator", seconds)
        there = self.observer._room.remote_participants
        await self.until(
            lambda: (one := there.get(self.moderator)) and one.attributes.get("lk.agent.state") in LISTENING,
            "its listening",
        )

    async def reply_to(self, who: str, question: str) -> str:
        """Ask, and wait for the words of the next reply."""
        # a question over the moderator's own words would only cut those short
        await self.until(lambda: self.observer.moderator_silent_for > 0.3, "a silent moderator")
        before = len(self.replies())
        await self.say(who, question)
        await self.until(lambda: len(self.replies()) > before, f"an answer to {question!r}")
        return self.replies()[before].text

    async def nothing_said_for(self, seconds: float) -> bool:
        """Whether the moderator begins no reply within `seconds`."""
        before = self.observer.moderator_turns
        try:
            async with asyncio.timeout(seconds):
                while self.observer.moderator_turns == before:
                    await self.observer.news(0.1)
        except TimeoutError:
            return True
        return False

    # -- the journal --------------------------------------------------------------------------------
    async def journal(self, *kinds: str) -> list[Record]:
        store = Journal(Path(self.stack.data_dir))
        try:
            return list(await store.records(self.debate_id, kinds=kinds or None))
        finally:
            await store.aclose()

    async def turns_after(self, count: int) -> list[Record]:
        """The journal's spoken turns once there are more than `count`: a turn's row comes after its caption."""
        async with asyncio.timeout(WAIT_SECONDS):
            while len(turns := await self.journal("spoken")) <= count:
                await self.observer.news(0.1)
        return turns

    def job(self) -> psutil.Process | None:
        """The process that moderates this room: the one that has its journal open."""
        for process in psutil.Process(self.stack.worker.pid).children(recursive=True):
            try:
                if any(self.debate_id in opened.path for opened in process.open_files()):
                    return process
            except psutil.Error:
                continue
        return None


@asynccontextmanager
async def moderated(
    stack: Stack,
    room: str,
    *who: str,
    topic: str = "Should cities ban cars?",
    persona: str = "",
    form: str = "",
) -> AsyncIterator[ModeratedDebate]:
    """A debate with `who` in the room and an observer beside them; the moderator may still be on its way."""
    web = WebService(stack.web_url)
    observer = Observer(Console(StringIO()))
    debate = ModeratedDebate(stack, room, web, observer)
    try:
        made = await web.open_debate(
            room, topic=topic, persona=persona, format_name=form, host=who[0] if who else "Host"
        )
        debate.debate_id = str(made["debate_id"])
        # all at once, as the greeting names whoever comes within a second of the first
        seen = await web.enter(room, "Observer")
        await asyncio.gather(observer.join(seen), *(debate.join(name) for name in who))
        yield debate
    finally:
        for debater in debate.people.values():
            await debater.leave()
        await observer.aclose()
        await web.dismiss_moderator(room)
        await web.aclose()
