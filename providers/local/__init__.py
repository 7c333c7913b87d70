"""Links `local`: recogniser, voice and playbook, from files inside packages on this machine.

Registers them; their models are imported when a chain that has them is built, never before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from providers.registry import register
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import llm

    from personas.registry import Persona
    from providers.local.playbook import PlaybookLLM
    from providers.local.stt import LocalSTT
    from providers.local.tts import LocalTTS


@register("stt", "local")
def build_stt(_settings: Settings) -> LocalSTT:
    from providers.local.stt import LocalSTT

    return LocalSTT()


@register("llm", "local")
def build_llm(_settings: Settings, playbook: Callable[[llm.ChatContext], str]) -> PlaybookLLM:
    from providers.local.playbook import PlaybookLLM

    return PlaybookLLM(playbook)


@register("tts", "local")
def build_tts(_settings: Settings, persona: Persona) -> LocalTTS:
    from providers.local.tts import LocalTTS

    return LocalTTS(persona.voices["local"])
