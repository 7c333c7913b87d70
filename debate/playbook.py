"""The deterministic moderator: answers from the state of the debate and the persona's lines, without any LLM.

Owns words only, at most two sentences unless a summary is asked for. Changes nothing in the debate. What people
said is quoted as data: bounded, without control characters.
"""

# ruff: noqa: ARG001 - the functions of one table share one signature, whatever each of them needs.
from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from debate.address import find_address
from debate.extract import telling_sentence
from debate.formats import load_formats
from debate.grammar import ParsedCommand, match_person, normalise, parse_command
from debate.view import DebateView, PersonView
from debate.words import clean, duration, ended, exact_duration, join_names, number, sentences

SUMMARY_SPEAKERS = 4
TOPIC_CHARS = 160
QUOTED_CHARS = 1200


def answer(view: DebateView, asker_identity: str, question: str) -> str:
    """What to say to `asker_identity`, who asked `question` (without the address). Never empty, never raises."""
    command = parse_command(question, view, asker=asker_identity)
    return respond(view, asker_identity, question, command)


def respond(view: DebateView, asker: str, question: str, command: ParsedCommand | None) -> str:
    """As `answer`, for a question that has been parsed already."""
    if not normalise(question):
        return line(view, "attend", asker)
    words = _ANSWERS.get(command.name) if command is not None else None
    if words is not None:
        return words(view, asker, question)
    if command is not None and command.name == "give-floor":
        return floor_to(view, asker, command.args.get("to", ""))
    return hand_back(view, asker)


def line(view: DebateView, key: str, asker: str, **values: str) -> str:
    """One of the persona's lines, another each time somebody has spoken, with its placeholders filled."""
    choices = view.persona.lines[key]
    spoken = sum(person.utterances for person in view.people)
    text = choices[spoken % len(choices)]
    for name, value in {"asker": view.name(asker), **values}.items():
        text = text.replace(f"{{{name}}}", value)
    return text.replace(" ,", ",").replace(", ?", "?").replace("Yes, ?", "Yes?").strip()


def attend(view: DebateView, asker: str) -> str:
    """What to say to somebody who called and said no more."""
    return line(view, "attend", asker) if view.name(asker) else "Yes?"


def hearing(*, lost: bool) -> str:
    """What to say to the room when no recogniser is left, and when one is back."""
    if lost:
        return "I cannot hear your words just now. I will keep the time; please type to me until I say so."
    return "I can hear you again. Thank you for your patience."


def hand_back(view: DebateView, asker: str) -> str:
    """The persona's own way of giving a question back to whoever was least heard, or to the room."""
    other = least_heard(view, asker)
    return line(view, "handback", asker, name=other.name) if other else line(view, "handback_room", asker)


def least_heard(view: DebateView, but: str = "") -> PersonView | None:
    """Who of those present, other than `but`, has spoken least."""
    others = [person for person in view.speakers() if person.identity != but]
    return min(others, key=lambda person: (person.talk_seconds, person.utterances), default=None)


# --- answers -------------------------------------------------------------------------------------------------


def _floor(view: DebateView, asker: str, question: str) -> str:
    waiting = [name for name in map(view.name, view.queue) if name]
    then = f" {waiting[0]} is next." if waiting else ""
    if view.floor == asker and asker:
        return f"You have the floor, {view.name(asker)}.{then}"
    if view.floor:
        return f"{view.name(view.floor)} has the floor.{then}"
    last = view.last_speaker
    if last and last != asker:
        return f"The floor is open; {view.name(last)} spoke last.{then or ' You may go ahead.'}"
    other, asking = least_heard(view, asker), view.person(asker)
    least = other is not None and asking is not None and other.talk_seconds < asking.talk_seconds
    invited = (
        f" {other.name}, you have spoken least: would you like it?" if other and least and not then else ""
    )
    return f"The floor is open.{then or invited or ' You may go ahead.'}"


def _time(view: DebateView, asker: str, question: str) -> str:
    if view.ends_in is None:
        so_far = duration(view.elapsed)
        if view.status == "ready":
            return f"The clock has not been started yet. We have been here for {so_far}."
        if view.status == "over":
            return f"The debate is over. It took {so_far}."
        return f"There is no time limit here. We have been talking for {so_far}."
    paused = " The clock is paused." if view.paused else ""
    if view.ends_in <= 0:
        return f"The time for the {view.segment} is over.{paused}"
    return f"There are {exact_duration(view.ends_in)} left for the {view.segment}.{paused}".replace(
        "There are one second", "There is one second"
    )


def _talk_time(view: DebateView, asker: str, question: str) -> str:
    person = view.person(asker)
    if person is None or person.talk_seconds < 1:
        return "You have hardly spoken yet. Please go ahead."
    return f"You have spoken for {duration(person.talk_seconds)} so far, {person.name}."


def _topic(view: DebateView, asker: str, question: str) -> str:
    return ended(f"Our topic is {clean(view.topic, TOPIC_CHARS) or 'open'}")


def _balance(view: DebateView, asker: str, question: str) -> str:
    people = sorted(view.speakers(), key=lambda person: -person.talk_seconds)
    if not people or people[0].talk_seconds < 1:
        return "Nobody has spoken for long yet."
    most, least = people[0], people[-1]
    if len(people) == 1:
        return f"{most.name} has spoken for {duration(most.talk_seconds)}."
    if people[0].talk_seconds - people[-1].talk_seconds < 1:
        return f"So far you have all spoken for the same time, {duration(most.talk_seconds)} each."
    spoken = duration(least.talk_seconds) if least.talk_seconds >= 1 else "not at all"
    return (
        f"{most.name} has spoken most, for {duration(most.talk_seconds)}. "
        f"{least.name} has spoken least, {spoken if spoken == 'not at all' else f'for {spoken}'}."
    )


def _people(view: DebateView, asker: str, question: str) -> str:
    names = [person.name for person in view.present]
    if len(names) > 8:
        return f"There are {number(len(names))} of you here."
    return f"Here are {join_names(names)}." if names else "Nobody is here but me."


def _help(view: DebateView, asker: str, question: str) -> str:
    return (
        f"I am Sage, {view.persona.title}. Ask me who has the floor, how the time stands, "
        "who has spoken most, or for a summary."
    )


def _formats(view: DebateView, asker: str, question: str) -> str:
    titles = sorted(form.title for form in load_formats().values())
    return f"We can follow {', '.join(titles[:-1])} or {titles[-1]}. Say which one, or choose it on the page."


def _repeat(view: DebateView, asker: str, question: str) -> str:
    own = [said.text for said in view.recent if not said.identity]
    return clean(own[-1], 300) if own else "I have not said anything yet."


def _summary(view: DebateView, asker: str, question: str) -> str:
    """By name, those who said most first: the most telling sentence of each."""
    only = match_person(_about(question), view)
    said: dict[str, list[str]] = {
        identity: list(claims) for identity, claims in view.claims.items() if not only or identity == only
    }
    for words in view.recent:
        if words.identity and (not only or words.identity == only):
            said.setdefault(words.identity, []).extend(_to_the_room(words.text))
    parts: list[str] = []
    for identity, texts in sorted(said.items(), key=lambda item: -sum(map(len, item[1]))):
        sentence = telling_sentence(texts)
        name = view.name(identity)
        if sentence and name:
            parts.append(f"{name} said: {ended(sentence)}")
        if len(parts) == SUMMARY_SPEAKERS:
            break
    if not parts:
        whom = f"{view.name(only)} has" if only else "Nobody has"
        return f"{whom} said much yet. The topic is {ended(clean(view.topic, TOPIC_CHARS))}"
    opening = "" if only else f"On our topic, {clean(view.topic, 80).rstrip('?.!')}: "
    return opening + " ".join(parts)


def _to_the_room(text: str) -> list[str]:
    """The sentences of `text` that argue: what was said to the moderator is no argument."""
    return [part for part in sentences(clean(text, QUOTED_CHARS)) if find_address(part) is None]


def _about(question: str) -> str:
    """Whom a summary is asked of: the words after "what did", "summarise", "points of"."""
    words = normalise(question).split()
    marks = ("did", "has", "of", "summarise", "from", "by", "for")
    after = [index for index, word in enumerate(words) if word in marks]
    return " ".join(words[after[-1] + 1 :]) if after else ""


def floor_to(view: DebateView, asker: str, to: str) -> str:
    """Words that give the floor: to `to`, or to whoever was least heard where that is ""."""
    if to and to == asker:
        if view.floor and view.floor != asker:
            return f"You are next, {view.name(asker)}, after {view.name(view.floor)}."
        return f"The floor is yours, {view.name(asker)}."
    person = view.person(to) if to else least_heard(view, asker)
    if person is None or not person.name:
        return "The floor is open. Who would like to speak?"
    return f"{person.name}, the floor is yours."


_ANSWERS: Mapping[str, Callable[[DebateView, str, str], str]] = MappingProxyType(
    {
        "floor": _floor,
        "time": _time,
        "talk-time": _talk_time,
        "topic": _topic,
        "balance": _balance,
        "people": _people,
        "help": _help,
        "formats": _formats,
        "repeat": _repeat,
        "summary": _summary,
    }
)
