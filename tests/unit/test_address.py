"""The moderator hears when it is spoken to, and keeps silent when it is only spoken of."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from debate.address import find_address, looks_unfinished, sounds_finished

FOLDER = Path(__file__).parent.parent / "debates" / "address"
NAMES = ("Ana", "Ben", "Chidi", "Dora")
# (file, least recall, least precision); the heard ones are what Moonshine tiny made of the local voice.
FIXTURES = [
    ("tuned", 0.99, 0.99),
    ("held_out", 0.95, 0.97),
    ("heard_tuned", 0.85, 0.98),
    ("heard_held_out", 0.78, 0.95),
]


def _lines(name: str) -> tuple[list[str], list[str]]:
    data = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return data["to"], data["of"]


def _bare(line: str) -> str:
    return "".join(char for char in line.lower() if char.isalnum() or char in " '").strip()


def _hold(to: list[str], of: list[str], least_recall: float, least_precision: float) -> None:
    missed = [line for line in to if find_address(line, NAMES) is None]
    false = [line for line in of if find_address(line, NAMES) is not None]
    hits = len(to) - len(missed)
    assert hits / len(to) >= least_recall, missed
    assert hits / (hits + len(false)) >= least_precision, false


@pytest.mark.parametrize(("name", "least_recall", "least_precision"), FIXTURES)
def test_labelled_lines_are_told_apart(name, least_recall, least_precision):
    _hold(*_lines(name), least_recall, least_precision)


@pytest.mark.parametrize(
    ("name", "least_recall", "least_precision"), [("tuned", 0.95, 0.97), ("held_out", 0.85, 0.95)]
)
def test_lines_without_punctuation_and_case_are_told_apart(name, least_recall, least_precision):
    to, of = ([_bare(line) for line in lines] for lines in _lines(name))
    _hold(to, of, least_recall, least_precision)


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("Moderator, how much time is left?", "how much time is left?"),
        ("I think that is wrong. Moderator, what do you say?", "what do you say?"),
        ("Could you summarise that, Sage?", "Could you summarise that"),
        ("Moderator.", ""),
        ("Hey Sage who has the floor", "who has the floor"),
        ("time keeper, how long have I", "how long have I"),
        ("Thank you moderator. How much time do I have?", "How much time do I have?"),
    ],
)
def test_the_question_is_what_is_left_without_the_address(line, rest):
    address = find_address(line, NAMES)
    assert address is not None
    assert address.rest == rest


def test_a_person_called_sage_is_no_moderator():
    assert find_address("Sage, who has the floor?", ["Sage", "Ben"]) is None
    assert find_address("Moderator, who has the floor?", ["Sage", "Ben"]) is not None


def test_a_persons_name_is_never_taken_for_a_misheard_sage():
    assert find_address("Paige, what do you think?", ["Paige", "Ben"]) is None


@pytest.mark.parametrize(
    "text",
    ["Moderator.", "and then we", "because", "So, Moderator,", "taxes are too high and", "we need the"],
)
def test_unfinished_utterances_are_waited_for(text):
    assert looks_unfinished(text)


@pytest.mark.parametrize(
    "text",
    ["", "I am done.", "What are you looking at?", "Moderator, who has the floor?", "Thank you, Sage."],
)
def test_finished_utterances_are_not_waited_for(text):
    assert not looks_unfinished(text)


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("Moderator, who has the floor", True),
        ("Sage how much time is left.", True),
        ("Could you summarise that, moderator?", True),
        ("Moderator, is that fair?", True),
        ("Sage, who has the floor,", True),
        ("Moderator", False),
        ("Moderator,", False),
        ("Moderator, who has the", False),
        ("Moderator, who has the,", False),
        ("Who has the floor", False),
        ("The moderator said who has the floor", False),
    ],
)
def test_a_whole_request_sounds_finished(text: str, finished: bool) -> None:
    assert sounds_finished(text) is finished


@pytest.mark.parametrize(
    ("line", "called"),
    [
        ("Moditer, what can you do?", True),
        ("Mediator, who has the floor?", True),
        ("The mediator was late for the talks.", False),
        ("A good mediator, I think, would listen.", False),
        ("Meditation is what can help you.", False),
    ],
)
def test_a_call_with_a_syllable_swallowed_is_a_call_where_nothing_else_fits(line: str, called: bool) -> None:
    assert (find_address(line, NAMES) is not None) is called
