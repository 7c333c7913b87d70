"""Cartesia: streaming voice over a WebSocket with word times, by its plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.registry import register
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import tts

    from personas.registry import Persona

BASE_URL = "https://api.cartesia.ai"


def address(settings: Settings) -> str:
    """Where its API is."""
    return settings.cartesia_base_url or BASE_URL


@register("tts", "cartesia", needs=("CARTESIA_API_KEY",), address=address, company="Cartesia")
def build_tts(settings: Settings, persona: Persona) -> tts.TTS[Any]:
    from livekit.plugins import cartesia

    from providers.whole_chunks import WholeChunks

    return cartesia.TTS(
        model=settings.cartesia_model,
        voice=persona.voices["cartesia"],
        language="en",
        api_key=settings.secret("cartesia_api_key"),
        base_url=address(settings),
        tokenizer=WholeChunks(),  # its own would hold our chunks back until the next sentence begins
    )
