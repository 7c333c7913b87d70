"""Summaries by the real plugins against simulated vendors: what models claim is checked, what fails is extracted."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from debate.events import Uttered
from debate.summaries import Summary
from debate.view import DebateView
from providers.chains import plan_chains
from providers.chains.build import Chains
from settings import load_settings
from simulators.answers import Question, Reply
from simulators.faults import Fault
from simulators.fleet import Fleet
from tests.unit.test_debate import Room
from voice.summarising import Summarising

ANA = "Buses are what my mother in the village would be completely lost without, and so would all of her friends."
BEN = (
    "Higher taxes would drive every small shop out of the town, and nobody would come to the market any more."
)
TRUE = json.dumps(
    [
        {"speaker": "Ana", "text": "Her mother in the village would be lost without buses.", "from": [1]},
        {"speaker": "Ben", "text": "Higher taxes would drive small shops out of the town.", "from": [2]},
    ]
)
WRONG_IDS = TRUE.replace("[1]", "[2]").replace('"from": [2]}]', '"from": [77]}]')
INVENTED = json.dumps(
    [{"speaker": "Ben", "text": "Dragons burn villages because nobody feeds them.", "from": [2]}]
)


class Debate:
    """Ana and Ben, summarised by two simulated vendors."""

    def __init__(self, fleet: Fleet) -> None:
        settings = load_settings(**fleet.settings(), llm_chain="perplexity,openai")
        self.fleet = fleet
        self.chains = Chains(plan_chains(settings), settings)
        self.room = Room()
        self.written: list[dict[str, Any]] = []
        self.shown: asyncio.Queue[Summary] = asyncio.Queue()
        models = self.chains.judge()
        self.summarising = Summarising(models, self.view, self.write, self.shown.put_nowait, 1000.0)

    def view(self) -> DebateView:
        return self.room.debate.view(self.room.at)

    async def write(self, kind: str, data: dict[str, Any]) -> None:
        self.written.append({"kind": kind, **data})

    def answers(self, with_words: Callable[[Question], str]) -> None:
        for name in ("perplexity", "openai"):
            self.fleet[name].answers._otherwise = lambda question: Reply(with_words(question))  # type: ignore[attr-defined]

    async def part(self) -> Summary:
        """Say something and end the part."""
        for number, (who, text) in enumerate((("ana", ANA), ("ben", BEN))):
            self.summarising.heard(Uttered(f"u{number}", who, text, number * 10.0, number * 10.0 + 9))
        self.summarising._cut(1)
        return await asyncio.wait_for(self.shown.get(), 30)


@pytest.fixture
async def debate() -> AsyncIterator[Debate]:
    async with Fleet("perplexity", "openai") as fleet:
        one = Debate(fleet)
        one.summarising.start()
        try:
            yield one
        finally:
            await one.summarising.aclose()
            await one.chains.aclose()


async def test_a_model_summarises_and_is_named(debate: Debate) -> None:
    asked: list[str] = []

    def answer(question: Question) -> str:
        asked.append(question.last_words)
        return TRUE

    debate.answers(answer)
    made = await debate.part()
    assert made.by == "perplexity"
    assert [(one.speaker, one.utterances) for one in made.claims] == [("ana", ("u0",)), ("ben", ("u1",))]
    assert f"1. Ana: {ANA}" in asked[0]
    assert debate.written[0]["kind"] == "note"


@pytest.mark.parametrize("answer", [WRONG_IDS, INVENTED, "Here is the summary.", "[]", "[" * 300])
async def test_a_model_that_lies_is_not_believed(debate: Debate, answer: str) -> None:
    debate.answers(lambda _: answer)
    made = await debate.part()
    assert made.by == "extract"
    assert {one.speaker for one in made.claims} == {"ana", "ben"}
    assert all(one.text in (ANA, BEN) or one.text in ANA + BEN for one in made.claims)


@pytest.mark.parametrize("fault", [Fault.SAYS_NOTHING, Fault.CUT, Fault.NOT_JSON, Fault.SERVER_ERROR])
async def test_dead_models_cost_a_summary_no_word(debate: Debate, fault: Fault) -> None:
    debate.answers(lambda _: TRUE)
    for name in ("perplexity", "openai"):
        await debate.fleet[name].set_fault(fault)
    made = await debate.part()
    assert made.by == "extract"
    assert {one.speaker for one in made.claims} == {"ana", "ben"}


async def test_one_dead_model_leaves_it_to_the_next(debate: Debate) -> None:
    debate.answers(lambda _: TRUE)
    await debate.fleet["perplexity"].set_fault(Fault.SAYS_NOTHING)
    assert (await debate.part()).by == "openai"
