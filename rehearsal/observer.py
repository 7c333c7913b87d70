"""The silent participant: receives captions, sound and attributes as any page in the room does.

Owns the subscription to all of it and the questions "does the moderator speak now" and "has all been
captioned". Judges nothing; the worker does not know what it is for.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any

import numpy as np
from livekit import rtc

from errors import Unavailable
from rehearsal.console import Console
from rehearsal.debater import CONNECT_SECONDS
from rehearsal.heard import Change, Received, Segment
from rehearsal.loudness import AUDIBLE_DB, Loudness
from rehearsal.web import Entry
from voice.kept_audio import decibels

TOPIC = "lk.transcription"
_RATE = 16_000
# Not the floor: it goes to whoever begins to speak, and where it is given the moderator says so by name.
_TOLD = ("sage.persona", "sage.topic", "sage.segment")

_log = logging.getLogger("sage.rehearsal.observer")


class Observer:
    """Listens in one room and tells `console` what it hears. `zero` is the loop's time at the debate's
    start.
    """

    def __init__(self, console: Console) -> None:
        self.received = Received()
        self.zero: float | None = None
        self.identity = ""
        self._console = console
        self._room = rtc.Room()
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._moderator_heard_at = 0.0

    async def join(self, entry: Entry) -> None:
        """Come in and listen. Raises Unavailable when the room does not let us in."""
        self._room.register_text_stream_handler(TOPIC, self._on_text)
        self._room.on("participant_connected", self._on_joined)
        self._room.on("participant_disconnected", self._on_left)
        self._room.on("track_subscribed", self._on_track)
        self._room.on("participant_attributes_changed", self._on_attributes)
        try:
            await asyncio.wait_for(self._room.connect(entry.livekit_url, entry.token), CONNECT_SECONDS)
        except (rtc.ConnectError, TimeoutError) as error:
            raise Unavailable(f"The observer cannot join the room: {str(error) or 'no answer'}.") from None
        self.identity = self._room.local_participant.identity
        for participant in self._room.remote_participants.values():
            self._on_joined(participant)
            self._on_attributes(dict(participant.attributes), participant)

    async def aclose(self) -> None:
        """Leave and stop listening."""
        await self._room.disconnect()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def moderator_present(self) -> bool:
        """Whether an agent is in the room now."""
        return any(_is_agent(one) for one in self._room.remote_participants.values())

    def moderator_attribute(self, name: str) -> str:
        """An attribute of the agent in the room, "" where there is none."""
        agents = [one for one in self._room.remote_participants.values() if _is_agent(one)]
        return agents[-1].attributes.get(name, "") if agents else ""

    @property
    def moderator_turns(self) -> int:
        """How many replies of the moderator have begun to be captioned."""
        return sum(
            segment.identity in self.received.moderators for segment in self.received.segments.values()
        )

    @property
    def moderator_silent_for(self) -> float:
        """Seconds since the moderator was last audible; 0 while a reply's caption is still open."""
        open_reply = any(
            segment.identity in self.received.moderators and segment.final_at is None
            for segment in self.received.segments.values()
        )
        return 0.0 if open_reply else asyncio.get_running_loop().time() - self._moderator_heard_at

    @property
    def captions_open(self) -> int:
        """How many utterances of debaters have interim captions and no final one yet."""
        return sum(
            segment.final_at is None and segment.identity not in self.received.moderators
            for segment in self.received.segments.values()
        )

    async def news(self, seconds: float) -> None:
        """Return when something new came, or after `seconds`."""
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    def clock(self) -> float:
        """Seconds of the debate; negative before its start is known."""
        return asyncio.get_running_loop().time() - self.zero if self.zero is not None else -1.0

    # -- what the room sends ----------------------------------------------------------------------
    def _on_joined(self, participant: rtc.RemoteParticipant) -> None:
        self.received.names[participant.identity] = participant.name or participant.identity
        if _is_agent(participant):
            self.received.moderators.add(participant.identity)
        self._tell(f"{participant.name or participant.identity} is in the room")

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        self._tell(f"{participant.name or participant.identity} has left")

    def _on_attributes(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        now = asyncio.get_running_loop().time()
        for key, value in changed.items():
            self.received.changes.append(Change(now, participant.identity, key, value))
            if key in _TOLD and value and participant.identity in self.received.moderators:
                self._tell(f"{key.removeprefix('sage.')} is now {value}")

    def _on_track(
        self, track: rtc.Track, _publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._spawn(self._listen(track, participant.identity))

    def _on_text(self, reader: rtc.TextStreamReader, identity: str) -> None:
        self._spawn(self._read(reader, identity))

    async def _listen(self, track: rtc.Track, identity: str) -> None:
        loudness = self.received.sounds.setdefault(identity, Loudness())
        loop = asyncio.get_running_loop()
        # As finely as it is judged: fetched five at a time, interruptions of 0.25 s seemed to last 0.36 s.
        stream = rtc.AudioStream(track, sample_rate=_RATE, num_channels=1, frame_size_ms=10)
        try:
            async for event in stream:
                level = decibels(np.frombuffer(event.frame.data, np.int16))
                at = loudness.add(loop.time(), level)
                if level >= AUDIBLE_DB and identity in self.received.moderators:
                    self._moderator_heard_at = at
        finally:
            await stream.aclose()

    async def _read(self, reader: rtc.TextStreamReader, identity: str) -> None:
        """A debater's stream is the whole text so far; the moderator's grows word by word and ends with its
        end.
        """
        loop = asyncio.get_running_loop()
        attributes = reader.info.attributes or {}
        segment_id = attributes.get("lk.segment_id", reader.info.stream_id)
        key = (identity, segment_id)
        segment = self.received.segments.setdefault(key, Segment(segment_id, identity, loop.time()))
        segment.attributes.update(attributes)
        mine = identity in self.received.moderators
        text = ""
        try:
            async for chunk in reader:
                text += chunk
                if mine:
                    segment.text = text
                self._news.set()
        except rtc.StreamError as error:
            _log.warning("a caption stream broke off", extra={"error": str(error)})
        segment.attributes.update(reader.info.attributes or {})
        final = mine or segment.attributes.get("lk.transcription_final") == "true"
        if segment.final_at is not None and not mine:
            return  # an interim that was overtaken on its way
        segment.text = text
        if final:
            segment.final_at = loop.time()
            self._show(segment)
        self._news.set()

    def _show(self, segment: Segment) -> None:
        if not segment.text.strip():
            return
        if segment.identity in self.received.moderators:
            self._console.moderator(self._now(), segment.text.strip())
        else:
            name = self.received.names.get(segment.identity, segment.identity)
            self._console.said(self._now(), name, segment.text.strip())

    def _tell(self, text: str) -> None:
        self._console.noted(self._now(), text)
        self._news.set()

    def _now(self) -> float | None:
        """The time that a line of the live view has: that of its printing, so that it never goes back."""
        return self.clock() if self.zero is not None else None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the observer lost a stream", exc_info=error)


def _is_agent(participant: rtc.Participant) -> bool:
    return participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
