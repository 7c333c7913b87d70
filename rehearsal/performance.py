"""The script on stage: who comes in when, which line begins when, and what was really played.

Owns the clock of the debate and the debaters. Judges nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from errors import SageError
from rehearsal.console import Console
from rehearsal.debater import Debater, Playback
from rehearsal.heard import Heard, heard
from rehearsal.observer import Observer
from rehearsal.script import Line, Script
from rehearsal.voices import SAMPLE_RATE, Sound
from rehearsal.web import WebService

OBSERVER_NAME = "Observer"
MODERATOR_SECONDS = 30.0
ANSWER_BEGINS_SECONDS = 8.0
ANSWER_ENDS_SECONDS = 45.0
SETTLED_SECONDS = 1.2
LAST_CAPTIONS_SECONDS = 15.0
LAST_ANSWER_SECONDS = 4.0
USUAL_ANSWER_SECONDS = 7.0
"""From the end of a question to the end of the answer, greetings and summaries included; for estimates."""


@dataclass(frozen=True, slots=True)
class Played:
    """A spoken line as it was really played, in seconds of the debate.

    `start` and `end` are its first and last audible sample as they were pushed. `cut`: its speaker left in
    it; `muted`: it was played into a closed microphone.
    """

    line: Line
    start: float
    end: float
    cut: bool
    muted: bool


@dataclass(frozen=True, slots=True)
class Performed:
    """A debate that was held: what was played, what was heard, who is who, and requests that were refused.

    `most_late`: seconds by which the worst frame of a debater missed its moment, as the machine was busy.
    """

    room: str
    debate_id: str
    played: tuple[Played, ...]
    heard: Heard
    identities: Mapping[str, tuple[str, ...]]
    seconds: float
    refusals: tuple[str, ...]
    moderator_came: bool
    most_late: float = 0.0


def expected_seconds(script: Script, sounds: Mapping[int, Sound]) -> float:
    """How long the debate will take: its lines and pauses, and answers as long as they usually are."""
    now = previous_end = 0.0
    ends: dict[str, float] = {}
    for line in script.lines:
        if line.at is not None:
            moment = line.at
        elif line.after_answer is not None:
            moment = previous_end + USUAL_ANSWER_SECONDS + max(line.after_answer, SETTLED_SECONDS)
        else:
            moment = previous_end + (line.after or 0.0)
        now = previous_end = max(now, moment)
        if line.spoken:
            previous_end = max(now, ends.get(line.who, 0.0)) + sounds[line.number].seconds
            ends[line.who] = previous_end
    return max(now, *ends.values(), 0.0) + LAST_ANSWER_SECONDS


class Performance:
    """One rehearsal of `script` in `room` of the web service."""

    def __init__(
        self, script: Script, sounds: Mapping[int, Sound], room: str, service: WebService, console: Console
    ) -> None:
        self._script = script
        self._sounds = sounds
        self._room = room
        self._service = service
        self._console = console
        self._observer = Observer(console)
        self._debaters = {who: Debater(who, seed) for seed, who in enumerate(script.people, 1)}
        self._playing: list[tuple[Line, Playback]] = []
        self._refusals: list[str] = []
        self._zero = 0.0
        self._last: Playback | None = None

    async def hold(self) -> Performed:
        """Hold the debate from the first who joins to the last caption. Raises Unavailable when nobody gets
        in.
        """
        debate_id = ""
        try:
            opened = await self._service.open_debate(
                self._room,
                topic=self._script.topic,
                persona=self._script.persona,
                format_name=self._script.format,
                host=self._script.people[0],
            )
            debate_id = str(opened.get("debate_id", ""))
            await self._come_in()
            came = await self._moderator_comes()
            previous_end = 0.0
            for line in self._script.lines:
                previous_end = await self._perform(line, previous_end)
            await self._end()
            seconds = self._now()
            self._console.noted(seconds, "stopping; writing the report")
        finally:
            await asyncio.gather(*(debater.leave() for debater in self._debaters.values()))
            await self._observer.aclose()
        return Performed(
            room=self._room,
            debate_id=debate_id,
            played=tuple(self._played()),
            heard=heard(self._observer.received, self._zero),
            identities={who: tuple(debater.identities) for who, debater in self._debaters.items()},
            seconds=seconds,
            refusals=tuple(self._refusals),
            moderator_came=came,
            most_late=max(debater.most_late for debater in self._debaters.values()),
        )

    async def _come_in(self) -> None:
        first = [who for who in self._script.people if who not in self._script.late]
        observer, *entries = await asyncio.gather(
            *(self._service.enter(self._room, name) for name in (OBSERVER_NAME, *first))
        )
        joins = [self._debaters[who].join(entry) for who, entry in zip(first, entries, strict=True)]
        await asyncio.gather(self._observer.join(observer), *joins)
        self._zero = asyncio.get_running_loop().time()
        self._observer.zero = self._zero
        self._console.noted(0.0, f"the debate begins: {self._script.topic}")

    async def _moderator_comes(self) -> bool:
        if not self._observer.moderator_present:
            self._console.noted(self._now(), "waiting for the moderator to come")
        while not self._observer.moderator_present and self._now() < MODERATOR_SECONDS:
            await self._observer.news(0.25)
        if not self._observer.moderator_present:
            self._console.noted(self._now(), "no moderator has come; the debate is held without one")
        elif self._script.lines[0].after_answer is not None:
            self._console.noted(self._now(), "waiting for the moderator's greeting")
        return self._observer.moderator_present

    async def _perform(self, line: Line, previous_end: float) -> float:
        """Wait for the line's moment and begin it; answers when it will have ended, in seconds of the debate."""
        if line.at is not None:
            moment = line.at
        elif line.after_answer is not None:
            moment = await self._answered(await self._really_ended(previous_end)) + line.after_answer
        elif line.after is not None and line.after < 0:
            moment = previous_end + line.after
        else:
            moment = await self._really_ended(previous_end) + (line.after or 0.0)
        await asyncio.sleep(max(0.0, moment - self._now()))
        if line.do:
            await self._do(line)
            self._last = None
            return self._now()
        self._last = self._debaters[line.who].play(line.number, self._sounds[line.number])
        self._playing.append((line, self._last))
        mine = [p for other, p in self._playing if other.who == line.who and not p.done.is_set()]
        left = sum(p.sound.seconds - p.position / SAMPLE_RATE for p in mine)
        return self._now() + left

    async def _really_ended(self, planned: float) -> float:
        """When the line before ended: on a busy machine it may play longer than it should."""
        if self._last is None:
            return planned
        await self._last.done.wait()
        ended = self._last.ended
        return planned if ended is None else ended - self._zero

    async def _answered(self, asked: float) -> float:
        """When the moderator's next turn is over; without one, when it is too late for it to begin."""
        before = self._turns_before(asked)
        while self._observer.moderator_turns <= before and self._now() < asked + ANSWER_BEGINS_SECONDS:
            await self._observer.news(0.1)
        begun = self._now()
        while (
            self._observer.moderator_turns > before
            and self._observer.moderator_silent_for < SETTLED_SECONDS
            and self._now() < begun + ANSWER_ENDS_SECONDS
        ):
            await self._observer.news(0.1)
        return self._now() - min(SETTLED_SECONDS, self._observer.moderator_silent_for)

    def _turns_before(self, asked: float) -> int:
        """Replies that were there before the question ended: an answer may begin before we come to look for
        it.
        """
        segments = self._observer.received.segments.values()
        moderators = self._observer.received.moderators
        return sum(s.identity in moderators and s.first_at - self._zero < asked for s in segments)

    async def _do(self, line: Line) -> None:
        debater = self._debaters[line.who]
        self._console.noted(self._now(), f"{line.who}: {line.do}")
        try:
            if line.do == "join":
                await debater.join(await self._service.enter(self._room, line.who))
            elif line.do == "leave":
                await debater.leave()
            elif line.do in ("mute", "unmute"):
                debater.mute(line.do == "mute")
            else:
                await debater.choose_persona(line.do.removeprefix("persona:"))
        except SageError as error:
            self._refusals.append(f"line {line.number}: {error}")
            self._console.noted(self._now(), str(error))

    async def _end(self) -> None:
        """Wait until all lines are played, captioned and answered, or until they will not be any more."""
        await asyncio.gather(*(playback.done.wait() for _, playback in self._playing))
        ended = self._now()
        self._console.noted(ended, "all lines are spoken; waiting for the last captions and answers")
        while self._now() < ended + LAST_CAPTIONS_SECONDS:
            waited = self._now() - ended > LAST_ANSWER_SECONDS
            quiet = self._observer.moderator_silent_for > SETTLED_SECONDS
            if waited and quiet and not self._observer.captions_open:
                return
            await self._observer.news(0.1)

    def _played(self) -> Sequence[Played]:
        return [
            Played(
                line=line,
                start=playback.started - self._zero + playback.sound.audible_from,
                end=min(playback.ended, playback.started + playback.sound.audible_to) - self._zero,
                cut=playback.cut,
                muted=playback.muted,
            )
            for line, playback in self._playing
            if playback.started is not None and playback.ended is not None
        ]

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._zero
