"""Deepgram: streaming speech recognition over a WebSocket, by its plugin (deepgram_stream.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.registry import register
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import stt

BASE_URL = "https://api.deepgram.com"
LISTEN_PATH = "/v1/listen"


def address(settings: Settings) -> str:
    """Where its listen API is."""
    base = (settings.deepgram_base_url or BASE_URL).rstrip("/")
    return base if base.endswith(LISTEN_PATH) else base + LISTEN_PATH


@register("stt", "deepgram", needs=("DEEPGRAM_API_KEY",), address=address, company="Deepgram")
def build_stt(settings: Settings) -> stt.STT[Any]:
    from providers.deepgram_stream import DeepgramSTT

    return DeepgramSTT(
        model=settings.deepgram_model,
        language="en-US",
        api_key=settings.secret("deepgram_api_key"),
        # The ear ends turns; names of commands must come through as they were said.
        keyterm=["moderator", "Sage"],
        base_url=address(settings),
    )
