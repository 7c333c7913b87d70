"""The judgement: which line was heard under which name, which question was answered and how fast.

Pure. Works on what was received and played, never on the worker's account. Matching is by words alone;
answers, which are a matter of time, are found by time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from rehearsal.heard import Turn
from rehearsal.loudness import Loudness
from rehearsal.matching import Matching, Verdict, Wording, match
from rehearsal.performance import Performed, Played

ANSWER_SECONDS = 6.0
"""Later than this a reply is no answer any more."""

_EARLY_SECONDS = 0.3
_TRAVEL_SECONDS = 1.5
_ALONE_MARGIN = 0.1


@dataclass(frozen=True, slots=True)
class Answer:
    """A turn of the moderator and what it followed: the line it answers, or the line after which it was not
    asked.
    """

    turn: Turn
    answers: Played | None = None
    unasked_after: Played | None = None
    delay: float | None = None
    greeting: bool = False

    @property
    def reason(self) -> str:
        """Why the moderator spoke, by its own word where a caption says so, else by what went before."""
        inferred = "greeting" if self.greeting else "asked" if self.answers else "unasked"
        return self.turn.attributes.get("sage.reason") or inferred


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that the report needs. Lines are named by their number in the script."""

    performed: Performed
    matching: Matching
    judged: tuple[Played, ...]
    answers: tuple[Answer, ...]
    missed: tuple[Played, ...]
    misattributed: tuple[tuple[Played, str], ...]
    missing_answers: tuple[Played, ...]
    false_answers: tuple[Answer, ...]
    alone: tuple[int, ...]
    wer_alone: float | None

    @property
    def failures(self) -> tuple[str, ...]:
        """Every reason to end with exit code 1, in words."""
        name = self.speaker_name
        found = [f"line {p.line.number} of {p.line.who} was not heard: {p.line.text!r}" for p in self.missed]
        found += [
            f"line {p.line.number} of {p.line.who} stands under {name(identity)}: {p.line.text!r}"
            for p, identity in self.misattributed
        ]
        found += [f"line {p.line.number} was not answered: {p.line.text!r}" for p in self.missing_answers]
        found += [
            f"the moderator spoke unasked after line {a.unasked_after.line.number}: {a.turn.text!r}"
            for a in self.false_answers
            if a.unasked_after
        ]
        if not self.performed.moderator_came:
            found.append("no moderator came into the room")
        return (*found, *self.performed.refusals)

    def speaker_name(self, identity: str) -> str:
        """The name that the room shows for `identity`."""
        return self.performed.heard.names.get(identity, identity)

    def verdict(self, played: Played) -> Verdict:
        """How `played` was heard."""
        return self.matching.verdicts[self.judged.index(played)]


def judge(performed: Performed) -> Judgement:
    """Compare what was played with what was heard."""
    judged = tuple(played for played in performed.played if played.line.text)
    lines = [Wording(played.line.who, played.line.text) for played in judged]
    who = {identity: name for name, ids in performed.identities.items() for identity in ids}
    utterances = performed.heard.utterances
    matching = match(lines, [Wording(who.get(u.identity, u.identity), u.text) for u in utterances])
    audible = [(p, v) for p, v in zip(judged, matching.verdicts, strict=True) if not p.muted]
    identity_of = {name: ids[-1] for name, ids in performed.identities.items() if ids}
    answers = _answers(performed)
    alone = tuple(index for index, played in enumerate(judged) if _alone(played, performed.played))
    return Judgement(
        performed=performed,
        matching=matching,
        judged=judged,
        answers=answers,
        missed=tuple(p for p, v in audible if v.missed and not p.cut),
        misattributed=tuple(
            (p, identity_of.get(v.foreign_speaker, v.foreign_speaker)) for p, v in audible if v.misattributed
        ),
        missing_answers=_missing(performed.played, answers),
        false_answers=tuple(answer for answer in answers if answer.unasked_after),
        alone=alone,
        wer_alone=_word_error_rate([matching.verdicts[index] for index in alone]),
    )


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of `values` do not exceed; None for no values."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None


def _word_error_rate(verdicts: Sequence[Verdict]) -> float | None:
    words = sum(verdict.words for verdict in verdicts)
    return sum(verdict.errors for verdict in verdicts) / words if words else None


def _alone(played: Played, others: Sequence[Played]) -> bool:
    """Whether nobody else spoke a line while this one was played, and all of it was."""
    return not (played.cut or played.muted) and not any(
        other is not played
        and other.start < played.end + _ALONE_MARGIN
        and other.end > played.start - _ALONE_MARGIN
        for other in others
    )


def _answers(performed: Performed) -> tuple[Answer, ...]:
    """Each turn is the answer to the earliest open question before it, else it follows the line that ended
    last.
    """
    heard = performed.heard
    first_line = min((played.start for played in performed.played), default=float("inf"))
    open_questions = [played for played in performed.played if played.line.expect == "answer"]
    ends = {id(played): _heard_end(played, performed) for played in performed.played}
    answers: list[Answer] = []
    for index, turn in enumerate(heard.turns):
        asked = next(
            (
                played
                for played in sorted(open_questions, key=lambda played: played.end)
                if -_EARLY_SECONDS <= turn.start - ends[id(played)] <= ANSWER_SECONDS
            ),
            None,
        )
        if asked is not None:
            open_questions.remove(asked)
            delay = turn.start - ends[id(asked)] if turn.audible else None
            answers.append(Answer(turn, answers=asked, delay=delay))
            continue
        before = [p for p in performed.played if ends[id(p)] - _EARLY_SECONDS <= turn.start]
        last = max(before, key=lambda played: ends[id(played)], default=None)
        unasked = last if last is not None and last.line.expect == "silence" else None
        answers.append(Answer(turn, unasked_after=unasked, greeting=index == 0 and turn.start < first_line))
    return tuple(answers)


def _heard_end(played: Played, performed: Performed) -> float:
    """The last audible sample of a line as the observer received it; as it was played where it was not received."""
    own_next = [p.start for p in performed.played if p.line.who == played.line.who and p.start > played.start]
    # A busy machine's jitter buffers hold sound back for half a second and more.
    until = min([played.end + _TRAVEL_SECONDS, *own_next])
    for identity in reversed(performed.identities.get(played.line.who, ())):
        sound = performed.heard.sounds.get(identity, Loudness())
        at = sound.last_audible(played.start, until)
        if at is not None:
            return at
    return played.end


def _missing(played: Sequence[Played], answers: Sequence[Answer]) -> tuple[Played, ...]:
    answered = {id(answer.answers) for answer in answers}
    return tuple(p for p in played if p.line.expect == "answer" and id(p) not in answered)
