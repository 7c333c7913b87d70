"""The stream of the local recogniser: one final a flush, in order; interims, trials and cuts on the way.

The first part scripts the recogniser; the second lets the real one hear the real local voice.
"""

import asyncio
import re
import threading
from collections import deque

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions
from livekit.agents.stt import RecognizeStream, SpeechEvent, SpeechEventType

from providers.local.hibari_voice import VoiceStyle, shared_voice
from providers.local.moonshine import DecodeQueue, shared_queue
from providers.local.stt import LocalSTT
from providers.local.utterance import SAMPLE_RATE

ONCE = APIConnectOptions(max_retry=0, timeout=5.0)
FRAME = 320
SENTENCE = "The city should build a new library near the river."


class ScriptedRecogniser:
    """Answers each decode with its next line; raises on a decode that no line is left for."""

    def __init__(self, *lines: str | Exception) -> None:
        self.lines = deque(lines)
        self.seconds: list[float] = []
        self.called = threading.Semaphore(0)

    async def has_been_called(self) -> None:
        assert await asyncio.to_thread(self.called.acquire, timeout=10)

    def __call__(self, samples: np.ndarray) -> str:
        self.seconds.append(len(samples) / SAMPLE_RATE)
        self.called.release()
        line = self.lines.popleft()
        if isinstance(line, Exception):
            raise line
        return line


class LoudnessJudge:
    """Calls speech what is not silent."""

    def predict(self, pcm: np.ndarray) -> float:
        return 1.0 if np.abs(pcm.astype(np.int32)).max() > 500 else 0.0

    def reset(self) -> None:
        return


def tone(seconds: float) -> np.ndarray:
    wave = np.sin(np.arange(int(seconds * SAMPLE_RATE)) * 0.3) * 8000
    return np.asarray(wave, dtype=np.int16)


def at_16_khz(samples: np.ndarray) -> np.ndarray:
    padded = np.pad(samples, (0, -len(samples) % 300))
    count = len(padded) * 2 // 3
    return (np.fft.irfft(np.fft.rfft(padded)[: count // 2 + 1], count) * 2 / 3 * 32767).astype(np.int16)


def said(text: str, pitch: float = 1.0) -> np.ndarray:
    return at_16_khz(shared_voice().speak(text, VoiceStyle(pitch=pitch)).samples)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * SAMPLE_RATE), dtype=np.int16)


def push(stream: RecognizeStream, *pieces: np.ndarray) -> None:
    audio = np.concatenate(pieces)
    for start in range(0, len(audio) - FRAME + 1, FRAME):
        piece = audio[start : start + FRAME]
        stream.push_frame(rtc.AudioFrame(piece.tobytes(), SAMPLE_RATE, 1, FRAME))


async def next_of(stream: RecognizeStream, kind: SpeechEventType) -> SpeechEvent:
    async with asyncio.timeout(20):
        async for event in stream:
            if event.type is kind:
                return event
    raise AssertionError(f"the stream ended without a {kind}")


async def finals_of(stream: RecognizeStream) -> list[SpeechEvent]:
    async with asyncio.timeout(20):
        return [event async for event in stream if event.type is SpeechEventType.FINAL_TRANSCRIPT]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


@pytest.fixture
def scripted():
    """A function from lines to a recogniser on a queue of its own; every line must be used."""
    made: list[tuple[ScriptedRecogniser, DecodeQueue]] = []

    def make(*lines: str | Exception) -> tuple[LocalSTT, ScriptedRecogniser]:
        recogniser = ScriptedRecogniser(*lines)
        queue = DecodeQueue(recogniser)
        made.append((recogniser, queue))
        return LocalSTT(queue=queue, judge=LoudnessJudge), recogniser

    yield make
    for recogniser, queue in made:
        queue.close()
        assert not recogniser.lines, "decodes that were scripted and never asked for"


async def test_a_flush_after_silence_alone_is_answered_with_an_empty_final_and_no_decode(scripted):
    local, recogniser = scripted()
    async with local.stream(conn_options=ONCE) as stream:
        push(stream, silence(0.5))
        stream.flush()
        stream.flush()
        stream.end_input()
        finals = await finals_of(stream)
    assert [final.alternatives[0].text for final in finals] == ["", ""]
    assert recogniser.seconds == []


async def test_finals_come_in_the_order_of_the_flushes(scripted):
    local, _ = scripted("one", "two")
    async with local.stream(conn_options=ONCE) as stream:
        for _ in range(2):
            push(stream, tone(0.4))
            stream.flush()
        push(stream, silence(0.4))
        stream.flush()
        stream.end_input()
        texts = [final.alternatives[0].text for final in await finals_of(stream)]
    assert texts == ["one", "two", ""]


async def test_a_flush_after_a_trial_needs_no_second_decode(scripted):
    local, recogniser = scripted("all of it")
    async with local.stream(conn_options=ONCE) as stream:
        push(stream, tone(0.4), silence(0.5))
        trial = await next_of(stream, SpeechEventType.PREFLIGHT_TRANSCRIPT)
        push(stream, silence(0.2))
        stream.flush()
        final = await next_of(stream, SpeechEventType.FINAL_TRANSCRIPT)
    assert trial.alternatives[0].text == final.alternatives[0].text == "all of it"
    assert len(recogniser.seconds) == 1


async def test_words_after_a_trial_are_not_lost(scripted):
    local, recogniser = scripted("yes", "yes and no")
    async with local.stream(conn_options=ONCE) as stream:
        push(stream, tone(0.1), silence(0.25))
        await next_of(stream, SpeechEventType.PREFLIGHT_TRANSCRIPT)
        push(stream, tone(0.1))
        stream.flush()
        final = await next_of(stream, SpeechEventType.FINAL_TRANSCRIPT)
    assert final.alternatives[0].text == "yes and no"
    assert recogniser.seconds[1] > recogniser.seconds[0]


async def test_the_final_tells_where_in_the_stream_the_speech_was(scripted):
    local, _ = scripted("yes")
    speech = tone(0.4)
    async with local.stream(conn_options=ONCE) as stream:
        push(stream, silence(1.0))
        stream.flush()
        push(stream, silence(0.5), speech)
        stream.flush()
        stream.end_input()
        data = (await finals_of(stream))[1].alternatives[0]
    assert data.start_time == pytest.approx(1.5, abs=0.04)
    assert data.end_time == pytest.approx(1.5 + len(speech) / SAMPLE_RATE, abs=0.07)
    assert data.language == "en"


async def test_a_failing_interim_is_no_end_of_the_stream(scripted):
    local, recogniser = scripted(RuntimeError("trial"), "yes no")
    async with local.stream(conn_options=ONCE) as stream:
        push(stream, tone(0.1), silence(0.25))
        await recogniser.has_been_called()
        push(stream, tone(0.1))
        stream.flush()
        final = await next_of(stream, SpeechEventType.FINAL_TRANSCRIPT)
    assert final.alternatives[0].text == "yes no"


async def test_a_failing_final_fails_the_link_so_that_the_chain_moves_on(scripted):
    local, _ = scripted(RuntimeError("the model refuses"))
    with pytest.raises(APIConnectionError):
        async with local.stream(conn_options=ONCE) as stream:
            push(stream, tone(0.4))
            stream.flush()
            await finals_of(stream)


async def test_a_stream_that_is_closed_while_it_decodes_leaves_nothing_behind(scripted):
    local, recogniser = scripted("never heard")
    stream = local.stream(conn_options=ONCE)
    push(stream, tone(0.4))
    stream.flush()
    await recogniser.has_been_called()
    await stream.aclose()


# -- the real recogniser ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("pitch", "lead"), [(0.86, 0.0), (1.0, 0.3), (1.14, 2.0)])
async def test_it_hears_the_local_voice_after_any_length_of_digital_silence(pitch, lead):
    async with LocalSTT().stream(conn_options=ONCE) as stream:
        push(stream, silence(lead), said(SENTENCE, pitch), silence(0.3))
        stream.flush()
        final = await next_of(stream, SpeechEventType.FINAL_TRANSCRIPT)
    assert words(final.alternatives[0].text) == words(SENTENCE)


async def test_interims_grow_into_the_final():
    seen: list[str] = []
    first = asyncio.Event()
    async with LocalSTT().stream(conn_options=ONCE) as stream:

        async def listen() -> None:
            async for event in stream:
                if event.alternatives:
                    seen.append(event.alternatives[0].text)
                    first.set()

        listening = asyncio.create_task(listen())
        speech = said(SENTENCE)
        half = len(speech) // 2 // FRAME * FRAME
        push(stream, speech[:half])
        await asyncio.wait_for(first.wait(), 10)
        push(stream, speech[half:])
        stream.end_input()
        await listening
    assert words(seen[0])[:3] == words(SENTENCE)[:3]
    assert words(seen[-1]) == words(SENTENCE)


async def test_a_long_speech_without_a_pause_loses_no_word_at_its_cuts():
    text = " and ".join(
        ["we want a library", "we need a school", "they built a bridge", "nobody saw the river"] * 3
    )
    audio = said(text.capitalize() + ".", 1.0)
    assert len(audio) > 14 * SAMPLE_RATE
    async with LocalSTT().stream(conn_options=ONCE) as stream:
        push(stream, audio)
        stream.flush()
        final = await next_of(stream, SpeechEventType.FINAL_TRANSCRIPT)
    heard = words(final.alternatives[0].text)
    missing = [word for word in set(words(text)) if heard.count(word) < words(text).count(word)]
    assert len(missing) <= 1, (missing, final.alternatives[0].text)


async def test_three_who_talk_at_once_are_each_heard_for_themselves():
    texts = [
        SENTENCE,
        "Nobody should pay for what the others use.",
        "I would like to hear the numbers first.",
    ]
    local = LocalSTT()
    streams = [local.stream(conn_options=ONCE) for _ in texts]
    clips = [said(text, pitch) for text, pitch in zip(texts, (0.9, 1.0, 1.1), strict=True)]
    for stream, clip in zip(streams, clips, strict=True):
        push(stream, clip)
        stream.end_input()
    finals = [await next_of(stream, SpeechEventType.FINAL_TRANSCRIPT) for stream in streams]
    for text, final in zip(texts, finals, strict=True):
        assert words(final.alternatives[0].text) == words(text)
    for stream in streams:
        await stream.aclose()


async def test_a_whole_buffer_is_recognised_in_stereo_and_at_another_rate():
    speech = shared_voice().speak(SENTENCE, VoiceStyle()).samples
    both = np.repeat((speech * 32767).astype(np.int16), 2)
    frame = rtc.AudioFrame(both.tobytes(), 24_000, 2, len(speech))
    event = await LocalSTT().recognize(frame, conn_options=ONCE)
    assert words(event.alternatives[0].text) == words(SENTENCE)


async def test_one_queue_serves_the_whole_process():
    assert LocalSTT().queue is LocalSTT().queue is shared_queue()
