"""OpenAI's chat API by its plugin, which is told whether an answer was whole.

The plugin drops a choice's `finish_reason`: a stream that ends early looks like a short answer.
"""

from __future__ import annotations

from typing import Any

from livekit.plugins import openai

from providers.chains import attempt
from providers.openai_client import openai_client


class ChatLLM(openai.LLM):
    """The plugin's model behind a client of ours; notes in the attempt that runs whether each answer was whole."""

    def __init__(self, model: str, api_key: str, base_url: str, *, strict_tools: bool) -> None:
        self._own_client = openai_client(api_key, base_url)
        super().__init__(model=model, client=self._own_client, _strict_tool_schema=strict_tools)

    def chat(self, **request: Any) -> Any:
        stream = super().chat(**request)
        if (noted := attempt.running()) is not None:
            noted.finished = False
            parse = stream._parse_choice

            def parse_and_note(request_id: str, choice: Any, *rest: Any) -> Any:
                noted.finished = noted.finished or choice.finish_reason is not None
                return parse(request_id, choice, *rest)

            stream._parse_choice = parse_and_note  # type: ignore[method-assign,assignment]
        return stream

    async def aclose(self) -> None:
        await super().aclose()
        await self._own_client.close()
