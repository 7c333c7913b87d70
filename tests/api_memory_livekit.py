"""LiveKit in memory for the tests of `api`: the real port, with rooms that a test scripts.

It behaves as livekit-server 1.13.5 was seen to (tests/service/test_api_livekit.py holds both to the same tests): making
a room that is there changes nothing, dispatches are never taken back, a room that is gone answers empty. It yields to
the loop in every call, so that concurrent callers interleave. What no test scripted raises.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from api.port import AGENT_NAME, Dispatch, LiveKit, Participant, Room, RoomSpec, newest_first
from errors import Unavailable

AWAY = Unavailable("LiveKit does not answer.", code="livekit-unreachable", hint="Start it.")


@dataclass
class _Room:
    room: Room
    spec: RoomSpec
    people: dict[str, Participant] = field(default_factory=dict)
    dispatches: list[Dispatch] = field(default_factory=list)


class MemoryLiveKit(LiveKit):
    """`now` gives epoch seconds. `worker`: whether dispatches find one (they then have a job, nobody joins by
    itself). `failure`, while set, is raised by every call. `on_send` must be scripted before anything is sent."""

    def __init__(self, now: Callable[[], float] = lambda: 1_800_000_000.0) -> None:
        self.now = now
        self.worker = True
        self.failure: Unavailable | None = None
        self.on_send: Callable[[str, str, str, bytes], None] | None = None
        self.calls: list[str] = []
        self.asked = asyncio.Event()
        self.closed = False
        self.held: dict[str, _Room] = {}
        self._numbers = count(1)

    # What tests do to it.

    def join(
        self, room: str, identity: str, name: str = "", kind: str = "standard", **attributes: str
    ) -> None:
        held = self.held[room]
        dotted = {key.replace("_", ".", 1): value for key, value in attributes.items()}
        joined_ms = int(self.now() * 1000) + next(self._numbers)
        held.people[identity] = Participant(identity, name or identity, kind, dotted, joined_ms)

    def join_moderator(self, room: str, identity: str = "agent-1", **attributes: str) -> None:
        self.join(room, identity, "Sage", "agent", **attributes)
        person = self.held[room].people[identity]
        shown = {"lk.agent_name": AGENT_NAME, **person.attributes}
        self.held[room].people[identity] = replace(person, attributes=shown)

    def leave(self, room: str, identity: str) -> None:
        del self.held[room].people[identity]

    def end_room(self, room: str) -> None:
        del self.held[room]

    def made(self, what: str) -> int:
        return self.calls.count(what)

    # The port.

    async def rooms(self, name: str | None = None) -> list[Room]:
        await self._called("rooms")
        return [held.room for held in self.held.values() if name in (None, held.room.name)]

    async def create_room(self, spec: RoomSpec) -> Room:
        await self._called("create_room")
        if spec.name not in self.held:
            sid = f"RM_{next(self._numbers)}"
            room = Room(spec.name, sid, int(self.now() * 1000), spec.metadata)
            self.held[spec.name] = _Room(room, spec)
            if spec.job:
                self._dispatch(spec.name, spec.job)
        return self.held[spec.name].room

    async def set_metadata(self, room: str, metadata: str) -> None:
        await self._called("set_metadata")
        if room in self.held:
            self.held[room].room = replace(self.held[room].room, metadata=metadata)

    async def participants(self, room: str) -> list[Participant]:
        await self._called("participants")
        return list(self.held[room].people.values()) if room in self.held else []

    async def participant(self, room: str, identity: str) -> Participant | None:
        await self._called("participant")
        return self.held[room].people.get(identity) if room in self.held else None

    async def remove_participant(self, room: str, identity: str) -> None:
        await self._called("remove_participant")
        if room in self.held:
            self.held[room].people.pop(identity, None)

    async def dispatches(self, room: str) -> list[Dispatch]:
        await self._called("dispatches")
        return newest_first(self.held[room].dispatches) if room in self.held else []

    async def create_dispatch(self, room: str, metadata: str) -> Dispatch:
        await self._called("create_dispatch")
        if room not in self.held:
            raise AssertionError(f"dispatched into room {room!r}, which is gone: LiveKit would make it anew")
        return self._dispatch(room, metadata)

    async def delete_dispatch(self, room: str, dispatch_id: str) -> None:
        await self._called("delete_dispatch")
        if room in self.held:
            kept = [dispatch for dispatch in self.held[room].dispatches if dispatch.id != dispatch_id]
            self.held[room].dispatches = kept

    async def send(self, room: str, identity: str, topic: str, payload: bytes) -> None:
        await self._called("send")
        if self.on_send is None:
            raise AssertionError(f"nothing scripted for data sent to {identity!r}")
        self.on_send(room, identity, topic, payload)

    async def aclose(self) -> None:
        self.closed = True

    async def _called(self, what: str) -> None:
        self.calls.append(what)
        self.asked.set()
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure

    def _dispatch(self, room: str, metadata: str) -> Dispatch:
        number = next(self._numbers)
        made = Dispatch(f"AD_{number:06}", self.now() + number * 1e-6, metadata, has_job=self.worker)
        self.held[room].dispatches.append(made)
        return made
