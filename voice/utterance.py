"""One turn of one person as an ear hears it: its words so far, final and running. Owns no time but what it is given."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from livekit.agents import stt

from debate.address import looks_unfinished, sounds_finished
from memory.ids import uuid7
from providers.chains.attempt import LinkUse

STALE_SECONDS = 1.0
"""Words that came so long before the speech ended are not its end: a recogniser that has fallen silent in the middle,
or is slow on a busy machine."""


@dataclass(slots=True)
class Utterance:
    """One turn of one person as it is heard."""

    identity: str
    start: float
    utterance_id: str = field(default_factory=uuid7)
    settled: list[str] = field(default_factory=list)
    """Final texts of the parts that are over."""

    running: str = ""
    """The recogniser's latest word on the part that still runs."""

    end: float = 0.0
    words_at: float = -math.inf
    """When its newest words came; seconds, monotonic."""

    heard_by: LinkUse | None = None
    """Which link of the recogniser's chain had its last words."""

    _judged: tuple[str, bool, bool] = ("", False, False)
    told: list[str] | None = None
    """The words that were told in place of final texts that did not come; those that come late are about them."""

    @property
    def text(self) -> str:
        """All words so far."""
        return " ".join(part for part in (*self.settled, self.running) if part).strip()

    def stale(self, voice_until: float) -> bool:
        """Whether its words are older than the speech that lasted `voice_until`, and may not be its end."""
        return self.words_at < voice_until - STALE_SECONDS

    def ends(self) -> tuple[bool, bool]:
        """(unfinished, finished) by its words; judged once for each text, as windows come 30 times a second."""
        text = self.text
        if self._judged[0] != text:
            self._judged = (text, looks_unfinished(text), sounds_finished(text))
        return self._judged[1], self._judged[2]

    def settle(self, text: str, stream: stt.RecognizeStream) -> None:
        """A final text came from `stream`."""
        self.settled.append(text)
        self.heard_by = getattr(stream, "last_use", None)

    def tell_early(self) -> None:
        """Take the running words for final: the recogniser is too late with its own."""
        self.told = self.running.split()
        if self.running:
            self.settled.append(self.running)
        self.running = ""

    def not_told_of(self, final: str) -> str:
        """What a late `final` text adds to the words that were told in its place, "" for nothing."""
        words, told = final.split(), self.told or []
        same = 0
        while same < min(len(words), len(told)) and _plain(words[same]) == _plain(told[same]):
            same += 1
        self.told = told[same:]
        return " ".join(words[same:])


def _plain(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())
