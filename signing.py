"""Signed commands from the web service to a moderator (`send_data`, topic `sage.command`).

Owns the payload's form, its HMAC and the refusal of forged, stale and repeated ones. Refuses to own what a
command means or how it travels. A data packet's sender proves nothing (hidden participants look like the
server), so the signature, bound to one room, is the only proof.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from errors import Forbidden

TOPIC = "sage.command"
ACK_ATTRIBUTE = "sage.ack"

MAX_PAYLOAD_BYTES = 8192
"""Room for any command; a larger packet is refused before it is parsed."""

_MEMBERS = frozenset({"id", "name", "args", "by", "at", "room", "sig"})


@dataclass(frozen=True, slots=True)
class Command:
    """A verified command. `at` is seconds since the epoch, `by` who asked ("http")."""

    id: str
    name: str
    args: dict[str, str]
    by: str
    at: float


def sign(command: Mapping[str, Any], secret: str) -> bytes:
    """The UTF-8 JSON payload of `command` with its signature.

    `command` has exactly `id, name, by, room` (text), `args` (text by text) and `at` (epoch seconds). Raises
    ValueError where a member is missing, unknown or of another type, or `secret` is empty: our own mistakes.
    """
    if not secret:
        raise ValueError("a command cannot be signed with an empty secret")
    unsigned = {key: value for key, value in command.items() if key != "sig"}
    problem = _problem_of({**unsigned, "sig": ""})
    if problem:
        raise ValueError(problem)
    return _canonical({**unsigned, "sig": _signature(unsigned, secret)})


class Verifier:
    """Checks payloads against the shared secret and remembers the ids it let through while they are fresh.

    `now` is always an argument: no clock in here.
    """

    def __init__(self, secret: str, *, max_age_seconds: float = 30.0, capacity: int = 4096) -> None:
        if not secret:
            raise ValueError("commands cannot be verified with an empty secret")
        self._secret = secret
        self._max_age_seconds = max_age_seconds
        self._capacity = capacity
        self._fresh_until: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"Verifier(max_age_seconds={self._max_age_seconds})"

    def verify(self, payload: bytes, *, room: str, now: float) -> Command:
        """The command in `payload`; `now` in epoch seconds.

        Raises Forbidden with the code `command-malformed`, `bad-signature`, `wrong-room`, `command-stale`,
        `command-repeated` or `too-many-commands`.
        """
        members = _parse(payload)
        unsigned = {key: value for key, value in members.items() if key != "sig"}
        # compare_digest on bytes: on text it raises for anything but ASCII.
        if not hmac.compare_digest(_signature(unsigned, self._secret).encode(), members["sig"].encode()):
            raise _refused("bad-signature", "the command's signature does not match")
        if members["room"] != room:
            raise _refused("wrong-room", "the command was signed for another room")
        at = float(members["at"])
        if abs(now - at) > self._max_age_seconds:
            limit = f"{self._max_age_seconds:g} s"
            raise _refused("command-stale", f"the command is not within {limit} of this clock")
        self._remember(members["id"], at, now)
        return Command(members["id"], members["name"], dict(members["args"]), members["by"], at)

    def _remember(self, command_id: str, at: float, now: float) -> None:
        for known, until in list(self._fresh_until.items()):
            if until < now:
                del self._fresh_until[known]
        if command_id in self._fresh_until:
            raise _refused("command-repeated", "the command was carried out already")
        # Forgetting a fresh id would let it in twice, so a full memory refuses instead.
        if len(self._fresh_until) >= self._capacity:
            raise _refused("too-many-commands", "too many commands at once")
        self._fresh_until[command_id] = at + self._max_age_seconds


def _parse(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise _refused("command-malformed", "the command is too large")
    try:
        members = json.loads(payload)
    except (ValueError, RecursionError):
        raise _refused("command-malformed", "the command is not JSON") from None
    problem = _problem_of(members)
    if problem:
        raise _refused("command-malformed", problem)
    assert isinstance(members, dict)
    return members


def _problem_of(members: object) -> str:
    if not isinstance(members, dict) or set(members) != _MEMBERS:
        return f"a command has exactly the members {', '.join(sorted(_MEMBERS))}"
    if not all(_is_text(members[key]) for key in ("id", "name", "by", "room", "sig")) or not members["id"]:
        return "id, name, by, room and sig are text"
    at = members["at"]
    # NaN and infinity fail the comparison, as does an integer that no float can hold.
    if isinstance(at, bool) or not isinstance(at, int | float) or not -1e12 < at < 1e12:
        return "at is a number of seconds"
    args = members["args"]
    if not isinstance(args, dict) or not all(_is_text(k) and _is_text(v) for k, v in args.items()):
        return "args maps text to text"
    return ""


def _is_text(value: object) -> bool:
    # JSON may hold a lone surrogate ("\ud800"), which has no UTF-8 and so no signature.
    return isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value)


def _canonical(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _signature(unsigned: Mapping[str, Any], secret: str) -> str:
    return hmac.new(secret.encode(), _canonical(unsigned), hashlib.sha256).hexdigest()


def _refused(code: str, message: str) -> Forbidden:
    return Forbidden(message, code=code, hint="send the command again through the web service")
