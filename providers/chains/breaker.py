"""Breakers: the memory of which links are dead, so that a dead one costs the first turn and no other.

A breaker opens with the first failure. While it is open a cheap probe asks the link again and again; the first answer
closes it. Every change is told to listeners and logged once. Owns no request to a vendor: a probe is given to it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from providers.chains.failures import Failure, failure_of
from providers.registry import KINDS, Kind

logger = logging.getLogger("sage.providers.chains")

PROBE_SECONDS = 10.0
"""Between probes: a link is back within this and one answer of its recovery."""

RELAPSE_PROBE_SECONDS = 20.0
"""The same for a link that failed again soon after it came back: its answers to probes say little."""

RELAPSE_WITHIN_SECONDS = 120.0
MOST_RETRY_AFTER_SECONDS = 300.0
PROBE_TIMEOUT_SECONDS = 5.0

Probe = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A link went down or came back."""

    kind: Kind
    link: str
    up: bool
    reason: str = ""
    """Why it went down; no secret, no speech."""

    remedy: str = ""
    using: str = ""
    """The link that is used from now on; "" where none of the chain is left."""


class Breaker:
    """The health of one link in this process."""

    def __init__(self, kind: Kind, link: str, tell: Callable[[Breaker, Failure | None], None]) -> None:
        self.kind: Kind = kind
        self.link = link
        self.probe: Probe | None = None
        """Asks the link something that costs next to nothing; raises where it is still dead. None: it is asked by
        use alone, once every PROBE_SECONDS."""

        self.failure: Failure | None = None
        """Why it is open; None while it is closed."""

        self._tell = tell
        self._came_back_at: float | None = None
        self._probing: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        """Whether the link is known to be dead."""
        return self.failure is not None

    def failed(self, error: Failure | BaseException) -> None:
        """An attempt failed. The first failure opens the breaker; those while it is open change nothing."""
        failure = error if isinstance(error, Failure) else failure_of(error)
        if self.failure is not None:
            return
        self.failure = failure
        self._tell(self, failure)
        self._probing = asyncio.create_task(self._ask_again(failure), name=f"probe-{self.kind}-{self.link}")

    def worked(self) -> None:
        """The link answered: it is alive, whatever was thought of it."""
        if self.failure is None:
            return
        self.failure = None
        self._came_back_at = asyncio.get_running_loop().time()
        if self._probing is not None and self._probing is not asyncio.current_task():
            self._probing.cancel()
        self._tell(self, None)

    async def aclose(self) -> None:
        """Stop asking."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)

    async def _ask_again(self, failure: Failure) -> None:
        now = asyncio.get_running_loop().time()
        relapsed = self._came_back_at is not None and now - self._came_back_at < RELAPSE_WITHIN_SECONDS
        interval = RELAPSE_PROBE_SECONDS if relapsed else PROBE_SECONDS
        wait = _until_probe(interval, failure)
        while self.failure is not None:
            await asyncio.sleep(wait)
            wait = interval
            if self.probe is None:
                self.worked()  # nothing asks for us: the next turn does
                return
            try:
                async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                    await self.probe()
            except Exception as error:  # noqa: BLE001 - whatever a probe raises says that the link is still dead
                again = failure_of(error)
                wait = _until_probe(interval, again)
                about = {"chain": self.kind, "link": self.link, "reason": again.reason}
                logger.debug("a link is still down", extra=about)
            else:
                self.worked()


def _until_probe(interval: float, failure: Failure) -> float:
    """Seconds until a link is asked: as long as it wants us to wait, within reason."""
    return max(interval, min(failure.retry_after or 0.0, MOST_RETRY_AFTER_SECONDS))


class Breakers:
    """The breakers of all links of one process's chains."""

    def __init__(self, links: dict[Kind, Sequence[str]]) -> None:
        self._order = {kind: tuple(links.get(kind, ())) for kind in KINDS}
        self._breakers = {
            (kind, link): Breaker(kind, link, self._changed) for kind in KINDS for link in self._order[kind]
        }
        self._listeners: list[Callable[[LinkChange], None]] = []

    def of(self, kind: Kind, link: str) -> Breaker:
        """The breaker of one link; KeyError for a link of no chain."""
        return self._breakers[kind, link]

    def living(self, kind: Kind) -> tuple[str, ...]:
        """The links of a chain that are not known to be dead, in order of preference."""
        return tuple(link for link in self._order[kind] if not self._breakers[kind, link].open)

    def first(self, kind: Kind) -> str:
        """The preferred link of a chain, living or not; "" for a chain of none."""
        return next(iter(self._order[kind]), "")

    def down(self) -> tuple[Breaker, ...]:
        """The breakers that are open."""
        return tuple(breaker for breaker in self._breakers.values() if breaker.open)

    def listen(self, listener: Callable[[LinkChange], None]) -> None:
        """Have every change told. A listener is called on the loop and returns at once."""
        self._listeners.append(listener)

    async def aclose(self) -> None:
        """End all probes."""
        await asyncio.gather(*(breaker.aclose() for breaker in self._breakers.values()))

    def _changed(self, breaker: Breaker, failure: Failure | None) -> None:
        using = next(iter(self.living(breaker.kind)), "")
        reason, remedy = "", ""
        if failure is not None:
            reason, remedy = failure.reason, failure.remedy(breaker.kind, breaker.link)
        change = LinkChange(breaker.kind, breaker.link, failure is None, reason, remedy, using)
        about = {"chain": change.kind, "link": change.link, "using": using or "none"}
        if change.up:
            logger.info("link up", extra=about)
        else:
            logger.warning("link down", extra={**about, "reason": reason, "remedy": remedy})
        for listener in list(self._listeners):
            try:
                listener(change)
            except Exception:
                # whoever follows the links must not be able to break the chain that tells of them
                logger.exception("a change of a link could not be told")
