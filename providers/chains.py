"""Chains of links: which of those that the settings name can work, and the adapters built of them.

`plan_chains` imports no SDK, so that doctor and the web service's checks may call it; the `build_*` functions
import what the plan names, and nothing else.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from errors import Problem, SettingsError
from providers.registry import KINDS, Kind, find_link, known_links, unknown_link
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import llm, stt, tts

    from personas.registry import Persona
    from providers.local.playbook import Words
    from providers.prewarm import Models

logger = logging.getLogger("sage.providers")

LOCAL = "local"
STT_ATTEMPT_SECONDS = 5.0
LLM_ATTEMPT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A link that a chain names and that cannot work, with why and what would mend it."""

    kind: Kind
    name: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ChainPlan:
    """The links of each chain in order of preference, and those left out."""

    stt: tuple[str, ...]
    llm: tuple[str, ...]
    tts: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()

    def links(self, kind: Kind) -> tuple[str, ...]:
        """The links of one chain."""
        chains: dict[Kind, tuple[str, ...]] = {"stt": self.stt, "llm": self.llm, "tts": self.tts}
        return chains[kind]

    def uses_local(self, kind: Kind) -> bool:
        """Whether the chain has the link whose models run on this machine."""
        return LOCAL in self.links(kind)


def plan_chains(settings: Settings) -> ChainPlan:
    """The chains reduced to links that have what they need; `local` where nothing is left.

    Raises SettingsError for every unknown link, all at once.
    """
    problems: list[Problem] = []
    left_out: list[LeftOut] = []
    chains: dict[Kind, tuple[str, ...]] = {}
    for kind in KINDS:
        named: tuple[str, ...] = getattr(settings, f"{kind}_chain")
        problems += [unknown_link(kind, name) for name in named if name not in known_links(kind)]
        if problems:
            continue
        out = [reason for name in named if (reason := _why_not(kind, name, settings))]
        left_out += out
        gone = {reason.name for reason in out}
        chains[kind] = tuple(name for name in named if name not in gone) or (LOCAL,)
    if problems:
        raise SettingsError(problems, code="unknown-link")
    return ChainPlan(chains["stt"], chains["llm"], chains["tts"], tuple(left_out))


def _why_not(kind: Kind, name: str, settings: Settings) -> LeftOut | None:
    link = find_link(kind, name)
    if missing := link.missing(settings):
        return LeftOut(kind, name, f"{' and '.join(missing)} not set", f"set {' and '.join(missing)}")
    if kind == "stt" and settings.local_audio_only and not link.hears_here:
        remedy = "take it out of STT_CHAIN or set LOCAL_AUDIO_ONLY=false"
        return LeftOut(kind, name, "it sends audio away, against LOCAL_AUDIO_ONLY", remedy)
    return None


def log_plan(plan: ChainPlan) -> None:
    """Say once at start-up which links each chain has, and why others were left out."""
    for kind in KINDS:
        logger.info("chain", extra={"chain": kind, "links": " -> ".join(plan.links(kind))})
    for out in plan.left_out:
        logger.warning(
            "link left out",
            extra={"chain": out.kind, "link": out.name, "reason": out.reason, "remedy": out.remedy},
        )


def build_stt(plan: ChainPlan, settings: Settings, models: Models | None = None) -> stt.STT[Any]:
    """The speech recognition chain: every link streams. `models` lends its VAD to a link that cannot."""
    links = [find_link("stt", name).build(settings) for name in plan.stt]
    if len(links) == 1 and links[0].capabilities.streaming:
        return _as_stt(links[0])
    from livekit.agents import stt

    # One try a link: with more, a link that hangs while connecting is tried for ever and no other ever
    # starts.
    return stt.FallbackAdapter(
        links,
        vad=models.vad if models else None,
        attempt_timeout=STT_ATTEMPT_SECONDS,
        max_retry_per_stt=0,
    )


def build_llm(plan: ChainPlan, settings: Settings, playbook: Words) -> llm.LLM[Any]:
    """The language model chain; `playbook` finds the words where no model does, and is its last link
    always."""
    from livekit.agents import llm

    names = plan.llm if plan.uses_local("llm") else (*plan.llm, LOCAL)
    links = [find_link("llm", name).build(settings, playbook) for name in names]
    if len(links) == 1:
        only: llm.LLM[Any] = links[0]
        return only
    return llm.FallbackAdapter(links, attempt_timeout=LLM_ATTEMPT_SECONDS, max_retry_per_llm=0)


def build_tts(plan: ChainPlan, settings: Settings, persona: Persona) -> tts.TTS[Any]:
    """The voice chain, every link with the persona's voice for it."""
    links = [find_link("tts", name).build(settings, persona) for name in plan.tts]
    if len(links) == 1:
        only: tts.TTS[Any] = links[0]
        return only
    from livekit.agents import tts

    return tts.FallbackAdapter(links, max_retry_per_tts=0)


def _as_stt(link: Any) -> stt.STT[Any]:
    only: stt.STT[Any] = link
    return only
