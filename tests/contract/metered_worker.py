"""A worker as the entry file builds it, whose job processes tell of a turn as soon as they are ready.

Run by test_metrics_page.py as a process of its own: how a process counts is settled when it begins. Prints the address
of its metrics, ends at the end of its standard input.
"""

from __future__ import annotations

import asyncio
import os
import sys

from livekit.agents import JobProcess

from debate_moderator_agent import build_server
from providers.chains.attempt import LinkUse
from providers.chains.breaker import LinkChange
from settings import load_settings
from voice.telemetry import record_link_change, record_links
from voice.turn_metrics import TurnEnd, TurnMetrics, report


def tell_of_a_turn(_: JobProcess) -> None:
    """What a job does after a turn; the link named by the process tells which processes are on the page."""
    record_links({"llm": (f"of-{os.getpid()}", "shared")})
    record_link_change(LinkChange("llm", f"of-{os.getpid()}", up=False, using="shared"))
    metrics = TurnMetrics.of(
        room="a-room",
        turn_id="a-turn",
        reason="ready",
        uses={"llm": LinkUse("shared", 180.0, switched=False), "tts": None},
        first_audio_at=1.9,
        end=TurnEnd(1.0, 0.4),
        barge_in_ms=None,
    )
    report(metrics, load_settings(), text="", seconds=1.0)


async def main() -> None:
    server = build_server(load_settings())
    server.setup_fnc = tell_of_a_turn
    runs = asyncio.create_task(server.run(unregistered=True))
    started = asyncio.Event()
    server.on("worker_started", started.set)
    await started.wait()
    assert server._prometheus_server is not None
    print(f"metrics: http://127.0.0.1:{server._prometheus_server.port}/metrics", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.aclose()
    await runs


if __name__ == "__main__":
    asyncio.run(main())
