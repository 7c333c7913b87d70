"""When the moderator speaks up unasked, to whom, and whether aloud or in private: signals weighed by plain rules.

Owns the rules above all personas (silence first; a share of the words; a gap between two interventions; protected time;
no nudge twice) and each persona's thresholds. Finds no signal itself (signals.py) and has no words (playbook.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from debate.signals import Signal, Watch
from personas.registry import Persona

Mode = Literal["say", "nudge"]

WORD_SHARE = 0.15
"""Of the words of any five minutes, at the most, whatever the persona."""

LEAST_WORDS = 200
"""A share of fewer words than these says nothing: the first minute of a debate."""

GAP_SECONDS = 15.0
"""Between two unasked interventions, at the least."""

SAME_SECONDS = 120.0
"""No nudge twice to the same person within it."""

PAUSE_SECONDS = 0.7
"""Of silence before a word that can wait: longer than a breath, shorter than a pause that embarrasses."""

PATIENCE_SECONDS = 5.0
"""Who has waited for a pause so long takes the next change of speakers, as people do in a quick exchange."""

PATIENT = frozenset({"claim", "agreement", "silence", "quiet"})
"""What waits for a real pause, however long."""

INTERVENTION_WORDS = 14
REMEMBERED_MAX = 256
AGAIN_SECONDS = 180.0
"""What was said in private is said aloud where it happens again within it."""

NUDGE_SECONDS = 45.0
"""So long a private word has to work before anything is said aloud about the same."""

QUIET_NUDGE_SECONDS = 120.0
"""The same for who is quiet: it takes courage."""

ASKED_SECONDS = 300.0
"""Whoever was asked aloud and would rather listen is left in peace for so long."""

SUGGESTED_SECONDS = 300.0
"""Between two suggestions to the host that the talk has left the topic."""

CONTENT_SECONDS = 150.0
"""Between two questions or provocations on the content, at the least."""

OPENING_SECONDS = 120.0
"""From the first words on: everybody says where they stand, and nothing is asked of the content yet."""

SAFETY = frozenset({"attack", "floor"})
EXEMPT = SAFETY | {"begin"}
"""What keeps people and their time safe is said whatever share of the words the moderator has had."""

ORDER: tuple[str, ...] = (
    "attack", "floor", "begin", "interruption", "unanswered", "dominance", "silence", "quiet", "drift", "claim",
    "agreement",
)  # fmt: skip


def _rank(signal: Signal) -> tuple[int, float]:
    """Whoever has said nothing and is just spoken of goes before whoever says too much: one word helps both."""
    spoken_of = signal.name == "quiet" and signal.grave > 1
    return ORDER.index("dominance" if spoken_of else signal.name), signal.at - (1e6 if spoken_of else 0.0)


@dataclass(frozen=True, slots=True)
class Intervention:
    """What is to be done about one signal."""

    signal: Signal
    mode: Mode
    line: str
    """The persona's line for it (playbook.line)."""


@dataclass(slots=True)
class Policy:
    """Remembers what was done, and decides what is done next."""

    waiting: list[Signal] = field(default_factory=list)
    began_at: float | None = None
    """When the first words were said; None before."""

    last_at: float = -1e9
    last_content_at: float = -1e9
    last_quiet_at: float = -1e9
    done: dict[tuple[str, str], float] = field(default_factory=dict)
    """By signal and person: when something was last done about it."""

    nudged: dict[tuple[str, str], float] = field(default_factory=dict)
    _held_until: float = -1e9
    _since: dict[tuple[str, str], float] = field(default_factory=dict)
    """By signal and person: since when it has been waiting for its moment."""

    def note(self, *signals: Signal) -> None:
        """Keep signals until they are worth no word; a newer one of a kind and person takes the older's place."""
        for signal in signals:
            self.waiting = [
                one for one in self.waiting if (one.name, one.about) != (signal.name, signal.about)
            ]
            self.waiting.append(signal)

    def begun(self, at: float) -> None:
        """Somebody speaks: the first time begins the debate."""
        if self.began_at is None:
            self.began_at = at

    def hold_until(self, at: float) -> None:
        """Somebody asked to wait: nothing that can wait is said before."""
        self._held_until = at

    def dealt_with(self, name: str, about: str) -> float:
        """When something was last done about such a signal, aloud or in private; long ago if never."""
        key = (name, about)
        return max(self.done.get(key, -1e9), self.nudged.get(key, -1e9))

    def decide(
        self, watch: Watch, persona: Persona, at: float, *, quiet: bool, protected: bool
    ) -> Intervention | None:
        """At most one intervention, now. `quiet`: the moderator was told to be; `protected`: somebody's time is."""
        self.waiting = [signal for signal in self.waiting if signal.until >= at]
        self._since = {
            (one.name, one.about): self._since.get((one.name, one.about), one.at) for one in self.waiting
        }
        if len(self.done) > REMEMBERED_MAX:
            self.done = {key: when for key, when in self.done.items() if at - when < AGAIN_SECONDS}
            self.nudged = {key: when for key, when in self.nudged.items() if at - when < AGAIN_SECONDS}
        for signal in sorted(self.waiting, key=_rank):
            safety = signal.name in SAFETY
            held = quiet or at < self._held_until or watch.thinking(at)
            if not safety and (held or (protected and signal.name != "begin")):
                continue
            intervention = self._weigh(signal, persona, at)
            if intervention is None or not self._timely(intervention, watch, persona, at):
                continue
            self._did(intervention, at)
            return intervention
        return None

    def _weigh(self, signal: Signal, persona: Persona, at: float) -> Intervention | None:
        """What this persona would do about `signal`; None for nothing."""
        name, key = signal.name, (signal.name, signal.about)
        if at - self.done.get(key, -1e9) < SAME_SECONDS and not (name == "attack" and signal.grave > 1):
            return None
        since = at - self.nudged.get(key, -1e9)
        again = since < AGAIN_SECONDS
        if name == "attack":
            return Intervention(signal, "say" if signal.grave > 1 or again else "nudge", "attack")
        if name in ("dominance", "quiet"):
            return self._balance(signal, since, at)
        if name == "drift" and signal.about:  # words alone only suggest it
            return Intervention(signal, "nudge", name) if since >= SUGGESTED_SECONDS else None
        if name == "claim" and (self.began_at is None or at - self.began_at < OPENING_SECONDS):
            return None
        if name == "claim":
            return self._disputed(signal, at) if signal.grave > 1 else self._content(signal, persona, at)
        if name == "agreement" and signal.grave > 1:
            return Intervention(signal, "say", name)
        if name == "agreement":
            provokes = persona.thresholds["provoke_rate"] > 0
            return self._provocation(signal, persona, at) if provokes else None
        return Intervention(signal, "say", name)

    def _disputed(self, signal: Signal, at: float) -> Intervention | None:
        """What one claims and another denies is worth a question of whoever moderates."""
        waits = at - self.last_content_at < CONTENT_SECONDS / 2
        return None if waits else Intervention(signal, "say", "claim")

    def _balance(self, signal: Signal, since: float, at: float) -> Intervention | None:
        """A word to who says too much or nothing: in private first. `since`: seconds since the last private one."""
        again, spoken_of = since < AGAIN_SECONDS, signal.name == "quiet" and signal.grave > 1
        if since < (QUIET_NUDGE_SECONDS if signal.name == "quiet" else NUDGE_SECONDS) and not spoken_of:
            return None
        one_at_a_time = at - self.last_quiet_at < SAME_SECONDS and not (again and spoken_of)
        asked_lately = at - self.done.get((signal.name, signal.about), -1e9) < ASKED_SECONDS
        if signal.name == "quiet" and (one_at_a_time or asked_lately):
            return None
        return Intervention(signal, "say" if again or spoken_of else "nudge", signal.name)

    def _content(self, signal: Signal, persona: Persona, at: float) -> Intervention | None:
        if persona.thresholds["provoke_rate"] > 0 and (found := self._provocation(signal, persona, at)):
            return found
        rate = persona.thresholds["claim_rate"]
        if rate <= 0 or at - self.last_content_at < CONTENT_SECONDS / rate * 0.5:
            return None
        return Intervention(signal, "say", "claim")

    def _provocation(self, signal: Signal, persona: Persona, at: float) -> Intervention | None:
        rate = persona.thresholds["provoke_rate"]
        if at - self.last_content_at < CONTENT_SECONDS / rate:
            return None
        return Intervention(signal, "say", "provoke")

    def _timely(self, found: Intervention, watch: Watch, persona: Persona, at: float) -> bool:
        if found.signal.name not in SAFETY:
            if at - self.last_at < max(GAP_SECONDS, persona.thresholds["gap_seconds"]):
                return False
            aloud = found.mode == "say" or found.signal.name == "drift"
            if aloud and (watch.speaking or watch.gap(at) < self._pause(found.signal, at)):
                return False
        if found.mode == "nudge":
            return True
        words = watch.talk.moderator_words + INTERVENTION_WORDS
        whole = max(LEAST_WORDS, watch.talk.words + INTERVENTION_WORDS)
        share = min(WORD_SHARE, persona.thresholds["word_share"])
        return found.signal.name in EXEMPT or words <= share * whole

    def _pause(self, signal: Signal, at: float) -> float:
        """Seconds of silence that a word on `signal` waits for: the fewer, the longer it has waited."""
        if signal.name in PATIENT and (signal.grave < 2 or signal.name == "quiet"):
            return PAUSE_SECONDS
        waited = at - self._since.get((signal.name, signal.about), at)
        return PAUSE_SECONDS * max(0.0, 1 - waited / PATIENCE_SECONDS)

    def _did(self, found: Intervention, at: float) -> None:
        signal = found.signal
        self.waiting.remove(signal)
        self.last_at = at
        key = (signal.name, signal.about)
        self.done[key] = at if found.mode == "say" else self.done.get(key, -1e9)
        if found.mode == "nudge":
            self.nudged[key] = at
        if signal.name == "quiet":
            self.last_quiet_at = at
        if found.line in ("claim", "provoke"):
            self.last_content_at = at
