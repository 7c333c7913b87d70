"""What a command does to the debate, whether it was spoken, came from the page or from the web service.

Owns who may do what, the change of state and the words that confirm it. Understands no wording (grammar.py).
"""

# ruff: noqa: ARG001 - the functions of one table share one signature, whatever each of them needs.
from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from debate import course, fact_checks, playbook, points, recall, voting
from debate.acts import Act, CannotBeError, Done
from debate.clock import Clock
from debate.decisions import Decision
from debate.formats import load_formats
from debate.grammar import QUESTIONS, ParsedCommand
from debate.sides import DEBATING
from debate.words import clean, ended

if TYPE_CHECKING:
    from debate.debate import Debate

# Of the timed course of a debate: for the host, or for the debaters where there is no host.
HOST_COMMANDS = frozenset(
    {"set-topic", "format", "start", "next", "again", "pause", "resume", "extend", "end"}
)
# For all who take part; the audience asks and changes the persona only.
DEBATER_COMMANDS = frozenset(
    {
        "give-floor",
        "quiet",
        "speak",
        "raise-hand",
        "lower-hand",
        "wait",
        "prepare",
        "side",
        "point",
        "accept",
        "decline",
        "yield",
    }
)
JUDGE_COMMANDS = frozenset({"ballot"})
_REFUSALS: Mapping[str, str] = MappingProxyType(
    {fact_checks.COMMAND: "Fact checks are for those who take part in the debate."}
)
_ALIASES: Mapping[str, str] = MappingProxyType(
    {"topic": "set-topic", "floor": "give-floor", "hand": "raise-hand", "unhand": "lower-hand"}
)
_ASK_WITHOUT_ARGUMENTS = frozenset({"topic", "floor"})


def carry_out(
    debate: Debate,
    command: ParsedCommand,
    by: str,
    role: str,
    at: float,
    *,
    question: str,
    aloud: bool = False,
) -> tuple[Decision, ...]:
    """Do what `command` says, for `by` in `role`. A command that cannot be is refused in private, never raised.

    `question` is how it was spoken or typed; "" for a command from the page or the web service. `aloud`: by voice.
    """
    name = command.name
    # The page's "topic" with an argument sets it; without one it is the question.
    if name in _ALIASES and (command.args or name not in _ASK_WITHOUT_ARGUMENTS):
        command = ParsedCommand(_ALIASES[name], command.args)
        name = command.name
    who = debate.view(at).name(by) or "The web service"
    if name in QUESTIONS:
        return (_asked(debate, command, by, who, at, question),)
    act = _ACTS.get(name)
    if act is None and name not in (fact_checks.COMMAND, recall.COMMAND):
        return (_refuse(debate, by, at, f"{who} sent an unknown command.", "I do not know that command."),)
    if not _may(debate, name, role):
        reason = f"{who} may not do that in the role {clean(role, 20)}."
        return (_refuse(debate, by, at, reason, _REFUSALS.get(name, "That is for the host to decide.")),)
    try:
        if name == recall.COMMAND:
            return recall.ask(debate, recall.question_of(command, question), by, at, aloud=aloud)
        if act is None:
            return fact_checks.ask(debate, command, by, at, aloud=aloud)
        done, words = act(debate, command, by, at)
    except CannotBeError as error:
        return (_refuse(debate, by, at, f"{who} asked for what cannot be.", str(error)),)
    floor = debate.people.floor if name == "give-floor" else ""
    # what needs no words is shown on the pages: an announcement without any would be made up by the LLM
    kind = "give_floor" if floor else "announce" if words else "bell"
    reason = f"{who} {done}."
    return (debate.decide(at, kind, reason, f"command:{name}", to=floor, text=words, question=question),)


def _asked(debate: Debate, command: ParsedCommand, by: str, who: str, at: float, question: str) -> Decision:
    signal = f"command:{command.name}"
    reason = f"{who} asked for the {command.name.replace('-', ' ')}."
    if command.name == "summary":
        # The words are left to the LLM chain, whose last link is the playbook with the same facts.
        return debate.decide(at, "summarise", reason, signal, to=by, question=question or "summarise")
    words = playbook.respond(debate.view(at), by, question or command.name, command)
    return debate.decide(at, "reply", reason, signal, to=by, text=words, question=question)


def _refuse(debate: Debate, by: str, at: float, reason: str, words: str) -> Decision:
    return debate.decide(at, "refuse", reason, "refused", to=by, text=words)


def _may(debate: Debate, name: str, role: str) -> bool:
    if name in HOST_COMMANDS:
        hosts = any(person.present and person.role == "host" for person in debate.people.known.values())
        return role == "host" or (role == "debater" and not hosts)
    if name in JUDGE_COMMANDS:
        return role == "judge"
    if name == fact_checks.COMMAND:
        return fact_checks.may(role)
    return name not in DEBATER_COMMANDS or role in DEBATING


def _persona(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    wanted = command.args.get("persona", "")
    if wanted not in debate.personas:
        raise CannotBeError(f"There is no such persona. Known are {', '.join(debate.personas.names)}.")
    persona = debate.personas.get(wanted)
    if persona.name == debate.persona.name:
        return f"asked for {persona.title}, which is here already", f"I am {persona.title} already."
    debate.persona = persona
    return f"asked for {persona.title}", playbook.line(debate.view(at), "takeover", by)


def _set_topic(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    topic = clean(command.args.get("topic", ""), 200)
    if not topic:
        raise CannotBeError("A topic needs words.")
    debate.topic = topic
    debate.attention.topic_is(topic)
    return "changed the topic", ended(f"Our topic is now {topic}")


def _format(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    form = load_formats().get(command.args.get("format", ""))
    if form is None:
        raise CannotBeError(f"There is no such format. Known are {', '.join(load_formats())}.")
    if debate.clock.status in ("running", "paused"):
        raise CannotBeError("The format cannot be changed while its clock is running.")
    debate.clock = Clock(form.at_speed(debate.speed))
    debate.voting = (
        voting.Voting()
    )  # another debate begins: the votes and ballots of the last one are not its own
    debate.point.clear()
    return f"chose the format {form.title}", f"We will follow {form.title}. Say start when you are ready."


def _give_floor(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    view = debate.view(at)
    to = command.args.get("to", command.args.get("identity", ""))
    if not to:
        other = playbook.least_heard(view, by)
        to = other.identity if other else ""
    person = view.person(to)
    if person is None or not person.present:
        return "asked to give the floor on", playbook.floor_to(view, by, "")
    words = playbook.floor_to(view, by, to)
    if to == by and view.floor and view.floor != by:
        debate.people.raise_hand(by, at)
        return "asked for the floor", words
    debate.people.give_floor(to, at)
    return f"gave the floor to {person.name}" if to != by else "asked for the floor", words


def _raise_hand(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    if command.args.get("raised", "true").lower() in ("false", "0", "no"):
        return _lower_hand(debate, command, by, at)
    debate.people.raise_hand(by, at)
    return "raised a hand", ""


def _lower_hand(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    debate.people.lower_hand(by)
    return "lowered the hand", ""


def _quiet(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    debate.quiet = True
    return "asked the moderator to be quiet", "I will keep quiet until you call me."


def _speak(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    debate.quiet = False
    return "asked the moderator to help more", "I will help more from now on."


def _wait(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    debate.attention.wait(at)
    return "asked the moderator to wait", "Take your time."


_ACTS: Mapping[str, Act] = MappingProxyType(
    {
        **course.ACTS,
        **points.ACTS,
        **voting.ACTS,
        "persona": _persona,
        "set-topic": _set_topic,
        "format": _format,
        "give-floor": _give_floor,
        "raise-hand": _raise_hand,
        "lower-hand": _lower_hand,
        "wait": _wait,
        "quiet": _quiet,
        "speak": _speak,
    }
)
