"""How long links take for a final text, and whether one of them has become slower than it was.

A link that slackens, and still answers in its time, is not dead; its next passage is heard by another one too, so that
nobody waits for it twice. Owns no time and asks no link.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

REMEMBERED = 16
"""Finals of a link that make up its pace: what a link does a dozen times running becomes what it always does."""

SLACK_SECONDS = 0.3
"""A final later than usual by less is the network's whim; of a link that takes longer, it must take twice as long."""


class Pace:
    """The last finals of each link, by name; in seconds from where it could have given them."""

    def __init__(self) -> None:
        self._took: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))

    def note(self, link: str, seconds: float) -> None:
        """A link gave a final."""
        self._took[link].append(seconds)

    def last(self, link: str) -> float:
        """What it took the last time; 0.0 for a link that was never asked."""
        return self._took[link][-1] if self._took[link] else 0.0

    def patience(self, link: str, at_most: float) -> float:
        """How long to wait for its final before another is asked too: hedged requests (Dean and Barroso, "The Tail at
        Scale", 2013). `at_most` for a link of which nothing is known."""
        return min(at_most, self._limit(self._took[link])) if self._took[link] else at_most

    def has_slackened(self, link: str) -> bool:
        """Whether its last final came far later than a quarter of those before it or more."""
        *before, last = self._took[link] or (0.0,)
        return bool(before) and last > self._limit(before)

    @staticmethod
    def _limit(took: Sequence[float]) -> float:
        usual = sorted(took)[len(took) // 4]
        return usual + max(SLACK_SECONDS, usual)
