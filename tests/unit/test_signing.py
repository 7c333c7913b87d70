"""Commands are let through once, fresh, in their own room, under the shared secret; all else is refused."""

import json
from typing import Any

import pytest

from errors import Forbidden
from signing import Verifier, sign

SECRET = "s" * 40
NOW = 1_800_000_000.25


def command(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": "c1",
        "name": "persona",
        "args": {"persona": "time-keeper"},
        "by": "http",
        "at": NOW,
        "room": "demo",
    }
    return {**base, **changes}


def refusal(payload: bytes, *, room: str = "demo", now: float = NOW, verifier: Verifier | None = None) -> str:
    with pytest.raises(Forbidden) as caught:
        (verifier or Verifier(SECRET)).verify(payload, room=room, now=now)
    assert SECRET not in str(caught.value)
    return caught.value.code


def test_a_signed_command_comes_back_as_it_was() -> None:
    got = Verifier(SECRET).verify(sign(command(by="José ☂"), SECRET), room="demo", now=NOW + 29)
    assert (got.id, got.name, got.args, got.by, got.at) == (
        "c1",
        "persona",
        {"persona": "time-keeper"},
        "José ☂",
        NOW,
    )


def test_the_payload_is_json_with_a_hex_sha256_signature() -> None:
    members = json.loads(sign(command(), SECRET))
    assert set(members) == {"id", "name", "args", "by", "at", "room", "sig"}
    assert len(bytes.fromhex(members["sig"])) == 32


@pytest.mark.parametrize("member", ["id", "name", "by", "room"])
def test_changing_any_member_breaks_the_signature(member: str) -> None:
    members = json.loads(sign(command(), SECRET))
    members[member] += "x"
    assert refusal(json.dumps(members).encode(), room=members["room"]) == "bad-signature"


def test_changing_arguments_or_time_breaks_the_signature() -> None:
    members = json.loads(sign(command(), SECRET))
    assert refusal(json.dumps({**members, "args": {"persona": "x"}}).encode()) == "bad-signature"
    assert refusal(json.dumps({**members, "at": NOW + 1}).encode()) == "bad-signature"


def test_another_secret_is_refused() -> None:
    assert refusal(sign(command(), "t" * 40)) == "bad-signature"


def test_a_signature_that_is_not_ascii_is_refused() -> None:
    members = json.loads(sign(command(), SECRET))
    assert refusal(json.dumps({**members, "sig": "é"}).encode()) == "bad-signature"


def test_a_command_for_another_room_is_refused() -> None:
    assert refusal(sign(command(), SECRET), room="other") == "wrong-room"


@pytest.mark.parametrize("offset", [30.1, -30.1])
def test_a_stale_or_postdated_command_is_refused(offset: float) -> None:
    assert refusal(sign(command(), SECRET), now=NOW + offset) == "command-stale"


def test_a_command_is_carried_out_once() -> None:
    verifier = Verifier(SECRET)
    payload = sign(command(), SECRET)
    verifier.verify(payload, room="demo", now=NOW)
    assert refusal(payload, verifier=verifier, now=NOW + 30) == "command-repeated"


def test_a_refused_command_is_not_remembered() -> None:
    verifier = Verifier(SECRET)
    payload = sign(command(), SECRET)
    assert refusal(payload, verifier=verifier, room="other") == "wrong-room"
    assert verifier.verify(payload, room="demo", now=NOW).id == "c1"


def test_memory_is_bounded_and_never_forgets_a_fresh_id() -> None:
    verifier = Verifier(SECRET, capacity=3)
    for number in range(3):
        verifier.verify(sign(command(id=f"c{number}"), SECRET), room="demo", now=NOW)
    assert refusal(sign(command(id="c9"), SECRET), verifier=verifier) == "too-many-commands"
    later = sign(command(id="c9", at=NOW + 31), SECRET)
    assert verifier.verify(later, room="demo", now=NOW + 31).id == "c9"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 5000,
        b" " * 8193,
        json.dumps({**command(), "sig": 1}).encode(),
        json.dumps({**command(args=[]), "sig": ""}).encode(),
        json.dumps({**command(args={"a": 1}), "sig": ""}).encode(),
        json.dumps({**command(at=True), "sig": ""}).encode(),
        json.dumps({**command(at=float("nan")), "sig": ""}).encode(),
        json.dumps({**command(at=10**400), "sig": ""}).encode(),
        json.dumps({**command(by="\ud800"), "sig": ""}).encode(),
        json.dumps({**command(), "sig": "", "more": ""}).encode(),
    ],
)
def test_what_is_no_command_is_refused_without_a_crash(payload: bytes) -> None:
    assert refusal(payload) == "command-malformed"


def test_our_own_mistakes_raise_at_once() -> None:
    with pytest.raises(ValueError):
        sign(command(args={"n": 1}), SECRET)
    with pytest.raises(ValueError):
        sign({"id": "c1"}, SECRET)
    with pytest.raises(ValueError):
        sign(command(), "")
    with pytest.raises(ValueError):
        Verifier("")


def test_the_secret_never_shows_in_a_repr() -> None:
    assert SECRET not in repr(Verifier(SECRET))
