"""Perplexity's search for one claim: words and the real `search_results`, which the plugin of the chains drops.

Owns the request, its deadline and a breaker of its own: a search may take its time where the first token of a reply
may not, so neither must count for dead because the other is slow. Judges no answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livekit.agents._exceptions import APIConnectionError, APIStatusError

from providers.chains import attempt
from providers.chains.breaker import Breaker
from providers.chains.failures import CUT_SHORT, SAID_NOTHING, TIMED_OUT, Failure, LinkFailed, failure_of
from providers.perplexity import address
from settings import Settings

if TYPE_CHECKING:
    import openai

logger = logging.getLogger("sage.providers.fact_search")

LINK = "perplexity"
MOST_TOKENS = 400
MOST_CHARS = 8000
"""Of an answer that are looked at."""


@dataclass(frozen=True, slots=True)
class Found:
    """An answer of the search."""

    text: str
    """The model's words, at most MOST_CHARS."""

    results: tuple[Any, ...]
    """The members of `search_results` as they came, in the order that the marks [1], [2] of `text` count."""


class SearchFailed(Exception):  # noqa: N818 - as the errors of errors.py
    """No answer came. `late`: within the time there was."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.late = failure.reason == TIMED_OUT


class FactSearch:
    """Asks Perplexity, one question a request. on_change: called on the loop when the search died or came back."""

    def __init__(self, settings: Settings) -> None:
        from providers.openai_client import openai_client

        self._client: openai.AsyncClient = openai_client(
            settings.secret("perplexity_api_key"), address(settings)
        )
        self._model = settings.perplexity_model
        self._deadline = settings.fact_check_deadline_ms / 1000
        self._breaker = Breaker("llm", LINK, self._changed)
        self.on_change: Callable[[], None] | None = None

    @property
    def down(self) -> bool:
        """Whether it is known to be dead. It is asked again by use, some seconds later."""
        return self._breaker.open

    async def ask(self, rules: str, question: str) -> Found:
        """One request within FACT_CHECK_DEADLINE_MS. Raises SearchFailed where no whole answer comes of it."""
        noted = attempt.begin()
        try:
            async with asyncio.timeout(self._deadline):
                found = await self._request(rules, question)
        except Exception as error:  # noqa: BLE001 - clients raise what their transports raise
            failure = failure_of(error, noted)
            self._breaker.failed(failure)
            raise SearchFailed(failure) from None  # a vendor's own text may quote what was asked
        self._breaker.worked()
        return found

    async def _request(self, rules: str, question: str) -> Found:
        import openai

        try:
            # no `response_format`: a schema that is new to Perplexity takes it 10 to 30 s to prepare
            answer: Any = await self._client.chat.completions.create(
                model=self._model,
                messages=[{"role": "system", "content": rules}, {"role": "user", "content": question}],
                max_tokens=MOST_TOKENS,
                temperature=0.0,
            )
        except openai.APIStatusError as error:
            raise APIStatusError("refused", status_code=error.status_code, retryable=False) from None
        except openai.APITimeoutError:
            raise TimeoutError from None
        except openai.APIConnectionError as error:
            raise (
                error.__cause__ if isinstance(error.__cause__, LinkFailed) else APIConnectionError()
            ) from None
        choices = getattr(answer, "choices", None)
        message = getattr(choices[0], "message", None) if choices else None
        text = getattr(message, "content", None)
        if not isinstance(text, str) or not text.strip():
            raise LinkFailed(SAID_NOTHING)
        if choices and choices[0].finish_reason not in ("stop", None):
            raise LinkFailed(CUT_SHORT)
        results = (answer.model_extra or {}).get("search_results")
        return Found(text[:MOST_CHARS], tuple(results) if isinstance(results, list) else ())

    def _changed(self, _breaker: Breaker, failure: Failure | None) -> None:
        if failure is None:
            logger.info("the search for facts is tried again")
        else:
            about = {"reason": failure.reason, "remedy": failure.remedy("llm", LINK)}
            logger.warning("the search for facts does not answer", extra=about)
        if self.on_change is not None:
            self.on_change()

    async def aclose(self) -> None:
        """Give the connections back."""
        await self._breaker.aclose()
        await self._client.close()
