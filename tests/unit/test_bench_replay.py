"""Replays: a debate of the past in virtual time, its decisions and what is measured of them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.moderation import answers, judge
from bench.replay import JUDGED_SECONDS, events_of, gini, main, play, read_lines
from debate.events import Event, Joined, Judged, Uttered
from debate.view import DebateView
from personas.registry import load_registry
from rehearsal.labelled import Speech, load_labelled

LINES = [
    {"speaker": "Ana", "start": 0.0, "end": 6.0, "text": "Cars need far too much space in a city."},
    {
        "speaker": "Mo",
        "start": 7.0,
        "end": 9.0,
        "text": "Ben, your answer?",
        "role": "moderator",
        "act": "instruction",
    },
    {"speaker": "Ben", "start": 10.0, "end": 14.0, "text": "You are such a liar, Ana."},
    {"speaker": "Ana", "start": 15.0, "end": 19.0, "text": "Moderator, how much time is left?"},
]


def written(folder: Path, text: str) -> Path:
    path = folder / "debate.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


def options(file: Path, out: Path, **changed: object) -> argparse.Namespace:
    given = {
        "persona": "neutral-facilitator",
        "format": "",
        "topic": "Cars",
        "without_moderator": True,
        "llm": "local",
    }
    return argparse.Namespace(file=str(file), out=str(out), **(given | changed))


def test_a_replay_writes_its_decisions_and_what_was_measured(tmp_path):
    file = written(tmp_path, "\n".join(json.dumps(line) for line in LINES))
    assert main(options(file, tmp_path / "out.json")) == 0
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [(one["signal"], one["addressed_to"]) for one in found["decisions"]] == [
        ("attack", "ben"), ("command:time", "ana"),
    ]  # fmt: skip
    measured = found["measured"]
    assert set(measured) == {
        "word_share", "interventions_per_minute", "unasked_per_minute", "gini", "human_moments_met",
    }  # fmt: skip
    assert measured["human_moments_met"] == 1.0
    assert 0 < measured["word_share"] < 1


def test_a_judgement_of_a_batch_comes_into_a_replay_some_seconds_after_it():
    personas = load_registry()
    asked: list[tuple[float, list[str], list[str]]] = []

    def judge(view: DebateView, before: Sequence[Uttered], batch: Sequence[Uttered]) -> list[Judged]:
        asked.append((view.elapsed, [one.text for one in before], [one.text for one in batch]))
        return [Judged(one.utterance_id, one.identity, attack="wife" in one.text) for one in batch]

    words = ("Nobody needs a second car in the city.", "Your wife would say so, with her bad eyes.")
    speeches = [
        Speech("Ana", words[0], 0.0, 4.0),
        Speech("Ben", words[1], 5.0, 9.0),
        Speech("Ana", words[0], 20.0, 24.0),
    ]
    events: list[tuple[float, Event]] = [(0.0, Joined(who, who.capitalize())) for who in ("ana", "ben")]
    events = sorted([*events, *events_of(speeches)], key=lambda item: item[0])
    persona = personas.get("neutral-facilitator")
    played = play(events, "Cars", persona, "open-discussion", personas, 40.0, judge)
    assert [(before, batch) for _, before, batch in asked] == [([], list(words)), (list(words), [words[0]])]
    assert [(one.signal, one.kind, one.addressed_to) for one in played.decisions[:1]] == [
        ("attack", "nudge", "ben")
    ]
    assert played.decisions[0].at == pytest.approx(asked[0][0] + JUDGED_SECONDS, abs=0.5)


def test_without_a_language_model_a_replay_says_how_to_get_one(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LLM_CHAIN", "local")
    file = written(tmp_path, json.dumps(LINES[0]))
    assert main(options(file, tmp_path / "out.json", llm="chain")) == 2
    assert "set LLM_CHAIN and a key" in capsys.readouterr().err


def test_a_replay_is_the_same_every_time(tmp_path):
    file = written(tmp_path, "\n".join(json.dumps(line) for line in LINES))
    for name in ("one.json", "two.json"):
        main(options(file, tmp_path / name))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_human_moderators_turns_are_somebodys_speech_or_left_out(tmp_path):
    file = written(tmp_path, "\n".join(json.dumps(line) for line in LINES))
    assert [one.who for one in read_lines(file, without_moderator=False)[0]] == ["Ana", "Mo", "Ben", "Ana"]
    speeches, moderated = read_lines(file, without_moderator=True)
    assert [one.who for one in speeches] == ["Ana", "Ben", "Ana"]
    assert [turn["act"] for turn in moderated] == ["instruction"]


def test_a_line_that_is_no_turn_is_named(tmp_path, capsys):
    file = written(tmp_path, json.dumps(LINES[0]) + '\n{"speaker": "Ben"}\n')
    assert main(options(file, tmp_path / "out.json")) == 2
    assert "debate.jsonl:2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "expected"), [([], 0.0), ([3, 3, 3], 0.0), ([0, 0, 9], 2 / 3), ([1, 3], 0.25)]
)
def test_gini_is_nought_for_equals(values, expected):
    assert gini(values) == pytest.approx(expected)


SCRIPT = """\
title: A car park
mood: heated
format: open-discussion
topic: Should the car park become a playground?
people: Ana, Ben, Cem
---
Ana: One two three four five six seven eight nine ten eleven twelve thirteen.
Ben +1: You are such a liar, Ana.
! must attack Ben within 8: An open insult.
Cem +3: Let us go on with the playground then, shall we, all of us.
! quiet 10: Nothing is wrong.
Ana +1: And you are an idiot, Cem.
"""


def test_decisions_are_held_against_the_labels(tmp_path):
    path = tmp_path / "one.debate"
    path.write_text(SCRIPT, encoding="utf-8")
    judged = judge(load_labelled(path), load_registry().get("neutral-facilitator"))
    assert [label.signal for label in judged.met] == ["attack"]
    assert judged.missed == []
    assert [one.addressed_to for one in judged.wrong] == ["ana"]
    assert [label.kind for label, _ in judged.broken] == ["quiet"]
    assert not answers(judged.met[0], judged.wrong[0])
