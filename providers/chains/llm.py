"""The language model chain as the framework's `llm.LLM`: whoever is dead, the moderator has words in time.

Each link has one attempt until its first token, the whole chain a deadline; keep-alives are no tokens. A link that is
cut in mid-reply is continued by the next one. The playbook is the last link always, and takes no time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from livekit.agents import APIConnectOptions, llm, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr

from providers.chains import attempt
from providers.chains.attempt import Deadlines, LinkUse, Tries
from providers.chains.breaker import Breaker
from providers.chains.closing import Closing
from providers.chains.failures import CUT_SHORT, SAID_NOTHING, TOO_SLOW, LinkFailed, failure_of
from providers.chains.seam import Seam, WholeWords, unfinished

logger = logging.getLogger("sage.providers.chains")

GO_ON = (
    "You were interrupted in the middle of the reply above. Go on from exactly where it stops. Say only the words that "
    "are still missing: repeat none of it, do not begin again, contradict none of it."
)
BREAKS_OFF = "– I will leave it there."
"""How the moderator ends a reply that no link can finish: the playbook does not know what the model meant to say."""

PROBE_QUESTION = "Say OK."
LETTERS_PER_SECOND = 14.0
"""How fast words are spoken, as voice/spoken.py has it; an answer that comes slower leaves gaps in the speech."""

PACE_AFTER_SECONDS = 1.0
START_LETTERS = 24
START_GAP_SECONDS = 0.4
"""Until so many letters have come hardly anything can be said: where another link is there, each next token has to come
within it. A model that speaks at a walking pace has a token every 0.3 s."""
_SILENT_SECONDS = 5.0  # of a connection within an answer; the chain's own deadlines are shorter


@dataclass(frozen=True, slots=True)
class ModelLink:
    """A link of the chain. breaker None: it works in this process and is never taken for dead."""

    name: str
    model: llm.LLM[Any]
    breaker: Breaker | None
    takes_tools: bool = True


class ChainLLM(llm.LLM[Any]):
    """Asks one link after the other. The last one must be one that works in this process."""

    def __init__(self, links: Sequence[ModelLink], deadlines: Deadlines) -> None:
        super().__init__()
        self.links = tuple(links)
        self.deadlines = deadlines
        self.last_use: LinkUse | None = None
        """Who answered the last request; None where nobody was asked since it was set to None."""

        self.closing = Closing()
        for link in self.links:
            if link.breaker is not None:
                link.breaker.probe = lambda link=link: self._probe(link)

    @property
    def model(self) -> str:
        return self.links[0].model.model

    @property
    def provider(self) -> str:
        return "chain"

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> ChainStream:
        return ChainStream(
            self,
            chat_ctx=chat_ctx,
            tools=tools or [],
            tool_choice=tool_choice,
            # the chain tries again by itself, and knows when
            conn_options=APIConnectOptions(max_retry=0, timeout=conn_options.timeout),
        )

    async def _prewarm_impl(self) -> None:
        for link in self.links:
            link.model.prewarm()

    async def _probe(self, link: ModelLink) -> None:
        """One tiny question without any of the debate; raises where no word comes."""
        context = llm.ChatContext.empty()
        context.add_message(role="user", content=PROBE_QUESTION)
        attempt.begin()
        options = APIConnectOptions(max_retry=0, timeout=self.deadlines.chain)
        async with asyncio.timeout(self.deadlines.chain):
            async with link.model.chat(chat_ctx=context, conn_options=options) as stream:
                async for chunk in stream:
                    if chunk.has_response():
                        return
        raise LinkFailed(SAID_NOTHING)

    async def aclose(self) -> None:
        await super().aclose()
        await self.closing.aclose()
        await asyncio.gather(*(link.model.aclose() for link in self.links), return_exceptions=True)


class ChainStream(llm.LLMStream):
    """One reply of the chain."""

    def __init__(
        self,
        chain: ChainLLM,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        tool_choice: NotGivenOr[llm.ToolChoice],
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(chain, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._chain = chain
        self._tool_choice = tool_choice
        self._said = ""
        self._asked = 0
        self._began = 0.0
        self._first_ms: float | None = None

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        self._chain.last_use = None
        attempt_seconds = self._chain.deadlines.attempt
        last_call = self._began + self._chain.deadlines.chain
        for link, is_last in self._candidates():
            if link.breaker is None:
                await self._finish_here(link)
                return
            now = loop.time()
            if self._said:
                begin_by = now + attempt_seconds
            elif now >= last_call:
                continue  # the time is up: only what works in this process comes still
            else:
                begin_by = last_call if is_last else min(now + attempt_seconds, last_call)
            # the last one may go on where it was cut itself: a connection that broke is no dead vendor
            if await self._ask(link, begin_by, alone=is_last) or (
                is_last and self._said and await self._ask(link, loop.time() + attempt_seconds, alone=True)
            ):
                self._note_use(link)
                return

    def _candidates(self) -> Iterator[tuple[ModelLink, bool]]:
        """The links to be asked, and whether each is the last one that is not of this process."""
        for number, link in enumerate(self._chain.links):
            if link.breaker is not None and link.breaker.open:
                continue
            rest = self._chain.links[number + 1 :]
            yield link, not any(one.breaker is not None and not one.breaker.open for one in rest)

    def _note_use(self, link: ModelLink) -> None:
        self._chain.last_use = LinkUse(link.name, self._first_ms, switched=self._asked > 1)

    async def _ask(self, link: ModelLink, begin_by: float, *, alone: bool) -> bool:
        """Let one link answer, or go on; whether the reply is whole. `begin_by`: the loop's time of its first token;
        `alone`: no other link could take its place."""
        assert link.breaker is not None
        loop = asyncio.get_running_loop()
        tries = Tries()
        self._asked += 1
        while True:
            before = self._said
            noted = attempt.begin()
            try:
                await self._answer(link, begin_by, noted, alone=alone)
            except asyncio.CancelledError:
                self._note_use(link)  # cut by somebody who spoke: a turn all the same
                raise
            except Exception as error:  # noqa: BLE001 - plugins raise what their clients raise
                failure = failure_of(error, noted)
                left = begin_by - loop.time()
                if self._said == before and failure.may_try_again:
                    wait = tries.wait(noted.retry_after, left)
                    if wait is not None:
                        await asyncio.sleep(wait)
                        continue
                link.breaker.failed(failure)
                return False
            link.breaker.worked()
            return True

    async def _answer(self, link: ModelLink, begin_by: float, noted: attempt.Attempt, *, alone: bool) -> None:
        """One request. Raises where no whole answer comes of it; what was said until then is in `_said`."""
        context = self._chat_ctx if not self._said else _continued(self._chat_ctx, self._said)
        stream = link.model.chat(
            chat_ctx=context,
            tools=self._tools if link.takes_tools else [],
            tool_choice=self._tool_choice if link.takes_tools and self._tools else NOT_GIVEN,
            conn_options=APIConnectOptions(max_retry=0, timeout=_SILENT_SECONDS),
        )
        try:
            await self._pass_on(stream, begin_by, noted, alone=alone)
        finally:
            self._chain.closing.later(stream.aclose())

    async def _pass_on(
        self, stream: llm.LLMStream, begin_by: float, noted: attempt.Attempt, *, alone: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        words, seam, answered = WholeWords(), Seam(self._said), False
        calls: list[llm.ChatChunk] = []
        deadline, pace = begin_by, _Pace()
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    chunk = await anext(stream)
            except StopAsyncIteration:
                break
            if chunk.usage is not None:
                self._event_ch.send_nowait(llm.ChatChunk(id=chunk.id, usage=chunk.usage))
            if not chunk.has_response() or chunk.delta is None:
                continue  # a sign of life is no word
            answered = True
            if self._first_ms is None:
                self._first_ms = (loop.time() - self._began) * 1000
            pace.heard(len(chunk.delta.content or ""), loop.time())
            starting = not alone and not chunk.delta.tool_calls and pace.letters < START_LETTERS
            deadline = loop.time() + (START_GAP_SECONDS if starting else self._chain.deadlines.attempt)
            if chunk.delta.tool_calls:
                # carried out only when the answer is whole: no other link may make them again
                calls.append(chunk)
            else:
                self._say(chunk.id, seam.push(words.push(chunk.delta.content or "")))
        if not answered:
            raise LinkFailed(SAID_NOTHING)
        if noted.finished is False:
            raise LinkFailed(CUT_SHORT)
        self._say("end", seam.push(words.end()) + seam.end())
        for call in calls:
            self._event_ch.send_nowait(call)

    def _say(self, request_id: str, text: str) -> None:
        if not text:
            return
        self._said += text
        delta = llm.ChoiceDelta(role="assistant", content=text)
        self._event_ch.send_nowait(llm.ChatChunk(id=request_id, delta=delta))

    async def _finish_here(self, link: ModelLink) -> None:
        """The link of this process: the whole answer where nothing was said, else an end of what was."""
        self._asked += 1
        if self._said:
            if unfinished(self._said):
                gap = "" if self._said[-1].isspace() else " "
                self._say(utils.shortuuid("end_"), gap + BREAKS_OFF)
            self._note_use(link)
            return
        async with link.model.chat(chat_ctx=self._chat_ctx) as stream:
            async for chunk in stream:
                self._event_ch.send_nowait(chunk)
        self._first_ms = (asyncio.get_running_loop().time() - self._began) * 1000
        self._note_use(link)


class _Pace:
    """Whether words come at least as fast as they are spoken: a stream that drips is as dead as a silent one."""

    def __init__(self) -> None:
        self.letters = 0
        self._since: float | None = None

    def heard(self, letters: int, at: float) -> None:
        """Some letters came; LinkFailed where they are too few for the time since the first."""
        self.letters += letters
        if self._since is None:
            self._since = at
        elif (seconds := at - self._since) >= PACE_AFTER_SECONDS and (
            self.letters < seconds * LETTERS_PER_SECOND
        ):
            raise LinkFailed(TOO_SLOW)


def _continued(context: llm.ChatContext, said: str) -> llm.ChatContext:
    """The context of a reply that another link goes on with: roles alternate, as some vendors insist."""
    context = context.copy()
    context.add_message(role="assistant", content=said.strip())
    context.add_message(role="user", content=GO_ON)
    return context
