"""Four hours of a debate in virtual time: real ears, chains, debate, session and mouth; links that fail at random.

Only the audio devices and the vendors are made up (bench/faulty_links.py). Counts words lost and doubled, exceptions,
and what is left at the end: tasks, threads, sockets, memory. `make bench-endurance`, ARGS="--hours 1 --seed 7".
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np
import psutil
from livekit.agents import vad
from numpy.typing import NDArray

from bench.fake_devices import Loudspeaker, Microphone
from bench.faulty_links import FaultyLLM, FaultySTT, FaultyTTS, Weather
from bench.results import Target, publish
from debate.decisions import Decision
from debate.events import Joined
from debate.summaries import Summary
from debate.view import DebateView
from memory import DebateRecord, Record, uuid7
from memory.store import StoreHealth
from personas.registry import Persona, load_registry
from providers.chains.build import Chains
from providers.chains.llm import ChainLLM, ModelLink
from providers.chains.plan import ChainPlan
from providers.chains.stt import ChainSTT, SpeechLink
from providers.chains.tts import ChainTTS, VoiceLink
from providers.local.playbook import PlaybookLLM, Words
from providers.prewarm import Models
from providers.turns import build_turn_detector
from providers.vad import build_vad
from rehearsal.moderated import spoken
from rehearsal.virtual_time import VirtualTimeLoop
from settings import Settings, load_settings
from voice.conductor import SpokenTurn
from voice.ears import SAMPLE_RATE, Ear
from voice.hearing import ear_settings
from voice.moderator import Assignment, Moderator
from voice.output import RoomVoice
from voice.spoken import SpokenCaptions

NAMES = ("Ana", "Ben", "Cem")
QUESTION_EVERY = 5
"""Every so many lines one is a question to the moderator."""

SENTENCES = (
    "The first thing to say about this is that nobody has asked the people who live there.",
    "I do not agree with that at all, and I will tell you why in a moment.",
    "Let us look at the numbers before we decide anything, because they say something else entirely.",
)
SETTLING_HOURS = 0.25
"""Memory is compared with what it was after this time: caches are full then."""

GROWTH_MB = 24.0
SECONDS_TO_END = 5.0
"""So long a thread that was told to end may still be there."""

PLAN = ChainPlan(("one", "two", "local"), ("one", "two"), ("one", "two"))


class WordStore:
    """Keeps of a debate only what is counted: the words of each person, and how many rows there were of each kind."""

    def __init__(self) -> None:
        self.heard: dict[str, list[str]] = {}
        self.rows: Counter[str] = Counter()
        self.debates_kept: dict[str, DebateRecord] = {}

    @property
    def health(self) -> StoreHealth:
        return StoreHealth()

    async def open_debate(self, debate: DebateRecord) -> DebateRecord:
        return self.debates_kept.setdefault(debate.debate_id, debate)

    async def append(self, records: Sequence[Record]) -> bool:
        for record in records:
            self.rows[record.kind] += 1
            if record.kind == "event" and record.data.get("type") == "uttered":
                self.heard.setdefault(record.data["identity"], []).extend(record.data["text"].split())
        return True

    async def records(
        self, debate_id: str, kinds: Collection[str] | None = None, after_seq: int = 0
    ) -> tuple[Record, ...]:
        return ()

    async def debate(self, debate_id: str) -> DebateRecord | None:
        return self.debates_kept.get(debate_id)

    async def latest_debate(self, room: str, excluding: str | None = None) -> DebateRecord | None:
        return None

    async def debates(self, room: str | None = None) -> tuple[DebateRecord, ...]:
        return ()

    async def aclose(self) -> None:
        return


class FaultyChains(Chains):
    """The job's chains, over links that fail at random."""

    def __init__(self, plan: ChainPlan, settings: Settings, seed: int) -> None:
        super().__init__(plan, settings)
        self._seed = seed
        self.weathers: list[Weather] = []

    def _weather(self) -> Weather:
        self.weathers.append(Weather(Random(f"{self._seed} {len(self.weathers)}")))
        return self.weathers[-1]

    def stt(self) -> ChainSTT:
        healthy = Weather(Random(0), healthy_seconds=1e12)
        links = [
            *(
                SpeechLink(name, FaultySTT(self._weather()), self.breakers.of("stt", name))
                for name in ("one", "two")
            ),
            SpeechLink("local", FaultySTT(healthy), None),
        ]
        return ChainSTT(links, self.deadlines("stt"), 30.0)

    def llm(self, playbook: Words) -> ChainLLM:
        links = [
            ModelLink(name, FaultyLLM(self._weather()), self.breakers.of("llm", name))
            for name in ("one", "two")
        ]
        return ChainLLM([*links, ModelLink("local", PlaybookLLM(playbook), None)], self.deadlines("llm"))

    def tts(self, persona: Persona) -> ChainTTS:
        links = [
            VoiceLink(name, FaultyTTS(self._weather()), self.breakers.of("tts", name))
            for name in ("one", "two")
        ]
        return ChainTTS(links, self.deadlines("tts"))


class Hall:
    """Where the moderator sits: three debaters with fake microphones (voice.moderator.Surroundings)."""

    def __init__(self, seed: int, settings: Settings, samples: Sequence[NDArray[np.int16]]) -> None:
        self.seed = seed
        self.random = random = Random(seed)
        self.store = WordStore()
        self.said: dict[str, list[str]] = {}
        self.turns: list[tuple[str, bool]] = []
        registry = load_registry()
        record = DebateRecord(uuid7(), "hall", "Cars", "neutral-facilitator", "open-discussion", time.time())
        models = Models(vad=_detector(settings), turns=build_turn_detector(settings))
        given = Assignment(record, settings, PLAN, models, registry, self.store, chains_of=self._chains)
        self.moderator = Moderator(self, given, mouth_of=self._open_mouth)
        self.recogniser = self.moderator.chains.stt()
        self.microphones = {name: Microphone(samples, random) for name in NAMES}
        self.ears = [
            Ear(
                identity=name.lower(),
                audio=microphone.frames(),
                vad_engine=models.vad,
                recogniser=self.recogniser,
                turns=None,
                settings=ear_settings(settings),
                listener=self.moderator,
                on_failed=self._ear_failed,
                clock=asyncio.get_running_loop().time,
            )
            for name, microphone in self.microphones.items()
        ]
        self.failures: list[str] = []

    def _chains(self, plan: ChainPlan, settings: Settings) -> Chains:
        self.chains = FaultyChains(plan, settings, self.seed)
        return self.chains

    def _open_mouth(self, captions: SpokenCaptions) -> RoomVoice:
        self.voice = RoomVoice(captions, clock=asyncio.get_running_loop().time, source=Loudspeaker())
        return self.voice

    def _ear_failed(self, _ear: Ear, error: BaseException) -> None:
        self.failures.append(f"ear: {type(error).__name__}")

    # -- what the moderator asks of its surroundings
    def anyone_speaks(self) -> bool:
        return any(ear.speaking for ear in self.ears)

    def show(self, identity: str, segment_id: str, text: str, *, final: bool) -> None:
        return

    def follow(self, view: DebateView, decisions: Sequence[Decision]) -> None:
        return

    def show_services(self, troubles: Mapping[str, str]) -> None:
        return

    def summarised(self, summary: Summary) -> None:
        return

    def spoken(self, turn: SpokenTurn) -> None:
        self.turns.append((turn.decision.signal, bool(turn.text)))

    # -- the debate
    async def run(self, hours: float, notes: Notes) -> None:
        """Debate for so long."""
        loop = asyncio.get_running_loop()
        await self.moderator.open()
        self.moderator.deliberation.start()
        self.voice.start()
        self.moderator.captions.start(None)
        session = self.moderator.session
        session.output.audio, session.output.transcription = self.voice, self.moderator.captions
        await session.start(self.moderator.agent)
        await self.moderator.begin_to_speak()
        for name in NAMES:
            self.moderator.deliberation.tell(Joined(name.lower(), name))
        for ear in self.ears:
            ear.start()
        began, line = loop.time(), 0
        notes.take("start", loop.time() - began)
        while loop.time() - began < hours * 3600:
            await asyncio.sleep(self.random.uniform(0.3, 12.0))
            line += 1
            await self._say(line)
            notes.take("running", loop.time() - began)
        await asyncio.sleep(30)
        await self._leave()

    async def _say(self, line: int) -> None:
        name = self.random.choice(NAMES)
        words = [f"{name.lower()}{line}w{number}" for number in range(self.random.randint(4, 40))]
        if line % QUESTION_EVERY == 0:
            words = ["Moderator,", *["what", "do", "you", "make", "of", "point"], f"{line}?"]
        self.said.setdefault(name.lower(), []).extend(words)
        self.microphones[name].speak(words)
        await self.microphones[name].ended.wait()

    async def _leave(self) -> None:
        for microphone in self.microphones.values():
            microphone.open = False
        await self.moderator.conductor.aclose()
        await asyncio.gather(*(ear.aclose() for ear in self.ears))
        await self.moderator.deliberation.aclose()
        await self.moderator.session.aclose()
        await self.moderator.captions.aclose()
        await self.voice.aclose()
        await self.recogniser.aclose()
        await self.moderator.aclose()


def _detector(settings: Settings) -> vad.VAD:
    detector = build_vad(settings)
    assert detector is not None
    return detector


@dataclass
class Notes:
    """What the process holds, from time to time; errors that anybody logged or nobody caught."""

    errors: list[str] = field(default_factory=list)
    remarks: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float]] = field(default_factory=list)
    _next: float = 0.0

    def take(self, what: str, virtual: float) -> None:
        if virtual >= self._next:
            self._next = virtual + 300.0
            gc.collect()
            self.memory.append((virtual, psutil.Process().memory_info().rss / 2**20))
            print(f"  {virtual / 3600:5.2f} h {what}: {self.memory[-1][1]:.0f} MB", flush=True)

    def growth(self) -> float:
        """MB at the end over those after the caches had filled."""
        settled = [mb for at, mb in self.memory if at >= SETTLING_HOURS * 3600] or [self.memory[0][1]]
        return self.memory[-1][1] - settled[0]


class _Errors(logging.Handler):
    def __init__(self, notes: Notes) -> None:
        super().__init__(logging.ERROR)
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        problem = record.exc_info[1] if record.exc_info else None
        if problem is None:
            self._notes.remarks[record.getMessage()] += (
                1  # that nobody could speak is said as an error, and is none
            )
            return
        where = traceback.extract_tb(problem.__traceback__)[-1]
        self._notes.errors.append(f"{record.name}: {record.getMessage()} {problem!r} {where}")


def lost_and_doubled(said: Sequence[str], heard: Sequence[str]) -> tuple[int, int]:
    """Words that never came, and words that came more often than they were said."""
    wanted, came = Counter(said), Counter(heard)
    return sum((wanted - came).values()), sum((came - wanted).values())


async def debate(hours: float, seed: int, notes: Notes) -> Hall:
    """The whole debate on the running loop."""
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: notes.errors.append(f"loop: {context.get('message')} {context.get('exception')!r}")
    )
    samples = [_at_16k(spoken(text).samples) for text in SENTENCES]
    hall = Hall(seed, load_settings(enable_turn_detection=False), samples)
    await hall.run(hours, notes)
    return hall


def _at_16k(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """From the debaters' rate by linear interpolation: good enough to be taken for a voice."""
    from rehearsal.voices import SAMPLE_RATE as OWN_RATE

    count = len(samples) * SAMPLE_RATE // OWN_RATE
    at = np.linspace(0, len(samples) - 1, count)
    return np.interp(at, np.arange(len(samples)), samples).astype(np.int16)


def _threads_left(before: set[threading.Thread]) -> list[str]:
    """Names of the threads that began since and do not end: closing a loop tells its own to, and waits for none."""
    begun = [one for one in threading.enumerate() if one not in before]
    deadline = time.monotonic() + SECONDS_TO_END
    for thread in begun:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [one.name for one in begun if one.is_alive()]


def main(hours: float, seed: int) -> int:
    """Run, and judge."""
    notes = Notes()
    logging.getLogger().addHandler(_Errors(notes))
    load_registry()
    spoken("Warm.")
    threads, sockets = set(threading.enumerate()), len(psutil.Process().net_connections())
    began = time.monotonic()
    loop = VirtualTimeLoop()
    asyncio.set_event_loop(loop)
    try:
        hall = loop.run_until_complete(debate(hours, seed, notes))
        left = [task.get_name() for task in asyncio.all_tasks(loop)]
    finally:
        loop.close()
    gc.collect()
    threads_left = _threads_left(threads)
    lost, doubled = 0, 0
    for name in hall.said:
        one = lost_and_doubled(hall.said[name], hall.store.heard.get(name, []))
        lost, doubled = lost + one[0], doubled + one[1]
    asked = sum("Moderator," in word for words in hall.said.values() for word in words)
    answered = sum(signal == "addressed" for signal, _ in hall.turns)
    targets = [
        Target("exceptions that reached the room", len(notes.errors) + len(hall.failures), "", 0),
        Target("tasks left at the end", len(left), "", 0),
        Target("threads more at the end", len(threads_left), "", 0),
        Target("sockets more at the end", len(psutil.Process().net_connections()) - sockets, "", 0),
        Target("memory more than after a quarter of an hour", round(notes.growth(), 1), "MB", GROWTH_MB),
        Target("words lost", lost, "", 0),
        Target("words doubled", doubled, "", 0),
        Target("words said", sum(map(len, hall.said.values())), ""),
        Target("questions to the moderator", asked, ""),
        Target("answers to them", answered, ""),
    ]
    struck: Counter[str] = Counter()
    for weather in hall.chains.weathers:
        struck.update(weather.struck)
    if threads_left:
        print("  threads left:", ", ".join(threads_left))
    print(f"  {hours:g} h in {time.monotonic() - began:.0f} s; faults struck: {dict(sorted(struck.items()))}")
    detail = {
        "seed": seed, "errors": notes.errors[:50], "remarks": dict(notes.remarks), "left": left,
        "threads_left": threads_left, "memory_mb": notes.memory, "faults": dict(struck), "rows": dict(hall.store.rows),
    }  # fmt: skip
    return publish("endurance", targets, detail=detail)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.exit(main(options.hours, options.seed))
