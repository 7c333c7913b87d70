"""The local voice: streaming, with the times of its words, in the style of a persona."""

import asyncio
import time

import numpy as np
import pytest
from livekit.agents import APIConnectionError, APIConnectOptions
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT

from personas.registry import load_registry
from providers.local.hibari_voice import SAMPLE_RATE, LocalVoice, VoiceStyle, parse_style, shared_voice
from providers.local.tts import LocalTTS

ONCE = APIConnectOptions(max_retry=0, timeout=5.0)


async def spoken(tts: LocalTTS, text: str):
    """All audio (int16) and all timed words of one text."""
    samples, timed = [], []
    async with tts.synthesize(text, conn_options=ONCE) as stream, asyncio.timeout(20):
        async for event in stream:
            samples.append(np.frombuffer(event.frame.data, dtype=np.int16))
            timed += event.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])
    return np.concatenate(samples), timed


def pitch_of(samples: np.ndarray) -> float:
    """Median fundamental in Hz over the loud 40 ms spans, by autocorrelation."""
    found = []
    for start in range(0, len(samples) - 960, 960):
        span = samples[start : start + 960] - samples[start : start + 960].mean()
        if np.sqrt(np.square(span).mean()) < 0.03:
            continue
        echo = np.correlate(span, span, "full")[959:]
        lag = 60 + int(np.argmax(echo[60:300]))
        found.append(SAMPLE_RATE / lag)
    return float(np.median(found))


@pytest.mark.parametrize(
    ("voice", "style"),
    [
        ("heart", VoiceStyle()),
        ("heart:0.94", VoiceStyle(pitch=0.94)),
        ("heart:0.94:1.02", VoiceStyle(pitch=0.94, speed=1.02)),
    ],
)
def test_a_voice_string_is_name_pitch_and_speed(voice, style):
    assert parse_style(voice) == style


@pytest.mark.parametrize("voice", ["", "emma", "heart:high", "heart:1:2:3", "heart:9", "heart:1:0.1"])
def test_a_bad_voice_string_is_refused_with_what_would_be_right(voice):
    with pytest.raises(ValueError, match=r"heart|between"):
        LocalTTS(voice)


def test_every_persona_has_a_voice_that_can_speak():
    for persona in load_registry().all():
        parse_style(persona.voices["local"])


def test_pitch_moves_the_voice_and_keeps_the_pace():
    voice, text = shared_voice(), "We should all be allowed to answer."
    own = voice.speak(text, VoiceStyle()).samples
    for pitch in (0.8, 1.25):
        moved = voice.speak(text, VoiceStyle(pitch=pitch)).samples
        assert pitch_of(moved) / pitch_of(own) == pytest.approx(pitch, rel=0.12)
        assert len(moved) / len(own) == pytest.approx(1.0, abs=0.12)


def test_speed_changes_the_pace():
    voice, text = shared_voice(), "We should all be allowed to answer."
    fast = voice.speak(text, VoiceStyle(speed=1.3)).samples
    assert len(fast) / len(voice.speak(text, VoiceStyle()).samples) == pytest.approx(1 / 1.3, abs=0.1)


def test_nothing_but_a_breath_comes_before_the_first_sound():
    samples = shared_voice().speak("Hello everyone.", VoiceStyle()).samples
    first = int(np.nonzero(np.abs(samples) > 0.02)[0][0])
    assert first / SAMPLE_RATE < 0.08


def test_the_same_words_sound_the_same_each_time():
    voice = shared_voice()
    once, again = (voice.speak("Order, please.", VoiceStyle()).samples for _ in range(2))
    assert np.array_equal(once, again)


async def test_words_are_timed_in_order_within_the_audio():
    text = "Thank you, Alice. Bob, you have two minutes left, and then we vote."
    samples, timed = await spoken(LocalTTS("heart:0.94:1.02"), text)
    assert "".join(timed).split() == text.split()
    starts = [word.start_time for word in timed]
    assert starts == sorted(starts)
    assert all(word.start_time < word.end_time for word in timed)
    assert timed[-1].end_time <= len(samples) / SAMPLE_RATE + 0.01


async def test_a_new_style_is_heard_from_the_next_text_on():
    tts = LocalTTS()
    before, _ = await spoken(tts, "Order, please.")
    tts.update_options(voice="heart:1:1.5")
    after, _ = await spoken(tts, "Order, please.")
    assert len(after) < 0.9 * len(before)


class BrokenVoice(LocalVoice):
    def __init__(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self.worker = ThreadPoolExecutor(1, thread_name_prefix="shared-broken")

    def speak(self, text, style, *, seed=1):
        raise RuntimeError("the model refuses")


async def test_a_failing_model_fails_the_link_so_that_the_chain_moves_on():
    tts = LocalTTS(model=BrokenVoice())
    with pytest.raises(APIConnectionError):
        await spoken(tts, "Order, please.")


async def test_the_loop_is_free_while_it_speaks():
    tts = LocalTTS()
    tts.prewarm()
    longest, last, done = 0.0, time.monotonic(), asyncio.Event()

    async def watch() -> None:
        nonlocal longest, last
        while not done.is_set():
            await asyncio.sleep(0)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()

    watching = asyncio.create_task(watch())
    await spoken(tts, "We have heard from both sides tonight, and I thank them for their patience. " * 3)
    done.set()
    await watching
    assert longest < 0.5


async def test_a_stream_that_is_closed_in_mid_sentence_leaves_nothing_behind():
    stream = LocalTTS().synthesize(
        "We have heard from both sides tonight. And there is more", conn_options=ONCE
    )
    await anext(aiter(stream))
    await stream.aclose()
