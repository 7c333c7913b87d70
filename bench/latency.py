"""From a question's last sound to the answer's first, with vendors that take what they publish: Sage and a stock agent.

The simulated vendors answer in their published medians (simulators/latency.py), so what is above their sum and the
endpointing silence is ours. Times are those of sound that another participant received. `make bench-latency`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from statistics import median
from typing import Any

import aiohttp

from bench.results import Target, publish
from bench.side_by_side import ASKED, SAID, Room, SideBySide
from rehearsal.moderated import spoken
from settings import load_settings
from simulators.latency import MEDIANS

REPLY = "That argument has two parts. Please answer the first one now."
OVER_SECONDS = 0.05
E2E_MS = 600.0
OVERHEAD_MS = 12.0
RUNBOOK_MS = 200.0


async def ask(bench: SideBySide, room: Room, turns: int) -> list[float]:
    """Seconds to the first sound of each answer; what is asked is not decoded, its text comes when the profile says."""
    sound, found = spoken(SAID), []
    for _ in range(turns):
        await bench.vendors.put("deepgram", "_script", {"heard": [ASKED]})
        await bench.vendors.put("cerebras", "_script", {"answers": [REPLY]})
        turn = await room.ask(sound, at_most=15.0)
        assert turn.first is not None, "the agent did not answer a healthy turn"
        found.append(turn.first)
        print(f"  {turn.first:.3f} s", flush=True)
    return found


async def first_token_of(bench: SideBySide, times: int) -> float:
    """Seconds (P50) that the simulated model takes by itself: from a bare request to the first token."""
    url = f"{bench.vendors.environment['CEREBRAS_BASE_URL']}/chat/completions"
    key = bench.vendors.environment["CEREBRAS_API_KEY"]
    body = {"model": "bare", "stream": True, "messages": [{"role": "user", "content": ASKED}]}
    found = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http:
        for _ in range(times):
            await bench.vendors.put("cerebras", "_script", {"answers": [REPLY]})
            asked = time.monotonic()
            async with http.post(url, json=body) as answer:
                while b'"content":"That' not in (await answer.content.readline()).replace(b": ", b":"):
                    assert not answer.content.at_eof(), "the simulated model gave no token"
                found.append(time.monotonic() - asked)
                await answer.read()
    return median(found)


async def main(turns: int, *, stock: bool) -> int:
    """Start all, measure both, stop."""
    settings = load_settings()
    silence = settings.endpoint_min_silence_ms / 1000
    parts = (MEDIANS.stt_final.median, MEDIANS.llm_first_token.median, MEDIANS.tts_first_audio.median)
    compared: dict[str, Any] = {"sum of the simulated latencies and the silence": sum(parts) + silence}
    async with SideBySide.start(latency="medians", stock=stock) as bench:
        own_token = await first_token_of(bench, turns)
        compared["the simulated model's own first token (P50)"] = round(own_token, 4)
        async with bench.sage() as room:
            own = await ask(bench, room, turns)
            rows = [row.data["latency_ms"] for row in await room.journal("spoken")]
        if stock:
            async with bench.peer() as room:
                peer = await ask(bench, room, turns)
                compared["stock, voice to voice (P50)"] = round(median(peer), 3)

    def of(name: str) -> float:
        return float(median([row[name] for row in rows if row.get(name) is not None]))

    token, audio = of("llm_ttft_ms"), of("tts_first_audio_latency_ms")
    targets = [
        Target("voice to voice (P50)", median(own), "s", sum(parts) + silence + OVER_SECONDS),
        Target("e2e_first_audio_ms (P50)", of("e2e_first_audio_ms"), "ms", E2E_MS),
        Target("llm_ttft_ms (P50)", token, "ms", RUNBOOK_MS),
        Target("llm_ttft_ms over the simulator's", token - own_token * 1000, "ms", OVERHEAD_MS),
        Target("tts_first_audio_latency_ms (P50)", audio, "ms", RUNBOOK_MS),
        Target("tts_first_audio_latency_ms over the simulator's", audio - parts[2] * 1000, "ms", OVERHEAD_MS),
    ]
    for name, value in compared.items():
        print(f"  {name}: {value:.3f} s")
    return publish("latency", targets, compared=compared, detail={"sage_s": own, "turns": rows})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--no-stock", action="store_true", help="Sage alone")
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.turns, stock=not options.no_stock)))
