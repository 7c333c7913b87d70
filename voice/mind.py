"""The moderator's mind and vocal cords: the framework's session with the LLM and TTS chains, in manual mode.

Owns what the framework must not do by itself: listen, answer unasked, remember. A persona's voice and manner change
with the next reply; the context is made fresh each time (`voice.briefing`), so the session's own is emptied.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from livekit.agents import Agent, AgentSession, APIConnectOptions, llm
from livekit.agents.voice.agent_session import SessionConnectOptions

from personas.registry import Persona
from providers.chains import ChainPlan, build_llm, build_tts
from settings import Settings

logger = logging.getLogger("sage.voice.mind")

LLM_TIMEOUT_SECONDS = 5.0
TTS_TIMEOUT_SECONDS = 5.0


class Mind:
    """Builds the session of one room. playbook(context) answers without any language model."""

    def __init__(
        self, plan: ChainPlan, settings: Settings, playbook: Callable[[llm.ChatContext], str]
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._llm = build_llm(plan, settings, playbook)

    def session(self, kind: type[AgentSession[None]] = AgentSession) -> AgentSession[None]:
        """A session that only speaks: no ears, no turn machinery, no hidden retries (LIVEKIT.md)."""
        return kind(
            llm=self._llm,
            vad=None,
            turn_handling={
                "turn_detection": "manual",
                "preemptive_generation": {"enabled": False},
                "interruption": {"resume_false_interruption": False},
            },
            use_tts_aligned_transcript=True,
            user_away_timeout=None,
            aec_warmup_duration=None,
            conn_options=SessionConnectOptions(
                llm_conn_options=APIConnectOptions(max_retry=0, timeout=LLM_TIMEOUT_SECONDS),
                tts_conn_options=APIConnectOptions(max_retry=0, timeout=TTS_TIMEOUT_SECONDS),
                # a debate goes on without a vendor: errors are handled turn by turn
                max_unrecoverable_errors=1_000_000,
            ),
        )

    def agent(self, persona: Persona) -> Agent:
        """The framework's agent with this persona's voice. Its instructions are unused: briefings carry them."""
        return Agent(instructions="", tts=build_tts(self._plan, self._settings, persona))

    def become(self, agent: Agent, persona: Persona) -> None:
        """Speak in this persona's voice from the next reply on."""
        agent.update_options(tts=build_tts(self._plan, self._settings, persona))

    def forget(self, agent: Agent, session: AgentSession[None]) -> None:
        """Empty the framework's own contexts, which would grow for hours."""
        session.history.items.clear()
        agent._chat_ctx.items.clear()

    async def aclose(self) -> None:
        await self._llm.aclose()
