"""LiveKit's server API behind our port: deadlines, and every failure as one of our errors.

Owns the translation both ways. Refuses to own any decision; retries nothing (callers repeat what is safe to
repeat).
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
from livekit import api
from livekit.protocol import models

from api.port import AGENT_NAME, Dispatch, LiveKit, Participant, Room, RoomSpec, newest_first
from errors import SageError, Unavailable

T = TypeVar("T")

DEADLINE_SECONDS = 5.0
_KINDS = {
    models.ParticipantInfo.AGENT: "agent",
    models.ParticipantInfo.SIP: "sip",
    models.ParticipantInfo.INGRESS: "ingress",
    models.ParticipantInfo.EGRESS: "egress",
}
# By the status: the answer to a wrong signature is not of the RPC's own form and has no code.
_REFUSED = (401, 403)


class LiveKitServer(LiveKit):
    """The port over HTTP. One connection pool, made at the first call (it needs a running loop).

    `url` is http(s)://, or empty where LiveKit is not configured: then every call raises Unavailable saying
    so.
    """

    def __init__(self, url: str, key: str, secret: str, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._url = url
        self._key = key
        self._secret = secret
        self._deadline_seconds = deadline_seconds
        self._client: api.LiveKitAPI | None = None

    async def rooms(self, name: str | None = None) -> list[Room]:
        request = api.ListRoomsRequest(names=[name] if name else [])
        answer = await self._ask(lambda client: client.room.list_rooms(request))
        return [_room(room) for room in answer.rooms]

    async def create_room(self, spec: RoomSpec) -> Room:
        request = api.CreateRoomRequest(
            name=spec.name,
            metadata=spec.metadata,
            empty_timeout=spec.empty_timeout_seconds,
            departure_timeout=spec.departure_timeout_seconds,
            max_participants=spec.max_participants,
            agents=[api.RoomAgentDispatch(agent_name=AGENT_NAME, metadata=spec.job)] if spec.job else [],
        )
        return _room(await self._ask(lambda client: client.room.create_room(request)))

    async def set_metadata(self, room: str, metadata: str) -> None:
        request = api.UpdateRoomMetadataRequest(room=room, metadata=metadata)
        await self._ask_room(lambda client: client.room.update_room_metadata(request))

    async def participants(self, room: str) -> list[Participant]:
        request = api.ListParticipantsRequest(room=room)
        answer = await self._ask_room(lambda client: client.room.list_participants(request))
        return [_participant(info) for info in answer.participants if _is_there(info)] if answer else []

    async def participant(self, room: str, identity: str) -> Participant | None:
        request = api.RoomParticipantIdentity(room=room, identity=identity)
        info = await self._ask_room(lambda client: client.room.get_participant(request))
        return _participant(info) if info is not None and _is_there(info) else None

    async def remove_participant(self, room: str, identity: str) -> None:
        request = api.RoomParticipantIdentity(room=room, identity=identity)
        await self._ask_room(lambda client: client.room.remove_participant(request))

    async def dispatches(self, room: str) -> list[Dispatch]:
        found = await self._ask_room(lambda client: client.agent_dispatch.list_dispatch(room)) or []
        return newest_first(
            [_dispatch(item) for item in found if item.agent_name == AGENT_NAME and not item.state.deleted_at]
        )

    async def create_dispatch(self, room: str, metadata: str) -> Dispatch:
        request = api.CreateAgentDispatchRequest(agent_name=AGENT_NAME, room=room, metadata=metadata)
        return _dispatch(await self._ask(lambda client: client.agent_dispatch.create_dispatch(request)))

    async def delete_dispatch(self, room: str, dispatch_id: str) -> None:
        await self._ask_room(lambda client: client.agent_dispatch.delete_dispatch(dispatch_id, room))

    async def send(self, room: str, identity: str, topic: str, payload: bytes) -> None:
        request = api.SendDataRequest(
            room=room,
            data=payload,
            kind=models.DataPacket.RELIABLE,
            destination_identities=[identity],
            topic=topic,
            nonce=secrets.token_bytes(16),
        )
        await self._ask_room(lambda client: client.room.send_data(request))

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _ask_room(self, call: Callable[[api.LiveKitAPI], Awaitable[T]]) -> T | None:
        """As `_ask`; None where the room or participant is not there (any more)."""
        try:
            return await self._ask(call)
        except Unavailable as error:
            if isinstance(error.__cause__, api.ServerError) and _is_gone(error.__cause__):
                return None
            raise

    async def _ask(self, call: Callable[[api.LiveKitAPI], Awaitable[T]]) -> T:
        """What `call` answers, within the deadline; every failure as Unavailable."""
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await call(self._opened())
        except api.ServerError as error:
            raise _ours(error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(
                "LiveKit does not answer.",
                code="livekit-unreachable",
                hint="Check that the LiveKit server runs and that LIVEKIT_URL is right, then try again.",
            ) from error

    def _opened(self) -> api.LiveKitAPI:
        if not self._url:
            raise Unavailable(
                "LiveKit is not configured.",
                code="livekit-not-configured",
                hint="Set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET and start the web service again.",
                retryable=False,
            )
        if self._client is None:
            timeout = aiohttp.ClientTimeout(total=self._deadline_seconds)
            self._client = api.LiveKitAPI(self._url, self._key, self._secret, timeout=timeout)
        return self._client


def _room(room: models.Room) -> Room:
    created_ms = room.creation_time_ms or room.creation_time * 1000
    return Room(name=room.name, sid=room.sid, created_ms=created_ms, metadata=room.metadata)


def _is_gone(error: api.ServerError) -> bool:
    # Dispatches of a room are asked of the node that runs it; where none does, nobody answers.
    nobody = error.code == api.ServerErrorCode.UNAVAILABLE and "no response from servers" in error.message
    return nobody or error.code == api.ServerErrorCode.NOT_FOUND


def _is_there(info: models.ParticipantInfo) -> bool:
    return info.state != models.ParticipantInfo.DISCONNECTED


def _participant(info: models.ParticipantInfo) -> Participant:
    return Participant(
        identity=info.identity,
        name=info.name,
        kind=_KINDS.get(info.kind, "standard"),
        attributes=dict(info.attributes),
        joined_ms=info.joined_at_ms or info.joined_at * 1000,
    )


def _dispatch(item: api.AgentDispatch) -> Dispatch:
    return Dispatch(
        id=item.id,
        created_at=item.state.created_at / 1e9,
        metadata=item.metadata,
        has_job=len(item.state.jobs) > 0,
    )


def _ours(error: api.ServerError) -> SageError:
    if error.status in _REFUSED:
        return Unavailable(
            "LiveKit refuses our credentials.",
            code="livekit-credentials",
            hint="Check that LIVEKIT_API_KEY and LIVEKIT_API_SECRET are those of the server at LIVEKIT_URL.",
            retryable=False,
        )
    # The server's own words may hold addresses or room data: they go to the log as the cause, not to people.
    return Unavailable(
        "LiveKit could not do that now.",
        code="livekit-failed",
        hint="Try again; if it goes on, look into the LiveKit server's log.",
    )
