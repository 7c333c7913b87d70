"""OpenAI: language model, voice and streaming speech recognition, by its plugin.

Every address is passed: the client library would read OPENAI_BASE_URL from the environment behind our back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.registry import register
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import llm, stt, tts

    from personas.registry import Persona

BASE_URL = "https://api.openai.com/v1"
NEEDS = ("OPENAI_API_KEY",)


@register("stt", "openai", NEEDS)
def build_stt(settings: Settings) -> stt.STT[Any]:
    from livekit.plugins import openai

    return openai.STT(
        model=settings.openai_stt_model,
        language="en",
        # Without it there are no interim texts, and the chain would need a VAD to cut utterances for it.
        use_realtime=True,
        prompt="A debate. The moderator is called Sage or moderator.",
        api_key=settings.secret("openai_api_key"),
        base_url=settings.openai_base_url or BASE_URL,
    )


@register("llm", "openai", NEEDS)
def build_llm(settings: Settings, _playbook: object) -> llm.LLM[Any]:
    return compatible_llm(
        settings.openai_model, settings.secret("openai_api_key"), settings.openai_base_url or BASE_URL
    )


def compatible_llm(model: str, api_key: str, base_url: str) -> llm.LLM[Any]:
    """A language model behind OpenAI's chat API at `base_url`, one try a request."""
    from livekit.plugins import openai

    # Strict tool schemas are OpenAI's own: others refuse a request that has them.
    return openai.LLM(
        model=model,
        api_key=api_key,
        base_url=base_url,
        max_retries=0,
        _strict_tool_schema=base_url == BASE_URL,
    )


@register("tts", "openai", NEEDS)
def build_tts(settings: Settings, persona: Persona) -> tts.TTS[Any]:
    from livekit.plugins import openai

    return openai.TTS(
        model=settings.openai_tts_model,
        voice=persona.voices["openai"],
        api_key=settings.secret("openai_api_key"),
        base_url=settings.openai_base_url or BASE_URL,
        # Raw samples need no decoder to start up before the first sound.
        response_format="pcm",
    )
