"""The only place that speaks: carries the debate's decisions out, in order of urgency, when there is a gap for them.

Drops what is stale, yields at once when somebody speaks over it, and goes on after a cough. Decides nothing itself:
whom to answer and what to announce come as `debate.Decision`s.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from livekit.agents import AgentSession, llm
from livekit.agents.voice import SpeechHandle

from debate.decisions import Decision
from voice.barge_in import BargeIn, Voice

logger = logging.getLogger("sage.voice.conductor")

URGENCIES = ("safety", "time", "answer", "flow")
SPOKEN_KINDS = frozenset({"reply", "announce", "give_floor", "cut_in", "summarise", "vote"})
GAP_WAIT_SECONDS = 2.0
"""How long a matter that can wait waits for a gap."""

POLL_SECONDS = 0.02
SPEECH_DEADLINE_SECONDS = 120.0
"""No speech of a moderator may take longer; a provider that never ends must not silence it for good."""


class Mouth(Protocol):
    """What the conductor holds back and lets go (voice.output.RoomVoice)."""

    first_frame_at: float | None

    def hold(self) -> None: ...
    def go_on(self) -> None: ...
    def keep_alive(self) -> None: ...


class Words(Protocol):
    """What was said (voice.spoken.SpokenCaptions)."""

    last_shown: str
    text_generated: str
    about: dict[str, str]

    def finish_unheard(self) -> str: ...
    def forget(self) -> None: ...


@dataclass(slots=True)
class SpokenTurn:
    """One turn of the moderator as it was. Times on the debate's clock, seconds."""

    decision: Decision
    text: str
    generated: str
    start: float
    end: float
    interrupted: bool
    latency_ms: dict[str, int | None]
    first_audio_at: float | None
    """When its first audio was heard; None where none was."""


@dataclass(order=True, slots=True)
class _Pending:
    rank: int
    number: int
    decision: Decision = field(compare=False)
    decided_at: float = field(compare=False)
    tries: int = field(default=0, compare=False)


class Conductor:
    """Speaks one thing at a time in one room.

    brief(decision) answers the chat context of a reply whose words are to be found. anyone_speaks() tells whether a
    human speaks right now. words: what was shown and generated. on_spoken is awaited after each turn.
    clock: the debate's seconds.
    """

    def __init__(
        self,
        *,
        session: AgentSession[None],
        mouth: Mouth,
        brief: Callable[[Decision], llm.ChatContext],
        anyone_speaks: Callable[[], bool],
        end_of_speech: Callable[[str], float | None],
        words: Words,
        on_spoken: Callable[[SpokenTurn], Awaitable[None]],
        clock: Callable[[], float],
        interruptible: bool = True,
    ) -> None:
        self._session = session
        self._mouth = mouth
        self._brief = brief
        self._anyone_speaks = anyone_speaks
        self._end_of_speech = end_of_speech
        self._words = words
        self._on_spoken = on_spoken
        self._clock = clock
        self._interruptible = interruptible
        self._pending: list[_Pending] = []
        self._numbers = itertools.count()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._barge_in: BargeIn | None = None
        self._handle: SpeechHandle | None = None
        self._barge_in_ms: int | None = None

    def start(self) -> None:
        """Begin to carry decisions out."""
        self._task = asyncio.create_task(self._run(), name="conductor")

    async def aclose(self) -> None:
        """Fall silent; what was pending is dropped."""
        self._pending.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def carry_out(self, decision: Decision) -> None:
        """Take a decision that is to be spoken; others are the room's to carry out."""
        if decision.kind not in SPOKEN_KINDS:
            return
        rank = URGENCIES.index(decision.urgency) if decision.urgency in URGENCIES else len(URGENCIES)
        if decision.urgency == "answer" and decision.addressed_to:
            # whoever asks again before the answer began wants the newer question answered
            self._pending = [
                one
                for one in self._pending
                if not (one.rank == rank and one.decision.addressed_to == decision.addressed_to)
            ]
        self._pending.append(_Pending(rank, next(self._numbers), decision, self._clock()))
        self._pending.sort()
        if rank < URGENCIES.index("answer") and self._barge_in is not None and self._barge_in.interruptible:
            self._interrupt()
        self._wake.set()

    # -- what the ears tell ---------------------------------------------------------------------------
    def speech_started(self, identity: str, onset_at: float, at: float) -> None:
        """Somebody began to speak: the moderator pauses at once. Times of the ears' clock (monotonic seconds)."""
        if self._barge_in is not None and self._barge_in.started(identity, onset_at, at) is Voice.HOLD:
            self._mouth.hold()
            self._barge_in_ms = round((self._monotonic() - onset_at) * 1000)

    def speech_heard(self, identity: str, at: float) -> None:
        if self._barge_in is not None:
            self._barge_in.heard(identity, at)

    def speech_words(self, identity: str, text: str) -> None:
        if self._barge_in is not None:
            self._barge_in.words(identity, text)

    def speaker_left(self, identity: str) -> None:
        if self._barge_in is not None:
            self._barge_in.left(identity)

    @staticmethod
    def _monotonic() -> float:
        return asyncio.get_running_loop().time()

    # -- one after the other ----------------------------------------------------------------------------
    async def _run(self) -> None:
        while True:
            if not self._pending:
                self._wake.clear()
                await self._wake.wait()
                continue
            await self._wait_for_gap()
            if not self._pending:
                continue
            pending = self._pending.pop(0)
            if self._clock() > pending.decision.expires_at:
                logger.info(
                    "a decision went stale",
                    extra={"kind": pending.decision.kind, "reason": pending.decision.reason},
                )
                continue
            try:
                await self._speak(pending)
            except asyncio.CancelledError:
                raise
            except Exception:
                # one failed turn must never end the debate
                logger.exception("a turn of the moderator failed")

    async def _wait_for_gap(self) -> None:
        waited_from = self._monotonic()
        while self._pending and self._anyone_speaks():
            first = self._pending[0]
            waited = self._monotonic() - waited_from
            if first.rank < URGENCIES.index("answer"):
                return
            if first.decision.urgency == "answer" and waited >= GAP_WAIT_SECONDS:
                return
            if self._clock() > first.decision.expires_at:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _speak(self, pending: _Pending) -> None:
        decision = pending.decision
        by_the_clock = decision.urgency in ("time", "safety")
        barge_in = BargeIn(interruptible=self._interruptible and not by_the_clock)
        self._mouth.first_frame_at = None
        self._words.forget()
        self._words.about = {"sage.reason": decision.signal, "sage.addressed_to": decision.addressed_to}
        self._barge_in, self._barge_in_ms = barge_in, None
        started = self._clock()
        handle = self._begin(decision, allow_interruptions=not by_the_clock)
        self._handle = handle
        try:
            await self._follow(handle, barge_in)
        finally:
            self._barge_in, self._handle = None, None
            self._mouth.go_on()
        began = self._mouth.first_frame_at
        if barge_in.yielded and began is None:
            self._retry(pending)
            return
        await self._tell(pending, handle, began, started)

    def _begin(self, decision: Decision, *, allow_interruptions: bool) -> SpeechHandle:
        if decision.text:
            return self._session.say(
                decision.text, allow_interruptions=allow_interruptions, add_to_chat_ctx=False
            )
        return self._session.generate_reply(
            chat_ctx=self._brief(decision), allow_interruptions=allow_interruptions, tool_choice="none"
        )

    async def _follow(self, handle: SpeechHandle, barge_in: BargeIn) -> None:
        """Wait for the end of a speech, and mind who speaks over it."""
        done = asyncio.ensure_future(handle.wait_for_playout())
        deadline = self._monotonic() + SPEECH_DEADLINE_SECONDS
        try:
            while not done.done():
                await asyncio.wait([done], timeout=POLL_SECONDS)
                verdict = barge_in.decide(self._monotonic())
                if verdict is Voice.GO_ON:
                    self._mouth.go_on()
                elif verdict is Voice.YIELD:
                    self._interrupt()
                elif self._monotonic() > deadline:
                    logger.error("a speech of the moderator did not end and was cut")
                    handle.interrupt(force=True)
                    break
        finally:
            if not done.done():
                await asyncio.wait([done], timeout=2.0)
            done.cancel()
            await asyncio.gather(done, return_exceptions=True)

    def _interrupt(self) -> None:
        if self._handle is not None and not self._handle.interrupted and not self._handle.done():
            if self._barge_in is not None:
                self._barge_in.yielded = True
            self._handle.interrupt()

    def _retry(self, pending: _Pending) -> None:
        """Somebody spoke before the first word was out: the matter waits for the next gap instead of being lost."""
        if pending.tries < 2 and pending.decision.urgency == "answer":
            pending.tries += 1
            self._pending.append(pending)
            self._pending.sort()
            self._wake.set()

    async def _tell(
        self, pending: _Pending, handle: SpeechHandle, began: float | None, started: float
    ) -> None:
        decision = pending.decision
        if not handle.interrupted:
            self._words.finish_unheard()
        shown, generated = self._words.last_shown, self._words.text_generated
        now = self._clock()
        lag = self._monotonic() - now  # between the mouth's monotonic clock and the debate's
        first_audio_at = began - lag if began is not None else None
        start = first_audio_at if first_audio_at is not None else started
        ended_at = self._end_of_speech(decision.addressed_to) if decision.urgency == "answer" else None
        latency: dict[str, int | None] = {
            "speech_end_to_first_audio_ms": round((start - ended_at) * 1000)
            if began is not None and ended_at is not None and start >= ended_at
            else None,
            "decision_to_first_audio_ms": round((start - pending.decided_at) * 1000)
            if began is not None
            else None,
            "barge_in_cutoff_ms": self._barge_in_ms,
        }
        turn = SpokenTurn(decision, shown, generated, start, now, handle.interrupted, latency, first_audio_at)
        await self._on_spoken(turn)
