"""An ear with a scripted recogniser: what makes a turn, and what is told of it when the words come late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import APIConnectOptions, LanguageCode, stt, vad
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from voice.ears import FRAME_MS, SAMPLE_RATE, WORDS_LAG_SECONDS, Ear, EarSettings
from voice.endpointing import Endpointing
from voice.utterance import Utterance

SAMPLES = SAMPLE_RATE * FRAME_MS // 1000
LONGEST = 2.0
"""MAX_UTTERANCE_SECS of the ear under test, in seconds."""

INTERIM, FINAL = stt.SpeechEventType.INTERIM_TRANSCRIPT, stt.SpeechEventType.FINAL_TRANSCRIPT


class ScriptedStream(stt.RecognizeStream):
    heard = 0
    """Frames that came."""

    def tell(self, kind: stt.SpeechEventType, text: str) -> None:
        self._event_ch.send_nowait(
            stt.SpeechEvent(type=kind, alternatives=[stt.SpeechData(language=LanguageCode("en"), text=text)])
        )

    async def _run(self) -> None:
        async for data in self._input_ch:
            if isinstance(data, rtc.AudioFrame):
                self.heard += 1
            else:
                finals = cast("ScriptedRecogniser", self._stt).finals
                self.tell(FINAL, finals.pop(0) if finals else "")


class ScriptedRecogniser(stt.STT[Any]):
    """One stream whose events the test makes. A flush answers with the next of `finals`, "" where none is left."""

    makes: type[ScriptedStream] = ScriptedStream

    def __init__(self, *finals: str) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self.finals = list(finals)
        self.streams: list[ScriptedStream] = []

    def stream(self, *, language=None, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS):
        self.streams.append(self.makes(stt=self, conn_options=conn_options))
        return self.streams[-1]

    async def _recognize_impl(self, buffer: Any, *, language: Any = "", conn_options: Any) -> stt.SpeechEvent:
        raise AssertionError("nobody asks for a whole recording")


class Notes:
    """A listener that keeps what it is told, in order."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.spoken = 0.0

    def speech_started(self, ear: Ear, onset_at: float, at: float) -> None:
        self.told.put_nowait(("started", ""))

    def speech_heard(self, ear: Ear, at: float) -> None:
        pass

    def speech_ended(self, ear: Ear, seconds: float, at: float) -> None:
        self.spoken = seconds
        self.told.put_nowait(("ended", ""))

    def words_so_far(self, ear: Ear, utterance: Utterance) -> None:
        self.told.put_nowait(("words", utterance.text))

    def uttered(self, ear: Ear, utterance: Utterance, silence: float) -> None:
        self.told.put_nowait(("uttered", utterance.text))

    async def next(self) -> tuple[str, str]:
        async with asyncio.timeout(10):
            return await self.told.get()


class Microphone:
    """Silent frames in real time until closed; nobody but the recogniser can tell that there is speech in them."""

    def __init__(self) -> None:
        self.open = True
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.stands_still = asyncio.Event()
        self.frames_left: int | None = None
        """Frames until it stands still; None: it does not."""

    async def __aiter__(self) -> AsyncIterator[rtc.AudioFrame]:
        while self.open:
            if self.frames_left == 0:
                self.stands_still.set()
                await self.goes_on.wait()
            elif self.frames_left is not None:
                self.frames_left -= 1
            yield rtc.AudioFrame(bytes(SAMPLES * 2), SAMPLE_RATE, 1, SAMPLES)
            await asyncio.sleep(FRAME_MS / 1000)


class ScriptedVoiceActivity(vad.VAD):
    """Voice where `voiced` says so, in every window."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=0.032))
        self.voiced = False

    def stream(self) -> vad.VADStream:
        return ScriptedActivity(self)


class ScriptedActivity(vad.VADStream):
    async def _main_task(self) -> None:
        heard = 0
        async for frame in self._input_ch:
            assert isinstance(frame, rtc.AudioFrame)
            heard += frame.samples_per_channel
            self._event_ch.send_nowait(
                vad.VADEvent(
                    type=vad.VADEventType.INFERENCE_DONE,
                    samples_index=heard,
                    timestamp=heard / SAMPLE_RATE,
                    speech_duration=0.0,
                    silence_duration=0.0,
                    probability=float(cast("ScriptedVoiceActivity", self._vad).voiced),
                )
            )


@asynccontextmanager
async def listening(
    recogniser: ScriptedRecogniser,
    notes: Notes,
    activity: vad.VAD | None = None,
    *,
    microphone: Microphone | None = None,
    most_silence: float = 0.3,
):
    """An ear that listens, without a turn detector. Whatever ends it by itself is an error."""
    failed: list[BaseException] = []
    ear = Ear(
        identity="ana",
        audio=(microphone or Microphone()).__aiter__(),
        vad_engine=activity,
        recogniser=recogniser,
        turns=None,
        settings=EarSettings(0.6, 0.2, Endpointing(0.1, most_silence, 0.8), LONGEST),
        listener=notes,
        on_failed=lambda _, error: failed.append(error),
    )
    ear.start()
    yield ear
    await ear.aclose()
    assert not failed


@pytest.fixture
async def deaf():
    """(ear, its recogniser, what was told): an ear without voice activity detection."""
    recogniser, notes = ScriptedRecogniser("Who has the floor?", "I do."), Notes()
    async with listening(recogniser, notes) as ear:
        yield ear, recogniser.streams[0], notes


async def test_words_begin_a_turn_and_their_end_ends_it(deaf):
    ear, stream, notes = deaf
    assert not ear.speaking
    stream.tell(INTERIM, "Who has")
    assert [await notes.next(), await notes.next()] == [("started", ""), ("words", "Who has")]
    assert ear.speaking
    stream.tell(INTERIM, "Who has the floor?")
    assert await notes.next() == ("words", "Who has the floor?")
    # no word came for a while: the ear asks for the final text, as it does with voice activity detection
    assert await notes.next() == ("ended", "")
    assert await notes.next() == ("words", "Who has the floor?")
    assert await notes.next() == ("uttered", "Who has the floor?")
    assert not ear.speaking
    assert stream.heard


async def test_a_recogniser_that_ends_utterances_by_itself_makes_one_turn_of_what_belongs_together(deaf):
    _, stream, notes = deaf
    stream._stt.finals = []
    stream.tell(FINAL, "We should ban cars")
    stream.tell(FINAL, "in the centre.")
    told = [await notes.next() for _ in range(6)]
    assert told == [
        ("started", ""),
        ("words", "We should ban cars"),
        ("words", "We should ban cars in the centre."),
        ("ended", ""),
        ("words", "We should ban cars in the centre."),
        ("uttered", "We should ban cars in the centre."),
    ]


async def test_the_next_words_are_the_next_turn(deaf):
    _, stream, notes = deaf
    for _ in range(2):
        stream.tell(INTERIM, "something")
        while (told := await notes.next())[0] != "uttered":
            pass
    assert told == ("uttered", "I do.")


async def test_a_long_speech_is_split_and_counts_whole(deaf):
    ear, stream, notes = deaf
    stream._stt.finals = ["the first part", "the second part"]
    said, told = 0, []
    while ("uttered", "the first part") not in told:
        stream.tell(INTERIM, f"word {said}")
        said += 1
        told.append(await notes.next())
    assert ear.speaking
    assert ("ended", "") not in told
    while told[-1] != ("uttered", "the second part"):
        told.append(await notes.next())
    assert notes.spoken > LONGEST / 2  # words come WORDS_LAG_SECONDS late, and the last part had none


async def test_the_rest_of_a_split_speech_has_time_for_its_first_word():
    recogniser, notes = ScriptedRecogniser("I think so because"), Notes()
    async with listening(recogniser, notes, most_silence=60.0):
        recogniser.streams[0].tell(INTERIM, "I think so because")
        while await notes.next() != ("uttered", "I think so because"):
            pass
        split = asyncio.get_running_loop().time()
        assert await notes.next() == ("ended", "")
        assert asyncio.get_running_loop().time() - split > WORDS_LAG_SECONDS / 2


class SlowStream(ScriptedStream):
    """Gives no final text before the test does."""

    async def _run(self) -> None:
        async for data in self._input_ch:
            self.heard += isinstance(data, rtc.AudioFrame)


class SlowRecogniser(ScriptedRecogniser):
    makes = SlowStream


@pytest.fixture
async def patient(monkeypatch):
    """(its recogniser, what was told): as `deaf`, with final texts only where the test sends them."""
    monkeypatch.setattr("voice.ears.FINAL_WAIT_SECONDS", 0.2)
    recogniser, notes = SlowRecogniser(), Notes()
    async with listening(recogniser, notes):
        yield recogniser.streams[0], notes


async def told_until(notes: Notes, kind: str) -> str:
    """The text of the next `kind` that is told."""
    while (told := await notes.next())[0] != kind:
        pass
    return told[1]


async def speak(notes: Notes, activity: ScriptedVoiceActivity) -> None:
    """Voice until the ear heard somebody begin, then silence."""
    activity.voiced = True
    await told_until(notes, "started")
    activity.voiced = False


async def test_words_of_a_final_text_that_comes_too_late_are_told_by_themselves(patient):
    stream, notes = patient
    stream.tell(INTERIM, "A sage decision would be to be.")
    assert await told_until(notes, "uttered") == "A sage decision would be to be."
    stream.tell(FINAL, "A sage decision would be to try it for one summer.")
    assert await told_until(notes, "uttered") == "try it for one summer."


async def test_a_late_final_text_that_says_the_same_is_not_told_again(patient):
    stream, notes = patient
    stream.tell(INTERIM, "We should wait")
    assert await told_until(notes, "uttered") == "We should wait"
    stream.tell(FINAL, "we should wait.")
    stream.tell(INTERIM, "Then we vote")
    assert await told_until(notes, "uttered") == "Then we vote"


async def test_a_turn_without_any_words_yet_waits_longer_for_its_final_text(monkeypatch):
    monkeypatch.setattr("voice.ears.FINAL_WAIT_SECONDS", 0.2)
    recogniser, notes, activity = SlowRecogniser(), Notes(), ScriptedVoiceActivity()
    async with listening(recogniser, notes, activity):
        await speak(notes, activity)
        await told_until(notes, "ended")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await told_until(notes, "uttered")
        recogniser.streams[0].tell(FINAL, "Thank you.")
        assert await told_until(notes, "uttered") == "Thank you."


async def test_even_words_that_nobody_waited_for_any_more_are_told(monkeypatch):
    monkeypatch.setattr("voice.ears.FINAL_WAIT_SECONDS", 0.1)
    monkeypatch.setattr("voice.ears.WORDLESS_WAIT_SECONDS", 0.1)
    recogniser, notes, activity = SlowRecogniser(), Notes(), ScriptedVoiceActivity()
    async with listening(recogniser, notes, activity):
        await speak(notes, activity)
        assert await told_until(notes, "uttered") == ""
        recogniser.streams[0].tell(FINAL, "Thank you.")
        assert await told_until(notes, "uttered") == "Thank you."


async def test_words_that_finish_a_turn_end_it_without_waiting_for_more_silence():
    recogniser, notes, activity = SlowRecogniser(), Notes(), ScriptedVoiceActivity()
    microphone = Microphone()
    async with listening(recogniser, notes, activity, microphone=microphone, most_silence=60.0) as ear:
        await speak(notes, activity)
        microphone.goes_on.clear()
        microphone.frames_left = 8
        await microphone.stands_still.wait()  # no window is judged from here on
        assert ear.speaking
        recogniser.streams[0].tell(INTERIM, "What do you make of that, moderator?")
        assert [await notes.next(), await notes.next()] == [
            ("words", "What do you make of that, moderator?"),
            ("ended", ""),
        ]
        recogniser.streams[0].tell(FINAL, "What do you make of that, moderator?")
        await told_until(notes, "uttered")
        microphone.goes_on.set()
