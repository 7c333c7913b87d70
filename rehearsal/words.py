"""Words as a recogniser hears them: normal forms, likeness, and the distance between two wordings.

Pure. Knows nothing of lines, speakers and time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SAME = {"mr": "mister", "mrs": "missus", "dr": "doctor", "ok": "okay", "%": "percent", "&": "and"}
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[%&]")

LIKE = 0.6
"""Two words whose spellings agree by this share may be one word misheard."""


def words_of(text: str) -> tuple[str, ...]:
    """`text` as lower-case words without punctuation; numbers below a thousand as words, "it's" as "its"."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    found: list[str] = []
    for word in _WORD.findall(plain):
        bare = _SAME.get(word, word).replace("'", "")
        found += _number(int(bare)) if bare.isascii() and bare.isdigit() and len(bare) <= 3 else [bare]
    return tuple(found)


def _number(value: int) -> list[str]:
    if value >= 100:
        rest = _number(value % 100) if value % 100 else []
        return [_ONES[value // 100], "hundred", *rest]
    if value >= 20:
        return [_TENS[value // 10 - 2], *([_ONES[value % 10]] if value % 10 else [])]
    return [_ONES[value]]


def distance(first: Sequence[object], second: Sequence[object]) -> int:
    """Substitutions, insertions and deletions that lead from `first` to `second` (Levenshtein)."""
    row = list(range(len(second) + 1))
    for count, one in enumerate(first, 1):
        corner, row[0] = row[0], count
        for index, other in enumerate(second, 1):
            corner, row[index] = row[index], min(row[index] + 1, row[index - 1] + 1, corner + (one != other))
    return row[-1]


@lru_cache(maxsize=65_536)
def likeness(first: str, second: str) -> float:
    """How much two spellings agree: 1.0 the same, 0.0 nothing in common."""
    if first == second:
        return 1.0
    longest = max(len(first), len(second))
    if abs(len(first) - len(second)) > longest * (1 - LIKE):
        return 0.0
    return 1.0 - distance(first, second) / longest
