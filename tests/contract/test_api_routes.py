"""Each route of the HTTP API as its clients know it: names and shapes of answers and of refusals."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI

from api.application import ROOT, create_app
from memory.ids import is_uuid
from settings import load_settings
from signing import Verifier
from tests.api_memory_livekit import AWAY, MemoryLiveKit

# Production takes no secret that looks like a placeholder.
SECRET = "Zq3vR8nLx5TfW1yKc7HdUe2JbGm9PsAo"
ADMIN = "f4Yt7QkB2wXz9CvN6mLr1HsDj8GpEu3o"
SETTINGS = {
    "livekit_url": "https://rtc.example.org",
    "livekit_api_key": "APIq7Wn2kXv5Rt",
    "livekit_api_secret": SECRET,
}


def application(livekit: MemoryLiveKit, root: Path = ROOT, **changes: Any) -> FastAPI:
    return create_app(load_settings(**{**SETTINGS, **changes}), livekit=livekit, watch=False, root=root)


def client_of(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://sage.test")


@pytest.fixture
def livekit() -> MemoryLiveKit:
    return MemoryLiveKit(lambda: datetime.now(UTC).timestamp())


@pytest.fixture
async def web(livekit: MemoryLiveKit) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application(livekit, max_participants=2)) as client:
        yield client


def refusal(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The one shape of every error."""
    problem: dict[str, Any] = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert (
        {"type", "title", "status", "detail", "code"}
        <= problem.keys()
        <= {
            "type",
            "title",
            "status",
            "detail",
            "code",
            "errors",
        }
    )
    for error in problem.get("errors", []):
        assert error.keys() == {"field", "problem"}
    assert "Traceback" not in response.text
    assert SECRET not in response.text
    assert "content-security-policy" in response.headers
    return problem


def is_utc(text: str) -> bool:
    moment = datetime.fromisoformat(text)
    return moment.tzinfo is not None and not moment.utcoffset()


def claims(token: str) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(token, SECRET, algorithms=["HS256"])
    return decoded


# Site.


async def test_index_is_json_for_programs(web: httpx.AsyncClient) -> None:
    answer = (await web.get("/")).json()
    assert answer.keys() == {"message", "status"}
    assert answer["status"] == "healthy"


async def test_index_is_the_page_for_browsers_and_files_come_as_what_they_are(
    livekit: MemoryLiveKit, tmp_path: Path
) -> None:
    (tmp_path / "web" / "js").mkdir(parents=True)
    (tmp_path / "web" / "index.html").write_text("<!doctype html>")
    (tmp_path / "web" / "js" / "main.js").write_text("export {}")
    dist = tmp_path / "node_modules" / "livekit-client" / "dist"
    async with client_of(application(livekit, tmp_path)) as web:
        page = await web.get("/", headers={"Accept": "text/html,*/*"})
        module = await web.get("/web/js/main.js")
        missing = await web.get("/vendor/livekit-client.esm.mjs")
        dist.mkdir(parents=True)
        (dist / "livekit-client.esm.mjs").write_text("export {}")
        vendor = await web.get("/vendor/livekit-client.esm.mjs")
        outside = await web.get("/web/..%2fsecret")
    assert page.headers["content-type"].startswith("text/html")
    assert "wss://rtc.example.org" in page.headers["content-security-policy"]
    assert module.headers["content-type"].startswith("text/javascript")
    assert vendor.headers["content-type"].startswith("text/javascript")
    assert "npm ci" in refusal(missing, 503, "browser-client-missing")["detail"]
    refusal(outside, 404, "not-found")


async def test_health(web: httpx.AsyncClient, livekit: MemoryLiveKit) -> None:
    answer = (await web.get("/health")).json()
    assert answer.keys() == {"status", "timestamp", "livekit_configured", "active_agents"}
    assert (answer["status"], answer["livekit_configured"], answer["active_agents"]) == ("healthy", True, 0)
    assert is_utc(answer["timestamp"])
    livekit.failure = AWAY
    assert (await web.get("/health")).status_code == 200


async def test_ready_only_while_livekit_answers(web: httpx.AsyncClient, livekit: MemoryLiveKit) -> None:
    assert (await web.get("/ready")).status_code == 200
    livekit.failure = AWAY
    response = await web.get("/ready")
    refusal(response, 503, "livekit-unreachable")
    assert response.headers["retry-after"]


async def test_personas(web: httpx.AsyncClient) -> None:
    answer = (await web.get("/personas")).json()
    assert {"neutral-facilitator", "time-keeper"} <= {persona["name"] for persona in answer}
    assert all(persona.keys() == {"name", "title", "summary"} for persona in answer)


# Tokens.


async def test_token(web: httpx.AsyncClient) -> None:
    answer = (await web.post("/token", json={"room": "hall", "identity": "ada"})).json()
    assert answer.keys() == {"token", "ws_url", "room", "identity", "expires_at"}
    assert (answer["room"], answer["identity"]) == ("hall", "ada")
    assert answer["ws_url"] == "wss://rtc.example.org"
    assert is_utc(answer["expires_at"])
    assert claims(answer["token"])["exp"] == datetime.fromisoformat(answer["expires_at"]).timestamp()


async def test_token_of_the_runbooks_smoke_test(web: httpx.AsyncClient) -> None:
    body = {"room": "test", "identity": "agent", "participant_type": "agent"}
    assert claims((await web.post("/token", json=body)).json()["token"])["kind"] == "agent"


@pytest.mark.parametrize(
    ("authorization", "status"), [(None, 401), ("Bearer wrong", 401), (ADMIN, 401), (f"Bearer {ADMIN}", 200)]
)
async def test_agents_tokens_are_for_operators_in_production(
    livekit: MemoryLiveKit, authorization: str | None, status: int
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    body = {"room": "test", "identity": "agent", "participant_type": "agent"}
    app = application(livekit, sage_env="production", admin_token=ADMIN)
    async with client_of(app) as web:
        response = await web.post("/token", json=body, headers=headers)
    assert response.status_code == status
    if status == 401:
        refusal(response, 401, "admin-token-required")


async def test_a_token_for_an_identity_in_the_room_is_refused(
    web: httpx.AsyncClient, livekit: MemoryLiveKit
) -> None:
    await web.post("/token", json={"room": "hall", "identity": "ada"})
    livekit.join("hall", "ada")
    refusal(await web.post("/token", json={"room": "hall", "identity": "ada"}), 409, "name-taken")


async def test_nobody_poses_as_an_agent(web: httpx.AsyncClient) -> None:
    for identity in ("agent-1", "Agent-1"):
        response = await web.post("/token", json={"room": "hall", "identity": identity})
        assert refusal(response, 422, "identity-reserved")["errors"][0]["field"] == "identity"


async def join(web: httpx.AsyncClient, name: str, **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    body = {"room_name": "hall", "participant_name": name, **more}
    return await web.post("/participant-token", json=body, headers=headers)


async def test_participant_token(web: httpx.AsyncClient) -> None:
    answer = (await join(web, " José  Ñandú ")).json()
    assert answer.keys() == {"token", "livekit_url", "participant_name", "identity", "room_name", "topic"}
    assert answer["participant_name"] == "José Ñandú"
    assert answer["identity"].startswith("jose-nandu-")
    assert (answer["livekit_url"], answer["topic"]) == ("wss://rtc.example.org", "General Discussion")
    token = claims(answer["token"])
    assert token["sub"] == answer["identity"]
    assert token["name"] == "José Ñandú"


async def test_the_topic_answered_is_the_debates(web: httpx.AsyncClient) -> None:
    assert (await join(web, "Ada", topic="Mine")).json()["topic"] == "Mine"
    await web.post("/debate", json={"topic": "Ours", "room_name": "hall"})
    assert (await join(web, "Ada", topic="Mine")).json()["topic"] == "Ours"


async def test_the_first_one_is_host_and_the_others_debate(
    web: httpx.AsyncClient, livekit: MemoryLiveKit
) -> None:
    first = claims((await join(web, "Ada")).json()["token"])
    assert first["attributes"]["sage.role"] == "host"
    livekit.join("hall", first["sub"], "Ada", sage_role="host", sage_name="Ada")
    assert claims((await join(web, "Bob")).json()["token"])["attributes"]["sage.role"] == "debater"


async def test_who_opened_the_debate_is_host_also_when_others_come_first(
    web: httpx.AsyncClient, livekit: MemoryLiveKit
) -> None:
    await web.post("/debate", json={"topic": "T", "room_name": "hall", "participant_name": "Ada"})
    bob = claims((await join(web, "Bob")).json()["token"])
    livekit.join("hall", bob["sub"], "Bob", sage_role="debater")
    assert bob["attributes"]["sage.role"] == "debater"
    assert claims((await join(web, "ada")).json()["token"])["attributes"]["sage.role"] == "host"


@pytest.mark.parametrize("proof", ["header", "body"])
async def test_a_name_in_the_room_is_taken_except_for_who_has_it(
    web: httpx.AsyncClient, livekit: MemoryLiveKit, proof: str
) -> None:
    first = (await join(web, "Ada")).json()
    livekit.join("hall", first["identity"], "Ada", sage_role="host", sage_name="Ada")
    livekit.join("hall", "bob", "Bob")
    assert "ADA" in refusal(await join(web, "ADA"), 409, "name-taken")["detail"]
    shown = (
        {"headers": {"Authorization": f"Bearer {first['token']}"}}
        if proof == "header"
        else {"rejoin": first["token"]}
    )
    # Also in a full room: it is his own place.
    again = (await join(web, "Ada", **shown)).json()
    assert again["identity"] == first["identity"]
    assert claims(again["token"])["attributes"]["sage.role"] == "host"


def role_of(response: httpx.Response) -> str:
    return str(claims(response.json()["token"])["attributes"]["sage.role"])


async def test_people_may_come_to_judge_or_to_listen_but_not_as_host(
    web: httpx.AsyncClient, livekit: MemoryLiveKit
) -> None:
    assert role_of(await join(web, "Eve", role="audience")) == "audience"
    livekit.join("hall", "eve", "Eve", sage_role="audience", sage_name="Eve")
    assert role_of(await join(web, "Joe", role="judge")) == "judge"
    assert role_of(await join(web, "Ada", role="debater")) == "host"  # the first who comes to debate
    livekit.leave("hall", "eve")  # the hall of these tests has two places
    livekit.join("hall", "ada", "Ada", sage_role="host", sage_name="Ada")
    assert role_of(await join(web, "Bob", role="debater")) == "debater"
    problem = refusal(await join(web, "Mallory", role="host"), 422, "invalid-input")
    assert problem["errors"][0]["field"] == "role"


async def test_a_role_is_changed_by_coming_again_and_not_by_asking_again(
    web: httpx.AsyncClient, livekit: MemoryLiveKit
) -> None:
    first = (await join(web, "Eve", role="audience")).json()
    livekit.join("hall", "ada", "Ada", sage_role="host", sage_name="Ada")
    livekit.join("hall", first["identity"], "Eve", sage_role="audience", sage_name="Eve")
    here = await join(web, "Eve", role="judge", rejoin=first["token"])
    assert role_of(here) == "audience"
    livekit.leave("hall", first["identity"])
    back = await join(web, "Eve", role="judge", rejoin=first["token"])
    assert (role_of(back), back.json()["identity"]) == ("judge", first["identity"])


async def test_a_proof_from_another_room_or_name_proves_nothing(
    web: httpx.AsyncClient, livekit: MemoryLiveKit
) -> None:
    first = (await join(web, "Ada")).json()
    livekit.join("hall", "ada", "Ada", sage_name="Ada")
    elsewhere = {"room_name": "other", "participant_name": "Ada", "rejoin": first["token"]}
    answer = (await web.post("/participant-token", json=elsewhere)).json()
    assert answer["identity"] != first["identity"]
    other_name = (await join(web, "Bob", rejoin=first["token"])).json()
    assert other_name["identity"] != first["identity"]
    refusal(await join(web, "Ada", rejoin="forged"), 409, "name-taken")


async def test_a_full_room_is_full(web: httpx.AsyncClient, livekit: MemoryLiveKit) -> None:
    await join(web, "Ada")
    livekit.join_moderator("hall")
    livekit.join("hall", "ada", "Ada")
    assert (await join(web, "Bob")).status_code == 200
    livekit.join("hall", "bob", "Bob")
    refusal(await join(web, "Cleo"), 429, "room-full")
    refusal(await web.post("/token", json={"room": "hall", "identity": "cleo"}), 429, "room-full")


# Debates.


async def test_debate(web: httpx.AsyncClient, livekit: MemoryLiveKit) -> None:
    body = {
        "topic": " Cities\nwithout  cars ",
        "room_name": "hall",
        "persona": "time-keeper",
        "format": "oxford",
    }
    answer = (await web.post("/debate", json=body)).json()
    assert answer.keys() == {
        "room_name",
        "debate_id",
        "topic",
        "persona",
        "format",
        "livekit_url",
        "created_at",
    }
    assert (answer["topic"], answer["persona"], answer["format"]) == (
        "Cities without cars",
        "time-keeper",
        "oxford",
    )
    assert is_uuid(answer["debate_id"])
    assert is_utc(answer["created_at"])
    assert (await web.post("/debate", json={"topic": "Other", "room_name": "hall"})).json() == answer
    spec = livekit.held["hall"].spec
    assert (spec.empty_timeout_seconds, spec.departure_timeout_seconds, spec.max_participants) == (
        360,
        120,
        6,
    )


async def test_launching_stopping_and_the_status_between(
    web: httpx.AsyncClient, livekit: MemoryLiveKit
) -> None:
    status = (await web.get("/ai-agents/status/hall")).json()
    assert status == {
        "status": "inactive",
        "room_name": "hall",
        "topic": None,
        "persona": None,
        "launched_at": None,
    }
    body = {"room_name": "hall", "topic": "T"}
    launched = (await web.post("/launch-ai-agents", json=body)).json()
    assert launched.keys() == {"message", "room_name", "topic", "persona"}
    assert launched["persona"] == "neutral-facilitator"
    assert (await web.get("/ai-agents/status/hall")).json()["status"] == "dispatched"
    assert (await web.get("/ai-agents/status")).json() == {"active_agents": {}, "total_agents": 0}
    again = (await web.post("/launch-ai-agents", json=body)).json()
    assert "active already" in again["message"]
    livekit.join_moderator("hall", sage_persona="time-keeper")
    everywhere = (await web.get("/ai-agents/status")).json()
    assert everywhere["total_agents"] == 1
    status = everywhere["active_agents"]["hall"]
    assert (status["status"], status["topic"], status["persona"]) == ("active", "T", "time-keeper")
    assert is_utc(status["launched_at"])
    assert (await web.get("/health")).json()["active_agents"] == 1
    livekit.leave("hall", "agent-1")
    stopped = (await web.post("/ai-agents/stop", json={"room_name": "hall"})).json()
    assert stopped.keys() == {"message", "room_name"}
    assert (await web.get("/ai-agents/status/hall")).json()["status"] == "inactive"
    assert (await web.post("/ai-agents/stop", json={"room_name": "hall"})).status_code == 200


@pytest.mark.parametrize("by", ["room", "id"])
async def test_switching_the_persona_sends_a_signed_command_and_waits(
    web: httpx.AsyncClient, livekit: MemoryLiveKit, by: str
) -> None:
    debate = (await web.post("/debate", json={"topic": "T", "room_name": "hall"})).json()
    livekit.join_moderator("hall")
    got = []

    def worker(room: str, identity: str, topic: str, payload: bytes) -> None:
        now = datetime.now(UTC).timestamp()
        got.append((identity, topic, Verifier(SECRET).verify(payload, room=room, now=now)))
        ack = json.dumps({"id": got[0][2].id, "ok": True, "code": "", "message": ""})
        livekit.join_moderator("hall", sage_ack=ack)

    livekit.on_send = worker
    debate_id = "hall" if by == "room" else debate["debate_id"]
    response = await web.put(f"/debates/{debate_id}/persona", json={"persona": "topic-expert"})
    assert response.json() == {"room_name": "hall", "persona": "topic-expert"}
    ((identity, topic, command),) = got
    assert (identity, topic) == ("agent-1", "sage.command")
    assert (command.name, command.args, command.by) == ("persona", {"persona": "topic-expert"}, "http")


async def test_the_moderators_refusal_is_handed_on(web: httpx.AsyncClient, livekit: MemoryLiveKit) -> None:
    await web.post("/debate", json={"topic": "T", "room_name": "hall"})
    livekit.join_moderator("hall")

    def worker(room: str, identity: str, topic: str, payload: bytes) -> None:
        ack = {
            "id": json.loads(payload)["id"],
            "ok": False,
            "code": "not-now",
            "message": "Not during a vote.",
        }
        livekit.join_moderator("hall", sage_ack=json.dumps(ack))

    livekit.on_send = worker
    response = await web.put("/debates/hall/persona", json={"persona": "topic-expert"})
    assert "Not during a vote." in refusal(response, 409, "not-now")["detail"]


async def test_a_moderator_that_leaves_instead_of_confirming_is_told_of(
    web: httpx.AsyncClient, livekit: MemoryLiveKit
) -> None:
    await web.post("/debate", json={"topic": "T", "room_name": "hall"})
    livekit.join_moderator("hall", sage_ack="not json")

    def worker(room: str, identity: str, topic: str, payload: bytes) -> None:
        livekit.leave(room, identity)

    livekit.on_send = worker
    refusal(await web.put("/debates/hall/persona", json={"persona": "topic-expert"}), 404, "no-moderator")


@pytest.mark.parametrize("made", [False, True])
async def test_without_a_moderator_there_is_no_persona_to_switch(web: httpx.AsyncClient, made: bool) -> None:
    if made:
        await web.post("/debate", json={"topic": "T", "room_name": "hall"})
    response = await web.put("/debates/hall/persona", json={"persona": "topic-expert"})
    refusal(response, 404, "no-moderator")


# Bad input, everywhere.

BAD = [
    ("/token", {"room": "a b", "identity": "ada"}, "room"),
    ("/token", {"room": "hall", "identity": "é"}, "identity"),
    ("/token", {"room": "hall", "identity": "a" * 65}, "identity"),
    ("/token", {"room": "hall\n", "identity": "ada"}, "room"),
    ("/token", {"room": "hall", "identity": 7}, "identity"),
    ("/token", {"room": "hall"}, "identity"),
    ("/token", {"room": "hall", "identity": "ada", "participant_type": "admin"}, "participant_type"),
    ("/token", [], "body"),
    ("/participant-token", {"room_name": "hall", "participant_name": ""}, "participant_name"),
    ("/participant-token", {"room_name": "hall", "participant_name": " \u200b"}, "participant_name"),
    ("/participant-token", {"room_name": "hall", "participant_name": "x" * 65}, "participant_name"),
    ("/participant-token", {"room_name": "hall", "participant_name": "a\u0007"}, "participant_name"),
    ("/participant-token", {"room_name": "hall", "participant_name": "Sage"}, "participant_name"),
    ("/participant-token", {"room_name": "hall", "participant_name": "Ada", "rejoin": 1}, "rejoin"),
    ("/debate", {"room_name": "hall"}, "topic"),
    ("/debate", {"room_name": "hall", "topic": " "}, "topic"),
    ("/debate", {"room_name": "hall", "topic": "x" * 501}, "topic"),
    ("/debate", {"room_name": "hall", "topic": "a\u0000b"}, "topic"),
    ("/debate", {"room_name": "hall", "topic": ["a"]}, "topic"),
    ("/debate", {"room_name": "../x", "topic": "T"}, "room_name"),
    ("/launch-ai-agents", {"room_name": "", "topic": "T"}, "room_name"),
    ("/ai-agents/stop", {"room_name": None}, "room_name"),
]


@pytest.mark.parametrize(("path", "body", "field"), BAD)
async def test_bad_fields_are_named_and_nothing_is_done(
    web: httpx.AsyncClient, livekit: MemoryLiveKit, path: str, body: Any, field: str
) -> None:
    problem = refusal(await web.post(path, json=body), 422, "invalid-input")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert livekit.calls == []


@pytest.mark.parametrize("path", ["/debate", "/launch-ai-agents", "/participant-token"])
async def test_unknown_personas_are_refused_with_the_known_ones(
    web: httpx.AsyncClient, livekit: MemoryLiveKit, path: str
) -> None:
    body = {"room_name": "hall", "topic": "T", "participant_name": "Ada", "persona": "judge-judy"}
    problem = refusal(await web.post(path, json=body), 422, "unknown-persona")
    assert "time-keeper" in problem["detail"]
    assert livekit.calls == []


async def test_unknown_formats_are_refused(web: httpx.AsyncClient, livekit: MemoryLiveKit) -> None:
    body = {"room_name": "hall", "topic": "T", "format": "brawl"}
    response = await web.post("/debate", json=body)
    assert response.status_code == 422
    assert "oxford" in refusal(response, 422, response.json()["code"])["detail"]
    assert livekit.calls == []


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("POST", "/debate", b"{", 422, "invalid-input"),
        ("POST", "/debate", b'{"topic": "\\ud800", "room_name": "hall"}', 422, "invalid-input"),
        ("POST", "/debate", b"\xff\xfe", 422, "invalid-input"),
        ("POST", "/debate", b"[" * 60000, 400, "body-unreadable"),
        ("POST", "/debate", b"x" * 70000, 413, "body-too-large"),
        ("GET", "/debate", b"", 405, "method-not-allowed"),
        ("GET", "/nowhere", b"", 404, "not-found"),
        ("GET", "/ai-agents/status/a%20b", b"", 422, "invalid-input"),
        ("PUT", "/debates/a%20b/persona", b'{"persona": "time-keeper"}', 422, "invalid-input"),
    ],
)
async def test_every_error_has_the_one_shape(
    web: httpx.AsyncClient, method: str, path: str, content: bytes, status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json"}
    refusal(await web.request(method, path, content=content, headers=headers), status, code)


ASKING = [
    ("POST", "/token", {"room": "hall", "identity": "ada"}),
    ("POST", "/participant-token", {"room_name": "hall", "participant_name": "Ada"}),
    ("POST", "/debate", {"room_name": "hall", "topic": "T"}),
    ("POST", "/launch-ai-agents", {"room_name": "hall", "topic": "T"}),
    ("POST", "/ai-agents/stop", {"room_name": "hall"}),
    ("GET", "/ai-agents/status", None),
    ("GET", "/ai-agents/status/hall", None),
    ("PUT", "/debates/hall/persona", {"persona": "time-keeper"}),
    ("GET", "/ready", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ASKING)
async def test_livekit_away_is_said_with_what_to_do(
    web: httpx.AsyncClient, livekit: MemoryLiveKit, method: str, path: str, body: Any
) -> None:
    livekit.failure = AWAY
    refusal(await web.request(method, path, json=body), 503, "livekit-unreachable")


async def test_without_livekit_settings_it_lives_and_says_what_is_missing() -> None:
    app = create_app(load_settings(), watch=False)
    async with client_of(app) as web:
        assert (await web.get("/health")).json()["livekit_configured"] is False
        for method, path, body in ASKING:
            response = await web.request(method, path, json=body)
            assert "LIVEKIT_URL" in refusal(response, 503, "livekit-not-configured")["detail"]


async def test_what_nobody_foresaw_is_told_without_a_trace(
    web: httpx.AsyncClient, livekit: MemoryLiveKit
) -> None:
    livekit.failure = RuntimeError(SECRET)  # type: ignore[assignment]
    refusal(await web.get("/ai-agents/status"), 500, "internal-error")


async def test_only_allowed_origins_may_read(livekit: MemoryLiveKit) -> None:
    app = application(livekit, allowed_origins="https://debates.example.org")
    async with client_of(app) as web:
        ours = await web.get("/personas", headers={"Origin": "https://debates.example.org"})
        refused = await web.post(
            "/debate", content=b"x" * 70000, headers={"Origin": "https://debates.example.org"}
        )
        foreign = await web.get("/personas", headers={"Origin": "https://evil.example.org"})
    assert ours.headers["access-control-allow-origin"] == "https://debates.example.org"
    assert refused.headers["access-control-allow-origin"] == "https://debates.example.org"
    assert "access-control-allow-origin" not in foreign.headers


async def test_the_livekit_connection_is_closed_with_the_service(livekit: MemoryLiveKit) -> None:
    app = create_app(load_settings(**SETTINGS), livekit=livekit)
    async with app.router.lifespan_context(app):
        assert not livekit.closed
    assert livekit.closed
