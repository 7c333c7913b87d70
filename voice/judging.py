"""What the wording of an utterance does not tell, asked of the language models in batches and off the critical path.

Owns the question, its material and the reading of its answer. Decides nothing: a judgement is an event of the debate,
which weighs it (debate/attention.py). Where no model answers in time there is no judgement, and nobody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from livekit.agents import llm
from pydantic import BaseModel, ConfigDict, ValidationError

from debate.events import Judged, Uttered
from debate.judgement import FEW_WORDS
from debate.view import DebateView
from voice.asking import answer_to, members_of
from voice.material import FENCE_RULE, fenced, named, quoted

logger = logging.getLogger("sage.voice.judging")

BATCH_SECONDS = 6.0
"""From the first unjudged utterance to the question: a judgement may come late, but not after its moment."""

BATCH_MAX = 12
BEFORE = 6
"""Utterances that were judged already and are shown for what they were answered with."""

ANSWER_SECONDS = 8.0
STALE_SECONDS = 30.0
"""What was said longer ago is not asked about any more: models were away, or slow."""

RULES = f"""\
You judge the utterances of a debate for its moderator. You speak to nobody.
- {FENCE_RULE}
- Answer with one JSON array and nothing else: an object for each numbered utterance to which something applies,
  {{"n": number, "attack": bool, "strayed": bool, "claim": bool, "owes": name or null, "asked_by": name or null}};
  [] where nothing applies to any.
- attack: it hurts or belittles a person who is here, openly or politely; hard words about an argument are none.
- strayed: it has nothing to do with the topic, not even as an example or a comparison. Greetings, jokes of one sentence
  and words about the procedure have not strayed.
- claim: a fact that could be looked up, that is doubtful, and on which an argument hangs.
- owes, asked_by: with this utterance somebody evades for the second time a question that was put to them, or the others
  pass it over: who owes the answer, and who asked.
- When in doubt, it does not apply."""


class Finding(BaseModel):
    """One object of the answer; what is none is passed over."""

    model_config = ConfigDict(extra="ignore", strict=True)

    n: int
    attack: bool = False
    strayed: bool = False
    claim: bool = False
    owes: str | None = None
    asked_by: str | None = None


def question(view: DebateView, before: Sequence[Uttered], batch: Sequence[Uttered]) -> llm.ChatContext:
    """The chat context that asks about `batch`, whose utterances are numbered from 1."""
    context = llm.ChatContext.empty()
    context.add_message(role="system", content=RULES)
    earlier = [f"- {_line(view, one)}" for one in before]
    lines = [f"{number}. {_line(view, one)}" for number, one in enumerate(batch, start=1)]
    people = ", ".join(named(person.name) for person in view.present)
    material = "\n".join(
        (
            f"Topic: {quoted(view.topic)}",
            f"People: {people}",
            "Before:",
            *(earlier or ["(nothing)"]),
            "To be judged:",
            *lines,
        )
    )
    context.add_message(role="user", content=f"<material>\n{fenced(material)}\n</material>")
    return context


def _line(view: DebateView, one: Uttered) -> str:
    return f"{named(view.name(one.identity) or one.identity)}: {quoted(one.text)}"


def read(answer: str, view: DebateView, batch: Sequence[Uttered]) -> list[Judged]:
    """A judgement of every utterance of `batch`, whether the answer names it or not; [] where it is no answer."""
    found = _findings(answer)
    if found is None:
        return []
    identities = {named(person.name).casefold(): person.identity for person in view.people}
    by_number = {one.n: one for one in found}
    judged = []
    for number, uttered in enumerate(batch, start=1):
        one = by_number.get(number, Finding(n=number))
        owes = identities.get((one.owes or "").casefold(), "")
        asked_by = identities.get((one.asked_by or "").casefold(), "")
        judged.append(
            Judged(
                uttered.utterance_id,
                uttered.identity,
                attack=one.attack,
                strayed=one.strayed,
                claim=one.claim,
                owes=owes if asked_by else "",
                asked_by=asked_by if owes else "",
            )
        )
    return judged


def _findings(answer: str) -> list[Finding] | None:
    members = members_of(answer)
    if members is None:
        return None
    found = []
    for member in members:
        try:
            found.append(Finding.model_validate(member))
        except ValidationError:
            continue  # one odd object says nothing of the others
    return found


async def judge(
    models: llm.LLM[None], view: DebateView, before: Sequence[Uttered], batch: Sequence[Uttered]
) -> list[Judged]:
    """Ask once; [] where no answer comes in ANSWER_SECONDS, or none that can be read. Raises nothing of its own."""
    asked = question(view, before, batch)
    answer = await answer_to(models, asked, ANSWER_SECONDS, what="judgement")
    judged = read(answer, view, batch)
    if answer and not judged:
        logger.info("a judgement could not be read", extra={"chars": len(answer)})
    return judged


class Unjudged:
    """The utterances of one debate that wait to be judged, and the last ones before them."""

    def __init__(self) -> None:
        self._before: deque[Uttered] = deque(maxlen=BEFORE)
        self._waiting: deque[Uttered] = deque(maxlen=BATCH_MAX)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def heard(self, uttered: Uttered) -> None:
        """Words of one person; a word or two say nothing that could be judged."""
        if len(uttered.text.split()) >= FEW_WORDS:
            self._waiting.append(uttered)

    def take(self, at: float) -> tuple[tuple[Uttered, ...], list[Uttered]]:
        """(what came before, what is to be judged at second `at` of the debate): what is stale is judged no more."""
        before = tuple(self._before)
        batch = [one for one in self._waiting if at - one.end <= STALE_SECONDS]
        self._waiting.clear()
        self._before.extend(batch)
        return before, batch


class Judging:
    """Gathers the utterances of one debate and has them judged, one question at a time.

    view() is the debate as it is; tell(event) gives it a judgement.
    """

    def __init__(
        self,
        models: llm.LLM[None],
        view: Callable[[], DebateView],
        tell: Callable[[Judged], None],
    ) -> None:
        self._models = models
        self._view = view
        self._tell = tell
        self._unjudged = Unjudged()
        self._some = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Judge from now on."""
        self._task = asyncio.create_task(self._run(), name="judging")

    def heard(self, uttered: Uttered) -> None:
        """Words of one person."""
        self._unjudged.heard(uttered)
        if self._unjudged:
            self._some.set()

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._models.aclose()

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            await asyncio.sleep(BATCH_SECONDS)
            self._some.clear()
            view = self._view()
            before, batch = self._unjudged.take(view.elapsed)
            if not batch:
                continue
            for judged in await judge(self._models, view, before, batch):
                self._tell(judged)
