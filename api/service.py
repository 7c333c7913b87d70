"""The parts that the routes work with, composed once: settings, LiveKit, personas, moderators, tokens.

Owns what the routes share: defaults, the check of a room's guests, the finding of a debate. Keeps no state of
rooms.
"""

from dataclasses import dataclass
from math import ceil

from api.commands import Commands, no_moderator
from api.debate_data import DebateData
from api.moderators import Limits, Moderators, Offer, State
from api.names import same_person
from api.port import LiveKit, Participant, Room
from api.tokens import BESIDE, DEBATER, HOST, NAME, ROLE, Mint
from debate.formats import DEFAULT_FORMAT, get_format
from errors import Conflict, TooMany
from memory import Reading, open_reading
from personas.registry import Registry
from settings import Settings

MODERATORS_AND_OBSERVERS = 4
"""Places in a room beyond MAX_PARTICIPANTS: those who come by /token are counted only when they are in."""
ROOM_OUTLASTS_MODERATOR_SECONDS = 60
"""A room that ended with its moderator would take the next debater's place in it away."""


@dataclass(frozen=True, slots=True)
class Service:
    settings: Settings
    livekit: LiveKit
    personas: Registry
    moderators: Moderators
    mint: Mint
    commands: Commands
    memory: Reading
    """What was said; read only."""

    def persona(self, name: str | None) -> str:
        """The name of a known persona, the default for None; raises PersonaUnknown."""
        return self.personas.get(self.settings.moderator_persona if name is None else name).name

    def offer(
        self,
        room: str,
        topic: str | None,
        persona: str | None,
        debate_format: str | None = None,
        host: str | None = None,
    ) -> Offer:
        """What a request offers, with defaults filled in; raises PersonaUnknown or InvalidInput (unknown
        format).
        """
        return Offer(
            room_name=room,
            topic=self.settings.debate_topic if topic is None else topic,
            persona=self.persona(persona),
            format=get_format(DEFAULT_FORMAT if debate_format is None else debate_format).name,
            host=host or "",
        )

    def check_there_is_room(self, state: State) -> None:
        """Raises TooMany where MAX_PARTICIPANTS people are in the room."""
        limit = self.settings.max_participants
        if len(state.humans) >= limit:
            raise TooMany(
                f"The room is full: {limit} people are in it.",
                code="room-full",
                hint="Wait until somebody leaves, or take another room.",
            )

    def role_for(self, state: State, name: str, wanted: str | None = None) -> str:
        """`wanted` for who comes to judge or to listen. Else host for who opened the debate, or, where nobody is known
        to have, for the first who comes to debate; and debater for all others.
        """
        if wanted is not None and wanted != DEBATER:
            return wanted
        if any(person.attributes.get(ROLE) == HOST for person in state.humans):
            return DEBATER
        host = state.debate.host if state.debate is not None else ""
        if host:
            return HOST if same_person(host, name) else DEBATER
        debating = [person for person in state.humans if person.attributes.get(ROLE) not in BESIDE]
        return DEBATER if debating else HOST

    async def find_debate(self, debate_id: str) -> tuple[Room, State]:
        """The room that holds debate `debate_id` (or is called so) and has a moderator; raises NotFound.

        A room's name means its latest debate. Ids are looked for in the rooms' metadata.
        """
        named = await self.livekit.rooms(debate_id)
        rooms = named or [
            room
            for room in await self.livekit.rooms()
            if (held := DebateData.from_json(room.metadata)) is not None and held.debate_id == debate_id
        ]
        for room in rooms:
            state = await self.moderators.look_into(room)
            if state.moderator is not None:
                return room, state
        raise no_moderator(rooms[0].name if rooms else debate_id)


def display_name(person: Participant) -> str:
    return person.attributes.get(NAME) or person.name or person.identity


def refuse_taken_name(state: State, name: str) -> None:
    """Raises Conflict where somebody in the room goes by `name` already."""
    if any(same_person(display_name(person), name) for person in state.humans):
        raise Conflict(
            f"Somebody called {name!r} is in this room already.",
            code="name-taken",
            hint="Join under another name. If it is you in another tab or device, leave there first.",
        )


def refuse_taken_identity(state: State, identity: str) -> None:
    """Raises Conflict where `identity` is in the room: a second one would throw the first one out."""
    if any(person.identity == identity for person in state.people):
        raise Conflict(
            f"The identity {identity!r} is in this room already.",
            code="name-taken",
            hint="Ask for a token under another identity.",
        )


def compose(settings: Settings, livekit: LiveKit, personas: Registry) -> Service:
    """The service for `settings`. Raises PersonaUnknown where MODERATOR_PERSONA is no persona."""
    personas.get(settings.moderator_persona)
    limits = Limits(
        empty_timeout_seconds=ceil(settings.agent_empty_timeout_secs) + ROOM_OUTLASTS_MODERATOR_SECONDS,
        departure_timeout_seconds=ceil(settings.agent_idle_timeout_secs) + ROOM_OUTLASTS_MODERATOR_SECONDS,
        max_participants=settings.max_participants + MODERATORS_AND_OBSERVERS,
    )
    key, secret = settings.secret("livekit_api_key"), settings.secret("livekit_api_secret")
    return Service(
        settings=settings,
        livekit=livekit,
        personas=personas,
        moderators=Moderators(livekit, limits),
        mint=Mint(key, secret, settings.token_ttl_seconds),
        commands=Commands(livekit, secret),
        memory=open_reading(settings),
    )
