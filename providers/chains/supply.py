"""Whether a link's sound comes as fast as it is spoken: the moment from which on it is dead.

Owns the attempt's deadline for each chunk, and how much silence within its sound a link may cause in all. Silence
while nothing is asked of it is nobody's fault. Pure: times are the loop's seconds.
"""

from __future__ import annotations

LAG_SECONDS = 0.7
"""So much silence a link may cause within its sound."""

_LATE_SECONDS = 0.15
_LEAST_LAG_SECONDS = 0.3
_SPARE_SECONDS = 0.2


class Supply:
    """One link in one reply."""

    def __init__(self, attempt: float, first: float, *, lag: float = LAG_SECONDS) -> None:
        """`attempt`: seconds from a chunk to its first sound; `first`: the same for the first chunk."""
        self._attempt = attempt
        self._first = first
        self._lag = lag
        self._owed = 0  # chunks
        self._since = 0.0
        self._silent = True  # no sound yet of the chunk that is due
        self._lasts_until = 0.0
        self._lagged = 0.0
        self.heard = False
        """Whether any sound came."""

    def given(self, at: float) -> None:
        """It was asked for a chunk."""
        if not self._owed:
            self._since, self._silent = at, True
        self._owed += 1

    def sounded(self, at: float, seconds: float) -> None:
        """Sound came."""
        if not self.heard and self._owed:
            # what the first sound was late by is missing for gaps: both are heard as silence
            spare = self._first + _SPARE_SECONDS - (at - self._since)
            self._lag = min(self._lag, max(_LEAST_LAG_SECONDS, spare))
        elif not self._silent and at > self._lasts_until:
            self._lagged += at - self._lasts_until
        self.heard, self._silent = True, False
        self._lasts_until = max(self._lasts_until, at) + seconds

    def done(self, at: float, chunks: int = 1) -> None:
        """So many chunks are spoken whole."""
        if chunks:
            self._owed = max(0, self._owed - chunks)
            self._since, self._silent = at, True

    @property
    def owes(self) -> bool:
        """Whether it was asked for something that it has not spoken."""
        return self._owed > 0

    @property
    def late(self) -> float | None:
        """When somebody else should be made ready, as its sound has run out within a chunk; None while it has not."""
        return self._lasts_until + _LATE_SECONDS if self._owed and not self._silent else None

    @property
    def due(self) -> float | None:
        """When its next sound must have come; None while it owes none."""
        if not self._owed:
            return None
        if not self.heard:
            return self._since + self._first
        if self._silent:
            return self._since + self._attempt
        return self._lasts_until + self._lag - self._lagged
