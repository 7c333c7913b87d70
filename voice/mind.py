"""The moderator's mind and vocal cords: the framework's session with the LLM and TTS chains, in manual mode.

Owns what the framework must not do by itself: listen, answer unasked, remember. A persona's voice and manner change
with the next reply; the context is made fresh each time (`voice.briefing`), so the session's own is emptied.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from livekit.agents import Agent, AgentSession, APIConnectOptions, llm
from livekit.agents.voice.agent_session import SessionConnectOptions

from personas.registry import Persona
from providers.chains.build import Chains
from providers.chains.llm import ChainLLM
from providers.chains.tts import ChainTTS

logger = logging.getLogger("sage.voice.mind")

ONCE = APIConnectOptions(max_retry=0)
"""The chains have deadlines of their own and try again by themselves; the framework shall not."""


class Mind:
    """Builds the session of one room. playbook(context) answers without any language model.

    on_waiting: called while a link of the voice has been silent for too long and the next one is asked.
    """

    def __init__(
        self,
        chains: Chains,
        playbook: Callable[[llm.ChatContext], str],
        on_waiting: Callable[[], None],
    ) -> None:
        self._chains = chains
        self._on_waiting = on_waiting
        self.words: ChainLLM = chains.llm(playbook)
        self.voice: ChainTTS | None = None
        """The voice chain of the persona that speaks."""

        self._outgrown: list[ChainTTS] = []
        self._closing: set[asyncio.Task[None]] = set()

    def session(self, kind: type[AgentSession[None]] = AgentSession) -> AgentSession[None]:
        """A session that only speaks: no ears, no turn machinery, no hidden retries (LIVEKIT.md)."""
        return kind(
            llm=self.words,
            vad=None,
            turn_handling={
                "turn_detection": "manual",
                "preemptive_generation": {"enabled": False},
                "interruption": {"resume_false_interruption": False},
            },
            use_tts_aligned_transcript=True,
            # the chain cuts and cleans what is spoken; the framework's filters would hold it back
            tts_text_transforms=None,
            user_away_timeout=None,
            aec_warmup_duration=None,
            conn_options=SessionConnectOptions(
                llm_conn_options=ONCE,
                tts_conn_options=ONCE,
                # a debate goes on without a vendor: errors are handled turn by turn
                max_unrecoverable_errors=1_000_000,
            ),
        )

    def agent(self, persona: Persona) -> Agent:
        """The framework's agent with this persona's voice. Its instructions are unused: briefings carry them."""
        return Agent(instructions="", tts=self._voice_of(persona))

    def become(self, agent: Agent, persona: Persona) -> None:
        """Speak in this persona's voice from the next reply on."""
        before = self.voice
        agent.update_options(tts=self._voice_of(persona))
        if before is not None:
            self._outgrown.append(before)  # it may be speaking still

    def _voice_of(self, persona: Persona) -> ChainTTS:
        self.voice = self._chains.tts(persona)
        self.voice.on_waiting = self._on_waiting
        return self.voice

    def forget(self, agent: Agent, session: AgentSession[None]) -> None:
        """A turn is over: empty the framework's own contexts, which would grow for hours, and let go of the voices of
        personas that speak no more."""
        session.history.items.clear()
        agent._chat_ctx.items.clear()
        for voice in self._outgrown:
            task = asyncio.create_task(voice.aclose(), name="close-outgrown-voice")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self._outgrown.clear()

    async def aclose(self) -> None:
        await asyncio.gather(*self._closing, return_exceptions=True)
        for voice in (*self._outgrown, self.voice):
            if voice is not None:
                await voice.aclose()
        await self.words.aclose()
