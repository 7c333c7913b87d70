"""One synthetic debater: a real participant whose microphone never rests, be it only noise.

Owns the connection, the frames and when each line really began and ended. Decides nothing and hears
nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from livekit import rtc

from errors import Unavailable
from rehearsal.voices import SAMPLE_RATE, Samples, Sound, noise
from rehearsal.web import Entry

_log = logging.getLogger("sage.rehearsal.debater")

FRAME_SECONDS = 0.05
"""One call into the SDK a frame: 20 ms frames of three debaters took a seventh of a core from the moderator."""
_FRAME = int(SAMPLE_RATE * FRAME_SECONDS)
_NOISE_SECONDS = 3.0
_QUEUE_MS = 150
_CATCH_UP_SECONDS = 0.5
CONNECT_SECONDS = 15.0


@dataclass(slots=True)
class Playback:
    """One line on its way out. Times are the event loop's; `cut`: its speaker left before the end."""

    number: int
    sound: Sound
    started: float | None = None
    ended: float | None = None
    muted: bool = False
    cut: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)
    position: int = 0


class Debater:
    """A participant called `who`. `seed` makes its noise its own."""

    def __init__(self, who: str, seed: int) -> None:
        self.who = who
        self.identities: list[str] = []
        self.most_late = 0.0
        """The most seconds that a frame came too late: how badly this machine kept real time."""

        self._noise = noise(_NOISE_SECONDS, seed)
        self._at = 0
        self._lines: deque[Playback] = deque()
        self._room: rtc.Room | None = None
        self._track: rtc.LocalAudioTrack | None = None
        self._pump: asyncio.Task[None] | None = None
        self._muted = False

    async def join(self, entry: Entry) -> None:
        """Connect and open the microphone. Raises Unavailable when the room does not let us in."""
        room = rtc.Room()
        try:
            # What others say is the observer's matter: each subscription would cost a decoder.
            options = rtc.RoomOptions(auto_subscribe=False)
            await asyncio.wait_for(room.connect(entry.livekit_url, entry.token, options), CONNECT_SECONDS)
        except (rtc.ConnectError, TimeoutError) as error:
            raise Unavailable(f"{self.who} cannot join the room: {str(error) or 'no answer'}.") from None
        source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=_QUEUE_MS)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        publish = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await room.local_participant.publish_track(track, publish)
        self._room, self._track, self._muted = room, track, False
        self.identities.append(room.local_participant.identity)
        self._pump = asyncio.create_task(self._push(source), name=f"microphone of {self.who}")

    async def leave(self) -> None:
        """Go, in the middle of a word if need be. Does nothing for one who is not there."""
        room, self._room = self._room, None
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump
        while self._lines:
            self._finish(self._lines.popleft(), cut=True)
        if room is not None:
            await room.disconnect()

    def mute(self, muted: bool) -> None:
        """Close or open the microphone, as the page's button does."""
        self._muted = muted
        if self._track is not None:
            if muted:
                self._track.mute()
            else:
                self._track.unmute()

    def play(self, number: int, sound: Sound) -> Playback:
        """Begin line `number`, after those of the same speaker that still play."""
        playback = Playback(number, sound, muted=self._muted)
        self._lines.append(playback)
        return playback

    async def choose_persona(self, name: str) -> str:
        """Ask the moderator over RPC to be another persona; answers its reply. Raises Unavailable."""
        moderator = self._moderator()
        if self._room is None or moderator is None:
            raise Unavailable(f"{self.who} sees no moderator in the room to ask for persona {name}.")
        try:
            return await self._room.local_participant.perform_rpc(
                destination_identity=moderator, method="sage.persona", payload=json.dumps({"persona": name})
            )
        except rtc.RpcError as error:
            raise Unavailable(f"The moderator refused persona {name}: {error.message}.") from None

    def _moderator(self) -> str | None:
        people = self._room.remote_participants.values() if self._room else ()
        agents = (one.identity for one in people if one.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT)
        return next(agents, None)

    async def _push(self, source: rtc.AudioSource) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            samples = self._next_frame(due)
            frame = rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE, 1, len(samples))
            try:
                await source.capture_frame(frame)
            except Exception as error:  # noqa: BLE001 - the SDK raises a bare Exception for a frame it cannot take
                # One frame is lost; a microphone that fell silent for good would never end its line.
                _log.warning("a frame was not taken", extra={"who": self.who, "problem": str(error)})
            due += FRAME_SECONDS
            late = loop.time() - due
            self.most_late = max(self.most_late, late)
            if late < 0:
                await asyncio.sleep(-late)
            elif late > _CATCH_UP_SECONDS:
                # The machine stood still: what was not sent is silence, not a rush of words.
                due = loop.time()

    def _next_frame(self, now: float) -> Samples:
        floor = self._noise[self._at : self._at + _FRAME]
        self._at = (self._at + _FRAME) % (len(self._noise) - _FRAME)
        if not self._lines:
            return floor
        playback = self._lines[0]
        if playback.started is None:
            playback.started = now
        speech = playback.sound.samples[playback.position : playback.position + _FRAME]
        playback.position += _FRAME
        mixed = floor.astype(np.int32)
        mixed[: len(speech)] += speech
        if playback.position >= len(playback.sound.samples):
            self._lines.popleft()
            self._finish(playback, cut=False)
        return np.clip(mixed, -32768, 32767).astype(np.int16)

    @staticmethod
    def _finish(playback: Playback, *, cut: bool) -> None:
        played = min(playback.position, len(playback.sound.samples)) / SAMPLE_RATE
        if playback.started is not None:
            playback.ended = playback.started + played
        playback.cut = cut
        playback.done.set()
