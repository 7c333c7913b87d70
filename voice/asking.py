"""A question to the language models off the critical path: asked once, bounded in time and size, never raising.

Owns how the answer is gathered and its JSON found. Who asks decides what it is worth.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from livekit.agents import APIConnectOptions, llm

logger = logging.getLogger("sage.voice.asking")

MAX_ANSWER_CHARS = 6000
ONCE = APIConnectOptions(max_retry=0)
"""The chain has deadlines of its own; a late answer is none."""


async def answer_to(models: llm.LLM[Any], asked: llm.ChatContext, seconds: float, *, what: str) -> str:
    """The whole answer; "" where none comes within `seconds`. `what` names it in the log."""
    answer = ""
    try:
        async with asyncio.timeout(seconds):
            async with models.chat(chat_ctx=asked, conn_options=ONCE) as stream:
                async for chunk in stream:
                    if chunk.delta is not None and chunk.delta.content:
                        answer += chunk.delta.content
                        if len(answer) > MAX_ANSWER_CHARS:
                            break
    except Exception as error:  # noqa: BLE001 - it is worth no debate
        logger.info("models gave no answer", extra={"asked": what, "error": type(error).__name__})
        return ""
    return answer


def members_of(answer: str) -> list[Any] | None:
    """The members of the JSON array in `answer`, whatever stands around it; None where there is none."""
    start, end = answer.find("["), answer.rfind("]")
    if start < 0 or end < start or len(answer) > MAX_ANSWER_CHARS:
        return None
    try:
        return list(json.loads(answer[start : end + 1]))
    except (ValueError, RecursionError):
        return None
