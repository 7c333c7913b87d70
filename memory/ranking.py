"""The order of what was found: one measure for every engine, from words, topics and, where there are, embeddings.

Owns stemming, the score and from when on a find is no answer. Knows no storage: engines bring candidates.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from memory.questions import STOP_WORDS, Query, words_of

# Chosen by the tuning half of tests/recall only (bench/recall.py measures both halves).
TOPIC_WEIGHT = 0.7
"""What a word in the debate's topic is worth against one that was said."""
LEAST_COVERAGE = 0.35
"""So much of the question's weight must be in the utterance or its topic; less is no answer."""
LEAST_LIKENESS = 0.36
"""So alike (cosine) must an utterance be that shares fewer words with the question."""
WORDS_SHARE = 0.5
"""Of the score; the rest is likeness, where embeddings are installed."""
_LENGTH = 0.1
_COUNTED_AS = 200
"""Candidates share words with the question already: counted as so many, one word that they lack does not decide."""


@dataclass(frozen=True, slots=True)
class Find:
    """One utterance that was found. `at` is in epoch seconds, `id` the record's id; `score` orders, highest first."""

    id: str
    debate_id: str
    topic: str
    identity: str
    name: str
    text: str
    at: float
    score: float = 0.0


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    # loads a dozen languages: only where something is searched
    from snowballstemmer import EnglishStemmer

    return EnglishStemmer()


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The stem of a lower-case English word, as Postgres' `english` has it."""
    return str(_stemmer().stemWord(word))


def stems(text: str) -> list[str]:
    """The stems of all words of `text`, in order."""
    return [stem(word) for word in words_of(text)]


def query_stems(query: Query) -> tuple[str, ...]:
    """The stems that candidates are looked for by, each once."""
    words = (word for phrase in query.phrases for word in words_of(phrase) if word not in STOP_WORDS)
    return tuple(dict.fromkeys(stem(word) for word in (*query.words, *words)))


def rank(
    query: Query, candidates: Sequence[Find], limit: int, likeness: Mapping[str, float] | None = None
) -> tuple[Find, ...]:
    """The finds that answer `query`, the best first; () where none does. `likeness`: cosine by utterance id."""
    asked = query_stems(query)
    said = {find.id: stems(find.text) for find in candidates}
    phrases = [stems(phrase) for phrase in query.phrases]
    candidates = [find for find in candidates if all(_has(said[find.id], phrase) for phrase in phrases)]
    if not asked:
        # only whose or when is asked for: what was said last, and not the crumbs
        return tuple(sorted(candidates, key=lambda find: (len(said[find.id]) < 5, -find.at))[:limit])
    weigh = _weights(asked, [said[find.id] for find in candidates])
    whole = sum(weigh(word) for word in asked)
    topics = {topic: frozenset(stems(topic)) for topic in {find.topic for find in candidates}}
    found: list[tuple[float, float, Find]] = []
    for find in candidates:
        words, topic = Counter(said[find.id]), topics[find.topic]
        in_text = sum(weigh(word) for word in asked if words[word])
        in_topic = TOPIC_WEIGHT * sum(weigh(word) for word in asked if not words[word] and word in topic)
        coverage = (in_text + in_topic) / whole
        alike = (likeness or {}).get(find.id, 0.0)
        if coverage < LEAST_COVERAGE and alike < LEAST_LIKENESS:
            continue
        by_words = coverage * (1 - _LENGTH) + _LENGTH * min(1.0, len(said[find.id]) / 20)
        score = by_words if likeness is None else WORDS_SHARE * by_words + (1 - WORDS_SHARE) * alike
        found.append((score, find.at, find))
    found.sort(key=lambda one: (-one[0], -one[1], one[2].id))
    return tuple(_scored(find, score) for score, _, find in found[:limit])


def _scored(find: Find, score: float) -> Find:
    return Find(
        find.id, find.debate_id, find.topic, find.identity, find.name, find.text, find.at, round(score, 6)
    )


def _weights(asked: Sequence[str], texts: Sequence[Sequence[str]]) -> Callable[[str], float]:
    """How telling each stem is: by how few of the candidates hold it. All engines count alike, as all bring these."""
    holding = Counter(word for text in texts for word in set(text) & set(asked))
    count = max(len(texts), _COUNTED_AS)
    return lambda word: math.log(1 + (count - holding[word] + 0.5) / (holding[word] + 0.5))


def _has(text: Sequence[str], phrase: Sequence[str]) -> bool:
    size = len(phrase)
    return any(list(text[start : start + size]) == list(phrase) for start in range(len(text) - size + 1))
