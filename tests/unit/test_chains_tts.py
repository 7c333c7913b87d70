"""The voice chain's deadlines, tries and last words, in virtual time with voices that follow a script."""

import asyncio
from typing import Any

import numpy as np
import pytest
from livekit.agents import APIConnectOptions, APIStatusError, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, USERDATA_TIMED_TRANSCRIPT

from providers.chains.attempt import Deadlines
from providers.chains.breaker import Breakers
from providers.chains.tts import ChainTTS, VoiceLink
from rehearsal.virtual_time import run_virtually

RATE = 24_000
FOR_EVER = 1e6
SENTENCE = "The second speaker has the floor for two minutes."
DEADLINES = Deadlines(attempt=1.2, chain=3.0)


Script = list[float | bytes | Exception | None]


def voice_of(text: str) -> bytes:
    """A hum of 15 letters a second, with a quiet end as speech has it."""
    seconds = len(text) / 15
    hum = np.sin(np.arange(int(seconds * RATE)) * 2 * np.pi * 150 / RATE) * 6000
    return np.concatenate([hum, np.zeros(int(0.15 * RATE))]).astype(np.int16).tobytes()


def hum(*pcm: bytes) -> list[int]:
    """What sounds of it: emitters end a text with 10 ms of silence where it came slowly."""
    samples = np.frombuffer(b"".join(pcm), np.int16)
    return [int(sample) for sample in samples if sample]


class ScriptedVoice(tts.TTS[Any]):
    """Each request takes the next script: seconds to wait, sound, an error; None: the text as a hum."""

    def __init__(self, *scripts: Script) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE, num_channels=1)
        self.scripts = list(scripts)
        self.asked: list[tuple[str, float]] = []

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        assert self.scripts, f"asked once more than the script says: {text}"
        assert conn_options.max_retry == 0, "nothing may retry beneath the chain"
        self.asked.append((text, asyncio.get_running_loop().time() - 1000.0))
        return _Scripted(self, text, conn_options, self.scripts.pop(0))


class _Scripted(tts.ChunkedStream):
    def __init__(
        self, owner: ScriptedVoice, text: str, options: APIConnectOptions, script: list[Any]
    ) -> None:
        super().__init__(tts=owner, input_text=text, conn_options=options)
        self._script = script

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id="scripted", sample_rate=RATE, num_channels=1, mime_type="audio/pcm"
        )
        for step in self._script:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                output_emitter.push(voice_of(self.input_text) if step is None else step)
        output_emitter.flush()


class Said:
    """One reply: bytes, captions, and when its first sound came."""

    def __init__(self) -> None:
        self.pcm, self.captions = b"", ""
        self.first_at: float | None = None


def reply(chain: ChainTTS, *steps: str | float) -> Said:
    """Text, and seconds in which none comes."""

    async def run() -> Said:
        said, loop = Said(), asyncio.get_running_loop()
        async with chain.stream() as stream:

            async def push() -> None:
                for step in steps:
                    if isinstance(step, float):
                        await asyncio.sleep(step)
                    else:
                        stream.push_text(step)
                stream.end_input()

            pushing = asyncio.create_task(push())
            async for audio in stream:
                said.first_at = loop.time() - 1000.0 if said.first_at is None else said.first_at
                said.pcm += bytes(audio.frame.data)
                said.captions += "".join(audio.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, []))
            await pushing
        await chain.aclose()
        for link in chain.links:
            if link.breaker is not None:
                await link.breaker.aclose()
        return said

    return run_virtually(run())


def chain_of(**voices: ScriptedVoice) -> ChainTTS:
    breakers = Breakers({"tts": [name for name in voices if name != "local"]})
    links = [
        VoiceLink(name, voice, None if name == "local" else breakers.of("tts", name))
        for name, voice in voices.items()
    ]
    return ChainTTS(links, DEADLINES)


def test_a_healthy_voice_is_passed_on_as_it_is():
    chain = chain_of(one=ScriptedVoice([0.2, None]))
    said = reply(chain, SENTENCE)
    assert said.captions == SENTENCE == chain.spoken_text == chain.generated_text
    assert hum(said.pcm) == hum(voice_of(SENTENCE))
    assert chain.last_use is not None
    assert chain.last_use.link == "one"
    assert chain.last_use.first_ms == pytest.approx(200, abs=30)


def test_a_link_that_says_nothing_costs_its_attempt_and_is_told_of():
    waits: list[int] = []
    chain = chain_of(one=ScriptedVoice([FOR_EVER]), two=ScriptedVoice([0.2, None]))
    chain.on_waiting = lambda: waits.append(1)
    said = reply(chain, SENTENCE)
    assert said.first_at == pytest.approx(1.4, abs=0.1)
    assert waits == [1]
    assert said.captions == SENTENCE
    assert chain.links[0].breaker is not None
    assert chain.links[0].breaker.failure is not None


def test_the_last_link_has_the_rest_of_the_chains_time():
    chain = chain_of(one=ScriptedVoice([FOR_EVER]), two=ScriptedVoice([1.6, None]))
    assert reply(chain, SENTENCE).captions == SENTENCE
    assert chain.last_use is not None
    assert chain.last_use.link == "two"


def test_a_moments_too_many_requests_are_tried_again():
    busy = APIStatusError("busy", status_code=429)
    voice = ScriptedVoice([busy], [busy], [0.1, None])
    assert reply(chain_of(one=voice, two=ScriptedVoice()), SENTENCE).captions == SENTENCE
    assert len(voice.asked) == 3


def test_what_no_try_mends_is_not_tried_again():
    voice = ScriptedVoice([APIStatusError("no", status_code=401)])
    said = reply(chain_of(one=voice, two=ScriptedVoice([0.1, None])), SENTENCE)
    assert said.first_at == pytest.approx(0.1, abs=0.05)
    assert len(voice.asked) == 1


def test_a_page_and_noise_are_no_voice():
    page = b"<html><body>502 Bad Gateway</body></html>\n" * 200
    noise = np.random.default_rng(1).integers(-32768, 32767, RATE, dtype=np.int16).tobytes()
    for wrong in (page, noise):
        said = reply(chain_of(one=ScriptedVoice([wrong]), two=ScriptedVoice([None])), SENTENCE)
        assert hum(said.pcm) == hum(voice_of(SENTENCE))


def test_a_slow_language_model_is_nobodys_fault():
    voice = ScriptedVoice([0.1, None], [0.1, None])
    chain = chain_of(one=voice, two=ScriptedVoice())
    said = reply(chain, "The second speaker has the floor. ", 20.0, "Thank you very much for that answer.")
    assert said.captions == "The second speaker has the floor. Thank you very much for that answer."
    assert [text for text, _ in voice.asked] == [
        "The second speaker has the floor.",
        "Thank you very much for that answer.",
    ]


def test_words_that_waited_long_enough_are_spoken_without_their_clause():
    voice = ScriptedVoice([None], [None])
    reply(chain_of(one=voice), "a few words ", 5.0, "more")
    assert [(text, round(at, 2)) for text, at in voice.asked] == [("a few words", 0.35), ("more", 5.0)]


def test_one_request_is_asked_ahead_and_no_more():
    first, second, third = (
        "This is the first sentence.",
        "This is the second sentence.",
        "And here is the third one.",
    )
    voice = ScriptedVoice([0.5, None], [0.5, None], [0.5, None])
    said = reply(chain_of(one=voice), f"{first} {second} {third}")
    assert hum(said.pcm) == hum(voice_of(first), voice_of(second), voice_of(third))
    assert [round(at, 1) for _, at in voice.asked] == [0.0, 0.0, 0.5]


def test_a_later_clause_that_nobody_heard_is_spoken_anew_by_the_next_link():
    first, second = "This is the first sentence.", "This is the second sentence."
    broken: Script = [0.1, voice_of(second)[: RATE // 2], 0.1, APIStatusError("gone", status_code=500)]
    one, two = ScriptedVoice([0.1, None], broken), ScriptedVoice([0.1, None])
    said = reply(chain_of(one=one, two=two), f"{first} {second}")
    assert hum(said.pcm) == hum(voice_of(first), voice_of(second))
    assert said.captions == f"{first} {second}"
    assert [text for text, _ in two.asked] == [second]


def test_a_voice_that_drips_is_dead_before_it_has_cost_a_second():
    drip: Script = []
    for start in range(0, len(voice_of(SENTENCE)), 4800):
        drip += [0.5, voice_of(SENTENCE)[start : start + 4800]]
    chain = chain_of(one=ScriptedVoice(drip), two=ScriptedVoice([0.2, None]))
    said = reply(chain, SENTENCE)
    assert said.captions == SENTENCE
    assert chain.last_use is not None
    assert (chain.last_use.link, chain.last_use.switched) == ("two", True)


def test_words_that_nobody_speaks_are_shown():
    chain = chain_of(one=ScriptedVoice([APIStatusError("no", status_code=401)]))
    said = reply(chain, SENTENCE)
    assert said.captions == SENTENCE
    assert chain.unvoiced == SENTENCE
    assert chain.spoken_text == ""
    assert hum(said.pcm) == []
    assert chain.last_use is not None
    assert chain.last_use.link == ""


def test_a_plugin_that_refuses_to_be_asked_is_a_dead_link():
    said = reply(chain_of(one=ScriptedVoice(), two=ScriptedVoice([None])), SENTENCE)
    assert hum(said.pcm) == hum(voice_of(SENTENCE))


def test_the_link_of_this_process_may_be_slow():
    said = reply(chain_of(local=ScriptedVoice([8.0, None])), SENTENCE)
    assert hum(said.pcm) == hum(voice_of(SENTENCE))


def test_markup_alone_is_a_reply_without_an_error():
    said = reply(chain_of(one=ScriptedVoice()), "```code```")
    assert said.captions == ""
    assert len(said.pcm) == 480
