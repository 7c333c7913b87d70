"""What people ask aloud of the course of a format: a side, a vote, preparation time, a point of order, a moment.

Owns the wordings whose arguments are a format's own words. Who may, and when, is for the rules (commands.py).
"""

from __future__ import annotations

import re

from debate.formats import Format
from debate.votes import UNDECIDED

_SIDE = re.compile(
    r"^(?:i (?:am|will be|will speak|will argue|speak|argue|take|choose|join|want|would like)|put me|count me|make me"
    r"|let me (?:be|speak|argue)|my side is)"
    r"(?: (?:speaking|arguing|to|be|speak|argue|on|in|with|as|at|the|of|side|team))* "
    r"(?P<rest>(?:for (?:the )?)?\w+)(?: \w+){0,3}$"
)
_VOTE = re.compile(
    r"^(?:i (?:\w+ )?vote|my vote (?:is|goes)|i am voting|put me down) (?P<rest>(?:\w+ ?){1,7})$"
)
_PREPARE = re.compile(
    r"^(?:(?:we|i|let us|my side|our side|the) )*(?:(?:take|use|want|need|would like|start|have|request|ask for"
    r"|will take|will use|may|could|can) )*(?:to )?(?:(?:take|use|have|start) )?(?:(?:our|my|some|the|a|minute|of) )*"
    r"prep(?:aration)?(?: time)?(?: (?:for|of) (?:the )?(?P<side>\w+))?$"
)
_ORDER = re.compile(r"^(?:(?:on|a|i|have|rise|raise|to|make|may) )*point of order\b")
_INFORMATION = re.compile(r"^(?:(?:on|a|i|have|to|make|offer|may) )*point of (?:information|clarification)\b")
_ACCEPT = re.compile(r"^i (?:accept|take|will take)(?: (?:it|that|the point|your point|this point))?$")
_DECLINE = re.compile(
    r"^(?:i )?(?:decline|refuse|do not take|will not take)(?: (?:it|that|the point|this point))?$"
)
_YIELD = re.compile(
    r"^i (?:yield|give up|waive|give back)(?: (?:the )?(?:rest|remainder) of)?(?: (?:my|the) (?:time|floor))?$"
    r"|^i have nothing (?:more|else) to say$|^that is all from me$"
)
_AGAIN = re.compile(
    r"^(?:let us )?(?:start|begin|restart|do|run|take)(?: (?:it|this|that|the \w+))?(?: (?:part|segment|round))?"
    r" (?:over|again|once more|from the (?:beginning|top|start))(?: again)?$|^restart(?: the \w+)?$|^from the top$"
)
_HAND = re.compile(
    r"^(?:(?:i|raise|put|have|would|like|to|want) )*(?:raise|put up|have) (?:my|a) hand(?: up)?$"
)
_UNHAND = re.compile(r"^(?:i )?(?:lower|take down|put down|drop) my hand(?: down)?$|^never ?mind my hand$")
_WAIT = re.compile(
    r"^(?:wait|hold on|hang on|hold it|not yet|one moment|just a (?:moment|second|minute)|bear with us)"
    r"(?: (?:a|one|for a)? ?(?:moment|second|minute|bit))?$"
    r"|^give (?:us|me|him|her|them) (?:a|one|another|some|just a) (?:moment|second|more moment|time to think)\b"
    r"|^let (?:us|me|him|her|them) think\b"
)

_PLAIN = (
    (_ACCEPT, "accept"), (_DECLINE, "decline"), (_YIELD, "yield"), (_AGAIN, "again"), (_HAND, "raise-hand"),
    (_UNHAND, "lower-hand"), (_WAIT, "wait"),
)  # fmt: skip


def read_motion(words: str, form: Format) -> tuple[str, dict[str, str]] | None:
    """(name, arguments) of the command in normalised `words`, None for none. Names of sides are those of `form`."""
    if _ORDER.search(words):
        return "point", {"kind": "order"}
    if _INFORMATION.search(words):
        return "point", {}
    for pattern, name in _PLAIN:
        if pattern.search(words):
            return name, {}
    if found := _PREPARE.match(words):
        side = _named(found["side"] or "", form.sides)
        return "prepare", {"side": side} if side else {}
    if (found := _VOTE.match(words)) and (choice := _named(found["rest"], (*form.sides, UNDECIDED))):
        return "vote", {"choice": choice}
    if (found := _SIDE.match(words)) and (side := _named(found["rest"], form.sides)):
        return "side", {"side": side}
    return None


def _named(words: str, names: tuple[str, ...]) -> str:
    """The first of a format's names in `words`, "" for none."""
    known = {name.lower(): name for name in names}
    return next((known[word] for word in words.split() if word in known), "")
