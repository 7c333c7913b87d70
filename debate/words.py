"""Words in and out: tokens of recognised speech, and how names, numbers and quotations are said aloud.

Owns the handling of text from people as data: bounded, without control characters or markup, never
interpreted. Knows nothing of who is addressed or of what is asked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

QUOTE_CHARS = 220  # of one quotation in an answer
NAME_CHARS = 40
MAX_TOKENS = 400  # of one utterance that are looked at: 30 s of fast speech are about 120 words

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)
_SPEAKABLE = re.compile(r"[^\w\s.,;:!?'’\"()%€$£&/+-]|_", re.UNICODE)
_NOT_ALNUM = re.compile(r"[^a-z0-9]+")
_ABBREVIATIONS = frozenset({"mr", "mrs", "ms", "dr", "st"})
_UNITS = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


class Token(NamedTuple):
    """A word of an utterance. `gap` stands before it: "" nothing, "," a pause, "." a sentence's end."""

    word: str  # lower case, with a plain apostrophe
    gap: str
    start: int  # offsets into the text
    end: int


def tokens(text: str) -> list[Token]:
    """The words of `text` in order; the first one has the gap "."; bounded to MAX_TOKENS."""
    return list(_tokens(text))


@lru_cache(maxsize=64)
def _tokens(text: str) -> tuple[Token, ...]:
    # every judge of an utterance asks for its words, one after the other
    found: list[Token] = []
    last = 0
    for match in _WORD.finditer(text):
        between = text[last : match.start()]
        gap = "." if not found else _gap(between)
        if gap == "." and found and found[-1].word in _ABBREVIATIONS and "." in between:
            gap = ""
        word = match.group().lower().replace("’", "'")
        found.append(Token(word, gap, match.start(), match.end()))
        last = match.end()
        if len(found) >= MAX_TOKENS:
            break
    return tuple(found)


def _gap(between: str) -> str:
    if between == " ":
        return ""
    if any(mark in between for mark in ".?!…"):
        return "."
    if any(mark in between for mark in ",;:–—") or " - " in between:
        return ","
    return ""


def words_of(text: str) -> frozenset[str]:
    """A class of words, written as one text."""
    return frozenset(text.split())


def words_in(text: str) -> list[str]:
    """The words of `tokens(text)` alone."""
    return [word.lower().replace("’", "'") for word in _WORD.findall(text)[:MAX_TOKENS]]


def plain(text: str) -> str:
    """`text` as bare lower-case words with single spaces, for matching."""
    return " ".join(words_in(text))


def squash(text: str) -> str:
    """`text` as bare letters and digits: what two spellings of one sound have in common."""
    lower = text.lower()
    if lower.isascii():
        return _NOT_ALNUM.sub("", lower)
    return "".join(char for char in unicodedata.normalize("NFKD", lower) if char.isalnum())


def clean(text: str, limit: int = QUOTE_CHARS) -> str:
    """`text` on one line, speakable, cut at a word's end to `limit` characters."""
    visible = text[: limit * 4]
    if not (visible.isascii() and visible.isprintable()):
        normal = unicodedata.normalize("NFC", visible)
        visible = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in normal)
    words = " ".join(_SPEAKABLE.sub(" ", visible).split())
    if len(words) <= limit:
        return words
    cut = words[: limit + 1].rsplit(" ", 1)[0]
    return (cut if len(cut) <= limit else cut[:limit]).rstrip(",;:- ")


def join_names(names: Sequence[str]) -> str:
    """ "Ana", "Ana and Ben", "Ana, Ben and Cem"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def number(value: int) -> str:
    """`value` in words below one hundred, in digits above."""
    if value < 0 or value > 99:
        return str(value)
    if value < 20:
        return _UNITS[value]
    tens, ones = divmod(value, 10)
    return _TENS[tens - 2] + (f"-{_UNITS[ones]}" if ones else "")


def parse_number(word: str) -> int | None:
    """The number that `word` says: digits, "fifteen", "a", "half" is none."""
    if word.isdecimal() and len(word) <= 4:
        return int(word)
    if word in ("a", "an"):
        return 1
    if word in _UNITS:
        return _UNITS.index(word)
    return (_TENS.index(word) + 2) * 10 if word in _TENS else None


def duration(seconds: float) -> str:
    """A length of time as said aloud: "forty seconds", "two and a half minutes"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return _count(whole, "second")
    if whole < 600:
        halves = round(whole / 30)
        minutes, half = divmod(halves, 2)
        if half:
            return "one and a half minutes" if minutes == 1 else f"{number(minutes)} and a half minutes"
        return _count(minutes, "minute")
    minutes = round(whole / 60)
    if minutes < 60:
        return _count(minutes, "minute")
    hours, minutes = divmod(minutes, 60)
    return _count(hours, "hour") + (f" and {_count(minutes, 'minute')}" if minutes else "")


def exact_duration(seconds: float) -> str:
    """As `duration`, to the second: "two minutes and five seconds"."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    parts = [_count(minutes, "minute")] if minutes else []
    if rest or not minutes:
        parts.append(_count(rest, "second"))
    return " and ".join(parts)


def _count(value: int, unit: str) -> str:
    return f"{number(value)} {unit}" if value == 1 else f"{number(value)} {unit}s"


def sentences(text: str) -> list[str]:
    """`text` cut at its sentence ends."""
    return [part.strip() for part in re.split(r"(?<=[.!?])\s+", text) if part.strip()]


def ended(sentence: str) -> str:
    """`sentence` with a capital letter and a full stop where it has no end."""
    text = sentence.strip().rstrip(",;:- ")
    if not text:
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else f"{text}."
