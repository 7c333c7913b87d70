"""`POST /token` and `POST /participant-token`: who gets into which room, under which identity.

Owns the refusals that keep people from throwing each other out or posing as the moderator.
"""

from dataclasses import replace

from fastapi import APIRouter

from api.authority import Authorization, bearer, check_may_make_agents
from api.debate_data import iso
from api.models import ParticipantTokenAnswer, ParticipantTokenRequest, TokenAnswer, TokenRequest
from api.names import new_identity, same_person
from api.service import Service, refuse_taken_identity, refuse_taken_name
from api.tokens import HOST, Holder, Token
from errors import InvalidInput


def routes(service: Service) -> APIRouter:
    router = APIRouter()

    @router.post("/token")
    async def token(request: TokenRequest, authorization: Authorization = None) -> TokenAnswer:
        """A token for an identity that the client chose."""
        if request.poses_as_agent:
            problem = "must not begin with 'agent-': LiveKit gives such identities to agents"
            fields = {"identity": problem}
            raise InvalidInput("The identity cannot be used.", fields, code="identity-reserved")
        if request.participant_type == "agent":
            check_may_make_agents(service, bearer(authorization))
        state = await service.moderators.make_room(request.room)
        refuse_taken_identity(state, request.identity)
        made: Token
        if request.participant_type == "agent":
            made = service.mint.for_agent(room=request.room, identity=request.identity)
        else:
            service.check_there_is_room(state)
            made = service.mint.for_person(
                room=request.room,
                identity=request.identity,
                name=request.identity,
                role=service.role_for(state, request.identity),
            )
        return TokenAnswer(
            token=made.jwt,
            ws_url=service.settings.livekit_ws_url,
            room=request.room,
            identity=request.identity,
            expires_at=iso(made.expires_at),
        )

    @router.post("/participant-token")
    async def participant_token(
        request: ParticipantTokenRequest, authorization: Authorization = None
    ) -> ParticipantTokenAnswer:
        """A token for a display name, under a new identity or, with an earlier token as proof, under the old
        one.
        """
        offer = service.offer(request.room_name, request.topic, request.persona)
        state = await service.moderators.make_room(request.room_name)
        name = request.participant_name
        proof = service.mint.holder(request.rejoin or bearer(authorization))
        if proof is not None and proof.room == request.room_name and same_person(proof.name, name):
            holder = proof
        else:
            refuse_taken_name(state, name)
            role = service.role_for(state, name, request.role)
            holder = Holder(request.room_name, new_identity(name), name, role)
        if not any(person.identity == holder.identity for person in state.humans):
            service.check_there_is_room(state)
            if request.role is not None and holder.role != HOST:
                # who has left may come back as something else; nobody changes roles while being here
                holder = replace(holder, role=request.role)
        made = service.mint.for_person(
            room=holder.room, identity=holder.identity, name=name, role=holder.role
        )
        return ParticipantTokenAnswer(
            token=made.jwt,
            livekit_url=service.settings.livekit_ws_url,
            participant_name=name,
            identity=holder.identity,
            room_name=holder.room,
            topic=state.debate.topic if state.debate is not None and state.debate.topic else offer.topic,
        )

    return router
