"""What people agree on is noted once all who want to have joined in; a claim denied and upheld is asked about."""

from __future__ import annotations

import pytest

from debate.decisions import Decision
from debate.events import Commanded, HandRaised, Joined, SpeechEnded, SpeechStarted, Uttered
from debate.judgement import judge
from tests.unit.test_debate_attention import LONG, Scene, unasked

PLAN = "We could keep the hall and mend the roof with what the school pays us over the next five years"


@pytest.fixture
def scene() -> Scene:
    """Ana, Ben, Cem and Dee, at the end of a talk of a minute."""
    scene = Scene()
    scene.does(Joined("dee", "Dee"))
    for who in ("ana", "ben", "cem", "dee") * 2:
        scene.talks(who)
    return scene


def of(found: tuple[Decision, ...], signal: str) -> list[tuple[str, str]]:
    return [(kind, to) for name, kind, to in unasked(found) if name == signal]


def say(scene: Scene, *lines: tuple[str, str]) -> tuple[Decision, ...]:
    found: tuple[Decision, ...] = ()
    for who, words in lines:
        found += scene.talks(who, words, seconds=2.0)
    return found


def test_an_agreement_of_several_is_noted_and_whose_plan_it_is_puts_it_into_words(scene):
    scene.talks("ana", PLAN)
    found = say(scene, ("ben", "I'd vote for that."), ("cem", "So would I."), ("dee", "Aye. Agreed."))
    found += scene.waits(8)
    assert of(found, "agreement") == [("announce", "ana")]
    assert "agree" in found[-1].text
    assert "Ana" in found[-1].text


def test_bare_yeses_agree_where_somebody_asked_whether_that_is_it(scene):
    found = say(
        scene, ("ana", "Two days, and no fixed ones. Are we all for that?"), ("ben", "Yes."), ("cem", "Yes.")
    )
    assert of(found + scene.waits(8), "agreement") == [("announce", "ana")]


@pytest.mark.parametrize(
    "lines",
    [
        (("ben", "Yes."), ("cem", "Yeah, right."), ("dee", "Okay.")),
        (("ben", "I can live with that."), ("cem", "I am against it.")),
        (("ben", "So would I, if it were free?"), ("cem", "Would you agree to that?")),
    ],
)
def test_nods_one_voice_or_questions_are_no_agreement(scene, lines):
    scene.talks("ana", PLAN)
    assert of(say(scene, *lines) + scene.waits(8), "agreement") == []


def test_an_agreement_is_noted_once(scene):
    scene.talks("ana", PLAN)
    lines = (("ben", "I'd vote for that."), ("cem", "So would I."), ("dee", "Me too."))
    found = say(scene, *lines) + scene.waits(8) + say(scene, *lines) + scene.waits(8)
    assert len(of(found, "agreement")) == 1


CLAIM = "The failure rate doubled there, it went from twelve to twenty-five percent, I read it in the paper"


def test_a_claim_that_is_denied_and_upheld_is_asked_about_whatever_the_persona(scene):
    found = say(
        scene.under_way(),
        ("ana", CLAIM),
        ("ben", "No. No way, that's not true."),
        ("ana", "I read it in the paper."),
    )
    found += scene.waits(8)
    assert of(found, "claim") == [("announce", "ana")]
    assert found[-1].reason == "Ana claims what Ben denies."


@pytest.mark.parametrize(
    "lines",
    [
        (("ben", "That's not true."), ("ana", "Sorry, I was wrong about that.")),
        (("ben", "That's not true."), ("cem", "Let us talk about the trams and about who pays for them.")),
        (("ben", "I see what you mean by that."), ("ana", "I read it, it's in the paper.")),
    ],
)
def test_who_gives_way_is_not_denied_or_says_no_more_is_left_in_peace(scene, lines):
    assert of(say(scene, ("ana", CLAIM), *lines) + scene.waits(8), "claim") == []


def test_a_matter_of_taste_is_no_claim_that_could_be_looked_up(scene):
    found = say(
        scene,
        ("ana", "It is the finest tune of all."),
        ("ben", "That's not true."),
        ("ana", "It is, though."),
    )
    assert of(found + scene.waits(8), "claim") == []


def test_who_is_cut_off_in_the_middle_of_a_thought_gets_it_back(scene):
    at = scene.at
    scene.does(SpeechStarted("ana"), 0.5)
    scene.does(SpeechStarted("ben"), 9.0)
    scene.does(SpeechEnded("ana", 12.0), 3.0)
    words = "I need the two days when we plan the quarter with the whiteboard and then"
    found = scene.does(Uttered("cut", "ana", words, at, scene.at), 0.2)
    scene.does(SpeechEnded("ben", 7.0), 4.0)
    found += scene.does(
        Uttered("over", "ben", "That is how it starts, exactly how it starts.", at, scene.at), 0.2
    )
    found += scene.waits(2)
    assert of(found, "interruption") == [("announce", "ben")]


def test_a_hand_that_has_been_up_for_long_takes_the_next_change_of_speakers(scene):
    scene.does(HandRaised("dee"))
    found: tuple[Decision, ...] = ()
    for number in range(10):
        found += scene.says("ben" if number % 2 else "ana", LONG, seconds=5.0) + scene.waits(0.5)
    assert [(one.kind, one.addressed_to) for one in found if one.signal == "hand"] == [("give_floor", "dee")]


def test_wordings_of_assent_and_denial():
    assert judge("You have my vote.", []).assents == 2
    assert judge("Yes. I'm going to put it on a mug.", []).assents == 1
    assert judge("I don't think so, no.", []).assents == 0
    assert judge("There weren't nine hundred.", []).denies
    assert not judge("I would not go there on a Sunday.", []).denies
    assert judge("Is that right? Against that, anybody?", []).proposes


def test_a_commanded_debate_is_not_disturbed_by_agreement_in_somebodys_time():
    hall = Scene(form="world-schools")
    for who, side in (("ana", "proposition"), ("ben", "opposition")):
        hall.does(Commanded(who, "side", {"side": side}))
    hall.does(Commanded("ana", "start"))
    found = say(hall, ("ana", PLAN), ("ben", "I'd vote for that."), ("cem", "So would I."))
    assert of(found + hall.waits(8), "agreement") == []
    hall.does(Commanded("ana", "end", role="host"))
    assert of(hall.waits(8), "agreement") == []
