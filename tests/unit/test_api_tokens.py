"""Tokens say every grant, and only ours prove who somebody was."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from api.tokens import REJOIN_FOR, Mint

SECRET = "s" * 40
MINT = Mint("key", SECRET, 3600)


def claims(token: str) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(token, SECRET, algorithms=["HS256"])
    return decoded


def person(**changes: str) -> str:
    asked = {"room": "hall", "identity": "ada-1", "name": "Ada Ü", "role": "host", **changes}
    return MINT.for_person(**asked).jwt


def signed(**changes: Any) -> str:
    return jwt.encode({**claims(person()), **changes}, SECRET, algorithm="HS256")


def test_a_persons_token_grants_speech_and_nothing_else() -> None:
    made = claims(person())
    assert made["video"] == {
        "roomJoin": True,
        "room": "hall",
        "canPublish": True,
        "canPublishSources": ["microphone"],
        "canSubscribe": True,
        "canPublishData": True,
        "canUpdateOwnMetadata": False,
        "canSubscribeMetrics": False,
        "canManageAgentSession": False,
        "roomCreate": False,
        "roomList": False,
        "roomRecord": False,
        "roomAdmin": False,
        "ingressAdmin": False,
        "hidden": False,
        "recorder": False,
        "agent": False,
    }
    assert (made["sub"], made["name"], made["kind"]) == ("ada-1", "Ada Ü", "standard")
    assert made["attributes"] == {"sage.role": "host", "sage.name": "Ada Ü"}


def test_the_token_is_good_for_as_long_as_it_says() -> None:
    made = MINT.for_person(room="hall", identity="ada-1", name="Ada", role="debater")
    assert claims(made.jwt)["exp"] - claims(made.jwt)["nbf"] == 3600
    assert abs(made.expires_at - claims(made.jwt)["exp"]) <= 1
    assert made.jwt not in repr(made)


def test_an_agents_token_is_of_its_kind_and_registers_no_worker() -> None:
    made = claims(MINT.for_agent(room="hall", identity="agent").jwt)
    assert made["kind"] == "agent"
    assert not made["video"]["agent"]
    assert not made["video"]["roomAdmin"]
    assert "sage.role" not in made["attributes"]


def test_an_earlier_token_proves_who_somebody_was() -> None:
    holder = MINT.holder(person())
    assert holder is not None
    assert (holder.room, holder.identity, holder.name, holder.role) == ("hall", "ada-1", "Ada Ü", "host")


def test_a_token_that_ran_out_lately_proves_it_too_but_no_old_one() -> None:
    now = datetime.now(UTC)
    assert MINT.holder(signed(exp=now - REJOIN_FOR + timedelta(minutes=5))) is not None
    assert MINT.holder(signed(exp=now - REJOIN_FOR - timedelta(minutes=5))) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        Mint("key", "t" * 40, 60).for_person(room="hall", identity="a", name="A", role="host").jwt,
        Mint("other", SECRET, 60).for_person(room="hall", identity="a", name="A", role="host").jwt,
        MINT.for_agent(room="hall", identity="helper").jwt,
        signed(sub="agent-1"),
        signed(sub="a b"),
        signed(attributes={}),
        signed(attributes=None),
        signed(video=None),
        jwt.encode({"sub": "ada-1"}, SECRET, algorithm="HS256"),
        jwt.encode({**claims(person())}, "", algorithm="none"),
    ],
)
def test_nothing_else_proves_anything(token: str) -> None:
    assert MINT.holder(token) is None
