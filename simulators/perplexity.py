"""Perplexity: OpenAI's chat API with search results and citations, without tools, and strict about roles.

As docs.perplexity.ai tells and as users met it: roles must alternate after the system messages, the last message is
the user's (github.com/perplexityai/api-discussion issue 265), and a wrong key is answered by the proxy in HTML.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from simulators.answers import Question, Reply
from simulators.chat import ChatSimulator

_SOURCES = (
    ("A fact sheet", "https://facts.example/one", "2026-01-10"),
    ("A newspaper", "https://news.example/two", "2026-02-20"),
)
_PAGE_401 = (
    "<html>\r\n<head><title>401 Authorization Required</title></head>\r\n<body>\r\n"
    "<center><h1>401 Authorization Required</h1></center>\r\n<hr><center>openresty</center>\r\n</body>\r\n</html>\r\n"
)
_TYPES = {400: "invalid_message", 402: "insufficient_quota", 429: "too_many_requests"}


class PerplexitySimulator(ChatSimulator):
    """Cut after so many tokens."""

    vendor = "perplexity"
    base_path = ""
    takes_tools = False

    def refusal(self, status: int, message: str = "") -> web.Response:
        if status == 401:
            return web.Response(status=401, text=_PAGE_401, content_type="text/html")
        error = {"message": message or "Error.", "type": _TYPES.get(status, "internal_error"), "code": status}
        return web.json_response({"error": error}, status=status)

    def check(self, body: dict[str, Any]) -> str:
        if wrong := super().check(body):
            return wrong
        if body.get("tools"):
            return "Tool calling is not supported for this model"
        return _wrong_roles([str(message.get("role")) for message in body["messages"]])

    def extras(self, question: Question) -> dict[str, Any]:
        results = [{"title": title, "url": url, "date": date} for title, url, date in _SOURCES]
        return {"citations": [url for _, url, _ in _SOURCES], "search_results": results}

    def words_of(self, reply: Reply) -> str:
        """The text with a citation mark after the first sentence, as its models write."""
        first, mark, rest = reply.text.partition(". ")
        return f"{first}.[1][2] {rest}" if mark else reply.text

    def delta(self, content: str, so_far: str) -> dict[str, Any]:
        # Each chunk repeats the whole message so far, beside the delta that OpenAI's clients read.
        message = {"role": "assistant", "content": so_far}
        return {"message": message, "delta": {"role": "assistant", "content": content}}


def _wrong_roles(roles: list[str]) -> str:
    spoken = [role for role in roles if role != "system"]
    if "system" in roles[len(roles) - len(spoken) :] or any(
        (role == "assistant") != bool(number % 2) for number, role in enumerate(spoken)
    ):
        return (
            "After the (optional) system message(s), user or tool message(s) should alternate with assistant "
            "message(s)."
        )
    if not spoken or spoken[-1] not in ("user", "tool"):
        return "Last message must have role `user` or `tool`."
    return ""
