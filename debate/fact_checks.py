"""Fact checks: who asks for one, of what, and what is said of the answer. Never a verdict without a source.

Owns the checks that wait for their answer, and these words. Asks nobody: a decision of the kind `fact_check` without
words is carried out by the worker, which brings the answer back as an event.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from debate.acts import CannotBeError
from debate.address import find_address
from debate.checkable import CLAIM_CHARS
from debate.decisions import Decision
from debate.events import FactChecked, FactChecksChanged
from debate.grammar import ParsedCommand, intent, normalise
from debate.judgement import FEW_WORDS, judge
from debate.sources import sources_of
from debate.view import Said
from debate.words import clean, ended, sentences

if TYPE_CHECKING:
    from debate.debate import Debate

COMMAND = "factcheck"
SIGNAL = f"command:{COMMAND}"
CHECKED = "fact-checked"
MOST_WAITING = 3
CLAIM_SECONDS = 90.0
SPEECH_CHARS = 6000
"""A claim that is older is not what "is that true?" means, even where nothing since can be checked so well."""

PATIENCE_SECONDS = 1.5
"""Of waiting, after which whoever asked is told that it takes a moment."""

GIVE_UP_SECONDS = 100.0
"""No answer comes any more: more than the worker's longest deadline for as many checks as may wait."""

OFFER_SECONDS = 20.0
"""How long the offer of a check can be taken, from when it was decided on."""

SENTENCE_CHARS = 240
VERDICTS: Mapping[str, str] = MappingProxyType(
    {
        "supported": "The sources I found support that",
        "disputed": "The sources I found disagree about that",
        "false": "The sources I found contradict that",
        "unclear": "The sources I found do not settle that",
    }
)
NO_SOURCE = "I found no source for that, so I give no verdict."
TROUBLES: Mapping[str, str] = MappingProxyType(
    {
        "unset": "I cannot check that here: no search for facts is set up.",
        "down": "I cannot check that here: the search for facts does not answer at the moment.",
        "late": "I cannot check that here: the search for facts took too long.",
        "unreadable": "I cannot check that here: the search for facts gave no answer that I can use.",
    }
)
WAIT = "One moment, I am looking that up."
_MARKS = re.compile(r"\[\^?\d{1,3}(?:\s*[,–-]\s*\d{1,3})*\]|【[^】]{0,40}】|\(?\bhttps?://\S+")
"""Citation marks and addresses: the sources stand beside the words, and nobody wants to hear them."""

_TAKEN = re.compile(
    r"^(?:(?:yes|yeah|yep|sure|ok|okay|please|go ahead|go on|do(?: so| it| that)?|check (?:it|that)|of course|why not"
    r"|that would be (?:good|great|nice|helpful)|you (?:can|may|should)|if you like|let us|thank you|i would like that)"
    r"(?: |$))+$"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """Words to be checked. `said_by`: the identity of who said them; "" where whoever asks put them so."""

    text: str
    said_by: str = ""


@dataclass(slots=True)
class Check:
    """One check on its way. `aloud`: asked for by voice, so its answer is spoken."""

    number: str
    by: str
    claim: Claim
    aloud: bool
    at: float
    told_to_wait: bool = False


@dataclass(slots=True)
class FactChecks:
    """Of one debate."""

    trouble: str = "unset"
    """Why nothing can be checked, of TROUBLES; "" where claims can be."""

    waiting: dict[str, Check] = field(default_factory=dict)
    made: int = 0
    offered: tuple[Claim, float] | None = None
    """The claim whose check was offered last, and when."""


def ask(debate: Debate, command: ParsedCommand, by: str, at: float, *, aloud: bool) -> tuple[Decision, ...]:
    """Have a claim checked: the one that `command` names, else the last one of somebody else.

    Raises CannotBeError where there is nothing to check, or too much is being checked already.
    """
    return _check(debate, _meant(debate, command, by, at), by, at, aloud=aloud)


def _check(debate: Debate, claim: Claim, by: str, at: float, *, aloud: bool) -> tuple[Decision, ...]:
    checks, view = debate.fact_checks, debate.view(at)
    who = view.name(by) or "The web service"
    checks.offered = None
    if checks.trouble:
        words, reason = TROUBLES[checks.trouble], f"{who} asked for a fact check, and none can be made."
        return (debate.decide(at, "reply" if aloud else "refuse", reason, SIGNAL, to=by, text=words),)
    if len(checks.waiting) >= MOST_WAITING:
        raise CannotBeError("I am still checking what was asked before. Please ask again in a moment.")
    checks.made += 1
    check = Check(str(checks.made), by, claim, aloud, at)
    checks.waiting[check.number] = check
    of = f" of what {name} said" if (name := view.name(claim.said_by)) else ""
    return (
        Decision(
            at, "fact_check", f"{who} asked for a fact check{of}.", SIGNAL, by, "", "flow", at + GIVE_UP_SECONDS,
            claim.text, check.number,
        ),
    )  # fmt: skip


def changed(debate: Debate, event: FactChecksChanged, _at: float) -> tuple[Decision, ...]:
    """Claims can be checked from now on, or cannot."""
    trouble = str(event.trouble)
    debate.fact_checks.trouble = trouble if trouble in TROUBLES or not trouble else "down"
    return ()


def checked(debate: Debate, event: FactChecked, at: float) -> tuple[Decision, ...]:
    """The answer to a check: to the pages first, with its sources; then aloud where it was asked for aloud."""
    check = debate.fact_checks.waiting.pop(str(event.check), None)
    if check is None:
        return ()
    view = debate.view(at)
    trouble = str(event.trouble)
    if trouble:
        return _cannot(debate, check, trouble if trouble in TROUBLES else "down", at)
    # what comes in is bounded here, whoever it comes from: the journal may hold anything
    sources = sources_of(event.sources)
    sentence = one_sentence(str(event.sentence))
    verdict = VERDICTS.get(str(event.verdict), VERDICTS["unclear"])
    if sources and not sentence:
        return _cannot(debate, check, "unreadable", at)
    words = f"{verdict}: {sentence}" if sources else NO_SOURCE
    name = view.name(check.claim.said_by)
    shown = f"{f'{name} said: ' if name else ''}“{check.claim.text}” {words}"
    reason = f"A fact check that {view.name(check.by) or 'the web service'} asked for is done."
    decision = Decision(
        at, "fact_check", reason, CHECKED, "", shown, "flow", at + 30.0, check=check.number, sources=sources
    )
    return (decision, *_aloud(debate, check, words, reason, at))


def due(debate: Debate, at: float) -> list[Decision]:
    """Whoever waits is told so once, and that it cannot be checked where no answer comes any more."""
    checks, found = debate.fact_checks, list[Decision]()
    for check in list(checks.waiting.values()):
        if at - check.at >= GIVE_UP_SECONDS:
            del checks.waiting[check.number]
            found += _cannot(debate, check, "late", at)
        elif at - check.at >= PATIENCE_SECONDS and not check.told_to_wait:
            check.told_to_wait = True
            found += _to_asker(debate, check, WAIT, "A fact check takes a moment.", at)
    return found


def offer(debate: Debate, decisions: Sequence[Decision], at: float) -> None:
    """Note that a check was offered: the persona's line about a claim may be one."""
    for decision in decisions:
        if decision.signal == "claim" and offers(debate):
            claim = last_said(debate.view(at).recent, at, of=decision.addressed_to)
            debate.fact_checks.offered = (claim, at) if claim is not None else None


def offers(debate: Debate) -> bool:
    """Whether the persona offers to check claims, and can."""
    return "offer" in debate.persona.lines and not debate.fact_checks.trouble


def heard(debate: Debate, identity: str, text: str, at: float, *, aloud: bool) -> tuple[Decision, ...]:
    """What is said after an offer may take it: whoever was asked by a plain "yes", others by asking for the check."""
    checks = debate.fact_checks
    if checks.offered is None:
        return ()
    claim, since = checks.offered
    if at - since > OFFER_SECONDS:
        checks.offered = None
        return ()
    words = " ".join(normalise(part) or "please" for part in sentences(text))
    asked = intent(text) == COMMAND
    if not asked and not (identity == claim.said_by and _TAKEN.match(words)):
        if identity == claim.said_by:
            checks.offered = None  # went on instead: the moment has passed
        return ()
    if not may(debate.people.of(identity, at).role) or len(checks.waiting) >= MOST_WAITING:
        return ()
    return _check(debate, claim, identity, at, aloud=aloud)


def may(role: str) -> bool:
    """Whether somebody in this role may ask for a check: everybody but the audience."""
    return role in ("host", "debater", "judge")


# -- what is meant ---------------------------------------------------------------------------------------------------


def _meant(debate: Debate, command: ParsedCommand, by: str, at: float) -> Claim:
    given = command.args.get("claim", "")
    if claim := clean(given, CLAIM_CHARS):
        # of a whole speech what can be looked up
        return Claim(
            (_checkable(sentences(given[:SPEECH_CHARS])) if len(given) > CLAIM_CHARS else "") or claim
        )
    recent, of = debate.view(at).recent, command.args.get("of", "")
    found = (
        last_said(recent, at, of=of) if of else last_said(recent, at, but=by) or last_said(recent, at, of=by)
    )
    if found is None:
        raise CannotBeError("Nothing has been said yet that I could check.")
    return found


def last_said(recent: Sequence[Said], at: float, *, but: str = "", of: str = "") -> Claim | None:
    """The words that "is that true?" means, of everybody but `but`, or of `of` alone; None where nobody said any.

    The last claim of a short while that can be checked, else the last utterance.
    """
    fallback: Claim | None = None
    for said in reversed(recent):
        if not said.identity or (said.identity != of if of else said.identity == but):
            continue
        # what was said to the moderator is no claim
        parts = [one for one in sentences(said.text) if find_address(one) is None and intent(one) != COMMAND]
        text = " ".join(parts)
        if len(text.split()) < FEW_WORDS:
            continue
        if at - said.end <= CLAIM_SECONDS and (claim := _checkable(parts)):
            return Claim(clean(text, CLAIM_CHARS) if len(text) <= CLAIM_CHARS else claim, said.identity)
        fallback = fallback or Claim(clean(text, CLAIM_CHARS), said.identity)
    return fallback


def _checkable(parts: Iterable[str]) -> str:
    """The last sentence that claims something that can be looked up, "" for none."""
    claims = [part for part in parts if judge(part, ()).claim]
    return clean(claims[-1], CLAIM_CHARS) if claims else ""


# -- words -----------------------------------------------------------------------------------------------------------


def one_sentence(text: str) -> str:
    """The first sentence of `text`, speakable and bounded, without citation marks and addresses."""
    text = _MARKS.sub("", text[: SENTENCE_CHARS * 4])
    # a "Dr." or a figure ends no sentence: too short for one
    parts, found = sentences(clean(text, SENTENCE_CHARS * 2)), ""
    for part in parts:
        found = f"{found} {part}".strip()
        if len(found.split()) >= FEW_WORDS:
            break
    return ended(clean(found, SENTENCE_CHARS))


def _cannot(debate: Debate, check: Check, trouble: str, at: float) -> tuple[Decision, ...]:
    return _to_asker(debate, check, TROUBLES[trouble], "A fact check could not be made.", at)


def _to_asker(debate: Debate, check: Check, words: str, reason: str, at: float) -> tuple[Decision, ...]:
    """Words to whoever asked: aloud where they asked aloud, else on their page."""
    if check.aloud:
        return _aloud(debate, check, words, reason, at)
    return (
        Decision(at, "fact_check", reason, CHECKED, check.by, words, "flow", at + 30.0, check=check.number),
    )


def _aloud(debate: Debate, check: Check, words: str, reason: str, at: float) -> tuple[Decision, ...]:
    if not check.aloud:
        return ()
    return (debate.decide(at, "reply", reason, CHECKED, to=check.by, text=words),)
