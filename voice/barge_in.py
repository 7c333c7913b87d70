"""Barge-in: pause at once, decide later.

Pure: speech of debaters and time in, what the moderator's voice does out. A cough or an "mm-hm" never takes the floor;
a sentence always does. Owns no audio and knows no room.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto

DECIDE_SECONDS = 0.55
"""After a pause the matter is decided within this time, so that a resumed voice is heard within 0.6 s."""

BACKCHANNEL_SECONDS = 0.6
"""Speech up to this length, with silence after it, is a sign of listening rather than a turn."""

SETTLED_SILENCE_SECONDS = 0.12
"""Silence after which a short speech counts as over; less is a stop consonant."""

_BACKCHANNEL = re.compile(
    r"m+(h+m+)*|h+m+|u+h+(h+u+h+)?|u+m+|a+h+a*|o+h+|o+|yeah|yes|yep|yup|ok|okay|right|sure|wow|exactly|true|indeed|"
    r"i|see|really|nice|good|great"
)
"""Words that show listening (Yngve's backchannels): alone they never take the floor."""


_URGENT = frozenset(
    ["stop", "wait", "no", "hold", "enough", "quiet", "silence", "moderator", "sage", "order", "objection"]
)
"""Single words that do take the floor, however short."""


class Voice(Enum):
    """What the moderator's voice does."""

    HOLD = auto()
    GO_ON = auto()
    YIELD = auto()


def is_backchannel(text: str) -> bool:
    """Whether words are only a sign of listening ("mm-hm", "yeah, right"); False for no words at all."""
    words = re.findall(r"[a-z]+", text.lower().replace("-", ""))
    return 0 < len(words) <= 3 and all(_BACKCHANNEL.fullmatch(word) for word in words)


@dataclass(slots=True)
class _Intruder:
    since: float
    heard_until: float
    over: bool = False
    words: str = ""


@dataclass(slots=True)
class BargeIn:
    """Decides over one running speech of the moderator. One instance a speech; times in seconds, monotonic."""

    interruptible: bool = True
    held_at: float | None = None
    yielded: bool = False
    _intruders: dict[str, _Intruder] = field(default_factory=dict)

    def started(self, identity: str, onset_at: float, at: float) -> Voice | None:
        """Somebody began to speak (their ear's start of speech, VAD_START_SECS after `onset_at`)."""
        if not self.interruptible or self.yielded:
            return None
        self._intruders[identity] = _Intruder(since=onset_at, heard_until=at)
        if self.held_at is None:
            self.held_at = at
            return Voice.HOLD
        return None

    def heard(self, identity: str, at: float) -> None:
        """A further window of that person's speech."""
        if intruder := self._intruders.get(identity):
            intruder.heard_until, intruder.over = at, False

    def words(self, identity: str, text: str) -> None:
        """What that person seems to say so far."""
        if intruder := self._intruders.get(identity):
            intruder.words = text

    def left(self, identity: str) -> None:
        """That person is gone: their speech is over."""
        if intruder := self._intruders.get(identity):
            intruder.over = True

    def decide(self, at: float) -> Voice | None:
        """What to do now; None to leave things as they are. Asked every few tens of milliseconds while it speaks."""
        if self.yielded or not self._intruders:
            return None
        for intruder in self._intruders.values():
            if at - intruder.heard_until >= SETTLED_SILENCE_SECONDS:
                intruder.over = True
        late = self.held_at is None or at - self.held_at >= DECIDE_SECONDS
        if any(self._takes_floor(intruder, late) for intruder in self._intruders.values()):
            self.yielded = True
            return Voice.YIELD
        if late or all(self._is_harmless(intruder) for intruder in self._intruders.values()):
            # Whoever still makes a sound stays under watch: "yeah, yeah" may grow into a sentence.
            self._intruders = {name: one for name, one in self._intruders.items() if not one.over}
            held, self.held_at = self.held_at, None
            return Voice.GO_ON if held is not None else None
        return None

    @staticmethod
    def _is_harmless(intruder: _Intruder) -> bool:
        return intruder.over and is_backchannel(intruder.words)

    def _takes_floor(self, intruder: _Intruder, late: bool) -> bool:
        if is_backchannel(intruder.words):
            return False
        length = intruder.heard_until - intruder.since
        if not intruder.over:
            return late and length > BACKCHANNEL_SECONDS
        words = re.findall(r"[a-z']+", intruder.words.lower())
        return length > BACKCHANNEL_SECONDS or len(words) >= 2 or any(word in _URGENT for word in words)
