"""What matters of a debate: by wording and by counting, word for word; and how the next debate opens with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from debate.matters import LEAST_WORDS, OF_A_KIND, kind_of, matters_of
from memory import DebateRecord, Journal, Record, previous_words, uuid7


@dataclass(frozen=True)
class Line:
    identity: str
    text: str
    start: float
    end: float

    @property
    def id(self) -> str:
        return f"{self.identity}{self.start:g}"


def spoken(*lines: tuple[str, str]) -> list[Line]:
    return [
        Line(identity, text, 10.0 * index, 10.0 * index + 8) for index, (identity, text) in enumerate(lines)
    ]


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("I'll send everybody the Dunkirk report tomorrow.", "promised"),
        ("I will bring the figures next time.", "promised"),
        ("I promise to ask the council about it.", "promised"),
        ("Next week we'll look at the budget.", "promised"),
        ("I'll ring him tomorrow, I've got his number.", "promised"),
        ("I will never vote for that next week.", None),
        ("I will show that trams are cheaper.", None),
        ("You're right, that's not nothing.", "conceded"),
        ("You're right about the cost.", "conceded"),
        ("Okay, I'll give you that.", "conceded"),
        ("I was wrong on the numbers.", "conceded"),
        ("then i withdraw what i said about mandatory", "conceded"),
        ("a trial i could accept if small shops are in it", "conceded"),
        ("She has a point.", "conceded"),
        ("That's fair.", "conceded"),
        ("I admit nothing of the sort.", None),
        ("I do not admit that.", None),
        ("Would you concede that?", None),
        ("If I was wrong, show me.", None),
        ("We all agree that children come first.", "agreed"),
        ("So we are agreed.", "agreed"),
        ("I agree with Ben on that.", "agreed"),
        ("I don't agree with Ben.", None),
        ("We will never agree on that.", None),
        ("Trams are cheaper than buses.", None),
    ],
)
def test_concessions_agreements_and_promises_are_told_by_their_wording(
    sentence: str, kind: str | None
) -> None:
    assert kind_of(sentence) == kind


def test_what_matters_is_somebodys_own_words_and_bounded() -> None:
    lines = spoken(
        ("ana", "Night trams would bring the workers of the hospital home safely."),
        ("ben", "Short."),
        ("ben", "Night trams cost the city more than the hospital earns in a year."),
        ("ana", "Moderator, I promise to tell you the time."),
        *(("ana", f"I was wrong about number {number}.") for number in range(OF_A_KIND + 2)),
        ("ben", "Who exactly would pay for the drivers of night trams?"),
    )
    found = matters_of(lines)
    assert [(one.kind, one.identity) for one in found[:2]] == [("position", "ana"), ("position", "ben")]
    conceded = [one.text for one in found if one.kind == "conceded"]
    assert conceded == [f"I was wrong about number {number}." for number in range(2, OF_A_KIND + 2)]
    assert "promised" not in [one.kind for one in found]
    assert found[-1].kind == "open"
    texts = {line.id: line.text for line in lines}
    assert all(one.text in texts[one.said] for one in found)
    assert all(len(texts[one.said].split()) >= LEAST_WORDS for one in found if one.kind == "position")
    assert matters_of([]) == ()


async def a_debate(journal: Journal, topic: str, at: float, *said: tuple[str, str]) -> DebateRecord:
    debate = DebateRecord(uuid7(), "hall", topic, "neutral-facilitator", "open-discussion", at)
    await journal.open_debate(debate)
    joined: list[dict[str, Any]] = [
        {"type": "joined", "identity": one, "name": one.title() + "\nX", "role": "debater"}
        for one in dict.fromkeys(identity for identity, _ in said)
    ]
    uttered: list[dict[str, Any]] = [
        {"type": "uttered", "utterance_id": line.id, "identity": line.identity, "text": line.text,
         "start": line.start, "end": line.end}
        for line in spoken(*said)
    ]  # fmt: skip
    await journal.append(
        [Record(uuid7(), debate.debate_id, "event", at, data) for data in (*joined, *uttered)]
    )
    return debate


async def test_a_debate_begins_with_what_matters_of_the_last_ones(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    await a_debate(
        journal, "Parks", 1795435200.0,
        ("cem", "We all agree that the park stays open at night."), ("ana", "You're right about the lamps."),
    )  # fmt: skip
    await a_debate(
        journal, "Night trams", 1795521600.0,
        ("ana", "Night trams would bring the workers of the hospital home."),
        ("ben", "I'll send everybody the report on costs tomorrow."),
    )  # fmt: skip
    recall = await previous_words(journal, "hall")
    await journal.aclose()
    said = recall.sentence()
    assert said.startswith("Last time here you spoke about Night trams, with ")
    assert said.endswith("said: I'll send everybody the report on costs tomorrow.")
    assert "\n" not in said
    page = recall.page().splitlines()
    assert page[0] == "Night trams (24 November 2026), with Ana X, Ben X"
    assert "Promised: Ben X: “I'll send everybody the report on costs tomorrow.”" in page
    assert page[-2:] == [
        "Parks (23 November 2026), with Cem X, Ana X",
        "Agreed: Cem X: “We all agree that the park stays open at night.”",
    ]
    assert "Conceded" not in recall.page()  # of older debates only what binds people
    assert "Promised: Ben X" in recall.briefing()


async def test_a_long_promise_is_for_the_page_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    promise = "I promise to " + "bring the figures and " * 8 + "the report."
    await a_debate(journal, "Trams.", 1795521600.0, ("ana", promise))
    recall = await previous_words(journal, "hall")
    await journal.aclose()
    assert "promise" not in recall.sentence()
    assert "Promised" in recall.page()
