"""The chains of one job: built of the links that the plan names, over one memory of which of them are dead."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from providers.chains.attempt import Deadlines
from providers.chains.breaker import Breaker, Breakers
from providers.chains.chunks import Chunking
from providers.chains.llm import ChainLLM, ModelLink
from providers.chains.plan import LOCAL, ChainPlan
from providers.chains.stt import ChainSTT, SpeechLink
from providers.chains.tts import ChainTTS, VoiceLink
from providers.fact_search import LINK, FactSearch
from providers.registry import KINDS, Kind, find_link
from settings import Settings

if TYPE_CHECKING:
    from personas.registry import Persona
    from providers.local.playbook import Words


class Chains:
    """Builds the three chains of one job. `aclose` ends the probes; each chain is closed by whoever asked for it."""

    def __init__(self, plan: ChainPlan, settings: Settings) -> None:
        self.plan = plan
        self._settings = settings
        self.breakers = Breakers({kind: plan.links(kind) for kind in KINDS})

    def deadlines(self, kind: Kind) -> Deadlines:
        """The settings of one kind in seconds."""
        settings = self._settings
        return Deadlines(
            attempt=getattr(settings, f"{kind}_attempt_ms") / 1000,
            chain=getattr(settings, f"{kind}_deadline_ms") / 1000,
        )

    def llm(self, playbook: Words) -> ChainLLM:
        """The language model chain; `playbook` finds the words where no model does, and is its last link always."""
        names = self.plan.llm if LOCAL in self.plan.llm else (*self.plan.llm, LOCAL)
        links = []
        for name in names:
            link = find_link("llm", name)
            model = link.build(self._settings, playbook)
            links.append(ModelLink(name, model, self._breaker("llm", name), link.takes_tools))
        return ChainLLM(links, self.deadlines("llm"))

    def judge(self) -> ChainLLM | None:
        """The language models for questions off the critical path, which nothing answers where they are dead; None
        where there are none."""
        if not any(name != LOCAL for name in self.plan.llm):
            return None
        return self.llm(lambda _context: "")

    def stt(self) -> ChainSTT:
        """The speech recognition chain: every link streams, and is told by the ear where a passage ends."""
        links = [
            SpeechLink(name, find_link("stt", name).build(self._settings), self._breaker("stt", name))
            for name in self.plan.stt
        ]
        return ChainSTT(links, self.deadlines("stt"), self._settings.stt_hold_secs)

    def tts(self, persona: Persona) -> ChainTTS:
        """The voice chain in this persona's voices. A new persona is a new chain on the same breakers."""
        settings = self._settings
        links = []
        for name in self.plan.tts:
            voice = find_link("tts", name).build(settings, persona)
            links.append(VoiceLink(name, voice, self._breaker("tts", name), voice.capabilities.streaming))
        wait = settings.chunk_max_wait_ms / 1000
        chunking = Chunking(settings.chunk_min_chars, settings.chunk_max_chars, wait)
        return ChainTTS(links, self.deadlines("tts"), chunking)

    def fact_search(self) -> FactSearch | None:
        """The search for facts, whose breaker is its own; None where Perplexity's key is not set."""
        if find_link("llm", LINK).missing(self._settings):
            return None
        return FactSearch(self._settings)

    def _breaker(self, kind: Kind, name: str) -> Breaker | None:
        return None if name == LOCAL else self.breakers.of(kind, name)

    async def aclose(self) -> None:
        """End all probes."""
        await asyncio.shield(self.breakers.aclose())
