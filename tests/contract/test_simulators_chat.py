"""The simulated language models: the real plugin's answers, tools and usage, and what Perplexity is strict about."""

import time
from typing import Any

import aiohttp
import pytest
from livekit.agents import APIConnectOptions, APIStatusError, function_tool, llm

from providers.registry import find_link
from settings import load_settings
from simulators.answers import Answers, Question, Reply, ToolCall, tokens_of
from simulators.chat import CerebrasSimulator, ChatSimulator, OllamaSimulator
from simulators.fleet import settings_for
from simulators.latency import HEAVY_TAILED, INSTANT, MEDIANS, PUBLISHED, Latencies
from simulators.openai import OpenAISimulator
from simulators.perplexity import PerplexitySimulator

ONCE = APIConnectOptions(max_retry=0, timeout=30.0)
CHATTING = (OpenAISimulator, PerplexitySimulator, CerebrasSimulator, OllamaSimulator)


@function_tool
async def give_floor(name: str, seconds: int) -> None:
    """Give the floor to somebody.

    Args:
        name: Who.
        seconds: For how long.
    """


def build(simulator: ChatSimulator) -> llm.LLM[Any]:
    """The vendor's link, as a chain builds it."""
    settings = load_settings(**settings_for(simulator))
    plugin: llm.LLM[Any] = find_link("llm", simulator.vendor).build(settings, lambda _: "")
    return plugin


def context(*messages: tuple[llm.ChatRole, str]) -> llm.ChatContext:
    made = llm.ChatContext()
    for role, content in messages or (("system", "You moderate."), ("user", "Who is next?")):
        made.add_message(role=role, content=content)
    return made


async def ask(
    simulator: ChatSimulator, *messages: tuple[llm.ChatRole, str], tools=(), **options
) -> list[llm.ChatChunk]:
    plugin = build(simulator)
    try:
        asked = {"chat_ctx": context(*messages), "tools": list(tools), "conn_options": ONCE, **options}
        async with plugin.chat(**asked) as stream:
            return [chunk async for chunk in stream]
    finally:
        await plugin.aclose()


def words(chunks: list[llm.ChatChunk]) -> str:
    return "".join(chunk.delta.content or "" for chunk in chunks if chunk.delta)


@pytest.mark.parametrize("vendor", CHATTING)
async def test_a_question_is_answered_token_by_token_with_its_usage(vendor):
    async with vendor() as simulator:
        simulator.answers.script("Ada is next. Please be brief.")
        chunks = await ask(simulator)
        said = (
            "Ada is next.[1][2] Please be brief."
            if vendor is PerplexitySimulator
            else "Ada is next. Please be brief."
        )
        assert words(chunks) == said
        assert len(chunks) > 5
        usage = next(chunk.usage for chunk in chunks if chunk.usage)
        assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0
        body = simulator.record.requests[0].body
        assert body["messages"][-1]["content"] == "Who is next?"
        assert simulator.record.tokens == len(tokens_of(said))
        assert "Who is next?" not in repr(simulator.record)


async def test_calls_of_tools_reach_the_plugin_whole():
    async with OpenAISimulator() as simulator:
        calls = (
            ToolCall("give_floor", {"name": "Ada", "seconds": 60}),
            ToolCall("give_floor", {"name": "Ben"}),
        )
        simulator.answers.script(Reply("One moment.", calls))
        chunks = await ask(simulator, tools=[give_floor])
        called = [call for chunk in chunks if chunk.delta for call in chunk.delta.tool_calls]
        assert [(call.name, call.arguments) for call in called] == [
            ("give_floor", '{"name": "Ada", "seconds": 60}'), ("give_floor", '{"name": "Ben"}'),
        ]  # fmt: skip
        assert len({call.call_id for call in called}) == 2
        assert words(chunks) == "One moment."
        sent = simulator.record.requests[0].body["tools"]
        assert [tool["function"]["name"] for tool in sent] == ["give_floor"]


async def test_a_tool_that_must_be_called_is_called_with_arguments_that_fit():
    async with OpenAISimulator() as simulator:
        chunks = await ask(simulator, tools=[give_floor], tool_choice="required")
        called = [call for chunk in chunks if chunk.delta for call in chunk.delta.tool_calls]
        assert [(call.name, call.arguments) for call in called] == [
            ("give_floor", '{"name": "text", "seconds": 1}')
        ]


async def post(simulator: ChatSimulator, **body) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": "Bearer a-key"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{simulator.base_url}/chat/completions", json=body) as answer:
            return answer.status, await answer.json()


async def test_without_streaming_the_answer_is_one_body():
    async with PerplexitySimulator() as simulator:
        status, answer = await post(
            simulator, model="sonar-pro", messages=[{"role": "user", "content": "Hello?"}]
        )
        assert status == 200
        assert answer["choices"][0]["message"]["content"].startswith("Thank you")
        assert answer["choices"][0]["finish_reason"] == "stop"
        assert answer["citations"] == [result["url"] for result in answer["search_results"]]
        assert answer["usage"]["total_tokens"] > 0


async def test_perplexity_refuses_tools():
    async with PerplexitySimulator() as simulator:
        with pytest.raises(APIStatusError) as refused:
            await ask(simulator, tools=[give_floor])
        assert refused.value.status_code == 400
        assert "ool" in refused.value.message


@pytest.mark.parametrize(
    ("roles", "wrong"),
    [
        (("system", "user"), ""),
        (("system", "system", "user", "assistant", "user"), ""),
        (("user", "user"), "alternate"),
        (("system", "assistant", "user"), "alternate"),
        (("user", "system"), "alternate"),
        (("user", "assistant"), "Last message"),
    ],
)
async def test_perplexity_wants_roles_to_alternate_and_the_user_to_have_the_last_word(roles, wrong):
    async with PerplexitySimulator() as simulator:
        messages = [(role, f"Message {number}") for number, role in enumerate(roles)]
        if not wrong:
            assert words(await ask(simulator, *messages))
            return
        with pytest.raises(APIStatusError) as refused:
            await ask(simulator, *messages)
        assert refused.value.status_code == 400
        assert wrong in refused.value.message


@pytest.mark.parametrize("body", [{}, {"model": "gpt"}, {"model": "gpt", "messages": []}, {"messages": [{}]}])
async def test_a_request_without_model_or_messages_is_refused(body):
    async with OpenAISimulator() as simulator:
        status, answer = await post(simulator, **body)
        assert (status, answer["error"]["type"]) == (400, "invalid_request_error")


async def test_the_first_token_comes_after_the_profiles_latency():
    async with OpenAISimulator(latency=MEDIANS) as simulator:
        plugin = build(simulator)
        started = time.monotonic()
        async with plugin.chat(chat_ctx=context(), conn_options=ONCE) as stream:
            await anext(stream)
            first = time.monotonic() - started
            count = len([chunk async for chunk in stream])
        assert first >= 0.180
        assert time.monotonic() - started >= 0.180 + (count - 3) * 0.012
        await plugin.aclose()


def test_words_of_its_own_are_the_same_for_the_same_question():
    question = Question("model", [{"role": "user", "content": [{"type": "text", "text": "Is it fair?"}]}])
    assert Answers().answer(question) == Answers().answer(question)
    assert "Is it fair" in Answers().answer(question).text
    scripted = Answers(lambda asked: Reply(asked.model))
    scripted.script("first")
    assert [scripted.answer(question).text for _ in range(2)] == ["first", "model"]


@pytest.mark.parametrize("text", ["Ada, you have 1:30 left. Go on!", "  two  spaces\n", "naïve — 3.5 %", ""])
def test_tokens_are_the_text(text):
    assert "".join(tokens_of(text)) == text


@pytest.mark.parametrize("kind", ["stt_final", "llm_first_token", "tts_first_audio"])
def test_latencies_have_the_published_median_and_p95_and_come_from_the_seed(kind):
    latencies = Latencies(PUBLISHED, seed=7)
    drawn = sorted(latencies.draw(kind) for _ in range(4000))
    delay = getattr(PUBLISHED, kind)
    assert drawn[2000] == pytest.approx(delay.median, rel=0.05)
    assert drawn[3800] == pytest.approx(delay.p95, rel=0.08)
    again, other = Latencies(PUBLISHED, seed=7), Latencies(PUBLISHED, seed=8)
    again.draw("llm_token")
    first = again.draw(kind)
    assert first == Latencies(PUBLISHED, seed=7).draw(kind) != other.draw(kind)
    assert Latencies(INSTANT, seed=7).draw(kind) == 0.0
    assert {round(Latencies(MEDIANS, seed).draw(kind), 9) for seed in range(5)} == {delay.median}


def test_the_heavy_tail_is_rare_long_and_bounded():
    latencies = Latencies(HEAVY_TAILED, seed=1)
    drawn = [latencies.draw("tts_first_audio") for _ in range(5000)]
    late = [seconds for seconds in drawn if seconds > 2.0]
    assert 0.01 < len(late) / len(drawn) < 0.03
    assert 5.0 < max(drawn) <= 60.0
