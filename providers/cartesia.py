"""Cartesia: streaming voice over a WebSocket with word times, by its plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.registry import register
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import tts

    from personas.registry import Persona

BASE_URL = "https://api.cartesia.ai"


@register("tts", "cartesia", needs=("CARTESIA_API_KEY",))
def build_tts(settings: Settings, persona: Persona) -> tts.TTS[Any]:
    from livekit.plugins import cartesia

    return cartesia.TTS(
        model=settings.cartesia_model,
        voice=persona.voices["cartesia"],
        language="en",
        api_key=settings.secret("cartesia_api_key"),
        base_url=settings.cartesia_base_url or BASE_URL,
    )
