"""Ollama, or any OpenAI-compatible language model server of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.openai import compatible_llm
from providers.registry import register
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import llm


def address(settings: Settings) -> str:
    """OLLAMA_BASE_URL, or OLLAMA_HOST (`host:port` or a URL) as the address of the OpenAI-compatible API there."""
    address = (settings.ollama_base_url or settings.ollama_host or "").rstrip("/")
    if "://" not in address:
        address = f"http://{address}"
    return address if address.endswith("/v1") else f"{address}/v1"


@register(
    "llm",
    "ollama",
    needs=("OLLAMA_HOST or OLLAMA_BASE_URL",),
    address=address,
    company="Ollama",
)
def build_llm(settings: Settings, _playbook: object) -> llm.LLM[Any]:
    # It asks for no key, the client library for some.
    return compatible_llm(settings.ollama_model, "ollama", address(settings))
