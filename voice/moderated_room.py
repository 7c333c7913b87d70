"""One room and its moderator: joins ears, debate, conductor, captions, journal and page.

Owns the wiring and the life of a job in its room: who comes and goes, when it is over, which of two moderators stays.
Holds no rule of debating (`debate/`) and touches no audio (`ears`, `output`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from livekit import rtc
from livekit.agents.voice.room_io import RoomOptions

from debate.decisions import Decision
from debate.events import Joined, Left
from debate.summaries import Summary
from debate.view import DebateView
from memory import DebateRecord
from providers.chains.receivers import receivers
from voice.captions import Caption, DebaterCaptions
from voice.conductor import SpokenTurn
from voice.handing_over import HandingOver, metadata_writer
from voice.hearing import Hearing
from voice.moderator import Assignment, Moderator
from voice.output import RoomVoice
from voice.page import Page
from voice.presence import ORDERLY, Presence, has_microphone, is_human, is_moderator
from voice.spoken import SpokenCaptions

logger = logging.getLogger("sage.voice.room")

GREETING_WAIT = (1.0, 2.5)
"""Who comes first is greeted when nobody else has come for the first of these seconds, after the second at the latest:
people who open a debate together arrive one after the other, and each is to be greeted by name."""

PRESENT_WAIT = (0.3, 0.8)
"""The same where people were there before the moderator: they have waited already."""

LISTENER_SECONDS = 4.0
"""Who has opened no microphone by then listens: nobody is to be asked why they have not spoken."""

SETTLE_SECONDS = 3.0
"""How long a leaving job waits for its last words to be written."""


class ModeratedRoom:
    """Moderates one room from `start` until `ended` is set; `aclose` leaves nothing behind."""

    def __init__(self, room: rtc.Room, given: Assignment) -> None:
        self.room = room
        self.failed = False
        """Whether the room still needs a moderator when this one has ended."""

        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        settings = given.settings
        self.moderator = Moderator(self, given, mouth_of=self._open_mouth)
        self._recogniser = self.moderator.chains.stt()
        self.deliberation = self.moderator.deliberation
        self._hearing = Hearing(room, given.models, self._recogniser, settings, listener=self.moderator)
        self._captions = DebaterCaptions(before_shown=self._journal_caption)
        self.page = Page(room, self.deliberation, settings)
        self.page.show_receivers(receivers(given.plan, settings))
        debate, write = self.deliberation.debate, metadata_writer(settings, given.record.room)
        self._handing_over = HandingOver(room, debate, given.record, write)
        self._presence = Presence(
            idle_timeout=float(settings.agent_idle_timeout_secs),
            empty_timeout=float(settings.agent_empty_timeout_secs),
            began_at=time.monotonic(),
        )
        self._here: set[str] = set()
        self._newcomer = asyncio.Event()
        self._listeners: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._greeting: asyncio.Task[None] | None = None

    def _open_mouth(self, captions: SpokenCaptions) -> RoomVoice:
        self._voice = RoomVoice(captions)
        return self._voice

    @property
    def record(self) -> DebateRecord:
        """The debate that is moderated."""
        return self.moderator.record

    # -- life --------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Take the room: resume or begin the debate, publish the voice, listen to everybody who is there."""
        session, captions = self.moderator.session, self.moderator.captions
        self._hearing.attend()
        resumed = await self.moderator.open()
        self._listen_to_room()
        # commands are taken from the first moment on; what they make the moderator say waits for its voice
        self.deliberation.start()
        await self.page.start()
        captions.start(self.room)
        self._captions.start(self.room)
        session.output.audio = self._voice
        session.output.transcription = captions
        await asyncio.gather(
            self._voice.publish(self.room),
            session.start(
                self.moderator.agent,
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
        session.on("close", lambda _: self.end("the session was closed"))
        await self.moderator.begin_to_speak()
        self.page.show_before(self.moderator.said_before)
        for summary in self.moderator.summarising.made:
            self.page.show_summary(summary)
        self._welcome_those_present(resumed)
        self._hearing.start()
        self._handing_over.start()
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
            self._on_joined(participant, greet_after=PRESENT_WAIT)

    async def aclose(self) -> None:
        """Leave: what was said last is heard, shown and written; then all buffers and queues are gone."""
        if not self.ended.done():
            self.ended.set_result("closed")
        await self.moderator.conductor.aclose()
        await _within(SETTLE_SECONDS, self._hearing.aclose())
        await _within(SETTLE_SECONDS, self.deliberation.aclose())
        await _within(SETTLE_SECONDS, self._captions.aclose())
        await self.page.aclose()
        await self._handing_over.aclose()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await _within(SETTLE_SECONDS, self.moderator.session.aclose())
        await _within(SETTLE_SECONDS, self.moderator.captions.aclose())
        await self._voice.aclose()
        await _within(SETTLE_SECONDS, self._recogniser.aclose())
        await _within(SETTLE_SECONDS, self.moderator.aclose())

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
            self._on_joined(participant, greet_after=GREETING_WAIT)

    def _on_joined(self, participant: rtc.RemoteParticipant, *, greet_after: tuple[float, float]) -> None:
        if participant.identity in self._here:
            return
        self._here.add(participant.identity)
        self._newcomer.set()
        self._presence.came()
        self._tell_joined(participant)
        self._spawn(self._look_for_microphone(participant.identity))
        if self._greeting is None:
            self._greeting = self._spawn(self._greet(*greet_after))

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

    async def _greet(self, settled: float, at_most: float) -> None:
        latest = time.monotonic() + at_most
        while (left := min(settled, latest - time.monotonic())) > 0:
            self._newcomer.clear()
            try:
                async with asyncio.timeout(left):
                    await self._newcomer.wait()
            except TimeoutError:
                break
        people = [one for one in self.room.remote_participants.values() if is_human(one)]
        if any(map(has_microphone, people)):
            for one in people:
                self._listens_if_silent(one)
        await self.moderator.greet()

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity not in self._here:
            return
        self._here.discard(participant.identity)
        self._listeners.discard(participant.identity)
        self._presence.went(time.monotonic())
        self._spawn(self._let_go(participant.identity))

    async def _let_go(self, identity: str) -> None:
        await self._hearing.let_go(identity)
        self.moderator.conductor.speaker_left(identity)
        if identity not in self._here:
            self.deliberation.tell(Left(identity))

    # -- what the moderator asks of its surroundings (voice.moderator.Surroundings) ---------------------------
    def anyone_speaks(self) -> bool:
        return self._hearing.anyone_speaks()

    def show(self, identity: str, segment_id: str, text: str, *, final: bool) -> None:
        self._captions.show(Caption(identity, segment_id, text, final, self._hearing.track_of(identity)))

    def follow(self, view: DebateView, decisions: Sequence[Decision]) -> None:
        self.page.follow(view, decisions)
        self._handing_over.follow()

    def spoken(self, turn: SpokenTurn) -> None:
        """Pages have heard and read it already."""

    def show_services(self, troubles: Mapping[str, str]) -> None:
        self.page.show_services(troubles)

    def summarised(self, summary: Summary) -> None:
        self.page.show_summary(summary)

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
