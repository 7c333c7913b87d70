"""A room with people is never left without a moderator: the worker's main process dispatches anew when a job dies.

Self-hosted LiveKit never dispatches a dead job again (livekit/agents issue 1472), and the participant of a killed
process lingers for about 20 s. So presence is asked of the moderator itself: a signed ping that it must acknowledge.
Runs in the worker's main process only; knows no audio.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Coroutine
from typing import Any

import aiohttp
from livekit import api
from livekit.agents import AgentServer
from livekit.protocol.models import DataPacket, ParticipantInfo, Room

from memory import uuid7
from settings import Settings
from signing import ACK_ATTRIBUTE, TOPIC, sign
from voice.job import AGENT_NAME
from voice.presence import MODERATOR_ATTRIBUTE

logger = logging.getLogger("sage.voice.dispatching")

PING_SECONDS = 2.0
POLL_SECONDS = 0.2
ATTEMPTS = 5
RETRY_SECONDS = 0.5
DEATHS_WITHIN_SECONDS = 120.0
MAX_DELAY_SECONDS = 30.0


class Dispatching:
    """Watches over the rooms of one worker."""

    def __init__(self, settings: Settings, server: AgentServer) -> None:
        self._settings = settings
        self._server = server
        self._tasks: set[asyncio.Task[Any]] = set()
        self._deaths: dict[str, list[float]] = {}
        server.on("worker_started", self._on_started)
        server.on("worker_registered", self._on_registered)

    def _on_started(self) -> None:
        # The pool is the framework's private part; it is the only place that knows of a job's death at once.
        self._server._proc_pool.on("process_closed", self._on_process_closed)

    def _on_registered(self, *_: object) -> None:
        self._spawn(self._sweep())

    def _on_process_closed(self, process: Any) -> None:
        info = process.running_job
        if info is None or info.fake_job or process.exitcode == 0 or self._server.draining:
            return
        room, now = info.job.room.name, time.monotonic()
        deaths = [at for at in self._deaths.get(room, []) if now - at < DEATHS_WITHIN_SECONDS]
        self._deaths[room] = [*deaths, now]
        # the first is replaced at once; a job that dies again and again must not make the worker spin
        delay = RETRY_SECONDS * 2 ** len(deaths) if deaths else 0.0
        logger.error("a job has died", extra={"room": room, "exitcode": process.exitcode, "again_in": delay})
        self._spawn(self._replace(room, info.job.metadata, delay))

    def _spawn(self, run: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(run, name="dispatching")
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error(
                "a room could not be looked after", extra={"error": type(error).__name__}, exc_info=error
            )

    def _client(self) -> api.LiveKitAPI:
        settings = self._settings
        return api.LiveKitAPI(
            settings.livekit_http_url,
            settings.secret("livekit_api_key"),
            settings.secret("livekit_api_secret"),
            timeout=aiohttp.ClientTimeout(total=5),
        )

    # -- a job has died ---------------------------------------------------------------------------------------
    async def _replace(self, room: str, metadata: str, delay: float) -> None:
        """Dispatch anew, if anybody is there to be moderated; the dead job's dispatch is taken away."""
        await asyncio.sleep(min(delay, MAX_DELAY_SECONDS))
        async with self._client() as client:
            for attempt in range(ATTEMPTS):
                try:
                    people, _ = await self._present(client, room)
                    if people:
                        await self._dispatch(client, room, metadata)
                    return
                except (api.TwirpError, aiohttp.ClientError, TimeoutError) as error:
                    logger.warning(
                        "could not dispatch anew",
                        extra={"room": room, "error": type(error).__name__, "attempt": attempt},
                    )
                    await asyncio.sleep(RETRY_SECONDS * 2**attempt)

    async def _dispatch(self, client: api.LiveKitAPI, room: str, metadata: str) -> None:
        for old in await client.agent_dispatch.list_dispatch(room_name=room):
            if old.agent_name == AGENT_NAME:
                await client.agent_dispatch.delete_dispatch(dispatch_id=old.id, room_name=room)
        await client.agent_dispatch.create_dispatch(
            api.CreateAgentDispatchRequest(agent_name=AGENT_NAME, room=room, metadata=metadata)
        )
        logger.info("dispatched anew", extra={"room": room})

    # -- the worker has come, perhaps after another died ---------------------------------------------------------
    async def _sweep(self) -> None:
        """Look for rooms that have people and a debate but no living moderator."""
        async with self._client() as client:
            rooms = (await client.room.list_rooms(api.ListRoomsRequest())).rooms
            debates = [room for room in rooms if _debate_metadata(room)]
            await asyncio.gather(*(self._look_after(client, room) for room in debates))

    async def _look_after(self, client: api.LiveKitAPI, room: Room) -> None:
        try:
            people, moderators = await self._present(client, room.name)
            if not people:
                return
            alive = await asyncio.gather(*(self._answers(client, room.name, one) for one in moderators))
            if not any(alive):
                await self._dispatch(client, room.name, room.metadata)
        except (api.TwirpError, aiohttp.ClientError, TimeoutError) as error:
            logger.warning(
                "a room could not be looked after", extra={"room": room.name, "error": type(error).__name__}
            )

    async def _present(
        self, client: api.LiveKitAPI, room: str
    ) -> tuple[list[ParticipantInfo], list[ParticipantInfo]]:
        """(people, moderators) that LiveKit lists in the room."""
        try:
            listed = await client.room.list_participants(api.ListParticipantsRequest(room=room))
        except api.TwirpError as error:
            if error.code == api.TwirpErrorCode.NOT_FOUND:
                return [], []
            raise
        human = (ParticipantInfo.Kind.STANDARD, ParticipantInfo.Kind.SIP)
        people = [one for one in listed.participants if one.kind in human]
        moderators = [one for one in listed.participants if one.attributes.get(MODERATOR_ATTRIBUTE) == "true"]
        return people, moderators

    async def _answers(self, client: api.LiveKitAPI, room: str, moderator: ParticipantInfo) -> bool:
        """Whether this moderator lives: it acknowledges a ping within PING_SECONDS."""
        ping = {"id": uuid7(), "name": "ping", "args": {}, "by": "worker", "at": time.time(), "room": room}
        await client.room.send_data(
            api.SendDataRequest(
                room=room,
                data=sign(ping, self._settings.secret("livekit_api_secret")),
                kind=DataPacket.Kind.RELIABLE,
                destination_identities=[moderator.identity],
                topic=TOPIC,
            )
        )
        deadline = time.monotonic() + PING_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
            _, moderators = await self._present(client, room)
            for one in moderators:
                if one.identity == moderator.identity and f'"{ping["id"]}"' in one.attributes.get(
                    ACK_ATTRIBUTE, ""
                ):
                    return True
        return False


def _debate_metadata(room: Room) -> bool:
    """Whether a room's metadata is that of a debate of ours that was not stopped."""
    try:
        data = json.loads(room.metadata or "{}")
    except ValueError:
        return False
    return isinstance(data, dict) and bool(data.get("debate_id")) and not data.get("ended_at")
