"""OpenAI's chat API: `POST /chat/completions` as one JSON body or as server-sent events, with tools and usage.

Serves OpenAI, Cerebras and Ollama, and is what Perplexity's differs from. Shapes are those of
platform.openai.com/docs/api-reference/chat as the `openai` client reads them.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import Any, ClassVar

from aiohttp import web

from simulators.answers import Answers, Question, Reply, arguments_json, text_of, tokens_of
from simulators.faults import ON_ANY_SERVER, Fault
from simulators.server import RECEIVED, Simulator
from simulators.wire import BodyOutlet, json_answer, open_body

_ERRORS = {
    400: ("invalid_request_error", None, "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    402: (
        "insufficient_quota",
        "payment_required",
        "You exceeded your current quota, please check your plan.",
    ),
    404: (
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you do not have access to it.",
    ),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: (
        "server_error",
        "service_unavailable",
        "The engine is currently overloaded, please try again later.",
    ),
}


class ChatSimulator(Simulator):
    """A server that chats; cut after so many tokens."""

    unit = "tokens sent"
    faults = ON_ANY_SERVER | {Fault.KEEPALIVES_ONLY, Fault.ERROR_MESSAGE}
    base_path = "/v1"
    takes_tools: ClassVar[bool] = True

    def __init__(self, *, answers: Answers | None = None, **settings: Any) -> None:
        """`answers`: where the words come from."""
        super().__init__(**settings)
        self.answers = answers or Answers()

    def routes(self) -> list[web.RouteDef]:
        return [web.post(f"{self.base_path}/chat/completions", self._complete)]

    def refusal(self, status: int, message: str = "") -> web.Response:
        return web.json_response(openai_error(status, message), status=status)

    def error_message(self) -> str:
        return json.dumps(openai_error(500, ""))

    def check(self, body: dict[str, Any]) -> str:
        """What the vendor would not take in a request, "" where nothing."""
        if not body.get("model"):
            return "you must provide a model parameter"
        if not isinstance(body.get("messages"), list) or not body["messages"]:
            return "[] is too short - 'messages'"
        return ""

    def extras(self, question: Question) -> dict[str, Any]:
        """Members that the vendor adds to every answer and chunk."""
        return {}

    def words_of(self, reply: Reply) -> str:
        """The text that the vendor makes of a reply."""
        return reply.text

    def delta(self, content: str, so_far: str) -> dict[str, Any]:
        """The members of a streamed choice that carry a piece of text."""
        return {"delta": {"content": content}}

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except ValueError:
            return self.refusal(400, "We could not parse the JSON body of your request.")
        if not isinstance(body, dict):
            return self.refusal(400)
        request[RECEIVED].body = body
        if wrong := self.check(body):
            return self.refusal(400, wrong)
        question = _question(body)
        answer = _Answer(self, question, self.answers.answer(question))
        wait = self.latencies.draw("llm_first_token")
        if not body.get("stream"):
            await asyncio.sleep(wait)
            return await json_answer(self, request, answer.whole())
        usage = bool((body.get("stream_options") or {}).get("include_usage"))
        async with open_body(self, request, "text/event-stream; charset=utf-8") as outlet:
            await asyncio.sleep(wait)
            await answer.stream(outlet, usage=usage)
        return outlet.response


class _Answer:
    """A reply on its way."""

    def __init__(self, simulator: ChatSimulator, question: Question, reply: Reply) -> None:
        self._simulator = simulator
        self._reply = reply
        self._text = simulator.words_of(reply)
        self._tokens = tokens_of(self._text)
        prompt = sum(len(tokens_of(text_of(message))) for message in question.messages)
        self._usage = {
            "prompt_tokens": prompt,
            "completion_tokens": len(self._tokens),
            "total_tokens": prompt + len(self._tokens),
        }
        self._finish = "tool_calls" if reply.tool_calls else "stop"
        self._common = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": question.model,
            **simulator.extras(question),
        }
        self._calls: list[dict[str, Any]] = [
            {
                "index": index,
                "id": f"call_{uuid.uuid4().hex[:24]}",
                "type": "function",
                "function": {"name": call.name, "arguments": arguments_json(call)},
            }
            for index, call in enumerate(reply.tool_calls)
        ]

    def whole(self) -> dict[str, Any]:
        """The answer as one JSON body."""
        message: dict[str, Any] = {"role": "assistant", "content": self._text or None}
        if self._calls:
            message["tool_calls"] = [{k: v for k, v in call.items() if k != "index"} for call in self._calls]
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        self._simulator.record.tokens += len(self._tokens)
        return {**self._common, "object": "chat.completion", "choices": [choice], "usage": self._usage}

    async def stream(self, outlet: BodyOutlet, *, usage: bool) -> None:
        """The answer in chunks, a token each; a call's arguments come in two."""
        await self._send(outlet, {"delta": {"role": "assistant", "content": ""}}, units=0)
        said = ""
        for number, token in enumerate(self._tokens):
            if number:
                await asyncio.sleep(self._simulator.latencies.draw("llm_token"))
            said += token
            await self._send(outlet, self._simulator.delta(token, said), units=1)
            self._simulator.record.tokens += 1
        for call in self._calls:
            arguments = call["function"]["arguments"]
            opened = {**call, "function": {**call["function"], "arguments": ""}}
            await self._send(outlet, {"delta": {"tool_calls": [opened]}}, units=1)
            for part in (arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]):
                more = {"index": call["index"], "function": {"arguments": part}}
                await self._send(outlet, {"delta": {"tool_calls": [more]}}, units=1)
        await self._send(outlet, {"delta": {}, "finish_reason": self._finish}, units=1)
        if usage:
            await self._chunk(outlet, {"choices": [], "usage": self._usage}, units=0)
        await outlet.send(b"data: [DONE]\n\n", units=0)

    async def _send(self, outlet: BodyOutlet, choice: dict[str, Any], *, units: int) -> None:
        await self._chunk(outlet, {"choices": [{"index": 0, "finish_reason": None, **choice}]}, units=units)

    async def _chunk(self, outlet: BodyOutlet, chunk: dict[str, Any], *, units: int) -> None:
        data = {**self._common, "object": "chat.completion.chunk", **chunk}
        await outlet.send(f"data: {json.dumps(data)}\n\n".encode(), units=units)


def openai_error(status: int, message: str) -> dict[str, Any]:
    """OpenAI's error object."""
    kind, code, words = _ERRORS.get(status, ("api_error", None, "Error."))
    return {"error": {"message": message or words, "type": kind, "param": None, "code": code}}


def _question(body: dict[str, Any]) -> Question:
    choice = body.get("tool_choice")
    must_call = "" if choice == "required" else None
    if isinstance(choice, dict):
        must_call = choice.get("function", {}).get("name", "")
    return Question(
        model=body["model"], messages=body["messages"], tools=body.get("tools") or (), must_call=must_call
    )


class CerebrasSimulator(ChatSimulator):
    """Cerebras: OpenAI's chat API, errors without the outer object."""

    vendor = "cerebras"

    def refusal(self, status: int, message: str = "") -> web.Response:
        return web.json_response(openai_error(status, message)["error"], status=status)


class OllamaSimulator(ChatSimulator):
    """Ollama's OpenAI-compatible chat API; it asks for no key, but the client library sends one."""

    vendor = "ollama"
    wants_key = False
