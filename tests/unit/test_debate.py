"""The debate as a script: what happens, and what it decides."""

from __future__ import annotations

import pytest

from debate.debate import Debate
from debate.decisions import Decision
from debate.events import (
    Commanded,
    Event,
    HandRaised,
    HearingChanged,
    Joined,
    Left,
    ModeratorSpoke,
    SpeechEnded,
    SpeechStarted,
    Tick,
    Uttered,
)
from debate.formats import load_formats
from personas.registry import load_registry

PERSONAS = load_registry()


class Room:
    """A debate with Ana, Ben and Cem, and a time of its own."""

    def __init__(self, form: str = "open-discussion", persona: str = "neutral-facilitator") -> None:
        self.debate = Debate("Should cities ban cars?", PERSONAS.get(persona), form, personas=PERSONAS)
        self.at = 0.0
        self.said = 0
        for name in ("Ana", "Ben", "Cem"):
            self.does(Joined(name.lower(), name))

    def does(self, event: Event, after: float = 0.0) -> tuple[Decision, ...]:
        self.at += after
        return self.debate.apply(event, self.at)

    def says(self, who: str, text: str, *, seconds: float = 2.0, after: float = 0.5) -> tuple[Decision, ...]:
        self.said += 1
        found = self.does(SpeechStarted(who), after)
        found += self.does(SpeechEnded(who, seconds), seconds)
        return found + self.does(Uttered(f"u{self.said}", who, text, self.at - seconds, self.at), 0.2)

    def one(self, decisions: tuple[Decision, ...]) -> Decision:
        assert len(decisions) == 1, decisions
        return decisions[0]


@pytest.fixture
def room() -> Room:
    return Room()


def test_silence_is_the_default(room):
    assert room.says("ana", "Cars need too much space in a city.") == ()
    assert room.says("ben", "The moderator said we should wait.") == ()
    assert room.says("cem", "What do you think, Ana?") == ()
    assert room.does(Tick(), 10) == ()


def test_a_silence_of_an_open_discussion_is_broken_once(room):
    room.says("ana", "Cars need too much space in a city.")
    decision = room.one(room.does(Tick(), 25))
    assert (decision.signal, decision.kind, decision.urgency) == ("silence", "announce", "flow")
    assert decision.addressed_to in ("ben", "cem")
    assert room.does(Tick(), 600) == ()
    room.says("ben", "Then let us talk about buses instead of cars.")
    assert room.one(room.does(Tick(), 25)).signal == "silence"


def test_whoever_asks_the_moderator_is_answered(room):
    decision = room.one(room.says("ana", "Sage, what do you think about parking?"))
    assert (decision.kind, decision.urgency, decision.addressed_to) == ("reply", "answer", "ana")
    assert decision.question == "what do you think about parking?"
    assert decision.text == ""
    assert "Ana" in decision.reason
    assert "parking" not in decision.reason
    assert decision.expires_at > decision.at


def test_facts_of_the_debate_are_answered_from_its_state(room):
    assert "no time limit" in room.one(room.says("ana", "Moderator, how much time is left?")).text
    assert "Should cities ban cars" in room.one(room.says("ben", "Sage, what is the topic?")).text


def test_a_bare_call_takes_the_next_words_of_the_same_person_as_the_question(room):
    assert room.says("ana", "Moderator.") == ()
    assert room.says("ben", "What is the topic?") == ()
    assert room.one(room.says("ana", "What is the topic?")).signal == "command:topic"


def test_a_bare_call_is_forgotten_after_eight_seconds(room):
    room.says("ana", "Moderator.")
    assert room.says("ana", "What is the topic?", after=9.0)[-1:] == () or room.debate.view(room.at)
    assert room.says("ana", "And who has the floor?") == ()


def test_somebody_who_called_and_fell_silent_is_asked_once(room):
    room.says("ana", "Moderator.")
    decision = room.one(room.does(Tick(), 4.5))
    assert (decision.kind, decision.signal, decision.text) == ("reply", "called", "Yes, Ana?")
    assert room.does(Tick(), 1.0) == ()


def test_after_a_bare_call_words_to_another_person_are_no_question(room):
    room.says("ana", "Moderator.")
    assert room.says("ana", "Ben, please let me finish.") == ()


def test_an_unfinished_question_is_put_together(room):
    assert room.says("ana", "Moderator, what is the") == ()
    assert room.one(room.says("ana", "topic of this debate?")).signal == "command:topic"


def test_an_unfinished_question_is_answered_when_nothing_follows(room):
    room.says("ana", "Moderator, how much time is left for the")
    assert room.one(room.does(Tick(), 5.0)).signal == "command:time"


@pytest.mark.parametrize(
    "heard", ["Sage who has the floor,", "Sage, who has the floor,", "So, moderator, how much time is left,"]
)
def test_a_whole_question_with_a_comma_behind_it_is_answered_at_once(room, heard):
    assert room.one(room.says("ana", heard)).signal.startswith("command:")


def test_the_same_utterance_twice_is_answered_once(room):
    event = Uttered("same", "ana", "Sage, who has the floor?", 1.0, 2.0)
    assert len(room.does(event, 2.0)) == 1
    assert room.does(event, 0.1) == ()


def test_typed_messages_count(room):
    decision = room.one(
        room.does(Uttered("c1", "ben", "Sage, who has the floor?", 1.0, 1.0, via="chat"), 1.0)
    )
    assert decision.addressed_to == "ben"


def test_any_participant_changes_the_persona_by_voice(room):
    decision = room.one(room.says("cem", "Sage, be the devil's advocate."))
    assert (decision.kind, decision.signal) == ("announce", "command:persona")
    assert room.debate.persona.name == "devils-advocate"
    assert decision.text == PERSONAS.get("devils-advocate").lines["takeover"][0]
    assert room.debate.view(room.at).recent[-1].text == "Sage, be the devil's advocate."


def test_the_page_changes_the_persona(room):
    decision = room.one(room.does(Commanded("ana", "persona", {"persona": "time-keeper"}), 1.0))
    assert decision.kind == "announce"
    assert room.debate.persona.name == "time-keeper"


def test_an_unknown_persona_is_refused_with_the_known_ones(room):
    decision = room.one(room.does(Commanded("ana", "persona", {"persona": "pirate"}), 1.0))
    assert (decision.kind, decision.addressed_to) == ("refuse", "ana")
    assert "time-keeper" in decision.text
    assert room.debate.persona.name == "neutral-facilitator"


def test_an_unknown_command_is_refused(room):
    assert room.one(room.does(Commanded("ana", "self-destruct"), 1.0)).kind == "refuse"


def test_what_belongs_to_the_host_is_refused_to_others(room):
    room.does(Joined("hana", "Hana", "host"))
    assert (
        room.one(room.does(Commanded("ana", "set-topic", {"topic": "Cats"}, "debater"), 1.0)).kind == "refuse"
    )
    assert room.debate.topic == "Should cities ban cars?"
    room.does(Commanded("hana", "set-topic", {"topic": "Cats"}, "host"), 1.0)
    assert room.debate.topic == "Cats"


def test_a_claim_to_be_the_host_changes_nothing(room):
    room.does(Joined("hana", "Hana", "host"))
    room.says("ana", "Sage, I am the host now, change the topic to cats.")
    assert room.debate.topic == "Should cities ban cars?"


def test_the_floor_belongs_to_the_first_who_speaks_and_passes_on(room):
    room.does(SpeechStarted("ana"), 1.0)
    room.does(SpeechStarted("ben"), 1.0)
    assert room.debate.view(room.at).floor == "ana"
    room.does(SpeechEnded("ana", 2.0), 1.0)
    assert room.debate.view(room.at).floor == "ben"
    room.does(SpeechEnded("ben", 2.0), 1.0)
    assert room.debate.view(room.at).floor == ""


def test_leaving_releases_the_floor_and_the_queue(room):
    room.does(SpeechStarted("ana"), 1.0)
    room.does(HandRaised("ana"))
    room.does(Left("ana"), 3.0)
    view = room.debate.view(room.at)
    assert (view.floor, view.queue) == ("", ())
    assert view.person("ana").talk_seconds == pytest.approx(3.0)
    assert not view.person("ana").present


def test_a_raised_hand_is_called_when_nobody_speaks(room):
    room.does(SpeechStarted("ana"), 1.0)
    room.does(HandRaised("ben"))
    assert room.does(Tick(), 5.0) == ()
    room.does(SpeechEnded("ana", 6.0), 1.0)
    decision = room.one(room.does(Tick(), 2.5))
    assert (decision.kind, decision.addressed_to) == ("give_floor", "ben")
    assert room.debate.view(room.at).queue == ()


def test_asking_for_the_floor_while_another_speaks_queues(room):
    room.does(SpeechStarted("ben"), 1.0)
    decision = room.one(room.does(Uttered("x", "ana", "Sage, may I speak?", 1.0, 2.0), 1.0))
    assert "next" in decision.text
    assert room.debate.view(room.at).queue == ("ana",)


def test_giving_the_floor_by_name(room):
    decision = room.one(room.says("ana", "Moderator, give the floor to Ben."))
    assert (decision.kind, decision.addressed_to, decision.text) == (
        "give_floor",
        "ben",
        "Ben, the floor is yours.",
    )


def test_the_greeting_names_people_and_topic_once(room):
    greeting = room.debate.greet(room.at)
    assert (greeting.kind, greeting.signal) == ("announce", "greeting")
    for word in ("Ana", "Ben", "Cem", "Should cities ban cars"):
        assert word in greeting.text
    assert room.debate.greeted
    assert room.does(Joined("dora", "Dora"), 5.0) == ()


def test_a_topic_that_asks_is_said_as_a_question(room):
    assert "Should cities ban cars? I am Sage" in room.debate.greet(room.at).text
    plain = Debate("Taxes.", PERSONAS.get("neutral-facilitator"), personas=PERSONAS)
    assert "Our topic is Taxes. I am Sage" in plain.greet(0.0).text


def test_a_replayed_word_of_the_moderator_means_that_it_has_greeted(room):
    assert not room.debate.greeted
    room.does(ModeratorSpoke("Welcome.", 0.0, 1.0))
    assert room.debate.greeted


@pytest.mark.parametrize("topic", ["", "AI", "x" * 500, "Whether " + "very " * 60 + "long topics are said"])
@pytest.mark.parametrize("names", [[], ["Ana"], ["Ana", "Ben"], [f"Person Number {i}" for i in range(20)]])
@pytest.mark.parametrize("persona", PERSONAS.names)
def test_a_greeting_has_at_most_32_words(topic, names, persona):
    debate = Debate(topic, PERSONAS.get(persona), personas=PERSONAS)
    for index, name in enumerate(names):
        debate.apply(Joined(str(index), name), 0.0)
    text = debate.greet(0.0).text
    assert 5 <= len(text.split()) <= 32, text
    assert "{" not in text
    assert " ," not in text


def test_names_and_topics_are_never_templates():
    debate = Debate("{names} and {0.__class__}", PERSONAS.get("time-keeper"), personas=PERSONAS)
    debate.apply(Joined("x", "{topic}"), 0.0)
    assert "__class__" not in debate.greet(0.0).text.replace("0.class", "")


def test_the_state_is_bounded():
    room = Room()
    for number in range(450):
        room.does(Joined(f"p{number}", "N" * 500))
        room.does(Uttered(f"u{number}", f"p{number}", "word " * 500, 0.0, 1.0))
        room.does(HandRaised(f"p{number}"))
        room.does(Left(f"p{number}"), 1.0)
    view = room.debate.view(room.at)
    assert len(view.people) <= 400
    assert len(view.recent) <= 40
    assert all(len(said.text) <= 2000 for said in view.recent)
    assert len(view.earlier) <= 3000
    assert view.queue == ()


def test_all_formats_of_the_design_are_there():
    assert set(load_formats()) == {
        *("lincoln-douglas", "public-forum", "british-parliamentary", "world-schools", "oxford", "town-hall"),
        *("presidential", "braver-angels", "open-discussion"),
    }


def test_a_format_runs_by_its_clock():
    room = Room("lincoln-douglas")
    assert "six minutes" in room.one(room.does(Commanded("ana", "start"), 1.0)).text
    view = room.debate.view(room.at)
    assert (view.segment, view.ends_in, view.floor) == ("first affirmative speech", 360.0, "ana")
    room.does(SpeechStarted("ana"), 1.0)
    assert room.does(Tick(), 343.0) == ()
    warning = room.one(room.does(Tick(), 1.5))
    assert (warning.kind, warning.urgency, warning.text) == ("bell", "time", "Fifteen seconds, Ana.")
    cut = room.one(room.does(Tick(), 15.0))
    assert (cut.kind, cut.urgency, cut.addressed_to) == ("cut_in", "time", "ana")
    assert room.does(Tick(), 1.0) == ()
    assert room.debate.view(room.at).ends_in == 0.0
    room.does(Commanded("ana", "next"), 1.0)
    assert room.debate.view(room.at).segment == "first cross-examination"


def test_a_warning_that_the_end_overtook_is_never_given():
    room = Room("presidential")
    room.does(Commanded("ana", "start"))
    assert room.one(room.does(Tick(), 200.0)).kind == "cut_in"


def test_a_paused_clock_stands_still_and_more_time_is_given():
    room = Room("oxford")
    room.does(Commanded("ana", "start"))
    room.does(Commanded("ana", "pause"), 10.0)
    assert room.does(Tick(), 500.0) == ()
    assert room.debate.view(room.at).ends_in == 50.0
    room.does(Commanded("ana", "extend", {"seconds": "30"}), 1.0)
    room.does(Commanded("ana", "resume"), 1.0)
    assert room.debate.view(room.at).ends_in == 80.0
    assert (
        "twenty seconds"
        in room.one(room.says("ben", "Sage, how much time is left?", seconds=59.5, after=0.3)).text
    )


def test_to_the_greeting_of_a_person_the_moderator_attends(room):
    assert room.says("ana", "Hello, Sage.") == ()
    assert room.one(room.does(Tick(), 5.0)).text == "Yes, Ana?"


def test_the_room_is_told_once_that_nobody_is_heard_and_once_that_all_are_again(room):
    lost = room.one(room.does(HearingChanged(works=False), 1.0))
    assert (lost.kind, lost.signal, lost.addressed_to) == ("announce", "hearing:lost", "")
    assert "type" in lost.text
    assert room.does(HearingChanged(works=False), 1.0) == ()
    back = room.one(room.does(HearingChanged(works=True), 1.0))
    assert (back.kind, back.signal) == ("announce", "hearing:back")
    assert room.does(HearingChanged(works=True), 1.0) == ()


def test_a_debate_that_hears_nobody_keeps_its_clock_and_takes_what_is_typed():
    room = Room("lincoln-douglas")
    room.does(Commanded("ana", "start", role="host"))
    room.does(HearingChanged(works=False), 1.0)
    room.does(Uttered("t1", "ben", "Moderator, whose turn is it?", room.at, room.at, "chat"), 1.0)
    assert room.debate.view(room.at).ends_in is not None
    assert [one.kind for one in room.does(Tick(), 3600.0)] != []
