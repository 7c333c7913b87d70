"""STT link `local`: streaming recognition on this machine, as the framework's `stt.STT`.

Owns what is decoded when: interims while somebody speaks, a decode on trial as soon as silence begins, one
final text a flush. The model and its thread are moonshine.py's, the audio and its cuts utterance.py's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from livekit import local_inference, rtc
from livekit.agents import APIConnectOptions, LanguageCode, stt, utils
from livekit.agents._exceptions import APIConnectionError
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer, aio

from providers.flushed_stream import FlushedStream
from providers.local.moonshine import Decode, DecodeQueue, Urgency, shared_queue
from providers.local.utterance import SAMPLE_RATE, Pcm, Utterance, join_parts

logger = logging.getLogger("sage.providers")

INTERIM_SECONDS = 0.6  # of audio between two interims at the least
TRIAL_SILENCE_SECONDS = 0.12  # of silence after which the words so far are decoded as if they were all
ENGLISH = LanguageCode("en")


class SpeechJudge(Protocol):
    """A voice activity model with memory, as `livekit.local_inference.VAD`."""

    def predict(self, pcm: Pcm) -> float:
        """Probability of speech in a window of `utterance.WINDOW` samples."""

    def reset(self) -> None:
        """Forget what was heard."""


@dataclass
class _Heard:
    """An utterance with the decodes that were asked for it."""

    utterance: Utterance
    parts: list[Decode] = field(default_factory=list)
    interim: Decode | None = None
    trial: Decode | None = None
    trial_end: int = -1  # the end of speech that the trial covers
    settled: str = ""  # words up to `settled_end`, from a trial after which the speaker went on
    settled_end: int = 0
    next_interim: float = 0.0  # seconds of the utterance
    ended: bool = False

    def part_texts(self) -> list[str]:
        """What the cut parts hold, those that are decoded."""
        return [part.done.result() for part in self.parts if part.done.done() and not part.done.cancelled()]


@dataclass(frozen=True)
class _Answer:
    """An event that will be sent when its decode is done."""

    kind: stt.SpeechEventType
    heard: _Heard
    decode: Decode | None
    settled: str = ""


class LocalSTT(stt.STT[Any]):
    """Moonshine tiny (English). Every stream decodes on the one thread that the process has for it."""

    def __init__(
        self,
        *,
        queue: DecodeQueue | None = None,
        judge: Callable[[], SpeechJudge] = local_inference.VAD,
    ) -> None:
        """`queue`: where decodes are done; by default the process's own, loaded at the first stream. `judge`
        makes the voice activity judge of each stream."""
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=True, interim_results=True, aligned_transcript="chunk", manual_flush=True
            )
        )
        self._queue = queue
        self._judge = judge

    @property
    def model(self) -> str:
        return "moonshine-tiny-en"

    @property
    def provider(self) -> str:
        return "local"

    @property
    def queue(self) -> DecodeQueue:
        """Where decodes are done; loads the model at the first use."""
        if self._queue is None:
            self._queue = shared_queue()
        return self._queue

    def prewarm(self) -> None:
        self._queue = self._queue or shared_queue()

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> LocalSpeechStream:
        return LocalSpeechStream(stt=self, queue=self.queue, judge=self._judge(), conn_options=conn_options)

    async def _recognize_impl(
        self,
        buffer: AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        frames = buffer if isinstance(buffer, list) else [buffer]
        async with self.stream(conn_options=conn_options) as stream:
            for frame in frames:
                stream.push_frame(frame)
            stream.end_input()
            async for event in stream:
                if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                    return event
        raise APIConnectionError("the local recogniser ended without a text")


class LocalSpeechStream(FlushedStream):
    """Audio in, interim and final texts out: exactly one final a flush, in the order of the flushes."""

    def __init__(
        self, *, stt: LocalSTT, queue: DecodeQueue, judge: SpeechJudge, conn_options: APIConnectOptions
    ) -> None:
        super().__init__(stt=stt, conn_options=conn_options, sample_rate=SAMPLE_RATE)
        self._queue = queue
        self._judge = judge
        self._seconds = 0.0
        self._answers = aio.Chan[_Answer]()
        self._heard = self._new_utterance()

    def push_frame(self, frame: rtc.AudioFrame) -> None:
        # The framework resamples every frame as if it had one channel.
        super().push_frame(_mono(frame))

    async def _run(self) -> None:
        self._answers = aio.Chan[_Answer]()
        listening = asyncio.create_task(self._listen(), name="LocalSpeechStream._listen")
        answering = asyncio.create_task(self._answer(), name="LocalSpeechStream._answer")
        try:
            done, _ = await asyncio.wait({listening, answering}, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            await aio.cancel_and_wait(listening, answering)
            self._abandon(self._heard)

    async def _listen(self) -> None:
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                self._hear(item)
            else:
                self._end_utterance()
        self._answers.close()

    def _new_utterance(self) -> _Heard:
        self._judge.reset()
        return _Heard(Utterance(self._judge.predict, began=self.start_time_offset + self._seconds))

    def _hear(self, frame: rtc.AudioFrame) -> None:
        heard, utterance = self._heard, self._heard.utterance
        utterance.push(np.frombuffer(frame.data, dtype=np.int16))
        self._seconds += frame.duration
        if not utterance.speech_in_part():
            return
        if span := utterance.cut():
            self._cut(heard, *span)
        elif utterance.silence_seconds >= TRIAL_SILENCE_SECONDS:
            self._try(heard)
        elif utterance.silence_seconds == 0.0 and (
            heard.trial is None or heard.trial_end != utterance.speech_end
        ):
            # Not in what may become a pause: the trial, which cannot begin before a running decode is done, is near.
            self._guess(heard)

    def _cut(self, heard: _Heard, start: int, end: int) -> None:
        """Decode a part for good: the final of a long utterance then costs its tail only."""
        utterance = heard.utterance
        if heard.trial is not None and heard.trial_end == utterance.speech_end:
            part = heard.trial  # it has the same words: the cut is in the silence after them
        else:
            _cancel(heard.trial)
            part = self._queue.submit(Urgency.SEGMENT, lambda: utterance.samples(start, end))
        heard.parts.append(part)
        heard.settled, heard.settled_end = "", end
        _cancel(heard.interim)
        heard.trial = heard.interim = None

    def _try(self, heard: _Heard) -> None:
        """Decode at the beginning of a silence, so that the final is there when the silence proves to be the
        end."""
        utterance = heard.utterance
        if heard.trial_end == utterance.speech_end:
            return
        start, end = utterance.part_start, utterance.length
        _cancel(heard.trial, heard.interim)
        heard.trial = self._queue.submit(Urgency.PREFLIGHT, lambda: utterance.samples(start, end))
        heard.trial_end = utterance.speech_end
        self._answers.send_nowait(_Answer(stt.SpeechEventType.PREFLIGHT_TRANSCRIPT, heard, heard.trial))

    def _guess(self, heard: _Heard) -> None:
        """Decode what is said right now, from the last pause on, if it is time and no guess is waiting."""
        utterance, now = heard.utterance, heard.utterance.length / SAMPLE_RATE
        if heard.trial is not None and heard.trial.done.done() and not heard.trial.done.cancelled():
            if heard.trial.done.exception() is None:
                heard.settled, heard.settled_end = heard.trial.done.result(), heard.trial_end
            heard.trial = None
        waiting = heard.interim is not None and not heard.interim.done.done()
        start = max(heard.settled_end, utterance.part_start)
        # From less than that the recogniser makes up a word.
        heard_seconds = (utterance.speech_end - max(start, utterance.first_speech or 0)) / SAMPLE_RATE
        if waiting or now < heard.next_interim or heard_seconds < INTERIM_SECONDS:
            return
        heard.interim = self._queue.submit(Urgency.INTERIM, lambda: utterance.samples(start))
        heard.next_interim = now + INTERIM_SECONDS
        self._answers.send_nowait(
            _Answer(stt.SpeechEventType.INTERIM_TRANSCRIPT, heard, heard.interim, heard.settled)
        )

    def _end_utterance(self) -> None:
        """The flush: the final is the trial where only silence came after it, else a decode of the last
        part."""
        heard, utterance = self._heard, self._heard.utterance
        heard.ended = True
        _cancel(heard.interim)
        decode: Decode | None = None
        if utterance.speech_in_part():
            if heard.trial is not None and heard.trial_end == utterance.speech_end:
                decode = heard.trial
                self._queue.hurry(decode, Urgency.FINAL)
            else:
                _cancel(heard.trial)
                start, end = utterance.part_start, utterance.length
                decode = self._queue.submit(Urgency.FINAL, lambda: utterance.samples(start, end))
        for part in heard.parts:
            self._queue.hurry(part, Urgency.FINAL)
        self._answers.send_nowait(_Answer(stt.SpeechEventType.FINAL_TRANSCRIPT, heard, decode))
        self._heard = self._new_utterance()

    async def _answer(self) -> None:
        async for answer in self._answers:
            if answer.kind is stt.SpeechEventType.FINAL_TRANSCRIPT:
                await self._send_final(answer)
            else:
                await self._send_passing(answer)

    async def _send_passing(self, answer: _Answer) -> None:
        assert answer.decode is not None
        await asyncio.wait({answer.decode.done})
        if answer.heard.ended or answer.decode.done.cancelled():
            return
        if problem := answer.decode.done.exception():
            logger.warning("interim recognition failed", extra={"problem": str(problem)})
            return
        text = join_parts([*answer.heard.part_texts(), answer.settled, answer.decode.done.result()])
        if text:
            self._send(answer.kind, answer.heard.utterance, text)

    async def _send_final(self, answer: _Answer) -> None:
        decodes = [*answer.heard.parts, *([answer.decode] if answer.decode else [])]
        try:
            texts = [await decode.done for decode in decodes]
        except Exception as problem:
            raise APIConnectionError("the local recogniser failed", retryable=False) from problem
        utterance = answer.heard.utterance
        self._send(answer.kind, utterance, join_parts(texts))
        usage = stt.RecognitionUsage(audio_duration=utterance.length / SAMPLE_RATE)
        self._event_ch.send_nowait(
            stt.SpeechEvent(type=stt.SpeechEventType.RECOGNITION_USAGE, recognition_usage=usage)
        )

    def _send(self, kind: stt.SpeechEventType, utterance: Utterance, text: str) -> None:
        data = stt.SpeechData(
            language=ENGLISH, text=text, start_time=utterance.start_seconds, end_time=utterance.end_seconds
        )
        self._event_ch.send_nowait(
            stt.SpeechEvent(type=kind, request_id=utils.shortuuid("local_"), alternatives=[data])
        )

    def _abandon(self, heard: _Heard) -> None:
        _cancel(heard.interim, heard.trial, *heard.parts)


def _cancel(*decodes: Decode | None) -> None:
    for decode in decodes:
        if decode is not None:
            decode.cancel()


def _mono(frame: rtc.AudioFrame) -> rtc.AudioFrame:
    if frame.num_channels == 1:
        return frame
    channels = np.frombuffer(frame.data, dtype=np.int16).reshape(-1, frame.num_channels)
    mixed = channels.mean(axis=1).astype(np.int16)
    return rtc.AudioFrame(mixed.tobytes(), frame.sample_rate, 1, frame.samples_per_channel)
