"""The framework's plugins as they come, led to a vendor's address: what Sage's links are built on, and compared with.

The simulators are tested with them, docs/simulators.md says what they do for each fault, and bench/stock_agent.py is
made of them.
"""

from __future__ import annotations

from typing import Any

from livekit.agents import llm, stt, tts
from livekit.plugins import cartesia, deepgram, openai

from personas.registry import Persona
from providers.registry import Kind, find_link
from settings import Settings

KEY_OF_NONE = "none"  # a server of one's own asks for no key, the client library for some


def bare_plugin(kind: Kind, vendor: str, settings: Settings, persona: Persona) -> Any:
    """The plugin that serves this vendor; KeyError where there is none."""
    if kind == "stt":
        return bare_stt(vendor, settings)
    return bare_llm(vendor, settings) if kind == "llm" else bare_tts(vendor, settings, persona)


def bare_stt(vendor: str, settings: Settings) -> stt.STT[Any]:
    """Deepgram and OpenAI stream; Voxtral is asked by OpenAI's transcription API, as no plugin speaks vLLM's."""
    address, key = _where("stt", vendor, settings)
    if vendor == "deepgram":
        return deepgram.STT(model=settings.deepgram_model, language="en-US", api_key=key, base_url=address)
    realtime = vendor == "openai"
    model = settings.openai_stt_model if realtime else settings.voxtral_model
    return openai.STT(model=model, language="en", use_realtime=realtime, api_key=key, base_url=address)


def bare_llm(vendor: str, settings: Settings) -> llm.LLM[Any]:
    """One of those that speak OpenAI's chat API."""
    address, key = _where("llm", vendor, settings)
    model: str = getattr(settings, f"{vendor}_model")
    # strict schemas are OpenAI's own: others refuse a request that has them
    return openai.LLM(model=model, api_key=key, base_url=address, max_retries=0, _strict_tool_schema=False)


def bare_tts(vendor: str, settings: Settings, persona: Persona) -> tts.TTS[Any]:
    """Cartesia streams; the others take a text a request."""
    address, key = _where("tts", vendor, settings)
    if vendor == "cartesia":
        return cartesia.TTS(
            model=settings.cartesia_model,
            voice=persona.voices[vendor],
            language="en",
            api_key=key,
            base_url=address,
        )
    return openai.TTS(
        model=settings.openai_tts_model if vendor == "openai" else settings.chatterbox_model,
        voice=persona.voices[vendor],
        api_key=key,
        base_url=address,
        response_format="pcm" if vendor == "openai" else "wav",
    )


def _where(kind: Kind, vendor: str, settings: Settings) -> tuple[str, str]:
    """(address, key) of a vendor."""
    address = find_link(kind, vendor).address
    assert address is not None
    name = f"{vendor}_api_key"
    return address(settings), (settings.secret(name) if hasattr(settings, name) else "") or KEY_OF_NONE
