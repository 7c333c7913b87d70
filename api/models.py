"""Bodies of requests and answers, and what may stand in their fields. Names and shapes are the HTTP API's,
and hold.

Owns checking a field by itself; what depends on a room or on a registry is checked by the routes.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from api.names import MAX_NAME_CHARS, MAX_TOPIC_CHARS, has_control, is_reserved, is_safe, is_visible, tidy
from api.tokens import is_agents_identity


def _room(value: str) -> str:
    if not is_safe(value):
        raise PydanticCustomError("name", "must be 1 to 64 of the characters a-z, A-Z, 0-9, _ and -")
    return value


def _topic(value: str) -> str:
    # Lines and tabs are only ways of spacing a sentence out; anything else that does not show is refused.
    topic = tidy(value)
    if not is_visible(topic):
        raise PydanticCustomError("topic", "must say what the debate is about, in words")
    if len(topic) > MAX_TOPIC_CHARS:
        raise PydanticCustomError("topic", f"must have at most {MAX_TOPIC_CHARS} characters")
    if has_control(topic):
        raise PydanticCustomError("topic", "must have no control characters")
    return topic


def _display_name(value: str) -> str:
    name = tidy(value)
    if not is_visible(name):
        raise PydanticCustomError("name", "must be a name that can be seen")
    if len(name) > MAX_NAME_CHARS:
        raise PydanticCustomError("name", f"must have at most {MAX_NAME_CHARS} characters")
    if has_control(name):
        raise PydanticCustomError("name", "must have no control characters")
    if is_reserved(name):
        raise PydanticCustomError("name", "must be another name: the moderator answers to this one")
    return name


RoomName = Annotated[str, AfterValidator(_room)]
Topic = Annotated[str, AfterValidator(_topic)]
DisplayName = Annotated[str, AfterValidator(_display_name)]


class _Request(BaseModel):
    # Clients of both documents exist already and may send more than we read.
    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


class TokenRequest(_Request):
    room: RoomName
    identity: RoomName
    participant_type: Literal["user", "agent"] = "user"

    @property
    def poses_as_agent(self) -> bool:
        return self.participant_type == "user" and is_agents_identity(self.identity)


class ParticipantTokenRequest(_Request):
    room_name: RoomName
    participant_name: DisplayName
    topic: Topic | None = None
    persona: str | None = None
    role: Literal["debater", "judge", "audience"] | None = None
    """What the person comes as. Nobody comes as host: that is who opened the debate, or the first of all."""

    rejoin: str | None = Field(None, max_length=8192)
    """An earlier token of the same person in the same room: it comes back under the same identity."""


class DebateRequest(_Request):
    topic: Topic
    room_name: RoomName
    persona: str | None = None
    participant_name: DisplayName | None = None
    format: str | None = None


class LaunchRequest(_Request):
    room_name: RoomName
    topic: Topic | None = None
    persona: str | None = None


class StopRequest(_Request):
    room_name: RoomName


class PersonaRequest(_Request):
    persona: str


class CommandRequest(_Request):
    name: str = Field(pattern=r"^[a-z][a-z-]{0,31}$")
    args: dict[Annotated[str, Field(max_length=80)], Annotated[str, Field(max_length=1000)]] = Field(
        default_factory=dict, max_length=16
    )

    @field_validator("name")
    @classmethod
    def _known_to_people(cls, name: str) -> str:
        if name == "ping":
            raise PydanticCustomError("name", "must be a command of people; this one is the service's own")
        return name


class CommandAnswer(BaseModel):
    room_name: str
    name: str


class Index(BaseModel):
    message: str
    status: Literal["healthy"] = "healthy"


class Health(BaseModel):
    status: Literal["healthy"] = "healthy"
    timestamp: str
    livekit_configured: bool
    active_agents: int


class Ready(BaseModel):
    status: Literal["ready"] = "ready"
    timestamp: str


class TokenAnswer(BaseModel):
    token: str = Field(repr=False)
    ws_url: str
    room: str
    identity: str
    expires_at: str


class ParticipantTokenAnswer(BaseModel):
    token: str = Field(repr=False)
    livekit_url: str
    participant_name: str
    identity: str
    room_name: str
    topic: str


class DebateAnswer(BaseModel):
    room_name: str
    debate_id: str
    topic: str
    persona: str
    format: str
    livekit_url: str
    created_at: str


class LaunchAnswer(BaseModel):
    message: str
    room_name: str
    topic: str
    persona: str


class StopAnswer(BaseModel):
    message: str
    room_name: str


class AgentStatus(BaseModel):
    status: Literal["inactive", "dispatched", "active"]
    room_name: str
    topic: str | None
    persona: str | None
    launched_at: str | None


class AllAgents(BaseModel):
    active_agents: dict[str, AgentStatus]
    total_agents: int


class PersonaSummary(BaseModel):
    name: str
    title: str
    summary: str


class PersonaAnswer(BaseModel):
    room_name: str
    persona: str
