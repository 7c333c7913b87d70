"""What people ask aloud of a format's course: sides, votes, preparation, points of order, hands, a moment."""

from __future__ import annotations

import pytest

from debate.attention import WAIT_SECONDS
from debate.decisions import Decision
from debate.events import Commanded, Uttered
from debate.formats import get_format
from debate.grammar import normalise
from debate.motions import read_motion
from memory import uuid7
from tests.unit.test_debate_attention import Scene, unasked
from tests.unit.test_debate_course import host, seated


@pytest.mark.parametrize(
    ("form", "words", "name", "args"),
    [
        ("oxford", "I vote for the motion", "vote", {"choice": "for"}),
        ("oxford", "I'm voting against", "vote", {"choice": "against"}),
        ("oxford", "my vote is undecided", "vote", {"choice": "undecided"}),
        ("oxford", "I am against the motion, please", "side", {"side": "against"}),
        ("world-schools", "I'll speak for the proposition", "side", {"side": "proposition"}),
        ("public-forum", "put me on the con side", "side", {"side": "con"}),
        ("public-forum", "can we have some prep time", "prepare", {}),
        ("public-forum", "preparation time for con", "prepare", {"side": "con"}),
        ("oxford", "point of order, he is over his time", "point", {"kind": "order"}),
        ("world-schools", "I have a point of information", "point", {}),
        ("world-schools", "I accept the point", "accept", {}),
        ("world-schools", "decline", "decline", {}),
        ("oxford", "I yield the rest of my time", "yield", {}),
        ("oxford", "start this part again", "again", {}),
        ("open-discussion", "I would like to raise my hand", "raise-hand", {}),
        ("open-discussion", "lower my hand", "lower-hand", {}),
        ("open-discussion", "wait a moment please", "wait", {}),
        ("open-discussion", "give us a second", "wait", {}),
    ],
)
def test_motions_are_understood_in_many_wordings(form, words, name, args):
    assert read_motion(normalise(words), get_format(form)) == (name, args)


@pytest.mark.parametrize(
    "words",
    [
        "start the debate", "I am sorry for that", "I want to speak", "what is the opposition's time",
        "how long do I have to wait", "do we have a vote", "what is the point of this", "give us two more minutes",
        "I am not for long speeches but I take the point that was made before by the other side",
    ],
)  # fmt: skip
def test_other_speech_moves_nothing(words):
    for form in ("open-discussion", "oxford"):
        assert read_motion(normalise(words), get_format(form)) is None


def said(room, who: str, words: str) -> tuple[Decision, ...]:
    found: tuple[Decision, ...] = room.does(
        Uttered(uuid7(), who, f"Moderator, {words}", room.at, room.at), 1.0
    )
    return found


def test_a_vote_by_voice_counts_and_is_not_told_aloud():
    room = seated("oxford")
    host(room, "start")
    found = said(room, "ana", "I vote for the motion.")
    assert [(one.kind, one.text) for one in found] == [("bell", "")]
    assert room.debate.voting.running is not None
    assert room.debate.voting.running.cast == {"ana": "for"}


def test_a_point_of_order_is_heard_at_once_in_anybodys_time():
    room = seated("lincoln-douglas")
    host(room, "start")
    found = said(room, "ben", "point of order.")
    assert [(one.kind, one.signal) for one in found] == [("announce", "command:point")]
    assert "Ben, your point of order" in found[0].text
    assert room.debate.point.made_by(room.at) == "ben"


def test_a_point_of_information_that_the_moderator_is_told_of_is_one_offer():
    room = seated("world-schools")
    host(room, "start")
    room.at += 90  # past the protected minute
    found = said(room, "ben", "point of information.")
    assert [one.kind for one in found if one.kind == "refuse"] == []
    assert (room.debate.point.by, room.debate.point.accepted_at) == ("ben", None)


def test_the_audience_makes_no_point_of_order():
    room = seated("lincoln-douglas")
    host(room, "start")
    refused = room.does(Commanded("eve", "point", {"kind": "order"}, "audience"))
    assert [one.kind for one in refused] == ["refuse"]
    assert room.debate.point.made_by(room.at) == ""


def test_hands_are_raised_and_lowered_by_the_pages_names():
    scene = Scene()
    scene.does(Commanded("ana", "hand"))
    assert scene.debate.people.queue == ["ana"]
    scene.does(Commanded("ana", "unhand"))
    assert scene.debate.people.queue == []


def test_whoever_is_asked_to_wait_waits_but_not_with_an_insult():
    scene = Scene()
    scene.talks("ana")
    assert [one.text for one in said(scene, "ana", "wait a moment.")] == ["Take your time."]
    assert scene.waits(WAIT_SECONDS - 20) == ()
    assert unasked(scene.talks("ben", "You are such a liar, Ana.")) == [("attack", "announce", "ben")]
