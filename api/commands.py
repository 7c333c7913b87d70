"""Commands to a running moderator: signed, sent to it alone, and waited for.

Owns the round trip. Refuses to own what a command means: the worker decides, and says so in `sage.ack`.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from api.port import LiveKit, Participant
from errors import Conflict, NotFound, Unavailable
from memory.ids import uuid7
from signing import ACK_ATTRIBUTE, TOPIC, sign

ACK_SECONDS = 8.0
RESEND_SECONDS = 1.0
POLL_SECONDS = 0.05


class Commands:
    """Sends commands under the LiveKit secret."""

    def __init__(self, livekit: LiveKit, secret: str, ack_seconds: float = ACK_SECONDS) -> None:
        self._livekit = livekit
        self._secret = secret
        self._ack_seconds = ack_seconds

    async def send(
        self, room: str, moderator: Participant, name: str, args: Mapping[str, str], *, by: str = "http"
    ) -> None:
        """Have `moderator` carry out `name`, as its host may tell it; `by`: that person's identity.

        Raises Conflict with the moderator's own code where it refuses, NotFound where it leaves meanwhile,
        Unavailable where it confirms nothing in time (it may still carry the command out).
        """
        command_id = uuid7()
        command = {
            "id": command_id,
            "name": name,
            "args": dict(args),
            "by": by,
            "at": time.time(),
            "room": room,
        }
        ack = await self._exchange(room, moderator.identity, command_id, sign(command, self._secret))
        if not ack.get("ok"):
            code, message = ack.get("code"), ack.get("message")
            raise Conflict(
                message if isinstance(message, str) and message else "The moderator refused the command.",
                code=code if isinstance(code, str) and code else "command-refused",
            )

    async def _exchange(self, room: str, identity: str, command_id: str, payload: bytes) -> dict[str, Any]:
        deadline = time.monotonic() + self._ack_seconds
        send_again = 0.0
        while True:
            # A moderator that has just come hears nothing yet. The same packet again is safe: its id lets it be
            # carried out once only.
            if time.monotonic() >= send_again:
                await self._livekit.send(room, identity, TOPIC, payload)
                send_again = time.monotonic() + RESEND_SECONDS
            # One attribute holds the last answer only: polled fast, so that another command's rarely hides ours.
            found = await self._livekit.participant(room, identity)
            if found is None:
                raise no_moderator(room)
            ack = _object(found.attributes.get(ACK_ATTRIBUTE, ""))
            if ack.get("id") == command_id:
                return ack
            if time.monotonic() > deadline:
                raise Unavailable(
                    "The moderator did not confirm in time.",
                    code="moderator-silent",
                    hint="Look whether it was done, and try again if not.",
                )
            await asyncio.sleep(POLL_SECONDS)


def no_moderator(room: str) -> NotFound:
    return NotFound(
        f"There is no moderator in room {room!r}.",
        code="no-moderator",
        hint="Call one with POST /launch-ai-agents.",
    )


def _object(text: str) -> dict[str, Any]:
    try:
        members = json.loads(text) if text else {}
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}
