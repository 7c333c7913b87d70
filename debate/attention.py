"""What the moderator does unasked: joins the watching of a debate with the policy, and words its interventions.

Owns where signals come from in an event, and which parts of a format protect a speaker. Weighs nothing itself
(policy.py), watches nothing itself (signals.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from debate import fact_checks, playbook
from debate.decisions import Decision
from debate.events import Judged
from debate.judgement import judge
from debate.people import People
from debate.policy import Intervention, Policy
from debate.sides import debaters
from debate.signals import BEGIN_SECONDS, CAMPAIGN_SECONDS, CLAIM_HOLDS_SECONDS, HOLDS_SECONDS, Signal, Watch
from debate.topicality import Topicality, stems
from debate.view import DebateView
from debate.words import clean, plain

if TYPE_CHECKING:
    from debate.debate import Debate

FREE_KINDS = frozenset({"discussion", "question"})
"""Parts in which whoever likes may speak."""

SETTLING_SECONDS = 120.0
"""A part of a format is not judged for straying before."""

PAIR_KINDS = frozenset({"crossfire", "cross-examination"})
"""Parts in which both sides speak; whoever is on none has to wait."""

WAIT_SECONDS = 60.0
"""Who asks the moderator to wait has a minute."""

REASONS = {
    "attack": "{name} spoke to the person rather than to the argument.",
    "floor": "{name} spoke in {other}'s time.",
    "begin": "{name} has the floor and has not begun.",
    "interruption": "{name} cut {other} off.",
    "unanswered": "{name} has not answered {other}'s question.",
    "dominance": "{name} has had over half of the talk of the last minutes.",
    "silence": "Nobody has spoken for a while.",
    "quiet": "{name} has not spoken for a while.",
    "drift": "The talk has left the topic.",
    "claim": "{name} made a claim that can be checked.",
    "disputed": "{name} claims what {other} denies.",
    "provoke": "The room has left a side undefended.",
    "agreement": "The room seems to agree.",
}


@dataclass(slots=True)
class Attention:
    """One debate's watch and policy."""

    watch: Watch = field(default_factory=Watch)
    policy: Policy = field(default_factory=Policy)
    topicality: Topicality = field(default_factory=Topicality)
    segment_at: float = 0.0
    """When the running part of the format began; seconds of the debate."""

    # -- what happens ----------------------------------------------------------------------------------------------
    def uttered(self, identity: str, text: str, people: People, at: float, *, addressed: bool) -> None:
        """Words of one person. What is said to the moderator is judged for attacks only."""
        names = [
            (person.identity, _first_name(person.name)) for person in people.known.values() if person.present
        ]
        self.policy.begun(at)
        found = self.watch.uttered(identity, text, judge(text, names, identity), at)
        self.policy.note(*(one for one in found if not addressed or one.name == "attack"))
        if not addressed:
            self.topicality.said(identity, text, at)

    def judged(self, event: Judged, people: People, at: float) -> None:
        """What a language model says of an utterance: as good as wording, but for an attack, which it may only imagine:
        that is a private matter at first."""
        known = people.known
        who = str(event.identity)
        if who not in known:
            return
        # a judgement comes late: the same words may have been answered already by their wording
        if event.attack and at - self.policy.dealt_with("attack", who) > HOLDS_SECONDS:
            self.policy.note(Signal("attack", at, who))
        if event.claim:
            self.policy.note(Signal("claim", at, who, holds=CLAIM_HOLDS_SECONDS))
        owes, asked_by = str(event.owes), str(event.asked_by)
        if owes in known and asked_by in known and owes != asked_by:
            self.policy.note(Signal("unanswered", at, owes, asked_by))
        self.topicality.judged(who, bool(event.strayed), at)

    def wait(self, at: float) -> None:
        """Say nothing unasked for WAIT_SECONDS but what keeps people and their time safe."""
        self.watch.grant_thinking(at)
        self.policy.hold_until(at + WAIT_SECONDS)

    def topic_is(self, topic: str) -> None:
        """What the debate is about."""
        self.topicality.topic = stems(topic)

    def ended(self, identity: str, at: float) -> None:
        """Somebody's speech is over."""
        self.policy.note(*self.watch.ended(identity, at))

    def segment_began(self, at: float) -> None:
        """A part of the format began: what was due in the last one is not due any more."""
        self.segment_at = at
        self.policy.waiting.clear()

    # -- what is done ------------------------------------------------------------------------------------------------
    def consider(self, debate: Debate, at: float) -> tuple[Decision, ...]:
        """What the moderator does now, unasked: one thing at the most."""
        clock = debate.clock
        self.watch.talk.forget_before(at)
        if clock.status in ("ready", "paused", "preparing", "over"):
            return ()
        free = clock.status == "open" or (clock.segment is not None and clock.segment.kind in FREE_KINDS)
        accord = self.watch.accord(at)
        self.policy.note(*([*self._free(debate, at), *accord] if free else self._ordered(debate, at)))
        found = self.policy.decide(self.watch, debate.persona, at, quiet=debate.quiet, protected=not free)
        if found is None:
            return ()
        if found.line == "silence":
            self.watch.begun = False  # once a silence: people may have gone for tea
        return (_decision(found, debate.view(at), at, offers=fact_checks.offers(debate)),)

    def _free(self, debate: Debate, at: float) -> list[Signal]:
        speakers = frozenset(one.identity for one in debaters(list(debate.people.known.values())))
        limits = debate.persona.thresholds
        found = self.watch.dominating(limits["dominance_share"], speakers, self.segment_at, at)
        if debate.clock.status == "open":
            found += self.watch.quiet(limits["quiet_after_utterances"], speakers, at)
        if self.watch.silence(at) >= limits["silence_seconds"]:
            found.append(Signal("silence", at, holds=1.0))
        if at - self.segment_at > SETTLING_SECONDS:
            found += self._drift(debate, at)
        return found

    def _drift(self, debate: Debate, at: float) -> list[Signal]:
        """That the talk has left the topic: for all where a model judges so, for the host where words suggest it."""
        if self.topicality.is_judged(at):
            return [Signal("drift", at, holds=1.0)] if self.topicality.strayed_as_judged else []
        hosts = [one.identity for one in debate.people.known.values() if one.role == "host" and one.present]
        if not hosts or not self.topicality.strayed_by_words(at):
            return []
        return [Signal("drift", at, hosts[0], holds=1.0)]

    def _ordered(self, debate: Debate, at: float) -> list[Signal]:
        people, segment = debate.people, debate.clock.segment
        if segment is not None and segment.kind == "vote":
            return self.watch.out_of_turn(_chairs(debate), self.segment_at, at, CAMPAIGN_SECONDS)
        holder = people.floor if people.given else ""
        over = not debate.clock.remaining(at)  # time that is over protects nobody
        if segment is None or not holder or over:
            return []
        allowed = frozenset({holder, debate.point.made_by(at)}) | _chairs(debate)
        if segment.kind in PAIR_KINDS:
            sided = frozenset(one.identity for one in people.known.values() if one.side)
            found = self.watch.out_of_turn(allowed | sided, self.segment_at, at) if sided else []
            return [Signal("floor", one.at, one.about, holder, holds=one.holds) for one in found]
        found = [
            Signal("floor", one.at, one.about, holder, holds=one.holds)
            for one in self.watch.out_of_turn(allowed, self.segment_at, at)
        ]
        began = holder in self.watch.speaking or self.watch.began_since(holder, self.segment_at)
        if not began and at - self.segment_at >= BEGIN_SECONDS:
            found.append(Signal("begin", at, holder, holds=1.0))
        return found


@lru_cache(maxsize=512)
def _first_name(name: str) -> str:
    return plain(name).split(" ", 1)[0]


def _chairs(debate: Debate) -> frozenset[str]:
    """Who runs the debate and is on no side of it: never out of turn."""
    return frozenset(
        one.identity for one in debate.people.known.values() if one.role == "host" and not one.side
    )


def _decision(found: Intervention, view: DebateView, at: float, *, offers: bool) -> Decision:
    signal = found.signal
    name, other = view.name(signal.about), view.name(signal.other)
    to = signal.about
    if found.line == "dominance" and found.mode == "say":
        # whoever was heard least is invited; the dominating one is only thanked
        least = playbook.least_heard(view, signal.about)
        to, other = (least.identity, least.name) if least else (to, other)
    if found.line == "silence":
        least = playbook.least_heard(view)
        to, name = (least.identity, least.name) if least else ("", "")
    if found.line == "agreement" and not name:
        to, name = view.last_speaker, view.name(view.last_speaker)
    topic = clean(view.topic, 80).rstrip(".!?")
    key = found.line if found.mode == "say" else f"{found.line}_nudge"
    key = key if key in view.persona.lines else found.line
    key = f"{key}_room" if found.line == "silence" and not name else key
    key = "offer" if found.line == "claim" and offers else key  # no offer of what cannot be done
    text = playbook.line(view, key, to, name=name, other=other or "the others", topic=topic)
    if signal.name == "floor" and not other:
        text = f"{name}, please wait until the vote is closed."
    told = "disputed" if signal.name == "claim" and signal.other else found.line
    reason = REASONS[told].format(name=name or "Somebody", other=other or "somebody")
    urgent = signal.name in ("attack", "floor")
    return Decision(
        at,
        "nudge" if found.mode == "nudge" else ("cut_in" if signal.name == "floor" else "announce"),
        reason,
        found.line if found.line == "provoke" else signal.name,
        signal.about if found.mode == "nudge" else to,
        text,
        "safety" if urgent else "flow",
        at + (30.0 if found.mode == "nudge" else 6.0),
    )
