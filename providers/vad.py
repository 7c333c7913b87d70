"""Voice activity detection: Silero as the framework bundles it, else by its plugin, else none.

Owns the choice and what the VAD_* settings mean to each. Both are the same weights: on recorded speech their
probabilities are equal to the last digit, but a window costs 0.08 ms bundled and 0.44 ms by the plugin, which also
smooths them and so tells every change a window later. Where a voice has none, turns come from the recogniser.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import vad

logger = logging.getLogger("sage.providers")

_P = ParamSpec("_P")
_T = TypeVar("_T")

PREFIX_SECONDS = 0.5  # of audio before the start of speech that an event carries


class AtOnce(Executor):
    """Runs what it is given in the caller's thread, before it answers.

    To hand a window to another thread takes longer than to judge it, and on a busy machine so much longer that an ear
    falls behind its speaker: seen with one core, five seconds late and then deaf to what was older.
    """

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """The finished call."""
        done: Future[_T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as problem:  # noqa: BLE001 - the future's to tell
            done.set_exception(problem)
        return done


def build_vad(settings: Settings) -> vad.VAD | None:
    """A loaded detector, or None when neither can be loaded. One stream an ear. Takes 0.1 s."""
    for name, load in (("bundled silero", _bundled), ("silero plugin", _plugin)):
        try:
            return load(settings)
        except Exception as problem:  # noqa: BLE001 - whatever a native library dislikes
            logger.warning(
                "voice activity detector not usable", extra={"detector": name, "problem": str(problem)}
            )
    logger.error("no voice activity detector: turns come from speech recognition")
    return None


def _bundled(settings: Settings) -> vad.VAD:
    from livekit.agents import inference

    return inference.VAD(
        min_speech_duration=settings.vad_start_secs,
        min_silence_duration=settings.vad_stop_secs,
        activation_threshold=settings.vad_confidence,
        prefix_padding_duration=PREFIX_SECONDS,
        executor=AtOnce(),
    )


def _plugin(settings: Settings) -> vad.VAD:
    from livekit.plugins import silero

    return silero.VAD.load(
        min_speech_duration=settings.vad_start_secs,
        min_silence_duration=settings.vad_stop_secs,
        activation_threshold=settings.vad_confidence,
        prefix_padding_duration=PREFIX_SECONDS,
    )
