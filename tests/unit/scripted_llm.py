"""A language model that does what a script says, request by request, and raises on a request that has none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from livekit.agents import APIConnectOptions, llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr

Step = str | float | Exception | llm.FunctionToolCall | None
"""Words, seconds to wait, an error to raise, a call of a tool, or None: a chunk without content."""

FOR_EVER = 1e6


class ScriptedLLM(llm.LLM[Any]):
    """Each request takes the next script."""

    def __init__(self, *scripts: Sequence[Step], name: str = "scripted") -> None:
        super().__init__()
        self._scripts = list(scripts)
        self._name = name
        self.contexts: list[llm.ChatContext] = []
        self.tools: list[list[llm.Tool]] = []
        self.open_streams = 0

    @property
    def model(self) -> str:
        return self._name

    def script(self, *steps: Step) -> None:
        """One more request."""
        self._scripts.append(steps)

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> llm.LLMStream:
        assert self._scripts, f"{self._name} was asked once more than its script says"
        assert conn_options.max_retry == 0, "nothing may retry beneath the chain"
        self.contexts.append(chat_ctx)
        self.tools.append(list(tools or []))
        return _ScriptedStream(
            self, self._scripts.pop(0), chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options
        )


class _ScriptedStream(llm.LLMStream):
    def __init__(self, owner: ScriptedLLM, steps: Sequence[Step], **about: Any) -> None:
        super().__init__(owner, **about)
        self._owner = owner
        self._steps = steps

    async def _run(self) -> None:
        self._owner.open_streams += 1
        try:
            for step in self._steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float):
                    await asyncio.sleep(step)
                elif isinstance(step, llm.FunctionToolCall):
                    self._send(llm.ChoiceDelta(role="assistant", tool_calls=[step]))
                else:
                    self._send(llm.ChoiceDelta(role="assistant", content=step or ""))
        finally:
            self._owner.open_streams -= 1

    def _send(self, delta: llm.ChoiceDelta) -> None:
        self._event_ch.send_nowait(llm.ChatChunk(id="scripted", delta=delta))
