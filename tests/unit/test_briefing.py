"""What a language model is told of four hours: within its budget, the last words whole, something of every part."""

from __future__ import annotations

import statistics
import time

import pytest

from debate.decisions import Decision
from debate.events import Commanded, Joined
from debate.summaries import Spoken, Summary, extracted
from memory import Recall, SaidBefore
from tests.unit.test_debate import Room
from voice.briefing import CONTEXT_TOKENS, MESSAGE_TOKENS, brief, tokens_of

HOURS = 4
PEOPLE = ("ana", "ben", "cem")
ASKED = Decision(
    1.0, "reply", "Ana asked", "addressed", "ana", "", "answer", 40.0, "what did Ben say about trams?"
)
RECALL = Recall(
    "d",
    "Parks",
    1.0,
    ("Zoe",),
    tuple(SaidBefore("Zoe", "zoe", "Parks " * 60, 1.0, str(n)) for n in range(20)),
)


def sentence(number: int) -> str:
    return f"Argument number {number} says that trams of line {number % 17} carry more people than all the buses do."


def size(context) -> int:
    messages = context.messages()
    return sum(tokens_of(str(one.text_content)) + MESSAGE_TOKENS for one in messages)


def text_of(context) -> str:
    return str(context.messages()[-1].text_content)


@pytest.fixture(scope="module")
def four_hours() -> tuple[Room, list[Summary]]:
    """An utterance every ten seconds, a summary of every eight minutes."""
    room, summaries, open_ = Room(), list[Summary](), list[Spoken]()
    for number in range(HOURS * 360):
        who = PEOPLE[number % 3]
        room.says(who, sentence(number), seconds=8.0, after=1.8)
        open_.append(Spoken(f"u{number}", who, sentence(number), room.at - 8.0, room.at))
        if len(open_) == 48:
            label, claims = f"minutes {len(summaries) * 8} to {len(summaries) * 8 + 8}", extracted(open_)
            summaries.append(Summary("segment", label, open_[0].start, open_[-1].end, "extract", claims))
            open_ = []
    return room, summaries


@pytest.mark.parametrize("budget", [1000, CONTEXT_TOKENS, 8000])
def test_a_briefing_never_costs_more_than_its_budget(
    four_hours: tuple[Room, list[Summary]], budget: int
) -> None:
    room, summaries = four_hours
    for made in (summaries, summaries[:3], []):
        context = brief(room.debate.view(room.at), ASKED, RECALL, made, budget)
        assert size(context) <= budget


@pytest.mark.parametrize("budget", [1000, CONTEXT_TOKENS])
def test_a_hundred_people_with_long_names_do_not_burst_the_budget(budget: int) -> None:
    room = Room()
    for number in range(100):
        room.does(Joined(f"p{number}", "Ň" * 58 + str(number)))
        room.does(Commanded(f"p{number}", "hand"))
    room.does(Commanded("ana", "topic", {"topic": "Ž" * 200}, "host"))
    room.says("ana", "Ř" * 900)
    context = brief(room.debate.view(room.at), ASKED, RECALL, (), budget)
    assert size(context) <= budget
    assert '"topic"' in text_of(context)


def test_of_four_hours_every_part_is_told_and_the_last_words_stand_whole(
    four_hours: tuple[Room, list[Summary]],
) -> None:
    room, summaries = four_hours
    text = text_of(brief(room.debate.view(room.at), ASKED, RECALL, summaries, CONTEXT_TOKENS))
    assert len(summaries) == HOURS * 360 // 48
    assert [one.segment for one in summaries if f"[{one.segment}]" not in text] == []
    last = HOURS * 360 - 1
    assert all(sentence(number) in text for number in range(last - 8, last + 1))
    assert "what did Ben say about trams?" in text
    assert '"topic"' in text
    order = [text.index(f"[{one.segment}]") for one in summaries]
    assert order == sorted(order)


def test_what_was_said_in_earlier_debates_takes_no_room_from_this_one(
    four_hours: tuple[Room, list[Summary]],
) -> None:
    room, summaries = four_hours
    with_recall = text_of(brief(room.debate.view(room.at), ASKED, RECALL, summaries, CONTEXT_TOKENS))
    without = text_of(brief(room.debate.view(room.at), ASKED, Recall(), summaries, CONTEXT_TOKENS))
    assert [line for line in without.splitlines() if line not in with_recall] == []
    assert "Topic of the last debate" in text_of(brief(Room().debate.view(0.0), ASKED, RECALL))


def test_a_briefing_is_made_in_a_moment(four_hours: tuple[Room, list[Summary]]) -> None:
    room, summaries = four_hours
    view, taken = room.debate.view(room.at), list[float]()
    for _ in range(200):
        began = time.process_time()
        brief(view, ASKED, RECALL, summaries, CONTEXT_TOKENS)
        taken.append(time.process_time() - began)
    assert statistics.quantiles(taken, n=100)[98] < 0.02


@pytest.mark.parametrize(
    ("text", "least"), [("", 0), ("word " * 100, 125), ("слово " * 100, 200), ("字" * 100, 100)]
)
def test_tokens_are_counted_rather_too_many(text: str, least: int) -> None:
    assert tokens_of(text) >= least


def test_words_that_are_no_text_are_counted_too() -> None:
    assert tokens_of("\ud800" * 9) >= 3
