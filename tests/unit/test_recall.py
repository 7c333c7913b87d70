"""Recall in the debate: which questions ask for earlier debates, and what is said of what was found."""

from __future__ import annotations

import json

import pytest

from debate.decisions import Decision
from debate.events import Commanded, Recalled, Tick, from_json, to_json
from debate.recall import GIVE_UP_SECONDS, QUOTED_CHARS, TROUBLES, finds_of
from errors import Unavailable
from memory import DebateRecord, Record, uuid7
from memory.forgetting import without_words
from memory.questions import Query
from memory.ranking import Find
from memory.search import Answer
from tests.unit.test_debate import Room
from voice.recalling import Recalling, said_when

ANA = {"id": "u1", "identity": "ana", "name": "Ana", "text": "taxes are too low", "when": "On Monday"}
BEN = {"id": "u2", "identity": "ben", "name": "Ben", "text": "no they are not", "when": "Yesterday"}
MONDAY = 1795435200.0  # 2026-11-23T12:00Z


@pytest.fixture
def room() -> Room:
    return Room()


def asked(found: tuple[Decision, ...]) -> Decision:
    assert [(one.kind, one.text) for one in found] == [("recall", "")]
    return found[0]


@pytest.mark.parametrize(
    "words",
    [
        "Sage, what did Ana say about taxes last week?",
        "Sage, what did Ben say yesterday?",
        "Sage, who mentioned France last time?",
        "Sage, could you tell us what Ana promised on Monday?",
        "Sage, what did Zoe say about trams?",
        "Sage, recall what was said about trams.",
    ],
)
def test_questions_about_earlier_debates_are_looked_up(room: Room, words: str) -> None:
    decision = asked(room.says("ana", words))
    assert decision.question
    assert decision.addressed_to == "ana"


@pytest.mark.parametrize(
    "words",
    ["Sage, what did Ben say about trams?", "Sage, what did Ben just say?", "Sage, what was said so far?"],
)
def test_questions_about_this_debate_stay_what_they_were(room: Room, words: str) -> None:
    assert "recall" not in [one.kind for one in room.says("ana", words)]


def test_the_answer_is_quoted_with_speaker_and_time_in_two_sentences(room: Room) -> None:
    decision = asked(room.says("ana", "Sage, what did Ana say about taxes last week?"))
    page, spoken = room.does(Recalled(decision.check, (ANA, BEN)))
    assert spoken.kind == "reply"
    assert spoken.text == "On Monday Ana said: “taxes are too low”. One more is on the page."
    assert (page.kind, page.addressed_to) == ("recall", "")
    assert page.text.splitlines() == [
        "On Monday Ana said: “taxes are too low”.",
        "Yesterday Ben said: “no they are not”.",
    ]


@pytest.mark.parametrize(
    ("speaker", "about", "words"),
    [
        ("Ana", "taxes", "I have no record of Ana on taxes."),
        ("Ana", "", "I have no record of Ana."),
        ("", "taxes", "I have no record of taxes."),
        ("", "", "I have no record of that."),
    ],
)
def test_without_a_source_there_is_no_answer(room: Room, speaker: str, about: str, words: str) -> None:
    decision = asked(room.says("ana", "Sage, what did Ana say about taxes last week?"))
    assert room.does(Recalled(decision.check, (), speaker, about))[1].text == words


def test_an_answer_that_nobody_asked_for_or_that_came_before_says_nothing(room: Room) -> None:
    assert room.does(Recalled("7", (ANA,))) == ()
    decision = asked(room.says("ana", "Sage, what did Ana say yesterday?"))
    assert len(room.does(Recalled(decision.check, (ANA,)))) == 2
    assert room.does(Recalled(decision.check, (ANA,))) == ()


def test_a_late_search_is_owned_up_to(room: Room) -> None:
    decision = asked(room.says("ana", "Sage, what did Ana say yesterday?"))
    assert room.does(Recalled(decision.check, trouble="late"))[1].text == TROUBLES["late"]
    asked(room.says("ana", "Sage, what did Ana say yesterday?"))
    room.at += GIVE_UP_SECONDS + 1
    assert TROUBLES["late"] in [one.text for one in room.does(Tick())]


def test_everybody_may_ask_from_the_page_and_is_answered_there(room: Room) -> None:
    command = Commanded("ana", "recall", {"question": "what did Ben say last week"}, "audience")
    decision = asked(room.does(command))
    (page,) = room.does(Recalled(decision.check, (BEN,)))
    assert (page.kind, page.addressed_to) == ("recall", "ana")


def test_finds_are_bounded_and_a_quotation_is_one_sentence(room: Room) -> None:
    long = {**ANA, "text": "One thing. " + "word " * 200}
    decision = asked(room.says("ana", "Sage, what did Ana say yesterday?"))
    spoken = room.does(Recalled(decision.check, (long,)))[1].text
    assert spoken == "On Monday Ana said: “One thing…”."
    assert finds_of("nonsense") == ()
    assert finds_of([None, {"text": ""}, 3]) == ()
    assert all(len(one["text"]) <= QUOTED_CHARS for one in finds_of([long]))


def test_the_event_survives_the_journal() -> None:
    event = Recalled("1", (ANA,), "Ana", "taxes")
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


def test_forgetting_a_person_takes_what_was_recalled_of_them() -> None:
    event = Record(uuid7(), "d", "event", 1.0, json.loads(json.dumps(to_json(Recalled("1", (ANA, BEN))))))
    quoted = Record(uuid7(), "d", "decision", 2.0, {"text": "On Monday Ana said: “taxes are too low”."})
    changed = without_words([event, quoted], "ana")
    assert [one.id for one in changed] == [event.id, quoted.id]
    assert [one["text"] for one in changed[0].data["finds"]] == ["", BEN["text"]]
    assert changed[1].data["text"] == ""


def test_forgetting_a_person_takes_what_a_debate_opened_with_and_what_was_handed_over() -> None:
    before = Record(uuid7(), "d", "note", 1.0, {"type": "before", "finds": [ANA, BEN]})
    greeting = Record(uuid7(), "d", "spoken", 2.0, {"text": "Welcome. Ana said: Taxes are too low."})
    words = [{**one, "start": 1.0, "end": 2.0} for one in (ANA, BEN)]
    handed = Record(
        uuid7(), "d", "event", 3.0, {"type": "restored", "state": {"persona": "p", "words": words}}
    )
    odd = Record(uuid7(), "d", "event", 4.0, {"type": "restored", "state": [1]})
    changed = without_words([before, greeting, handed, odd], "ana")
    assert [one.id for one in changed] == [before.id, greeting.id, handed.id]
    assert "taxes are too low" not in json.dumps([one.data for one in changed]).lower()
    assert changed[2].data["state"]["persona"] == "p"
    assert BEN["text"] in json.dumps(changed[0].data)
    assert BEN["text"] in json.dumps(changed[2].data)
    assert without_words(changed, "ana") == ()


@pytest.mark.parametrize(
    ("days", "words"),
    [(0, "Earlier today"), (1, "Yesterday"), (3, "On Friday"), (7, "On Monday"), (26, "On 28 October")],
)
def test_when_it_was(days: int, words: str) -> None:
    assert said_when(MONDAY - days * 86400, MONDAY) == words


class ScriptedSearch:
    """`Search` that gives one answer, or raises."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, str]] = []

    async def find(self, room: str, text: str, *, excluding: str = "", limit: int = 5) -> Answer:
        self.asked.append((room, text, excluding))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def aclose(self) -> None:
        pass


FOUND = Answer(
    Query(("taxes",), speaker="ana"), (Find("u1", "d", "Taxes", "ana", "Ana", "too low", MONDAY - 86400),)
)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (FOUND, ("", "Yesterday")),
        (Unavailable("late", code="search-late"), ("late", "")),
        (Unavailable("away", code="search-failed"), ("down", "")),
        (RuntimeError("a bug"), ("down", "")),
    ],
)
async def test_the_room_alone_is_searched_and_trouble_is_told(
    room: Room, answer: Answer | Exception, expected: tuple[str, str]
) -> None:
    decision = asked(room.says("ana", "Sage, what did Ana say about taxes last week?"))
    told: list[Recalled] = []
    search, record = ScriptedSearch(answer), DebateRecord("now", "hall", "Taxes", "p", "open", MONDAY)
    recalling = Recalling(search, record, told.append, lambda: MONDAY)
    recalling.follow([decision])
    for task in list(recalling._tasks):
        await task
    await recalling.aclose()
    assert search.asked == [("hall", decision.question, "now")]
    assert (told[0].trouble, told[0].finds[0]["when"] if told[0].finds else "") == expected
