"""Where one link's words end and the next one's go on: nothing twice, no word torn.

A model that is asked to go on often repeats the last words, or begins again; a stream that was cut may end in half a
word. Pure: text in, text out.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"\S+\s*")
_ENDS = tuple(".!?…")
TAIL_WORDS = 40
"""How far back a repetition is looked for."""


class WholeWords:
    """Lets text through up to its last whole word; the rest waits for the letters that may follow it."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, text: str) -> str:
        """What may be said now."""
        text = self._held + text
        end = max((text.rfind(space) for space in " \n\t"), default=-1) + 1
        self._held = text[end:]
        return text[:end]

    def end(self) -> str:
        """The rest: the answer is whole."""
        held, self._held = self._held, ""
        return held


def _plain(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())


def _words(text: str) -> list[str]:
    """The words of a text as they are compared; marks that stand alone are none."""
    return [plain for word in text.split() if (plain := _plain(word))]


class Seam:
    """Takes from the words of the next link what was said already."""

    def __init__(self, said: str) -> None:
        self._said = _words(said)
        self._gap = bool(said) and not said[-1].isspace()
        self._held = ""
        self._decided = not self._said

    def push(self, text: str) -> str:
        """What of the continuation may be said now; "" while it may still turn out to be a repetition."""
        if not self._decided:
            self._held += text
            if self._may_repeat():
                return ""
            return self.end()
        return self._spaced(text)

    def end(self) -> str:
        """No more comes, or no more is needed to judge: what is held without its repetition."""
        self._decided = True
        held, self._held = self._held, ""
        return self._spaced(_without(held, self._repeated(_words(held))))

    def _spaced(self, text: str) -> str:
        if not text:
            return ""
        gap, self._gap = self._gap, False
        return f" {text}" if gap and text[0].isalnum() else text

    def _may_repeat(self) -> bool:
        """Whether all that came is still the beginning, or a late part, of what was said."""
        words = _words(self._held)
        if not words:
            return True
        tail = self._said[-TAIL_WORDS:]
        starts = [0, *range(max(0, len(self._said) - len(tail)), len(self._said))]
        return any(
            len(words) < len(self._said) - start and self._said[start : start + len(words)] == words
            for start in starts
        )

    def _repeated(self, words: list[str]) -> int:
        """How many of the words were said already: the longest end of what was said, or a new beginning of it."""
        for count in range(min(len(words), len(self._said)), 0, -1):
            if self._said[-count:] == words[:count]:
                return count
        again = 0
        while again < min(len(words), len(self._said)) and words[again] == self._said[again]:
            again += 1
        return again if again >= 3 else 0  # fewer words begin many sentences


def _without(text: str, words: int) -> str:
    """`text` without its first `words` words."""
    at = 0
    for match in _WORD.finditer(text):
        if words <= 0:
            break
        words -= bool(_plain(match.group()))
        at = match.end()
    return text[at:]


def unfinished(said: str) -> bool:
    """Whether a text stops in the middle of a sentence."""
    text = said.rstrip().rstrip("\"'”’)]")
    return bool(text) and not text.endswith(_ENDS)
