"""What went wrong with a link, in words that hold no secret and no speech, and what would mend it.

Owns the judgement whether another try may help. Vendors' own texts are never repeated: they may quote what was said.
"""

from __future__ import annotations

from dataclasses import dataclass

from livekit.agents._exceptions import APIConnectionError, APIError, APIStatusError, APITimeoutError

from providers.chains.attempt import Attempt
from settings import TABLE

TOO_MANY = 429
TIMED_OUT = "no answer in time"
SAID_NOTHING = "an answer without content"
CUT_SHORT = "the answer was cut short"
TOO_SLOW = "its answer comes slower than it is spoken"
_REMEDIES = {
    400: "the request was refused: check {model} and {vendor}_BASE_URL",
    401: "check {key}",
    402: "the account has no credit left: top it up, or take {link} out of {kind}_CHAIN",
    403: "{key} may not use this model: check its rights and {model}",
    404: "check {model} and {vendor}_BASE_URL",
    422: "the request was refused: check {model}",
    TOO_MANY: "the account's rate limit is reached: raise it, or put another link first in {kind}_CHAIN",
}
_NOBODY = "see whether {vendor}_BASE_URL answers: doctor asks it"
_CLOSE_CODES = range(1000, 5000)  # of WebSockets; the plugins report them where a status would stand


class LinkFailed(APIConnectionError):  # noqa: N818 - as the errors of errors.py
    """A link's failure that the chain itself found, in its own words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, retryable=False)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt of one link."""

    reason: str
    """Short, for logs and pages."""

    status: int | None = None
    """The HTTP status, where that is what the link answered."""

    retry_after: float | None = None
    """Seconds that the vendor asks us to wait."""

    @property
    def may_try_again(self) -> bool:
        """Whether the same link may take the same request a moment later (429 and 5xx)."""
        return self.status is not None and (self.status == TOO_MANY or 500 <= self.status < 600)

    def remedy(self, kind: str, link: str) -> str:
        """What the operator can do, with the names of settings that there are; "" where only the vendor can."""
        vendor = link.split("-", maxsplit=1)[0].upper()
        text = _REMEDIES.get(self.status or 0, "" if self.status else _NOBODY)
        if "{key}" in text and f"{vendor}_API_KEY".lower() not in TABLE:
            # one of the operator's own: it has no key in our settings
            text = "look at that server's log, or take {link} out of {kind}_CHAIN"
        own_model = f"{vendor}_{kind.upper()}_MODEL"
        model = own_model if own_model.lower() in TABLE else f"{vendor}_MODEL"
        return text.format(vendor=vendor, link=link, kind=kind.upper(), key=f"{vendor}_API_KEY", model=model)


def failure_of(error: BaseException, attempt: Attempt | None = None) -> Failure:
    """What `error`, raised by a plugin or by the chain itself in `attempt`, says of the link."""
    retry_after = attempt.retry_after if attempt is not None else None
    if isinstance(error, LinkFailed):
        return Failure(error.reason)
    if attempt is not None and attempt.refused:
        return Failure(attempt.refused)
    if isinstance(error, (APITimeoutError, TimeoutError)):
        return Failure(TIMED_OUT)
    status = getattr(error, "status_code", None) if isinstance(error, APIStatusError) else None
    if status is None:
        status = getattr(error, "status", None)  # aiohttp's, which a plugin lets through as it is
    if isinstance(status, int) and 400 <= status < 600:
        return Failure(f"status {status}", status, retry_after)
    if isinstance(status, int) and status in _CLOSE_CODES:
        return Failure(f"closed with code {status}")
    if isinstance(error, APIConnectionError):
        return Failure("the connection failed")
    if isinstance(error, APIError):
        return Failure("it answered with an error")
    return Failure(f"failed ({type(error).__name__})")
