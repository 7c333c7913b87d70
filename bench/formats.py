"""Every format, played to its end: does each bell, warning, end, firm stop and next part come when it is due?

By the real deliberation in virtual time; `--room FORMAT --speed N` plays one, shortened, in a real room with synthetic
debaters as well. What is due is counted here from the format's data and from who spoke when, not asked of the clock
that is judged. `make bench-formats`, ARGS="--room public-forum --speed 6".
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable, Sequence
from random import Random

from bench.endurance import SENTENCES, WordStore
from bench.format_room import in_room
from bench.results import Target, publish
from debate.debate import Debate
from debate.decisions import Decision
from debate.events import Commanded, Event, Joined, ModeratorSpoke, SpeechEnded, SpeechStarted, Uttered
from debate.formats import DEFAULT_FORMAT, Format, get_format, load_formats
from errors import SageError
from launcher.stack import StackFailedError
from memory import DebateRecord, uuid7
from personas.registry import DEFAULT_PERSONA, load_registry
from rehearsal.due import Course, Moment, Span, timed
from rehearsal.virtual_time import VirtualTimeLoop
from voice.deliberation import Deliberation

LIMIT_MS = 100.0
HOST = "hal"
EACH_SIDE = 2
BEGIN_SECONDS = 0.6
"""From being given the floor to the first word."""

EARLY_SECONDS = 1.0
TURN_SECONDS = 6.0
"""Of a crossfire: then the other one speaks."""

WORDS_SECONDS = 8.0
REPLY_SECONDS, WORDS_PER_SECOND = 0.6, 2.6


class Hall:
    """One format under way: everybody in it and what they do. A third of the speakers use their time, a third stop
    early, a third speak on until they are stopped."""

    def __init__(self, form: Format, debate: Debate, record: DebateRecord) -> None:
        self.form = form
        self.deliberation = Deliberation(
            debate, record, WordStore(), self.decided, clock=lambda: record.created_at
        )
        self.decisions: list[Decision] = []
        self.spans: list[Span] = []
        self.news = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()
        self.random = Random(form.name)

    @property
    def debate(self) -> Debate:
        return self.deliberation.debate

    def decided(self, _: Event, decisions: Sequence[Decision]) -> None:
        """What the moderator decides is noted, and said aloud."""
        for one in decisions:
            self.decisions.append(one)
            self.news.set()
            if one.text:
                task = asyncio.create_task(self._moderator_says(one.text))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    async def _moderator_says(self, text: str) -> None:
        await asyncio.sleep(REPLY_SECONDS)
        start = self.deliberation.now()
        await asyncio.sleep(len(text.split()) / WORDS_PER_SECOND)
        end = self.deliberation.now()
        self.spans.append(Span("", start, end))
        await self.deliberation.ask(ModeratorSpoke(text, start, end))

    async def speak(self, who: str, until: float) -> None:
        """`who` speaks until that second of the debate."""
        began = self.deliberation.now()
        await self.deliberation.ask(SpeechStarted(who))
        while (left := until - self.deliberation.now()) > 0.001:
            await asyncio.sleep(min(WORDS_SECONDS, left))
            now = self.deliberation.now()
            words = self.random.choice(SENTENCES)
            self.deliberation.tell(Uttered(uuid7(), who, words, max(began, now - WORDS_SECONDS), now))
        await self.deliberation.ask(SpeechEnded(who, self.deliberation.now() - began))
        self.spans.append(Span(who, began, self.deliberation.now()))

    async def play(self) -> None:
        """From "start" to the end of the last part."""
        await self.deliberation.ask(Commanded(HOST, "start", {}, "host"))
        while self.debate.clock.status != "over":
            index = self.debate.clock.index
            await self._part(index)
            while self.debate.clock.index == index:
                self.news.clear()
                await self.news.wait()

    async def _part(self, index: int) -> None:
        ends = self.debate.clock.ends_at
        segment = self.form.segments[index]
        if segment.kind == "vote":
            for who in ("vera", "vic"):
                await self.deliberation.ask(
                    Commanded(who, "vote", {"choice": self.form.sides[0]}, "audience")
                )
            return
        await asyncio.sleep(BEGIN_SECONDS)
        holder = self.debate.people.floor
        if holder:
            early, on = ends - segment.seconds * 0.4, ends + self.form.grace_seconds + EARLY_SECONDS
            await self.speak(holder, (ends - EARLY_SECONDS, early, on)[index % 3])
            return
        speakers = [one.identity for one in self.debate.people.known.values() if one.role == "debater"]
        turn = 0
        while self.deliberation.now() < ends - EARLY_SECONDS:
            until = min(self.deliberation.now() + TURN_SECONDS, ends - EARLY_SECONDS)
            await self.speak(speakers[turn % len(speakers)], until)
            turn += 1


async def virtually(name: str) -> list[Moment]:
    """One format on the running loop of virtual time."""
    personas = load_registry()
    form = get_format(name)
    record = DebateRecord(uuid7(), "hall", "Should cities ban cars?", DEFAULT_PERSONA, name, 1_000.0)
    debate = Debate(record.topic, personas.get(DEFAULT_PERSONA), name, personas=personas)
    debate.mark_greeted()
    hall = Hall(form, debate, record)
    deliberation = hall.deliberation
    deliberation.start()
    await deliberation.ask(Joined(HOST, "Hal", "host"))
    for who in ("vera", "vic"):
        await deliberation.ask(Joined(who, who.capitalize(), "audience"))
    for side in form.sides or ("",):
        for number in range(EACH_SIDE):
            who = f"{side or 'guest'}-{number}".replace(" ", "-")
            await deliberation.ask(Joined(who, who.title(), "debater"))
            if side:
                await deliberation.ask(Commanded(who, "side", {"side": side}, "debater"))
    await hall.play()
    await asyncio.gather(*hall.tasks)
    await deliberation.aclose()
    came = [
        (one.at, one.signal)
        for one in hall.decisions
        if one.urgency == "time" or one.signal == "command:start"
    ]
    return timed(form, Course(came, hall.spans))


def play_virtually(name: str) -> list[Moment]:
    """One format in a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(virtually(name))


def targets_of(where: str, moments: Sequence[Moment]) -> list[Target]:
    """What is wanted of one format's moments."""
    late = [moment.late_ms for moment in moments if moment.late_ms is not None]
    parts = sum(moment.what == "time:over" and moment.late_ms is not None for moment in moments)
    return [
        Target(f"{where}: latest of {len(moments)} moments", max(late, default=0.0), "ms", LIMIT_MS),
        Target(f"{where}: earliest", min(late, default=0.0), "ms", -1.0, at_least=True),
        Target(f"{where}: moments that never came", sum(one.came is None for one in moments), "", 0),
        Target(f"{where}: moments that were not due", sum(one.due is None for one in moments), "", 0),
        Target(f"{where}: parts", parts, ""),
    ]


def shown(moments: Iterable[Moment]) -> list[dict[str, object]]:
    """Moments as JSON."""
    return [
        {"part": one.part, "what": one.what, "due": one.due, "came": one.came, "late_ms": one.late_ms}
        for one in moments
    ]


def main() -> int:
    """Run from the command line; answers the exit code."""
    timed_formats = [name for name in load_formats() if name != DEFAULT_FORMAT]
    parser = argparse.ArgumentParser(prog="make bench-formats", description=__doc__)
    parser.add_argument(
        "--formats", nargs="*", choices=timed_formats, default=timed_formats, metavar="FORMAT"
    )
    parser.add_argument(
        "--room", choices=timed_formats, default="", help="a format to be played in a real room too"
    )
    parser.add_argument(
        "--speed", type=float, default=6.0, help="how many times faster in the room (1 to 60)"
    )
    given = parser.parse_args()
    targets: list[Target] = []
    detail: dict[str, object] = {}
    for name in given.formats:
        moments = play_virtually(name)
        print(f"{name}: {len(moments)} moments", flush=True)
        targets += targets_of(name, moments)
        detail[name] = shown(moments)
    if given.room:
        try:
            moments, seen = asyncio.run(in_room(given.room, given.speed))
        except (StackFailedError, SageError, TimeoutError, AssertionError) as error:
            print(f"could not be played in a room: {error}", file=sys.stderr)
            return 2
        where = f"{given.room} in a room, {given.speed:g} times faster"
        targets += targets_of(where, moments)
        targets.append(Target(f"{where}: latest change of part on a page", max(seen), "ms", LIMIT_MS))
        detail[where] = {"moments": shown(moments), "page_ms": seen}
    return publish("formats", targets, detail=detail)


if __name__ == "__main__":
    sys.exit(main())
