"""When the moderator speaks up unasked, and when it does not: one small scene a rule."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from debate.decisions import Decision
from debate.events import Commanded, Joined, Judged, ModeratorSpoke, SpeechEnded, SpeechStarted, Tick, Uttered
from debate.judgement import judge
from debate.policy import GAP_SECONDS, OPENING_SECONDS
from debate.signals import QUIET_SECONDS
from tests.unit.test_debate import Room

LONG = "I want to say something about the buses in this city and about who is paying for them in the end"


class Scene(Room):
    """A room in which time passes tick by tick."""

    def waits(self, seconds: float) -> tuple[Decision, ...]:
        found: tuple[Decision, ...] = ()
        for _ in range(round(seconds / 0.25)):
            found += self.does(Tick(), 0.25)
        return found

    def under_way(self) -> Scene:
        """As though people had said where they stand."""
        self.debate.attention.policy.began_at = -OPENING_SECONDS
        return self

    def talks(self, who: str, text: str = LONG, seconds: float = 6.0) -> tuple[Decision, ...]:
        """Says something, and leaves the pause of a breath behind it."""
        return self.says(who, text, seconds=seconds) + self.waits(1.0)


def unasked(found: Sequence[Decision]) -> list[tuple[str, str, str]]:
    return [(one.signal, one.kind, one.addressed_to) for one in found]


@pytest.fixture
def scene() -> Scene:
    return Scene()


# -- attacks -----------------------------------------------------------------------------------------------------


def test_an_open_insult_is_answered_aloud_at_once(scene):
    found = scene.talks("ben", "You are such a liar, Ana.", seconds=2.0)
    assert unasked(found) == [("attack", "announce", "ben")]
    assert found[0].urgency == "safety"
    assert "Ben" in found[0].text


@pytest.mark.parametrize(
    "words",
    [
        "That is a stupid idea, and it has always been a stupid idea.",
        "My neighbour called me an idiot for saying so.",
        "I am not saying that you are a liar, Ana.",
        "He said you are a liar, and I told him to stop.",
        "What an utterly ridiculous law that was.",
        "You are hurting nobody with it, and you are ignoring the failure of the trams.",
    ],
)
def test_hard_words_about_an_argument_and_reported_insults_are_no_attack(scene, words):
    assert unasked(scene.talks("ben", words)) == []


def test_a_veiled_attack_is_met_in_private_first_and_aloud_when_it_happens_again(scene):
    first = scene.talks("ben", "People like you always talk about money, Ana.")
    assert unasked(first) == [("attack", "nudge", "ben")]
    scene.talks("ana")
    assert unasked(scene.talks("ben", "What would you know about it?")) == [("attack", "announce", "ben")]


# -- balance -----------------------------------------------------------------------------------------------------


def dominate(scene: Scene, seconds: float) -> tuple[Decision, ...]:
    found: tuple[Decision, ...] = ()
    for number in range(round(seconds / 20)):
        found += scene.talks("ana", seconds=18.0)
        found += scene.talks("cem" if number % 2 else "ben", "I see what you mean by that.", seconds=2.0)
    return found


def test_whoever_dominates_is_told_in_private_then_another_is_invited_aloud(scene):
    found = [one for one in dominate(scene, 260) if one.signal == "dominance"]
    assert unasked(found[:1]) == [("dominance", "nudge", "ana")]
    assert found[1].kind == "announce"
    assert found[1].addressed_to in ("ben", "cem")
    assert found[1].addressed_to.capitalize() in found[1].text
    assert found[1].at - found[0].at >= 45


def test_two_minutes_of_talk_are_needed_before_a_share_says_anything(scene):
    assert unasked(dominate(scene, 100)) == []


def test_a_quiet_person_is_asked_in_private_first(scene):
    found: tuple[Decision, ...] = ()
    for number in range(48):
        found += scene.talks("ben" if number % 2 else "ana")
    assert unasked(found)[:1] == [("quiet", "nudge", "cem")]
    assert found[0].at > QUIET_SECONDS


@pytest.mark.parametrize(
    "words",
    ["I am sure that everyone around this table sees it.", "And what Cem does all day is not known to me."],
)
def test_a_quiet_person_is_asked_aloud_where_they_are_just_spoken_of(scene, words):
    for number in range(26):
        assert scene.talks("ben" if number % 2 else "ana") == ()
    found = scene.talks("ana", words)
    found += scene.waits(3)
    assert unasked(found) == [("quiet", "announce", "cem")]
    assert found[0].at < QUIET_SECONDS


def test_a_long_answer_that_was_asked_for_is_no_dominance(scene):
    for _ in range(4):
        scene.talks("ben", "How did that come about, in your own words?", seconds=3.0)
        assert unasked(scene.talks("ana", seconds=45.0)) == []


def test_whoever_dominates_is_told_at_the_end_of_a_turn(scene):
    dominate(scene, 100)
    found = scene.talks("ana", seconds=40.0)
    found += scene.waits(2)
    assert unasked(found) == [("dominance", "nudge", "ana")]
    assert found[0].at >= scene.at - 3.5  # with its last word


def test_nobody_is_nudged_while_somebody_thinks(scene):
    for number in range(44):
        scene.talks("ben" if number % 2 else "ana")
    scene.says("ana", "Let me think about that.")
    assert scene.waits(40) == ()


def test_a_moment_to_think_is_granted(scene):
    scene.says("ana", "Let me think about that for a moment.")
    assert scene.waits(40) == ()
    assert unasked(scene.waits(20))[:1] == [("silence", "announce", "ben")]


# -- interruptions -----------------------------------------------------------------------------------------------


def cut_off(scene: Scene, by: str, whom: str) -> tuple[Decision, ...]:
    found = scene.does(SpeechStarted(whom), 0.5)
    found += scene.does(SpeechStarted(by), 4.0)
    found += scene.does(SpeechEnded(whom, 5.0), 1.0)
    found += scene.does(SpeechEnded(by, 8.0), 7.0)
    return found + scene.waits(1.0)


def test_several_who_cut_each_other_off_are_slowed_down_whoever_they_are(scene):
    found: tuple[Decision, ...] = scene.does(SpeechStarted("ana"), 0.5)
    for before, after in itertools.pairwise(("ana", "ben", "cem", "ana")):
        found += scene.does(SpeechStarted(after), 4.0)
        found += scene.does(SpeechEnded(before, 5.0), 1.5)
    assert found == ()
    found = scene.does(SpeechEnded("ana", 5.0), 3.0) + scene.waits(1.0)
    assert unasked(found) == [("interruption", "announce", "ana")]


def test_where_no_pause_comes_the_next_change_of_speakers_is_taken(scene):
    cut_off(scene, "ben", "ana")
    scene.does(SpeechStarted("ana"), 0.5)
    scene.does(SpeechStarted("ben"), 4.0)
    scene.does(SpeechEnded("ana", 5.0), 1.0)
    early = scene.does(SpeechEnded("ben", 3.0), 2.0)
    assert early == ()  # he has only just stopped; a breath is no pause
    scene.does(SpeechStarted("ben"), 0.3)
    assert scene.waits(5.0) == ()  # never over somebody's words
    assert unasked(scene.does(SpeechEnded("ben", 5.0), 0.1)) == [("interruption", "announce", "ben")]


def test_one_interruption_happens_to_everybody_and_the_second_is_one_too_many(scene):
    assert unasked(cut_off(scene, "ben", "ana")) == []
    found = cut_off(scene, "ben", "ana")
    assert unasked(found) == [("interruption", "announce", "ben")]
    assert "Ana" in found[0].text


def test_whoever_asks_to_be_let_finish_is_helped(scene):
    cut_off(scene, "ben", "ana")
    assert unasked(scene.talks("ana", "May I finish my sentence, please?", seconds=2.0)) == [
        ("interruption", "announce", "ben")
    ]


def test_a_short_yes_over_somebody_is_no_interruption(scene):
    for _ in range(4):
        found = scene.does(SpeechStarted("ana"), 0.5)
        found += scene.does(SpeechStarted("ben"), 3.0)
        found += scene.does(SpeechEnded("ben", 0.6), 0.6)
        found += scene.does(SpeechEnded("ana", 9.0), 5.0)
        assert unasked(found + scene.waits(1.0)) == []


# -- the rules above all personas --------------------------------------------------------------------------------


def test_two_unasked_interventions_are_a_while_apart(scene):
    found = [one for one in dominate(scene, 400) if one.signal in ("dominance", "quiet", "silence")]
    assert len(found) > 2
    assert min(later.at - earlier.at for earlier, later in itertools.pairwise(found)) >= GAP_SECONDS


def test_whoever_was_told_to_be_quiet_speaks_of_attacks_only(scene):
    scene.does(Commanded("ana", "quiet"))
    assert unasked(dominate(scene, 260)) == []
    assert unasked(scene.talks("ben", "You are an idiot, Ana.")) == [("attack", "announce", "ben")]


def test_a_moderator_that_has_had_its_share_of_the_words_asks_nothing_more(scene):
    talkative, listening = (Scene(persona="topic-expert").under_way() for _ in range(2))
    talkative.does(ModeratorSpoke("word " * 80, 0.0, 30.0))
    claim = "Ninety percent of all children would use it every day."
    assert unasked(listening.talks("ana", claim)) == [("claim", "announce", "ana")]
    assert unasked(talkative.talks("ana", claim)) == []


def test_only_the_devils_advocate_provokes_and_says_who_it_is(scene):
    claim = "Ninety percent of all children would use it every day."
    advocate = Scene(persona="devils-advocate").under_way()
    found = advocate.talks("ana", claim)
    assert [one.signal for one in found] == ["provoke"]
    assert "devil's advocate" in found[0].text
    assert unasked(advocate.talks("ben", claim)) == []
    assert unasked(scene.under_way().talks("ana", claim)) == []
    assert unasked(Scene(persona="time-keeper").under_way().talks("ana", claim)) == []


def test_nothing_is_asked_of_the_content_while_people_say_where_they_stand():
    claim = "Ninety percent of all children would use it every day."
    expert = Scene(persona="topic-expert")
    assert unasked(expert.talks("ana", claim)) == []
    assert [one[0] for one in unasked(expert.under_way().talks("ben", claim))] == ["claim"]


# -- questions passed over -------------------------------------------------------------------------------------------


def test_a_question_that_three_others_pass_over_is_put_again(scene):
    scene.talks("ana", "Ben, what would it cost per year?", seconds=2.0)
    found: tuple[Decision, ...] = ()
    for who in ("cem", "ana", "cem"):
        found += scene.talks(who)
    assert unasked(found) == [("unanswered", "announce", "ben")]
    assert "Ana" in found[0].text


def test_a_question_that_was_answered_is_not(scene):
    scene.talks("ana", "Ben, what would it cost per year?", seconds=2.0)
    scene.talks("ben", "About a million, I should think.")
    for who in ("cem", "ana", "cem"):
        assert unasked(scene.talks(who)) == []


PUT_AGAIN = "Sure, but what would you say to the people who ride them at night?"


@pytest.mark.parametrize(
    ("answer", "put_again"),
    [
        ("My grandmother had a lovely garden, and in that garden there was a pond with a frog.", True),
        ("Yes, I have thought about that for a long time, and it is not easy at all.", False),
        ("I would tell the people at night that there will be a bus for them.", False),
        ("Ask me something easier.", False),
    ],
)
def test_a_question_put_twice_is_asked_after_where_the_answer_was_an_evasion(scene, answer, put_again):
    scene.talks("ben", "We could save a lot of money if the last of them were at ten.")
    assert unasked(scene.talks("ana", PUT_AGAIN, seconds=3.0)) == []
    found = unasked(scene.talks("ben", answer))
    assert found == ([("unanswered", "announce", "ben")] if put_again else [])


# -- what a language model judges ------------------------------------------------------------------------------------


def test_an_attack_that_only_a_model_sees_is_a_private_matter(scene):
    scene.talks("ben", "With one child one cannot see the whole of it, Ana.")
    assert unasked(scene.does(Judged("u", "ben", attack=True), 3.0)) == [("attack", "nudge", "ben")]


def test_a_model_that_sees_what_the_wording_showed_says_nothing_new(scene):
    assert unasked(scene.talks("ben", "What would you know about it?")) == [("attack", "nudge", "ben")]
    assert scene.does(Judged("u", "ben", attack=True), 3.0) + scene.waits(5) == ()


def test_talk_has_strayed_where_several_judgements_of_two_people_say_so(scene):
    scene.waits(130)
    for who, strayed in (("ana", True), ("ben", False), ("ana", True), ("ben", True), ("ana", True)):
        scene.talks(who)
        assert scene.does(Judged("u", who, strayed=strayed), 0.1) == ()
    scene.talks("ben")
    found = scene.does(Judged("u", "ben", strayed=True), 0.1) + scene.waits(1.0)
    assert unasked(found) == [("drift", "announce", "")]


def test_words_alone_suggest_to_the_host_that_the_talk_has_strayed(scene):
    for who in ("ana", "ben", "cem") * 10:
        scene.talks(who)
    scene.does(Joined("hal", "Hal", "host"))
    other = (
        "My grandmother's apricot dumplings needed curd cheese, semolina, breadcrumbs, butter, cinnamon",
        "Ours were steamed with plum compote, vanilla sugar, poppy seeds and melted chocolate",
        "Nutmeg, cardamom, saffron threads, rosewater and pistachios belong in every decent dessert kitchen",
        "Copper pans conduct warmth evenly while enamel cracks whenever somebody drops heavy ladles",
    )
    found: tuple[Decision, ...] = ()
    for number, words in enumerate(other * 2):
        found += scene.talks("ben" if number % 2 else "ana", words, seconds=9.0)
    assert unasked(found)[:1] == [("drift", "nudge", "hal")]
    assert not [one for one in found if one.signal == "drift" and one.kind == "announce"]


def test_a_question_that_a_model_sees_evaded_is_put_again(scene):
    scene.talks("ben")
    found = scene.does(Judged("u", "ben", owes="ben", asked_by="ana"), 0.1) + scene.waits(1.0)
    assert unasked(found) == [("unanswered", "announce", "ben")]


@pytest.mark.parametrize(
    "judged",
    [
        Judged("u", "nobody", attack=True, strayed=True, claim=True),
        Judged("u", "ben", owes="nobody", asked_by="ana"),
        Judged("u", "ben", owes="ana", asked_by="ana"),
    ],
)
def test_a_judgement_of_people_who_are_not_here_is_none(scene, judged):
    assert scene.does(judged, 3.0) + scene.waits(2.0) == ()


# -- protected time ---------------------------------------------------------------------------------------------------


@pytest.fixture
def hall() -> Scene:
    """World Schools: Ana for the proposition, Ben for the opposition, Cem chairs."""
    scene = Scene(form="world-schools")
    scene.does(Joined("cem", "Cem", "host"))
    for who, side in (("ana", "proposition"), ("ben", "opposition")):
        scene.does(Commanded(who, "side", {"side": side}))
    scene.does(Commanded("cem", "start", role="host"))
    return scene


def test_whoever_has_the_floor_and_does_not_begin_is_asked_to(hall):
    assert unasked(hall.waits(9.0)) == []
    assert unasked(hall.waits(3.0)) == [("begin", "announce", "ana")]


def test_a_word_in_anothers_speech_is_none_but_a_speech_is_cut_in_on_and_its_time_given_back(hall):
    hall.does(SpeechStarted("ana"), 1.0)
    hall.waits(70.0)
    hall.does(SpeechStarted("ben"))
    assert unasked(hall.waits(1.0)) == []
    hall.does(SpeechEnded("ben", 1.0))
    left = hall.debate.clock.remaining(hall.at)
    hall.does(SpeechStarted("ben"))
    found = hall.waits(6.0)
    assert unasked(found) == [("floor", "cut_in", "ben")]
    assert found[0].urgency == "safety"
    returned = hall.does(SpeechEnded("ben", 6.0))
    assert unasked(returned) == [("time:returned", "bell", "ana")]
    assert hall.debate.clock.remaining(hall.at) == pytest.approx(left)


def test_the_chair_is_never_out_of_turn(hall):
    hall.does(SpeechStarted("ana"), 1.0)
    hall.does(SpeechStarted("cem"), 5.0)
    assert unasked(hall.waits(8.0)) == []


def says_shortly(hall: Scene, who: str, text: str) -> tuple[Decision, ...]:
    found = hall.does(SpeechStarted(who), 0.3) if who != "ana" else ()
    hall.said += 1
    found += hall.does(Uttered(f"p{hall.said}", who, text, hall.at, hall.at + 1.0), 1.0)
    return found + (hall.does(SpeechEnded(who, 1.0)) if who != "ana" else ())


def test_a_point_of_information_is_offered_and_taken_by_voice_and_over_after_fifteen_seconds(hall):
    hall.does(SpeechStarted("ana"), 1.0)
    hall.waits(90.0)
    says_shortly(hall, "ben", "On a point of information.")
    says_shortly(hall, "ana", "Yes, please.")
    hall.does(SpeechStarted("ben"), 0.5)
    assert unasked(hall.waits(14.0)) == []
    found = hall.waits(4.0)
    assert [(one.signal, one.kind) for one in found] == [("point:over", "cut_in")]


def test_a_point_in_protected_time_is_none(hall):
    hall.does(SpeechStarted("ana"), 1.0)
    hall.waits(10.0)
    says_shortly(hall, "ben", "On a point of information.")
    assert hall.debate.point.by == ""
    refused = hall.does(Commanded("ben", "point"))
    assert [one.kind for one in refused] == ["refuse"]


def test_a_point_offered_on_the_page_is_told_to_the_speaker_in_private(hall):
    hall.does(SpeechStarted("ana"), 1.0)
    hall.waits(90.0)
    found = hall.does(Commanded("ben", "point")) + hall.waits(0.5)
    assert [(one.signal, one.kind, one.addressed_to) for one in found] == [
        ("command:point", "bell", ""), ("point:offered", "nudge", "ana"),
    ]  # fmt: skip
    hall.does(Commanded("ana", "decline"))
    assert hall.debate.point.by == ""


def test_the_next_part_begins_by_itself_once_the_time_is_over_and_a_hosts_next_is_not_one_too_many(hall):
    hall.does(SpeechStarted("ana"), 1.0)
    hall.waits(481.0)
    hall.does(SpeechEnded("ana", 480.0))
    found = hall.waits(5.0)
    assert [(one.signal, one.addressed_to) for one in found] == [("time:next", "ben")]
    refused = hall.does(Commanded("cem", "next", role="host"), 1.0)
    assert [one.kind for one in refused] == ["refuse"]
    assert hall.debate.clock.index == 1


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("Look, 40% of all cars in this town stand still.", True),
        ("They have paid €3,000 for every single tree out there.", True),
        ("The bridge will have cost $4 million when it opens.", True),
        ("There were 40 of us in this very room.", False),
    ],
)
def test_figures_as_recognisers_write_them_are_claims(text: str, claims: bool) -> None:
    assert judge(text, ()).claim is claims
