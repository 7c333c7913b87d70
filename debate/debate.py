"""The debate: events in, decisions out, time as an argument. Replaying a journal gives the same decisions.

Owns the state of one debate and the order in which its rules are asked. Silence is the default. Knows no
LiveKit, no clock, no randomness; most of its words are the playbook's and the persona's.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from debate import events as ev
from debate import fact_checks, handover, playbook, points, recall, timekeeping
from debate.address import DEFAULT_TITLES, Address, find_address, looks_unfinished
from debate.attention import Attention
from debate.clock import Clock
from debate.commands import carry_out
from debate.decisions import Decision
from debate.extract import telling_sentence
from debate.fact_checks import FactChecks
from debate.formats import DEFAULT_FORMAT, get_format
from debate.grammar import QUESTIONS, ParsedCommand, parse_command
from debate.greeting import greeting_words
from debate.judgement import expanded
from debate.people import People
from debate.points import Point
from debate.procedure import procedure_of
from debate.view import DebateView, Said
from debate.voting import Voting
from debate.words import clean
from personas.registry import Persona, Registry

RECENT_MAX = 40  # utterances whose words are kept
EARLIER_MAX = 12  # sentences kept of what was said before them
TEXT_CHARS = 2000  # of one utterance
TOPIC_CHARS = 500
SEEN_MAX = 512  # utterance ids
CALL_SECONDS = 8.0  # a bare "Moderator." waits so long for its question
PROMPT_SECONDS = 4.0  # after which the moderator asks what it is
ANSWER_SECONDS = 15.0  # an answer later than this is no answer any more
HAND_SECONDS = 2.0  # of silence before a raised hand is called
HAND_UP_SECONDS = 25.0  # after which it takes the next change of speakers
TURN_SECONDS = 0.15  # between two speakers, once their words are there
UNUSED_SECONDS = 10.0  # a floor that was given to a raised hand and not taken is free again then
AGAIN_SECONDS = 25.0  # before the same hand is called once more


@dataclass(slots=True)
class _Called:
    """Somebody called the moderator and has not said what for, or not finished saying it."""

    at: float
    begun: str  # the unfinished question, "" for a bare call
    speaking: bool = False
    prompted: bool = False


class Debate:
    """One debate. `personas`: those that it can switch to; `format`: one of debate/formats/, `speed` times shorter."""

    def __init__(
        self,
        topic: str,
        persona: Persona,
        format: str = DEFAULT_FORMAT,  # noqa: A002 - what the routes and the job call it
        *,
        personas: Registry,
        speed: float = 1.0,
    ) -> None:
        self.speed = speed
        self.topic = clean(topic, TOPIC_CHARS)
        self.persona = persona
        self.personas = personas
        self.people = People()
        self.clock = Clock(get_format(format).at_speed(speed))
        self.attention = Attention()
        self.attention.topic_is(self.topic)
        self.voting = Voting()
        self.point = Point()
        self.fact_checks = FactChecks()
        self.recalls = recall.Recalls()
        self.greeted = False
        self.quiet = False
        self.deaf = False
        self._now = 0.0
        self._recent: deque[Said] = deque(maxlen=RECENT_MAX)
        self._earlier: deque[str] = deque(maxlen=EARLIER_MAX)
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._called: dict[str, _Called] = {}
        self._silent_since = 0.0
        self._called_at = -1e9
        self._called_hand = self._last_called = ""
        self._called_in_passing = False
        self._titles = (*DEFAULT_TITLES, *(known.spoken_title for known in personas))

    # --- in and out ------------------------------------------------------------------------------------------

    def apply(self, event: ev.Event, at: float) -> tuple[Decision, ...]:
        """Take `event` in at `at` (seconds since the debate began). Never raises on odd input; a time that goes
        back counts as now."""
        at = self._now = max(self._now, _finite(at, self._now))
        handler = _HANDLERS.get(type(event))
        found = handler(self, event, at) if handler is not None else ()
        found = (*found, *self._due(at))
        if found:
            return found
        unasked = self.attention.consider(self, at)
        fact_checks.offer(self, unasked, at)
        return unasked

    def next_at(self, at: float) -> float | None:
        """When the clock of the format brings something next; whoever sends `Tick` then keeps time to the moment."""
        return timekeeping.next_at(self, at)

    def greet(self, at: float) -> Decision:
        """The greeting, by name and topic. Whoever comes later is not greeted aloud."""
        self.greeted = True
        text = greeting_words(self.persona, [person.name for person in self.view(at).speakers()], self.topic)
        return self.decide(
            at, "announce", "The debate begins.", "greeting", text=text, urgency="flow", lasts=30.0
        )

    @property
    def recent(self) -> tuple[Said, ...]:
        """The last words, oldest first."""
        return tuple(self._recent)

    def begin_to_listen(self, at: float) -> None:
        """Nothing is known of what was heard before: silence is counted from now on."""
        self._silent_since = at

    def mark_greeted(self) -> None:
        """The journal holds a greeting: a job that takes the debate over says no second one."""
        self.greeted = True

    def view(self, at: float) -> DebateView:
        """What there is to know at `at`, frozen."""
        at = max(self._now, _finite(at, self._now))
        segment = self.clock.segment
        return DebateView(
            topic=self.topic,
            format=self.clock.format.name,
            persona=self.persona,
            segment=segment.name if segment else "",
            ends_in=self.clock.remaining(at),
            elapsed=at,
            floor=self.people.floor,
            queue=tuple(self.people.queue),
            people=self.people.views(at),
            recent=tuple(self._recent),
            earlier=" ".join(self._earlier),
            last_speaker=self.people.last_speaker,
            paused=self.clock.status == "paused",
            quiet=self.quiet,
            status=self.clock.status,
            procedure=procedure_of(self, at),
        )

    def decide(
        self, at: float, kind: Any, reason: str, signal: str, *, to: str = "", text: str = "",
        urgency: Any = "answer", lasts: float = ANSWER_SECONDS, question: str = "",
    ) -> Decision:  # fmt: skip
        return Decision(at, kind, reason, signal, to, text, urgency, at + lasts, question)

    # --- events ----------------------------------------------------------------------------------------------

    def _joined(self, event: ev.Joined, at: float) -> tuple[Decision, ...]:
        role = event.role if event.role in ev.ROLES else "audience"
        self.people.join(str(event.identity), str(event.name), role, at)
        self.attention.watch.keep_only(self.people.known)
        self.attention.watch.came(str(event.identity), at)
        return ()

    def _left(self, event: ev.Left, at: float) -> tuple[Decision, ...]:
        self.people.leave(str(event.identity), at)
        self.attention.watch.went(str(event.identity), at)
        self._called.pop(str(event.identity), None)
        return ()

    def _speech_started(self, event: ev.SpeechStarted, at: float) -> tuple[Decision, ...]:
        self.people.start_speaking(str(event.identity), at)
        self.attention.watch.started(str(event.identity), at)
        called = self._called.get(str(event.identity))
        if called is not None and at - called.at <= CALL_SECONDS:
            called.speaking = True
        return ()

    def _speech_ended(self, event: ev.SpeechEnded, at: float) -> tuple[Decision, ...]:
        seconds = _finite(event.seconds, 0.0)
        self.people.stop_speaking(str(event.identity), seconds, at)
        self.attention.ended(str(event.identity), at)
        self._silent_since = at
        return tuple(timekeeping.give_back(self, str(event.identity), seconds, at))

    def _hand_raised(self, event: ev.HandRaised, at: float) -> tuple[Decision, ...]:
        self.people.raise_hand(str(event.identity), at)
        return ()

    def _hand_lowered(self, event: ev.HandLowered, at: float) -> tuple[Decision, ...]:
        self.people.lower_hand(str(event.identity))
        return ()

    def _moderator_spoke(self, event: ev.ModeratorSpoke, at: float) -> tuple[Decision, ...]:
        # Whatever it has said: a moderator that has spoken comes too late for a greeting.
        self.greeted = True
        self._silent_since = at
        text = clean(str(event.text), TEXT_CHARS)
        self.attention.watch.moderator_spoke(len(text.split()), at)
        self.keep(Said("Sage", "", text, event.start, event.end))
        return ()

    def _hearing_changed(self, event: ev.HearingChanged, at: float) -> tuple[Decision, ...]:
        if self.deaf is not bool(event.works):
            return ()
        self.deaf = not event.works
        signal, reason = (
            ("hearing:lost", "Nobody's words can be recognised any more.")
            if self.deaf
            else ("hearing:back", "Words are recognised again.")
        )
        return (
            self.decide(at, "announce", reason, signal, text=playbook.hearing(lost=self.deaf), lasts=30.0),
        )

    def _tick(self, event: ev.Tick, at: float) -> tuple[Decision, ...]:
        return ()

    def _commanded(self, event: ev.Commanded, at: float) -> tuple[Decision, ...]:
        by = str(event.by)
        args = {str(key): str(value) for key, value in dict(event.args).items()}
        command = ParsedCommand(str(event.name).removeprefix("sage."), args)
        return carry_out(self, command, by, str(event.role), at, question="")

    def _uttered(self, event: ev.Uttered, at: float) -> tuple[Decision, ...]:
        identity = str(event.identity)
        if event.utterance_id in self._seen:
            return ()
        self._seen[str(event.utterance_id)] = None
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        text = clean(str(event.text), TEXT_CHARS)
        person = self.people.of(identity, at)
        if not text:
            return ()
        person.utterances += 1
        if event.via == "chat":
            self.people.last_speaker = identity
        self.keep(Said(person.name, identity, text, _finite(event.start, at), _finite(event.end, at)))
        question = self._asked(identity, text, at)
        points.heard(self, identity, expanded(text), at)
        addressed = question is not None or identity in self._called
        self.attention.uttered(identity, text, self.people, at, addressed=addressed)
        aloud = event.via != "chat"
        if question is None:
            return () if addressed else fact_checks.heard(self, identity, text, at, aloud=aloud)
        return self._answer(identity, person.role, question, at, aloud=aloud)

    def _judged(self, event: ev.Judged, at: float) -> tuple[Decision, ...]:
        self.attention.judged(event, self.people, at)
        return ()

    # --- being addressed -------------------------------------------------------------------------------------

    def _asked(self, identity: str, text: str, at: float) -> str | None:
        """What `text` asks of the moderator, together with a call before it; None where it asks nothing (yet)."""
        names = [person.name for person in self.people.known.values() if person.present]
        address = find_address(text, names, self._titles)
        called = self._called.pop(identity, None)
        if called is not None and not called.speaking and at - called.at > CALL_SECONDS:
            called = None
        if address is None and called is None:
            return None
        if address is None and called is not None:
            if _to_another(text, names):
                return None
            address = Address(f"{called.begun} {text}".strip(), "called")
        assert address is not None  # one of the two is there
        if not address.rest or (address.how != "called" and looks_unfinished(address.rest)):
            self._called[identity] = _Called(at, address.rest)
            return None
        return address.rest

    def _answer(
        self, identity: str, role: str, question: str, at: float, *, aloud: bool = True
    ) -> tuple[Decision, ...]:
        view = self.view(at)
        command = parse_command(question, view, self.personas, identity)
        if command is not None and (command.name not in QUESTIONS or command.name == "summary"):
            return carry_out(self, command, identity, role, at, question=question, aloud=aloud)
        reason = f"{view.name(identity)} spoke to the moderator."
        signal, text = "addressed", ""
        if command is not None:
            # Facts of the state are said from the state: an LLM would be slower and might be wrong.
            signal = f"command:{command.name}"
            text = playbook.respond(view, identity, question, command)
        return (self.decide(at, "reply", reason, signal, to=identity, text=text, question=question),)

    def keep(self, said: Said) -> None:
        """Keep words among the last ones."""
        if len(self._recent) == RECENT_MAX:
            oldest = self._recent[0]
            sentence = telling_sentence([oldest.text]) if oldest.identity else ""
            if len(sentence) > 30:
                self._earlier.append(f"{oldest.name}: {sentence}")
        self._recent.append(said)

    # --- what the time brings --------------------------------------------------------------------------------

    def _due(self, at: float) -> list[Decision]:
        found = timekeeping.time_brings(self, at)
        for identity, called in list(self._called.items()):
            if called.speaking or at - called.at < PROMPT_SECONDS:
                if called.speaking and at - called.at > 120:
                    del self._called[identity]
                continue
            if called.begun:
                del self._called[identity]
                found += self._answer(identity, self.people.of(identity, at).role, called.begun, at)
                continue
            if not called.prompted:
                called.prompted = True
                words = playbook.attend(self.view(at), identity)
                reason = f"{self.view(at).name(identity)} called the moderator and said no more."
                found.append(self.decide(at, "reply", reason, "called", to=identity, text=words, lasts=3.0))
            if at - called.at > CALL_SECONDS:
                del self._called[identity]
        return found + fact_checks.due(self, at) + recall.due(self, at) + self._call_hand(at)

    def _call_hand(self, at: float) -> list[Decision]:
        people = self.people
        holder, since = people.floor, at - self._called_at
        if people.given and self.clock.status == "open" and since >= UNUSED_SECONDS:
            if holder == self._called_hand and not self.attention.watch.began_since(holder, self._called_at):
                # nobody heard the call, or others were quicker: the hand is still up
                people.release(at)
                people.queue.insert(0, holder)
            self._called_hand = ""
        if not people.queue or people.floor:
            return []
        identity, silence = people.queue[0], at - self._silent_since
        # a hand that has been up for some time takes the next change of speakers, but not a second one
        waited = at - people.of(identity, at).hand_at >= HAND_UP_SECONDS and identity != self._last_called
        if silence < (TURN_SECONDS if waited else HAND_SECONDS):
            return []
        again = identity == self._last_called
        if again and since < (UNUSED_SECONDS if self._called_in_passing else AGAIN_SECONDS):
            return []
        self._called_in_passing = silence < HAND_SECONDS
        people.give_floor(identity, at)
        self._silent_since = self._called_at = at
        self._called_hand = self._last_called = identity
        name = people.of(identity, at).name
        return [
            self.decide(
                at, "give_floor", f"{name} had raised a hand and nobody was speaking.", "hand", to=identity,
                text=f"{name}, the floor is yours.", urgency="flow", lasts=5.0,
            )
        ]  # fmt: skip


def _to_another(text: str, names: list[str]) -> bool:
    """Whether `text` opens by naming somebody else: "Ben, what do you think?"."""
    first = text.split(maxsplit=1)[0] if text.split() else ""
    bare = first.rstrip(",:").lower()
    return first.endswith((",", ":")) and any(
        bare == name.split(maxsplit=1)[0].lower() for name in names if name.split()
    )


def _finite(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else otherwise


_HANDLERS: Mapping[type, Callable[[Debate, Any, float], tuple[Decision, ...]]] = MappingProxyType(
    {
        ev.Joined: Debate._joined,
        ev.Left: Debate._left,
        ev.SpeechStarted: Debate._speech_started,
        ev.SpeechEnded: Debate._speech_ended,
        ev.Uttered: Debate._uttered,
        ev.Judged: Debate._judged,
        ev.HandRaised: Debate._hand_raised,
        ev.HandLowered: Debate._hand_lowered,
        ev.Commanded: Debate._commanded,
        ev.ModeratorSpoke: Debate._moderator_spoke,
        ev.HearingChanged: Debate._hearing_changed,
        ev.FactChecksChanged: fact_checks.changed,
        ev.FactChecked: fact_checks.checked,
        ev.Recalled: recall.recalled,
        ev.Restored: handover.restored,
        ev.Tick: Debate._tick,
    }
)
