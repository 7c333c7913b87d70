"""What a request for a fact check names: a claim in its own words, or somebody's last words.

Whether a text asks for a check at all is wordings.toml's to say; what was said last is fact_checks.py's to know.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from debate.words import clean

CLAIM_CHARS = 300
LEAST_CLAIM_WORDS = 3
_BEFORE_CLAIM = re.compile(
    r"^.*?(?:fa(?:ct|cts|x)[- ]?check(?:s|ed|ing)?|(?:true|the case|correct)(?= that\b)"
    r"|\b(?:check|verify|confirm|research|look up|find out|find)(?= (?:if|whether|a source|evidence)\b))"
    r"[\s:,.;–—-]*(?:(?:please|for (?:me|us)|on|of|about|the claim|the statement|this claim|the fact|whether|if|that"
    r"|a source for|evidence for|this)\b[\s:,.;–—-]*)*",
    re.IGNORECASE,
)
_AFTER_CLAIM = re.compile(r"[\s,;.]*\b(?:please|thanks|thank you)[\s.!?]*$", re.IGNORECASE)
_REFERENCE = re.compile(
    r"^(?:that|this|it|those|these|they|(?:the|his|her|their|my|that|this) (?:\w+ )?\w+)(?: (?:is|was|are|were))?"
    r"(?: (?:really|actually|even))?(?: (?:true|right|correct|accurate|so|real|the case))?$"
    r"|^(?:what|whatever) .*\b(?:said|says|claimed|claims|told us)\b"
    r"|^\w+(?:['’]s|s) (?:\w+ )?(?:claim|claims|number|numbers|figure|figures|statement|point)\b",
    re.IGNORECASE,
)
"""Words that point to what was said, and say nothing that could be looked up themselves."""

_PERSON = re.compile(
    r"(?:\bwhat |\bwhether |\bif |\b(?:is|was|did|on|of|check|checked|verify|confirm) )(?P<who>[^\s].*)$"
)


def named_in(words: str, rest: str, person_of: Callable[[str], str]) -> dict[str, str]:
    """The arguments of a request: {"claim": words}, {"of": identity} or {} for whatever was said last.

    `words`: `rest` (as it was said) in plain lower case. person_of(words) answers who is named at their beginning.
    """
    rest = rest.strip()
    claim = _BEFORE_CLAIM.sub("", rest, count=1) if _BEFORE_CLAIM.match(rest) else ""
    claim = clean(_AFTER_CLAIM.sub("", claim), CLAIM_CHARS).strip(" \"'?.")
    if len(claim.split()) >= LEAST_CLAIM_WORDS and not _REFERENCE.match(claim):
        return {"claim": claim}
    for match in _PERSON.finditer(words):
        if identity := person_of(match.group("who").removeprefix("what ")):
            return {"of": identity}
    return {}
