"""The HTTP client behind every link that speaks OpenAI's API: no hidden retries, headers noted, pages refused.

Plugins drop `Retry-After` and read whatever a 200 carries: a proxy's page becomes an empty answer or noise.
"""

from __future__ import annotations

import email.utils
import time

import httpx2
import openai

from providers.chains import attempt
from providers.chains.failures import LinkFailed

_LIMITS = httpx2.Limits(max_connections=50, max_keepalive_connections=20, keepalive_expiry=120)
_TIMEOUT = httpx2.Timeout(connect=10.0, read=30.0, write=10.0, pool=5.0)
"""What nothing waits for: the chain's own deadlines are shorter."""

_PAGES = ("text/html", "application/xhtml+xml")


def openai_client(api_key: str, base_url: str) -> openai.AsyncClient:
    """A client for `base_url`; one request a call."""
    return openai.AsyncClient(
        max_retries=0,
        api_key=api_key,
        base_url=base_url,
        http_client=httpx2.AsyncClient(
            timeout=_TIMEOUT,
            follow_redirects=True,
            limits=_LIMITS,
            event_hooks={"response": [_note]},
        ),
    )


async def _note(response: httpx2.Response) -> None:
    """Note what plugins drop. Raises LinkFailed for what cannot be an answer."""
    running = attempt.running() or attempt.Attempt()
    running.retry_after = seconds_of(response.headers.get("retry-after", ""))
    media = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if response.is_success and (
        media in _PAGES or (media == "application/json" and response.url.path.endswith("/audio/speech"))
    ):
        running.refused = (
            f"it answered with {media}"  # the plugin keeps no more of an exception than that it was one
        )
        raise LinkFailed(running.refused)


def seconds_of(retry_after: str) -> float | None:
    """The header's value in seconds: a number, or a date (RFC 9110, 10.2.3). None for anything else."""
    text = retry_after.strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
