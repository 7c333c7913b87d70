"""The clock of a format: which segment runs, how long it has left, and what falls due.

Owns arithmetic on times that are given to it (seconds of the debate). Reads no clock, speaks no words, and
never depends on being asked on time: what fell due between two looks is reported with its own time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from debate.formats import Format, Segment

Status = Literal["open", "ready", "running", "paused", "over"]


@dataclass(frozen=True, slots=True)
class Due:
    """Something that the time brought: a warning `seconds` before the end, the end, the end of the grace."""

    what: Literal["warning", "time", "stop"]
    at: float
    seconds: float = 0.0


@dataclass(slots=True)
class Clock:
    format: Format
    index: int = -1
    ends_at: float = 0.0
    left_when_paused: float | None = None
    told: set[str] = field(default_factory=set)

    @property
    def segment(self) -> Segment | None:
        return self.format.segments[self.index] if 0 <= self.index < len(self.format.segments) else None

    @property
    def following(self) -> Segment | None:
        after = self.index + 1
        return self.format.segments[after] if after < len(self.format.segments) else None

    @property
    def status(self) -> Status:
        if not self.format.segments:
            return "open"
        if self.index < 0:
            return "ready"
        if self.segment is None:
            return "over"
        return "running" if self.left_when_paused is None else "paused"

    def remaining(self, at: float) -> float | None:
        """Seconds left in the segment, never negative; None where none runs."""
        if self.segment is None:
            return None
        left = self.ends_at - at if self.left_when_paused is None else self.left_when_paused
        return max(0.0, left)

    def advance(self, at: float) -> Segment | None:
        """Start the first segment, or the next one; None when there is no more."""
        if self.index >= len(self.format.segments):
            return None
        self.index += 1
        self.told.clear()
        self.left_when_paused = None
        if self.segment is not None:
            self.ends_at = at + self.segment.seconds
        return self.segment

    def pause(self, at: float) -> bool:
        if self.status != "running":
            return False
        self.left_when_paused = self.ends_at - at
        return True

    def resume(self, at: float) -> bool:
        if self.left_when_paused is None or self.segment is None:
            return False
        self.ends_at = at + self.left_when_paused
        self.left_when_paused = None
        return True

    def extend(self, at: float, seconds: float) -> bool:
        """Give `seconds` more to the running segment, counted from now where its time was over."""
        if self.segment is None:
            return False
        if self.left_when_paused is not None:
            self.left_when_paused = max(0.0, self.left_when_paused) + seconds
        else:
            self.ends_at = max(self.ends_at, at) + seconds
        self.told.clear()
        return True

    def due(self, at: float) -> list[Due]:
        """What has fallen due up to `at` and was not told yet, without warnings that the end overtook."""
        if self.status != "running" or self.segment is None:
            return []
        found: list[Due] = []
        if at < self.ends_at:
            # A warning as long as the segment itself would be given at its very start.
            left, whole = self.ends_at - at, self.segment.seconds
            near = [s for s in sorted(self.format.warnings, reverse=True) if left <= s < whole]
            new = [seconds for seconds in near if self._tell(f"warning {seconds}")]
            return [Due("warning", self.ends_at - seconds, seconds) for seconds in new[-1:]]
        if self._tell("time"):
            found.append(Due("time", self.ends_at))
        if at >= self.ends_at + self.format.grace_seconds and self._tell("stop"):
            found.append(Due("stop", self.ends_at + self.format.grace_seconds))
        return found

    def _tell(self, what: str) -> bool:
        if what in self.told:
            return False
        self.told.add(what)
        return True
