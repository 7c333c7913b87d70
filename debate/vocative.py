"""Where an utterance may call the moderator: by function, by name, by title, or by what was misheard for them.

Owns the finding of such places by sound and spelling. Whether it is a call or a mention is judged by address.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from debate import lexicon as lex
from debate.words import Token, squash

Kind = Literal["function", "name", "title", "heard-function", "heard-name", "heard-common"]

_FUNCTION = frozenset({"moderator", "mod"})
_NAME = "sage"


@dataclass(frozen=True, slots=True)
class Call:
    """The tokens first..last-1 may call the moderator; `kind` says how surely by sound alone."""

    first: int
    last: int
    kind: Kind


def calls(words: Sequence[Token], titles: Iterable[str], taken: frozenset[str]) -> list[Call]:
    """Every place in `words`, in order, that may call the moderator. `taken` are first names of people here."""
    spoken = _squashed(tuple(titles))
    starts = _starts(spoken)
    found: list[Call] = []
    index = 0
    while index < len(words):
        call = _at(words, index, spoken, starts, taken)
        if call is not None:
            found.append(call)
        index = call.last if call is not None else index + 1
    return found


def _at(
    words: Sequence[Token],
    index: int,
    titles: tuple[str, ...],
    starts: tuple[str, ...],
    taken: frozenset[str],
) -> Call | None:
    word = words[index].word
    if word == "moderator":
        return Call(index, index + 1, "function")
    if word == _NAME and word not in taken:
        return Call(index, index + 1, "name")
    # Nearly all words of a long speech end here: joining them costs more than all else.
    if word.startswith(starts) or "ator" in word:
        spans = [_span(words, index, count) for count in (1, 2, 3)]
        for count in (3, 2, 1):
            if spans[count - 1] in titles:
                return Call(index, index + count, "title")
        if word in lex.HEARD_MODERATOR:
            return Call(index, index + 1, "heard-function")
        if word.startswith(_CLIPPED_STARTS) and len(word) >= 7 and _key(word) == "MTR":
            return Call(index, index + 1, "heard-function")  # a syllable swallowed: "Moditer", "Motiter"
        for count in (1, 2, 3):
            # The shortest that sounds right: "moderate her how" would swallow the question.
            if spans[count - 1] and _sounds_like_moderator(spans[count - 1]):
                return Call(index, index + count, "function" if count == 1 else "heard-function")
    return _misheard_name(words, index, taken)


def _misheard_name(words: Sequence[Token], index: int, taken: frozenset[str]) -> Call | None:
    word = words[index].word
    if word in taken:
        return None
    following = words[index + 1] if index + 1 < len(words) else None
    if following is not None and following.gap == "" and (word, following.word) in lex.HEARD_SAGE_PAIRS:
        return Call(index, index + 2, "heard-common")
    if word in lex.HEARD_SAGE:
        return Call(index, index + 1, "heard-name")
    return Call(index, index + 1, "heard-common") if word in lex.HEARD_SAGE_COMMON else None


def _span(words: Sequence[Token], index: int, count: int) -> str:
    """`count` words from `index` on as one, "" where a pause or the end is among them."""
    span = words[index : index + count]
    if len(span) < count or any(token.gap for token in span[1:]):
        return ""
    joined = "".join(token.word for token in span)
    return "" if count > 1 and "moderator" in joined else squash(joined)


@lru_cache(maxsize=64)
def _squashed(titles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(squash(title) for title in titles)


# As said by a deep voice: "Waterator", "water raider". Real words of that ending are other people's jobs.
_ENDINGS = (
    *("terator", "derator", "torator", "dorator", "terraider", "teraider", "derater", "terrator"),
    *("aterater", "erraider"),
)
_RATORS = frozenset({"federator", "considerator", "deteriorator", "iterator", "literator"})


@lru_cache(maxsize=64)
def _starts(titles: tuple[str, ...]) -> tuple[str, ...]:
    return (*{title[:3] for title in titles}, "m", "wat")


_CLIPPED_STARTS = ("mod", "mot", "med")
_VOWELS = re.compile(r"[aeiouyhw]+")
_KEYS = frozenset({"MTRTR", "MTRT", "MTRTT", "MTRTRS", "MTRTRT", "MTRRTR", "MTLTR"})


@lru_cache(maxsize=4096)
def _sounds_like_moderator(heard: str) -> bool:
    """Whether `heard` has the consonants of "moderator", as in "moderate her", "motorator", "moderated"."""
    if heard.endswith(_ENDINGS) and heard not in _RATORS and 7 <= len(heard) <= 11:
        return True
    if not heard.startswith("m") or not 7 <= len(heard) <= 14 or heard == "moderation":
        return False
    # A single common word that only begins alike ("moderate") is no call.
    return _key(heard) in _KEYS and heard not in ("moderate", "materiality", "military")


def _key(heard: str) -> str:
    """The consonants of `heard`, those that sound alike as one: "MTRTR" for "moderator"."""
    key = _VOWELS.sub("", heard).upper().replace("D", "T")
    return re.sub(r"(.)\1+", r"\1", key)
