"""What a silent debater costs at Deepgram: a socket held open from the start, or one opened at the first speech.

The chain speaks to the simulated vendor at the pace of speech, once with its socket held between passages and once with
a new one for each (its audio is sent at once as soon as it is open). Seconds billed are told both ways: by audio, as
Deepgram's documentation has it (KeepAlive is free), and by the socket's life, as users have seen it (livekit/agents
5498). `make bench-sockets`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from livekit import rtc
from livekit.agents import stt, utils

from bench.results import Target, publish
from providers.chains import plan_chains
from providers.chains.build import Chains
from rehearsal.moderated import spoken
from rehearsal.voices import SAMPLE_RATE
from settings import load_settings
from simulators.fleet import Fleet
from simulators.latency import PUBLISHED
from simulators.record import Record

TEXTS = ("Stop.", "I do not agree with that at all, and I will tell you why in a moment.")
GAP_SECONDS = 4.0
MORE_SECONDS = 0.03
"""What a new socket may add to the final text of speech that is longer than its handshake."""

FRAME = SAMPLE_RATE // 20
POLICIES = {"held open": 3600.0, "opened at the first speech": 0.0}


@dataclass
class Cost:
    """Of one policy: seconds from flush to final by text, and what the vendor saw."""

    finals: dict[str, list[float]] = field(default_factory=dict)
    audio: float = 0.0
    socket: float = 0.0
    opened: int = 0


async def passage(stream: stt.RecognizeStream, text: str) -> float:
    """Seconds from the flush to the final of one text said at the pace of speech."""
    samples = np.concatenate([spoken(text).samples, np.zeros(SAMPLE_RATE // 3, np.int16)])
    due = time.monotonic()
    for start in range(0, len(samples) - FRAME, FRAME):
        part = samples[start : start + FRAME]
        stream.push_frame(rtc.AudioFrame(part.tobytes(), SAMPLE_RATE, 1, len(part)))
        due += 0.05
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    stream.flush()
    flushed = time.monotonic()
    async with asyncio.timeout(20):
        async for event in stream:
            if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                break
    return time.monotonic() - flushed


async def all_closed(record: Record) -> None:
    """The vendor has seen the end of every socket: how long one was open is known only then."""
    async with asyncio.timeout(10):
        while True:
            if record.sockets_open == 0:
                return
            await asyncio.sleep(0.01)


async def measure(hold: float, rounds: int) -> Cost:
    """One debater who speaks `rounds` times, and one who never does."""
    cost = Cost()
    async with Fleet("deepgram", latency=PUBLISHED, seed=1) as fleet:
        settings = load_settings(**fleet.settings(), stt_chain="deepgram", stt_hold_secs=hold)
        chains = Chains(plan_chains(settings), settings)
        recogniser = chains.stt()
        speaker, silent = recogniser.stream(), recogniser.stream()
        if hold:  # both sockets are there before what is measured, and stay
            await passage(speaker, TEXTS[0])
            await passage(silent, TEXTS[0])
        for _ in range(rounds):
            for text in TEXTS:
                await asyncio.sleep(GAP_SECONDS)
                fleet["deepgram"].script_heard.clear()
                fleet["deepgram"].hears(text)
                cost.finals.setdefault(text, []).append(await passage(speaker, text))
        await speaker.aclose()
        await silent.aclose()
        await recogniser.aclose()
        await chains.aclose()
        record = fleet["deepgram"].record
        await all_closed(record)
        cost.audio, cost.socket, cost.opened = (
            record.audio_seconds,
            record.socket_seconds,
            record.sockets_opened,
        )
    return cost


async def main(rounds: int) -> int:
    """Both policies in one run."""
    async with utils.http_context.open():
        costs = {name: await measure(hold, rounds) for name, hold in POLICIES.items()}
    held, opened = costs["held open"], costs["opened at the first speech"]
    for name, cost in costs.items():
        finals = ", ".join(f"{text[:12]!r} {median(each):.3f} s" for text, each in cost.finals.items())
        print(
            f"  {name}: flush to final {finals}; {cost.opened} sockets open for {cost.socket:.1f} s in all, "
            f"{cost.audio:.1f} s of audio"
        )
    targets = [
        Target(
            f"a new socket adds to the final of {text[:12]!r} (P50)",
            median(opened.finals[text]) - median(held.finals[text]),
            "s",
            MORE_SECONDS,
        )
        for text in TEXTS
    ]
    targets += [
        Target("billed by the socket's life, held open", held.socket, "s"),
        Target("billed by the socket's life, opened at the first speech", opened.socket, "s"),
        Target("billed by audio, held open", held.audio, "s"),
        Target("billed by audio, opened at the first speech", opened.audio, "s"),
    ]
    return publish("sockets", targets, detail={name: cost.finals for name, cost in costs.items()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    sys.exit(asyncio.run(main(parser.parse_args().rounds)))
