"""The laws of a debate, whatever happens in it."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from debate import decisions as dec
from debate import events as ev
from debate.address import find_address, looks_unfinished
from debate.debate import Debate
from debate.decisions import KINDS, URGENCIES
from debate.fact_checks import TROUBLES, VERDICTS
from debate.formats import load_formats
from debate.grammar import parse_command
from debate.handover import DebateState, taken
from debate.playbook import answer
from debate.sources import Source
from debate.words import words_of
from personas.registry import load_registry

PERSONAS = load_registry()
PEOPLE = st.sampled_from(["ana", "ben", "cem", "dora", "", "ghost"])
WORDS = st.sampled_from(
    sorted(
        words_of(
            "moderator sage the a Ana Ben what is who has floor time left be devil's advocate switch to keeper"
            " summarise that please next start pause resume end , . ? said ask tell may I speak give how much topic"
            " stage page is that true fact check yes percent"
        )
    )
)
SPEECH = st.one_of(st.lists(WORDS, max_size=12).map(" ".join), st.text(max_size=60))
TIMES = st.one_of(st.floats(-10, 20000), st.floats(allow_nan=True, allow_infinity=True))
COMMANDS = st.sampled_from(
    sorted(
        words_of(
            "persona set-topic topic format give-floor floor quiet speak start next pause resume extend end time"
            " summary raise-hand lower-hand help nonsense again prepare side vote ballot point accept decline yield"
            " factcheck"
        )
    )
)
ARGUMENTS = st.dictionaries(
    st.sampled_from(
        ["persona", "topic", "format", "to", "seconds", "raised", "side", "choice", "decision", "claim", "of"]
    ),
    st.one_of(
        st.sampled_from(
            [*PERSONAS.names, *load_formats(), "ana", "ben", "30", "-1", "false", "for", "pro", "con"]
        ),
        st.text(max_size=9),
    ),
    max_size=2,
)
EVENTS = st.one_of(
    st.builds(ev.Joined, PEOPLE, st.text(max_size=20), st.sampled_from([*ev.ROLES, "king"])),
    st.builds(ev.Left, PEOPLE),
    st.builds(ev.SpeechStarted, PEOPLE),
    st.builds(ev.SpeechEnded, PEOPLE, TIMES),
    st.builds(
        ev.Uttered, st.text(max_size=3), PEOPLE, SPEECH, TIMES, TIMES, st.sampled_from(["voice", "chat"])
    ),
    st.builds(ev.HandRaised, PEOPLE),
    st.builds(ev.HandLowered, PEOPLE),
    st.builds(
        ev.Commanded, PEOPLE, COMMANDS, ARGUMENTS, st.sampled_from(ev.ROLES), st.sampled_from(["rpc", "http"])
    ),
    st.builds(ev.ModeratorSpoke, SPEECH, TIMES, TIMES, st.booleans()),
    st.builds(ev.FactChecksChanged, st.sampled_from(["", *TROUBLES, "odd"])),
    st.builds(
        ev.FactChecked,
        st.sampled_from(["1", "2", "3", "x"]),
        st.sampled_from([*VERDICTS, "odd"]),
        SPEECH,
        st.sampled_from([(), (Source("A", "https://a.example/"),)]),
        st.sampled_from(["", *TROUBLES, "odd"]),
    ),
    st.builds(ev.Tick),
    st.builds(
        ev.Restored, st.dictionaries(st.sampled_from(list(DebateState.model_fields)), st.text(max_size=4))
    ),
)
MOVED = {
    "command:extend", "command:next", "command:start", "command:format", "command:again", "command:prepare",
    "command:resume", "time:next", "time:returned", "time:prepared",
}  # fmt: skip
"""What changes the time that is left, other than its going by."""

SCRIPTS = st.lists(st.tuples(st.floats(0, 120), EVENTS), max_size=40)
FORMATS = st.sampled_from(list(load_formats()))


def _debate(form: str) -> Debate:
    return Debate("Nuclear power", PERSONAS.get("neutral-facilitator"), form, personas=PERSONAS)


def _play(debate: Debate, script: list[tuple[float, ev.Event]]) -> list[dec.Decision]:
    at = 0.0
    found: list[dec.Decision] = []
    for after, event in script:
        at += after
        found += debate.apply(event, at)
    return found


@given(SCRIPTS, FORMATS)
@settings(max_examples=150, deadline=None)
def test_replaying_the_journal_gives_the_same_decisions_and_the_same_state(script, form):
    stored = [(after, json.loads(json.dumps(ev.to_json(event)))) for after, event in script]
    first, second = _debate(form), _debate(form)
    told = _play(first, script)
    again = _play(second, [(after, ev.from_json(event)) for after, event in stored])
    assert json.dumps([dec.to_json(d) for d in told]) == json.dumps([dec.to_json(d) for d in again])
    at = sum(after for after, _ in script)
    assert repr(first.view(at)) == repr(second.view(at))
    assert [dec.from_json(dec.to_json(d)) for d in told] == told


@given(SCRIPTS, FORMATS)
@settings(max_examples=150, deadline=None)
def test_the_laws_hold_after_every_event(script, form):
    debate = _debate(form)
    at = 0.0
    for after, event in script:
        at += after
        for decision in debate.apply(event, at):
            assert decision.kind in KINDS
            assert decision.urgency in URGENCIES
            assert decision.reason
            assert decision.signal
            assert decision.expires_at > decision.at == at
            assert len(decision.text) < 1000
            verdict = any(words in decision.text for words in VERDICTS.values())
            assert not (decision.kind == "fact_check" and verdict and not decision.sources)
        view = debate.view(at)
        present = {person.identity for person in view.people if person.present}
        assert view.floor == "" or view.floor in present
        assert set(view.queue) <= present
        assert len(set(view.queue)) == len(view.queue)
        assert view.floor not in view.queue or not debate.people.given
        assert view.ends_in is None or view.ends_in >= 0
        assert all(person.talk_seconds >= 0 for person in view.people)
        assert len(view.recent) <= 40


@given(SCRIPTS, PEOPLE, SPEECH)
@settings(max_examples=100, deadline=None)
def test_the_playbook_always_has_an_answer(script, asker, question):
    debate = _debate("open-discussion")
    _play(debate, script)
    text = answer(debate.view(5000.0), asker, question)
    assert text.strip()
    assert len(text) < 1200


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_text_raises(text):
    find_address(text, [text, "Ana"])
    looks_unfinished(text)
    parse_command(text, _debate("oxford").view(0.0), PERSONAS, "ana")


@given(st.lists(st.tuples(st.floats(0, 5), EVENTS), max_size=20), FORMATS)
@settings(max_examples=60, deadline=None)
def test_time_left_grows_only_by_time_that_was_given(script, form):
    debate = _debate(form)
    at = 0.0
    for after, event in script:
        before, segment = debate.view(at).ends_in, debate.view(at).segment
        at += after
        decisions = debate.apply(event, at)
        left = debate.view(at).ends_in
        moved = any(d.signal in MOVED for d in decisions)
        if before is not None and left is not None and segment == debate.view(at).segment and not moved:
            assert left <= before + 1e-6


@given(SCRIPTS, FORMATS, FORMATS)
@settings(max_examples=150, deadline=None)
def test_a_debate_that_is_handed_over_goes_on_where_it_was(script, form, other):
    first, second = _debate(form), _debate(other)
    _play(first, script)
    at = sum(after for after, _ in script)
    state = json.loads(json.dumps(taken(first)))
    assert len(json.dumps(state)) < 60_000
    second.apply(ev.Restored(state), at)
    first.apply(ev.Tick(), at)  # what is due is done in the first moment of the other too
    mine, theirs = first.view(at), second.view(at)
    for name in ("topic", "format", "segment", "status", "floor", "queue", "paused", "quiet"):
        assert getattr(theirs, name) == getattr(mine, name), name
    assert theirs.persona.name == mine.persona.name
    assert (theirs.ends_in is None) == (mine.ends_in is None)
    assert abs((theirs.ends_in or 0.0) - (mine.ends_in or 0.0)) < 0.01
    assert [said.text[:20] for said in theirs.recent[-3:]] == [said.text[:20] for said in mine.recent[-3:]]
