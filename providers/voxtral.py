"""Voxtral on a vLLM server of one's own: speech recognition by vLLM's realtime API (vllm_realtime.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.registry import register
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import stt


def address(settings: Settings) -> str:
    """Where its API is."""
    own = f"http://{settings.voxtral_host}:{settings.voxtral_port}/v1"
    return (settings.voxtral_base_url or own).rstrip("/")


@register(
    "stt",
    "voxtral",
    needs=("VOXTRAL_HOST or VOXTRAL_BASE_URL",),
    address=address,
    company="Voxtral",
)
def build_stt(settings: Settings) -> stt.STT[Any]:
    from providers.vllm_realtime import VllmRealtimeSTT

    return VllmRealtimeSTT(settings.voxtral_model, address(settings))
