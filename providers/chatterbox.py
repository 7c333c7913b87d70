"""Chatterbox: a voice server of one's own that speaks OpenAI's speech API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.registry import register
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import tts

    from personas.registry import Persona


@register("tts", "chatterbox", needs=("CHATTERBOX_HOST",))
def build_tts(settings: Settings, persona: Persona) -> tts.TTS[Any]:
    from livekit.plugins import openai

    return openai.TTS(
        model=settings.chatterbox_model,
        voice=persona.voices["chatterbox"],
        api_key="none",  # it asks for none, the client library for some
        base_url=f"http://{settings.chatterbox_host}:{settings.chatterbox_port}/v1",
        response_format="wav",
    )
