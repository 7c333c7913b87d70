"""The conductor on a real session and a real audio source: order, gaps, barge-in. Tones stand for speech."""

import asyncio
import time
from types import SimpleNamespace

import pytest
from livekit.agents import Agent, AgentSession, llm

from debate.decisions import Decision
from tests.unit.speaking import ScriptedMind, ToneVoice
from voice.conductor import Conductor, SpokenTurn
from voice.output import RoomVoice
from voice.spoken import SpokenCaptions

pytestmark = pytest.mark.timeout(60)


async def unseen(_segment_id: str, _text: str) -> None:
    return


def decision(text: str = "", *, kind="reply", urgency="answer", to="ana", lasts=15.0) -> Decision:
    now = time.monotonic()
    return Decision(now, kind, "a test", "addressed", to, text, urgency, now + lasts, "who has the floor")


class Stage:
    """A conductor with everything real but the room."""

    def __init__(self, *lines: str) -> None:
        self.mind, self.tone = ScriptedMind(*lines), ToneVoice()
        self.captions = SpokenCaptions(before_shown=unseen)
        self.mouth = RoomVoice(self.captions)
        self.turns: asyncio.Queue[SpokenTurn] = asyncio.Queue()
        self.somebody_speaks = False
        self.session: AgentSession[None] = AgentSession(
            llm=self.mind,
            tts=self.tone,
            vad=None,
            turn_handling={"turn_detection": "manual", "preemptive_generation": {"enabled": False}},
        )
        self.conductor = Conductor(
            session=self.session,
            mouth=self.mouth,
            brief=lambda _: llm.ChatContext.empty(),
            anyone_speaks=lambda: self.somebody_speaks,
            end_of_speech=lambda _: None,
            words=self.captions,
            on_spoken=self.turns.put,
            clock=time.monotonic,
        )

    async def open(self) -> None:
        self.session.output.audio = self.mouth
        self.session.output.transcription = self.captions
        self.mouth.start()
        self.captions.start(None)
        await self.session.start(Agent(instructions=""))
        self.conductor.start()

    async def close(self) -> None:
        await self.conductor.aclose()
        await self.session.aclose()
        await self.captions.aclose()
        await self.mouth.aclose()

    async def spoken(self) -> SpokenTurn:
        return await asyncio.wait_for(self.turns.get(), 20)

    async def until_heard(self, seconds: float) -> None:
        while self.mouth.playhead < seconds:  # noqa: ASYNC110 - the playhead is real time
            await asyncio.sleep(0.005)

    async def someone_speaks_over(self, seconds: float, words: str = "") -> None:
        """As an ear tells it: start after 200 ms of speech, then every window of it."""
        onset = time.monotonic()
        await asyncio.sleep(min(0.2, seconds))
        if seconds >= 0.2:
            self.conductor.speech_started("ben", onset, time.monotonic())
        while time.monotonic() - onset < seconds:
            self.conductor.speech_heard("ben", time.monotonic())
            if words:
                self.conductor.speech_words("ben", words)
            await asyncio.sleep(0.03)


@pytest.fixture
async def stage(request: pytest.FixtureRequest):
    one = Stage(*getattr(request, "param", ()))
    await one.open()
    yield one
    await one.close()


async def test_words_that_are_decided_are_said_as_they_stand(stage: Stage) -> None:
    stage.conductor.carry_out(decision("The floor is yours, Ben."))
    turn = await stage.spoken()
    assert turn.text == "The floor is yours, Ben."
    assert not turn.interrupted


@pytest.mark.parametrize("stage", [("Ana, the floor is open.",)], indirect=True)
async def test_a_reply_without_words_asks_the_mind(stage: Stage) -> None:
    stage.conductor.carry_out(decision())
    assert (await stage.spoken()).text == "Ana, the floor is open."
    assert len(stage.mind.asked) == 1


async def test_it_waits_for_a_gap(stage: Stage) -> None:
    stage.somebody_speaks = True
    stage.conductor.carry_out(decision("Only when you are done."))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(stage.turns.get(), 0.6)
    assert stage.tone.said == []
    stage.somebody_speaks = False
    assert (await stage.spoken()).text == "Only when you are done."


async def test_time_comes_before_answers_and_answers_before_flow(stage: Stage) -> None:
    stage.somebody_speaks = True
    stage.conductor.carry_out(decision("flow", kind="announce", urgency="flow", to=""))
    stage.conductor.carry_out(decision("answer"))
    stage.conductor.carry_out(decision("time", kind="cut_in", urgency="time", to=""))
    assert (await stage.spoken()).text == "time"
    stage.somebody_speaks = False
    assert [(await stage.spoken()).text for _ in range(2)] == ["answer", "flow"]


async def test_what_has_gone_stale_is_never_said(stage: Stage) -> None:
    stage.conductor.carry_out(decision("too late", lasts=-1.0))
    stage.conductor.carry_out(decision("in time", to="ben"))
    assert (await stage.spoken()).text == "in time"
    assert stage.tone.said == ["in time"]


async def test_who_asks_twice_before_an_answer_gets_one_answer(stage: Stage) -> None:
    stage.somebody_speaks = True
    stage.conductor.carry_out(decision("to the first question"))
    stage.conductor.carry_out(decision("to the second question"))
    stage.somebody_speaks = False
    assert (await stage.spoken()).text == "to the second question"
    assert stage.tone.said == ["to the second question"]


async def test_a_sentence_over_it_makes_it_yield_within_its_words(stage: Stage) -> None:
    stage.conductor.carry_out(decision("one two three four five six seven eight nine ten eleven twelve"))
    await stage.until_heard(0.3)
    await stage.someone_speaks_over(1.2)
    turn = await stage.spoken()
    assert turn.interrupted
    assert turn.text.startswith("one two")
    assert len(turn.text.split()) <= 7
    assert turn.latency_ms["barge_in_cutoff_ms"] is not None


@pytest.mark.parametrize(("seconds", "words"), [(0.15, ""), (0.5, "Mm-hm."), (0.4, "")])
async def test_a_cough_or_mm_hm_over_it_loses_no_word(stage: Stage, seconds: float, words: str) -> None:
    text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    stage.conductor.carry_out(decision(text))
    await stage.until_heard(0.3)
    await stage.someone_speaks_over(seconds, words)
    turn = await stage.spoken()
    assert not turn.interrupted
    assert turn.text == text


async def test_what_the_clock_says_is_not_interrupted(stage: Stage) -> None:
    stage.conductor.carry_out(
        decision("your time is up now please stop", kind="cut_in", urgency="time", to="")
    )
    await stage.until_heard(0.1)
    await stage.someone_speaks_over(0.9, "But I was not done")
    turn = await stage.spoken()
    assert not turn.interrupted


async def test_the_clock_interrupts_an_answer(stage: Stage) -> None:
    stage.conductor.carry_out(decision("a long answer " * 10))
    await stage.until_heard(0.2)
    stage.conductor.carry_out(decision("Time.", kind="cut_in", urgency="time", to=""))
    first, second = await stage.spoken(), await stage.spoken()
    assert first.interrupted
    assert second.text == "Time."


async def test_one_failed_turn_does_not_end_the_debate(stage: Stage) -> None:
    stage.conductor._brief = lambda _: SimpleNamespace().missing
    stage.conductor.carry_out(decision())
    stage.conductor.carry_out(decision("still here", to="ben"))
    assert (await stage.spoken()).text == "still here"
