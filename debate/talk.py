"""Who talked when: spans of speech and counts of words over a sliding window, bounded.

Owns the counting that balance, dominance and the moderator's own share of words are judged by. Decides nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

WINDOW_SECONDS = 300.0
"""Five minutes: over them the moderator keeps within its share of the words."""

SPANS_MAX = 2000
MODERATOR = "\0moderator"
"""Whose words they are where nobody's identity stands; no person can bear it."""


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of one person's speech, seconds of the debate."""

    identity: str
    start: float
    end: float
    wanted: bool = False
    """Whether it answers a question: a long turn that was asked for is nobody's dominance."""


@dataclass(slots=True)
class Talk:
    """The last WINDOW_SECONDS of talk."""

    _spans: deque[Span] = field(default_factory=lambda: deque(maxlen=SPANS_MAX))
    _words: deque[tuple[float, str, int]] = field(default_factory=lambda: deque(maxlen=SPANS_MAX))
    _counts: dict[str, int] = field(default_factory=dict)

    def spoke(self, identity: str, start: float, end: float, *, wanted: bool = False) -> None:
        """Somebody has spoken from `start` to `end`. wanted: in answer to a question."""
        if end > start:
            self._spans.append(Span(identity, start, end, wanted))

    def said(self, identity: str, words: int, at: float) -> None:
        """Somebody's words were recognised, or the moderator's were heard."""
        if words <= 0:
            return
        if len(self._words) == SPANS_MAX:
            self._drop()
        self._words.append((at, identity, words))
        self._counts[identity] = self._counts.get(identity, 0) + words

    def forget_before(self, at: float) -> None:
        """Let go of what lies further back than the window."""
        since = at - WINDOW_SECONDS
        while self._spans and self._spans[0].end < since:
            self._spans.popleft()
        while self._words and self._words[0][0] < since:
            self._drop()

    def _drop(self) -> None:
        _, identity, words = self._words.popleft()
        self._counts[identity] -= words
        if not self._counts[identity]:
            del self._counts[identity]

    def seconds(
        self, at: float, window: float = WINDOW_SECONDS, *, unwanted: bool = False
    ) -> dict[str, float]:
        """Seconds of speech of each person within the last `window` seconds. unwanted: without answers to questions."""
        since = at - window
        found: dict[str, float] = {}
        for span in self._spans:
            if unwanted and span.wanted:
                continue
            seconds = span.end - max(span.start, since)
            if seconds > 0:
                found[span.identity] = found.get(span.identity, 0.0) + seconds
        return found

    @property
    def words(self) -> int:
        """All words of the window, the moderator's included."""
        return sum(self._counts.values())

    @property
    def moderator_words(self) -> int:
        """The moderator's words of the window."""
        return self._counts.get(MODERATOR, 0)
