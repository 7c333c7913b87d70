"""When an ear's speaker has begun and ended: pure state machines over speech probabilities.

Owns the arithmetic of the knobs VAD_CONFIDENCE, VAD_START_SECS, VAD_STOP_SECS, ENDPOINT_MIN_SILENCE_MS,
ENDPOINT_MAX_SILENCE_MS and MAX_UTTERANCE_SECS. Time is an argument (seconds, monotonic); no clock, no await.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto

RELEASE_MARGIN = 0.15
"""A window counts as silence only this far under the confidence: speech does not flicker at the threshold."""

ONSET_GAP_SECONDS = 0.1
"""Silence that an onset may hold (plosives, a breath) and still count as one onset."""

ASK_DETECTOR_AFTER_SECONDS = 0.2
"""Silence after which the turn detector is asked (LIVEKIT.md: it was trained on such pauses)."""

FINISHED_PROBABILITY = 0.5
UNFINISHED_PROBABILITY = 0.1
"""Detector probabilities from which the shortest, and up to which the longest silence applies."""

MIN_SPLIT_SHARE = 0.8
"""From this share of MAX_UTTERANCE_SECS on, an utterance is split at the first quiet window."""

QUIET_BELOW_LOUDEST_DB = 30.0
QUIET_ABOVE_FLOOR_DB = 6.0
CLEARLY_BELOW_LOUDEST_DB = 15.0
"""A window is quiet that far under the loudest of its turn; or where it is no further above what is heard between
speeches and clearly below the loudest: in a loud room the soft end of a word is near the noise, and is speech."""

OVERHANG_SECONDS = 0.1
"""The voice activity model still says speech for two windows after the sound has ended: quiet ones at the end of speech
count as silence, up to this time."""

FLOOR_SHARE = 0.1
"""What each window without speech adds to the estimate of the noise."""


class GateEvent(Enum):
    """What one window of audio changed."""

    STARTED = auto()
    """Speech has lasted VAD_START_SECS: somebody speaks."""

    PAUSED = auto()
    """The speaker fell silent (first window of silence after speech)."""

    RESUMED = auto()
    """Speech again within the same turn."""


@dataclass(slots=True)
class SpeechGate:
    """Turns per-window speech probabilities of one ear into starts, pauses and resumptions."""

    confidence: float
    start_seconds: float

    speaking: bool = False
    """Whether a turn is open (from STARTED until `close`)."""

    voiced: bool = False
    """Whether the latest window held speech."""

    onset_at: float | None = None
    """When the first speech of the open, or of the coming, turn was heard."""

    last_voice_at: float = 0.0
    """When speech was last heard: its sound, not the model's verdict on the quiet after it."""

    voiced_at: float = 0.0
    """When the model last said speech."""

    loudest: float = -math.inf
    """The level of the loudest window of the open, or coming, turn; dB of full scale."""

    floor: float | None = None
    """The level between speeches, dB of full scale; None until some was heard."""

    voiced_seconds: float = 0.0
    """Speech in the open turn, silence left out."""

    def feed(self, probability: float, window_seconds: float, at: float, level: float) -> GateEvent | None:
        """Take one window that ended `at`, with its speech probability (0 to 1) and level (dB of full scale), and say
        what changed."""
        threshold = self.confidence - RELEASE_MARGIN if self.voiced else self.confidence
        was_voiced, self.voiced = self.voiced, probability >= threshold
        if self.voiced:
            return self._on_voice(was_voiced, window_seconds, at, level)
        self.floor = level if self.floor is None else self.floor + FLOOR_SHARE * (level - self.floor)
        if self.speaking:
            return GateEvent.PAUSED if was_voiced else None
        if self.onset_at is not None and at - self.voiced_at > ONSET_GAP_SECONDS:
            self.onset_at, self.voiced_seconds, self.loudest = None, 0.0, -math.inf
        return None

    def _quiet(self, level: float) -> bool:
        below = self.loudest - level
        near_floor = self.floor is not None and level <= self.floor + QUIET_ABOVE_FLOOR_DB
        return below >= QUIET_BELOW_LOUDEST_DB or (near_floor and below >= CLEARLY_BELOW_LOUDEST_DB)

    def _on_voice(self, was_voiced: bool, window_seconds: float, at: float, level: float) -> GateEvent | None:
        if self.onset_at is None:
            self.onset_at = at - window_seconds
        self.voiced_seconds += window_seconds
        self.loudest = max(self.loudest, level)
        self.voiced_at = at
        self.last_voice_at = max(self.last_voice_at, at - OVERHANG_SECONDS if self._quiet(level) else at)
        if self.speaking:
            return None if was_voiced else GateEvent.RESUMED
        # to the nearest window: waiting for the next whole one would make every start late by half of one
        if self.voiced_seconds + window_seconds / 2 >= self.start_seconds:
            self.speaking = True
            return GateEvent.STARTED
        return None

    def silence(self, at: float) -> float:
        """Seconds since speech was last heard in the open turn; 0 while it is heard."""
        return 0.0 if self.voiced or self.onset_at is None else max(0.0, at - self.last_voice_at)

    def close(self) -> None:
        """End the turn: the next speech is a new one."""
        self.speaking, self.onset_at, self.voiced_seconds = False, None, 0.0
        self.loudest = -math.inf


@dataclass(frozen=True, slots=True)
class Endpointing:
    """How long a silence must be before a turn has ended, in seconds."""

    min_silence: float
    max_silence: float
    stop_silence: float
    """VAD_STOP_SECS: splits utterances, and is the rule where no turn detector is there."""

    @property
    def _ordinary(self) -> float:
        return min(max(self.stop_silence, self.min_silence), self.max_silence)

    def needed(
        self, probability: float | None, *, unfinished: bool, finished: bool = False, stale: bool = False
    ) -> float:
        """The silence that ends the turn.

        probability: the detector's, that the turn is over; None where there is none. unfinished: the speaker's own
        words cannot be the end ("Moderator," or "... because"); finished: they are a whole request to the moderator.
        Both outweigh the detector's ear. stale: the words are older than the speech; that they are unfinished may then
        be the recogniser's fault, and the turn waits for an ordinary silence only.
        """
        if unfinished:
            return self._ordinary if stale else self.max_silence
        if finished:
            return self.min_silence
        if probability is None:
            return self._ordinary
        span = FINISHED_PROBABILITY - UNFINISHED_PROBABILITY
        certainty = min(1.0, max(0.0, (probability - UNFINISHED_PROBABILITY) / span))
        return self.max_silence - certainty * (self.max_silence - self.min_silence)


def must_split(turn_seconds: float, voiced: bool, max_seconds: float) -> bool:
    """Whether an utterance of `turn_seconds` is split now: at its first quiet window late in it, at last anywhere."""
    if turn_seconds >= max_seconds:
        return True
    return not voiced and turn_seconds >= MIN_SPLIT_SHARE * max_seconds
