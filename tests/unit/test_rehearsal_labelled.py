"""Labelled debates: what a script says, when it happens, and what is wrong with one that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.places import REPOSITORY
from rehearsal.labelled import PASSAGE_SECONDS, LabelledDebateError, Speech, load_labelled

SCRIPT = """\
title: A car park
mood: calm
format: open-discussion
topic: Should the car park become a playground?
people: Ana (host, for), Ben, Cem (audience)
---
Ana: One two three four five six seven eight nine ten eleven twelve thirteen.
Ben +2 ~20: I have a long story about this. It ends well.
Cem -1: Hear, hear.
! may interruption Cem within 10: A heckle.
... 15
! must silence within 10: Nobody goes on.
* Cem raises a hand
! quiet 30: They think.
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "one.debate"
    path.write_text(text, encoding="utf-8")
    return path


def test_speeches_follow_one_another_with_the_gaps_that_are_given(tmp_path):
    script = load_labelled(written(tmp_path, SCRIPT))
    spans = [(one.who, round(one.start, 2), round(one.end, 2)) for one in script.speeches]
    assert spans == [("Ana", 0.5, 5.5), ("Ben", 7.5, 27.5), ("Cem", 26.5, 27.27)]
    assert [(one.name, one.role, one.side) for one in script.people] == [
        ("Ana", "host", "for"), ("Ben", "debater", ""), ("Cem", "audience", ""),
    ]  # fmt: skip
    assert script.seconds == pytest.approx(42.5)


def test_labels_count_from_the_end_of_what_stands_before_them(tmp_path):
    script = load_labelled(written(tmp_path, SCRIPT))
    assert [(one.kind, one.signal, one.who, one.start, one.end) for one in script.labels] == [
        ("may", "interruption", "Cem", 27.5, 37.5),
        ("must", "silence", "", 42.5, 52.5),
        ("quiet", "", "", 42.5, 72.5),
    ]
    assert script.of("must")[0].since == 27.5
    assert [(one.who, one.what, one.at) for one in script.deeds] == [("Cem", "raises a hand", 42.5)]


def test_every_mistake_is_named_with_its_line(tmp_path):
    text = (
        SCRIPT.replace("Cem -1", "Dora -1").replace("must silence", "must be-quiet").replace("mood", "moood")
    )
    with pytest.raises(LabelledDebateError) as refused:
        load_labelled(written(tmp_path, text))
    problems = str(refused.value)
    for what in (":2:", "lacks 'mood'", ":9: 'Dora'", ":12: is no label"):
        assert what in problems


def test_a_long_speech_is_heard_in_passages_of_whole_sentences():
    text = " ".join(f"This is sentence number {number} of a long speech." for number in range(20))
    passages = Speech("Ana", text, 10.0, 110.0).passages()
    assert " ".join(one.text for one in passages) == text
    assert passages[0].start == 10.0
    assert passages[-1].end == pytest.approx(110.0)
    assert all(one.end - one.start <= PASSAGE_SECONDS for one in passages)
    assert len(passages) > 3


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "tests" / "debates").glob("*/*.debate")), ids=lambda one: one.stem
)
def test_every_script_of_ours_can_be_read(path):
    script = load_labelled(path)
    assert script.seconds > 180
    assert script.of("may")
