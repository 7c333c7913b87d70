"""Fact checks in the debate: who may ask, in which words, of what, and what is said of an answer."""

from __future__ import annotations

import json

import pytest

from debate import fact_checks
from debate.decisions import Decision
from debate.decisions import from_json as decision_from_json
from debate.decisions import to_json as decision_to_json
from debate.events import (
    Commanded,
    FactChecked,
    FactChecksChanged,
    HearingChanged,
    Joined,
    Tick,
    Uttered,
    from_json,
    to_json,
)
from debate.grammar import intent, parse_command
from debate.sources import MOST_SOURCES, Source, sources_of
from tests.unit.test_debate import PERSONAS, Room
from tests.unit.test_debate_attention import Scene

CLAIM = "Ninety percent of all children would use it every day."
SOURCES = (
    Source("A fact sheet", "https://facts.example/one"),
    Source("A newspaper", "https://news.example/two"),
)


@pytest.fixture
def room() -> Room:
    """A room that can check, in which Ben has just made a claim."""
    room = Room()
    room.does(FactChecksChanged(""))
    room.says("ben", CLAIM)
    return room


def asked(found: tuple[Decision, ...]) -> Decision:
    """The one decision of `found`, which asks for a check."""
    assert len(found) == 1, found
    assert (found[0].kind, found[0].text) == ("fact_check", "")
    return found[0]


# -- the grammar


@pytest.mark.parametrize(
    ("words", "args"),
    [
        ("is that true", {}),
        ("is that actually true?", {}),
        ("Is that number right?", {}),
        ("are those figures correct", {}),
        ("is this claim accurate", {}),
        ("is that right?", {}),
        ("does that hold up?", {}),
        ("can you check that", {}),
        ("could you please check that for us?", {}),
        ("can you check whether that's true", {}),
        ("verify that", {}),
        ("look that up, please", {}),
        ("can you double check that number", {}),
        ("is there any evidence for that?", {}),
        ("what's the source for that?", {}),
        ("fact check", {}),
        ("fact-check that please", {}),
        ("fact check this claim", {}),
        ("we need a fact check", {}),
        ("I'd like a fact check on that", {}),
        ("let's do a quick fact check", {}),
        ("give us a fact check", {}),
        ("fact-check what Ben said", {"of": "ben"}),
        ("fact check Ben", {"of": "ben"}),
        ("Fact check Ben's claim about cars", {"of": "ben"}),
        ("check Ben's number", {"of": "ben"}),
        ("check what Cem just said", {"of": "cem"}),
        ("is what Ben said true?", {"of": "ben"}),
        ("did Ben get that right?", {"of": "ben"}),
        ("is Ben right about that?", {"of": "ben"}),
        ("fact check: the Earth is flat, please.", {"claim": "the Earth is flat"}),
        ("fact-check that 90% of cars stand still", {"claim": "90% of cars stand still"}),
        ("is it true that trams are cheaper than buses?", {"claim": "trams are cheaper than buses"}),
        ("check whether trams are cheaper than buses", {"claim": "trams are cheaper than buses"}),
        ("can you find out if Paris has more people than Rome", {"claim": "Paris has more people than Rome"}),
    ],
)
def test_a_fact_check_is_understood_in_many_wordings(room, words, args):
    command = parse_command(words, room.debate.view(room.at), PERSONAS, "ana")
    assert command is not None
    assert (command.name, dict(command.args)) == ("factcheck", args)
    assert intent(words) in ("factcheck", "persona")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("be the fact checker", "persona"),
        ("switch to fact checker", "persona"),
        ("fact checker please", "persona"),
        ("fact check mode", "persona"),
        ("check the time", "time"),
        ("time check", "time"),
        ("are you a fact checker", "help"),
        ("is that fair", ""),
        ("is that not a contradiction", ""),
        ("is Ben right", ""),
        ("that is not true", ""),
    ],
)
def test_what_only_sounds_like_it_is_none(room, words, name):
    command = parse_command(words, room.debate.view(room.at), PERSONAS, "ana")
    assert (command.name if command is not None else "") == name


def test_the_fact_checker_is_asked_by_its_title(room):
    assert asked(room.says("ana", "Fact checker, is that number right?")).question == CLAIM


# -- which claim


def test_without_a_claim_the_last_one_of_somebody_else_is_checked(room):
    room.says("cem", "I do not know what to say to that at all.")
    room.says("ana", "Half of all people in this town own two cars.")
    found = asked(room.says("ana", "Moderator, is that true?"))
    assert found.question == CLAIM
    assert (found.addressed_to, found.check, found.signal) == ("ana", "1", "command:factcheck")
    assert "Ana" in found.reason
    assert "Ben" in found.reason
    assert "children" not in found.reason


def test_where_nobody_claimed_anything_lately_the_last_utterance_is_checked(room):
    room.says("cem", "The Eiffel Tower stands in the middle of Rome.", after=fact_checks.CLAIM_SECONDS + 1)
    assert asked(room.says("ana", "Sage, is that right?")).question.startswith("The Eiffel Tower")


def test_of_a_long_speech_the_sentence_that_can_be_looked_up_is_checked(room):
    speech = " ".join(["I would like to say a few things about this before we come to it."] * 6)
    room.says("cem", f"{speech} According to the police it has doubled. {speech}")
    assert (
        asked(room.says("ana", "Sage, is that true?")).question == "According to the police it has doubled."
    )


def test_the_words_of_whoever_is_named_are_checked(room):
    room.says("cem", "Seventy percent of all voters want it.")
    assert asked(room.says("ana", "Sage, fact-check what Ben said.")).question == CLAIM


def test_somebody_alone_has_their_own_words_checked_and_never_what_they_asked():
    room = Room()
    room.does(FactChecksChanged(""))
    assert room.one(room.says("ana", "Moderator, can you check that?")).kind == "refuse"
    found = asked(room.says("ana", "Seventy percent of all voters want it. Moderator, can you check that?"))
    assert found.question == "Seventy percent of all voters want it."


def test_the_moderators_own_words_are_not_checked(room):
    found = asked(room.does(Commanded("ana", "factcheck", {"of": "ben"})))
    assert found.question == CLAIM
    refused = room.one(room.does(Commanded("ana", "factcheck", {"of": "nobody"})))
    assert refused.kind == "refuse"


def test_of_a_whole_speech_the_page_has_the_claim_checked(room):
    speech = "I am glad to be here tonight, and so are we all, I should think. " * 8
    found = asked(
        room.does(
            Commanded(
                "ana",
                "factcheck",
                {"claim": f"{speech} 40% of all cars in this town stand still. Thank you."},
            )
        )
    )
    assert found.question == "40% of all cars in this town stand still."


def test_a_claim_of_the_page_is_bounded(room):
    found = asked(room.does(Commanded("ana", "factcheck", {"claim": "trams \x00 " * 500})))
    assert len(found.question) <= 300
    assert "\x00" not in found.question


# -- who may


@pytest.mark.parametrize(
    ("role", "may"),
    [("host", True), ("debater", True), ("judge", True), ("audience", False), ("king", False)],
)
@pytest.mark.parametrize("via", ["rpc", "http"])
def test_everybody_but_the_audience_may_ask(room, role, may, via):
    found = room.one(room.does(Commanded("ana", "sage.factcheck", {"claim": "Trams are green."}, role, via)))
    assert found.kind == ("fact_check" if may else "refuse")
    assert may or "take part" in found.text


def test_the_audience_may_not_ask_by_voice_either(room):
    room.does(Joined("dora", "Dora", "audience"))
    assert room.one(room.says("dora", "Moderator, is that true?")).kind == "refuse"


def test_the_web_service_may_ask(room):
    found = asked(room.does(Commanded("http", "factcheck", {}, "host", "http")))
    assert found.question == CLAIM
    assert "The web service" in found.reason


def test_only_so_many_wait_at_once(room):
    for number in range(fact_checks.MOST_WAITING):
        assert asked(room.does(Commanded("ana", "factcheck", {}), 0.1)).check == str(number + 1)
    refused = room.one(room.does(Commanded("ana", "factcheck", {}), 0.1))
    assert refused.kind == "refuse"
    assert "still checking" in refused.text


# -- answers


def test_the_answer_goes_to_all_pages_first_and_aloud_to_whoever_asked_by_voice(room):
    room.says("ana", "Moderator, is that true?")
    sentence = "Sales fell by 12 percent in 2023, says Eurostat.[1][2] And more."
    shown, spoken = room.does(FactChecked("1", "false", sentence, SOURCES), 1.0)
    assert (shown.kind, shown.addressed_to, shown.sources, shown.check) == ("fact_check", "", SOURCES, "1")
    assert shown.text.startswith(f"Ben said: “{CLAIM}” ")
    assert (spoken.kind, spoken.addressed_to, spoken.urgency) == ("reply", "ana", "answer")
    assert spoken.text == (
        "The sources I found contradict that: Sales fell by 12 percent in 2023, says Eurostat."
    )
    assert shown.text.endswith(spoken.text)


@pytest.mark.parametrize("via", ["page", "chat"])
def test_the_answer_is_not_spoken_where_nobody_asked_aloud(room, via):
    if via == "page":
        room.does(Commanded("ana", "factcheck", {}))
    else:
        room.does(Uttered("t1", "ana", "Sage, is that true?", room.at, room.at, "chat"))
    found = room.one(room.does(FactChecked("1", "supported", "It is so in all studies.", SOURCES), 1.0))
    assert (found.kind, found.addressed_to) == ("fact_check", "")


def test_there_is_no_verdict_without_a_source(room):
    room.says("ana", "Moderator, is that true?")
    shown, spoken = room.does(FactChecked("1", "false", "It is plainly wrong.", ()), 1.0)
    for found in (shown, spoken):
        assert fact_checks.NO_SOURCE in found.text
        assert "wrong" not in found.text
        assert found.sources == ()


def test_what_is_no_address_of_the_web_is_no_source(room):
    room.says("ana", "Moderator, is that true?")
    bad = (Source("Click", "javascript:alert(1)"), Source("Bank", "https://bank.example@evil.example/"))
    shown, _ = room.does(FactChecked("1", "false", "It is plainly wrong.", bad), 1.0)
    assert fact_checks.NO_SOURCE in shown.text


def test_an_unknown_verdict_settles_nothing(room):
    room.says("ana", "Moderator, is that true?")
    _, spoken = room.does(FactChecked("1", "gospel", "It is so in all studies.", SOURCES), 1.0)
    assert spoken.text.startswith(fact_checks.VERDICTS["unclear"])


def test_an_answer_is_bounded_and_has_no_marks_and_addresses(room):
    room.says("ana", "Moderator, is that true?")
    long = "It is so【3†source】 [1, 2] (see https://evil.example/x) **and** " + "on and " * 500
    _, spoken = room.does(FactChecked("1", "supported", long, SOURCES), 1.0)
    assert len(spoken.text) < 320
    assert not any(mark in spoken.text for mark in ("[", "【", "http", "*", "evil"))


def test_an_answer_comes_once_and_to_checks_that_wait_only(room):
    room.does(Commanded("ana", "factcheck", {}))
    answer = FactChecked("1", "supported", "It is so in all studies.", SOURCES)
    assert room.does(FactChecked("7", "supported", "It is so in all studies.", SOURCES)) == ()
    assert len(room.does(answer)) == 1
    assert room.does(answer) == ()


# -- what cannot be


def test_without_a_search_the_moderator_says_that_it_cannot():
    room = Room()
    room.says("ben", CLAIM)
    spoken = room.one(room.says("ana", "Moderator, is that true?"))
    assert (spoken.kind, spoken.text) == ("reply", fact_checks.TROUBLES["unset"])
    assert spoken.text.startswith("I cannot check that here")
    assert room.one(room.does(Commanded("ana", "factcheck", {}))).kind == "refuse"


def test_while_the_search_is_dead_the_moderator_says_so(room):
    room.does(FactChecksChanged("down"))
    assert room.one(room.says("ana", "Sage, is that true?")).text == fact_checks.TROUBLES["down"]
    room.does(FactChecksChanged(""))
    asked(room.says("ana", "Sage, is that true?"))


@pytest.mark.parametrize("trouble", [*fact_checks.TROUBLES, "nonsense"])
def test_a_check_that_failed_is_told_to_whoever_asked(room, trouble):
    room.says("ana", "Moderator, is that true?")
    spoken = room.one(room.does(FactChecked("1", "false", "It is wrong.", SOURCES, trouble), 1.0))
    assert (spoken.kind, spoken.addressed_to) == ("reply", "ana")
    assert spoken.text in fact_checks.TROUBLES.values()
    room.does(Commanded("ben", "factcheck", {"claim": "Trams are green."}))
    shown = room.one(room.does(FactChecked("2", trouble=trouble), 1.0))
    assert (shown.kind, shown.addressed_to, shown.sources) == ("fact_check", "ben", ())


def test_an_answer_without_words_cannot_be_used(room):
    room.says("ana", "Moderator, is that true?")
    spoken = room.one(room.does(FactChecked("1", "false", " [1] ", SOURCES), 1.0))
    assert spoken.text == fact_checks.TROUBLES["unreadable"]


def test_whoever_waits_is_told_once_and_not_left_waiting_for_ever(room):
    room.says("ana", "Moderator, is that true?")
    told = room.one(room.does(Tick(), fact_checks.PATIENCE_SECONDS))
    assert (told.kind, told.addressed_to, told.text) == ("reply", "ana", fact_checks.WAIT)
    assert room.does(HearingChanged(works=True), 1.0) == ()
    over = [one for one in room.does(Tick(), fact_checks.GIVE_UP_SECONDS) if one.signal == "fact-checked"]
    assert [one.text for one in over] == [fact_checks.TROUBLES["late"]]
    assert room.debate.fact_checks.waiting == {}


# -- the topic expert's offer


@pytest.fixture
def expert() -> Scene:
    """The topic expert has just offered Ana a check of her claim."""
    scene = Scene(persona="topic-expert").under_way()
    scene.does(FactChecksChanged(""))
    found = scene.talks("ana", CLAIM)
    assert [(one.signal, one.kind, one.addressed_to) for one in found] == [("claim", "announce", "ana")]
    assert "check" in found[0].text
    return scene


@pytest.mark.parametrize(
    "words", ["Yes, please.", "Sure, go ahead.", "Yes. Check it.", "Please do.", "Yes, can you check that?"]
)
def test_the_experts_offer_is_taken_by_whoever_it_was_made_to(expert, words):
    assert asked(expert.says("ana", words)).question == CLAIM


def test_another_takes_the_offer_by_asking_for_the_check(expert):
    assert expert.says("ben", "Yes, please.") == ()
    assert asked(expert.says("ben", "Check that, please.")).question == CLAIM


@pytest.mark.parametrize(
    "words", ["No, thank you.", "Yes, I read it in a study of the university.", "Never mind."]
)
def test_what_takes_no_offer_leaves_it(expert, words):
    assert expert.says("ana", words) == ()
    assert expert.says("ana", "Yes, please.") == ()


def test_an_offer_is_gone_after_a_while(expert):
    assert [one.kind for one in expert.says("ana", "Yes, please.", after=fact_checks.OFFER_SECONDS)] == []


def test_nothing_is_checked_unasked_and_nothing_offered_that_cannot_be_done():
    scene = Scene(persona="topic-expert").under_way()
    found = scene.talks("ana", CLAIM)
    assert [one.signal for one in found] == ["claim"]
    assert "check" not in found[0].text
    assert scene.says("ana", "Yes, please.") == ()


# -- the journal


def test_events_and_decisions_come_back_from_the_journal_as_they_were(room):
    room.does(Commanded("ana", "factcheck", {}))
    event = FactChecked("1", "false", "It is plainly wrong.", SOURCES)
    for one in (event, FactChecksChanged("down")):
        assert from_json(json.loads(json.dumps(to_json(one)))) == one
    shown = room.one(room.does(event))
    assert decision_from_json(json.loads(json.dumps(decision_to_json(shown)))) == shown


@pytest.mark.parametrize("sources", [None, 5, "x", {}, [None, 1, []], [{"url": 5}], [{"title": "t"}]])
def test_odd_sources_of_a_journal_are_none(sources):
    event = from_json({"type": "fact_checked", "check": "1", "sources": sources})
    assert isinstance(event, FactChecked)
    assert event.sources == ()


@pytest.mark.parametrize(
    "url",
    [
        "", "javascript:alert(1)", "data:text/html,x", "ftp://a.example/", "//a.example/x", "https://", "https:///x",
        "https://a.example/x y", "https://a.example/\n", "https://user@a.example/", "http://[::1", "a.example",
        "https://a.example/" + "x" * 500,
    ],
)  # fmt: skip
def test_only_addresses_of_the_web_are_sources(url):
    assert sources_of([{"title": "A", "url": url}]) == ()


def test_sources_are_few_short_and_named_once():
    many = [{"title": "T" * 999, "url": f"https://a.example/{number // 2}"} for number in range(30)]
    found = sources_of(many)
    assert len(found) == MOST_SOURCES
    assert len({source.url for source in found}) == MOST_SOURCES
    assert all(len(source.title) <= 160 for source in found)
    assert sources_of([{"title": " ", "url": "https://a.example/1"}]) == (
        Source("a.example", "https://a.example/1"),
    )
