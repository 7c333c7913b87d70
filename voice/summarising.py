"""Summaries of a debate's parts and of its whole, made in the background: by the language models where what they claim
is borne out by what was said, else by extraction.

Owns when there is something to summarise, the question and the reading of its answer. What a claim must prove is
`debate.summaries`'. Nobody waits for it, and it says nothing aloud.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from livekit.agents import llm
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from debate.events import Uttered
from debate.matters import to_moderator
from debate.summaries import (
    CLAIMS_MOST,
    Claim,
    Scope,
    Spoken,
    Summary,
    checked,
    enough,
    extracted,
    from_json,
    to_json,
    words_of,
)
from debate.view import DebateView
from memory import Record
from providers.chains.llm import ChainLLM
from voice.asking import answer_to, members_of
from voice.material import FENCE_RULE, fenced, named, quoted

logger = logging.getLogger("sage.voice.summarising")

PART_WORDS = 1200
"""After so many words a part is summarised though it goes on: some eight minutes of talk."""

LEAST_WORDS = 40
"""Less is left to the next summary."""

LAST_WORDS = 12
"""The same where none follows."""

UTTERANCES_MOST = 80
ANSWER_SECONDS = 20.0
EXTRACT = "extract"

RULES = f"""\
You summarise a part of a debate for people who were not there. You speak to nobody.
- {FENCE_RULE}
- Answer with one JSON array of at most {CLAIMS_MOST} objects and nothing else:
  {{"speaker": name, "text": what this person said, in one short sentence, "from": [numbers of the utterances]}}.
- Each person's main arguments, what was conceded, agreed or promised, and which question is open.
- Only what stands in those very utterances, in their words as far as you can; no figure that is not there; no judgement
  of yours."""


class Told(BaseModel):
    """One object of the answer; what is none is passed over."""

    model_config = ConfigDict(extra="ignore", strict=True)

    speaker: str = Field(max_length=200)
    text: str = Field(max_length=1000)
    sources: list[int] = Field(alias="from", max_length=20)


@dataclass(frozen=True, slots=True)
class _Due:
    scope: Scope
    segment: str
    spoken: tuple[Spoken, ...]


def question(view: DebateView, spoken: Sequence[Spoken]) -> llm.ChatContext:
    """The chat context that asks for a summary of `spoken`, whose utterances are numbered from 1."""
    context = llm.ChatContext.empty()
    context.add_message(role="system", content=RULES)
    lines = [
        f"{number}. {named(view.name(one.identity) or one.identity)}: {quoted(one.text)}"
        for number, one in enumerate(spoken, start=1)
    ]
    material = "\n".join((f"Topic: {quoted(view.topic)}", *lines))
    context.add_message(role="user", content=f"<material>\n{fenced(material)}\n</material>")
    return context


def read(answer: str, view: DebateView, spoken: Sequence[Spoken]) -> tuple[Claim, ...]:
    """The claims of an answer that `spoken` bears out; () where it is none."""
    claims = []
    for member in members_of(answer) or ():
        try:
            told = Told.model_validate(member)
        except ValidationError:
            continue  # one odd object says nothing of the others
        cited = [spoken[number - 1] for number in told.sources if 0 < number <= len(spoken)]
        wrong = len(cited) < len(told.sources)
        name = named(told.speaker).casefold()
        speakers = {named(view.name(one.identity) or one.identity).casefold() for one in cited}
        if not wrong and speakers == {name}:
            claims.append(Claim(told.text, cited[0].identity, tuple(one.id for one in cited)))
    return checked(claims, spoken)


class Summarising:
    """Summarises one debate while it goes on.

    models: None where none is to be asked. view(): the debate as it is. write(kind, data): a row of the journal.
    shown(summary): there is a new one. epoch: when the debate began, epoch seconds.
    """

    def __init__(
        self,
        models: ChainLLM | None,
        view: Callable[[], DebateView],
        write: Callable[[str, dict[str, Any]], Awaitable[None]],
        shown: Callable[[Summary], None],
        epoch: float,
    ) -> None:
        self._models = models
        self._view = view
        self._write = write
        self._shown = shown
        self._epoch = epoch
        self.made: list[Summary] = []
        self._open: list[Spoken] = []
        self._words = 0
        self._part = ""
        self._over = False
        self._heard_to = 0.0
        self._labels: Counter[str] = Counter()
        self._cited: dict[str, Spoken] = {}
        """What the summaries of parts rest on: the whole debate's is made of it."""

        self._due: asyncio.Queue[_Due] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    # -- life --------------------------------------------------------------------------------------------
    def take_up(self, rows: Iterable[Record]) -> None:
        """What a job before has heard and summarised, of the journal's events and notes in order."""
        spoken: dict[str, Spoken] = {}
        for row in rows:
            if row.data.get("type") == "uttered" and row.data.get("text"):
                one = _spoken_of(row.data)
                if not to_moderator(one):
                    spoken[one.id] = one
            elif (summary := from_json(row.data, self._epoch)) is not None:
                self.made.append(summary)
                self._labels[_bare(summary.segment)] += summary.scope == "segment"
        done = max((one.end for one in self.made if one.scope == "segment"), default=-1.0)
        self._open = [one for one in spoken.values() if one.end > done]
        self._words = words_of(self._open)
        ids = [id_ for summary in self.made for claim in summary.claims for id_ in claim.utterances]
        self._cited = {id_: spoken[id_] for id_ in ids if id_ in spoken}
        wholes = [one.end for one in self.made if one.scope == "debate"]
        self._heard_to = max((one.end for one in spoken.values()), default=0.0)
        self._over = max(wholes, default=-1.0) >= self._heard_to

    def start(self) -> None:
        """Summarise from now on."""
        self._part = self._view().segment
        self._task = asyncio.create_task(self._run(), name="summarising")

    async def aclose(self) -> None:
        """Write what is due and not made yet, by extraction: whoever leaves waits for no model."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._cut(LAST_WORDS)
            if not self._over and (self.made or not self._due.empty()):
                self._whole()
            while not self._due.empty():
                due = self._due.get_nowait()
                await self._keep(due, EXTRACT, extracted(self._material(due)))
        if self._models is not None:
            await self._models.aclose()

    def claims(self) -> dict[str, tuple[str, ...]]:
        """The sentences of the parts' summaries by speaker, oldest first."""
        found: dict[str, list[str]] = {}
        for summary in self.made:
            if summary.scope == "segment":
                for claim in summary.claims:
                    found.setdefault(claim.speaker, []).append(claim.text)
        return {speaker: tuple(texts) for speaker, texts in found.items()}

    # -- what happens ------------------------------------------------------------------------------------
    def heard(self, uttered: Uttered) -> None:
        """Words of one person; what is put to the moderator is no part of the argument."""
        one = Spoken(uttered.utterance_id, uttered.identity, uttered.text, uttered.start, uttered.end)
        if to_moderator(one):
            return
        self._heard_to = max(self._heard_to, one.end)
        self._open.append(one)
        self._words += words_of([one])
        if self._words >= PART_WORDS:
            self._cut(LEAST_WORDS)

    def follow(self, view: DebateView) -> None:
        """The debate as it is after an event: a part that has ended is summarised, and a debate that is over."""
        over = view.status == "over"
        if view.segment != self._part or (over and not self._over):
            self._cut(LAST_WORDS if over else LEAST_WORDS)
            self._part = view.segment
        if over and not self._over:
            self._whole()
        self._over = over

    def _cut(self, least: int) -> None:
        if self._words < least:
            return
        spoken = tuple(self._open[-UTTERANCES_MOST:])
        bare = (
            self._part or f"minutes {int(self._open[0].start // 60)} to {int(self._open[-1].end // 60) + 1}"
        )
        self._labels[bare] += 1
        label = bare if self._labels[bare] == 1 else f"{bare} ({self._labels[bare]})"
        self._open, self._words = [], 0
        self._due.put_nowait(_Due("segment", label, spoken))

    def _whole(self) -> None:
        if any(one.scope == "debate" and one.end >= self._heard_to for one in self.made):
            return  # nothing was said since
        self._due.put_nowait(_Due("debate", "", ()))

    # -- making them --------------------------------------------------------------------------------------
    async def _run(self) -> None:
        while True:
            due = await self._due.get()
            try:
                await self._make(due)
            except asyncio.CancelledError:
                self._due.put_nowait(due)  # `aclose` makes it by extraction
                raise
            except Exception as error:  # noqa: BLE001 - a summary is worth no debate; its text may quote people
                logger.error("a summary could not be made", extra={"problem": type(error).__name__})

    def _material(self, due: _Due) -> Sequence[Spoken]:
        """The utterances of a part; of the whole debate those on which the summaries of its parts rest."""
        if due.scope == "segment":
            return due.spoken
        cited = sorted(self._cited.values(), key=lambda one: one.start)
        step = -(-len(cited) // UTTERANCES_MOST) or 1
        return cited[::step]

    async def _make(self, due: _Due) -> None:
        spoken = self._material(due)
        if not spoken:
            return
        by, claims = EXTRACT, tuple[Claim, ...]()
        if self._models is not None:
            view = self._view()
            answer = await answer_to(self._models, question(view, spoken), ANSWER_SECONDS, what="summary")
            claims = read(answer, view, spoken)
            by = self._models.last_use.link if self._models.last_use is not None else ""
        if not by or not enough(claims, spoken):
            by, claims = EXTRACT, extracted(spoken)
        await self._keep(due, by, claims)

    async def _keep(self, due: _Due, by: str, claims: tuple[Claim, ...]) -> None:
        spoken = self._material(due)
        if not claims or not spoken:
            return
        start, end = min(one.start for one in spoken), max(one.end for one in spoken)
        if due.scope == "debate":
            start, end = 0.0, self._heard_to
        summary = Summary(due.scope, due.segment, start, end, by, claims)
        # in the journal first: nothing is shown that is not in it
        await self._write("note", to_json(summary, self._epoch))
        self.made.append(summary)
        ids = {id_ for claim in claims for id_ in claim.utterances}
        self._cited |= {one.id: one for one in spoken if one.id in ids}
        logger.info("a summary was made", extra={"scope": due.scope, "by": by, "claims": len(claims)})
        self._shown(summary)


def _spoken_of(data: Mapping[str, Any]) -> Spoken:
    start = float(data.get("start") or 0.0)
    end = max(start, float(data.get("end") or 0.0))
    return Spoken(str(data.get("utterance_id")), str(data.get("identity")), str(data["text"]), start, end)


def _bare(segment: str) -> str:
    """A part's name without the number of its summary."""
    name, _, number = segment.rpartition(" (")
    return name if name and number.rstrip(")").isdigit() else segment
