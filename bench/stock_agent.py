"""What one gets without Sage's chains: a plain `AgentSession`, the framework's fallback adapters and their defaults.

The same plugins, addresses and models as Sage's links, in the order of the same settings. Benchmarks run it beside
Sage's own worker: `python -m bench.stock_agent start`.
"""

from __future__ import annotations

from livekit.agents import (
    Agent,
    AgentServer,
    AgentSession,
    JobContext,
    JobProcess,
    cli,
    inference,
    llm,
    stt,
    tts,
    vad,
)

from personas.registry import load_registry
from settings import Settings, load_settings
from simulators.plugins import bare_llm, bare_stt, bare_tts

AGENT_NAME = "stock-agent"
INSTRUCTIONS = "You moderate a debate. Answer in one or two short sentences of plain speech."


def prewarm(process: JobProcess) -> None:
    process.userdata["vad"] = inference.VAD(model="silero")


async def answer(context: JobContext) -> None:
    """Answer whoever is linked first, as a stock agent does."""
    settings = load_settings()
    detector: vad.VAD = context.proc.userdata["vad"]
    persona = load_registry().get(settings.moderator_persona)
    session: AgentSession[None] = AgentSession(
        stt=stt.FallbackAdapter([bare_stt(name, settings) for name in settings.stt_chain]),
        llm=llm.FallbackAdapter([bare_llm(name, settings) for name in settings.llm_chain]),
        tts=tts.FallbackAdapter([bare_tts(name, settings, persona) for name in settings.tts_chain]),
        vad=detector,
        # pinned: without it the cloud's model would be taken
        turn_handling={"turn_detection": inference.TurnDetector(version="v1-mini")},
    )
    await session.start(Agent(instructions=INSTRUCTIONS), room=context.room)


def build_server(settings: Settings) -> AgentServer:
    """A worker that takes jobs whatever the load: the benchmark's machine is busy."""
    server = AgentServer(
        setup_fnc=prewarm,
        load_fnc=lambda: 0.0,
        num_idle_processes=1,
        initialize_process_timeout=60.0,
        drain_timeout=1,
        ws_url=settings.livekit_ws_url,
        api_key=settings.secret("livekit_api_key"),
        api_secret=settings.secret("livekit_api_secret"),
        host="127.0.0.1",
        port=0,
    )
    server.rtc_session(answer, agent_name=AGENT_NAME)
    return server


if __name__ == "__main__":
    cli.run_app(build_server(load_settings()))
