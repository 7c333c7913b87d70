"""One room and its moderator: joins ears, debate, conductor, captions, journal and page.

Owns the wiring and the life of a job in its room: who comes and goes, when it is over, which of two moderators stays.
Holds no rule of debating (`debate/`) and touches no audio (`ears`, `output`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, llm
from livekit.agents.voice.room_io import RoomOptions

from debate.debate import Debate
from debate.decisions import Decision
from debate.events import Event, Joined, Left, ModeratorSpoke, SpeechEnded, SpeechStarted, Uttered
from debate.playbook import answer
from memory import DebateRecord, Recall, Store, previous_words
from personas.registry import Persona, Registry
from providers.chains import ChainPlan, build_stt
from providers.prewarm import Models
from settings import Settings
from voice.briefing import brief
from voice.captions import Caption, DebaterCaptions
from voice.conductor import Conductor, SpokenTurn
from voice.deliberation import Deliberation
from voice.ears import Ear, Utterance
from voice.hearing import Hearing
from voice.mind import Mind
from voice.output import RoomVoice
from voice.page import Page
from voice.presence import ORDERLY, Presence, has_microphone, is_human, is_moderator
from voice.spoken import SpokenCaptions

logger = logging.getLogger("sage.voice.room")

GREETING_WAIT_SECONDS = 1.0
"""Who comes first is greeted after this time, with those who came meanwhile."""

PRESENT_WAIT_SECONDS = 0.3
"""The same where people were there before the moderator: others are probably about to come."""

LISTENER_SECONDS = 4.0
"""Who has opened no microphone by then listens: nobody is to be asked why they have not spoken."""

SETTLE_SECONDS = 3.0
"""How long a leaving job waits for its last words to be written."""


class ModeratedRoom:
    """Moderates one room from `start` until `ended` is set; `aclose` leaves nothing behind."""

    def __init__(
        self,
        *,
        room: rtc.Room,
        settings: Settings,
        plan: ChainPlan,
        models: Models,
        registry: Registry,
        store: Store,
        record: DebateRecord,
    ) -> None:
        self.room = room
        self.record = record
        self.failed = False
        """Whether the room still needs a moderator when this one has ended."""

        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._settings = settings
        self._models = models
        self._recogniser = build_stt(plan, settings, models)
        self._store = store
        self._recall = Recall()
        persona = registry.get(record.persona)
        self._ended_at: dict[str, float] = {}
        self._hearing = Hearing(room, models, self._recogniser, settings, listener=self)
        self.deliberation = Deliberation(
            Debate(record.topic, persona, record.format, personas=registry), record, store, self._on_decided
        )
        self._captions = DebaterCaptions(before_shown=self._journal_caption)
        self._spoken = SpokenCaptions(before_shown=self._journal_spoken)
        self._voice = RoomVoice(self._spoken)
        self._mind = Mind(plan, settings, self._answer_by_playbook)
        self._agent = self._mind.agent(persona)
        self._session: AgentSession[None] = self._mind.session()
        self.conductor = self._build_conductor()
        self.page = Page(room, self.deliberation, settings)
        self._presence = Presence(
            idle_timeout=float(settings.agent_idle_timeout_secs),
            empty_timeout=float(settings.agent_empty_timeout_secs),
            began_at=time.monotonic(),
        )
        self._here: set[str] = set()
        self._listeners: set[str] = set()
        self._answering: Decision | None = None
        self._persona = persona
        self._tasks: set[asyncio.Task[Any]] = set()
        self._greeting: asyncio.Task[None] | None = None

    def _build_conductor(self) -> Conductor:
        return Conductor(
            session=self._session,
            mouth=self._voice,
            brief=self._brief,
            anyone_speaks=self._hearing.anyone_speaks,
            end_of_speech=self._ended_at.get,
            words=self._spoken,
            on_spoken=self._on_spoken,
            clock=self.deliberation.now,
            interruptible=self._settings.enable_interruptions,
        )

    # -- life --------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Take the room: resume or begin the debate, publish the voice, listen to everybody who is there."""
        self.record = await self._store.open_debate(self.record)
        resumed = await self.deliberation.resume()
        self._listen_to_room()
        # commands are taken from the first moment on; what they make the moderator say waits for its voice
        self.deliberation.start()
        await self.page.start()
        self._spoken.start(self.room)
        self._captions.start(self.room)
        self._session.output.audio = self._voice
        self._session.output.transcription = self._spoken
        await asyncio.gather(
            self._voice.publish(self.room),
            self._session.start(
                self._agent,
                room=self.room,
                room_options=RoomOptions(
                    audio_input=False,
                    audio_output=False,
                    text_input=False,
                    text_output=False,
                    close_on_disconnect=False,
                ),
                session_host=False,
                record=False,
            ),
        )
        self.conductor.start()
        self._recall = await previous_words(self._store, self.record.room, excluding=self.record.debate_id)
        self._welcome_those_present(resumed)
        self._hearing.start()
        self._spawn(self._watch_presence())
        about = {"room": self.record.room, "debate_id": self.record.debate_id, "resumed_events": resumed}
        logger.info("moderating", extra=about)

    def _welcome_those_present(self, resumed: int) -> None:
        present = [one for one in self.room.remote_participants.values() if is_human(one)]
        if resumed:
            here = {one.identity for one in present}
            for person in self.deliberation.debate.view(self.deliberation.now()).people:
                if person.present and person.identity not in here:
                    self.deliberation.tell(Left(person.identity))
        for participant in present:
            self._on_joined(participant, greet_after=PRESENT_WAIT_SECONDS)

    async def aclose(self) -> None:
        """Leave: what was said last is heard, shown and written; then all buffers and queues are gone."""
        if not self.ended.done():
            self.ended.set_result("closed")
        await self.conductor.aclose()
        await _within(SETTLE_SECONDS, self._hearing.aclose())
        await _within(SETTLE_SECONDS, self.deliberation.aclose())
        await _within(SETTLE_SECONDS, self._captions.aclose())
        await self.page.aclose()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await _within(SETTLE_SECONDS, self._session.aclose())
        await _within(SETTLE_SECONDS, self._spoken.aclose())
        await self._voice.aclose()
        await self._mind.aclose()
        await self._recogniser.aclose()

    def _spawn(self, run: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(run)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        return task

    def _on_task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a task of the room failed", exc_info=error)

    def end(self, reason: str) -> None:
        """Say that the job is over; may be called again."""
        if not self.ended.done():
            self.ended.set_result(reason)

    async def _watch_presence(self) -> None:
        while not self.ended.done():
            if reason := self._presence.over(time.monotonic()):
                self.end(reason)
            await asyncio.sleep(0.5)

    # -- who is there --------------------------------------------------------------------------------------
    def _listen_to_room(self) -> None:
        handlers: dict[str, Callable[..., None]] = {
            "participant_connected": self._on_participant,
            "participant_disconnected": self._on_left,
            "track_published": self._on_published,
            "disconnected": self._on_disconnected,
        }
        for name, handler in handlers.items():
            self.room.on(name, handler)  # type: ignore[arg-type]

    def _on_disconnected(self, reason: rtc.DisconnectReason.ValueType) -> None:
        name = rtc.DisconnectReason.Name(reason)
        self.failed = self.failed or (not self.ended.done() and reason not in ORDERLY)
        self.end(f"disconnected: {name}")

    def _on_participant(self, participant: rtc.RemoteParticipant) -> None:
        if is_moderator(participant):
            # The newest dispatch wins: whoever sees another one come is the older one.
            logger.warning("a newer moderator has come", extra={"room": self.record.room})
            self.end("a newer moderator has come")
        elif is_human(participant):
            self._on_joined(participant, greet_after=GREETING_WAIT_SECONDS)

    def _on_joined(self, participant: rtc.RemoteParticipant, *, greet_after: float) -> None:
        if participant.identity in self._here:
            return
        self._here.add(participant.identity)
        self._presence.came()
        self._tell_joined(participant)
        self._spawn(self._look_for_microphone(participant.identity))
        if self._greeting is None:
            self._greeting = self._spawn(self._greet(greet_after))

    def _tell_joined(self, participant: rtc.RemoteParticipant, *, listens: bool = False) -> None:
        role = participant.attributes.get("sage.role") or "debater"
        if listens and role == "debater":
            role = "audience"
        self.deliberation.tell(Joined(participant.identity, participant.name or participant.identity, role))

    async def _look_for_microphone(self, identity: str) -> None:
        await asyncio.sleep(LISTENER_SECONDS)
        if (participant := self.room.remote_participants.get(identity)) is not None:
            self._listens_if_silent(participant)

    def _listens_if_silent(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity not in self._listeners and not has_microphone(participant):
            self._listeners.add(participant.identity)
            self._tell_joined(participant, listens=True)

    def _on_published(self, _: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        if participant.identity in self._listeners and has_microphone(participant):
            self._listeners.discard(participant.identity)
            self._tell_joined(participant)

    async def _greet(self, after: float) -> None:
        await asyncio.sleep(after)
        people = [one for one in self.room.remote_participants.values() if is_human(one)]
        if any(map(has_microphone, people)):
            for one in people:
                self._listens_if_silent(one)
        decision = await self.deliberation.greet()
        if decision is not None:
            words = " ".join(filter(None, (decision.text, self._recall.sentence())))
            self.conductor.carry_out(replace(decision, text=words))

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity not in self._here:
            return
        self._here.discard(participant.identity)
        self._listeners.discard(participant.identity)
        self._presence.went(time.monotonic())
        self._spawn(self._let_go(participant.identity))

    async def _let_go(self, identity: str) -> None:
        await self._hearing.let_go(identity)
        self.conductor.speaker_left(identity)
        if identity not in self._here:
            self.deliberation.tell(Left(identity))

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
            self._show(utterance.identity, utterance.utterance_id, utterance.text, final=False)

    def uttered(self, ear: Ear, utterance: Utterance, silence: float) -> None:
        at = self.deliberation.at
        self._ended_at[ear.identity] = at(utterance.end)
        if not utterance.text:
            return
        self.deliberation.tell(
            Uttered(
                utterance.utterance_id, ear.identity, utterance.text, at(utterance.start), at(utterance.end)
            )
        )

    def _show(self, identity: str, segment_id: str, text: str, *, final: bool) -> None:
        self._captions.show(Caption(identity, segment_id, text, final, self._hearing.track_of(identity)))

    # -- decisions -------------------------------------------------------------------------------------------
    def _on_decided(self, event: Event, decisions: Sequence[Decision]) -> None:
        if isinstance(event, Uttered) and event.via == "voice":
            self._show(event.identity, event.utterance_id, event.text, final=True)
        view = self.deliberation.debate.view(self.deliberation.now())
        if view.persona.name != self._persona.name:
            self._change_persona(view.persona)
        for decision in decisions:
            self.conductor.carry_out(decision)
        self.page.follow(view, decisions)

    def _change_persona(self, persona: Persona) -> None:
        self._persona = persona
        self._mind.become(self._agent, persona)
        logger.info("the persona was changed", extra={"room": self.record.room, "persona": persona.name})

    def _brief(self, decision: Decision) -> llm.ChatContext:
        self._answering = decision
        return brief(self.deliberation.debate.view(self.deliberation.now()), decision, self._recall)

    def _answer_by_playbook(self, _context: llm.ChatContext) -> str:
        decision = self._answering
        if decision is None:
            return ""
        return answer(
            self.deliberation.debate.view(self.deliberation.now()), decision.addressed_to, decision.question
        )

    # -- the moderator's own words -----------------------------------------------------------------------------
    async def _on_spoken(self, turn: SpokenTurn) -> None:
        self._mind.forget(self._agent, self._session)
        if turn.text:
            self.deliberation.tell(
                ModeratorSpoke(turn.text, turn.start, turn.end, turn.interrupted), turn.end
            )
        await self.deliberation.write(
            "spoken",
            {
                "text": turn.text,
                "generated": turn.generated,
                "start": turn.start,
                "end": turn.end,
                "interrupted": turn.interrupted,
                "reason": turn.decision.reason,
                "signal": turn.decision.signal,
                "addressed_to": turn.decision.addressed_to,
                "latency_ms": turn.latency_ms,
            },
        )
        logger.info(
            "Turn metrics",
            extra={
                "room": self.record.room,
                "reason": turn.decision.signal,
                "interrupted": turn.interrupted,
                **turn.latency_ms,
            },
        )

    async def _journal_spoken(self, segment_id: str, text: str) -> None:
        await self.deliberation.write("interim", {"by": "moderator", "segment_id": segment_id, "text": text})

    async def _journal_caption(self, caption: Caption) -> None:
        # the final text is in the journal already: it is shown when its event was deliberated
        if not caption.final:
            await self.deliberation.write(
                "interim",
                {"by": caption.identity, "segment_id": caption.segment_id, "text": caption.text},
            )


async def _within(seconds: float, run: Any) -> None:
    """Wait for something on the way out, but not for ever."""
    try:
        await asyncio.wait_for(run, seconds)
    except TimeoutError:
        logger.warning("a part of the room did not close in time")
