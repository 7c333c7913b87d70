"""What a person said between two flushes: its sound, kept until its final text is told, and what each link made of it.

Owns no time and asks no link: stt.py decides, this remembers.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from livekit import rtc
from livekit.agents import stt

if TYPE_CHECKING:
    from providers.chains.link_stream import LinkStream

MOST_SECONDS = 60.0
"""Sound kept of one passage. An ear splits speech after MAX_UTTERANCE_SECS (30 s, and a second): a longer passage is an
open microphone without voice activity detection, where the newest sound is what a next link must hear."""

SAMPLE_SECONDS = 2.0
"""Sound of a passage that a probe plays to the link that failed on it."""


@dataclass(eq=False, slots=True)
class Passage:
    """One passage. Times are the loop's, in seconds."""

    began_at: float
    frames: deque[rtc.AudioFrame] = field(default_factory=deque)
    seconds: float = 0.0
    """Length of `frames`."""

    flushed_at: float | None = None
    texts: dict[LinkStream, str] = field(default_factory=dict)
    """All words so far, by the stream that heard them; also of streams that have failed since."""

    finals: dict[LinkStream, stt.SpeechEvent] = field(default_factory=dict)
    """In the order in which they came."""

    asked: dict[str, None] = field(default_factory=dict)
    """Names of the links that were given it, in order."""

    failed: set[str] = field(default_factory=set)
    """Names of the links that failed on it in this round."""

    blamed: set[str] = field(default_factory=set)
    """Names of all links that ever failed on it."""

    rounds: int = 0
    """How often all links had failed; counted anew from the flush on."""

    told: str = ""
    """The interim text that was told last."""

    def add(self, frame: rtc.AudioFrame) -> None:
        """Keep a frame."""
        self.frames.append(frame)
        self.seconds += frame.duration
        while self.seconds > MOST_SECONDS:
            self.seconds -= self.frames.popleft().duration

    def end(self, at: float) -> None:
        """It was flushed: every link has another chance to say its final word on it."""
        self.flushed_at = at
        self.forgive()
        self.rounds = 0

    def forgive(self) -> None:
        """Begin another round: links that failed on it may be asked again."""
        self.failed.clear()
        self.rounds += 1

    def first_with_words(self) -> LinkStream | None:
        """Who gave the first final text that has words."""
        return next((by for by, event in self.finals.items() if text_of(event)), None)

    def best_text(self, living: list[LinkStream]) -> tuple[LinkStream | None, str]:
        """The most words that a stream of `living` has so far, else that any had which failed meanwhile."""
        for streams in (living, list(self.texts)):
            known = [(by, self.texts.get(by, "")) for by in streams]
            best = max(known, key=lambda one: len(one[1].split()), default=None)
            if best is not None and best[1]:
                return best
        return None, ""

    def sample(self) -> list[rtc.AudioFrame]:
        """Its first seconds, for a probe."""
        sample: list[rtc.AudioFrame] = []
        seconds = 0.0
        for frame in self.frames:
            if seconds >= SAMPLE_SECONDS:
                break
            sample.append(frame)
            seconds += frame.duration
        return sample


def text_of(event: stt.SpeechEvent) -> str:
    """The words of an event, "" where it has none."""
    return event.alternatives[0].text.strip() if event.alternatives else ""
