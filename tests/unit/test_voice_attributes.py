"""What pages read of a format from the moderator's attributes: who may do what, and how it came out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from debate.events import Commanded, FactChecksChanged, Joined, Left, Tick
from tests.unit.test_debate import Room
from tests.unit.test_debate_course import host, seated
from voice.attributes import MAX_VALUE_CHARS, attributes_of

ALL = ("sage.course", "sage.sides", "sage.vote", "sage.point", "sage.prep", "sage.ballots", "sage.checks")


def shown(room: Room, name: str) -> Any:
    """An attribute as pages read it; "" where it is empty."""
    text = attributes_of(room.debate.view(room.at), "id", 1000.0, {})[f"sage.{name}"]
    return json.loads(text) if text and name not in ("status", "ends_at") else text


def parts(room: Room, count: int) -> None:
    for _ in range(count):
        room.does(Tick(), 20.0)
        host(room, "next")


def test_an_open_discussion_asks_nothing_of_people():
    attributes = attributes_of(Room().debate.view(1.0), "id", 1000.0, {})
    assert {name: attributes[name] for name in ALL} == dict.fromkeys(ALL, "")
    assert attributes["sage.status"] == "open"


def test_pages_read_whether_claims_can_be_checked():
    room = Room()
    room.does(FactChecksChanged(""))
    assert attributes_of(room.debate.view(room.at), "id", 1000.0, {})["sage.checks"] == "on"
    room.does(FactChecksChanged("down"))
    assert attributes_of(room.debate.view(room.at), "id", 1000.0, {})["sage.checks"] == ""


def test_pages_read_whose_part_it_is_and_what_comes_next():
    room = seated("lincoln-douglas")
    assert shown(room, "status") == "ready"
    assert shown(room, "course") == {"kind": "", "side": "", "next": "first affirmative speech"}
    host(room, "start")
    assert shown(room, "status") == "running"
    assert shown(room, "course") == {
        "kind": "speech", "side": "affirmative", "next": "first cross-examination",
    }  # fmt: skip
    host(room, "end")
    assert shown(room, "status") == "over"


def test_a_clock_that_is_stopped_shows_what_is_left_and_no_end():
    room = seated("lincoln-douglas")
    host(room, "start")
    room.does(Tick(), 60.0)
    assert shown(room, "ends_at") == str((1000 + 300) * 1000)
    host(room, "pause")
    room.does(Tick(), 33.0)
    assert shown(room, "ends_at") == ""
    assert shown(room, "course")["left"] == 300
    host(room, "resume")
    assert "left" not in shown(room, "course")


def test_sides_are_those_who_are_here():
    room = seated("public-forum")
    assert shown(room, "sides") == {"pro": ["ana"], "con": ["ben"]}
    room.does(Left("ana"))
    assert shown(room, "sides") == {"pro": [], "con": ["ben"]}
    host(room, "format", format="oxford")
    assert shown(room, "sides") == {"for": [], "against": []}


def test_an_open_vote_tells_how_many_and_never_who_or_what():
    room = seated("oxford")
    host(room, "start")
    for who, choice in (("v0", "for"), ("v1", "against")):
        room.does(Commanded(who, "vote", {"choice": choice}, "audience"))
    told = {
        "choices": ["for", "against", "undecided"],
        "votes": [{"number": 1, "name": "first vote", "cast": 2}],
    }
    assert shown(room, "vote") == told
    room.does(Tick(), 20.0)
    host(room, "next")
    told["votes"] = [{"number": 1, "name": "first vote", "cast": 2, "counts": [1, 1, 0]}]
    assert shown(room, "vote") == told  # who has won is not told while a vote is to come


@pytest.mark.parametrize(
    ("last", "swing", "won"),
    [
        ({"v0": "against", "v1": "against"}, [-1, 1, 0], ["against"]),
        ({"v0": "for", "v1": "against"}, [0, 0, 0], []),
        ({"v0": "for", "v1": "for"}, [1, -1, 0], ["for"]),
        ({"late": "for"}, [0, 0, 0], []),
        ({}, None, []),
    ],
)
def test_the_swing_and_who_has_won_come_with_the_last_vote(
    last: dict[str, str], swing: list[int] | None, won: list[str]
):
    room = seated("oxford")
    host(room, "start")
    for who, choice in (("v0", "for"), ("v1", "against")):
        room.does(Commanded(who, "vote", {"choice": choice}, "audience"))
    parts(room, 6)
    for who, choice in last.items():
        room.does(Commanded(who, "vote", {"choice": choice}, "audience"))
    assert "won" not in shown(room, "vote")
    parts(room, 1)
    told = shown(room, "vote")
    assert (told.get("swing"), told["won"]) == (swing, won)


def test_a_vote_that_is_started_over_is_another_one():
    room = seated("oxford")
    host(room, "start")
    room.does(Commanded("v0", "vote", {"choice": "for"}, "audience"))
    assert room.debate.voting.of("v0") == {"vote": {"number": 1, "choice": "for"}}
    room.does(Tick(), 20.0)
    host(room, "again")
    assert shown(room, "vote")["votes"] == [{"number": 2, "name": "first vote", "cast": 0}]
    assert room.debate.voting.of("v0") == {}


def test_the_end_of_the_debate_closes_its_vote():
    room = seated("oxford")
    host(room, "start")
    room.does(Commanded("v0", "vote", {"choice": "for"}, "audience"))
    said = host(room, "end")[0].text
    assert (
        said == "The votes are for one, against zero, undecided zero. For wins. Thank you all for the debate."
    )
    assert shown(room, "vote")["won"] == ["for"]
    assert room.does(Commanded("v1", "vote", {"choice": "for"}, "audience"))[0].kind == "refuse"


def test_another_format_begins_without_the_votes_of_the_last():
    room = seated("oxford")
    host(room, "start")
    room.does(Commanded("v0", "vote", {"choice": "for"}, "audience"))
    host(room, "end")
    host(room, "format", format="oxford")
    assert shown(room, "vote") == ""


def test_points_have_their_window_their_maker_and_their_answer():
    room = seated("world-schools")
    host(room, "start")
    assert shown(room, "point") == {"window": "closed", "by": "", "taken": False}
    room.does(Tick(), 61.0)
    assert shown(room, "point") == {"window": "open", "by": "", "taken": False}
    room.does(Commanded("ben", "point"))
    assert shown(room, "point") == {"window": "open", "by": "ben", "taken": False}
    room.does(Commanded("ana", "accept"))
    assert shown(room, "point") == {"window": "open", "by": "ben", "taken": True}
    room.does(Tick(), 20.0)
    assert shown(room, "point") == {"window": "open", "by": "", "taken": False}
    host(room, "pause")
    assert shown(room, "point") == ""


def test_preparation_time_is_shown_by_side_and_whether_it_may_be_taken():
    room = seated("public-forum")
    full = {"pro": 180, "con": 180}
    assert shown(room, "prep") == {"left": full, "side": "", "open": True}
    host(room, "start")
    assert shown(room, "prep") == {"left": full, "side": "", "open": False}
    room.does(Tick(), 240.0)
    assert shown(room, "prep")["open"] is True
    room.does(Commanded("ben", "prepare"))
    assert shown(room, "prep") == {"left": full, "side": "con", "open": False}
    assert shown(room, "status") == "preparing"
    room.does(Tick(), 70.0)
    host(room, "resume")  # the part before is over: the next one begins, in which nobody prepares
    assert shown(room, "prep") == {"left": {"pro": 180, "con": 110}, "side": "", "open": False}


def test_ballots_tell_who_has_handed_in_and_nothing_of_them():
    room = seated("british-parliamentary")
    room.does(Joined("jo", "Jo", "judge"))
    assert shown(room, "ballots") == []
    args = {"decision": "government", "points.ana": "78", "reasons": "Better rebuttal."}
    room.does(Commanded("jo", "ballot", args, "judge"))
    assert shown(room, "ballots") == ["jo"]
    assert room.debate.voting.of("jo") == {
        "ballot": {"decision": "government", "reasons": "Better rebuttal.", "points": {"ana": 78.0}}
    }
    assert room.debate.voting.of("kim") == {}


def test_a_crowd_leaves_json_whole():
    room = Room("public-forum")
    crowd = [f'person-"{number}"-ééé' for number in range(300)]
    for number, who in enumerate(crowd):
        room.does(Joined(who, who))
        room.does(Commanded(who, "side", {"side": ("pro", "con")[number % 2]}))
        room.debate.people.raise_hand(who, room.at)
    attributes = attributes_of(room.debate.view(room.at), "id", 1000.0, {})
    sides, queue = json.loads(attributes["sage.sides"]), json.loads(attributes["sage.queue"])
    assert all(len(value) <= MAX_VALUE_CHARS for value in attributes.values())
    assert sides["pro"] == crowd[: 2 * len(sides["pro"]) : 2]
    assert queue == crowd[: len(queue)]
    assert min(len(queue), len(sides["pro"]), len(sides["con"])) > 15
