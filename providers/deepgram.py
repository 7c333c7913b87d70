"""Deepgram: streaming speech recognition over a WebSocket, by its plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.registry import register
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import stt

LISTEN_PATH = "/v1/listen"


@register("stt", "deepgram", needs=("DEEPGRAM_API_KEY",))
def build_stt(settings: Settings) -> stt.STT[Any]:
    from livekit.plugins import deepgram

    options: dict[str, Any] = {}
    if settings.deepgram_base_url:
        base = settings.deepgram_base_url.rstrip("/")
        options["base_url"] = base if base.endswith(LISTEN_PATH) else base + LISTEN_PATH
    return deepgram.STT(
        model=settings.deepgram_model,
        language="en-US",
        api_key=settings.secret("deepgram_api_key"),
        # The ear ends turns; names of commands must come through as they were said.
        keyterm=["moderator", "Sage"],
        **options,
    )
