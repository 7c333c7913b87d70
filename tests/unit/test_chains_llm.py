"""The language model chain in virtual time: who is asked, for how long, and what is said when links fail."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from livekit.agents import APIConnectionError, APIStatusError, function_tool, llm

from providers.chains import attempt
from providers.chains.attempt import Deadlines
from providers.chains.breaker import PROBE_SECONDS, Breakers, LinkChange
from providers.chains.llm import BREAKS_OFF, GO_ON, PROBE_QUESTION, ChainLLM, ModelLink
from providers.chains.seam import Seam, WholeWords, unfinished
from providers.local.playbook import PlaybookLLM
from rehearsal.virtual_time import run_virtually
from tests.unit.scripted_llm import FOR_EVER, ScriptedLLM, Step

DEADLINES = Deadlines(attempt=1.2, chain=3.0)
PLAYBOOK = "Ben, you have two minutes."


class Bench:
    """A chain of scripted links before the playbook, and what its room would see of it."""

    def __init__(self, *models: ScriptedLLM, takes_tools: bool = True) -> None:
        names = [f"link{number}" for number, _ in enumerate(models)]
        self.breakers = Breakers({"llm": names})
        self.changes: list[LinkChange] = []
        self.breakers.listen(self.changes.append)
        links = [
            ModelLink(name, model, self.breakers.of("llm", name), takes_tools)
            for name, model in zip(names, models, strict=True)
        ]
        self.chain = ChainLLM([*links, ModelLink("local", PlaybookLLM(lambda _: PLAYBOOK), None)], DEADLINES)

    async def ask(self, *tools: llm.Tool) -> tuple[str, float]:
        """(the reply, seconds to its first word)."""
        loop = asyncio.get_running_loop()
        context = llm.ChatContext.empty()
        context.add_message(role="user", content="Whose turn is it?")
        began, first, words = loop.time(), None, ""
        async with self.chain.chat(chat_ctx=context, tools=list(tools)) as stream:
            async for chunk in stream:
                if chunk.has_response() and first is None:
                    first = loop.time() - began
                words += (chunk.delta.content or "") if chunk.delta else ""
        assert first is not None
        return words, round(first, 3)

    async def aclose(self) -> None:
        await self.chain.aclose()
        await self.breakers.aclose()


def chain_test(*scripts: list[list[Step]], run: Callable[..., Awaitable[None]]) -> None:
    async def whole() -> None:
        models = [ScriptedLLM(*each, name=f"m{number}") for number, each in enumerate(scripts)]
        bench = Bench(*models)
        try:
            await run(bench, *models)
        finally:
            await bench.aclose()
        assert all(model.open_streams == 0 for model in models)

    run_virtually(whole())


def test_a_healthy_link_answers_and_no_other_is_asked() -> None:
    async def run(bench: Bench, first: ScriptedLLM, second: ScriptedLLM) -> None:
        assert await bench.ask() == ("Ada is next.", 0.2)
        assert bench.chain.last_use is not None
        assert (bench.chain.last_use.link, bench.chain.last_use.switched) == ("link0", False)
        assert bench.chain.last_use.first_ms == pytest.approx(200)
        assert not second.contexts
        assert bench.changes == []

    chain_test([[0.2, "Ada ", "is ", "next."]], [], run=run)


@pytest.mark.parametrize(
    ("steps", "latest"),
    [
        ([FOR_EVER], 1.2),
        ([None, 0.3, None, 0.3, None, 0.3, None, FOR_EVER], 1.2),  # keep-alives are no tokens
        ([APIConnectionError("no")], 0.0),
        ([APIStatusError("no", status_code=401)], 0.0),
        ([APIStatusError("no", status_code=402)], 0.0),
        ([APIStatusError("no", status_code=404)], 0.0),
        ([], 0.0),
        ([None], 0.0),
        ([OSError("raw")], 0.0),
    ],
)
def test_a_dead_link_costs_its_attempt_once_and_nothing_after(steps: list[Step], latest: float) -> None:
    async def run(bench: Bench, first: ScriptedLLM, second: ScriptedLLM) -> None:
        said, after = await bench.ask()
        assert said == "Ada is next."
        assert after <= latest + 0.11
        assert bench.chain.last_use is not None
        assert bench.chain.last_use.switched
        assert [(one.link, one.up, one.using) for one in bench.changes] == [("link0", False, "link1")]
        assert await bench.ask() == ("Ben is next.", 0.1)
        assert len(first.contexts) == 1

    chain_test([steps], [[0.1, "Ada is next."], [0.1, "Ben is next."]], run=run)


def test_a_rate_limit_is_tried_again_with_growing_waits_as_long_as_they_fit() -> None:
    async def run(bench: Bench, first: ScriptedLLM, second: ScriptedLLM) -> None:
        said, after = await bench.ask()
        assert said == "Ada is next."
        assert len(first.contexts) == 4
        assert 0.35 <= after <= 1.2
        assert bench.changes == []

    limited = APIStatusError("slow down", status_code=429)
    chain_test([[limited], [limited], [limited], ["Ada is next."]], [], run=run)


def test_after_three_more_tries_the_next_link_is_asked() -> None:
    async def run(bench: Bench, first: ScriptedLLM, second: ScriptedLLM) -> None:
        said, after = await bench.ask()
        assert said == "Ada is next."
        assert len(first.contexts) == 4
        assert after <= 1.3

    limited = APIStatusError("slow down", status_code=503)
    chain_test([[limited], [limited], [limited], [limited]], [["Ada is next."]], run=run)


class RetryAfter(ScriptedLLM):
    """Says in its header how long to wait, as our client notes it."""

    def chat(self, **request: Any) -> llm.LLMStream:
        noted = attempt.running()
        assert noted is not None
        noted.retry_after = 5.0
        return super().chat(**request)


def test_a_wait_that_does_not_fit_goes_to_the_next_link_at_once() -> None:
    async def whole() -> None:
        first = RetryAfter([APIStatusError("slow down", status_code=429)])
        bench = Bench(first, ScriptedLLM([0.1, "Ada is next."]))
        assert await bench.ask() == ("Ada is next.", 0.1)
        await bench.aclose()

    run_virtually(whole())


def test_the_playbook_answers_when_all_are_dead_and_costs_nothing_from_then_on() -> None:
    async def run(bench: Bench, first: ScriptedLLM, second: ScriptedLLM) -> None:
        said, after = await bench.ask()
        assert (said, after) == (PLAYBOOK, 3.0)
        assert bench.changes[-1].using == ""
        assert await bench.ask() == (PLAYBOOK, 0.0)

    chain_test([[FOR_EVER]], [[FOR_EVER]], run=run)


@pytest.mark.parametrize(
    "steps", [["Thank you, A"], ["Thank you, ", FOR_EVER], ["Thank you, ", "Ad", FOR_EVER]]
)
def test_a_cut_reply_is_continued_from_its_last_whole_word(steps: list[Step]) -> None:
    async def run(bench: Bench, first: ScriptedLLM, second: ScriptedLLM) -> None:
        said, _ = await bench.ask()
        assert said == "Thank you, Ada. Ben is next."
        told = [(one.role, one.text_content) for one in second.contexts[0].messages()]
        assert told[-2:] == [("assistant", "Thank you,"), ("user", GO_ON)]

    cut = steps if FOR_EVER in steps else [*steps, APIConnectionError("cut")]
    chain_test([cut], [["Ada. ", "Ben is next."]], run=run)


@pytest.mark.parametrize(
    "again",
    [
        ["Thank ", "you, ", "Ada. ", "Ben is next."],  # begins again
        ["you, ", "Ada. ", "Ben is next."],  # repeats the last words
        ["Ada. Ben is next."],
        ["you, Ada. ", "Ben ", "is next."],
    ],
)
def test_a_continuation_repeats_nothing(again: list[Step]) -> None:
    async def run(bench: Bench, first: ScriptedLLM, second: ScriptedLLM) -> None:
        assert (await bench.ask())[0] == "Thank you, Ada. Ben is next."

    chain_test([["Thank you, ", APIConnectionError("cut")]], [again], run=run)


def test_the_playbook_ends_what_no_model_can_finish_and_begins_nothing_new() -> None:
    async def run(bench: Bench, first: ScriptedLLM) -> None:
        assert (await bench.ask())[0] == f"Thank you, {BREAKS_OFF}"

    cut = APIConnectionError("cut")
    chain_test([["Thank you, Ad", cut], [cut]], run=run)


def test_the_only_link_goes_on_where_its_own_connection_broke() -> None:
    async def run(bench: Bench, first: ScriptedLLM) -> None:
        assert (await bench.ask())[0] == "Thank you, Ada."
        assert [one.up for one in bench.changes] == [False, True]

    chain_test([["Thank you, ", APIConnectionError("cut")], ["Ada."]], run=run)


DRIP: list[Step] = [
    part for word in ["Thank", "you", "Ada", "for", "all", "of", "this"] for part in (f"{word} ", 0.5)
]


def test_a_stream_that_drips_before_a_word_could_be_said_is_left_after_the_first_gap() -> None:
    async def run(bench: Bench, first: ScriptedLLM, second: ScriptedLLM) -> None:
        began = asyncio.get_running_loop().time()
        assert (await bench.ask())[0] == "Thank and that is all."
        assert asyncio.get_running_loop().time() - began < 0.5

    chain_test([DRIP], [["and that ", "is all."]], run=run)


def test_a_stream_that_drips_later_is_continued_by_the_next_link() -> None:
    async def run(bench: Bench, first: ScriptedLLM, second: ScriptedLLM) -> None:
        said, _ = await bench.ask()
        assert said.startswith("Let me take the first point. Thank you Ada")
        assert said.endswith("and that is all.")

    start: list[Step] = ["Let me take ", "the first point. "]
    chain_test([[*start, *DRIP, *DRIP]], [["and that ", "is all."]], run=run)


def test_the_only_link_may_take_its_time_between_the_first_words() -> None:
    async def run(bench: Bench, first: ScriptedLLM) -> None:
        assert (await bench.ask())[0] == "Thank you all for this one."
        assert bench.changes == []

    chain_test([["Thank ", 0.9, "you all ", "for this one."]], run=run)


CALL = llm.FunctionToolCall(name="give_floor", arguments="{}", call_id="1")


@function_tool
async def give_floor() -> None:
    """Give the floor."""


def test_no_call_of_a_tool_happens_twice() -> None:
    async def run(bench: Bench, first: ScriptedLLM, second: ScriptedLLM) -> None:
        context = llm.ChatContext.empty()
        async with bench.chain.chat(chat_ctx=context, tools=[give_floor]) as stream:
            calls = [
                call
                for chunk in [one async for one in stream]
                if chunk.delta
                for call in chunk.delta.tool_calls
            ]
        assert [call.name for call in calls] == ["give_floor"]
        assert first.tools == second.tools == [[give_floor]]

    chain_test([[CALL, APIConnectionError("cut")]], [[CALL]], run=run)


def test_tools_go_only_to_links_that_take_them() -> None:
    async def whole() -> None:
        model = ScriptedLLM(["Ada is next."])
        bench = Bench(model, takes_tools=False)
        await bench.ask(give_floor)
        assert model.tools == [[]]
        await bench.aclose()

    run_virtually(whole())


def test_a_cheap_question_brings_a_link_back() -> None:
    async def run(bench: Bench, first: ScriptedLLM, second: ScriptedLLM) -> None:
        await bench.ask()
        await asyncio.sleep(PROBE_SECONDS * 2.5)
        assert [one.up for one in bench.changes] == [False, True]
        assert [message.text_content for message in first.contexts[-1].messages()] == [PROBE_QUESTION]
        assert (await bench.ask())[0] == "Ada is back."
        assert bench.chain.last_use is not None
        assert bench.chain.last_use.link == "link0"

    dead = APIConnectionError("no")
    chain_test([[dead], [dead], ["OK"], ["Ada is back."]], [["Ben is next."]], run=run)


def test_words_are_released_whole() -> None:
    words = WholeWords()
    assert [words.push(one) for one in ("mod", "erator", " speaks", " now.")] == [
        "",
        "",
        "moderator ",
        "speaks ",
    ]
    assert words.end() == "now."


@pytest.mark.parametrize(
    ("said", "continuation", "whole"),
    [
        (
            "Ada, you have the floor for ",
            "the floor for two minutes.",
            "Ada, you have the floor for two minutes.",
        ),
        ("Ada, you have", "two minutes.", "Ada, you have two minutes."),
        ("Ada, you have", ", so to say, time.", "Ada, you have, so to say, time."),
        ("The time is up. ", "The vote comes now.", "The time is up. The vote comes now."),
        ("Now, now, ", "now we vote.", "Now, now, we vote."),
        ("", "Ada is next.", "Ada is next."),
    ],
)
def test_the_seam_between_two_links(said: str, continuation: str, whole: str) -> None:
    for size in (1, 3, 100):
        seam, words = Seam(said), WholeWords()
        pieces = [continuation[at : at + size] for at in range(0, len(continuation), size)]
        text = "".join(seam.push(words.push(piece)) for piece in pieces)
        assert said + text + seam.push(words.end()) + seam.end() == whole


def test_what_is_unfinished() -> None:
    assert [unfinished(one) for one in ("Ada, ", "Ada is next.", 'She said "yes."', "")] == [
        True,
        False,
        False,
        False,
    ]
