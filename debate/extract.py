"""The most telling sentence of what somebody said, found by counting words. No model, no judgement of truth.

Owns the choice and the shortening of quotations for summaries and for what is remembered of older words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from debate.words import clean, sentences, words_in, words_of

QUOTE_CHARS = 160
COMMON = words_of(
    "a an the and or but if so then that this these those there here it its is are was were be been"
    " being am i you he she we they me him her us them my your his our their of to in on at by for"
    " from with about as into not no yes do does did done have has had can could will would shall"
    " should may might must just very really also only well what which who whom when where why how all"
    " any some more most much many one two than too up down out over think say said says know mean"
    " like get got go going want let make thing things people lot kind sort okay right um uh er oh"
    " yeah i'm it's don't that's we're you're they're because while still even every each other"
)
_REASONS = words_of(
    "because therefore should must cannot never always evidence study percent means shows proves"
    " costs harms helps better worse need believe argue agree disagree unless instead"
)


def telling_sentence(texts: Iterable[str]) -> str:
    """The sentence of `texts` with the most content for its length, at most QUOTE_CHARS long; "" for none."""
    parts = [part for text in texts for part in sentences(clean(text, 1200))]
    spoken = [words_in(part) for part in parts]
    content = [[word for word in words if word not in COMMON and len(word) > 2] for words in spoken]
    often = Counter(word for words in content for word in words)
    best, most = "", 0.0
    for part, words, telling in zip(parts, spoken, content, strict=True):
        weight = _weight(words, set(telling), often) - (2.0 if part.endswith("?") else 0.0)
        # The later of two equals: people come to the point.
        if telling and (not best or weight >= most):
            best, most = part, weight
    return clean(best, QUOTE_CHARS)


def _weight(words: list[str], telling: set[str], often: Counter[str]) -> float:
    reasons = sum(word in _REASONS for word in words)
    # Long sentences gather words: eight telling ones are enough.
    return min(8.0, float(len(telling))) + 0.3 * sum(often[word] - 1 for word in telling) + reasons
