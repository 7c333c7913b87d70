"""Sage and a stock agent side by side: one LiveKit server, the same simulated vendors, a worker of each.

Owns the processes, the rooms and the one measure that benchmarks of chains share: when another participant heard what.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any, Self

import aiohttp
from livekit import api

from launcher.children import Child
from launcher.places import REPOSITORY, plain_environment
from launcher.stack import REGISTERED, Stack, start_stack
from memory import Record
from rehearsal.console import Console
from rehearsal.debater import Debater
from rehearsal.loudness import Span
from rehearsal.moderated import ModeratedDebate, moderated, spoken
from rehearsal.observer import Observer
from rehearsal.voices import Sound
from rehearsal.web import Entry

READY_SECONDS = 180.0
STOCK_AGENT = "stock-agent"
WARM_TRIES = 4
ASKED = "What do you make of the last argument, moderator?"
SAID = ASKED.replace(",", "")
"""As it is said: a pause within would make two segments of it at a vendor, and a script has one."""

CHAINS = {"STT_CHAIN": "deepgram,openai", "LLM_CHAIN": "cerebras,openai", "TTS_CHAIN": "cartesia,openai"}
"""Of both agents. Not Perplexity: it refuses the stock session's contexts, whose roles do not alternate."""

ALIKE = {"JUDGE_BY_LLM": "false"}
"""The stock agent judges no utterances, and a question about them would take an answer that is scripted for a turn."""

CONTROL = "SIMULATORS_CONTROL_URL"
SETTLED_SECONDS = 1.5
"""A reply is over when nothing was heard of it for so long: longer than any pause within one."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and what was heard of its answer; seconds from the question's last sound."""

    first: float | None
    """Until the answer's first sound; None where none came in time."""

    silence: float
    """Dead air in all: before the first sound, and beyond the pauses of speech within the answer."""

    text: str
    """The answer's captions."""

    heard: str = ""
    """The question's final captions: what was recognised of it."""


class Vendors:
    """The simulated vendors in a process of their own."""

    def __init__(self, child: Child, environment: Mapping[str, str]) -> None:
        self._child = child
        self.environment = {name: value for name, value in environment.items() if name != CONTROL}
        self._control = environment[CONTROL]
        self._http = aiohttp.ClientSession()

    async def put(self, vendor: str, what: str, body: Mapping[str, Any]) -> None:
        """Change a vendor: `_fault`, `_latency`, `_script`."""
        async with self._http.put(f"{self._control}/{vendor}/{what}", json=dict(body)) as answer:
            assert answer.status == 200, f"{vendor}{what}: {answer.status} {await answer.text()}"

    async def heal(self, *vendors: str) -> None:
        for vendor in vendors:
            await self.put(vendor, "_fault", {"fault": "none"})

    async def aclose(self) -> None:
        await self._http.close()
        await asyncio.to_thread(self._child.stop)


async def start_vendors(latency: str) -> Vendors:
    """All vendors; `latency` is a profile of simulators/latency.py."""
    command = [sys.executable, "-m", "simulators", "--all", "--latency", latency]
    child = await asyncio.to_thread(Child, "vendors", command, env=plain_environment({}), cwd=REPOSITORY)
    if not await asyncio.to_thread(child.wait_for_line, CONTROL, READY_SECONDS):
        raise RuntimeError("the simulators did not start: " + " | ".join(child.lines))
    pairs = [line.split("=", 1) for line in child.lines if "=" in line]
    return Vendors(child, {name: value for name, value in pairs if name.isupper()})


class Room:
    """One debater and one observer in a room with an agent."""

    def __init__(self, debater: Debater, observer: Observer, debate: ModeratedDebate | None = None) -> None:
        self._debater = debater
        self._observer = observer
        self._debate = debate

    async def journal(self, *kinds: str) -> list[Record]:
        """Rows of Sage's journal; none of the stock agent, which has none."""
        return await self._debate.journal(*kinds) if self._debate is not None else []

    def heard(self, since: float) -> list[Span]:
        """The agents' sound, pauses of 0.3 s apart."""
        received = self._observer.received
        spans = [
            span
            for agent in received.moderators
            if (loudness := received.sounds.get(agent)) is not None
            for span in loudness.spans(since)
        ]
        return sorted(spans, key=lambda span: span.start)

    async def quiet(self, seconds: float = SETTLED_SECONDS) -> None:
        """Wait until no agent has been heard for so long."""
        async with asyncio.timeout(60):
            while (heard := self.heard(time.monotonic() - 30)) and time.monotonic() - heard[-1].end < seconds:
                await self._observer.news(0.1)

    async def ask(self, question: Sound, *, at_most: float, midway: Any = None, after: float = 0.0) -> Turn:
        """Ask, and follow the answer to its end. midway(): awaited `after` seconds into the question."""
        await self.quiet()
        playback = self._debater.play(0, question)
        if midway is not None:
            await asyncio.sleep(after)
            await midway()
        await asyncio.wait_for(playback.done.wait(), 30)
        identity = self._debater.identities[-1]
        started = playback.started
        assert started is not None
        done = time.monotonic()
        while time.monotonic() < done + at_most:
            await self._observer.news(0.1)
            heard = self.heard(done)
            if heard and time.monotonic() - heard[-1].end > SETTLED_SECONDS:
                break
        # known only now: what was played last was still on its way when the playback was done
        asked = self._end_of(identity, started)
        return replace(self._turn(asked, self.heard(asked), at_most), heard=self._captions(identity, started))

    def _captions(self, identity: str, since: float) -> str:
        segments = [
            one
            for (who, _), one in self._observer.received.segments.items()
            if who == identity and one.final_at is not None and one.final_at >= since
        ]
        return " ".join(one.text.strip() for one in sorted(segments, key=lambda one: one.final_at or 0.0))

    def _end_of(self, identity: str, started: float) -> float:
        """When the question's last sound was heard."""
        spans = self._observer.received.sounds[identity].spans(started - 0.1, gap=1.0)
        return spans[0].end if spans else time.monotonic()

    def _turn(self, asked: float, heard: list[Span], at_most: float) -> Turn:
        text = " ".join(
            segment.text.strip()
            for (identity, _), segment in self._observer.received.segments.items()
            if identity in self._observer.received.moderators and segment.first_at >= asked
        )
        if not heard:
            return Turn(None, at_most, text)
        pauses = [later.start - earlier.end for earlier, later in itertools.pairwise(heard)]
        first = heard[0].start - asked
        return Turn(first, first + sum(max(0.0, pause - 0.5) for pause in pauses), text)


class SideBySide:
    """The whole bench: `async with SideBySide.start(...)`."""

    def __init__(self, stack: Stack, vendors: Vendors, stock: Child | None) -> None:
        self.stack = stack
        self.vendors = vendors
        self.stock = stock

    @classmethod
    @asynccontextmanager
    async def start(
        cls, *, latency: str, stock: bool = True, settings: Mapping[str, str] | None = None
    ) -> AsyncIterator[Self]:
        async with AsyncExitStack() as running:
            vendors = await start_vendors(latency)
            running.push_async_callback(vendors.aclose)
            folder = running.enter_context(tempfile.TemporaryDirectory(prefix="sage-bench-"))
            environment = {"DATA_DIR": folder, **vendors.environment, **CHAINS, **ALIKE, **(settings or {})}
            stack = await start_stack(environment=environment)
            running.push_async_callback(stack.stop)
            peer = None
            if stock:
                command = [sys.executable, "-m", "bench.stock_agent", "start"]
                peer = await asyncio.to_thread(Child, "stock", command, env=stack.environment, cwd=REPOSITORY)
                running.callback(peer.stop)
                if not await asyncio.to_thread(peer.wait_for_line, REGISTERED, READY_SECONDS):
                    raise RuntimeError("the stock agent did not start: " + " | ".join(list(peer.lines)[-5:]))
            yield cls(stack, vendors, peer)

    @asynccontextmanager
    async def sage(self) -> AsyncIterator[Room]:
        """A room with Sage in it, its greeting over."""
        async with moderated(self.stack, f"sage-{secrets.token_hex(4)}", "Ana") as debate:
            await debate.greeted()
            yield Room(debate.people["Ana"], debate.observer, debate)

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Room]:
        """A room with the stock agent in it."""
        name = f"stock-{secrets.token_hex(4)}"
        debater, observer = Debater("Ana", 0), Observer(Console(StringIO()))
        environment = self.stack.environment
        url = environment["LIVEKIT_URL"]
        key, secret = environment["LIVEKIT_API_KEY"], environment["LIVEKIT_API_SECRET"]
        client = api.LiveKitAPI(url.replace("ws", "http", 1), key, secret)
        try:
            await client.room.create_room(api.CreateRoomRequest(name=name, empty_timeout=60))
            await debater.join(_entry(url, key, secret, name, "Ana"))
            await client.agent_dispatch.create_dispatch(
                api.CreateAgentDispatchRequest(agent_name=STOCK_AGENT, room=name)
            )
            # it listens to one person, whoever it meets first: the observer comes when it has met Ana
            async with asyncio.timeout(READY_SECONDS):
                await _agent_in(client, name)
                await observer.join(_entry(url, key, secret, name, "Observer"))
                while observer.moderator_attribute("lk.agent.state") != "listening":
                    await observer.news(0.1)
            room = Room(debater, observer)
            await _warm(room)
            yield room
        finally:
            await debater.leave()
            await observer.aclose()
            await client.room.delete_room(api.DeleteRoomRequest(room=name))
            await client.aclose()


async def _agent_in(client: api.LiveKitAPI, room: str) -> None:
    """Wait until the stock agent has met whoever is in the room: it listens then. The server tells nobody outside."""
    listening = False
    while not listening:
        await asyncio.sleep(0.1)
        found = await client.room.list_participants(api.ListParticipantsRequest(room=room))
        listening = any(one.attributes.get("lk.agent.state") == "listening" for one in found.participants)


async def _warm(room: Room) -> None:
    """Ask until there is an answer: the stock agent says no greeting, and misses what is said before it is ready."""
    for _ in range(WARM_TRIES):
        if (await room.ask(spoken("Hello there, can you hear me?"), at_most=10.0)).first is not None:
            return
    raise RuntimeError("the stock agent answers nothing")


def _entry(url: str, key: str, secret: str, room: str, who: str) -> Entry:
    grants = api.VideoGrants(room_join=True, room=room)
    token = (
        api.AccessToken(key, secret).with_identity(who.lower()).with_name(who).with_grants(grants).to_jwt()
    )
    return Entry(who.lower(), who, url, token)
