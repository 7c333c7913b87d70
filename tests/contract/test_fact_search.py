"""The search for facts with the real client against simulated Perplexity: its sources, and every fault."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from debate.events import FactChecked, FactChecksChanged, Joined, Left, Uttered
from debate.fact_checks import FactChecks
from debate.sources import Source
from providers.chains import plan_chains
from providers.chains.build import Chains
from providers.chains.failures import TIMED_OUT
from providers.fact_search import FactSearch, SearchFailed
from settings import load_settings
from simulators.answers import Reply
from simulators.faults import STATUSES, Fault
from simulators.fleet import settings_for
from simulators.perplexity import PerplexitySimulator
from tests.unit.test_voice_deliberation import Desk
from voice.fact_checking import RULES, FactChecking

CLAIM = "Ninety percent of all trams are blue."
ANSWER = json.dumps(
    {"verdict": "false", "sentence": "Few trams are blue today. Most are red, as a count of 2023 shows."}
)
SOURCES = (
    Source("A fact sheet", "https://facts.example/one"),
    Source("A newspaper", "https://news.example/two"),
)
DEADLINE_MS = 400
SLOW = (Fault.HANGS_AT_CONNECT, Fault.SAYS_NOTHING, Fault.UNREACHABLE)
DEAD = sorted({Fault.REFUSES, Fault.NOT_JSON, Fault.CUT, *STATUSES})


class Room:
    """A search for facts in front of one simulated vendor, and what the debate hears of it."""

    def __init__(self, simulator: PerplexitySimulator, deadline_ms: int) -> None:
        self.simulator = simulator
        settings = load_settings(
            **settings_for(simulator), llm_chain="local", fact_check_deadline_ms=deadline_ms
        )
        self.chains = Chains(plan_chains(settings), settings)
        search = self.chains.fact_search()
        assert search is not None
        self.search: FactSearch = search
        self.told: asyncio.Queue[FactChecked | FactChecksChanged] = asyncio.Queue()
        self.expert = FactChecking(search, self.told.put_nowait)
        self.expert.start(FactChecks(trouble=""), "Trams")

    async def checked(self) -> list[FactChecked | FactChecksChanged]:
        """Have CLAIM checked; answers what the debate heard until the answer, with it."""
        self.expert.ask("1", CLAIM, "Trams")
        heard: list[FactChecked | FactChecksChanged] = []
        while not heard or not isinstance(heard[-1], FactChecked):
            heard.append(await asyncio.wait_for(self.told.get(), 15))
        return heard


@pytest.fixture
async def simulator() -> AsyncIterator[PerplexitySimulator]:
    async with PerplexitySimulator() as running:
        yield running


@pytest.fixture
async def room(simulator: PerplexitySimulator, request: pytest.FixtureRequest) -> AsyncIterator[Room]:
    one = Room(simulator, getattr(request, "param", 10_000))
    yield one
    await one.expert.aclose()
    await one.chains.aclose()


async def test_a_verdict_comes_with_the_real_search_results(room: Room) -> None:
    room.simulator.answers.script(ANSWER)
    heard = await room.checked()
    # the simulator puts its marks behind the first sentence, as the models do
    sentence = "Few trams are blue today.[1][2] Most are red, as a count of 2023 shows."
    assert heard == [FactChecked("1", "false", sentence, SOURCES)]
    body = room.simulator.record.requests[0].body
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"][0]["content"] == RULES
    assert CLAIM in body["messages"][1]["content"]
    assert not body.get("tools")
    assert "response_format" not in body
    assert body["model"] == "sonar-pro"


@pytest.mark.parametrize("text", ["Thank you, I have heard this.", "{}", '{"verdict": "true"}'])
async def test_words_that_are_no_verdict_are_told_as_such_and_kill_no_link(room: Room, text: str) -> None:
    room.simulator.answers.script(text)
    assert await room.checked() == [FactChecked("1", trouble="unreadable")]
    assert not room.search.down


async def test_an_answer_without_words_is_none(room: Room) -> None:
    room.simulator.answers.script(Reply(""))
    assert await room.checked() == [FactChecksChanged("down"), FactChecked("1", trouble="down")]


@pytest.mark.parametrize("fault", DEAD)
async def test_a_search_that_is_dead_is_told_at_once_and_asked_no_more(
    room: Room, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sage")
    await room.simulator.set_fault(fault)
    began = time.monotonic()
    assert await room.checked() == [FactChecksChanged("down"), FactChecked("1", trouble="down")]
    assert time.monotonic() - began < 8
    asked = len(room.simulator.record.requests)
    assert (await room.checked())[-1] == FactChecked("1", trouble="down")
    assert len(room.simulator.record.requests) == asked
    written = " ".join(str(record.__dict__) for record in caplog.records if record.name.startswith("sage"))
    assert "simulated-perplexity-key" not in written
    assert "trams" not in written.lower()


@pytest.mark.parametrize("room", [DEADLINE_MS], indirect=True)
@pytest.mark.parametrize("fault", SLOW)
async def test_a_search_that_hangs_is_given_up_within_its_deadline(room: Room, fault: Fault) -> None:
    await room.simulator.set_fault(fault)
    began = time.monotonic()
    with pytest.raises(SearchFailed) as failed:
        await room.search.ask(RULES, CLAIM)
    assert failed.value.late
    assert str(failed.value) == TIMED_OUT
    assert time.monotonic() - began < DEADLINE_MS / 1000 + 5
    assert room.search.down


async def test_the_remedy_is_in_the_log(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    await room.simulator.set_fault(Fault.UNAUTHORIZED)
    await room.checked()
    remedies = [one.__dict__.get("remedy") for one in caplog.records if "remedy" in one.__dict__]
    assert remedies == ["check PERPLEXITY_API_KEY"]


async def test_a_search_that_came_back_checks_again(room: Room) -> None:
    await room.simulator.set_fault(Fault.SERVER_ERROR)
    await room.checked()
    await room.simulator.heal()
    room.search._breaker.worked()  # what it does by itself some seconds later
    room.simulator.answers.script(ANSWER)
    *_, back, answer = await room.checked()
    assert back == FactChecksChanged("")
    assert isinstance(answer, FactChecked)
    assert answer.sources == SOURCES


async def test_a_claim_is_checked_from_the_question_to_the_answer_and_the_journal_tells_it_again(
    simulator: PerplexitySimulator, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    await desk.open()
    settings = load_settings(**settings_for(simulator))
    told: asyncio.Queue[FactChecked | FactChecksChanged] = asyncio.Queue()

    def tell(event: FactChecked | FactChecksChanged) -> None:
        desk.deliberation.tell(event)
        told.put_nowait(event)

    expert = FactChecking(FactSearch(settings), tell)
    expert.start(desk.deliberation.debate.fact_checks, "Trams")
    for event in (Joined("ana", "Ana"), Joined("ben", "Ben"), Uttered("u1", "ben", CLAIM, 1.0, 4.0)):
        await desk.deliberation.ask(event)
    simulator.answers.script(ANSWER)
    asked = await desk.deliberation.ask(Uttered("u2", "ana", "Moderator, is that true?", 5.0, 6.0))
    expert.follow(asked, "Trams")
    while not isinstance(await asyncio.wait_for(told.get(), 15), FactChecked):
        pass
    await desk.deliberation.ask(Left("ben"))  # after it the answer has been deliberated
    await expert.aclose()
    await desk.close()
    shown, spoken = next(found for event, found in desk.decided if isinstance(event, FactChecked))
    assert (shown.kind, shown.addressed_to, shown.sources) == ("fact_check", "", SOURCES)
    assert CLAIM in shown.text
    assert (spoken.kind, spoken.addressed_to) == ("reply", "ana")
    assert spoken.text == "The sources I found contradict that: Few trams are blue today."
    again = Desk(tmp_path, desk.record)
    await again.open()
    replayed, first = again.deliberation.debate.fact_checks, desk.deliberation.debate.fact_checks
    await again.close()
    assert replayed == first
    assert (replayed.made, replayed.waiting, replayed.trouble) == (1, {}, "")


def test_without_a_key_there_is_no_search() -> None:
    settings = load_settings()
    assert Chains(plan_chains(settings), settings).fact_search() is None
