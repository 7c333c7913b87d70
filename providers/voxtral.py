"""Voxtral on a vLLM server of one's own: speech recognition by OpenAI's transcription API.

Batch only here: the chain cuts utterances for it with the VAD. Its streaming API comes with issue 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.registry import register
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import stt


@register("stt", "voxtral", needs=("VOXTRAL_HOST",), hears_here=True)
def build_stt(settings: Settings) -> stt.STT[Any]:
    from livekit.plugins import openai

    return openai.STT(
        model=settings.voxtral_model,
        language="en",
        api_key="none",  # it asks for none, the client library for some
        base_url=f"http://{settings.voxtral_host}:{settings.voxtral_port}/v1",
        use_realtime=False,
    )
