"""The moderator's mouth: an audio output that pauses within one frame and loses no syllable when it goes on.

The framework's own output has 50 ms frames behind a 200 ms queue that a pause throws away (LIVEKIT.md). This one keeps
what was queued, and takes orders to hold and go on from the conductor only: the framework's own `pause` and `resume`,
which every new segment calls, do nothing here. Captions are paced by the playhead (`voice.spoken`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable

from livekit import rtc
from livekit.agents.voice import io

from voice.spoken import SpokenCaptions

SAMPLE_RATE = 24_000
FRAME_SECONDS = 0.01
FRAME_BYTES = int(SAMPLE_RATE * FRAME_SECONDS) * 2
QUEUE_MS = 60
"""The native queue: what a busy machine may be late by. A pause clears it, so it costs no delay there."""

TRACK_NAME = "sage-voice"


class RoomVoice(io.AudioOutput):
    """Publishes the moderator's voice into a room as 24 kHz mono 16-bit audio.

    `hold` and `go_on` are the conductor's; both are idempotent and work while nothing is being said too (speech that
    begins while held stays silent until it may go on).
    """

    def __init__(
        self,
        captions: SpokenCaptions,
        *,
        clock: Callable[[], float] = time.monotonic,
        source: rtc.AudioSource | None = None,
    ) -> None:
        """source: where the frames go; one of its own by default."""
        super().__init__(
            label="sage-room-voice",
            capabilities=io.AudioOutputCapabilities(pause=False),
            sample_rate=SAMPLE_RATE,
        )
        self.captions = captions
        self._clock = clock
        self._source = source or rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=QUEUE_MS)
        self._frames: deque[bytes] = deque()
        self._tail = bytearray()
        self._sent: deque[bytes] = deque(maxlen=QUEUE_MS // 10 + 2)
        self._pump_task: asyncio.Task[None] | None = None
        self._silences: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._held = False
        self._flushed = False
        self._played_frames = 0
        self._began = False
        self.track_sid = ""
        self.first_frame_at: float | None = None
        """When the first frame of the running, or last, segment went out (clock of the constructor)."""

    # -- life -------------------------------------------------------------------------------
    async def publish(self, room: rtc.Room) -> None:
        """Publish the track as the moderator's microphone and start to pump."""
        track = rtc.LocalAudioTrack.create_audio_track(TRACK_NAME, self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        publication = await room.local_participant.publish_track(track, options)
        self.track_sid = publication.sid
        self.captions.track_sid = publication.sid
        self.start()

    def start(self) -> None:
        """Let frames out to the source."""
        self._pump_task = asyncio.create_task(self._pump(), name="room-voice")

    async def aclose(self) -> None:
        """Stop at once; what was queued is dropped."""
        if self._pump_task is not None:
            self._pump_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pump_task
        await asyncio.gather(*self._silences, return_exceptions=True)
        await self._source.aclose()

    # -- the conductor's orders ---------------------------------------------------------------
    def hold(self) -> None:
        """Fall silent now (one frame of 10 ms at most) and keep the rest of the sentence."""
        if self._held:
            return
        self._held = True
        unheard = min(len(self._sent), round(self._source.queued_duration / FRAME_SECONDS))
        self._source.clear_queue()
        for _ in range(unheard):
            self._frames.appendleft(self._sent.pop())
        self._played_frames -= unheard

    def go_on(self) -> None:
        """Speak on from the very frame that was not heard."""
        if self._held:
            self._held = False
            self._wake.set()

    def keep_alive(self) -> None:
        """A frame of silence while the words wait for a voice (runbook, "TTS timeout"); it counts as nothing said."""
        if not self._held and not self._frames and self._source.queued_duration == 0:
            silence = rtc.AudioFrame(bytes(FRAME_BYTES), SAMPLE_RATE, 1, FRAME_BYTES // 2)
            task = asyncio.create_task(self._source.capture_frame(silence), name="room-voice-silence")
            self._silences.add(task)
            task.add_done_callback(self._silences.discard)

    # -- the framework's side -------------------------------------------------------------------
    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        if self._flushed:
            # a new segment while the last one still ends: it must not run into it
            await self.wait_for_playout()
        await super().capture_frame(frame)
        self._tail += frame.data.cast("B")
        self.captions.audio_seconds += frame.duration
        while len(self._tail) >= FRAME_BYTES:
            self._frames.append(bytes(self._tail[:FRAME_BYTES]))
            del self._tail[:FRAME_BYTES]
        self._wake.set()

    def flush(self) -> None:
        super().flush()
        if self._tail:
            self._frames.append(bytes(self._tail).ljust(FRAME_BYTES, b"\0"))
            self._tail.clear()
        if self._pending_playback_count:
            self._flushed = True
            self.captions.audio_done = True
            self._wake.set()

    def clear_buffer(self) -> None:
        """Stop for good: what was not heard is dropped and the segment ends as interrupted."""
        unheard = round(self._source.queued_duration / FRAME_SECONDS)
        self._source.clear_queue()
        self._frames.clear()
        self._tail.clear()
        self._played_frames = max(0, self._played_frames - unheard)
        if self._pending_playback_count:
            self._finish(interrupted=True)

    def pause(self) -> None:
        """Not the framework's to say."""

    def resume(self) -> None:
        """Not the framework's to say."""

    # -- the pump ---------------------------------------------------------------------------------
    @property
    def playhead(self) -> float:
        """Seconds of the running segment that left for the room."""
        return max(0.0, self._played_frames * FRAME_SECONDS - self._source.queued_duration)

    async def _pump(self) -> None:
        while True:
            if self._held or not self._frames:
                if self._flushed and not self._held and not self._frames:
                    await self._drain()
                    continue
                self._wake.clear()
                await self._wake.wait()
                continue
            data = self._frames.popleft()
            if not self._began:
                self._began = True
                self.first_frame_at = self._clock()
                self.on_playback_started(created_at=time.time())
            self._sent.append(data)
            self._played_frames += 1
            await self._source.capture_frame(rtc.AudioFrame(data, SAMPLE_RATE, 1, FRAME_BYTES // 2))
            self.captions.advance(self.playhead)

    async def _drain(self) -> None:
        """Wait until the queue was heard; ends the segment unless it was held or cleared meanwhile."""
        while self._source.queued_duration > 0:
            await asyncio.sleep(FRAME_SECONDS)
            self.captions.advance(self.playhead)
            if self._held or not self._flushed:
                return
        if self._flushed and not self._held and not self._frames:
            self._finish(interrupted=False)

    def _finish(self, *, interrupted: bool) -> None:
        position = self.playhead if interrupted else self._played_frames * FRAME_SECONDS
        shown = self.captions.finish(position, interrupted=interrupted)
        self._flushed, self._began, self._played_frames = False, False, 0
        self._sent.clear()
        self.on_playback_finished(
            playback_position=position, interrupted=interrupted, synchronized_transcript=shown
        )
