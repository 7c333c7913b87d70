"""The moderator's captions: its words appear as they are heard, and are in the journal before they appear.

Paces the words of a reply by the playhead of `voice.output`: exactly where the TTS tells word times, else by their
share of the letters. Owns the text stream of one reply at a time.
"""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from livekit import rtc
from livekit.agents.types import TimedString
from livekit.agents.utils import is_given
from livekit.agents.voice import io

logger = logging.getLogger("sage.voice.spoken")

TOPIC = "lk.transcription"
LETTERS_PER_SECOND = 14.0
"""English speech at about 160 words a minute, spaces included: the pace until a reply's true length is known."""

SHOW_SHARE = 0.5
"""A word is shown when this share of it was heard, so that a caption cut short ends with the last word heard."""

_WORD = re.compile(r"\s*\S+\s*")


@dataclass(slots=True)
class _Word:
    text: str
    begins: float | None = None
    ends: float | None = None


@dataclass(slots=True)
class _Reply:
    segment_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    words: list[_Word] = field(default_factory=list)
    text: str = ""
    shown: int = 0
    audio_seconds: float = 0.0
    text_done: bool = False
    audio_done: bool = False


@dataclass(frozen=True, slots=True)
class _Shown:
    """Words on their way to the page; `text` is all of the reply that is known, which the journal has first."""

    segment_id: str
    text: str
    words: str
    about: dict[str, str]
    last: bool = False


BeforeShown = Callable[[str, str], Awaitable[None]]


class SpokenCaptions(io.TextOutput):
    """Shows each reply on `lk.transcription` under the moderator, word by word.

    before_shown(segment_id, text so far) is awaited before any of that text is shown: the journal writes it there.
    """

    def __init__(self, *, before_shown: BeforeShown) -> None:
        super().__init__(label="sage-captions", next_in_chain=None)
        self.track_sid = ""
        self.text_generated = ""
        """The whole text of the last reply as it was generated."""

        self.last_shown = ""
        """What of it was shown; "" until a reply has ended since `forget`."""

        self.about: dict[str, str] = {}
        """Attributes that tell pages what the coming reply is for (`sage.reason`, `sage.addressed_to`)."""

        self._before_shown = before_shown
        self._room: rtc.Room | None = None
        self._reply = _Reply()
        self._queue: asyncio.Queue[_Shown] = asyncio.Queue()
        self._writer_task: asyncio.Task[None] | None = None

    def start(self, room: rtc.Room | None) -> None:
        """Begin to write into `room`; None (console) keeps the words to itself."""
        self._room = room
        self._writer_task = asyncio.create_task(self._write(), name="spoken-captions")

    async def aclose(self) -> None:
        if self._writer_task is not None:
            await self._queue.join()
            self._writer_task.cancel()
            await asyncio.gather(self._writer_task, return_exceptions=True)

    # -- text in ---------------------------------------------------------------------------------
    async def capture_text(self, text: str) -> None:
        reply = self._reply
        begins = text.start_time if isinstance(text, TimedString) and is_given(text.start_time) else None
        ends = text.end_time if isinstance(text, TimedString) and is_given(text.end_time) else None
        reply.text += text
        self.text_generated = reply.text
        self._add_words(str(text), begins, ends)

    def _add_words(self, text: str, begins: float | None, ends: float | None) -> None:
        words = self._reply.words
        if (
            words
            and len(words) > self._reply.shown
            and text[:1].strip()
            and not words[-1].text[-1:].isspace()
        ):
            # a model's tokens cut words: the piece belongs to the word before
            head = re.match(r"\S+\s*", text)
            assert head is not None
            words[-1].text += head.group()
            words[-1].ends = ends if ends is not None else words[-1].ends
            text = text[head.end() :]
        pieces = _WORD.findall(text)
        for piece in pieces:
            timed = len(pieces) == 1
            words.append(_Word(piece, begins if timed else None, ends if timed else None))

    def flush(self) -> None:
        self._reply.text_done = True

    # -- the playhead ------------------------------------------------------------------------------
    @property
    def audio_seconds(self) -> float:
        return self._reply.audio_seconds

    @audio_seconds.setter
    def audio_seconds(self, value: float) -> None:
        self._reply.audio_seconds = value

    @property
    def audio_done(self) -> bool:
        return self._reply.audio_done

    @audio_done.setter
    def audio_done(self, value: bool) -> None:
        self._reply.audio_done = value

    def advance(self, playhead: float) -> None:
        """Show the words heard up to `playhead` (seconds of this reply's audio)."""
        reply = self._reply
        count = self._heard(playhead)
        if count > reply.shown:
            words = "".join(word.text for word in reply.words[reply.shown : count])
            reply.shown = count
            self._queue.put_nowait(_Shown(reply.segment_id, reply.text, words, dict(self.about)))

    def _heard(self, playhead: float) -> int:
        reply = self._reply
        pace = LETTERS_PER_SECOND
        if reply.text_done and reply.audio_done and reply.audio_seconds > 0:
            pace = max(1, len(reply.text)) / reply.audio_seconds
        letters, at, count = 0, 0.0, 0
        for word in reply.words:
            begins = word.begins if word.begins is not None else at
            ends = word.ends if word.ends is not None else begins + len(word.text) / pace
            letters += len(word.text)
            at = ends
            if playhead < begins + SHOW_SHARE * (ends - begins):
                break
            count += 1
        return max(count, reply.shown)

    def finish(self, position: float, *, interrupted: bool) -> str:
        """End the reply, heard up to `position` seconds; answers the words shown. All of them unless interrupted."""
        reply = self._reply
        count = self._heard(position) if interrupted else len(reply.words)
        words = "".join(word.text for word in reply.words[reply.shown : count])
        shown = "".join(word.text for word in reply.words[:count])
        if shown:
            about = {**self.about, "sage.interrupted": "true" if interrupted else "false"}
            self._queue.put_nowait(_Shown(reply.segment_id, reply.text, words, about, last=True))
        self._reply = _Reply()
        self.last_shown = shown.strip()
        return self.last_shown

    def finish_unheard(self) -> str:
        """End a reply that has text but found no voice: the words are shown at once. Empty where there is no text."""
        return self.finish(0.0, interrupted=False) if self._reply.words else ""

    def forget(self) -> None:
        """A new reply begins: what the last one was is told no more."""
        self.last_shown, self.text_generated, self._reply = "", "", _Reply()

    # -- out -----------------------------------------------------------------------------------------
    async def _write(self) -> None:
        """Write what was queued, in order; a caption that cannot be sent is logged and never stops the voice."""
        writer: rtc.TextStreamWriter | None = None
        written, open_id = "", ""
        while True:
            shown = await self._queue.get()
            segment_id, text = shown.segment_id, shown.text
            try:
                if text != written:
                    await self._before_shown(segment_id, text)
                    written = text
                if self._room is None or not self._room.isconnected():
                    continue
                if writer is None or segment_id != open_id:
                    writer, open_id = await self._open(self._room, shown), segment_id
                if shown.words:
                    await writer.write(shown.words)
                if shown.last:
                    ends = {**shown.about, "lk.transcription_final": "true", "lk.segment_id": segment_id}
                    await writer.aclose(attributes=ends)
                    writer, written = None, ""
            except Exception as error:  # noqa: BLE001 - a page that cannot be told must not end the debate
                logger.warning(
                    "a caption of the moderator could not be sent", extra={"error": type(error).__name__}
                )
                writer = None
            finally:
                self._queue.task_done()

    async def _open(self, room: rtc.Room, shown: _Shown) -> rtc.TextStreamWriter:
        attributes = {**shown.about, "lk.segment_id": shown.segment_id, "lk.transcription_final": "false"}
        if self.track_sid:
            attributes["lk.transcribed_track_id"] = self.track_sid
        me = room.local_participant
        return await me.stream_text(topic=TOPIC, sender_identity=me.identity, attributes=attributes)
