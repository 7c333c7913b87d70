"""Chatterbox: a voice server of one's own that speaks OpenAI's speech API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.registry import register
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import tts

    from personas.registry import Persona


def address(settings: Settings) -> str:
    """Where its API is."""
    own = f"http://{settings.chatterbox_host}:{settings.chatterbox_port}/v1"
    return (settings.chatterbox_base_url or own).rstrip("/")


@register(
    "tts",
    "chatterbox",
    needs=("CHATTERBOX_HOST or CHATTERBOX_BASE_URL",),
    address=address,
    company="Chatterbox",
)
def build_tts(settings: Settings, persona: Persona) -> tts.TTS[Any]:
    from livekit.plugins import openai

    from providers.openai_client import openai_client

    return openai.TTS(
        model=settings.chatterbox_model,
        voice=persona.voices["chatterbox"],
        client=openai_client("none", address(settings)),  # it asks for no key, the client library for some
        response_format="wav",
    )
