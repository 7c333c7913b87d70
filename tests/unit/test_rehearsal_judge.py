"""From what a participant received to the verdict and the report, on scripted captions and sound."""

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from rehearsal.console import printable
from rehearsal.heard import Change, Received, Segment, heard
from rehearsal.judge import Judgement, judge, percentile
from rehearsal.loudness import FRAME_SECONDS, Loudness
from rehearsal.page import page
from rehearsal.performance import Performed, Played
from rehearsal.report import build_report
from rehearsal.script import Line, Script

ZERO = 1000.0
QUESTION = "Sage, who has the floor?"


def sounding(*spans: tuple[float, float], until: float = 60.0) -> Loudness:
    loudness = Loudness()
    for frame in range(int(until / FRAME_SECONDS)):
        at = frame * FRAME_SECONDS
        loud = any(start <= at < end for start, end in spans)
        loudness.add(ZERO + at + FRAME_SECONDS, -20.0 if loud else -60.0)
    return loudness


def segment(who: str, text: str, first: float, final: float | None, **attributes: str) -> Segment:
    at = None if final is None else ZERO + final
    return Segment(f"{who}-{first}", who, ZERO + first, text, at, dict(attributes))


class Room:
    """Collects what a test says was received and played, and judges it."""

    def __init__(self) -> None:
        self.received = Received(
            names={"ana-1": "Ana", "ben-1": "Ben", "agent-1": "Sage"}, moderators={"agent-1"}
        )
        self.spans: dict[str, list[tuple[float, float]]] = {"ana-1": [], "ben-1": [], "agent-1": []}
        self.played: list[Played] = []
        self.moderator_came = True

    def line(self, who: str, text: str, start: float, end: float, expect: str = "", **flags: bool) -> Played:
        line = Line(len(self.played) + 1, who, text, after=0.0, expect=expect)
        played = Played(line, start, end, cut=flags.get("cut", False), muted=flags.get("muted", False))
        self.played.append(played)
        if not played.muted:
            self.spans[f"{who.lower()}-1"].append((start, end))
        return played

    def caption(self, who: str, text: str, first: float, final: float | None) -> None:
        one = segment(who, text, first, final)
        self.received.segments[who, one.segment_id] = one

    def turn(self, text: str, start: float, end: float, **attributes: str) -> None:
        self.spans["agent-1"].append((start, end))
        one = segment("agent-1", text, start + 0.1, end + 0.05, **attributes)
        self.received.segments["agent-1", one.segment_id] = one

    def judged(self) -> Judgement:
        self.received.sounds = {who: sounding(*spans) for who, spans in self.spans.items()}
        return judge(
            Performed(
                room="room-1",
                debate_id="d",
                played=tuple(self.played),
                heard=heard(self.received, ZERO),
                identities={"Ana": ("ana-1",), "Ben": ("ben-1",)},
                seconds=60.0,
                refusals=(),
                moderator_came=self.moderator_came,
            )
        )


@pytest.fixture
def room() -> Room:
    made = Room()
    made.turn("Welcome, Ana and Ben.", 0.5, 2.0)
    made.line("Ana", "Taxes are far too low in this city.", 5.0, 8.0, "silence")
    made.caption("ana-1", "Taxes are far too low in this city.", 5.9, 8.4)
    made.line("Ben", QUESTION, 9.0, 10.5, "answer")
    made.caption("ben-1", "Sage who has the floor", 9.8, 10.9)
    made.turn("Ben has the floor.", 11.4, 13.0)
    return made


def test_a_debate_as_it_should_be_has_no_failures(room: Room) -> None:
    found = room.judged()
    assert found.failures == ()
    assert found.wer_alone == 0.0
    greeting, answer = found.answers
    assert (greeting.reason, answer.reason) == ("greeting", "asked")
    assert answer.answers is room.played[1]
    assert answer.delay == pytest.approx(0.9, abs=0.03)


def test_a_question_without_an_answer_is_a_failure(room: Room) -> None:
    room.line("Ana", "Moderator, how much time is left?", 20.0, 22.0, "answer")
    room.caption("ana-1", "Moderator, how much time is left?", 20.5, 22.4)
    room.turn("It is much too late for an answer.", 29.5, 31.0)
    found = room.judged()
    assert [played.line.number for played in found.missing_answers] == [3]
    assert any("line 3 was not answered" in failure for failure in found.failures)


def test_words_that_nobody_asked_for_are_a_failure(room: Room) -> None:
    room.line("Ana", "The moderator said that we should be brief.", 20.0, 22.0, "silence")
    room.caption("ana-1", "The moderator said that we should be brief.", 20.5, 22.4)
    room.turn("Yes, Ana?", 23.0, 24.0)
    found = room.judged()
    assert [answer.turn.text for answer in found.false_answers] == ["Yes, Ana?"]
    assert len(found.failures) == 1


def test_what_is_not_judged_may_be_followed_by_words(room: Room) -> None:
    room.line("Ana", "I raise my hand.", 20.0, 22.0)
    room.caption("ana-1", "I raise my hand.", 20.5, 22.4)
    room.turn("Ana is next.", 23.0, 24.0)
    assert room.judged().failures == ()


def test_a_missed_and_a_misattributed_line_are_failures(room: Room) -> None:
    room.line("Ana", "Nobody has ever counted the customers there.", 20.0, 22.0, "silence")
    room.line("Ben", "A new bus line would bring more people.", 23.0, 25.0, "silence")
    room.caption("ana-1", "A new bus line would bring more people.", 23.5, 25.5)
    found = room.judged()
    assert [played.line.number for played in found.missed] == [3]
    assert [(played.line.number, who) for played, who in found.misattributed] == [(4, "ana-1")]
    report = build_report(a_script(), found)
    assert report["missed_lines"][0]["line"] == 3
    assert report["misattributed_lines"][0]["heard_as"] == "Ana"
    assert not report["ok"]


def test_lines_into_a_closed_microphone_and_lines_cut_short_are_not_missed(room: Room) -> None:
    room.line("Ana", "Nobody can hear these words of mine.", 20.0, 22.0, muted=True)
    room.line("Ben", "And I am gone before I have said it.", 23.0, 23.2, cut=True)
    assert room.judged().failures == ()


def test_word_errors_count_only_where_nobody_else_spoke(room: Room) -> None:
    room.line("Ana", "This line is spoken over by another one.", 20.0, 23.0)
    room.line("Ben", "This line is the one that speaks over it.", 21.0, 24.0)
    room.caption("ana-1", "This lime is open over buy an otter one.", 20.5, 23.5)
    room.caption("ben-1", "This line is the one that speaks over it.", 21.5, 24.5)
    found = room.judged()
    assert found.alone == (0, 1)
    assert found.wer_alone == 0.0


def test_an_absent_moderator_is_a_failure(room: Room) -> None:
    room.moderator_came = False
    assert "no moderator came into the room" in room.judged().failures


def test_two_replies_without_a_pause_are_two_turns(room: Room) -> None:
    room.turn("I am the time keeper now.", 30.0, 32.0)
    room.turn("Ana, go on.", 32.2, 33.0)
    turns = room.judged().performed.heard.turns[-2:]
    assert [(round(turn.start, 1), round(turn.end, 1)) for turn in turns] == [(30.0, 32.0), (32.2, 33.0)]


def test_a_reply_paused_in_the_middle_is_one_turn_and_a_cut_one_is_interrupted(room: Room) -> None:
    room.turn("Let me sum this", 30.0, 31.0)
    room.spans["agent-1"].append((31.6, 32.0))
    turn = room.judged().performed.heard.turns[-1]
    assert turn.interrupted
    assert turn.start == pytest.approx(30.0, abs=0.03)


def test_attributes_of_the_captions_are_believed(room: Room) -> None:
    room.turn("Two minutes are left.", 30.0, 31.0, **{"sage.reason": "time", "sage.addressed_to": "ben-1"})
    report = build_report(a_script(), room.judged())
    assert (report["moderator"][-1]["reason"], report["moderator"][-1]["addressed_to"]) == ("time", "Ben")


def a_script(title: str = "A debate") -> Script:
    return Script(Path("x.toml"), title, "Taxes", (Line(1, "Ana", "x", at=0.0),))


def test_the_report_has_the_promised_keys(room: Room) -> None:
    room.received.changes.append(Change(ZERO + 3, "agent-1", "sage.persona", "time-keeper"))
    room.caption("ben-1", "never finished", 30.0, None)
    report = build_report(a_script(), room.judged())
    json.dumps(report, allow_nan=False)
    assert {
        "room",
        "utterances",
        "moderator",
        "talk_seconds",
        "missed_lines",
        "misattributed_lines",
    } <= report.keys()
    first = report["utterances"][0]
    assert {k: first[k] for k in ("speaker", "text", "line")} == {
        "speaker": "Ana", "text": "Taxes are far too low in this city.", "line": 1,
    }  # fmt: skip
    assert (first["start"], first["end"]) == (pytest.approx(5.0, abs=0.05), pytest.approx(8.0, abs=0.05))
    keys = {"reason", "addressed_to", "text", "start", "end", "interrupted", "latency_ms"}
    assert all(keys <= turn.keys() for turn in report["moderator"])
    assert report["moderator"][1]["latency_ms"]["answer"] == pytest.approx(900, abs=30)
    assert report["moderator"][1]["addressed_to"] == "Ben"
    assert report["talk_seconds"]["Ana"] == pytest.approx(3.0, abs=0.05)
    assert report["measured"]["answer_delay"]["p50"] == pytest.approx(0.9, abs=0.03)
    assert report["persona_changes"] == [{"at": 3.0, "persona": "time-keeper"}]
    assert len(report["utterances"]) == 2, "what never became final is not judged"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert not any(name in ("src", "href", "onerror", "onload") for name, _ in attrs)


def test_no_text_becomes_markup_on_the_page(room: Room) -> None:
    attack = '<img src=x onerror="alert(1)"> "\'&</title><script>'
    room.received.names["ana-1"] = attack
    room.caption("ana-1", attack, 30.0, 31.0)
    room.turn(attack, 33.0, 34.0, **{"sage.reason": attack})
    html = page(build_report(a_script(attack), room.judged()))
    tags = Tags()
    tags.feed(html)
    assert "script" not in tags.seen
    assert "img" not in tags.seen
    assert {"svg", "rect", "li", "style"} <= set(tags.seen)
    assert "http" not in html.replace('http-equiv="', "")


@pytest.mark.parametrize("seconds", [1.0, 59.0, 194.0, 1200.0, 7200.0])
def test_the_charts_words_are_as_large_on_a_telephone_and_do_not_touch(room: Room, seconds: float) -> None:
    html = page(build_report(a_script(), room.judged()) | {"seconds": seconds})
    assert "viewBox" not in html  # it would shrink the words with the chart
    # 330 pixels across, and "120:00" in letters of 12 takes 40 of them
    shown = [float(at) for at in re.findall(r'class="tick" x="([\d.]+)%"', html)]
    assert shown[0] == 0.0
    assert all(after - before > 14 for before, after in pairwise([*shown, 102.0]))


def test_an_empty_report_still_makes_a_page() -> None:
    empty = Room()
    empty.moderator_came = False
    html = page(build_report(a_script(), empty.judged()))
    assert "no moderator came" in html


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(n) for n in range(1, 21)], 0.95) == 19.0


def test_frames_that_come_in_a_rush_keep_their_own_times() -> None:
    loudness = Loudness()
    # The event loop was busy for 150 ms and then got 15 frames at once.
    arrivals = [n * 0.01 for n in range(1, 51)] + [0.65] * 15 + [0.65 + n * 0.01 for n in range(1, 50)]
    for arrived in arrivals:
        loudness.add(arrived, -20.0)
    steps = np.diff(np.array(loudness.times))
    assert steps.min() > 0.009
    assert steps.max() < 0.014
    # After a real gap time goes on where the sound does.
    loudness.add(5.0, -20.0)
    assert loudness.times[-1] == pytest.approx(4.99)


def test_the_terminal_gets_no_control_characters() -> None:
    assert printable("a\x1b[31mb\r\nc\u202e") == "a [31mb  c "
