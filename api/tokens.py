"""Tokens for LiveKit: who may do what in which room, and the proof that somebody was in it before.

Owns grants and roles as they are signed. Refuses to own who is in a room: that is asked of LiveKit by the
callers.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import jwt
from livekit import api

from api.names import is_safe
from api.port import AGENT_PREFIX

ROLE = "sage.role"
NAME = "sage.name"
HOST, DEBATER = "host", "debater"
BESIDE = ("judge", "audience")
"""Roles of those who do not debate."""
REJOIN_FOR = timedelta(hours=24)
"""A page that lay asleep for longer than its token still comes back as the same person within this time."""


@dataclass(frozen=True, slots=True)
class Token:
    """A signed token; `expires_at` in epoch seconds. The token itself stays out of reprs."""

    jwt: str
    expires_at: float

    def __repr__(self) -> str:
        return f"Token(expires_at={self.expires_at})"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a token of ours was made for."""

    room: str
    identity: str
    name: str
    role: str


class Mint:
    """Makes and reads tokens under one key and secret."""

    def __init__(self, key: str, secret: str, ttl_seconds: int) -> None:
        self._key = key
        self._secret = secret
        self._ttl = timedelta(seconds=ttl_seconds)

    def for_person(self, *, room: str, identity: str, name: str, role: str) -> Token:
        """A token that lets `identity` speak, listen and send data in `room`, and nothing else."""
        return self._sign(room, identity, name, {ROLE: role, NAME: name}, kind="standard")

    def for_agent(self, *, room: str, identity: str) -> Token:
        """A token for an agent that joins by itself: as a person's, but of kind agent and free to set
        attributes.
        """
        return self._sign(room, identity, identity, {NAME: identity}, kind="agent")

    def holder(self, token: str) -> Holder | None:
        """Whose `token` is, where we signed it for a person within REJOIN_FOR of its end; None for anything
        else.
        """
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key=self._secret,
                issuer=self._key,
                algorithms=["HS256"],
                leeway=REJOIN_FOR,
                options={"require": ["exp", "sub"]},
            )
        except (jwt.PyJWTError, ValueError):
            return None
        video, attributes = claims.get("video"), claims.get("attributes")
        if not isinstance(video, dict) or not isinstance(attributes, dict) or claims.get("kind") == "agent":
            return None
        holder = Holder(
            room=str(video.get("room", "")),
            identity=str(claims["sub"]),
            name=str(attributes.get(NAME, "")),
            role=str(attributes.get(ROLE, "")),
        )
        known = is_safe(holder.identity) and holder.room and holder.name and holder.role
        return holder if known and not is_agents_identity(holder.identity) else None

    def _sign(
        self,
        room: str,
        identity: str,
        name: str,
        attributes: dict[str, str],
        kind: Literal["standard", "agent"],
    ) -> Token:
        now = datetime.now(UTC).replace(microsecond=0)
        token = (
            api.AccessToken(self._key, self._secret)
            .with_identity(identity)
            .with_name(name)
            .with_kind(kind)
            .with_attributes(attributes)
            .with_ttl(self._ttl)
            .with_grants(_grants(room, may_change_itself=kind == "agent"))
        )
        return Token(token.to_jwt(), (now + self._ttl).timestamp())


def _grants(room: str, *, may_change_itself: bool) -> api.VideoGrants:
    """Each grant is said: some are given where nothing is said. `agent` would let its holder register
    workers.
    """
    return api.VideoGrants(
        room_join=True,
        room=room,
        can_publish=True,
        can_publish_sources=["microphone"],
        can_subscribe=True,
        can_publish_data=True,
        # Else anybody could make himself host by changing his own attributes.
        can_update_own_metadata=may_change_itself,
        can_subscribe_metrics=False,
        can_manage_agent_session=False,
        room_create=False,
        room_list=False,
        room_record=False,
        room_admin=False,
        ingress_admin=False,
        hidden=False,
        recorder=False,
        agent=False,
    )


def is_agents_identity(identity: str) -> bool:
    """Whether `identity` is of the form that LiveKit gives to agents."""
    return identity.casefold().startswith(AGENT_PREFIX)
