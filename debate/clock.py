"""The clock of a format: which segment runs, how long it has left, and what falls due.

Owns arithmetic on times that are given to it (seconds of the debate). Reads no clock, speaks no words, and
never depends on being asked on time: what fell due between two looks is reported with its own time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from debate.formats import Format, Segment

Status = Literal["open", "ready", "running", "paused", "preparing", "over"]
What = Literal["bell", "double-bell", "warning", "time", "stop", "prepared"]

MOST_RETURNED = 60.0
"""Seconds given back for one interruption, at the most (House of Commons: a minute for each of the first two)."""


@dataclass(frozen=True, slots=True)
class Due:
    """Something that the time brought, at its own time: a bell, a warning `seconds` before the end, the end, the end of
    the grace, the end of preparation time."""

    what: What
    at: float
    seconds: float = 0.0


@dataclass(slots=True)
class Clock:
    """Of one debate."""

    format: Format
    index: int = -1
    ends_at: float = 0.0
    left_when_paused: float | None = None
    told: set[str] = field(default_factory=set)
    given: float = 0.0
    """Seconds that the running segment has got beyond its own."""

    by_itself_at: float = -1e9
    """When a segment last began by itself."""

    prep_left: dict[str, float] = field(default_factory=dict)
    """By side: preparation time that is left."""

    preparing: str = ""
    """The side whose preparation time runs; "" for none."""

    prep_ends_at: float = 0.0

    def __post_init__(self) -> None:
        if not self.prep_left and self.format.prep_seconds:
            self.prep_left = dict.fromkeys(self.format.sides, self.format.prep_seconds)

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
            return "open" if self.index < 0 else "over"
        if self.preparing:
            return "preparing"
        if self.index < 0:
            return "ready"
        if self.segment is None:
            return "over"
        return "running" if self.left_when_paused is None else "paused"

    def remaining(self, at: float) -> float | None:
        """Seconds left in what runs, never negative; None where nothing does."""
        if self.preparing:
            return max(0.0, self.prep_ends_at - at)
        if self.segment is None:
            return None
        left = self.ends_at - at if self.left_when_paused is None else self.left_when_paused
        return max(0.0, left)

    def elapsed(self, at: float) -> float:
        """Seconds of the running segment that are gone; pauses are not among them."""
        if self.segment is None:
            return 0.0
        left = self.ends_at - at if self.left_when_paused is None else self.left_when_paused
        return max(0.0, self.segment.seconds + self.given - left)

    # -- the course ------------------------------------------------------------------------------------------
    def end(self, at: float) -> None:
        """The debate is over, whatever ran."""
        self.stop_preparing(at)
        self.index = len(self.format.segments)

    def reopen(self) -> None:
        """A discussion without segments goes on after its end."""
        self.index = -1

    def advance(self, at: float) -> Segment | None:
        """Start the first segment, or the next one; None when there is no more."""
        if self.index >= len(self.format.segments):
            return None
        self.stop_preparing(at)
        self.index += 1
        self.told.clear()
        self.left_when_paused, self.given = None, 0.0
        if self.segment is not None:
            self.ends_at = at + self.segment.seconds
        return self.segment

    def again(self, at: float) -> Segment | None:
        """Start the running segment over; None where none runs."""
        if self.segment is None:
            return None
        self.index -= 1
        return self.advance(at)

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
            left, self.left_when_paused = self.left_when_paused, max(0.0, self.left_when_paused) + seconds
            self.given += self.left_when_paused - left
        else:
            ends_at, self.ends_at = self.ends_at, max(self.ends_at, at) + seconds
            self.given += self.ends_at - ends_at
        self.told = {what for what in self.told if what.startswith("bell")}
        return True

    def give_back(self, at: float, seconds: float) -> float:
        """Return the time that an interruption took; answers how much it was. Nothing once the time is over."""
        if self.status != "running" or at >= self.ends_at or seconds <= 0:
            return 0.0
        seconds = min(seconds, MOST_RETURNED)
        self.ends_at += seconds
        self.given += seconds
        self.told = {what for what in self.told if not what.startswith("warning")}
        return seconds

    # -- preparation time ----------------------------------------------------------------------------------------
    def may_prepare(self, at: float) -> bool:
        """Between two segments only, never within one that has time left."""
        between = self.segment is None or self.left_when_paused is not None or at >= self.ends_at
        return bool(self.prep_left) and between and self.status not in ("open", "preparing", "over")

    def prepare(self, side: str, at: float) -> bool:
        """Let `side` take its preparation time."""
        if not self.may_prepare(at) or self.prep_left.get(side, 0.0) <= 0:
            return False
        self.preparing, self.prep_ends_at = side, at + self.prep_left[side]
        return True

    def stop_preparing(self, at: float) -> str:
        """End the running preparation time; answers whose it was. What is left of it stays that side's."""
        side, self.preparing = self.preparing, ""
        if side:
            self.prep_left[side] = max(0.0, self.prep_ends_at - at)
        return side

    # -- what falls due ---------------------------------------------------------------------------------------------
    def due(self, at: float) -> list[Due]:
        """What has fallen due up to `at` and was not told yet, without warnings that the end overtook."""
        if self.preparing:
            if at < self.prep_ends_at:
                return []
            ended = self.prep_ends_at
            self.stop_preparing(at)
            return [Due("prepared", ended)]
        if self.status != "running" or self.segment is None:
            return []
        return [*self._bells(at), *self._ends(at)]

    def next_due(self, at: float) -> float | None:
        """When something falls due next, after `at`; None where nothing will."""
        if self.preparing:
            return self.prep_ends_at if self.prep_ends_at > at else None
        if self.status != "running" or self.segment is None:
            return None
        began = self.ends_at - self.segment.seconds - self.given
        bells = [began + seconds for seconds in (*self.segment.bells, *self.segment.double_bells)]
        warnings = [
            self.ends_at - seconds for seconds in self.format.warnings if seconds < self.segment.seconds
        ]
        times = [*bells, *warnings, self.ends_at, self.ends_at + self.format.grace_seconds]
        return min((time for time in times if time > at), default=None)

    def _bells(self, at: float) -> list[Due]:
        assert self.segment is not None
        began = self.ends_at - self.segment.seconds - self.given
        found: list[Due] = []
        for name, times in (("bell", self.segment.bells), ("double-bell", self.segment.double_bells)):
            what: What = "bell" if name == "bell" else "double-bell"
            found += [
                Due(what, began + seconds, seconds)
                for seconds in times
                if at >= began + seconds and self._tell(f"{name} {seconds}")
            ]
        return found

    def _ends(self, at: float) -> list[Due]:
        assert self.segment is not None
        if at < self.ends_at:
            # A warning as long as the segment itself would be given at its very start.
            left, whole = self.ends_at - at, self.segment.seconds
            near = [s for s in sorted(self.format.warnings, reverse=True) if left <= s < whole]
            new = [seconds for seconds in near if self._tell(f"warning {seconds}")]
            return [Due("warning", self.ends_at - seconds, seconds) for seconds in new[-1:]]
        found = [Due("time", self.ends_at)] if self._tell("time") else []
        if at >= self.ends_at + self.format.grace_seconds and self._tell("stop"):
            found.append(Due("stop", self.ends_at + self.format.grace_seconds))
        return found

    def _tell(self, what: str) -> bool:
        if what in self.told:
            return False
        self.told.add(what)
        return True
