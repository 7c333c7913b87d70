"""Cerebras: very fast language model behind OpenAI's chat API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.openai import compatible_llm
from providers.registry import register
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import llm

BASE_URL = "https://api.cerebras.ai/v1"


def address(settings: Settings) -> str:
    """Where its API is."""
    return settings.cerebras_base_url or BASE_URL


@register(
    "llm",
    "cerebras",
    needs=("CEREBRAS_API_KEY",),
    address=address,
    company="Cerebras",
)
def build_llm(settings: Settings, _playbook: object) -> llm.LLM[Any]:
    return compatible_llm(settings.cerebras_model, settings.secret("cerebras_api_key"), address(settings))
