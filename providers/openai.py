"""OpenAI: language model, voice and speech recognition, by its plugin.

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
COMPANY = "OpenAI"
STT_PROMPT = "A debate. The moderator is called Sage or moderator."


def address(settings: Settings) -> str:
    """Where OpenAI's API is."""
    return settings.openai_base_url or BASE_URL


@register("stt", "openai", NEEDS, address=address, company=COMPANY, fallback="openai-batch")
def build_stt(settings: Settings) -> stt.STT[Any]:
    from providers.realtime import RealtimeOptions, RealtimeSTT

    return RealtimeSTT(
        RealtimeOptions(
            model=settings.openai_stt_model,
            language="en",
            prompt=STT_PROMPT,
            api_key=settings.secret("openai_api_key"),
            base_url=address(settings),
        )
    )


@register("stt", "openai-batch", NEEDS, address=address, company=COMPANY)
def build_batch_stt(settings: Settings) -> stt.STT[Any]:
    from livekit.plugins import openai

    from providers.batch import BatchSTT
    from providers.openai_client import openai_client

    recogniser = openai.STT(
        model=settings.openai_stt_model,
        language="en",
        use_realtime=False,
        prompt=STT_PROMPT,
        client=openai_client(settings.secret("openai_api_key"), address(settings)),
    )
    return BatchSTT(recogniser)


@register("llm", "openai", NEEDS, address=address, company=COMPANY)
def build_llm(settings: Settings, _playbook: object) -> llm.LLM[Any]:
    return compatible_llm(settings.openai_model, settings.secret("openai_api_key"), address(settings))


def compatible_llm(model: str, api_key: str, base_url: str) -> llm.LLM[Any]:
    """A language model behind OpenAI's chat API at `base_url`, one try a request."""
    from providers.openai_chat import ChatLLM

    # Strict tool schemas are OpenAI's own: others refuse a request that has them.
    return ChatLLM(model, api_key, base_url, strict_tools=base_url == BASE_URL)


@register("tts", "openai", NEEDS, address=address, company=COMPANY)
def build_tts(settings: Settings, persona: Persona) -> tts.TTS[Any]:
    from livekit.plugins import openai

    from providers.openai_client import openai_client

    return openai.TTS(
        model=settings.openai_tts_model,
        voice=persona.voices["openai"],
        client=openai_client(settings.secret("openai_api_key"), address(settings)),
        # Raw samples need no decoder to start up before the first sound.
        response_format="pcm",
    )
