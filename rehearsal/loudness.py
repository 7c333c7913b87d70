"""How loud somebody was, and when: the energy of one track as a participant received it.

Pure arithmetic on frames and times. Owns the threshold from which a sound is audible; knows no room.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

FRAME_SECONDS = 0.01
AUDIBLE_DB = -45.0
"""Speech lies above it by far, the noise of a microphone (about -60 dB) and comfort noise below it."""

_LATE_SECONDS = 0.25
_DRIFT = 0.02
_EARLY_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Span:
    """From the first to the last audible frame, in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end - self.start


@dataclass(slots=True)
class Loudness:
    """The loudness of one person's frames of 10 ms in the order of their coming.

    A frame's time is where it belongs in the stream, not when a busy event loop got to it: the time runs on
    by 10 ms a frame, follows early frames fast and late ones slowly, and jumps only over a real gap.
    """

    times: array[float] = field(default_factory=lambda: array("d"))
    levels: array[float] = field(default_factory=lambda: array("f"))
    _next: float = -math.inf

    def add(self, arrived: float, level: float) -> float:
        """A frame of `level` dB that came at `arrived`; answers the time of its first sample."""
        began = arrived - FRAME_SECONDS
        late = began - self._next
        if late > _LATE_SECONDS:
            at = began
        elif late < 0:
            at = max(began, self._next - FRAME_SECONDS * _EARLY_SHARE)
        else:
            at = self._next + late * _DRIFT
        self.times.append(at)
        self.levels.append(level)
        self._next = at + FRAME_SECONDS
        return at

    def spans(self, start: float = -math.inf, end: float = math.inf, *, gap: float = 0.3) -> list[Span]:
        """The audible stretches between `start` and `end`; pauses shorter than `gap` do not part them."""
        found: list[Span] = []
        for index in range(bisect_left(self.times, start), bisect_right(self.times, end)):
            if self.levels[index] < AUDIBLE_DB:
                continue
            at = self.times[index]
            if found and at - found[-1].end < gap:
                found[-1] = Span(found[-1].start, at + FRAME_SECONDS)
            else:
                found.append(Span(at, at + FRAME_SECONDS))
        return found

    def first_audible(self, start: float, end: float) -> float | None:
        """When the first audible frame between the two begins."""
        spans = self.spans(start, end, gap=math.inf)
        return spans[0].start if spans else None

    def last_audible(self, start: float, end: float) -> float | None:
        """When the last audible frame between the two ends."""
        spans = self.spans(start, end, gap=math.inf)
        return spans[0].end if spans else None
