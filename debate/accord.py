"""Where people come together, and where one denies what another has claimed: what a moderator notes for the room.

Owns who has assented to the same thing, and which claim stands against which denial. Wordings are judgement.toml's;
whether anything is said about it is the policy's.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from debate.judgement import Judgement
from debate.words import sentences

ASSENT_SECONDS = 45.0
"""Assents so far apart are to the same thing."""

MANY = 3
"""So many assents make an agreement of four people or more; of fewer, two that say more than yes."""

OTHERS_SECONDS = 5.0
"""So long the others have to join in, or not."""

REACHED_AGAIN_SECONDS = 300.0
"""An agreement within it is the same one, or part of it."""

DENIED_SECONDS = 30.0
"""So soon after a claim a denial is of it, and so soon after a denial the claim stands against it."""

GIVE_WAY_SECONDS = 6.0
"""So long either has to give way, where nobody says no a second time."""

BEFORE = 5
"""Utterances back at which the claim may be that is denied."""


@dataclass(frozen=True, slots=True)
class _Assent:
    at: float
    strong: bool


@dataclass(slots=True)
class Assents:
    """Who has assented of late."""

    _by: dict[str, _Assent] = field(default_factory=dict)
    _reached_at: float = -1e9
    _due_at: float = math.inf
    _plan: str = ""
    """Whose words are agreed to: who asked for it, or spoke before the first assent."""

    def due(self, at: float) -> str | None:
        """Whose words people have agreed to, once nobody has joined them for a moment ("" for nobody's); once."""
        if at < self._due_at:
            return None
        self._due_at, self._reached_at = math.inf, at
        self._by.clear()
        return self._plan

    def said(self, identity: str, judgement: Judgement, before: str, speakers: int, at: float) -> None:
        """Words of one of `speakers` people. before: who of the others spoke last."""
        self._by = {who: one for who, one in self._by.items() if at - one.at <= ASSENT_SECONDS}
        if judgement.proposes:
            self._by = {identity: _Assent(at, strong=True)}  # what was assented to before is another matter
            self._due_at, self._plan = math.inf, identity
            return
        if judgement.dissents:
            self._by.pop(identity, None)
        if not judgement.assents:
            return
        if not self._by:
            self._plan = before
        self._by[identity] = _Assent(at, judgement.assents > 1)
        strong = sum(one.strong for one in self._by.values())
        enough = len(self._by) >= MANY and strong >= 1 if speakers > MANY else strong >= 2
        if enough and at - self._reached_at >= REACHED_AGAIN_SECONDS:
            self._due_at = at if len(self._by) >= speakers else at + OTHERS_SECONDS

    def went(self, identity: str) -> None:
        """Somebody is gone."""
        self._by.pop(identity, None)
        self._plan = "" if self._plan == identity else self._plan


def _only_asks(text: str) -> bool:
    return all(one.endswith("?") for one in sentences(text))


@dataclass(frozen=True, slots=True)
class _Said:
    identity: str
    at: float
    checkable: bool
    asks: bool


@dataclass(slots=True)
class Disputes:
    """What one has claimed and another denies."""

    _last: deque[_Said] = field(default_factory=lambda: deque(maxlen=BEFORE))
    _denied: tuple[str, str, float] | None = None
    """Whose claim, who denies it, and when."""

    _upheld: tuple[str, str, float] | None = None
    """The same, once the claimant has upheld it, and when it is due."""

    def due(self, at: float) -> tuple[str, str] | None:
        """The claimant and who denies it, where neither has given way; once."""
        if self._upheld is None or at < self._upheld[2]:
            return None
        claimant, denier, _ = self._upheld
        self._upheld = None
        return claimant, denier

    def said(self, identity: str, text: str, judgement: Judgement, at: float) -> None:
        """Words of one person."""
        gives_way = judgement.agreement or judgement.yields
        if self._upheld is not None and identity in self._upheld[:2]:
            # the second no: neither gives way
            self._upheld = None if gives_way else (*self._upheld[:2], at)
        if self._denied is not None and at - self._denied[2] > DENIED_SECONDS:
            self._denied = None
        if self._denied is not None and identity == self._denied[0]:
            if not gives_way:
                told_again = judgement.checkable or judgement.denies
                self._upheld = (*self._denied[:2], at + (GIVE_WAY_SECONDS if told_again else DENIED_SECONDS))
            self._denied = None
        elif judgement.denies and self._upheld is None:
            self._deny(identity, judgement, at)
        self._last.append(_Said(identity, at, judgement.checkable, _only_asks(text)))

    def _deny(self, identity: str, judgement: Judgement, at: float) -> None:
        before = [one for one in self._last if one.identity != identity and at - one.at <= DENIED_SECONDS]
        claims = [one for one in before if one.checkable and not one.asks]
        if not claims and judgement.checkable and before and not before[-1].asks:
            claims = before[-1:]
        if claims:
            self._denied = (claims[-1].identity, identity, at)
