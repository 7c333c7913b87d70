"""The web service against a real LiveKit server: the port's promises, and one moderator whoever calls.

The port's tests run over the in-memory LiveKit too, so that what the unit tests rest on is what the server does.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from livekit import rtc

from api.debate_data import DebateData
from api.livekit_server import LiveKitServer
from api.port import LiveKit, RoomSpec
from errors import Unavailable
from launcher.livekit_server import RunningServer
from tests.api_memory_livekit import MemoryLiveKit

# Named here, so that the server is up before the watch over what a single test leaves running begins.
pytestmark = [pytest.mark.livekit, pytest.mark.usefixtures("livekit_server")]

ROOT = Path(__file__).resolve().parents[2]


def spec(name: str, metadata: str = "", job: str = "") -> RoomSpec:
    return RoomSpec(name, metadata, job, 360, 120, 104)


@pytest.fixture(params=["memory", "server"])
async def livekit(request: pytest.FixtureRequest) -> AsyncIterator[LiveKit]:
    if request.param == "memory":
        yield MemoryLiveKit()
        return
    server = request.getfixturevalue("livekit_server")
    real = LiveKitServer(server.http_url, server.api_key, server.api_secret)
    yield real
    await real.aclose()


async def test_a_room_is_made_once_with_its_dispatch(livekit: LiveKit, room_name: str) -> None:
    made = await asyncio.gather(*(livekit.create_room(spec(room_name, f"m{n}", f"j{n}")) for n in range(20)))
    (dispatch,) = await livekit.dispatches(room_name)
    assert len({(room.sid, room.metadata) for room in made}) == 1
    assert dispatch.metadata[:1] == "j"
    assert made[0].created_ms > 0


async def test_making_it_again_changes_nothing(livekit: LiveKit, room_name: str) -> None:
    first = await livekit.create_room(spec(room_name, "first", "first"))
    again = await livekit.create_room(spec(room_name, "again", "again"))
    assert again == first
    assert [dispatch.metadata for dispatch in await livekit.dispatches(room_name)] == ["first"]


async def test_metadata_is_replaced_and_found(livekit: LiveKit, room_name: str) -> None:
    await livekit.create_room(spec(room_name))
    await livekit.set_metadata(room_name, "new")
    assert [room.metadata for room in await livekit.rooms(room_name)] == ["new"]
    assert room_name in [room.name for room in await livekit.rooms()]


async def test_dispatches_are_listed_newest_first_and_go_when_deleted(
    livekit: LiveKit, room_name: str
) -> None:
    await livekit.create_room(spec(room_name))
    assert await livekit.dispatches(room_name) == []
    made = [await livekit.create_dispatch(room_name, f"{n}") for n in range(3)]
    listed = await livekit.dispatches(room_name)
    assert [dispatch.id for dispatch in listed] == [dispatch.id for dispatch in reversed(made)]
    await livekit.delete_dispatch(room_name, made[1].id)
    await livekit.delete_dispatch(room_name, made[1].id)
    assert [dispatch.metadata for dispatch in await livekit.dispatches(room_name)] == ["2", "0"]


async def test_what_is_not_there_answers_empty(livekit: LiveKit, room_name: str) -> None:
    assert await livekit.rooms(room_name) == []
    assert await livekit.participants(room_name) == []
    assert await livekit.participant(room_name, "ada") is None
    assert await livekit.dispatches(room_name) == []
    await livekit.set_metadata(room_name, "x")
    await livekit.delete_dispatch(room_name, "AD_x")
    await livekit.remove_participant(room_name, "ada")
    await livekit.create_room(spec(room_name))
    assert await livekit.participant(room_name, "ada") is None
    await livekit.remove_participant(room_name, "ada")


async def test_credentials_that_are_refused_are_told(livekit_server: RunningServer) -> None:
    real = LiveKitServer(livekit_server.http_url, livekit_server.api_key, "x" * 40)
    with pytest.raises(Unavailable) as caught:
        await real.rooms()
    await real.aclose()
    assert caught.value.code == "livekit-credentials"


async def test_a_server_that_is_away_or_hangs_is_told_within_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        real = LiveKitServer(f"http://127.0.0.1:{port}", "key", "x" * 40, deadline_seconds=0.2)
        with pytest.raises(Unavailable) as hanging:
            await real.rooms()
    with pytest.raises(Unavailable) as away:
        await real.rooms()
    await real.aclose()
    assert {hanging.value.code, away.value.code} == {"livekit-unreachable"}


# Two instances of the web service.


@dataclass(frozen=True)
class Instances:
    urls: tuple[str, str]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def instances(livekit_server: RunningServer) -> Iterator[Instances]:
    """Two processes of `uvicorn app:app` on one LiveKit server."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    environment = {**kept, **livekit_server.environment, "SAGE_ENV_FILE": os.devnull, "LOG_LEVEL": "WARNING"}
    ports = (free_port(), free_port())
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "warning"],
            cwd=ROOT,
            env=environment,
        )
        for port in ports
    ]
    yield Instances((f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"))
    for process in running:
        process.terminate()
    for process in running:
        process.wait(10)


@pytest.fixture
async def web(instances: Instances) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(retries=0, limits=httpx.Limits(max_connections=60))
    async with httpx.AsyncClient(transport=transport, timeout=30) as client:
        for url in instances.urls:
            await until_ready(client, url)
        yield client


async def until_ready(client: httpx.AsyncClient, url: str) -> None:
    """Polls, as there is no event to wait for in another process that is starting."""
    async with asyncio.timeout(30):
        while True:
            try:
                (await client.get(f"{url}/ready")).raise_for_status()
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


@pytest.fixture
async def server_api(livekit_server: RunningServer) -> AsyncIterator[LiveKit]:
    real = LiveKitServer(livekit_server.http_url, livekit_server.api_key, livekit_server.api_secret)
    yield real
    await real.aclose()


@pytest.mark.parametrize("room_exists", [False, True])
async def test_fifty_concurrent_calls_on_two_instances_make_one_moderator(
    instances: Instances, web: httpx.AsyncClient, server_api: LiveKit, room_name: str, room_exists: bool
) -> None:
    if room_exists:
        body = {"room_name": room_name, "participant_name": "Ada"}
        (await web.post(f"{instances.urls[0]}/participant-token", json=body)).raise_for_status()

    async def call(number: int) -> httpx.Response:
        route = "debate" if number % 4 < 2 else "launch-ai-agents"
        body = {"room_name": room_name, "topic": "Cities without cars", "persona": "time-keeper"}
        return await web.post(f"{instances.urls[number % 2]}/{route}", json=body)

    answers = await asyncio.gather(*(call(number) for number in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    ids = {answer.json()["debate_id"] for answer in answers if "debate_id" in answer.json()}
    (dispatch,) = await server_api.dispatches(room_name)
    (room,) = await server_api.rooms(room_name)
    called, held = DebateData.from_json(dispatch.metadata), DebateData.from_json(room.metadata)
    assert called is not None
    assert held is not None
    assert ids == {called.debate_id} == {held.debate_id}


async def test_both_instances_tell_the_same(
    instances: Instances, web: httpx.AsyncClient, room_name: str
) -> None:
    body = {"room_name": room_name, "topic": "T"}
    (await web.post(f"{instances.urls[0]}/debate", json=body)).raise_for_status()
    told = [(await web.get(f"{url}/ai-agents/status/{room_name}")).json() for url in instances.urls]
    assert told[0]["status"] == "dispatched"
    assert told[0] == told[1]
    (await web.post(f"{instances.urls[1]}/ai-agents/stop", json={"room_name": room_name})).raise_for_status()
    assert (await web.get(f"{instances.urls[0]}/ai-agents/status/{room_name}")).json()["status"] == "inactive"


async def test_a_refused_dispatch_is_tried_again(
    instances: Instances, web: httpx.AsyncClient, server_api: LiveKit, room_name: str
) -> None:
    # No worker here: whichever instance's watcher comes first calls again, and still there is one dispatch.
    (
        await web.post(f"{instances.urls[0]}/debate", json={"room_name": room_name, "topic": "T"})
    ).raise_for_status()
    (first,) = await server_api.dispatches(room_name)
    newest = first
    async with asyncio.timeout(30):
        while newest.id == first.id:
            await asyncio.sleep(0.1)
            newest = (await server_api.dispatches(room_name))[0]
    assert DebateData.from_json(newest.metadata) == DebateData.from_json(first.metadata)


async def test_people_join_by_their_tokens_and_their_names_are_theirs(
    instances: Instances, web: httpx.AsyncClient, server_api: LiveKit, room_name: str
) -> None:
    body = {"room_name": room_name, "participant_name": "José Ñandú"}
    answer = (await web.post(f"{instances.urls[0]}/participant-token", json=body)).json()
    room = rtc.Room()
    await room.connect(answer["livekit_url"], answer["token"])
    try:
        (person,) = await server_api.participants(room_name)
        assert (person.identity, person.name) == (answer["identity"], "José Ñandú")
        assert person.attributes["sage.role"] == "host"
        taken = await web.post(f"{instances.urls[1]}/participant-token", json=body)
        assert (taken.status_code, taken.json()["code"]) == (409, "name-taken")
        identity = {"room": room_name, "identity": answer["identity"]}
        taken = await web.post(f"{instances.urls[1]}/token", json=identity)
        assert (taken.status_code, taken.json()["code"]) == (409, "name-taken")
        again = (
            await web.post(
                f"{instances.urls[1]}/participant-token",
                json=body,
                headers={"Authorization": f"Bearer {answer['token']}"},
            )
        ).json()
        assert again["identity"] == answer["identity"]
    finally:
        await room.disconnect()


async def test_nobody_changes_his_own_role(
    instances: Instances, web: httpx.AsyncClient, room_name: str
) -> None:
    changed: list[dict[str, str]] = []
    came, left = asyncio.Event(), asyncio.Event()
    watching, acting = rtc.Room(), rtc.Room()
    watching.on("participant_attributes_changed", lambda attributes, _: changed.append(attributes))
    watching.on("participant_connected", lambda _: came.set())
    watching.on("participant_disconnected", lambda _: left.set())
    for room, name in ((watching, "Ada"), (acting, "Bob")):
        body = {"room_name": room_name, "participant_name": name}
        answer = (await web.post(f"{instances.urls[0]}/participant-token", json=body)).json()
        await room.connect(answer["livekit_url"], answer["token"])
    try:
        await asyncio.wait_for(came.wait(), 30)
        # The SDK does not say that it was refused. What was sent before the leaving would be seen before it.
        await acting.local_participant.set_attributes({"sage.role": "judge"})
        await acting.disconnect()
        await asyncio.wait_for(left.wait(), 30)
        assert changed == []
    finally:
        await watching.disconnect()


async def test_agent_tokens_make_agents(
    instances: Instances, web: httpx.AsyncClient, server_api: LiveKit, room_name: str
) -> None:
    body = {"room": room_name, "identity": "agent", "participant_type": "agent"}
    answer = (await web.post(f"{instances.urls[0]}/token", json=body)).json()
    room = rtc.Room()
    await room.connect(answer["ws_url"], answer["token"])
    try:
        (agent,) = await server_api.participants(room_name)
        assert agent.kind == "agent"
        assert not agent.is_human
        assert not agent.is_moderator
    finally:
        await room.disconnect()
