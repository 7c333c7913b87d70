"""A moderator without a mind: hears with a level meter, captions what its script says, answers with a tone.

It stands in for the worker where rehearsals are tested, so that what it does wrong is known beforehand. It speaks
LiveKit's real protocols. What it was not scripted for is kept in `unscripted`.
"""

import asyncio
import json
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import numpy as np
from livekit import api, rtc

from launcher.livekit_server import RunningServer
from voice.kept_audio import decibels

RATE = 24_000
SILENCE_SECONDS = 0.8
SOUND_SECONDS = 0.8
"""A busy machine tears holes into sound: what is heard counts as an utterance only from this length on, in all."""


@dataclass(frozen=True)
class Reaction:
    """To one utterance: the caption, under whose name, and what is replied ("" for nothing)."""

    caption: str
    under: str = ""
    reply: str = ""


class ScriptedAgent:
    """Joins the first room whose name begins with `prefix`; reacts to each person's utterances in order."""

    def __init__(
        self, server: RunningServer, prefix: str, greeting: str, script: dict[str, list[Reaction]]
    ) -> None:
        self.unscripted: list[str] = []
        self.personas: list[tuple[str, str]] = []
        self._server = server
        self._prefix = prefix
        self._greeting = greeting
        self._script = {name: deque(reactions) for name, reactions in script.items()}
        self._room = rtc.Room()
        self._tasks: set[asyncio.Task[None]] = set()
        self._greeted = False
        self._segments = 0

    @property
    def left(self) -> list[Reaction]:
        """What was scripted and never happened."""
        return [reaction for reactions in self._script.values() for reaction in reactions]

    async def run(self) -> None:
        """Until cancelled; then leaves."""
        try:
            await self._join(await self._find_room())
            await asyncio.Event().wait()
        finally:
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._room.disconnect()

    async def _find_room(self) -> str:
        client = api.LiveKitAPI(self._server.http_url, self._server.api_key, self._server.api_secret)
        try:
            while True:
                rooms = (await client.room.list_rooms(api.ListRoomsRequest())).rooms
                for room in rooms:
                    if room.name.startswith(self._prefix):
                        return room.name
                await asyncio.sleep(0.05)
        finally:
            await client.aclose()

    async def _join(self, room: str) -> None:
        token = (
            api.AccessToken(self._server.api_key, self._server.api_secret)
            .with_identity("agent-scripted")
            .with_name("Sage")
            .with_kind("agent")
            .with_grants(api.VideoGrants(room_join=True, room=room, agent=True, can_update_own_metadata=True))
        )
        self._room.on("track_subscribed", self._on_track)
        await self._room.connect(self._server.url, token.to_jwt())
        me = self._room.local_participant
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=2000)
        track = rtc.LocalAudioTrack.create_audio_track("voice", self._source)
        await me.publish_track(track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE))
        me.register_rpc_method("sage.persona", self._persona)

    async def _persona(self, call: rtc.RpcInvocationData) -> str:
        name = str(json.loads(call.payload)["persona"])
        if name != "time-keeper":
            raise rtc.RpcError(1500, "there is no such persona", None)
        self.personas.append((call.caller_identity, name))
        await self._room.local_participant.set_attributes({"sage.persona": name})
        return "{}"

    def _on_track(self, track: rtc.Track, _: object, participant: rtc.RemoteParticipant) -> None:
        self._spawn(self._ear(track, participant))
        if not self._greeted:
            self._greeted = True
            self._spawn(self._say(self._greeting))

    async def _ear(self, track: rtc.Track, participant: rtc.RemoteParticipant) -> None:
        stream = rtc.AudioStream(track, sample_rate=16000, num_channels=1, frame_size_ms=10)
        quiet, sound = 0.0, 0.0
        try:
            async for event in stream:
                if decibels(np.frombuffer(event.frame.data, np.int16)) > -45:
                    quiet, sound = 0.0, sound + 0.01
                    continue
                quiet += 0.01
                if sound >= SOUND_SECONDS and quiet >= SILENCE_SECONDS:
                    sound = 0.0
                    self._spawn(self._react(participant))
        finally:
            await stream.aclose()

    async def _react(self, participant: rtc.RemoteParticipant) -> None:
        reactions = self._script.get(participant.name)
        if not reactions:
            self.unscripted.append(participant.name)
            return
        reaction = reactions.popleft()
        people = {one.name: one.identity for one in self._room.remote_participants.values()}
        identity = people[reaction.under or participant.name]
        self._segments += 1
        segment = f"segment-{self._segments}"
        await self._caption(identity, segment, reaction.caption[: len(reaction.caption) // 2], final=False)
        await self._caption(identity, segment, reaction.caption, final=True)
        if reaction.reply:
            await self._say(reaction.reply)

    async def _caption(self, identity: str, segment: str, text: str, *, final: bool) -> None:
        attributes = {"lk.segment_id": segment, "lk.transcription_final": "true" if final else "false"}
        writer = await self._room.local_participant.stream_text(
            topic="lk.transcription", sender_identity=identity, attributes=attributes
        )
        await writer.write(text)
        await writer.aclose()

    async def _say(self, text: str) -> None:
        me = self._room.local_participant
        self._segments += 1
        attributes = {"lk.segment_id": f"segment-{self._segments}", "lk.transcription_final": "false"}
        writer = await me.stream_text(
            topic="lk.transcription", sender_identity=me.identity, attributes=attributes
        )
        time = np.arange(RATE // 5) / RATE
        tone = (6000 * np.sin(2 * np.pi * 300 * time)).astype(np.int16)
        for word in text.split():
            await self._source.capture_frame(rtc.AudioFrame(tone.tobytes(), RATE, 1, len(tone)))
            await writer.write(word + " ")
        await self._source.wait_for_playout()
        await writer.aclose(attributes={"lk.transcription_final": "true"})

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
