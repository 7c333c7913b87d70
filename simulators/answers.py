"""What the chat servers answer: scripted replies first, then words made of the question.

Owns no protocol: chat.py puts replies on the wire.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Messages = Sequence[dict[str, Any]]
_MOST_QUOTED_WORDS = 12


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of one of the request's tools."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """Words, calls of tools, or both."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A chat request: messages with the role and the text of each, the tools it offers, and whether it insists."""

    model: str
    messages: Messages
    tools: Sequence[dict[str, Any]] = ()
    must_call: str | None = None
    """A tool's name that has to be called, "" for any of them, None for none."""

    @property
    def last_words(self) -> str:
        """Text of the last message of the user, "" where there is none."""
        texts = [text_of(message) for message in self.messages if message.get("role") == "user"]
        return texts[-1] if texts else ""


class Answers:
    """A script, and after it words of its own, the same ones for the same question."""

    def __init__(self, otherwise: Callable[[Question], Reply] | None = None) -> None:
        self._script: deque[Reply] = deque()
        self._otherwise = otherwise or moderate

    def script(self, *replies: Reply | str) -> None:
        """Give these for the next requests, in order."""
        self._script.extend(Reply(reply) if isinstance(reply, str) else reply for reply in replies)

    def forget(self) -> None:
        """What was scripted and not given yet is not given any more."""
        self._script.clear()

    def answer(self, question: Question) -> Reply:
        """The next reply."""
        return self._script.popleft() if self._script else self._otherwise(question)


def moderate(question: Question) -> Reply:
    """A moderator's two short sentences about the last words; a call where the request insists on one."""
    if question.must_call is not None and question.tools:
        named = [
            tool["function"] for tool in question.tools if tool["function"]["name"] == question.must_call
        ]
        function = named[0] if named else question.tools[0]["function"]
        return Reply(tool_calls=(ToolCall(function["name"], _example(function.get("parameters", {}))),))
    words = re.findall(r"[\w'’-]+", question.last_words)[-_MOST_QUOTED_WORDS:]
    topic = " ".join(words) or "nothing yet"
    return Reply(f"Thank you, I have heard this: {topic}. Who would like to answer that first?")


def text_of(message: dict[str, Any]) -> str:
    """The text of a message, whose content is a string or a list of parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))


def tokens_of(text: str) -> list[str]:
    """`text` in pieces about as long as a model's tokens; together they are the text."""
    return re.findall(r"\s*[\w'’-]{1,6}|\s*[^\w\s]|\s+", text)


def _example(schema: dict[str, Any]) -> dict[str, Any]:
    """Arguments that fit a JSON schema's required properties."""
    by_type: dict[str, Any] = {
        "string": "text",
        "integer": 1,
        "number": 1.0,
        "boolean": True,
        "array": [],
        "object": {},
    }
    properties: dict[str, Any] = schema.get("properties", {})
    wanted = {name: properties.get(name, {}) for name in schema.get("required", properties)}
    return {
        name: (each.get("enum") or [by_type.get(str(each.get("type")), "text")])[0]
        for name, each in wanted.items()
    }


def arguments_json(call: ToolCall) -> str:
    """The arguments as the protocol sends them."""
    return json.dumps(call.arguments)
