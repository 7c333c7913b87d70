"""The course of a timed format: sides, parts, preparation, bells, votes and ballots."""

from __future__ import annotations

import pytest

from debate.clock import Clock
from debate.debate import Debate
from debate.decisions import Decision
from debate.events import Commanded, HandRaised, Joined, Left, SpeechEnded, SpeechStarted, Tick
from debate.formats import get_format, load_formats
from debate.votes import UNDECIDED, Vote, ballot_of, result_said, swing, verdict_said
from tests.unit.test_debate import PERSONAS, Room


def host(room: Room, name: str, **args: str) -> tuple[Decision, ...]:
    return room.does(Commanded("cem", name, args, "host"))


def seated(form: str) -> Room:
    """Ana and Ben on the two sides of a format, Cem is its host."""
    room = Room(form)
    room.does(Joined("cem", "Cem", "host"))
    for who, side in zip(("ana", "ben"), get_format(form).sides, strict=False):
        room.does(Commanded(who, "side", {"side": side}))
    return room


# -- sides -------------------------------------------------------------------------------------------------------


def test_sides_are_balanced_where_nobody_chose():
    room = Room("public-forum")
    room.does(Joined("cem", "Cem", "host"))
    room.does(Commanded("ben", "side", {"side": "Pro"}))
    host(room, "start")
    assert {one.identity: one.side for one in room.debate.people.known.values()} == {
        "ana": "con", "ben": "pro", "cem": "",
    }  # fmt: skip
    assert room.debate.people.floor == "ben"


def test_a_side_that_nobody_speaks_for_is_named_and_the_debate_waits():
    room = Room("lincoln-douglas")
    for who in ("ben", "cem"):
        room.does(Left(who))
    refused = room.does(Commanded("ana", "start"))
    assert [one.kind for one in refused] == ["refuse"]
    assert "negative" in refused[0].text
    assert room.debate.clock.status == "ready"


def test_parts_of_a_side_that_has_left_are_passed_over_and_that_is_said():
    room = seated("lincoln-douglas")
    host(room, "start")
    room.does(Left("ben"))
    found = host(room, "next")
    assert room.debate.clock.segment is not None
    assert room.debate.clock.segment.side == "affirmative"
    assert "first cross-examination" in found[0].text


def test_nobody_changes_sides_in_mid_debate():
    room = seated("lincoln-douglas")
    host(room, "start")
    assert [one.kind for one in room.does(Commanded("ana", "side", {"side": "negative"}))] == ["refuse"]


# -- the clock ---------------------------------------------------------------------------------------------------


def test_bells_ring_at_their_times_whenever_the_clock_is_looked_at():
    clock = Clock(get_format("british-parliamentary"))
    clock.advance(100.0)
    assert [(due.what, due.at) for due in clock.due(165.0)] == [("bell", 160.0)]
    assert clock.due(400.0) == []
    due = [(one.what, one.at) for one in clock.due(540.0)]
    assert due == [("bell", 460.0), ("double-bell", 520.0), ("time", 520.0), ("stop", 535.0)]


def test_bells_keep_their_times_when_time_is_given_back():
    clock = Clock(get_format("british-parliamentary"))
    clock.advance(0.0)
    assert clock.give_back(30.0, 20.0) == 20.0
    assert [(one.what, one.at) for one in clock.due(61.0)] == [("bell", 60.0)]
    assert clock.remaining(61.0) == 7 * 60 + 20 - 61


def test_no_time_is_given_back_once_the_time_is_over():
    clock = Clock(get_format("lincoln-douglas"))
    clock.advance(0.0)
    assert clock.give_back(361.0, 20.0) == 0.0


def test_preparation_time_is_each_sides_own_and_never_during_a_speech():
    room = seated("lincoln-douglas")
    host(room, "start")
    assert [one.kind for one in room.does(Commanded("ben", "prepare"))] == ["refuse"]
    room.does(SpeechStarted("ana"), 1.0)
    room.does(Tick(), 360.0)
    room.does(SpeechEnded("ana", 360.0))
    assert room.does(Commanded("ben", "prepare"))[0].kind == "announce"
    assert room.debate.clock.status == "preparing"
    room.does(Commanded("cem", "resume", role="host"), 60.0)
    assert room.debate.clock.prep_left == {"affirmative": 240.0, "negative": pytest.approx(180.0)}


def test_preparation_time_that_is_used_up_ends_by_itself():
    clock = Clock(get_format("lincoln-douglas"))
    assert clock.prepare("negative", 0.0)
    assert clock.due(239.0) == []
    assert [(one.what, one.at) for one in clock.due(300.0)] == [("prepared", 240.0)]
    assert not clock.prepare("negative", 301.0)


def test_a_part_starts_over_when_the_host_says_so():
    room = seated("lincoln-douglas")
    host(room, "start")
    room.does(Tick(), 100.0)
    host(room, "again")
    assert room.debate.clock.remaining(room.at) == 360.0
    assert room.debate.people.floor == "ana"


def test_whoever_yields_gives_up_the_rest_of_the_time():
    room = seated("lincoln-douglas")
    host(room, "start")
    room.does(SpeechStarted("ana"), 1.0)
    room.does(SpeechEnded("ana", 20.0), 20.0)
    room.does(Commanded("ana", "yield"))
    assert [one.kind for one in room.does(Commanded("ben", "yield"))] == ["refuse"]
    found = [one for _ in range(20) for one in room.does(Tick(), 0.25)]
    assert [(one.signal, one.addressed_to) for one in found] == [("time:next", "ben")]


@pytest.mark.parametrize("form", [one for one in load_formats() if one != "open-discussion"])
def test_every_format_is_played_to_its_end(form):
    """Each speaker speaks for all of their time; nobody says "next"."""
    room = seated(form)
    host(room, "start")
    segments = get_format(form).segments
    seen: list[str] = []
    while (segment := room.debate.clock.segment) is not None:
        seen.append(segment.name)
        began, holder = room.at, room.debate.people.floor or "ana"
        room.does(SpeechStarted(holder), 0.5)
        while room.debate.clock.remaining(room.at):
            room.does(Tick(), 5.0)
        assert room.at - began <= segment.seconds + 5.0
        room.does(SpeechEnded(holder, room.at - began))
        for _ in range(20):
            room.does(Tick(), 0.25)
    assert seen == [one.name for one in segments]
    assert room.debate.clock.status == "over"


def test_a_format_is_shortened_as_a_whole_but_for_the_breath_before_the_next_part():
    whole, short = get_format("world-schools"), get_format("world-schools").at_speed(8.0)
    assert [one.seconds for one in short.segments] == [one.seconds / 8 for one in whole.segments]
    assert short.segments[0].points_of_information == (7.5, 52.5)
    assert (short.grace_seconds, short.warnings) == (15 / 8, (15 / 8,))
    assert short.advance_seconds == whole.advance_seconds
    assert whole.at_speed(1.0) is whole


def test_a_debate_at_speed_stays_so_when_its_format_is_changed():
    debate = Debate("Cars", PERSONAS.get("time-keeper"), "oxford", personas=PERSONAS, speed=6.0)
    assert debate.clock.format.segments[0].seconds == 10.0
    debate.apply(Joined("cem", "Cem", "host"), 0.0)
    debate.apply(Commanded("cem", "format", {"format": "public-forum"}, "host"), 1.0)
    assert debate.clock.format.segments[0].seconds == 40.0


@pytest.mark.parametrize("form", [one for one in load_formats() if one != "open-discussion"])
def test_what_falls_due_next_is_known_before_it_does(form):
    clock = Clock(get_format(form))
    assert clock.next_due(0.0) is None
    clock.advance(0.0)
    at, told = 0.0, []
    while (due := clock.next_due(at)) is not None:
        assert clock.due(due - 0.01) == []
        found = clock.due(due)
        assert found, due
        assert {one.at for one in found} == {due}
        told += [one.what for one in found]
        at = due
    assert told[-2:] == ["time", "stop"]
    clock.pause(at)
    assert clock.next_due(at) is None


def test_the_end_of_preparation_time_is_known_before_it_comes():
    clock = Clock(get_format("lincoln-douglas"))
    clock.prepare("negative", 10.0)
    assert clock.next_due(20.0) == 250.0
    assert clock.next_due(250.0) is None


def test_whoever_speaks_on_into_a_next_part_of_their_own_is_still_over_their_time():
    room = seated("world-schools")
    host(room, "start")
    for _ in range(5):
        host(room, "next")
        room.does(Tick(), 10.0)
    # one speaker a side: the third opposition speech and the reply after it are the same person's
    assert room.debate.view(room.at).segment == "third opposition speech"
    holder = room.debate.people.floor
    room.does(SpeechStarted(holder), 1.0)
    found = [one for _ in range(int(500 / 0.25)) for one in room.does(Tick(), 0.25)]
    assert [one.signal for one in found if one.urgency == "time"] == [
        "time:warning",
        "time:over",
        "time:stop",
    ]
    room.does(SpeechEnded(holder, 500.0))
    found = [one for _ in range(20) for one in room.does(Tick(), 0.25)]
    assert [one.signal for one in found] == ["time:next"]


# -- hands, votes, ballots -----------------------------------------------------------------------------------------


def test_a_hand_that_is_raised_needs_no_words():
    room = Room()
    room.does(SpeechStarted("ben"), 0.5)
    found = room.does(Commanded("ana", "hand", {"raised": "true"}), 1.0)
    assert [(one.kind, one.text) for one in found] == [("bell", "")]
    assert room.debate.people.queue == ["ana"]


def test_hands_are_called_in_order_but_for_first_timers_and_the_least_heard():
    room = Room()
    for who in ("dan", "eve"):
        room.does(Joined(who, who.capitalize()))
    for who, seconds in (("ana", 100.0), ("ben", 30.0), ("cem", 41.0)):
        room.does(SpeechStarted(who))
        room.does(SpeechEnded(who, seconds), seconds)
    room.does(SpeechStarted("eve"))  # nobody is called while somebody speaks
    queue = room.debate.people.queue
    for who in ("ana", "cem"):
        room.does(HandRaised(who), 1.0)
    assert queue == ["ana", "cem"]  # less than a minute's difference
    room.does(HandRaised("ben"))
    assert queue == ["ana", "cem", "ben"]  # ten seconds less than Cem: and nobody is passed to pass another
    room.does(HandRaised("dan"))
    assert queue == ["dan", "ana", "cem", "ben"]
    room.does(Tick(), 120.0)
    room.does(SpeechEnded("eve", 121.0))
    room.does(HandRaised("eve"))
    room.does(Joined("fay", "Fay"))
    room.does(HandRaised("fay"))
    assert queue.index("fay") > queue.index("ben")  # who has waited for two minutes is passed by nobody


def test_a_floor_that_was_given_to_a_hand_and_not_taken_is_offered_again():
    room = Room()
    room.does(SpeechStarted("ana"), 0.5)
    room.does(SpeechEnded("ana", 3.0), 3.0)
    room.does(HandRaised("ben"))
    found = [one for _ in range(200) for one in room.does(Tick(), 0.25)]
    calls = [one for one in found if one.signal == "hand"]
    assert [one.addressed_to for one in calls[:2]] == ["ben", "ben"]
    assert calls[1].at - calls[0].at >= 25


def test_the_larger_swing_wins_an_oxford_debate():
    room = seated("oxford")
    for number in range(4):
        room.does(Joined(f"v{number}", f"Voter {number}", "audience"))
    host(room, "start")
    for who, choice in (("v0", "for"), ("v1", "for"), ("v2", "against"), ("v3", "undecided")):
        assert room.does(Commanded(who, "vote", {"choice": choice}, "audience"))[0].kind == "bell"
    assert room.does(Commanded("v0", "vote", {"choice": "perhaps"}, "audience"))[0].kind == "refuse"
    for _ in get_format("oxford").segments[1:]:
        room.does(Tick(), 10.0)
        host(room, "next")
    for who, choice in (("v0", "for"), ("v1", "against"), ("v2", "against"), ("v3", "against")):
        room.does(Commanded(who, "vote", {"choice": choice}, "audience"))
    room.does(Tick(), 10.0)
    said = host(room, "next")[0].text
    assert "against three" in said
    assert "Against wins." in said


def test_who_came_later_swung_nobody():
    first, last = Vote(("for", "against", UNDECIDED)), Vote(("for", "against", UNDECIDED))
    first.take("a", "for")
    last.take("a", "for")
    last.take("b", "against")
    assert swing(first, last) == {"for": 0, "against": 0, UNDECIDED: 0}
    assert result_said([first, last]).endswith("It is a draw.")


def test_judges_alone_hand_in_ballots():
    room = seated("british-parliamentary")
    room.does(Joined("jo", "Jo", "judge"))
    args = {"decision": "government", "points.ana": "78", "reasons": "Better rebuttal."}
    assert room.does(Commanded("ana", "ballot", args))[0].kind == "refuse"
    assert room.does(Commanded("jo", "ballot", args, "judge"))[0].kind == "bell"
    ballot = room.debate.voting.ballots["jo"]
    assert (ballot.decision, dict(ballot.points), ballot.reasons) == (
        "government",
        {"ana": 78.0},
        "Better rebuttal.",
    )


def test_the_judges_decision_is_said_once_all_present_judges_have_handed_in():
    room = seated("british-parliamentary")
    for judge in ("jo", "kay", "lee", "max"):
        room.does(Joined(judge, judge.capitalize(), "judge"))
    host(room, "start")
    room.does(Commanded("jo", "ballot", {"decision": "government"}, "judge"))
    assert "judge" not in host(room, "end")[0].text
    assert room.does(Commanded("kay", "ballot", {"decision": "opposition"}, "judge"))[0].kind == "bell"
    room.does(Left("max"))
    found = room.does(Commanded("lee", "ballot", {"decision": "government"}, "judge"))
    assert [(one.kind, one.text) for one in found] == [
        ("announce", "The judges decide for government, with two of three ballots.")
    ]
    assert room.does(Commanded("lee", "ballot", {"decision": "opposition"}, "judge"))[0].kind == "bell"


def test_an_open_discussion_is_over_once_it_is_ended_and_may_be_taken_up_again():
    room = seated("open-discussion")
    room.does(Commanded("ben", "hand"))
    assert host(room, "end")[0].text == "Thank you all for the debate."
    assert (room.debate.clock.status, room.debate.people.queue) == ("over", [])
    # nothing is asked of anybody any more, however long they stay
    assert [one for _ in range(400) for one in room.does(Tick(), 0.25)] == []
    for name in ("end", "next"):
        assert [(one.kind, one.text) for one in host(room, name)] == [("refuse", "The debate is over.")]
    host(room, "start")
    assert room.debate.clock.status == "open"


@pytest.mark.parametrize("how", ["end", "next"])
def test_ballots_that_are_in_before_the_end_are_told_at_the_end(how):
    room = seated("british-parliamentary")
    room.does(Joined("jo", "Jo", "judge"))
    host(room, "start")
    for _ in get_format("british-parliamentary").segments[1:]:
        room.does(Tick(), 10.0)
        host(room, "next")
    room.does(Commanded("jo", "ballot", {"decision": "opposition"}, "judge"))
    room.does(Tick(), 10.0)
    assert "The judge decides for opposition." in host(room, how)[0].text


@pytest.mark.parametrize(
    ("decisions", "words"),
    [
        (["pro", "pro"], "All judges decide for pro."),
        (["pro", "con"], "The judges are divided between pro and con."),
    ],
)
def test_a_decision_of_judges_in_words(decisions, words):
    assert verdict_said(decisions) == words


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"decision": "nobody"},
        {"decision": "pro", "points.ana": "many"},
        {"decision": "pro", "points.ana": "101"},
    ],
)
def test_a_ballot_without_a_decision_or_with_odd_points_is_none(args):
    assert ballot_of("jo", args, ("pro", "con"), ("ana",)) is None
