"""What an utterance does, by its wording alone: attack, claim, agreement, question to somebody, request for time.

Owns modest local means, exact rather than complete: a wrong judgement costs more than a missed one. Knows no state but
the names of people.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from debate.grammar import EXPANSIONS
from debate.words import plain, sentences, tokens

_FILE = Path(__file__).with_name("judgement.toml")
_CONTRACTIONS = {
    **EXPANSIONS,
    "you've": "you have", "you'd": "you would", "you'll": "you will", "they're": "they are", "they've": "they have",
    "haven't": "have not", "hasn't": "has not", "hadn't": "had not", "didn't": "did not", "wasn't": "was not",
    "aren't": "are not", "won't": "will not", "couldn't": "could not", "wouldn't": "would not",
    "shouldn't": "should not", "weren't": "were not", "isn't": "is not", "doesn't": "does not", "don't": "do not",
    "can't": "cannot", "she's": "she is", "there's": "there is",
}  # fmt: skip
FEW_WORDS = 4
"""Fewer words make no point: "yes, exactly" is nobody's turn."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of one utterance. `attack`: 0 none, 1 veiled, 2 open."""

    attack: int = 0
    claim: bool = False
    agreement: bool = False
    asked: str = ""
    """Whom a question was put to by name: the identity; "" for nobody."""

    insists: bool = False
    """Whether the question was put before, by its own words ("you have not answered")."""

    presses: bool = False
    """Whether a question is put once more without saying so ("sure, but what would you do?")."""

    thinking: bool = False
    """Whether the speaker asked for a moment."""

    protests: bool = False
    """Whether the speaker asks to be let finish."""

    assents: int = 0
    """0 none, 1 a bare yes, 2 more than a yes."""

    dissents: bool = False
    proposes: bool = False
    """Whether the speaker asks everybody whether that is it."""

    denies: bool = False
    checkable: bool = False
    """Whether it speaks of what could be looked up: `denies` and `yields` are about that."""

    yields: bool = False
    gathers: bool = False
    """Whether the speaker speaks of everybody in the room."""

    named: tuple[str, ...] = ()
    """Whose names were said: identities."""


@cache
def _wordings() -> dict[str, re.Pattern[str]]:
    data = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: re.compile("|".join(f"(?:{one})" for one in found)) for name, found in data.items()}


_SIGNS = re.compile(r"[%$€£]")
_MONEY = re.compile(r"[$€£] ?(\d[\d.,]*(?: (?:thousand|million|billion|trillion))?)")


def judge(text: str, names: Iterable[tuple[str, str]], speaker: str = "") -> Judgement:
    """Judge an utterance. `names`: (identity, first name in lower case) of all present."""
    words = expanded(text)
    count = words.count(" ") + 1 if words else 0
    said = frozenset(words.split())
    others = [(identity, name) for identity, name in names if identity != speaker and name in said]
    wordings = _wordings()
    return Judgement(
        attack=_attack(text, others),
        claim=count >= FEW_WORDS
        and wordings["claim"].search(_figures_spelled(text, words)) is not None
        and "?" not in text[-3:],
        agreement=wordings["agreement"].search(words) is not None
        and wordings["disagreement"].search(words) is None,
        asked=_asked(text, others),
        insists=wordings["insisting"].search(words) is not None,
        presses="?" in text and wordings["pressing"].search(words) is not None,
        thinking=wordings["thinking"].search(words) is not None,
        protests=wordings["protesting"].search(words) is not None,
        assents=_assents(text, words),
        dissents=wordings["dissenting"].search(words) is not None,
        proposes="?" in text and wordings["proposing"].search(words) is not None,
        denies=_any_sentence(text, "denying"),
        checkable=wordings["checkable"].search(words) is not None,
        yields=wordings["yielding"].search(words) is not None,
        gathers=wordings["gathering"].search(words) is not None,
        named=tuple(identity for identity, _ in others),
    )


@lru_cache(maxsize=64)  # every judge of an utterance asks for it, one after the other
def expanded(text: str) -> str:
    """Bare lower-case words, without contractions."""
    return " ".join(_CONTRACTIONS.get(word, word) for word in plain(text).split())


def _figures_spelled(text: str, words: str) -> str:
    """`words` of `text`, with the signs of figures, which recognisers write, as the words that they stand for."""
    if not _SIGNS.search(text):
        return words
    return expanded(_MONEY.sub(r"\1 dollars", text).replace("%", " percent"))


def _any_sentence(text: str, name: str) -> bool:
    wording = _wordings()[name]
    return any(wording.search(expanded(one)) for one in sentences(text))


def _assents(text: str, words: str) -> int:
    if text.rstrip().endswith("?"):
        return 0
    if _wordings()["assenting"].search(words) is not None:
        return 2
    return int(_any_sentence(text, "yes"))


def _attack(text: str, others: list[tuple[str, str]]) -> int:
    wordings = _wordings()
    worst = 0
    for sentence in sentences(text):
        words = expanded(sentence)
        for _, name in others:
            # what is said of somebody in the room by name is said to them
            words = re.sub(rf"\b{re.escape(name)} is\b", "you are", words)
        if wordings["quoting"].search(words) or wordings["of_an_argument"].search(words):
            continue
        if wordings["attack"].search(words):
            return 2
        if wordings["veiled_attack"].search(words):
            worst = 1
    return worst


def _asked(text: str, others: list[tuple[str, str]]) -> str:
    """Whom the question of `text` is put to: a name in the vocative within a sentence that asks."""
    for sentence in reversed(sentences(text)):
        if not sentence.endswith("?"):
            continue
        found = tokens(sentence)
        for identity, name in others:
            for index, token in enumerate(found):
                if token.word != name:
                    continue
                after = found[index + 1].gap if index + 1 < len(found) else "."
                opens = index <= 1 and after in (",", ".")
                closes = after == "." and token.gap == ","
                within = token.gap == "," and after == ","
                if opens or closes or within:
                    return identity
    # "Ben. Why did you say that?"
    parts = sentences(text)
    if parts and parts[-1].endswith("?"):
        for part in parts[:-1]:
            for identity, name in others:
                if plain(part) in (name, f"so {name}", f"and {name}", f"but {name}"):
                    return identity
    return ""
