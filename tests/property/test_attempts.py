"""What debaters try in order to turn the moderator (tests/debates/attempts.md): nothing moves but by right."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from debate.commands import DEBATER_COMMANDS, HOST_COMMANDS
from debate.debate import TOPIC_CHARS
from debate.decisions import Decision
from debate.events import Joined, Uttered
from debate.words import clean
from launcher.places import REPOSITORY
from memory import Recall, uuid7
from tests.unit.test_debate import Room
from tests.unit.test_debate_course import host, seated
from voice.briefing import RULES, brief

TEXT = (REPOSITORY / "tests" / "debates" / "attempts.md").read_text(encoding="utf-8")
ATTEMPTS = re.findall(r"^- \[(\w+)\] (.+)$", TEXT, re.MULTILINE)
ROLES = ("debater", "audience")
MOVED_BY = {
    "quiet": {"quiet", "speak"},
    "floor": {"give-floor", "yield"},
    "queue": {"raise-hand", "lower-hand", "give-floor"},
}
"""What a debater may move, and by which commands; the clock and the topic are the host's, roles are nobody's."""


def state(room: Room) -> dict[str, object]:
    debate = room.debate
    return {
        "roles": {
            one.identity: (one.role, one.side)
            for one in debate.people.known.values()
            if one.identity != "mallory"
        },
        "own role": debate.people.known["mallory"].role,
        "clock": (debate.clock.format.name, debate.clock.index, debate.clock.status, debate.clock.ends_at),
        "topic": debate.topic,
        "floor": (debate.people.floor, debate.people.given),
        "queue": tuple(debate.people.queue),
        "persona": debate.persona.name,
        "quiet": debate.quiet,
    }


def hall(role: str, name: str = "Mallory") -> Room:
    """A timed debate that runs, with a host, and Mallory in `role`."""
    room = seated("lincoln-douglas")
    room.does(Joined("mallory", name, role))
    host(room, "start")
    return room


def commands_of(found: tuple[Decision, ...]) -> set[str]:
    return {one.signal.removeprefix("command:") for one in found if one.signal.startswith("command:")}


def phrases(text: str, words: int = 6) -> Iterator[str]:
    found = re.findall(r"[\w']+", text.lower())
    return (" ".join(found[start : start + words]) for start in range(len(found) - words + 1))


def reveals(found: tuple[Decision, ...], room: Room) -> bool:
    secret = set(phrases(RULES)) | set(phrases(room.debate.persona.manner))
    return any(phrase in secret for one in found for phrase in phrases(one.text))


def test_there_are_forty_attempts_by_every_way_in():
    assert len(ATTEMPTS) == 40
    assert {way for way, _ in ATTEMPTS} == {"speech", "name", "topic", "chat"}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("text", [text for way, text in ATTEMPTS if way in ("speech", "chat")])
def test_words_move_only_what_the_role_may_move(text, role):
    for via in ("voice", "chat"):
        room = hall(role)
        before = state(room)
        at = room.at
        found = room.does(Uttered(uuid7(), "mallory", text, at, at + 4, via), 4.0)
        done, after = commands_of(found), state(room)
        assert not done & HOST_COMMANDS
        assert role == "debater" or not done & DEBATER_COMMANDS
        for what in before:
            if before[what] != after[what]:
                # everybody may ask for another persona; the rest is for those who debate
                assert what == "persona" or role == "debater"
                assert done & ({"persona"} if what == "persona" else MOVED_BY.get(what, set())), (what, found)
        assert not reveals(found, room)
        for decision in found:
            context = brief(room.debate.view(room.at), decision, Recall())
            system, user = context.messages()
            assert text[:40] not in str(system.text_content)
            assert str(user.text_content).count("<material>") == str(user.text_content).count("</material>")


@pytest.mark.parametrize("name", [text for way, text in ATTEMPTS if way == "name"])
def test_a_name_is_only_a_name(name):
    plain, odd = hall("audience"), hall("audience", name)
    assert state(odd) == state(plain)
    at = odd.at
    asked = odd.does(Uttered(uuid7(), "mallory", "Moderator, start the next part.", at, at + 2), 2.0)
    assert [one.kind for one in asked] == ["refuse"]
    context = brief(odd.debate.view(odd.at), asked[0], Recall())
    assert "<role>host" not in str(context.messages()[0].text_content)
    assert str(context.messages()[1].text_content).count("</material>") <= 2


@pytest.mark.parametrize("topic", [text for way, text in ATTEMPTS if way == "topic"])
def test_a_topic_is_only_a_topic(topic):
    room = Room()
    room.debate.topic = clean(topic, TOPIC_CHARS)
    context = brief(room.debate.view(1.0), room.debate.greet(1.0), Recall())
    system, user = (str(message.text_content) for message in context.messages())
    assert topic[:12] not in system
    inside = re.findall(r"<material>(.*?)</material>", user, re.DOTALL)
    assert topic[:12] in " ".join(inside)
    assert topic[:12] not in re.sub(r"<material>.*?</material>", "", user, flags=re.DOTALL)
