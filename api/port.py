"""What the web service asks of LiveKit, in its own words: the one place where state lives.

Owns the shapes that the rest of `api` sees and which participant counts as a moderator. Refuses to own how
LiveKit is reached (`api.livekit_server`) and what is made of the answers (`api.moderators`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

AGENT_NAME = "sage-debate-moderator"
AGENT_PREFIX = "agent-"
"""LiveKit gives agents identities that begin so; nobody else may have one."""


@dataclass(frozen=True, slots=True)
class Room:
    """A live room. `created_ms` is epoch milliseconds."""

    name: str
    sid: str
    created_ms: int
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class RoomSpec:
    """How to make a room. `metadata` and `job` (the moderator's job metadata, "" for no moderator) take hold
    only where the room does not exist yet; making it is atomic in LiveKit, so concurrent makers all get
    the first one's.
    """

    name: str
    metadata: str
    job: str
    empty_timeout_seconds: int
    departure_timeout_seconds: int
    max_participants: int


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in a room, by LiveKit's word."""

    identity: str
    name: str = ""
    kind: str = "standard"
    """standard, agent, sip, ingress or egress"""
    attributes: Mapping[str, str] = field(default_factory=dict)
    joined_ms: int = 0
    """epoch milliseconds"""

    @property
    def is_human(self) -> bool:
        return self.kind in ("standard", "sip")

    @property
    def is_moderator(self) -> bool:
        # The server sets lk.agent_name from the dispatch, the worker sage.moderator in the token it joins with;
        # who is of kind agent may have either, people have neither.
        ours = self.attributes.get("lk.agent_name") == AGENT_NAME or "sage.moderator" in self.attributes
        return self.kind == "agent" and ours


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A call for a moderator.

    `created_at` is epoch seconds; `has_job` is false while no worker has taken it.
    """

    id: str
    created_at: float
    metadata: str = ""
    has_job: bool = False


class LiveKit(ABC):
    """The server API. Each call has a deadline of its own and raises Unavailable when LiveKit is away or
    refuses our credentials. What concerns a room that is gone answers empty instead of raising.
    """

    @abstractmethod
    async def rooms(self, name: str | None = None) -> list[Room]:
        """All rooms, or the one called `name` (or none)."""

    @abstractmethod
    async def create_room(self, spec: RoomSpec) -> Room:
        """Make the room, or answer the one that is there, unchanged."""

    @abstractmethod
    async def set_metadata(self, room: str, metadata: str) -> None: ...

    @abstractmethod
    async def participants(self, room: str) -> list[Participant]: ...

    @abstractmethod
    async def participant(self, room: str, identity: str) -> Participant | None: ...

    @abstractmethod
    async def remove_participant(self, room: str, identity: str) -> None: ...

    @abstractmethod
    async def dispatches(self, room: str) -> list[Dispatch]:
        """The calls for our moderator in `room`, newest first. They prove nothing about who is there."""

    @abstractmethod
    async def create_dispatch(self, room: str, metadata: str) -> Dispatch: ...

    @abstractmethod
    async def delete_dispatch(self, room: str, dispatch_id: str) -> None: ...

    @abstractmethod
    async def send(self, room: str, identity: str, topic: str, payload: bytes) -> None:
        """A reliable data packet to one participant."""

    @abstractmethod
    async def aclose(self) -> None: ...


def newest_first(dispatches: Sequence[Dispatch]) -> list[Dispatch]:
    """In the order in which they win. The id breaks ties, so that all who look agree."""
    return sorted(dispatches, key=lambda dispatch: (dispatch.created_at, dispatch.id), reverse=True)
