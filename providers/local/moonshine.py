"""The speech recogniser: Moonshine tiny, from files inside its package, called by ctypes on whole buffers.

Owns the loaded model and its one worker thread, on which decodes wait in order of urgency. Knows nothing of
streams and utterances (stt.py), and nothing of when to load it (prewarm.py).
"""

from __future__ import annotations

import asyncio
import ctypes
import heapq
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
_DOUBLED = re.compile(r"([,;:])[,;:]+")
"""Punctuation that the model writes twice ("Hey, Sage,, what")."""

Samples = NDArray[np.float32]

# Interim texts are a comfort, finals are the product: what interims may take of one core.
INTERIM_CPU_SHARE = 0.4


class Urgency(IntEnum):
    """Order in which waiting decodes are done; lower is first."""

    FINAL = 0
    SEGMENT = 1
    PREFLIGHT = 2
    INTERIM = 3


class Recogniser:
    """The loaded model. `transcribe` blocks; it is safe to call from one thread at a time."""

    def __init__(self) -> None:
        # The native library starts spinning threads on every core: measured 1.25 times faster and twice the
        # CPU, which the other ears, the voice and the media threads of the same small machine pay for.
        os.putenv("MOONSHINE_ORT_SINGLE_THREAD", "1")
        from moonshine_voice.moonshine_api import TranscriptC
        from moonshine_voice.transcriber import ModelArch, Transcriber
        from moonshine_voice.utils import get_assets_path

        # vad_threshold 0: the buffer is one line. Its own VAD cuts words off and invents "You" in silence.
        self._transcriber: Any = Transcriber(
            str(get_assets_path() / "tiny-en"), ModelArch.TINY, options={"vad_threshold": "0.0"}
        )
        self._result_type: Any = TranscriptC

    def transcribe(self, samples: Samples) -> str:
        """Words in `samples` (float32, mono, 16 kHz, -1..1), "" when there are none. Blocks for about 6 % of
        their duration; raises `moonshine_voice.errors.MoonshineError` when the model refuses."""
        from moonshine_voice.errors import check_error

        samples = np.ascontiguousarray(samples, dtype=np.float32)
        result = ctypes.POINTER(self._result_type)()
        # The package's own method turns the audio into a Python list first: 16,000 objects a second of
        # speech.
        check_error(
            self._transcriber._lib.moonshine_transcribe_without_streaming(
                self._transcriber._handle,
                samples.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
                len(samples),
                SAMPLE_RATE,
                0,
                ctypes.byref(result),
            )
        )
        transcript: Any = result.contents
        lines = (transcript.lines[i].text for i in range(transcript.line_count))
        words = (ctypes.string_at(line).decode("utf-8", "replace").strip() for line in lines if line)
        return tidied(" ".join(word for word in words if word))


def tidied(text: str) -> str:
    """`text` without the punctuation that the model writes twice."""
    return _DOUBLED.sub(r"\1", text)


@dataclass(order=True)
class Decode:
    """A decode that waits for, or has had, its turn on the worker thread."""

    urgency: int
    sequence: int
    samples: Callable[[], Samples] = field(compare=False)
    loop: asyncio.AbstractEventLoop = field(compare=False)
    done: asyncio.Future[str] = field(compare=False)

    def cancel(self) -> None:
        """Take it out of the line; one that is running finishes unheard."""
        self.done.cancel()


class DecodeQueue:
    """One worker thread for a process: finals before segments before preflights before interims.

    Interims also wait until they have used less than their share of a core, so that any number of ears that
    talk at once cost no more than one.
    """

    def __init__(
        self,
        transcribe: Callable[[Samples], str],
        *,
        interim_share: float = INTERIM_CPU_SHARE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transcribe = transcribe
        self._rest_factor = 1.0 / interim_share - 1.0
        self._clock = clock
        self._waiting: list[Decode] = []
        self._changed = threading.Condition()
        self._sequence = 0
        self._interims_from = 0.0
        self._closed = False
        self._thread: threading.Thread | None = None

    def submit(self, urgency: Urgency, samples: Callable[[], Samples]) -> Decode:
        """Queue a decode from a running event loop. `samples` is called on the worker thread when the turn
        has come, so that an interim that waited hears the newest audio."""
        loop = asyncio.get_running_loop()
        with self._changed:
            if self._closed:
                raise RuntimeError("the decode queue is closed")
            self._sequence += 1
            decode = Decode(urgency, self._sequence, samples, loop, loop.create_future())
            heapq.heappush(self._waiting, decode)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="shared-decode", daemon=True)
                self._thread.start()
            self._changed.notify()
        return decode

    def hurry(self, decode: Decode, urgency: Urgency) -> None:
        """Move a waiting decode up, as a preflight that has become the final."""
        with self._changed:
            if decode in self._waiting and urgency < decode.urgency:
                decode.urgency = urgency
                heapq.heapify(self._waiting)
                self._changed.notify()

    def close(self) -> None:
        """End the worker thread after the decode that it is in; waiting ones are cancelled."""
        with self._changed:
            self._closed = True
            waiting, self._waiting = self._waiting, []
            self._changed.notify_all()
        for decode in waiting:
            _call(decode.loop, decode.done.cancel)
        if self._thread is not None:
            self._thread.join()

    def _next(self) -> Decode | None:
        with self._changed:
            while not self._closed:
                while self._waiting and self._waiting[0].done.cancelled():
                    heapq.heappop(self._waiting)
                rest = None
                if self._waiting:
                    rest = self._interims_from - self._clock()
                    if self._waiting[0].urgency < Urgency.INTERIM or rest <= 0:
                        return heapq.heappop(self._waiting)
                self._changed.wait(rest)
        return None

    def _work(self) -> None:
        while decode := self._next():
            started = self._clock()
            try:
                text = self._transcribe(decode.samples())
            except Exception as problem:  # noqa: BLE001 - handed to the one who waits
                _call(decode.loop, _fail, decode.done, problem)
            else:
                _call(decode.loop, _succeed, decode.done, text)
            if decode.urgency == Urgency.INTERIM:
                ended = self._clock()
                self._interims_from = ended + (ended - started) * self._rest_factor


def _succeed(done: asyncio.Future[str], text: str) -> None:
    if not done.done():
        done.set_result(text)


def _fail(done: asyncio.Future[str], problem: Exception) -> None:
    if not done.done():
        done.set_exception(problem)


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: object) -> None:
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:
        # The loop of a job that is over: nobody is left to hear.
        return


_lock = threading.Lock()


@cache
def _the_queue() -> DecodeQueue:
    recogniser = Recogniser()
    noise = np.random.default_rng(0).normal(0, 0.001, SAMPLE_RATE // 2).astype(np.float32)
    recogniser.transcribe(noise)
    return DecodeQueue(recogniser.transcribe)


def shared_queue() -> DecodeQueue:
    """The process's queue; loads the model (0.4 s, 150 MB) and decodes half a second of noise once, so that
    no debater pays for the first call."""
    with _lock:  # the cache alone would let two threads load it
        return _the_queue()
