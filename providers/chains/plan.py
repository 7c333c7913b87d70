"""Plans of chains: which of the links that the settings name can work, in which order, and why others are left out.

Imports no SDK, so that doctor and the launcher's checks may call it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from errors import Problem, SettingsError
from providers.registry import KINDS, Kind, find_link, known_links, unknown_link
from settings import Settings

logger = logging.getLogger("sage.providers")

LOCAL = "local"


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
        chains[kind] = _with_fallbacks(kind, [name for name in named if name not in gone]) or (LOCAL,)
    if problems:
        raise SettingsError(problems, code="unknown-link")
    return ChainPlan(chains["stt"], chains["llm"], chains["tts"], tuple(left_out))


def _with_fallbacks(kind: Kind, names: list[str]) -> tuple[str, ...]:
    """Each link followed by the other way to its vendor, unless that is named by itself."""
    chain: list[str] = []
    for name in names:
        fallback = find_link(kind, name).fallback
        chain += [name, *([fallback] if fallback and fallback not in names else [])]
    return tuple(chain)


def _why_not(kind: Kind, name: str, settings: Settings) -> LeftOut | None:
    link = find_link(kind, name)
    if missing := link.missing(settings):
        return LeftOut(kind, name, f"{' and '.join(missing)} not set", f"set {' and '.join(missing)}")
    if kind == "stt" and settings.local_audio_only and (host := link.host(settings)):
        remedy = f"take {name} out of STT_CHAIN, or set LOCAL_AUDIO_ONLY=false"
        return LeftOut(kind, name, f"LOCAL_AUDIO_ONLY forbids to send audio to {host}", remedy)
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
