"""LLM link `local`: the playbook's words as the framework's `llm.LLM`, for chains that end without a vendor.

The words come from the callable that the voice passes; this link knows nothing of debates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from livekit.agents import APIConnectOptions, llm, utils
from livekit.agents._exceptions import APIConnectionError
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr

Words = Callable[[llm.ChatContext], str]


class PlaybookLLM(llm.LLM[Any]):
    """Answers at once with what `words` makes of the context; takes no tools."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        self._words = words

    @property
    def model(self) -> str:
        return "playbook"

    @property
    def provider(self) -> str:
        return "local"

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> PlaybookStream:
        return PlaybookStream(
            self, words=self._words, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options
        )


class PlaybookStream(llm.LLMStream):
    """One chunk with all the words."""

    def __init__(
        self,
        owner: PlaybookLLM,
        *,
        words: Words,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(owner, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._words = words

    async def _run(self) -> None:
        try:
            text = self._words(self._chat_ctx)
        except Exception as problem:
            # The framework reports an APIError as an error event of the session; others end its task unseen.
            raise APIConnectionError("the playbook failed", retryable=False) from problem
        self._event_ch.send_nowait(
            llm.ChatChunk(id=utils.shortuuid("local_"), delta=llm.ChoiceDelta(role="assistant", content=text))
        )
