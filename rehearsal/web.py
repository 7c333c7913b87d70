"""The web service as a debater's page uses it: make a debate, get a token.

Owns the requests and what their failures mean to the person who rehearses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from errors import Unavailable


@dataclass(frozen=True, slots=True)
class Entry:
    """What a participant needs to come in."""

    identity: str
    name: str
    livekit_url: str
    token: str = field(repr=False)


class WebService:
    """A client of the routes of `http-api.md`, at `url` (e.g. http://localhost:8000)."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=20.0)

    async def open_debate(
        self, room: str, *, topic: str, persona: str, format_name: str, host: str
    ) -> dict[str, Any]:
        """Make the room, with `host` as its host, and send for a moderator. Raises Unavailable."""
        body = {
            "room_name": room,
            "topic": topic,
            "persona": persona,
            "format": format_name,
            "participant_name": host,
        }
        return await self._post("/debate", {key: value for key, value in body.items() if value})

    async def enter(self, room: str, name: str) -> Entry:
        """A token for `name`. Raises Unavailable with what the service said."""
        got = await self._post("/participant-token", {"room_name": room, "participant_name": name})
        return Entry(
            str(got["identity"]), str(got["participant_name"]), str(got["livekit_url"]), str(got["token"])
        )

    async def dismiss_moderator(self, room: str) -> None:
        """Send the moderator away; best effort, as the room is over."""
        await self._post("/ai-agents/stop", {"room_name": room})

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _post(self, route: str, body: dict[str, str]) -> dict[str, Any]:
        try:
            answer = await self._http.post(route, json=body)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"The web service at {self._http.base_url} does not answer ({type(error).__name__}).",
                hint="Start it with `make run`, or leave out --url.",
            ) from None
        try:
            parsed = answer.json()
        except ValueError:
            parsed = None
        if answer.is_success and isinstance(parsed, dict):
            return parsed
        said = parsed.get("detail", "") if isinstance(parsed, dict) else ""
        raise Unavailable(
            f"POST {route} answered {answer.status_code}. {said}".strip(), code="web-service-refused"
        )
