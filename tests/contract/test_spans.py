"""What a collector of OpenTelemetry receives of a turn: the framework's spans and ours, without what was said."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import web
from livekit.agents import Agent, AgentSession, APIConnectOptions, llm
from livekit.agents.telemetry import tracer
from livekit.agents.voice.agent_session import SessionConnectOptions
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from settings import Settings, load_settings
from tests.unit.scripted_llm import ScriptedLLM
from voice.telemetry import export_spans, flush_spans
from voice.turn_metrics import TurnMetrics, report

ASKED, SAID = "Whose zebra is it", "The zebra belongs to Bea"
FAILED = "the zebra broke the request"
ONCE = APIConnectOptions(max_retry=0)


class Collector:
    """Takes OTLP over HTTP on loopback."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.address = ""

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append(ExportTraceServiceRequest.FromString(await request.read()))
        body = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=body, content_type="application/x-protobuf")

    @property
    def names(self) -> set[str]:
        return {
            span.name
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    taking = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", taking.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    taking.address = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield taking
    await runner.cleanup()


@pytest.fixture
def tracer_as_before() -> Iterator[None]:
    before = tracer._tracer_provider
    yield
    tracer.set_provider(before)


async def turns(settings: Settings) -> None:
    """Two replies by the framework's session, as the moderator uses it, the second of which fails; and our report."""
    model = ScriptedLLM([SAID], [RuntimeError(FAILED)])
    session: AgentSession[Any] = AgentSession(
        llm=model, conn_options=SessionConnectOptions(llm_conn_options=ONCE, max_unrecoverable_errors=99)
    )
    await session.start(Agent(instructions=f"Answer about the {ASKED}"))
    for _ in range(2):
        context = llm.ChatContext.empty()
        context.add_message(role="user", content=ASKED)
        await session.generate_reply(chat_ctx=context, tool_choice="none")
    await session.aclose()
    metrics = TurnMetrics.of(
        room="a-room",
        turn_id="a-turn",
        reason="addressed",
        uses={"llm": None, "tts": None},
        first_audio_at=None,
        end=None,
        barge_in_ms=None,
    )
    report(metrics, settings, text=SAID, seconds=1.0)


@pytest.mark.usefixtures("tracer_as_before")
@pytest.mark.parametrize("asked_for", [False, True])
async def test_the_frameworks_spans_and_ours_reach_the_collector_without_speech(
    asked_for: bool, collector: Collector
) -> None:
    settings = load_settings(log_transcripts=asked_for, otel_exporter_otlp_endpoint=collector.address)
    provider = export_spans(settings)
    assert provider is not None
    try:
        await turns(settings)
        await flush_spans(provider)
    finally:
        await asyncio.to_thread(provider.shutdown)
    assert {"sage.turn", "agent_turn", "llm_node"} <= collector.names
    told = str(collector.requests)
    assert ("zebra" in told) is asked_for
    assert (SAID in told) is asked_for


@pytest.mark.usefixtures("tracer_as_before")
@pytest.mark.parametrize("listens", [False, True])
async def test_a_collector_that_is_dead_ends_no_turn(listens: bool) -> None:
    with socket.socket() as dead:  # refuses; once it listens, takes a request and says nothing
        dead.bind(("127.0.0.1", 0))
        if listens:
            dead.listen()
        settings = load_settings(otel_exporter_otlp_endpoint=f"http://127.0.0.1:{dead.getsockname()[1]}")
        provider = export_spans(settings)
        assert provider is not None
        try:
            await turns(settings)
            async with asyncio.timeout(30):
                await flush_spans(provider)
        finally:
            await asyncio.to_thread(provider.shutdown)
