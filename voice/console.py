"""The console: one person at the local microphone, or typing, and the moderator. There is no room and no LiveKit.

The framework's console owns the sound devices and the terminal; here its microphone gets the one ear, its speaker
becomes the conductor's mouth, and what is typed is an utterance like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import importlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, llm
from livekit.agents.cli import AgentsConsole
from livekit.agents.cli import _legacy as framework_console
from livekit.agents.utils.audio import AudioByteStream
from livekit.agents.voice import io
from livekit.agents.voice.run_result import ChatMessageEvent

from debate.decisions import Decision
from debate.events import Joined, Uttered
from debate.summaries import Summary
from debate.view import DebateView
from errors import Unavailable, own_command
from memory import DebateRecord, uuid7
from voice.conductor import SPOKEN_KINDS, SpokenTurn
from voice.ears import FRAME_MS, SAMPLE_RATE, Ear
from voice.hearing import ear_settings
from voice.moderator import Assignment, Moderator
from voice.spoken import SpokenCaptions

logger = logging.getLogger("sage.voice.console")

PLUGINS = ("silero", "deepgram", "openai", "cartesia")
IDENTITY = "you"
REPLY_SECONDS = 30.0
"""How long a typed question waits for its answer before the prompt comes back."""

SILENT = "(Sage is silent: it speaks when it is addressed, as in “Sage, what is the topic?”)"
CHECKING = "(Sage looks that up.)"


class ConsoleVoice(io.AudioOutput):
    """The console's speaker, held and let go by the conductor only, as `voice.output.RoomVoice` is in a room."""

    def __init__(self, speaker: io.AudioOutput, mouth: ConsoleMouth) -> None:
        super().__init__(
            label="sage-console-voice",
            capabilities=io.AudioOutputCapabilities(pause=False),
            next_in_chain=speaker,
            sample_rate=speaker.sample_rate,
        )
        self._mouth = mouth
        self._ending = False

    @property
    def speaker(self) -> io.AudioOutput:
        """Where the sound goes."""
        assert self.next_in_chain is not None
        return self.next_in_chain

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        if self._ending:
            # a new segment while the last one still ends: it must not run into it
            await self.wait_for_playout()
        await super().capture_frame(frame)
        self._mouth.captions.audio_seconds += frame.duration
        await self.speaker.capture_frame(frame)

    def flush(self) -> None:
        super().flush()
        self.speaker.flush()
        self._mouth.captions.audio_done = True
        self._ending = self._pending_playback_count > 0

    def clear_buffer(self) -> None:
        self.speaker.clear_buffer()

    def pause(self) -> None:
        """Not the framework's to say."""

    def resume(self) -> None:
        """Not the framework's to say."""

    def on_playback_started(self, *, created_at: float) -> None:
        self._mouth.first_frame_at = self._mouth.first_frame_at or time.monotonic()
        super().on_playback_started(created_at=created_at)

    def on_playback_finished(
        self, *, playback_position: float, interrupted: bool, synchronized_transcript: str | None = None
    ) -> None:
        self._ending = False
        shown = self._mouth.captions.finish(playback_position, interrupted=interrupted)
        super().on_playback_finished(
            playback_position=playback_position, interrupted=interrupted, synchronized_transcript=shown
        )


class ConsoleMouth:
    """The conductor's mouth: whatever speaker there is now, or none while people type."""

    def __init__(self, captions: SpokenCaptions) -> None:
        self.captions = captions
        self.first_frame_at: float | None = None
        self.voice: ConsoleVoice | None = None

    def hold(self) -> None:
        if self.voice is not None:
            self.voice.speaker.pause()

    def go_on(self) -> None:
        if self.voice is not None:
            self.voice.speaker.resume()

    def keep_alive(self) -> None:
        """A terminal's loudspeaker needs no frames."""


@dataclass(slots=True)
class TypedAnswer:
    """What the framework's text mode prints after a typed line."""

    events: list[ChatMessageEvent] = field(default_factory=list)


class ConsoleSession(AgentSession[None]):
    """The framework's session, with typed lines going to the debate instead of straight to the language model."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.on_typed: Callable[[str], Any] | None = None

    async def run(self, *, user_input: str, **_: Any) -> TypedAnswer:  # type: ignore[override]
        assert self.on_typed is not None
        answer: str = await self.on_typed(user_input)
        message = llm.ChatMessage(role="assistant", content=[answer])
        return TypedAnswer([ChatMessageEvent(item=message)])


class ConsoleDebate:
    """Moderates one person at the console, from `start` until `ended` is set; `aclose` leaves nothing behind."""

    def __init__(self, given: Assignment) -> None:
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.failed = False
        self._given = given
        self._console: Any = AgentsConsole.get_instance()
        self.moderator = Moderator(self, given, mouth_of=self._open_mouth, session_type=ConsoleSession)
        self._recogniser = self.moderator.chains.stt()
        self._ear: Ear | None = None
        self._asked: dict[Decision, asyncio.Future[str]] = {}

    @property
    def record(self) -> DebateRecord:
        """The debate that is moderated."""
        return self.moderator.record

    def _open_mouth(self, captions: SpokenCaptions) -> ConsoleMouth:
        self._mouth = ConsoleMouth(captions)
        return self._mouth

    # -- life --------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Take the console's microphone, speaker and keyboard, and greet."""
        session = self.moderator.session
        assert isinstance(session, ConsoleSession)
        session.on_typed = self._typed
        await self.moderator.open()
        self.moderator.deliberation.start()
        self.moderator.captions.start(None)
        # the console calls it when the session starts and at each change between speaking and typing (Ctrl+T)
        self._console._update_sess_io = self._connect
        await session.start(self.moderator.agent, record=False)
        await self.moderator.begin_to_speak()
        self.moderator.deliberation.tell(Joined(IDENTITY, _own_name(), "debater"))
        await self.moderator.greet()

    def end(self, reason: str) -> None:
        """Say that it is over; may be called again."""
        if not self.ended.done():
            self.ended.set_result(reason)

    async def aclose(self) -> None:
        """Leave the console; what was said last is written."""
        self.end("closed")
        await self.moderator.conductor.aclose()
        if self._ear is not None:
            await self._ear.aclose()
        await self.moderator.deliberation.aclose()
        await self.moderator.session.aclose()
        await self.moderator.captions.aclose()
        await self._recogniser.aclose()
        await self.moderator.aclose()

    def _connect(
        self,
        session: AgentSession[None],
        mode: str,
        microphone: io.AudioInput,
        speaker: io.AudioOutput,
        *_captions: object,
    ) -> None:
        """Connect the session as `mode` says: "audio" or "text". The microphone is the ear's, never the session's."""
        session.input.audio = None
        if mode == "text":
            self._mouth.voice = session.output.audio = None
        else:
            self._mouth.voice = ConsoleVoice(speaker, self._mouth)
            session.output.audio = self._mouth.voice
            # our captions follow our own mouth
            self._console._io_transcription_sync.set_enabled(False)
            self._listen(microphone)
        session.output.transcription = self.moderator.captions

    def _listen(self, microphone: io.AudioInput) -> None:
        microphone.on_attached()
        if self._ear is not None:
            return
        self._ear = Ear(
            identity=IDENTITY,
            audio=_frames(microphone),
            vad_engine=self._given.models.vad,
            recogniser=self._recogniser,
            turns=self._given.models.turns.stream(),
            settings=ear_settings(self._given.settings),
            listener=self.moderator,
            on_failed=self._on_failed,
        )
        self._ear.start()

    def _on_failed(self, _ear: Ear, error: BaseException) -> None:
        logger.error("the ear has failed", exc_info=error)
        self.end("the ear has failed")

    # -- typed lines ----------------------------------------------------------------------------------------
    async def _typed(self, line: str) -> str:
        """Put a typed line to the debate; answers what the moderator said to it."""
        deliberation = self.moderator.deliberation
        now = deliberation.now()
        decisions = await deliberation.ask(Uttered(uuid7(), IDENTITY, line, now, now, via="chat"))
        spoken = [decision for decision in decisions if decision.kind in SPOKEN_KINDS]
        if not spoken:
            return CHECKING if any(one.kind == "fact_check" for one in decisions) else SILENT
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked[spoken[0]] = answer
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                return await answer
        except TimeoutError:
            return "(no answer in time)"
        finally:
            self._asked.pop(spoken[0], None)

    # -- what the moderator asks of its surroundings (voice.moderator.Surroundings) ---------------------------
    def anyone_speaks(self) -> bool:
        return self._ear is not None and self._ear.speaking

    def show(self, identity: str, segment_id: str, text: str, *, final: bool) -> None:
        if final:
            self._print("You", text)

    def follow(self, view: DebateView, decisions: Sequence[Decision]) -> None:
        """The console shows no state, but what a fact check found."""
        for decision in decisions:
            if decision.kind == "fact_check" and decision.text:
                sources = "".join(f"\n  {source.title}: {source.url}" for source in decision.sources)
                self._print("Sage", f"{decision.text}{sources}")

    def show_services(self, troubles: Mapping[str, str]) -> None:
        """The log has said it already."""

    def summarised(self, summary: Summary) -> None:
        """Whoever is at the console has heard it, and may ask for it."""

    def spoken(self, turn: SpokenTurn) -> None:
        answer = self._asked.get(turn.decision)
        if answer is not None and not answer.done():
            answer.set_result(turn.text)
        elif turn.text:
            self._print("Sage", turn.text + (" --" if turn.interrupted else ""))

    def _print(self, who: str, text: str) -> None:
        say = getattr(self._console, "print", None)
        if say is not None:  # the framework's own terminal; driven from outside there is none
            from rich.text import Text  # what people said is no markup

            say(Text(text), tag=who)


async def _frames(microphone: io.AudioInput) -> AsyncIterator[rtc.AudioFrame]:
    """The microphone's frames as an ear wants them: 16 kHz mono, 20 ms."""
    cut = AudioByteStream(SAMPLE_RATE, 1, SAMPLE_RATE * FRAME_MS // 1000)
    resampler: rtc.AudioResampler | None = None
    async for frame in microphone:
        if frame.sample_rate == SAMPLE_RATE:
            pieces = [frame]
        else:
            resampler = resampler or rtc.AudioResampler(frame.sample_rate, SAMPLE_RATE, num_channels=1)
            pieces = resampler.push(frame)
        for piece in pieces:
            for whole in cut.write(piece.data.cast("B")):
                yield whole


def _own_name() -> str:
    """The name to greet by: who is logged in here."""
    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser().title()
    return "Guest"


def prepare_terminal(arguments: Sequence[str]) -> None:
    """Make the framework's console usable here, before it starts; to be called from the main thread.

    Raises Unavailable where sound is wanted and PortAudio, which the sound devices need, is not installed.
    """
    for plugin in PLUGINS:
        # the console's job is a thread, and plugins may only be registered on the main one
        with contextlib.suppress(ImportError):
            importlib.import_module(f"livekit.plugins.{plugin}")
    try:
        importlib.import_module("sounddevice")  # loads PortAudio
    except OSError:
        if "--text" not in arguments:
            raise Unavailable(
                "The console needs PortAudio for microphone and speaker, and it is not installed.",
                hint="Install it (`sudo apt-get install libportaudio2`), or type instead: "
                f"`{own_command('console --text')}`.",
            ) from None
        # typing needs no device: the framework looks for them all the same
        framework_console.AgentsConsole._validate_device_or_raise = _no_device  # type: ignore[method-assign]


def _no_device(*_: object, **__: object) -> None:
    """Stands in for the framework's look at the sound devices."""
