"""Which question to somebody is open: put by name, or pressed; passed over, or met with something else.

Owns whom a question is put to, and what counts as an answer to it. An evasion is only told where the question was put
twice: of a question put once, whoever asked says so where what they got was no answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from debate.judgement import FEW_WORDS, Judgement
from debate.topicality import stems
from debate.words import plain

PASSED_UTTERANCES = 3
PRESSED_UTTERANCES = 2
"""Of the others, after which a question has been passed over: fewer where it was put twice."""

SHORT_ANSWER_WORDS = 6
YES_OR_NO = frozenset(
    {"yes", "no", "yeah", "nope", "of", "certainly", "absolutely", "maybe", "perhaps", "never"}
)


@dataclass(slots=True)
class Question:
    """One question. `about`: the beginnings of its content words; `pressed`: whether it was put once more."""

    asked: str
    by: str
    about: frozenset[str]
    pressed: bool = False
    passed: int = 0


@dataclass(slots=True)
class Questions:
    """The open question of one debate; identities are those of people."""

    _open: Question | None = None

    def went(self, identity: str) -> None:
        """Somebody is gone: nothing is asked of them any more."""
        if self._open is not None and identity in (self._open.asked, self._open.by):
            self._open = None

    def said(self, identity: str, text: str, judgement: Judgement, before: str) -> list[Question]:
        """Words of one person; answers the questions that they pass over. before: who of the others spoke last."""
        passed_over = self._weigh(identity, text, judgement)
        if judgement.asked:
            self._open = Question(judgement.asked, identity, stems(text))
            return [*passed_over, *([self._open] if judgement.insists else [])]
        if judgement.presses and before:
            self._open = Question(before, identity, stems(text), pressed=True)
        return passed_over

    def _weigh(self, identity: str, text: str, judgement: Judgement) -> list[Question]:
        """What these words do to the open question."""
        question, words = self._open, len(text.split())
        if question is None:
            return []
        if identity == question.asked and words >= 2:
            self._open = None
            evaded = question.pressed and not judgement.thinking and not _answers(text, question)
            return [question] if evaded else []
        if words < FEW_WORDS:
            return []
        question.passed += 1
        limit = PRESSED_UTTERANCES if question.pressed else PASSED_UTTERANCES
        if (judgement.insists and identity == question.by) or question.passed >= limit:
            self._open = None
            return [question]
        return []


def _answers(text: str, question: Question) -> bool:
    """Whether `text` can be an answer, by its words: short, yes or no, or about the same thing. An evasion is none."""
    words = plain(text).split()
    return len(words) <= SHORT_ANSWER_WORDS or words[0] in YES_OR_NO or bool(stems(text) & question.about)
