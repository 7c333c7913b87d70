"""Whether the talk is still about the topic, by a language model's judgement, or else by its words alone: how much of
what is said has been said here before.

Owns the counting of judgements, and of content words by their beginnings. Words are a modest means: they tell talk that
has left the topic for a while, never a sentence that strays. Where a language model judges, it is believed instead.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from debate.extract import COMMON
from debate.words import tokens

STEM_LETTERS = 5
WINDOW_SECONDS = 45.0
WARM_UP_SECONDS = 120.0
"""What is said until then is what the debate is about, besides its topic."""

LEAST_UTTERANCES = 4
LEAST_SPEAKERS = 3
"""What two speak of, who may be the only ones, is theirs."""

LEAST_STEMS = 16
FAMILIAR_SHARE = 0.15
"""Of the content words of a window, so many at least have been said before where the talk is about the same thing."""

KNOWN_MAX = 4000
STRAYED_IN_A_ROW = 4
"""Judgements, of two people at least: a joke and the laugh about it are no drift."""

BELIEVED_SECONDS = 60.0
"""So long after a judgement words alone say nothing."""


def stems(text: str) -> frozenset[str]:
    """The content words of `text`, by their beginnings."""
    return frozenset(
        token.word.split("'", 1)[0][:STEM_LETTERS]
        for token in tokens(text)
        if len(token.word) > 3 and token.word not in COMMON
    )


@dataclass(slots=True)
class Topicality:
    """The vocabulary of one debate."""

    topic: frozenset[str] = frozenset()
    _known: Counter[str] = field(default_factory=Counter)
    _window: deque[tuple[float, str, frozenset[str]]] = field(default_factory=deque)
    _began: float | None = None
    _judged: deque[tuple[float, str, bool]] = field(default_factory=lambda: deque(maxlen=STRAYED_IN_A_ROW))
    """The last judgements: when, of whom, and whether they had strayed."""

    def judged(self, identity: str, strayed: bool, at: float) -> None:
        """A language model's judgement of one utterance."""
        self._judged.append((at, identity, strayed))

    def said(self, identity: str, text: str, at: float) -> None:
        """Words of one person."""
        if self._began is None:
            self._began = at
        self._window.append((at, identity, stems(text)))
        while self._window and self._window[0][0] < at - WINDOW_SECONDS:
            self._known.update(self._window.popleft()[2])
        if len(self._known) > KNOWN_MAX:
            self._known = Counter(dict(self._known.most_common(KNOWN_MAX // 2)))

    @property
    def strayed_as_judged(self) -> bool:
        """Whether a language model took the last utterances of two people for something else."""
        row = [one for one in self._judged if one[2]]
        return len(row) == STRAYED_IN_A_ROW and len({who for _, who, _ in row}) > 1

    def is_judged(self, at: float) -> bool:
        """Whether a language model judges what is said."""
        return bool(self._judged) and at - self._judged[-1][0] < BELIEVED_SECONDS

    def strayed_by_words(self, at: float) -> bool:
        """Whether what was said last has hardly a word of what was said before, and none of the topic."""
        if self._began is None or at - self._began < WARM_UP_SECONDS + WINDOW_SECONDS / 2:
            return False
        recent = [one for one in self._window if one[0] >= at - WINDOW_SECONDS]
        found = frozenset[str]().union(*(one[2] for one in recent))
        if len(recent) < LEAST_UTTERANCES or len({one[1] for one in recent}) < LEAST_SPEAKERS:
            return False
        if len(found) < LEAST_STEMS:
            return False
        if found & self.topic:
            return False
        return sum(stem in self._known for stem in found) < FAMILIAR_SHARE * len(found)
