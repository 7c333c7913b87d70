"""An ear: hears one person's track, and tells what that person says, when they begin and when they have ended.

Attribution is exact because the track is the person, also when people talk over each other. An ear owns its own
voice activity, turn detector and recogniser streams; it decides nothing about the debate and never speaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from livekit import rtc
from livekit.agents import stt, vad

from providers.turns import EarTurnStream
from voice.endpointing import ASK_DETECTOR_AFTER_SECONDS, Endpointing, GateEvent, SpeechGate, must_split
from voice.kept_audio import SILENT_DB, KeptAudio
from voice.utterance import Utterance

logger = logging.getLogger("sage.voice.ears")

SAMPLE_RATE = 16_000
FRAME_MS = 32  # one window of the voice activity model: in frames of 20 ms it waited for the next to be whole
WINDOW_SECONDS = FRAME_MS / 1000
PRE_ROLL_SECONDS = 0.3
"""Audio from before the first speech that the recogniser hears too: a soft onset, and some room noise."""

FINAL_WAIT_SECONDS = 5.0
"""How long a turn's end waits for the recogniser's final text before it takes the interim one."""

WORDLESS_WAIT_SECONDS = 10.0
"""How much longer it waits where there is no interim either: words that come late are better than none."""

STALL_SECONDS = 1.0
"""A turn is over when no audio at all came for this long."""

WORDS_LAG_SECONDS = 0.6
"""How much later than their sound a recogniser's words come: without voice activity detection they are all there is."""


@dataclass(frozen=True, slots=True)
class EarSettings:
    """The knobs of an ear; seconds."""

    confidence: float
    start_seconds: float
    endpointing: Endpointing
    max_utterance_seconds: float


class Listener(Protocol):
    """Who is told by an ear. All calls come on the event loop and return at once."""

    def speech_started(self, ear: Ear, onset_at: float, at: float) -> None: ...
    def speech_heard(self, ear: Ear, at: float) -> None: ...
    def speech_ended(self, ear: Ear, seconds: float, at: float) -> None: ...
    def words_so_far(self, ear: Ear, utterance: Utterance) -> None: ...
    def uttered(self, ear: Ear, utterance: Utterance, silence: float) -> None: ...


class Ear:
    """Listens to one audio track of one participant until closed.

    audio: 16 kHz mono frames of `FRAME_MS`. turns: None where the end of a turn is judged by silence alone.
    vad_engine None: there is no voice activity detection, and turns are made of the recogniser's words.
    """

    def __init__(
        self,
        *,
        identity: str,
        audio: AsyncIterator[rtc.AudioFrame],
        vad_engine: vad.VAD | None,
        recogniser: stt.STT[Any],
        turns: EarTurnStream | None,
        settings: EarSettings,
        listener: Listener,
        on_failed: Callable[[Ear, BaseException], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.identity = identity
        self.utterance: Utterance | None = None
        self._audio = audio
        self._vad = vad_engine.stream() if vad_engine is not None else None
        self._stt = recogniser.stream()
        self._turns = turns
        self._settings = settings
        self._listener = listener
        self._on_failed = on_failed
        self._clock = clock
        self._frame_at = clock()
        self._gate = SpeechGate(confidence=settings.confidence, start_seconds=settings.start_seconds)
        self._kept = KeptAudio(WINDOW_SECONDS)
        self._fed_to = 0
        """The sample up to which the recogniser has heard."""

        self._feeding = False
        self._due: deque[Utterance] = deque()
        """Utterances whose final text is on its way, in the order of their flushes."""

        self._final_came = asyncio.Event()
        self._probability: float | None = None
        self._judged_at = 0.0
        """Up to when the open turn's audio was judged for speech."""

        self._turn_began = 0.0
        """When the open turn's first utterance began: a long speech is split into several."""

        self._asked = False
        self._ask_task: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None
        self._flushed_silence = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen."""
        runs = [self._listen(), self._read(), self._mind_stalls()]
        runs.append(self._watch(self._vad) if self._vad is not None else self._watch_words())
        for run in runs:
            task = asyncio.create_task(run, name=f"ear-{self.identity}")
            task.add_done_callback(self._on_task_done)
            self._tasks.append(task)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failed(self, error)

    async def aclose(self) -> None:
        """Stop listening. Words of an utterance in mid-sentence are not lost: its turn is ended first."""
        if self.utterance is not None:
            self._end_turn(self._clock())
        if self._settling is not None:
            await asyncio.wait({self._settling}, timeout=FINAL_WAIT_SECONDS + 1)
        extra = [task for task in (self._ask_task, self._settling) if task is not None]
        for task in (*self._tasks, *extra):
            task.cancel()
        await asyncio.gather(*self._tasks, *extra, return_exceptions=True)
        if self._vad is not None:
            await self._vad.aclose()
        await self._stt.aclose()
        if self._turns is not None:
            await self._turns.aclose()

    # -- audio -----------------------------------------------------------------------------------
    @property
    def speaking(self) -> bool:
        """Whether this person's turn is open."""
        return self._gate.speaking or (self._vad is None and self.utterance is not None)

    def fell_silent(self) -> None:
        """The microphone was switched off: no frame will come to measure a silence by, so the turn is over now."""
        if self.utterance is not None:
            self._gate.voiced = False
            self._end_turn(self._clock())

    async def _mind_stalls(self) -> None:
        """End a turn whose audio stopped coming (a lost connection): without frames no silence is measured."""
        while True:
            await asyncio.sleep(STALL_SECONDS / 2)
            if self.utterance is not None and self._clock() - self._frame_at > STALL_SECONDS:
                self.fell_silent()

    async def _listen(self) -> None:
        async for frame in self._audio:
            self._frame_at = self._clock()
            if self._vad is not None:
                self._vad.push_frame(frame)
            if self._turns is not None:
                self._turns.push_audio(frame)
            self._kept.add(frame, self._frame_at)
            if self._feeding or self._vad is None:
                self._stt.push_frame(frame)
                self._fed_to = self._kept.samples
        if self.utterance is not None:  # the track has ended: what was begun is a turn
            self._end_turn(self._clock())

    async def _watch(self, stream: vad.VADStream) -> None:
        last_index = 0
        async for event in stream:
            if event.type != vad.VADEventType.INFERENCE_DONE:
                continue
            window = (event.samples_index - last_index) / SAMPLE_RATE if last_index else WINDOW_SECONDS
            last_index = event.samples_index
            # when the audio came, not when a busy machine got to judge it
            kept = self._kept.upto(event.samples_index)
            at, level = (kept.at, kept.level) if kept is not None else (self._clock(), SILENT_DB)
            change = self._gate.feed(event.probability, min(max(window, 0.01), 0.1), at, level)
            if change is GateEvent.STARTED:
                self._begin_turn(at)
            elif change is GateEvent.RESUMED:
                self._go_on(at)
            if self._gate.speaking:
                self._follow(at)

    async def _watch_words(self) -> None:
        """Without voice activity detection: a turn is over when no new word came for as long as silence would last."""
        while True:
            await asyncio.sleep(0.1)
            if self.utterance is None:
                continue
            now = self._clock()
            unfinished, finished = self.utterance.ends()
            needed = self._settings.endpointing.needed(None, unfinished=unfinished, finished=finished)
            if now - self.utterance.words_at >= needed + WORDS_LAG_SECONDS:
                self._end_turn(now)
            elif must_split(now - self.utterance.start, True, self._settings.max_utterance_seconds):
                self._split(now)

    def _begin_by_words(self) -> None:
        now = self._clock()
        self._turn_began = now - WORDS_LAG_SECONDS
        self.utterance = Utterance(self.identity, start=self._turn_began, end=now, words_at=now)
        self._listener.speech_started(self, self.utterance.start, now)

    def _begin_turn(self, at: float) -> None:
        onset = self._gate.onset_at if self._gate.onset_at is not None else at
        self._turn_began = onset
        self.utterance = Utterance(self.identity, start=onset)
        self._listener.speech_started(self, onset, at)
        self._feed_recogniser(onset - PRE_ROLL_SECONDS)

    def _feed_recogniser(self, since: float) -> None:
        """Let the recogniser hear what came since `since` and it has not heard, and from now on all of it."""
        for frame in self._kept.after(self._fed_to, since):
            self._stt.push_frame(frame)
        self._fed_to = self._kept.samples
        self._feeding = True

    def _go_on(self, at: float) -> None:
        self._asked, self._probability = False, None
        self._flushed_silence = False
        if not self._feeding:
            self._feed_recogniser(at - PRE_ROLL_SECONDS)

    def _follow(self, at: float) -> None:
        """The open turn, one window further: is it over, does it split, is the detector to be asked?"""
        assert self.utterance is not None
        self.utterance.end = max(self.utterance.start, self._gate.last_voice_at)
        if self._gate.voiced:
            self._listener.speech_heard(self, at)
        self._judged_at = at
        # to the nearest window: waiting for the next whole one would make every end late by half of one
        silence = self._gate.silence(at) + (0.0 if self._gate.voiced else WINDOW_SECONDS / 2)
        if silence >= ASK_DETECTOR_AFTER_SECONDS and not self._asked:
            self._asked = True
            self._ask_task = asyncio.create_task(self._ask(), name=f"ear-turn-{self.identity}")
        if self._is_over(silence):
            self._end_turn(at)
        elif silence >= self._settings.endpointing.stop_silence and not self._flushed_silence:
            self._flushed_silence = True
            self._flush()
        elif must_split(at - self.utterance.start, self._gate.voiced, self._settings.max_utterance_seconds):
            self._split(at)

    def _is_over(self, silence: float) -> bool:
        assert self.utterance is not None
        if silence < self._settings.endpointing.min_silence:
            return False
        unfinished, finished = self.utterance.ends()
        stale = self.utterance.stale(self._gate.last_voice_at)
        needed = self._settings.endpointing.needed(
            self._probability, unfinished=unfinished, finished=finished and not stale, stale=stale
        )
        return silence >= needed

    def _judge_again(self) -> None:
        """The detector or the recogniser has told something new in a silence: is the turn over by it?"""
        if self._gate.speaking and self.utterance is not None and not self._gate.voiced:
            # no further than the next window: what is not judged yet may be speech
            at = min(self._clock(), self._judged_at + WINDOW_SECONDS)
            if self._is_over(self._gate.silence(at)):
                self._end_turn(at)

    async def _ask(self) -> None:
        if self._turns is None or self.utterance is None:
            return
        utterance = self.utterance
        probability = await self._turns.predict(utterance.text)
        if self.utterance is utterance and self._asked:
            self._probability = probability
            self._judge_again()

    # -- the end of a part, and of the turn ----------------------------------------------------------
    def _flush(self) -> None:
        """Ask the recogniser for its final word on what it was given."""
        if (self._feeding or self._vad is None) and self.utterance is not None:
            self._due.append(self.utterance)
            self._stt.flush()
            # the silence that follows is pre-roll of the next part, not of this one
            self._feeding = False

    def _split(self, at: float) -> None:
        """End the utterance in the middle of a speech: its caption is final, the turn goes on in a new one."""
        over = self.utterance
        assert over is not None
        self._flush()
        self.utterance = Utterance(self.identity, start=at, end=at, words_at=at)
        self._feeding = True
        self._settle(over, silence=0.0)

    def _end_turn(self, at: float) -> None:
        over = self.utterance
        assert over is not None
        silence = self._gate.silence(at)
        self._flush()
        self._gate.close()
        self.utterance = None
        self._asked, self._probability, self._flushed_silence = False, None, False
        over.end = over.end or at
        self._listener.speech_ended(self, max(0.0, over.end - self._turn_began), at)
        self._settle(over, silence)

    def _settle(self, over: Utterance, silence: float) -> None:
        self._settling = asyncio.create_task(
            self._await_final(over, self._settling, silence), name=f"ear-final-{self.identity}"
        )

    async def _await_final(self, over: Utterance, before: asyncio.Task[None] | None, silence: float) -> None:
        """Tell the utterance once its final text came, or its time is up; in the order of speaking."""
        if before is not None:
            await asyncio.gather(before, return_exceptions=True)
        await self._final_within(FINAL_WAIT_SECONDS, over)
        if over in self._due and not over.text:
            await self._final_within(WORDLESS_WAIT_SECONDS, over)
        if over in self._due:
            logger.warning("the recogniser gave no final text in time", extra={"identity": self.identity})
            over.tell_early()
        over.running = ""
        self._listener.uttered(self, over, silence)

    async def _final_within(self, seconds: float, over: Utterance) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while over in self._due:
                    self._final_came.clear()
                    await self._final_came.wait()

    # -- the recogniser's words -------------------------------------------------------------------------
    async def _read(self) -> None:
        async for event in self._stt:
            text = event.alternatives[0].text.strip() if event.alternatives else ""
            kind = event.type
            if kind is stt.SpeechEventType.FINAL_TRANSCRIPT:
                self._on_final(text)
            elif kind in (stt.SpeechEventType.INTERIM_TRANSCRIPT, stt.SpeechEventType.PREFLIGHT_TRANSCRIPT):
                self._on_interim(text)

    def _on_final(self, text: str) -> None:
        # One final a flush, in order: the front of the line is the part it belongs to. A final that came unasked
        # (a recogniser with endpointing of its own) belongs to the utterance that runs.
        if text and not self._due and self.utterance is None and self._vad is None:
            self._begin_by_words()
        utterance = self._due.popleft() if self._due else self.utterance
        if utterance is None or utterance.told is not None:  # later than a turn waits for it
            at = self._clock()
            self._tell_late(utterance or Utterance(self.identity, start=at, end=at, told=[]), text)
            return
        if text:
            utterance.settle(text, self._stt)
        utterance.running = ""
        self._note_words(utterance)
        self._final_came.set()
        self._listener.words_so_far(self, utterance)
        self._judge_again()

    def _tell_late(self, told: Utterance, text: str) -> None:
        if rest := told.not_told_of(text):
            late = Utterance(self.identity, start=told.start, end=told.end, settled=[rest])
            self._settle(late, silence=0.0)

    def _on_interim(self, text: str) -> None:
        if text and not self._due and self.utterance is None and self._vad is None:
            self._begin_by_words()
        utterance = self._due[0] if self._due else self.utterance
        if utterance is None or utterance.told is not None or not text or text == utterance.running:
            return
        utterance.running = text
        self._note_words(utterance)
        self._listener.words_so_far(self, utterance)
        self._judge_again()

    def _note_words(self, utterance: Utterance) -> None:
        utterance.words_at = self._clock()
        if self._vad is None and utterance is self.utterance:
            utterance.end = utterance.words_at - WORDS_LAG_SECONDS
            self._listener.speech_heard(self, utterance.words_at)
