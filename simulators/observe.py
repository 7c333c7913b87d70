"""What the real plugins do for each fault: led to a simulator, asked one thing.

`python -m simulators.observe` prints docs/simulators.md's tables; the contract tests assert the same outcomes.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectOptions, APIStatusError, llm, stt, tts, utils

from personas.registry import DEFAULT_PERSONA, load_registry
from providers.local.hibari_voice import SAMPLE_RATE, VoiceStyle
from providers.registry import Kind
from settings import load_settings
from simulators.engines import load_engines
from simulators.faults import Fault, FaultSetting
from simulators.fleet import VENDORS, settings_for
from simulators.plugins import bare_plugin
from simulators.server import Simulator
from simulators.speaking import speak

SENTENCE = "The moderator should give the floor to the second speaker now."
QUESTION = "Whose turn is it?"
HANGS = "hangs"
Got = Callable[[str], None]  # takes each piece as it comes: what came before an exception counts
_FRAME_SECONDS = 0.02
_SHOWN = 30  # characters of an answer in a table
_AT_ONCE = 3  # observations; more would measure this machine
_SILENCE_SECONDS = 1.2  # after the sentence: ends the turn for servers that listen for its end


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one request or stream ended."""

    end: str
    """"answer", "nothing" (it ended well without words or sound), HANGS, or the exception and its status."""
    seconds: float
    """Until then; for HANGS how long was waited."""
    got: str = ""
    """Words heard or answered, or seconds of sound."""

    def __str__(self) -> str:
        got = self.got if len(self.got) <= _SHOWN else self.got[:_SHOWN] + "…"
        return f"{self.end}: {got}" if got else self.end


@dataclass(frozen=True, slots=True)
class Link:
    """A plugin as a chain uses it, and how it is asked."""

    kind: Kind
    name: str
    ask: Callable[[Any, APIConnectOptions, Got], Awaitable[None]]
    path: str = ""

    async def build(self, simulator: Simulator) -> Any:
        """The bare plugin, led to `simulator`."""
        persona = load_registry().get(DEFAULT_PERSONA)
        return bare_plugin(self.kind, self.name, load_settings(**settings_for(simulator)), persona)


async def speech_frames(text: str = SENTENCE, silence: float = _SILENCE_SECONDS) -> list[rtc.AudioFrame]:
    """`text` spoken, then near silence (-60 dB), as 20 ms frames of 24 kHz: a debater's microphone."""
    chunk = await speak(text, VoiceStyle())
    quiet = np.random.default_rng(1).normal(0, 30, int(silence * SAMPLE_RATE)).astype(np.int16)
    pcm = np.concatenate([np.frombuffer(chunk.pcm, np.int16), quiet])
    size = int(_FRAME_SECONDS * SAMPLE_RATE)
    whole = pcm[: len(pcm) // size * size].reshape(-1, size)
    return [rtc.AudioFrame(row.tobytes(), SAMPLE_RATE, 1, size) for row in whole]


async def _hear(plugin: stt.STT[Any], options: APIConnectOptions, got: Got) -> None:
    """Until the first final text."""
    frames = await speech_frames()
    stream = plugin.stream(conn_options=options)
    try:
        for frame in frames:
            stream.push_frame(frame)
        stream.flush()
        async for event in stream:
            if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                got(event.alternatives[0].text)
                return
    finally:
        await stream.aclose()


async def _recognise(plugin: stt.STT[Any], options: APIConnectOptions, got: Got) -> None:
    event = await plugin.recognize(await speech_frames(), conn_options=options)
    got(event.alternatives[0].text)


async def _chat(plugin: llm.LLM[Any], options: APIConnectOptions, got: Got) -> None:
    context = llm.ChatContext()
    context.add_message(role="system", content="You moderate a debate.")
    context.add_message(role="user", content=QUESTION)
    async with plugin.chat(chat_ctx=context, conn_options=options) as stream:
        async for chunk in stream:
            if chunk.delta is not None and chunk.delta.content:
                got(chunk.delta.content)


async def _speak_streamed(plugin: tts.TTS[Any], options: APIConnectOptions, got: Got) -> None:
    async with plugin.stream(conn_options=options) as stream:
        stream.push_text(SENTENCE)
        stream.flush()
        stream.end_input()
        async for audio in stream:
            got(f"{audio.frame.duration:.6f}")


async def _synthesize(plugin: tts.TTS[Any], options: APIConnectOptions, got: Got) -> None:
    async with plugin.synthesize(SENTENCE, conn_options=options) as stream:
        async for audio in stream:
            got(f"{audio.frame.duration:.6f}")


LINKS: Mapping[str, Link] = MappingProxyType(
    {
        "deepgram STT": Link("stt", "deepgram", _hear),
        "openai STT": Link("stt", "openai", _hear, "/v1/realtime"),
        "voxtral STT (batch)": Link("stt", "voxtral", _recognise, "/v1/audio"),
        "perplexity LLM": Link("llm", "perplexity", _chat),
        "openai LLM": Link("llm", "openai", _chat, "/v1/chat"),
        "cartesia TTS": Link("tts", "cartesia", _speak_streamed),
        "cartesia TTS (synthesize)": Link("tts", "cartesia", _synthesize),
        "openai TTS": Link("tts", "openai", _synthesize, "/v1/audio"),
        "chatterbox TTS": Link("tts", "chatterbox", _synthesize),
    }
)


def faults_of(name: str) -> list[FaultSetting]:
    """The faults that say something of a link, in the order of the enum; streams are cut in their middle."""
    link = LINKS[name]
    there = VENDORS[link.name].faults
    socket = name in ("deepgram STT", "openai STT", "cartesia TTS")
    if not socket:
        there = there - {Fault.CLOSES}
    if link.kind != "tts":
        there = there - {Fault.NOT_AUDIO}
    if name in ("voxtral STT (batch)", "cartesia TTS (synthesize)"):
        there = there - {Fault.KEEPALIVES_ONLY, Fault.ERROR_MESSAGE}
    middle = {"stt": 1500, "llm": 5, "tts": 48_000}[link.kind]
    if name == "voxtral STT (batch)":
        middle = 1
    settings = [FaultSetting(fault) for fault in Fault if fault in there and fault is not Fault.CLOSES]
    settings = [
        replace(each, after=middle) if each.fault in (Fault.CUT, Fault.ENDS_EARLY) else each
        for each in settings
    ]
    closes = VENDORS[link.name].closes if Fault.CLOSES in there else {}
    settings.append(FaultSetting(Fault.SAYS_NOTHING, after=middle))
    return [*settings, *(FaultSetting(Fault.CLOSES, close=close) for close in closes)]


def title_of(setting: FaultSetting) -> str:
    """What a table calls a setting of `faults_of`."""
    midway = " midway" if setting.fault is Fault.SAYS_NOTHING and setting.after else ""
    return setting.close or f"{setting.fault}{midway}"


async def observe(name: str, setting: FaultSetting, *, timeout: float, limit: float) -> Outcome:
    """Ask link `name` of a server with a fault, without retries; `timeout` is the plugin's, `limit` how long is
    waited in all, in seconds."""
    link = LINKS[name]
    options = APIConnectOptions(max_retry=0, timeout=timeout)
    async with VENDORS[link.name]() as simulator, utils.http_context.open():
        plugin = await link.build(simulator)
        await simulator.set_fault(setting)
        got: list[str] = []
        started = time.monotonic()
        try:
            async with asyncio.timeout(limit) as deadline:
                await link.ask(plugin, options, got.append)
            end = "answer" if got else "nothing"
        except Exception as problem:  # noqa: BLE001 - whatever a plugin raises is what is observed
            end = HANGS if deadline.expired() else _named(problem)
        seconds = time.monotonic() - started
        await plugin.aclose()
    return Outcome(end, seconds, _sum(link.kind, got))


def _named(problem: BaseException) -> str:
    status = f"({problem.status_code})" if isinstance(problem, APIStatusError) else ""
    return f"{type(problem).__name__}{status}"


def _sum(kind: Kind, got: list[str]) -> str:
    if kind == "tts":
        return f"{sum(map(float, got)):.1f} s of sound" if got else ""
    return " ".join(got) if kind == "stt" else "".join(got)


async def _print_table(name: str, timeout: float, limit: float) -> None:
    settings = faults_of(name)
    places = asyncio.Semaphore(_AT_ONCE)

    async def observed(setting: FaultSetting) -> Outcome:
        async with places:
            return await observe(name, setting, timeout=timeout, limit=limit)

    await load_engines()
    await speech_frames()
    outcomes = await asyncio.gather(*map(observed, settings))
    print(f"\n### {name}\n\n| fault | outcome | after |\n|---|---|---|")
    for setting, outcome in zip(settings, outcomes, strict=True):
        after = f"> {limit:g} s" if outcome.end == HANGS else f"{outcome.seconds:.1f} s"
        print(f"| {title_of(setting)} | {outcome} | {after} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulators.observe", description=__doc__)
    parser.add_argument("links", nargs="*", help=f"any of {', '.join(LINKS)}; all where none is named")
    parser.add_argument("--timeout", type=float, default=2.0, help="the plugins' own, in seconds")
    parser.add_argument("--limit", type=float, default=40.0, help="how long a hang is waited for, in seconds")
    options = parser.parse_args()
    for name in options.links or LINKS:
        asyncio.run(_print_table(name, options.timeout, options.limit))
    return 0


if __name__ == "__main__":
    sys.exit(main())
