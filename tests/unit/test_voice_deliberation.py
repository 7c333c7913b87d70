"""Journal first, then the debate, then decisions; and a killed job's debate goes on from its journal."""

import asyncio
from pathlib import Path

import pytest

from bench.endurance import WordStore
from debate.debate import Debate
from debate.decisions import Decision
from debate.events import Commanded, Event, Joined, Left, ModeratorSpoke, SpeechEnded, SpeechStarted, Uttered
from memory import DebateRecord, Journal, uuid7
from personas.registry import load_registry
from rehearsal.virtual_time import run_virtually
from voice.deliberation import Deliberation

REGISTRY = load_registry()


class Desk:
    """A debate over a real journal."""

    def __init__(self, folder: Path, record: DebateRecord | None = None, clock: float = 1_000.0) -> None:
        self.store = Journal(folder)
        self.record = record or DebateRecord(
            uuid7(), "room", "Should cities ban cars?", "neutral-facilitator", "open-discussion", 1_000.0
        )
        self.decided: list[tuple[Event, tuple[Decision, ...]]] = []
        self.deliberation = Deliberation(
            Debate(
                self.record.topic, REGISTRY.get(self.record.persona), self.record.format, personas=REGISTRY
            ),
            self.record,
            self.store,
            lambda event, decisions: self.decided.append((event, tuple(decisions))),
            clock=lambda: clock,
        )

    async def open(self) -> int:
        await self.store.open_debate(self.record)
        resumed = await self.deliberation.resume()
        self.deliberation.start()
        return resumed

    async def close(self) -> None:
        await self.deliberation.aclose()
        await self.store.aclose()

    async def kinds(self, *kinds: str) -> list[dict[str, object]]:
        return [row.data for row in await self.store.records(self.record.debate_id, kinds=kinds)]


@pytest.fixture
async def desk(tmp_path: Path):
    one = Desk(tmp_path)
    await one.open()
    yield one
    await one.close()


async def test_an_event_is_in_the_journal_before_its_decisions_are_carried_out(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    found: list[int] = []

    async def append(rows, _real=desk.store.append):
        found.append(len(desk.decided))
        return await _real(rows)

    desk.store.append = append  # type: ignore[method-assign]
    await desk.open()
    await desk.deliberation.ask(Joined("ana", "Ana"))
    await desk.close()
    assert found[0] == 0


async def test_a_question_is_answered_with_a_decision_that_is_kept(desk: Desk) -> None:
    await desk.deliberation.ask(Joined("ana", "Ana"))
    decisions = await desk.deliberation.ask(
        Uttered(uuid7(), "ana", "Moderator, what is the topic?", 1.0, 2.0)
    )
    assert [one.kind for one in decisions] == ["reply"]
    assert [one["kind"] for one in await desk.kinds("decision")] == ["reply"]


async def test_the_greeting_is_made_once_and_knows_who_has_joined_until_then(desk: Desk) -> None:
    desk.deliberation.tell(Joined("ana", "Ana"))
    greeting = await desk.deliberation.greet()
    assert greeting is not None
    assert "Ana" in greeting.text
    assert await desk.deliberation.greet() is None


async def test_another_job_goes_on_from_the_journal_and_greets_nobody_again(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    await first.open()
    for event in (
        Joined("ana", "Ana"),
        SpeechStarted("ana"),
        SpeechEnded("ana", 3.0),
        Uttered(uuid7(), "ana", "Cars are too loud for cities.", 1.0, 4.0),
        ModeratorSpoke("Thank you.", 5.0, 6.0),
    ):
        await first.deliberation.ask(event)
    await first.deliberation.greet()
    # killed: neither closed nor drained
    second = Desk(tmp_path, first.record, clock=1_060.0)
    assert await second.open() == 5
    view = second.deliberation.debate.view(second.deliberation.now())
    assert [said.text for said in view.recent if said.identity] == ["Cars are too loud for cities."]
    assert view.person("ana").talk_seconds == pytest.approx(3.0)  # type: ignore[union-attr]
    assert await second.deliberation.greet() is None
    assert second.deliberation.now() >= 59.0
    await second.close()
    await first.close()


async def test_time_never_runs_backwards_though_the_wall_clock_was_set_back(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    await first.open()
    first.deliberation.tell(Joined("ana", "Ana"), 500.0)
    await first.close()
    second = Desk(tmp_path, first.record, clock=900.0)
    await second.open()
    assert second.deliberation.now() >= 500.0
    await second.close()


async def test_an_event_that_nobody_knows_any_more_is_passed_over(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.store.open_debate(desk.record)
    await desk.deliberation.write("event", {"type": "a thing of the past"})
    assert await desk.open() == 0
    await desk.deliberation.ask(Left("nobody"))
    await desk.close()


def test_time_is_called_when_it_is_over_and_not_a_tick_later() -> None:
    """The debate begins between two ticks, so that none of them meets the end of a part."""

    async def run() -> list[float]:
        decided: list[Decision] = []
        record = DebateRecord(uuid7(), "room", "Cars", "time-keeper", "lincoln-douglas", 1_000.0)
        deliberation = Deliberation(
            Debate(record.topic, REGISTRY.get(record.persona), record.format, personas=REGISTRY),
            record,
            WordStore(),  # in memory: a journal's threads take real time
            lambda _, found: decided.extend(found),
            clock=lambda: 1_000.0,
        )
        deliberation.start()
        for who in ("ana", "ben"):
            await deliberation.ask(Joined(who, who.capitalize()))
        await asyncio.sleep(0.1234)
        await deliberation.ask(Commanded("ana", "start", {}, "host"))
        began = deliberation.now()
        await asyncio.sleep(400.0)
        await deliberation.aclose()
        return [one.at - began for one in decided if one.urgency == "time"]

    assert run_virtually(run())[:3] == [pytest.approx(at, abs=0.002) for at in (345.0, 360.0, 363.0)]
