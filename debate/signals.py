"""What in a debate might call for its moderator: signals, each with whom it is about and how long it holds.

Owns the watching: interruptions, balance, silence, questions passed over, who speaks out of turn, and what utterances
do by their wording. Weighs nothing and says nothing: whether anything is done is for the policy (policy.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from debate.accord import Assents, Disputes
from debate.judgement import FEW_WORDS, Judgement
from debate.talk import MODERATOR, WINDOW_SECONDS, Talk
from debate.unanswered import Questions

Name = Literal[
    "attack", "floor", "begin", "interruption", "unanswered", "dominance", "silence", "quiet", "drift", "claim",
    "agreement",
]  # fmt: skip

INTERRUPTED_SECONDS = 4.0
"""Who stops this soon after another began over them was interrupted; the end of speech is told a little late."""

CUTS_SECONDS = 90.0
"""Two interruptions of one person by the same other within it are one too many."""

CUT_WORDS = 12
CUT_SHORT_SECONDS = 2.0
"""A sentence of so many words that ends in the middle so soon after it was cut off was a thought."""

CROSSTALK_CUTS = 3
CROSSTALK_SECONDS = 20.0
"""So many speeches cut off within it, whoever's: nobody is understood any more."""

OUT_OF_TURN_SECONDS = 3.0
"""Speech in another's protected time for longer is more than a moment."""

DOMINANCE_SECONDS = 120.0
"""So much talk there must have been before a share of it says anything."""

TURN_SECONDS = 20.0
"""Whoever has had most of the talk is told at the end of a turn so long: then the floor changes anyway."""

LONG_TURN_SECONDS = 90.0
"""Nobody waits for the end of a turn that has lasted so long."""

TURN_ENDED_SECONDS = 6.0
SIGN_SECONDS = 2.5
"""A sound of listening is shorter, and takes nobody's turn."""

ANSWER_AFTER_SECONDS = 10.0
ANSWER_SECONDS = 60.0
"""So long a turn is the answer to the question before it."""

CAMPAIGN_SECONDS = 6.0
"""Speech during a vote for longer is no question about it any more."""

QUIET_SECONDS = 270.0
"""Somebody is quiet for so long, at the least, however quickly the others talk."""

REMEMBERED_SECONDS = 150.0
"""So long where somebody has just spoken of everybody, or of them: then a word to them comes of itself."""

OCCASION_SECONDS = 12.0

QUIET_UTTERANCES = 2.0
"""Times the persona's number of utterances: five lines of banter are no sign of anybody's silence."""

THINKING_SECONDS = 45.0
"""Who asks for a moment has it."""

PRESSED_SECONDS = 45.0
"""So long after somebody has spoken a question without a name may be put to them."""

BEGIN_SECONDS = 10.0
CLAIM_HOLDS_SECONDS = 12.0
"""So long a claim is fresh: then others have spoken of something else."""

AGREED_HOLDS_SECONDS = 12.0
HOLDS_SECONDS = 20.0
RECENT_MAX = 12


@dataclass(frozen=True, slots=True)
class Signal:
    """`about`: the identity it is about, "" for the room; `other`: the second one. `grave`: 2 is open, 1 is veiled."""

    name: Name
    at: float
    about: str = ""
    other: str = ""
    grave: int = 1
    holds: float = HOLDS_SECONDS

    @property
    def until(self) -> float:
        """When it is no longer worth a word."""
        return self.at + self.holds


@dataclass(slots=True)
class _Utterance:
    identity: str
    at: float
    words: int
    judgement: Judgement


@dataclass(slots=True)
class Watch:
    """Watches one debate. Times are seconds of the debate; all identities are those of people."""

    talk: Talk = field(default_factory=Talk)
    questions: Questions = field(default_factory=Questions)
    assents: Assents = field(default_factory=Assents)
    disputes: Disputes = field(default_factory=Disputes)
    silent_since: float | None = 0.0
    """Since when nobody speaks; None while somebody does."""

    begun: bool = False
    """Whether anybody has said anything since the debate began, or since the moderator last broke a silence."""

    _speaking: dict[str, float] = field(default_factory=dict)
    _started: dict[str, float] = field(default_factory=dict)
    _turn: tuple[str, float, float] = ("", 0.0, 0.0)
    """Whose turn it is, since when, and until when they were last heard: few words of others end none."""

    _wanted: tuple[str, float] = ("", 0.0)
    """Who asked last, and when."""

    _occasions: dict[str, float] = field(default_factory=dict)
    """By person ("" for everybody): when they were last spoken of."""

    _over: dict[str, tuple[str, float]] = field(default_factory=dict)
    """By interrupter: whom they speak over, and since when."""

    _cuts: deque[tuple[float, str, str]] = field(default_factory=lambda: deque(maxlen=RECENT_MAX))
    """Interruptions: when, by whom, of whom."""

    _passed: dict[str, int] = field(default_factory=dict)
    """By person: substantial utterances of the others since their own last one."""

    _last: dict[str, float] = field(default_factory=dict)
    """By person: when they were last heard, or came."""

    _recent: deque[_Utterance] = field(default_factory=lambda: deque(maxlen=RECENT_MAX))
    _thinking_until: float = 0.0

    # -- people and speech ---------------------------------------------------------------------------------------
    def came(self, identity: str, at: float) -> None:
        """Somebody is there, and has had no chance to speak yet."""
        self._passed.setdefault(identity, 0)
        self._last.setdefault(identity, at)

    def keep_only(self, known: Collection[str]) -> None:
        """Forget whoever the debate has forgotten."""
        for kept in (self._passed, self._last, self._started, self._occasions):
            for identity in [one for one in kept if one and one not in known]:
                del kept[identity]

    def began_since(self, identity: str, at: float) -> bool:
        """Whether somebody has begun to speak since `at`."""
        return self._started.get(identity, -1.0) >= at

    def went(self, identity: str, at: float) -> None:
        """Somebody is gone: nothing is asked of them any more."""
        self.ended(identity, at)
        self._passed.pop(identity, None)
        self._last.pop(identity, None)
        self._over.pop(identity, None)
        self._started.pop(identity, None)
        self.questions.went(identity)
        self.assents.went(identity)

    def started(self, identity: str, at: float) -> None:
        """Somebody's speech began."""
        if identity in self._speaking:
            return
        if self._speaking:
            first = min(self._speaking, key=lambda one: self._speaking[one])
            self._over[identity] = (first, at)
        self._speaking[identity] = self._started[identity] = at
        self.silent_since = None

    def ended(self, identity: str, at: float) -> list[Signal]:
        """Somebody's speech is over; answers the interruption that ended it, if one did."""
        since = self._speaking.pop(identity, None)
        if since is None:
            return []
        self._follow_turn(identity, since, at)
        self._last[identity] = at
        self.begun = True
        self._over.pop(identity, None)
        if not self._speaking:
            self.silent_since = at
        cut = [
            by
            for by, (whom, when) in self._over.items()
            if whom == identity and by in self._speaking and at - when <= INTERRUPTED_SECONDS
        ]
        for by in cut:
            self._cuts.append((at, by, identity))
        crossing = sum(at - when <= CROSSTALK_SECONDS for when, _by, _whom in self._cuts) >= CROSSTALK_CUTS
        return [
            Signal("interruption", at, by, identity)
            for by in cut
            if crossing or self._cut_off(by, identity, at) > 1
        ]

    def _follow_turn(self, identity: str, since: float, at: float) -> None:
        who, began, until = self._turn
        if identity != who and (at - since >= SIGN_SECONDS or not who):
            who, began = identity, since
        if identity == who:
            until = at
        self._turn = (who, began, until)
        asked_by, asked_at = self._wanted
        answers = asked_by not in ("", identity) and began - ANSWER_AFTER_SECONDS <= asked_at <= at
        wanted = answers and identity == who and at - began <= ANSWER_SECONDS
        self.talk.spoke(identity, since, at, wanted=wanted)

    def _cut_off(self, by: str, whom: str, at: float) -> int:
        """How often one has cut the other off of late: once happens to everybody."""
        return sum(
            (one, other) == (by, whom) and at - when <= CUTS_SECONDS for when, one, other in self._cuts
        )

    def uttered(self, identity: str, text: str, judgement: Judgement, at: float) -> list[Signal]:
        """Words of one person; answers what they call for by themselves."""
        words = len(text.split())
        self.talk.said(identity, words, at)
        self.begun = True
        if text.rstrip().endswith("?"):
            self._wanted = (identity, at)
        for spoken_of in (*judgement.named, *([""] if judgement.gathers else [])):
            self._occasions[spoken_of] = at
        found: list[Signal] = []
        if judgement.attack:
            found.append(Signal("attack", at, identity, judgement.asked, judgement.attack))
        if judgement.claim:
            found.append(Signal("claim", at, identity, holds=CLAIM_HOLDS_SECONDS))
        if judgement.agreement and self._recent and self._recent[-1].judgement.agreement:
            found.append(Signal("agreement", at, identity, self._recent[-1].identity, holds=8.0))
        found += self._cut_short(identity, text, at)
        before = self._spoke_before(identity, at)
        self.assents.said(identity, judgement, before, len(self._last), at)
        self.disputes.said(identity, text, judgement, at)
        if (
            judgement.protests
            and self._cuts
            and self._cuts[-1][2] == identity
            and at - self._cuts[-1][0] < 15.0
        ):
            found.append(Signal("interruption", at, self._cuts[-1][1], identity, grave=2))
        if judgement.thinking:
            self.grant_thinking(at)
        elif words >= FEW_WORDS:
            self._thinking_until = 0.0
        found += [
            Signal("unanswered", at, one.asked, one.by)
            for one in self.questions.said(identity, text, judgement, self._spoke_before(identity, at))
        ]
        self._recent.append(_Utterance(identity, at, words, judgement))
        if words >= FEW_WORDS:
            for other in self._passed:
                self._passed[other] = 0 if other == identity else self._passed[other] + 1
        else:
            self._passed[identity] = 0
        return found

    def _cut_short(self, identity: str, text: str, at: float) -> list[Signal]:
        """Who has just been cut off in the middle of a sentence, after more than a few words."""
        if not self._cuts or text.rstrip()[-1:] in ".?!…\"”'" or len(text.split()) < CUT_WORDS:
            return []
        when, by, whom = self._cuts[-1]
        return (
            [Signal("interruption", at, by, whom)]
            if whom == identity and at - when <= CUT_SHORT_SECONDS
            else []
        )

    def accord(self, at: float) -> list[Signal]:
        """What people have come to agree on, and what one claims and another denies."""
        found: list[Signal] = []
        if (whose := self.assents.due(at)) is not None:
            found.append(Signal("agreement", at, whose, grave=2, holds=AGREED_HOLDS_SECONDS))
        if (dispute := self.disputes.due(at)) is not None:
            found.append(Signal("claim", at, *dispute, grave=2, holds=CLAIM_HOLDS_SECONDS))
        return found

    def grant_thinking(self, at: float) -> None:
        """Somebody asked for a moment: the silence is theirs."""
        self._thinking_until = at + THINKING_SECONDS

    def _spoke_before(self, identity: str, at: float) -> str:
        """Who of the others spoke last before `identity`: whom a question without a name is put to; "" for nobody."""
        return next(
            (
                one.identity
                for one in reversed(self._recent)
                if one.identity != identity and at - one.at <= PRESSED_SECONDS
            ),
            "",
        )

    def thinking(self, at: float) -> bool:
        """Whether somebody has asked for a moment, and has it."""
        return at < self._thinking_until

    def moderator_spoke(self, words: int, at: float) -> None:
        """The moderator was heard: a silence begins anew behind it."""
        self.talk.said(MODERATOR, words, at)
        if not self._speaking:
            self.silent_since = max(at, self.silent_since or 0.0)

    # -- what holds now ----------------------------------------------------------------------------------------------
    def silence(self, at: float) -> float:
        """Seconds of silence of a debate that has begun, and of which nobody has asked for a moment."""
        if not self.begun or self.silent_since is None or self.thinking(at):
            return 0.0
        return at - self.silent_since

    def gap(self, at: float) -> float:
        """Seconds since anybody was heard; 0 while somebody speaks."""
        return at - self.silent_since if self.silent_since is not None else 0.0

    @property
    def speaking(self) -> frozenset[str]:
        """Who speaks now."""
        return frozenset(self._speaking)

    def out_of_turn(
        self, allowed: frozenset[str], began: float, at: float, moment: float = OUT_OF_TURN_SECONDS
    ) -> list[Signal]:
        """Who has been speaking for more than a `moment` though others have the floor, in a part that `began` then."""
        return [
            Signal("floor", at, identity, holds=6.0)
            for identity, since in self._speaking.items()
            if identity not in allowed and at - max(since, began) >= moment
        ]

    def dominating(self, share: float, among: frozenset[str], since: float, at: float) -> list[Signal]:
        """Who of `among` holds more than `share` of the talk since then, or of the window; of two people more than
        three quarters of it."""
        present = len(among)
        window = min(WINDOW_SECONDS, at - since)
        if not self._has_had_a_turn(at):
            return []
        seconds = self.talk.seconds(at, window, unwanted=True)
        for identity, began in self._speaking.items():
            seconds[identity] = seconds.get(identity, 0.0) + at - max(began, since)
        total = sum(seconds.values())
        if total < DOMINANCE_SECONDS or present < 2:
            return []
        who = max(seconds, key=lambda one: seconds[one])
        limit = share if present > 2 else max(share, 0.75)
        dominates = who == self._turn[0] and who in among and seconds[who] / total > limit
        return [Signal("dominance", at, who)] if dominates else []

    def _has_had_a_turn(self, at: float) -> bool:
        """Whether a turn of some length has just ended, or goes on for very long."""
        who, began, until = self._turn
        if who in self._speaking:
            return at - began >= LONG_TURN_SECONDS
        return until - began >= TURN_SECONDS and at - until <= TURN_ENDED_SECONDS

    def quiet(self, after: float, speakers: frozenset[str], at: float) -> list[Signal]:
        """Of `speakers`, who has said nothing for `after` utterances of the others; grave: where they are spoken of."""
        found: list[Signal] = []
        for identity, passed in self._passed.items():
            if identity not in speakers or identity in self._speaking or passed < after * QUIET_UTTERANCES:
                continue
            spoken_of = max(self._occasions.get(one, -1e9) for one in ("", identity))
            occasion = at - spoken_of <= OCCASION_SECONDS
            if at - self._last.get(identity, at) >= (REMEMBERED_SECONDS if occasion else QUIET_SECONDS):
                found.append(Signal("quiet", at, identity, grave=2 if occasion else 1, holds=HOLDS_SECONDS))
        return found
