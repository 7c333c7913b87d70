"""One attempt of one link: what is learnt of it beside its answer, and how long it may take.

Plugins drop the headers of an answer, and their streams do not tell a finished answer from one that ended early. The
clients and links that we build note both in the attempt that runs in their context.
"""

from __future__ import annotations

import random
from contextvars import ContextVar
from dataclasses import dataclass, field

MOST_TRIES = 4
"""The first one and three more (runbook, "LLM 429")."""

FIRST_WAIT_SECONDS = 0.1


@dataclass(slots=True)
class Attempt:
    """What is known of one attempt beside its answer."""

    retry_after: float | None = None
    """Seconds, from the header of that name."""

    finished: bool | None = None
    """Whether the vendor said that its answer is whole; None where its protocol does not say."""

    refused: str = ""
    """Why the client itself would not take the answer."""


_running: ContextVar[Attempt | None] = ContextVar("attempt", default=None)


def begin() -> Attempt:
    """A new attempt, noted by whatever is done for it in this context and in tasks made in it."""
    attempt = Attempt()
    _running.set(attempt)
    return attempt


def running() -> Attempt | None:
    """The attempt that runs in this context; None outside any."""
    return _running.get()


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long one link, and the whole chain, may take to begin their answer; seconds."""

    attempt: float
    chain: float


@dataclass(slots=True)
class Tries:
    """Tries of one link within one turn: exponential backoff with full jitter (AWS Architecture Blog, 2015)."""

    random: random.Random = field(default_factory=random.Random)
    done: int = 0

    def wait(self, retry_after: float | None, seconds_left: float) -> float | None:
        """Seconds until the next try; None where there is none that would begin within `seconds_left`."""
        self.done += 1
        backoff = FIRST_WAIT_SECONDS * 2 ** (self.done - 1) * self.random.uniform(0.5, 1.5)
        seconds = max(backoff, retry_after or 0.0)
        return seconds if self.done < MOST_TRIES and seconds < seconds_left else None


@dataclass(frozen=True, slots=True)
class LinkUse:
    """Who answered one turn, for its metrics."""

    link: str
    """The link that had the last word; "" where none had any."""

    first_ms: float | None
    """From the request to the chain until its first token, audio or text."""

    switched: bool
    """Whether another link had been asked before."""
