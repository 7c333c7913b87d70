"""The simulated speech recognition: real plugins hear real speech, and the wire is the vendors'."""

import asyncio
import base64
import json
import time
from typing import Any

import aiohttp
import pytest
from livekit import rtc
from livekit.agents import APIConnectOptions, APIStatusError, stt, utils
from livekit.agents.voice.io import TimedString

from settings import load_settings
from simulators.deepgram import DeepgramSimulator
from simulators.faults import Fault
from simulators.fleet import settings_for
from simulators.hearing import Began, Ended, Hearing, share_out
from simulators.latency import MEDIANS
from simulators.observe import SENTENCE, speech_frames
from simulators.openai import OpenAISimulator
from simulators.plugins import bare_stt
from simulators.server import Simulator
from simulators.voxtral import VoxtralSimulator

ONCE = APIConnectOptions(max_retry=0, timeout=30.0)
SECOND = "Please come to your last point."


def build(simulator: Simulator) -> stt.STT[Any]:
    """The vendor's bare plugin."""
    return bare_stt(simulator.vendor, load_settings(**settings_for(simulator)))


async def hear(stream: stt.RecognizeStream, finals: int) -> list[stt.SpeechEvent]:
    """Events up to the given number of final texts."""
    events = []
    async with asyncio.timeout(40):
        async for event in stream:
            events.append(event)
            if [each.type for each in events].count(stt.SpeechEventType.FINAL_TRANSCRIPT) == finals:
                break
    return events


def words_of(event: stt.SpeechEvent) -> list[TimedString]:
    return event.alternatives[0].words or []


def seconds_of(word: TimedString) -> tuple[float, float]:
    """Start and end."""
    assert isinstance(word.start_time, float)
    assert isinstance(word.end_time, float)
    return word.start_time, word.end_time


def texts(events: list[stt.SpeechEvent], kind=stt.SpeechEventType.FINAL_TRANSCRIPT) -> list[str]:
    return [event.alternatives[0].text for event in events if event.type is kind]


async def pcm16(text: str, silence: float = 0.6) -> bytes:
    """A sentence at 16 kHz."""
    resampler = rtc.AudioResampler(24_000, 16_000)
    frames = [each for frame in await speech_frames(text, silence) for each in resampler.push(frame)]
    return b"".join(bytes(frame.data) for frame in [*frames, *resampler.flush()])


@pytest.mark.parametrize("vendor", [DeepgramSimulator, OpenAISimulator])
async def test_two_sentences_are_heard_one_after_the_other(vendor):
    async with vendor() as simulator, utils.http_context.open():
        plugin = build(simulator)
        stream = plugin.stream(conn_options=ONCE)
        for sentence in (SENTENCE, SECOND):
            for frame in await speech_frames(sentence):
                stream.push_frame(frame)
        events = await hear(stream, 2)
        assert texts(events) == [SENTENCE, SECOND]
        kinds = [event.type for event in events]
        assert kinds.index(stt.SpeechEventType.START_OF_SPEECH) < kinds.index(
            stt.SpeechEventType.FINAL_TRANSCRIPT
        )
        assert stt.SpeechEventType.END_OF_SPEECH in kinds
        frames = [*await speech_frames(SENTENCE), *await speech_frames(SECOND)]
        seconds = sum(frame.duration for frame in frames)
        assert simulator.record.audio_seconds == pytest.approx(seconds, abs=0.1)
        assert simulator.record.sockets_open == 1
        await stream.aclose()
        await plugin.aclose()
    assert simulator.record.sockets_open == 0
    assert simulator.record.socket_seconds > 0


@pytest.mark.parametrize("vendor", [DeepgramSimulator, OpenAISimulator])
async def test_words_so_far_come_before_the_final(vendor):
    async with vendor() as simulator, utils.http_context.open():
        plugin = build(simulator)
        stream = plugin.stream(conn_options=ONCE)
        frames = await speech_frames()
        middle = (
            100 if vendor is DeepgramSimulator else len(frames)
        )  # OpenAI's server waits for the end of a turn
        for frame in frames[:middle]:
            stream.push_frame(frame)
        async with asyncio.timeout(40):
            async for event in stream:
                if event.type is stt.SpeechEventType.INTERIM_TRANSCRIPT:
                    assert event.alternatives[0].text.startswith("The")
                    break
        for frame in frames[middle:]:
            stream.push_frame(frame)
        assert texts(await hear(stream, 1)) == [SENTENCE]
        await stream.aclose()
        await plugin.aclose()


async def test_deepgrams_words_have_times_and_a_flush_is_a_finalize():
    async with DeepgramSimulator() as simulator, utils.http_context.open():
        plugin = build(simulator)
        stream = plugin.stream(conn_options=ONCE)
        for frame in await speech_frames(silence=0.0):
            stream.push_frame(frame)
        stream.flush()
        events = await hear(stream, 1)
        words = words_of(events[-1])
        assert " ".join(words) == SENTENCE
        times = [seconds_of(word) for word in words]
        assert all(start < end for start, end in times)
        assert times == sorted(times)
        assert times[-1][1] == pytest.approx(
            sum(f.duration for f in await speech_frames(silence=0.0)), abs=0.6
        )
        stream.end_input()
        assert stt.SpeechEventType.FINAL_TRANSCRIPT not in [event.type async for event in stream], (
            "nothing is said twice"
        )
        assert simulator.record.finalizes == 2
        assert simulator.record.keepalives >= 1
        options = simulator.record.requests[0].query
        assert (options["model"], options["encoding"], options["sample_rate"]) == (
            "nova-3",
            "linear16",
            "16000",
        )
        await plugin.aclose()


async def test_openais_plugin_sends_nothing_for_a_flush_only_silence_brings_a_final():
    async with OpenAISimulator() as simulator, utils.http_context.open():
        plugin = build(simulator)
        stream = plugin.stream(conn_options=ONCE)
        frames = await speech_frames()
        last_word = len(await speech_frames(silence=0.0))
        for frame in frames[:last_word]:
            stream.push_frame(frame)
        stream.flush()
        waiting = asyncio.create_task(hear(stream, 1))
        done, _ = await asyncio.wait({waiting}, timeout=1.5)
        assert not done
        for frame in frames[last_word:]:
            stream.push_frame(frame)
        assert texts(await waiting) == [SENTENCE]
        await stream.aclose()
        await plugin.aclose()


async def test_audio_pushed_into_a_stream_that_failed_raises_in_the_one_who_pushes():
    async with DeepgramSimulator() as simulator, utils.http_context.open():
        plugin = build(simulator)
        await simulator.set_fault(Fault.UNAUTHORIZED)
        stream = plugin.stream(conn_options=ONCE)
        with pytest.raises(APIStatusError):
            await hear(stream, 1)
        with pytest.raises(RuntimeError, match="closed"):
            stream.push_frame((await speech_frames())[0])
        await stream.aclose()
        await plugin.aclose()


async def test_deepgram_transcribes_recordings():
    async with DeepgramSimulator() as simulator, utils.http_context.open():
        event = await build(simulator).recognize(await speech_frames(), conn_options=ONCE)
        assert event.alternatives[0].text == SENTENCE
        assert len(words_of(event)) == len(SENTENCE.split())


async def deepgram_socket(session: aiohttp.ClientSession, simulator: Simulator, **options: str):
    query = {"encoding": "linear16", "sample_rate": "16000", "interim_results": "true", **options}
    headers = {"Authorization": "Token a-key"}
    return await session.ws_connect(f"{simulator.url}/v1/listen", params=query, headers=headers)


async def test_deepgram_closes_a_socket_that_brings_neither_audio_nor_keepalives():
    async with DeepgramSimulator(idle_seconds=0.4) as simulator, aiohttp.ClientSession() as session:
        started = time.monotonic()
        ws = await deepgram_socket(session, simulator)
        for _ in range(3):
            await asyncio.sleep(0.2)
            await ws.send_json({"type": "KeepAlive"})
        message = await ws.receive(timeout=30.0)
        assert time.monotonic() - started >= 0.99
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1011)
        assert "net0001" in message.extra
        assert simulator.record.keepalives == 3


async def test_deepgram_tells_the_end_of_an_utterance_if_asked_and_ends_with_metadata():
    async with DeepgramSimulator(idle_seconds=60.0) as simulator, aiohttp.ClientSession() as session:
        ws = await deepgram_socket(session, simulator, vad_events="true", utterance_end_ms="1000")
        pcm = await pcm16(SENTENCE, silence=0.5)
        for start in range(0, len(pcm), 3200):
            await ws.send_bytes(pcm[start : start + 3200])
        seen: list[dict[str, Any]] = []
        while not (seen and seen[-1]["type"] == "Results" and seen[-1]["speech_final"]):
            seen.append(await ws.receive_json(timeout=30.0))
        await ws.send_bytes(bytes(32_000))
        await ws.send_bytes(bytes(32_000))
        await ws.send_json({"type": "CloseStream"})
        seen += [json.loads(message.data) async for message in ws]
        kinds = [each["type"] for each in seen]
        assert kinds[0] == "SpeechStarted"
        assert kinds[-2:] == ["UtteranceEnd", "Metadata"]
        final = next(each for each in seen if each["type"] == "Results" and each["is_final"])
        assert final["channel"]["alternatives"][0]["transcript"] == SENTENCE
        assert seen[-2]["last_word_end"] == final["channel"]["alternatives"][0]["words"][-1]["end"]
        assert seen[-1]["duration"] == pytest.approx(len(pcm) / 32_000 + 2.0, abs=0.05)
        assert ws.close_code == 1000


@pytest.mark.parametrize("wrong", [{"encoding": "opus"}, {"sample_rate": "x"}, {"endpointing": "soon"}])
async def test_deepgram_refuses_options_it_cannot_serve(wrong):
    async with DeepgramSimulator() as simulator, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await deepgram_socket(session, simulator, **wrong)
        assert refused.value.status == 400


async def test_a_final_comes_after_the_profiles_latency_and_not_before():
    async with DeepgramSimulator(latency=MEDIANS) as simulator, utils.http_context.open():
        plugin = build(simulator)
        stream = plugin.stream(conn_options=ONCE)
        frames = await speech_frames(silence=0.0)
        for frame in frames:
            stream.push_frame(frame)
        pushed = time.monotonic()
        stream.flush()
        await hear(stream, 1)
        # The handshake (60 ms) is over before audio arrives; the last word's end is up to 0.5 s before the last frame.
        assert time.monotonic() - pushed >= 0.247
        await stream.aclose()
        await plugin.aclose()


async def test_openais_realtime_socket_answers_as_the_vendor_and_commits_by_hand():
    async with OpenAISimulator() as simulator, aiohttp.ClientSession() as session:
        url = f"{simulator.base_url}/realtime?intent=transcription"
        ws = await session.ws_connect(url, headers={"Authorization": "Bearer a-key"})
        assert (await ws.receive_json(timeout=30.0))["type"] == "session.created"
        audio = {
            "format": {"type": "audio/pcm", "rate": 24_000},
            "transcription": {"model": "gpt-4o-transcribe"},
        }
        await ws.send_json(
            {"type": "session.update", "session": {"type": "transcription", "audio": {"input": audio}}}
        )
        updated = await ws.receive_json(timeout=30.0)
        assert updated["session"]["audio"]["input"] == audio
        await ws.send_json({"type": "input_audio_buffer.commit"})
        assert (await ws.receive_json(timeout=30.0))["error"]["code"] == "input_audio_buffer_commit_empty"
        for frame in await speech_frames():
            encoded = base64.b64encode(bytes(frame.data)).decode()
            await ws.send_json({"type": "input_audio_buffer.append", "audio": encoded})
        await ws.send_json({"type": "input_audio_buffer.commit"})
        committed = await ws.receive_json(timeout=30.0)
        assert committed["type"] == "input_audio_buffer.committed", (
            "without turn detection nothing else is told"
        )
        said = ""
        event: dict[str, Any] = {}
        while event.get("type") != "conversation.item.input_audio_transcription.completed":
            event = await ws.receive_json(timeout=30.0)
            assert event["item_id"] == committed["item_id"]
            said += event.get("delta", "")
        assert said == event["transcript"] == SENTENCE
        assert event["usage"]["total_tokens"] > 0
        await ws.send_json({"type": "response.create"})
        assert (await ws.receive_json(timeout=30.0))["type"] == "error"


async def test_voxtral_streams_in_vllms_order():
    async with VoxtralSimulator() as simulator, aiohttp.ClientSession() as session:
        ws = await session.ws_connect(f"{simulator.base_url}/realtime")
        assert (await ws.receive_json(timeout=30.0))["type"] == "session.created"
        await ws.send_json({"type": "input_audio_buffer.commit", "final": False})
        assert (await ws.receive_json(timeout=30.0))["code"] == "model_not_validated"
        await ws.send_json({"type": "session.update", "model": "mistralai/Voxtral-Mini-4B-Realtime-2602"})
        for sentences in ((SENTENCE, SECOND), (SECOND,)):
            await ws.send_json({"type": "input_audio_buffer.commit", "final": False})
            for sentence in sentences:
                audio = base64.b64encode(await pcm16(sentence)).decode()
                await ws.send_json({"type": "input_audio_buffer.append", "audio": audio})
            await ws.send_json({"type": "input_audio_buffer.commit", "final": True})
            said = ""
            event: dict[str, Any] = {}
            while event.get("type") != "transcription.done":
                event = await ws.receive_json(timeout=30.0)
                said += event.get("delta", "")
            assert said == event["text"] == " ".join(sentences)
            assert event["usage"]["completion_tokens"] > 0
        await ws.send_json({"type": "input_audio_buffer.append", "audio": "no base64!"})
        assert (await ws.receive_json(timeout=30.0))["code"] == "invalid_audio"
        await ws.send_str("{")
        assert (await ws.receive_json(timeout=30.0))["code"] == "invalid_json"


async def test_voxtral_transcribes_recordings_by_the_link_of_the_chain():
    async with VoxtralSimulator() as simulator, utils.http_context.open():
        event = await build(simulator).recognize(await speech_frames(), conn_options=ONCE)
        assert event.alternatives[0].text == SENTENCE
        assert simulator.record.requests[0].body["model"].startswith("mistralai/Voxtral")


async def test_speech_begins_and_ends_where_it_does_in_the_audio():
    hearing = Hearing(16_000)
    quiet = bytes(16_000)  # 0.5 s
    found = hearing.hear(quiet + await pcm16(SENTENCE, silence=0.6))
    assert [type(event) for event in found] == [Began, Ended]
    assert found[0].at == pytest.approx(0.5, abs=0.15)
    assert found[1].at == pytest.approx(0.5 + len(await pcm16(SENTENCE, silence=0.0)) / 32_000, abs=0.5)
    hearing.end()
    finals = [heard async for heard in hearing if heard.final]
    assert [heard.text for heard in finals] == [SENTENCE]
    await hearing.aclose()


@pytest.mark.parametrize("vendor", [DeepgramSimulator, OpenAISimulator, VoxtralSimulator])
async def test_what_is_heard_can_be_scripted_and_really_listened_to_again(vendor):
    async with vendor() as simulator, utils.http_context.open():
        plugin = build(simulator)
        simulator.hears("Ada, please.")
        heard = []
        for _ in range(2):
            if vendor is VoxtralSimulator:
                heard.append(
                    (await plugin.recognize(await speech_frames(), conn_options=ONCE)).alternatives[0].text
                )
                continue
            stream = plugin.stream(conn_options=ONCE)
            for frame in await speech_frames():
                stream.push_frame(frame)
            heard += texts(await hear(stream, 1))
            await stream.aclose()
        assert heard == ["Ada, please.", SENTENCE]
        await plugin.aclose()


def test_the_time_of_a_segment_is_shared_out_among_its_words():
    words = share_out("a bcd", 1.0, 4.0)
    assert [(word.text, word.start, word.end) for word in words] == [("a", 1.0, 2.0), ("bcd", 2.0, 4.0)]
    assert share_out("", 1.0, 2.0) == ()
