"""What was said in earlier debates of this room: who asks for it, and what is said of what was found.

Owns the questions that wait for their finds, and these words. Never says what was not found. Searches nothing: a
decision of the kind `recall` without words is carried out by the worker, which brings the finds back as an event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from debate.acts import CannotBeError
from debate.decisions import Decision
from debate.events import Recalled
from debate.grammar import ParsedCommand
from debate.words import clean

if TYPE_CHECKING:
    from debate.debate import Debate

COMMAND = "recall"
SIGNAL = f"command:{COMMAND}"
FOUND = "recalled"
MOST_WAITING = 3
MOST_FINDS = 5
GIVE_UP_SECONDS = 15.0
QUESTION_CHARS = 300
QUOTED_CHARS = 220
SPOKEN_CHARS = 160
NAME_CHARS = 60
TROUBLES: Mapping[str, str] = MappingProxyType(
    {
        "late": "I am sorry, looking that up takes too long just now. Please ask me again in a moment.",
        "down": "I cannot look up what was said before at the moment.",
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question on its way. `aloud`: asked by voice, so its answer is spoken."""

    number: str
    by: str
    question: str
    aloud: bool
    at: float


@dataclass(slots=True)
class Recalls:
    """Of one debate."""

    waiting: dict[str, Asked] = field(default_factory=dict)
    made: int = 0


def ask(debate: Debate, question: str, by: str, at: float, *, aloud: bool) -> tuple[Decision, ...]:
    """Have it looked up what was said in this room. Raises CannotBeError where nothing or too much is asked."""
    recalls, who = debate.recalls, debate.view(at).name(by) or "The web service"
    question = clean(question, QUESTION_CHARS)
    if not question:
        raise CannotBeError("Ask me what somebody said, and when.")
    if len(recalls.waiting) >= MOST_WAITING:
        raise CannotBeError("I am still looking up what was asked before. Please ask again in a moment.")
    recalls.made += 1
    asked = Asked(str(recalls.made), by, question, aloud, at)
    recalls.waiting[asked.number] = asked
    reason = f"{who} asked what was said before."
    expires = at + GIVE_UP_SECONDS
    return (Decision(at, "recall", reason, SIGNAL, by, "", "flow", expires, question, asked.number),)


def question_of(command: ParsedCommand, question: str) -> str:
    """What a command asks for: as it was put by the page, else as it was said."""
    return command.args.get("question", "") or question


def recalled(debate: Debate, event: Recalled, at: float) -> tuple[Decision, ...]:
    """What was found: all of it to the pages, and the best aloud where it was asked for aloud."""
    asked = debate.recalls.waiting.pop(str(event.recall), None)
    if asked is None:
        return ()
    finds = finds_of(event.finds)
    if event.trouble:
        spoken = shown = TROUBLES.get(str(event.trouble), TROUBLES["down"])
    elif not finds:
        spoken = shown = _nothing(clean(str(event.speaker), NAME_CHARS), clean(str(event.about), 80))
    else:
        spoken, shown = _sentences(finds), "\n".join(_quotation(find, QUOTED_CHARS) for find in finds)
    return _told(debate, asked, spoken, shown, at)


def due(debate: Debate, at: float) -> list[Decision]:
    """Whoever waits in vain is told so."""
    found = list[Decision]()
    for asked in list(debate.recalls.waiting.values()):
        if at - asked.at >= GIVE_UP_SECONDS:
            del debate.recalls.waiting[asked.number]
            found += _told(debate, asked, TROUBLES["late"], TROUBLES["late"], at)
    return found


def finds_of(data: object) -> tuple[Mapping[str, str], ...]:
    """The finds that `data` (a list of objects with "name", "text" and "when") holds, bounded; never raises."""
    if not isinstance(data, Sequence) or isinstance(data, str | bytes):
        return ()
    found = []
    for entry in data[:MOST_FINDS]:
        if isinstance(entry, Mapping) and (text := clean(str(entry.get("text") or ""), QUOTED_CHARS)):
            name = clean(str(entry.get("name") or ""), NAME_CHARS) or "Somebody"
            found.append({"name": name, "text": text, "when": clean(str(entry.get("when") or ""), 40)})
    return tuple(found)


def _told(debate: Debate, asked: Asked, spoken: str, shown: str, at: float) -> tuple[Decision, ...]:
    reason = f"What {debate.view(at).name(asked.by) or 'the web service'} asked about was looked up."
    # what is asked aloud is everybody's; what is typed or asked by a button is shown to whoever asked
    to = "" if asked.aloud else asked.by
    page = Decision(at, "recall", reason, FOUND, to, shown, "flow", at + 30.0, check=asked.number)
    if not asked.aloud:
        return (page,)
    return (page, debate.decide(at, "reply", reason, FOUND, to=asked.by, text=spoken))


def _nothing(speaker: str, about: str) -> str:
    if not speaker and not about:
        return "I have no record of that."
    whom = f" of {speaker}" if speaker else ""
    what = f" {'on' if speaker else 'of'} {about}" if about else ""
    return f"I have no record{whom}{what}."


def _sentences(finds: Sequence[Mapping[str, str]]) -> str:
    """Two sentences at most: the best quotation, and that there is more to read."""
    more = len(finds) - 1
    rest = f" {'One more is' if more == 1 else f'{more} more are'} on the page." if more else ""
    return f"{_quotation(finds[0], SPOKEN_CHARS)}{rest}"


def _quotation(find: Mapping[str, str], chars: int) -> str:
    # verbatim, and no second sentence in it: what is left out is marked
    text = find["text"]
    for mark in (". ", "? ", "! "):
        text = text.partition(mark)[0] + ("…" if mark in text else "")
    if len(text) > chars:
        text = text[: chars - 1].rsplit(" ", 1)[0].rstrip(" …") + "…"
    said = f"{find['name']} said: “{text.rstrip('.')}”."
    return f"{find['when']} {said}" if find["when"] else said
