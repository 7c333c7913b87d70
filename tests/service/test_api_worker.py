"""The web service and a real worker: calling a moderator, changing its persona over HTTP, sending it away."""

import asyncio
from typing import Any

import httpx
import pytest

from launcher.stack import Stack

pytestmark = [pytest.mark.livekit, pytest.mark.usefixtures("stack"), pytest.mark.timeout(120)]


async def becomes(web: httpx.AsyncClient, room: str, status: str) -> dict[str, Any]:
    """Polls, as there is no event to wait for in other processes."""
    async with asyncio.timeout(60):
        while True:
            told: dict[str, Any] = (await web.get(f"/ai-agents/status/{room}")).json()
            if told["status"] == status:
                return told
            await asyncio.sleep(0.1)


async def test_a_moderator_comes_changes_its_persona_and_goes(stack: Stack, room_name: str) -> None:
    async with httpx.AsyncClient(base_url=stack.web_url, timeout=30) as web:
        body = {"room_name": room_name, "topic": "Cities without cars"}
        debate = (await web.post("/debate", json=body)).raise_for_status().json()
        told = await becomes(web, room_name, "active")
        assert (told["topic"], told["persona"]) == ("Cities without cars", "neutral-facilitator")
        for where, persona in ((debate["debate_id"], "time-keeper"), (room_name, "devils-advocate")):
            changed = await web.put(f"/debates/{where}/persona", json={"persona": persona})
            assert changed.json() == {"room_name": room_name, "persona": persona}
            assert (await web.get(f"/ai-agents/status/{room_name}")).json()["persona"] == persona
        again = (await web.post("/launch-ai-agents", json=body)).json()
        assert "active already" in again["message"]
        stopped = (await web.post("/ai-agents/stop", json={"room_name": room_name})).json()
        assert "stopped" in stopped["message"]
        assert (await becomes(web, room_name, "inactive"))["persona"] is None
        assert (await web.put(f"/debates/{room_name}/persona", json={"persona": persona})).status_code == 404
