"""Voice activity detection: Silero by its plugin, else the framework's bundled copy, else none.

Owns the choice and what the VAD_* settings mean to each. Where a voice has none, turns come from the
recogniser.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import vad

logger = logging.getLogger("sage.providers")

PREFIX_SECONDS = 0.5  # of audio before the start of speech that an event carries


def build_vad(settings: Settings) -> vad.VAD | None:
    """A loaded detector, or None when neither can be loaded. One stream an ear. Takes 0.1 s."""
    for name, load in (("silero plugin", _plugin), ("bundled silero", _bundled)):
        try:
            return load(settings)
        except Exception as problem:  # noqa: BLE001 - whatever a native library dislikes
            logger.warning(
                "voice activity detector not usable", extra={"detector": name, "problem": str(problem)}
            )
    logger.error("no voice activity detector: turns come from speech recognition")
    return None


def _plugin(settings: Settings) -> vad.VAD:
    from livekit.plugins import silero

    return silero.VAD.load(
        min_speech_duration=settings.vad_start_secs,
        min_silence_duration=settings.vad_stop_secs,
        activation_threshold=settings.vad_confidence,
        prefix_padding_duration=PREFIX_SECONDS,
    )


def _bundled(settings: Settings) -> vad.VAD:
    from livekit.agents import inference

    return inference.VAD(
        min_speech_duration=settings.vad_start_secs,
        min_silence_duration=settings.vad_stop_secs,
        activation_threshold=settings.vad_confidence,
        prefix_padding_duration=PREFIX_SECONDS,
    )
