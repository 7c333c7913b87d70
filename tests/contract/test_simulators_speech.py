"""The simulated voices: what the real plugins get is sound in which the recogniser hears the words."""

import asyncio
import base64
import io
import time
import wave
from typing import Any

import aiohttp
import av
import numpy as np
import pytest
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APIStatusError, tts, utils
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT
from livekit.agents.voice.io import TimedString

from personas.registry import load_registry
from settings import load_settings
from simulators.cartesia import CartesiaSimulator
from simulators.fleet import settings_for
from simulators.hearing import recognise
from simulators.latency import MEDIANS
from simulators.openai import OpenAISimulator
from simulators.plugins import bare_tts
from simulators.server import Simulator
from simulators.speaking import style_of
from simulators.speech import ChatterboxSimulator

ONCE = APIConnectOptions(max_retry=0, timeout=30.0)
TEXT = "The floor goes to the second speaker. You have two minutes."
VERSION = "2025-04-16"


def build(simulator: Simulator, persona: str = "neutral-facilitator") -> tts.TTS[Any]:
    """The vendor's bare plugin."""
    return bare_tts(simulator.vendor, load_settings(**settings_for(simulator)), load_registry().get(persona))


async def collect(stream: tts.ChunkedStream | tts.SynthesizeStream) -> tuple[bytes, list[TimedString]]:
    """All sound (int16 at 24 kHz) and all timed words."""
    pcm = b""
    timed: list[TimedString] = []
    async with stream, asyncio.timeout(40):
        async for audio in stream:
            assert audio.frame.sample_rate == 24_000
            pcm += bytes(audio.frame.data)
            timed += audio.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])
    return pcm, timed


async def words_in(pcm: bytes, rate: int = 24_000) -> str:
    return (await recognise(pcm, rate)).text


@pytest.mark.parametrize("vendor", [OpenAISimulator, ChatterboxSimulator, CartesiaSimulator])
async def test_a_text_is_spoken_whole(vendor):
    async with vendor() as simulator, utils.http_context.open():
        plugin = build(simulator)
        pcm, _ = await collect(plugin.synthesize(TEXT, conn_options=ONCE))
        assert await words_in(pcm) == TEXT
        assert simulator.record.characters == len(TEXT)
        assert simulator.record.spoken_seconds == pytest.approx(len(pcm) / 48_000, abs=0.05)
        await plugin.aclose()


async def test_cartesia_speaks_streamed_text_with_the_times_of_its_words():
    async with CartesiaSimulator() as simulator, utils.http_context.open():
        plugin = build(simulator)
        for number in range(2):
            stream = plugin.stream(conn_options=ONCE)
            for piece in TEXT.split(" "):
                stream.push_text(piece + " ")
            stream.end_input()
            pcm, timed = await collect(stream)
            assert await words_in(pcm) == TEXT
            assert "".join(timed).strip() == TEXT
            starts = [word.start_time for word in timed if isinstance(word.start_time, float)]
            assert starts == sorted(starts)
            assert len(starts) == len(timed)
            assert timed[-1].end_time == pytest.approx(len(pcm) / 48_000, abs=0.5)
            assert simulator.record.sockets_opened == 1, f"socket of stream {number} is the pool's"
        assert simulator.contexts_open == 0
        await plugin.aclose()


async def test_a_socket_that_died_in_cartesias_pool_costs_the_next_turn_of_a_healthy_vendor():
    async with CartesiaSimulator() as simulator, utils.http_context.open():
        plugin = build(simulator)

        async def turn() -> bytes:
            stream = plugin.stream(conn_options=ONCE)
            stream.push_text(TEXT)
            stream.end_input()
            return (await collect(stream))[0]

        assert await turn()
        simulator.reset_connections()
        with pytest.raises(APIError) as lost:
            await turn()
        assert isinstance(lost.value, (APIStatusError, APIConnectionError)), "which of the two is a race"
        assert await turn()
        assert simulator.record.sockets_opened == 2
        await plugin.aclose()


async def test_breaking_off_costs_cartesias_plugin_its_socket():
    async with CartesiaSimulator() as simulator, utils.http_context.open():
        plugin = build(simulator)
        for turns in (1, 2):
            async with plugin.stream(conn_options=ONCE) as stream:
                stream.push_text(TEXT)
                stream.end_input()
                await anext(stream)
            assert simulator.record.sockets_opened == turns
        await plugin.aclose()


async def test_personas_sound_different_and_always_the_same():
    async with OpenAISimulator() as simulator:
        said = []
        for persona in ("neutral-facilitator", "devils-advocate", "neutral-facilitator"):
            plugin = build(simulator, persona)
            said.append((await collect(plugin.synthesize("Good evening.", conn_options=ONCE)))[0])
            await plugin.aclose()
        assert said[0] == said[2] != said[1]
        assert style_of("ash") == style_of("ash") != style_of("sage")


async def test_the_first_sound_comes_after_the_profiles_latency():
    async with OpenAISimulator(latency=MEDIANS) as simulator:
        plugin = build(simulator)
        started = time.monotonic()
        async with plugin.synthesize(TEXT, conn_options=ONCE) as stream:
            await anext(stream)
        assert time.monotonic() - started >= 0.188
        await plugin.aclose()


async def speech(simulator: Simulator, **options: object) -> tuple[str, bytes]:
    body = {"model": "gpt-4o-mini-tts", "voice": "ash", "input": TEXT, **options}
    headers = {"Authorization": "Bearer a-key"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{simulator.base_url}/audio/speech", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return answer.content_type, await answer.read()


@pytest.mark.parametrize(
    ("form", "content_type"),
    [("mp3", "audio/mpeg"), ("opus", "audio/opus"), ("aac", "audio/aac"), ("flac", "audio/flac")],
)
async def test_openai_encodes_what_is_asked_for(form, content_type):
    async with OpenAISimulator() as simulator:
        kind, body = await speech(simulator, response_format=form)
        assert kind == content_type
        with av.open(io.BytesIO(body), "r") as file:
            resampler = av.AudioResampler("s16", "mono", 24_000)
            frames = [out for frame in file.decode(audio=0) for out in resampler.resample(frame)]
        pcm = np.concatenate([frame.to_ndarray()[0] for frame in frames]).tobytes()
        assert await words_in(pcm) == TEXT


async def test_chatterbox_streams_a_wav_file_and_ignores_what_it_does_not_know():
    async with ChatterboxSimulator() as simulator:
        kind, body = await speech(simulator, response_format="wav", stream_format="sse")
        assert kind == "audio/wav"
        with wave.open(io.BytesIO(body)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert await words_in(body[44:]) == TEXT


@pytest.mark.parametrize(
    "wrong", [{"input": " "}, {"voice": ""}, {"response_format": "ogg"}, {"input": "x" * 5000}]
)
async def test_openai_refuses_speech_it_cannot_make(wrong):
    async with OpenAISimulator() as simulator, aiohttp.ClientSession() as session:
        body = {"model": "gpt-4o-mini-tts", "voice": "ash", "input": TEXT, **wrong}
        headers = {"Authorization": "Bearer a-key"}
        async with session.post(f"{simulator.base_url}/audio/speech", json=body, headers=headers) as answer:
            assert answer.status == 400


def request(context: str, text: str, **more: object) -> dict[str, Any]:
    output = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 16_000}
    voice = {"mode": "id", "id": "a-voice"}
    options = {"model_id": "sonic-3", "voice": voice, "output_format": output, "language": "en"}
    return {**options, "context_id": context, "transcript": text, "continue": False, **more}


async def cartesia_socket(session: aiohttp.ClientSession, simulator: Simulator):
    url = f"{simulator.url}/tts/websocket?cartesia_version={VERSION}"
    return await session.ws_connect(url, headers={"X-API-Key": "a-key"})


async def test_cartesias_contexts_are_spoken_beside_each_other_and_flushed_when_asked():
    async with CartesiaSimulator() as simulator, aiohttp.ClientSession() as session:
        ws = await cartesia_socket(session, simulator)
        await ws.send_json(request("one", "The first speaker ", **{"continue": True}))
        await ws.send_json(request("two", "Time is over now."))
        await ws.send_json(request("one", "has the floor.", **{"continue": True, "flush": True}))
        await ws.send_json(request("one", "", **{"continue": False}))
        heard: dict[str, bytes] = {"one": b"", "two": b""}
        kinds: dict[str, list[str]] = {"one": [], "two": []}
        while [each[-1:] for each in kinds.values()] != [["done"], ["done"]]:
            message = await ws.receive_json(timeout=30.0)
            kinds[message["context_id"]].append(message["type"])
            heard[message["context_id"]] += base64.b64decode(message.get("data", ""))
        assert await words_in(heard["one"], 16_000) == "The first speaker has the floor."
        assert await words_in(heard["two"], 16_000) == "Time is over now."
        assert "flush_done" in kinds["one"]
        assert "flush_done" not in kinds["two"]
        assert "timestamps" not in kinds["one"], "nobody asked for them"


async def test_a_cancelled_context_says_no_more_and_the_socket_lives_on():
    async with CartesiaSimulator(latency=MEDIANS) as simulator, aiohttp.ClientSession() as session:
        ws = await cartesia_socket(session, simulator)
        await ws.send_json(request("one", TEXT))
        while (await ws.receive_json(timeout=30.0))["type"] != "chunk":
            pass
        await ws.send_json({"context_id": "one", "cancel": True})
        await ws.send_json(request("two", "Go on."))
        after: list[dict[str, Any]] = []
        while not after or after[-1]["type"] != "done":
            after.append(await ws.receive_json(timeout=30.0))
        assert {message["context_id"] for message in after if message["type"] == "done"} == {"two"}
        assert simulator.record.cancels == 1
        assert simulator.contexts_open == 0


async def test_cartesia_tells_what_is_wrong_and_closes_an_idle_socket():
    async with CartesiaSimulator(idle_seconds=0.4) as simulator, aiohttp.ClientSession() as session:
        ws = await cartesia_socket(session, simulator)
        await ws.send_json(request("one", "Hello.", output_format={"container": "mp3"}))
        error = await ws.receive_json(timeout=30.0)
        assert (error["type"], error["status_code"], error["context_id"]) == ("error", 400, "one")
        await ws.send_str("{")
        assert (await ws.receive_json(timeout=30.0))["status_code"] == 400
        message = await ws.receive(timeout=30.0)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1000)
