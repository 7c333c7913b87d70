"""Perplexity: language model with web search behind OpenAI's chat API; its models take no tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.openai import compatible_llm
from providers.registry import register
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import llm

BASE_URL = "https://api.perplexity.ai"


def address(settings: Settings) -> str:
    """Where its API is."""
    return settings.perplexity_base_url or BASE_URL


@register(
    "llm",
    "perplexity",
    needs=("PERPLEXITY_API_KEY",),
    address=address,
    company="Perplexity",
    takes_tools=False,
)
def build_llm(settings: Settings, _playbook: object) -> llm.LLM[Any]:
    return compatible_llm(settings.perplexity_model, settings.secret("perplexity_api_key"), address(settings))
