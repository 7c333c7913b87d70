"""The ears of one room: one for every microphone of a person, from its first frame to its last.

Owns which track has an ear, and replaces an ear that fails. What is heard goes straight from the ear to its listener.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from livekit import rtc
from livekit.agents import stt

from providers.prewarm import Models
from settings import Settings
from voice.ears import FRAME_MS, SAMPLE_RATE, Ear, EarSettings, Listener
from voice.endpointing import Endpointing
from voice.presence import is_human

logger = logging.getLogger("sage.voice.hearing")

DEAF_SECONDS = 1.0
DEAF_TRIES = 5
"""An ear that fails is replaced after this time, so often in a row."""

QUEUED_FRAMES = 250
"""Frames that a track may be ahead of its ear (5 s): a busy machine hears late rather than not at all."""


def ear_settings(settings: Settings) -> EarSettings:
    """The knobs of an ear from the settings table."""
    return EarSettings(
        confidence=settings.vad_confidence,
        start_seconds=settings.vad_start_secs,
        endpointing=Endpointing(
            min_silence=settings.endpoint_min_silence_ms / 1000,
            max_silence=settings.endpoint_max_silence_ms / 1000,
            stop_silence=settings.vad_stop_secs,
        ),
        max_utterance_seconds=float(settings.max_utterance_secs),
    )


class Hearing:
    """Hears everybody in one room once started, from when it attends on. Agents and recorders have no ears."""

    def __init__(
        self,
        room: rtc.Room,
        models: Models,
        recogniser: stt.STT[Any],
        settings: Settings,
        *,
        listener: Listener,
    ) -> None:
        self._room = room
        self._models = models
        self._recogniser = recogniser
        self._settings = ear_settings(settings)
        self._listener = listener
        self._ears: dict[str, Ear] = {}
        self._waiting: dict[str, tuple[rtc.AudioStream, str]] = {}
        """Sound that is kept for an ear, with whose it is, by track."""

        self._started = False
        self._tracks: dict[str, str] = {}
        self._failures: dict[str, int] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def attend(self) -> None:
        """Keep what is said from now on, by those who are there and those who will come, until `start` hears it.

        A job that takes a room over comes into the middle of words: while it opens journal and session none is lost.
        """
        handlers: dict[str, Callable[..., None]] = {
            "track_subscribed": self._on_track,
            "track_unsubscribed": self._on_track_gone,
            "track_muted": self._on_muted,
        }
        for name, handler in handlers.items():
            self._room.on(name, handler)  # type: ignore[arg-type]
        for participant in self._room.remote_participants.values():
            for publication in participant.track_publications.values():
                if publication.track is not None and publication.subscribed:
                    self._on_track(publication.track, publication, participant)

    def start(self) -> None:
        """Hear what was kept, and all that will come."""
        self._started = True
        for sid in list(self._waiting):
            stream, identity = self._waiting.pop(sid)
            self._give_ear(sid, identity, stream)

    async def aclose(self) -> None:
        """Stop hearing; what was begun is told as it stands."""
        ears = [self._ears.pop(sid) for sid in list(self._ears)]
        kept = [self._waiting.pop(sid)[0] for sid in list(self._waiting)]
        closing = (*(ear.aclose() for ear in ears), *(stream.aclose() for stream in kept))
        await asyncio.gather(*closing, *self._tasks, return_exceptions=True)

    def anyone_speaks(self) -> bool:
        """Whether somebody's turn is open."""
        return any(ear.speaking for ear in self._ears.values())

    def track_of(self, identity: str) -> str:
        """The track id of this person's microphone, the last one seen; "" for none."""
        return self._tracks.get(identity, "")

    async def let_go(self, identity: str) -> None:
        """This person has left: what they said until now is told, then their ears are gone."""
        for sid in [sid for sid, ear in self._ears.items() if ear.identity == identity]:
            await self._ears.pop(sid).aclose()

    # -- tracks -------------------------------------------------------------------------------------------
    def _on_track(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        sid = publication.sid
        if track.kind != rtc.TrackKind.KIND_AUDIO or not is_human(participant):
            return
        if sid in self._ears or sid in self._waiting:
            return
        stream = rtc.AudioStream(
            track, sample_rate=SAMPLE_RATE, num_channels=1, frame_size_ms=FRAME_MS, capacity=QUEUED_FRAMES
        )
        if self._started:
            self._give_ear(sid, participant.identity, stream)
        else:
            self._waiting[sid] = (stream, participant.identity)

    def _give_ear(self, sid: str, identity: str, stream: rtc.AudioStream) -> None:
        ear = Ear(
            identity=identity,
            audio=_frames(stream),
            vad_engine=self._models.vad,
            recogniser=self._recogniser,
            turns=self._models.turns.stream(),
            settings=self._settings,
            listener=self._listener,
            on_failed=self._on_failed,
        )
        self._ears[sid] = ear
        self._tracks[identity] = sid
        ear.start()

    def _on_track_gone(
        self, _track: rtc.Track, publication: rtc.RemoteTrackPublication, _participant: rtc.RemoteParticipant
    ) -> None:
        if (ear := self._ears.pop(publication.sid, None)) is not None:
            self._spawn(ear.aclose())
        if (kept := self._waiting.pop(publication.sid, None)) is not None:
            self._spawn(kept[0].aclose())

    def _on_muted(self, _participant: rtc.Participant, publication: rtc.TrackPublication) -> None:
        if (ear := self._ears.get(publication.sid)) is not None:
            ear.fell_silent()

    # -- ears that fail -------------------------------------------------------------------------------------
    def _on_failed(self, ear: Ear, error: BaseException) -> None:
        sid = next((sid for sid, one in self._ears.items() if one is ear), None)
        if sid is not None:
            logger.error(
                "an ear has failed and is replaced", extra={"identity": ear.identity}, exc_info=error
            )
            del self._ears[sid]
            self._spawn(self._replace(sid, ear))

    async def _replace(self, sid: str, failed: Ear) -> None:
        """Another ear on the same track; what the failed one heard until then is told by it."""
        await failed.aclose()
        self._failures[sid] = self._failures.get(sid, 0) + 1
        if self._failures[sid] > DEAF_TRIES:
            logger.error("nobody hears this track any more", extra={"identity": failed.identity})
            return
        await asyncio.sleep(DEAF_SECONDS)
        participant = self._room.remote_participants.get(failed.identity)
        publication = participant.track_publications.get(sid) if participant is not None else None
        if participant is not None and publication is not None and publication.track is not None:
            self._on_track(publication.track, publication, participant)

    def _spawn(self, run: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(run, name="hearing")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _frames(stream: rtc.AudioStream) -> AsyncIterator[rtc.AudioFrame]:
    try:
        async for event in stream:
            yield event.frame
    finally:
        await stream.aclose()
