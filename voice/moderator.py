"""The moderator of one debate, wherever it sits: what ears hear becomes events, what is decided becomes speech.

Joins deliberation, mind, conductor and journal. Knows neither a room nor a console: who is around it (`Surroundings`)
shows captions and state, and tells whether anybody speaks. Holds no rule of debating (`debate/`), touches no audio.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from livekit.agents import AgentSession, llm

from debate.debate import Debate
from debate.decisions import Decision
from debate.events import Event, HearingChanged, ModeratorSpoke, SpeechEnded, SpeechStarted, Uttered
from debate.playbook import answer
from debate.summaries import Summary
from debate.view import DebateView
from memory import DebateRecord, Recall, Store, open_search, uuid7, words_before
from personas.registry import Persona, Registry
from providers.chains import ChainPlan
from providers.chains.breaker import LinkChange
from providers.chains.build import Chains
from providers.prewarm import Models
from providers.registry import KINDS
from settings import Settings
from voice.briefing import brief
from voice.conductor import Conductor, Mouth, SpokenTurn
from voice.deliberation import Deliberation
from voice.ears import Ear
from voice.fact_checking import FactChecking
from voice.judging import Judging
from voice.mind import Mind
from voice.recalling import Recalling
from voice.services import services
from voice.spoken import SpokenCaptions
from voice.summarising import Summarising
from voice.telemetry import record_link_change, record_links
from voice.turn_metrics import TurnEnd, TurnEnds, TurnMetrics, report
from voice.utterance import Utterance

logger = logging.getLogger("sage.voice.moderator")


class Surroundings(Protocol):
    """Where a moderator sits. All calls come on the event loop and return at once."""

    def anyone_speaks(self) -> bool: ...
    def show(self, identity: str, segment_id: str, text: str, *, final: bool) -> None: ...
    def follow(self, view: DebateView, decisions: Sequence[Decision]) -> None: ...
    def spoken(self, turn: SpokenTurn) -> None: ...
    def show_services(self, troubles: Mapping[str, str]) -> None: ...
    def summarised(self, summary: Summary) -> None: ...


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a moderator is given: the debate, and what it works with."""

    record: DebateRecord
    settings: Settings
    plan: ChainPlan
    models: Models
    registry: Registry
    store: Store
    handed_over: Mapping[str, Any] | None = None
    """The state that another machine's moderator left in the room, for a debate that this one has no journal of."""

    chains_of: Callable[[ChainPlan, Settings], Chains] = Chains
    """What builds the chains; benchmarks have links of their own."""


class Moderator:
    """One debate's moderator; a `voice.ears.Listener`.

    mouth_of(captions) makes the mouth, which paces the moderator's captions. session_type: what the framework's
    session is, for surroundings that have a way of their own to talk to it.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        given: Assignment,
        *,
        mouth_of: Callable[[SpokenCaptions], Mouth],
        session_type: type[AgentSession[None]] = AgentSession,
    ) -> None:
        self.record = record = given.record
        self._surroundings = surroundings
        self._settings = given.settings
        self._store = given.store
        self._handed_over = given.handed_over
        self._recall = Recall()
        self._persona = given.registry.get(record.persona)
        self._ended_at: dict[str, float] = {}
        self._ends = TurnEnds()
        self._answering: Decision | None = None
        speed = given.settings.format_speed
        debate = Debate(record.topic, self._persona, record.format, personas=given.registry, speed=speed)
        self.deliberation = Deliberation(debate, record, given.store, self._on_decided)
        self.captions = SpokenCaptions(before_shown=self._journal_spoken)
        self._mouth = mouth_of(self.captions)
        self.chains = given.chains_of(given.plan, given.settings)
        self.chains.breakers.listen(self._on_link_change)
        self.chains.breakers.listen(record_link_change)
        record_links({kind: given.plan.links(kind) for kind in KINDS})
        self.fact_checking = FactChecking(self.chains.fact_search(), self.deliberation.tell)
        self.recalling = Recalling(open_search(given.settings), record, self.deliberation.tell)
        self._mind = Mind(self.chains, self._answer_by_playbook, self._mouth.keep_alive)
        self.agent = self._mind.agent(self._persona)
        self.session: AgentSession[None] = self._mind.session(session_type)
        self.conductor = self._build_conductor()
        self._judging = self._build_judging()
        self.summarising = self._build_summarising()

    def _build_conductor(self) -> Conductor:
        return Conductor(
            session=self.session,
            mouth=self._mouth,
            brief=self._brief,
            anyone_speaks=self._surroundings.anyone_speaks,
            end_of_speech=self._ended_at.get,
            words=self.captions,
            on_spoken=self._on_spoken,
            clock=self.deliberation.now,
            interruptible=self._settings.enable_interruptions,
        )

    def _build_judging(self) -> Judging | None:
        """What judges utterances beyond their wording; None without a language model, or where it is not wanted."""
        models = self.chains.judge() if self._settings.judge_by_llm else None
        if models is None:
            return None
        return Judging(models, self._view, self.deliberation.tell)

    def _build_summarising(self) -> Summarising:
        models = self.chains.judge() if self._settings.summarise_by_llm else None
        shown, epoch = self._surroundings.summarised, self.record.created_at
        return Summarising(models, self._view, self.deliberation.write, shown, epoch)

    def _view(self) -> DebateView:
        return self.deliberation.debate.view(self.deliberation.now())

    # -- life --------------------------------------------------------------------------------------------
    async def open(self) -> int:
        """Open the journal and replay what it holds of this debate; answers how many events there were."""
        self.record = await self._store.open_debate(self.record)
        resumed = await self.deliberation.resume()
        if not resumed and self._handed_over is not None:
            await self.deliberation.restore(self._handed_over)
            return 1
        if resumed:
            rows = await self._store.records(self.record.debate_id, kinds=("event", "note"))
            self.summarising.take_up(rows)
        return resumed

    async def begin_to_speak(self) -> None:
        """The session runs and the mouth is open: carry decisions out from now on."""
        self.conductor.start()
        if self._judging is not None:
            self._judging.start()
        debate = self.deliberation.debate
        self.fact_checking.start(debate.fact_checks, debate.topic)
        self.recalling.start(debate.recalls)
        self.summarising.start()
        self._recall = await words_before(
            self._settings, self._store, self.record.room, excluding=self.record.debate_id
        )
        if not debate.greeted and (finds := self._recall.told()):
            # before it is said or shown; and whoever is forgotten is forgotten here too
            await self.deliberation.write("note", {"type": "before", "finds": finds})

    @property
    def said_before(self) -> str:
        """What matters of the last debates in this room, as a page shows it; "" for nothing."""
        return self._recall.page()

    async def greet(self) -> None:
        """Say the greeting, once a debate, and what was said here before."""
        decision = await self.deliberation.greet()
        if decision is not None:
            words = " ".join(filter(None, (decision.text, self._recall.sentence())))
            self.conductor.carry_out(replace(decision, text=words))

    async def aclose(self) -> None:
        """Give the mind back; the conductor, the journal's rows and the session have been closed before."""
        if self._judging is not None:
            await self._judging.aclose()
        await self.fact_checking.aclose()
        await self.recalling.aclose()
        await self.summarising.aclose()
        await self._mind.aclose()
        await self.chains.aclose()

    # -- what the ears tell (voice.ears.Listener) ------------------------------------------------------------
    def speech_started(self, ear: Ear, onset_at: float, at: float) -> None:
        self.conductor.speech_started(ear.identity, onset_at, at)
        self.deliberation.tell(SpeechStarted(ear.identity), self.deliberation.at(onset_at))

    def speech_heard(self, ear: Ear, at: float) -> None:
        self.conductor.speech_heard(ear.identity, at)

    def speech_ended(self, ear: Ear, seconds: float, at: float) -> None:
        self.deliberation.tell(SpeechEnded(ear.identity, seconds), self.deliberation.at(at))

    def words_so_far(self, ear: Ear, utterance: Utterance) -> None:
        self.conductor.speech_words(ear.identity, utterance.text)
        if utterance.text:
            self._surroundings.show(utterance.identity, utterance.utterance_id, utterance.text, final=False)

    def uttered(self, ear: Ear, utterance: Utterance, silence: float) -> None:
        at = self.deliberation.at
        self._ended_at[ear.identity] = at(utterance.end)
        if not utterance.text:
            return
        self._ends.uttered(utterance.utterance_id, TurnEnd(at(utterance.end), silence, utterance.heard_by))
        self.deliberation.tell(
            Uttered(
                utterance.utterance_id, ear.identity, utterance.text, at(utterance.start), at(utterance.end)
            )
        )

    # -- what the chains tell ----------------------------------------------------------------------------------
    def _on_link_change(self, change: LinkChange) -> None:
        """A link died or came back: the page says so, and the room is told where nobody is heard any more."""
        breakers = self.chains.breakers
        self._surroundings.show_services(services(breakers))
        if change.kind == "stt":
            self.deliberation.tell(HearingChanged(works=bool(breakers.living("stt"))))

    # -- decisions -------------------------------------------------------------------------------------------
    def _on_decided(self, event: Event, decisions: Sequence[Decision]) -> None:
        if isinstance(event, Uttered) and event.via == "voice":
            self._surroundings.show(event.identity, event.utterance_id, event.text, final=True)
        if isinstance(event, Uttered):
            self._ends.decided(event.utterance_id, decisions)
            self.summarising.heard(event)
            if self._judging is not None and not any(one.kind == "reply" for one in decisions):
                self._judging.heard(event)
        view = self._view()
        self.summarising.follow(view)
        if view.persona.name != self._persona.name:
            self._change_persona(view.persona)
        for decision in decisions:
            self.conductor.carry_out(decision)
        self.fact_checking.follow(decisions, view.topic)
        self.recalling.follow(decisions)
        self._surroundings.follow(view, decisions)

    def _change_persona(self, persona: Persona) -> None:
        self._persona = persona
        self._mind.become(self.agent, persona)
        logger.info("the persona was changed", extra={"room": self.record.room, "persona": persona.name})

    def _brief(self, decision: Decision) -> llm.ChatContext:
        self._answering = decision
        made, budget = self.summarising.made, self._settings.context_tokens
        return brief(self._view(), decision, self._recall, made, budget)

    def _answer_by_playbook(self, _context: llm.ChatContext) -> str:
        decision = self._answering
        if decision is None:
            return ""
        view = replace(self._view(), claims=self.summarising.claims())
        return answer(view, decision.addressed_to, decision.question)

    # -- its own words -----------------------------------------------------------------------------------------
    async def _on_spoken(self, turn: SpokenTurn) -> None:
        self._mind.forget(self.agent, self.session)
        if turn.text:
            self.deliberation.tell(
                ModeratorSpoke(turn.text, turn.start, turn.end, turn.interrupted), turn.end
            )
        metrics = self._metrics_of(turn)
        await self.deliberation.write(
            "spoken",
            {
                "turn_id": metrics.turn_id,
                "text": turn.text,
                "generated": turn.generated,
                # shown, though no voice could say it: beside "interrupted" why what was heard is less than that
                "unvoiced": voice.unvoiced
                if (voice := self._mind.voice) is not None and turn.generated
                else "",
                "start": turn.start,
                "end": turn.end,
                "interrupted": turn.interrupted,
                "reason": turn.decision.reason,
                "signal": turn.decision.signal,
                "addressed_to": turn.decision.addressed_to,
                "latency_ms": {**turn.latency_ms, **metrics.values()},
            },
        )
        self._surroundings.spoken(turn)
        report(metrics, self._settings, text=turn.text, seconds=self.deliberation.now() - turn.start)

    def _metrics_of(self, turn: SpokenTurn) -> TurnMetrics:
        words, voice = self._mind.words.last_use, self._mind.voice
        return TurnMetrics.of(
            room=self.record.room,
            turn_id=uuid7(),
            reason=turn.decision.signal,
            # what the chains remember is of this turn only where it asked them
            uses={
                "llm": None if turn.decision.text else words,
                "tts": voice.last_use if voice is not None and turn.generated else None,
            },
            first_audio_at=turn.first_audio_at,
            end=self._ends.answered(turn.decision),
            barge_in_ms=turn.latency_ms["barge_in_cutoff_ms"],
        )

    async def _journal_spoken(self, segment_id: str, text: str) -> None:
        await self.deliberation.write("interim", {"by": "moderator", "segment_id": segment_id, "text": text})
