"""Which debate a room has and whether a moderator is there, and how it gets one: exactly one.

Everything is asked of LiveKit; there is no memory here that another instance would need. The truth is the
metadata of the newest dispatch; the room's metadata mirrors it and takes over where no dispatch is left.
Refuses to own timing: when to look again is `api.watch`'s.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal
from weakref import WeakValueDictionary

from api.debate_data import DebateData, iso, next_debate_id
from api.port import Dispatch, LiveKit, Participant, Room, RoomSpec
from memory.ids import uuid7

log = logging.getLogger(__name__)

DEAD_AFTER_SECONDS = 10.0
"""A dispatch that has brought no moderator within this time never will: LiveKit does not try again."""
LEAVING_SECONDS = 4.0
"""How long a stopped moderator gets to say its goodbyes to LiveKit before it is removed."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody who opens a debate wants it to be; it counts only where there is none yet."""

    room_name: str
    topic: str
    persona: str
    format: str
    host: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How rooms are made: seconds without anybody, seconds after the last one left, people at once."""

    empty_timeout_seconds: int
    departure_timeout_seconds: int
    max_participants: int


@dataclass(frozen=True, slots=True)
class Opened:
    """The debate a room has now, and whether this very call brought its moderator on its way."""

    debate: DebateData
    launched: bool


@dataclass(frozen=True, slots=True)
class State:
    """A room as LiveKit shows it."""

    room: Room | None
    debate: DebateData | None
    people: tuple[Participant, ...] = ()
    dispatches: tuple[Dispatch, ...] = ()
    """newest first"""

    @property
    def moderator(self) -> Participant | None:
        """The moderator; of several (a killed process leaves a ghost for about 20 s) the one that came last."""
        found = [person for person in self.people if person.is_moderator]
        return max(found, key=lambda person: (person.joined_ms, person.identity), default=None)

    @property
    def humans(self) -> tuple[Participant, ...]:
        return tuple(person for person in self.people if person.is_human)

    @property
    def status(self) -> Literal["inactive", "dispatched", "active"]:
        if self.debate is None or (self.debate.ended_at and not self.dispatches):
            return "inactive"
        if self.moderator is not None:
            return "active"
        return "dispatched" if self.dispatches else "inactive"


class Moderators:
    """Opens and ends debates. `wall` gives epoch seconds: LiveKit dates dispatches by the wall clock, and
    tokens need synchronised clocks anyway.
    """

    def __init__(self, livekit: LiveKit, limits: Limits, wall: Callable[[], float] = time.time) -> None:
        self._livekit = livekit
        self._limits = limits
        self._wall = wall
        # Only spares LiveKit the calls that one process would race against itself; correctness does not rest
        # on it.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def look(self, name: str) -> State:
        """The room called `name` as it is now."""
        rooms = await self._livekit.rooms(name)
        return await self.look_into(rooms[0]) if rooms else State(None, None)

    async def look_into(self, room: Room) -> State:
        people, dispatches = await asyncio.gather(
            self._livekit.participants(room.name), self._livekit.dispatches(room.name)
        )
        return State(room, _debate_of(room, people, dispatches), tuple(people), tuple(dispatches))

    async def make_room(self, name: str) -> State:
        """The room called `name`, made where there is none, without a debate."""
        await self._livekit.create_room(self._spec(name, metadata="", job=""))
        return await self.look(name)

    async def open(self, offer: Offer) -> Opened:
        """The debate of the room, begun as offered where there is none, with a moderator there or on its way."""
        async with self._turn(offer.room_name):
            return await self._open(offer)

    async def replace(self, name: str, dispatch_id: str) -> bool:
        """Dispatch anew where `dispatch_id` ("" for none) is still the newest one and nobody came of it."""
        async with self._turn(name):
            state = await self.look(name)
            newest = state.dispatches[0].id if state.dispatches else ""
            if state.debate is None or state.debate.ended_at or state.moderator or newest != dispatch_id:
                return False
            debate, mine = await self._dispatch(state.debate)
            log.info("moderator dispatched anew", extra={"room": name, "debate_id": debate.debate_id})
            return mine

    async def stop(self, name: str) -> bool:
        """End the debate of the room; whether there was a moderator or a call for one."""
        async with self._turn(name):
            state = await self.look(name)
            if state.room is None:
                return False
            # First of all, so that no watcher of any instance calls another one meanwhile.
            if state.debate is not None and not state.debate.ended_at:
                await self._livekit.set_metadata(name, state.debate.ended(iso(self._wall())).to_json())
            for dispatch in state.dispatches:
                await self._livekit.delete_dispatch(name, dispatch.id)
            await self._see_off(name)
            await self._mark_ended_again(name, state.debate)
            return state.status != "inactive"

    async def _open(self, offer: Offer) -> Opened:
        fresh = DebateData(
            room_name=offer.room_name,
            debate_id=uuid7(),
            topic=offer.topic,
            persona=offer.persona,
            format=offer.format,
            created_at=iso(self._wall()),
            host=offer.host,
        )
        known = await self._livekit.rooms(offer.room_name)
        offered = "" if known else fresh.to_json()
        # Making a room and its dispatch is one step in LiveKit: of fifty makers one makes it, the others get
        # his. Asked also where the room is known: it may have ended meanwhile, and a dispatch alone would make
        # it anew with LiveKit's own short timeouts.
        room = await self._livekit.create_room(self._spec(offer.room_name, metadata=offered, job=offered))
        state = await self.look_into(room)
        debate = state.debate
        if debate is not None and not debate.ended_at and not self._is_dead(state):
            # Who came second may have overwritten what LiveKit lists of the room, though not the room itself.
            await self._mirror(room, debate, again=offered not in ("", room.metadata))
            return Opened(debate, launched=debate.debate_id == fresh.debate_id)
        if debate is None or debate.ended_at:
            debate = replace(fresh, debate_id=next_debate_id(room.sid, room.created_ms, debate))
        debate, mine = await self._dispatch(debate)
        return Opened(debate, launched=mine)

    async def _dispatch(self, debate: DebateData) -> tuple[DebateData, bool]:
        """Call a moderator; the debate that holds after it, and whether the call was ours.

        Others may do the same at this moment. The newest dispatch wins, here as in the worker: each removes
        what is older than the newest that he sees, so the last one made is removed by nobody, and everything
        before it is.
        """
        name = debate.room_name
        made = await self._livekit.create_dispatch(name, debate.to_json())
        seen = await self._livekit.dispatches(name)
        for older in seen[1:]:
            await self._livekit.delete_dispatch(name, older.id)
        winner = seen[0] if seen else made
        debate = DebateData.from_json(winner.metadata) or debate
        rooms = await self._livekit.rooms(name)
        if rooms:
            await self._mirror(rooms[0], debate)
        return debate, winner.id == made.id

    async def _mirror(self, room: Room, debate: DebateData, *, again: bool = False) -> None:
        held = DebateData.from_json(room.metadata)
        if again or held is None or held.debate_id != debate.debate_id:
            await self._livekit.set_metadata(room.name, debate.to_json())

    async def _mark_ended_again(self, name: str, debate: DebateData | None) -> None:
        """A moderator that was on its way out may have written its state over the end of the debate (`handover`)."""
        if debate is None:
            return
        for room in await self._livekit.rooms(name):
            held = DebateData.from_json(room.metadata)
            if held is not None and held.debate_id == debate.debate_id and not held.ended_at:
                await self._livekit.set_metadata(name, held.ended(iso(self._wall())).to_json())

    def _is_dead(self, state: State) -> bool:
        """Whether nobody is there and nobody will come."""
        if state.moderator is not None:
            return False
        if not state.dispatches:
            return True
        return self._wall() - state.dispatches[0].created_at > DEAD_AFTER_SECONDS

    async def _see_off(self, name: str) -> None:
        deadline = time.monotonic() + LEAVING_SECONDS
        while left := [p for p in await self._livekit.participants(name) if p.is_moderator]:
            if time.monotonic() > deadline:
                for ghost in left:
                    await self._livekit.remove_participant(name, ghost.identity)
                return
            await asyncio.sleep(0.1)

    @asynccontextmanager
    async def _turn(self, name: str) -> AsyncIterator[None]:
        lock = self._turns.setdefault(name, asyncio.Lock())
        async with lock:
            yield

    def _spec(self, name: str, *, metadata: str, job: str) -> RoomSpec:
        return RoomSpec(
            name=name,
            metadata=metadata,
            job=job,
            empty_timeout_seconds=self._limits.empty_timeout_seconds,
            departure_timeout_seconds=self._limits.departure_timeout_seconds,
            max_participants=self._limits.max_participants,
        )


def _debate_of(room: Room, people: list[Participant], dispatches: list[Dispatch]) -> DebateData | None:
    held = DebateData.from_json(room.metadata)
    called = DebateData.from_json(dispatches[0].metadata) if dispatches else None
    if called is not None and (held is None or held.debate_id != called.debate_id):
        return called
    if held is not None:
        return held
    # A moderator that was called by hand made the debate's id itself and shows it.
    for person in people:
        if person.is_moderator:
            shown = person.attributes
            return DebateData(
                room_name=room.name,
                debate_id=shown.get("sage.debate_id", ""),
                topic=shown.get("sage.topic", ""),
                persona=shown.get("sage.persona", ""),
                format=shown.get("sage.format", ""),
                created_at=iso(room.created_ms / 1000),
            )
    return None
