"""`POST /debates/{id}/commands`: what a host may tell the moderator, over HTTP; and who else may not."""

import json
from datetime import UTC, datetime

import httpx
import pytest

from signing import Command, Verifier
from tests.api_memory_livekit import MemoryLiveKit
from tests.contract.test_api_routes import ADMIN, SECRET, application, client_of, refusal


@pytest.fixture
def livekit() -> MemoryLiveKit:
    return MemoryLiveKit(lambda: datetime.now(UTC).timestamp())


@pytest.fixture
async def web(livekit: MemoryLiveKit):
    async with client_of(application(livekit, admin_token=ADMIN)) as client:
        yield client


class Worker:
    """The moderator's side: verifies, remembers, confirms."""

    def __init__(self, livekit: MemoryLiveKit) -> None:
        self.got: list[Command] = []
        self._livekit = livekit
        livekit.on_send = self.receive

    def receive(self, room: str, identity: str, topic: str, payload: bytes) -> None:
        self.got.append(Verifier(SECRET).verify(payload, room=room, now=datetime.now(UTC).timestamp()))
        ack = json.dumps({"id": self.got[-1].id, "ok": True, "code": "", "message": ""})
        self._livekit.join_moderator(room, sage_ack=ack)


async def hall(web: httpx.AsyncClient, livekit: MemoryLiveKit, room: str = "hall") -> tuple[Worker, str]:
    """A debate with a moderator, and its host's token."""
    await web.post("/debate", json={"topic": "T", "room_name": room, "participant_name": "Hal"})
    made = await web.post("/participant-token", json={"room_name": room, "participant_name": "Hal"})
    livekit.join_moderator(room)
    return Worker(livekit), made.json()["token"]


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_the_host_commands_with_the_token_of_the_room(web: httpx.AsyncClient, livekit: MemoryLiveKit):
    worker, token = await hall(web, livekit)
    body = {"name": "extend", "args": {"seconds": "30"}}
    response = await web.post("/debates/hall/commands", json=body, headers=bearing(token))
    assert (response.status_code, response.json()) == (200, {"room_name": "hall", "name": "extend"})
    ((command),) = worker.got
    assert (command.name, command.args) == ("extend", {"seconds": "30"})
    assert command.by.startswith("hal")


async def test_an_operator_commands_every_room(web: httpx.AsyncClient, livekit: MemoryLiveKit):
    worker, _ = await hall(web, livekit)
    response = await web.post("/debates/hall/commands", json={"name": "next"}, headers=bearing(ADMIN))
    assert response.status_code == 200
    assert [(one.name, one.by) for one in worker.got] == [("next", "http")]


async def test_nobody_else_commands(web: httpx.AsyncClient, livekit: MemoryLiveKit):
    worker, _ = await hall(web, livekit)
    made = await web.post("/participant-token", json={"room_name": "hall", "participant_name": "Ana"})
    _, elsewhere = await hall(web, livekit, "cellar")
    agent = (
        await web.post("/token", json={"room": "hall", "identity": "x", "participant_type": "agent"})
    ).json()
    for token in ("", "nonsense", made.json()["token"], elsewhere, agent["token"], ADMIN[:-1]):
        response = await web.post("/debates/hall/commands", json={"name": "end"}, headers=bearing(token))
        refusal(response, 401, "host-token-required")
    assert worker.got == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "Next part"},
        {"name": "ping"},
        {"name": "x" * 33},
        {"name": "next", "args": {"a": 1}},
        {"name": "next", "args": {"a": "b" * 1001}},
        {"name": "next", "args": {str(number): "" for number in range(17)}},
    ],
)
async def test_what_is_no_command_is_refused(web: httpx.AsyncClient, livekit: MemoryLiveKit, body: object):
    worker, token = await hall(web, livekit)
    response = await web.post("/debates/hall/commands", json=body, headers=bearing(token))
    assert response.status_code == 422
    assert worker.got == []


async def test_without_a_moderator_there_is_nobody_to_command(web: httpx.AsyncClient):
    response = await web.post("/debates/hall/commands", json={"name": "next"}, headers=bearing(ADMIN))
    refusal(response, 404, "no-moderator")
