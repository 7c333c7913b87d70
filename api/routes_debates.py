"""Debates and their moderators over HTTP: open, launch, stop, status, personas. Owns no rule: see
`api.moderators`.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path

from api.authority import Authorization, bearer, commander
from api.debate_data import DebateData, iso
from api.models import (
    AgentStatus,
    AllAgents,
    CommandAnswer,
    CommandRequest,
    DebateAnswer,
    DebateRequest,
    LaunchAnswer,
    LaunchRequest,
    PersonaAnswer,
    PersonaRequest,
    PersonaSummary,
    RoomName,
    StopAnswer,
    StopRequest,
)
from api.moderators import State
from api.port import Room
from api.service import Service

ROOMS_AT_ONCE = 8
RoomPath = Annotated[RoomName, Path()]


def routes(service: Service) -> APIRouter:
    router = APIRouter()

    @router.post("/debate")
    async def open_debate(request: DebateRequest) -> DebateAnswer:
        """Make the room and call the moderator; where there is a debate, answer it as it is."""
        offer = service.offer(
            request.room_name, request.topic, request.persona, request.format, request.participant_name
        )
        debate = (await service.moderators.open(offer)).debate
        return DebateAnswer(
            room_name=request.room_name,
            debate_id=debate.debate_id,
            topic=debate.topic,
            persona=debate.persona,
            format=debate.format,
            livekit_url=service.settings.livekit_ws_url,
            created_at=debate.created_at,
        )

    @router.post("/launch-ai-agents")
    async def launch(request: LaunchRequest) -> LaunchAnswer:
        offer = service.offer(request.room_name, request.topic, request.persona)
        opened = await service.moderators.open(offer)
        said = "The moderator is on its way." if opened.launched else "The moderator is active already."
        return LaunchAnswer(
            message=said,
            room_name=request.room_name,
            topic=opened.debate.topic,
            persona=opened.debate.persona,
        )

    @router.post("/ai-agents/stop")
    async def stop(request: StopRequest) -> StopAnswer:
        was_there = await service.moderators.stop(request.room_name)
        said = "The moderator was stopped." if was_there else "There was no moderator in this room."
        return StopAnswer(message=said, room_name=request.room_name)

    @router.get("/ai-agents/status")
    async def status() -> AllAgents:
        active = await active_rooms(service)
        return AllAgents(active_agents=active, total_agents=len(active))

    @router.get("/ai-agents/status/{room}")
    async def status_of_room(room: RoomPath) -> AgentStatus:
        return _status(room, await service.moderators.look(room))

    @router.get("/personas")
    async def personas() -> list[PersonaSummary]:
        return [PersonaSummary(name=p.name, title=p.title, summary=p.summary) for p in service.personas.all()]

    @router.put("/debates/{debate_id}/persona")
    async def switch_persona(debate_id: RoomPath, request: PersonaRequest) -> PersonaAnswer:
        """Have the moderator of a debate (or of a room) take on another persona."""
        persona = service.persona(request.persona)
        room, state = await service.find_debate(debate_id)
        assert state.moderator is not None
        await service.commands.send(room.name, state.moderator, "persona", {"persona": persona})
        return PersonaAnswer(room_name=room.name, persona=persona)

    @router.post("/debates/{debate_id}/commands")
    async def command(
        debate_id: RoomPath, request: CommandRequest, authorization: Authorization = None
    ) -> CommandAnswer:
        """Have the moderator of a debate (or of a room) do what its host may tell it."""
        room, state = await service.find_debate(debate_id)
        assert state.moderator is not None
        by = commander(service, bearer(authorization), room.name)
        await service.commands.send(room.name, state.moderator, request.name, request.args, by=by)
        return CommandAnswer(room_name=room.name, name=request.name)

    return router


async def active_rooms(service: Service) -> dict[str, AgentStatus]:
    """The rooms in which a moderator is, by name."""
    at_once = asyncio.Semaphore(ROOMS_AT_ONCE)

    async def look(room: Room) -> AgentStatus:
        async with at_once:
            return _status(room.name, await service.moderators.look_into(room))

    found = await asyncio.gather(*(look(room) for room in await service.livekit.rooms()))
    return {status.room_name: status for status in found if status.status == "active"}


def _status(room: str, state: State) -> AgentStatus:
    debate: DebateData | None = state.debate if state.status != "inactive" else None
    shown = state.moderator.attributes if state.moderator is not None else {}
    launched = state.dispatches[0].created_at if state.dispatches else None
    return AgentStatus(
        status=state.status,
        room_name=room,
        # What the moderator shows is newer than what it was called with: personas change in the running
        # debate.
        topic=(shown.get("sage.topic") or debate.topic) if debate else None,
        persona=(shown.get("sage.persona") or debate.persona) if debate else None,
        launched_at=(iso(launched) if launched else debate.created_at) if debate else None,
    )
