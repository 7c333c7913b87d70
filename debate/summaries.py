"""A summary of a part or of a debate: claims of people, each with the utterances that it rests on.

Owns what a claim must prove before it is believed, and the summary that needs no model. A claim is data about what was
said; nothing here judges it to be true.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from debate.extract import QUOTE_CHARS, telling_sentence
from debate.matters import Said, arguing, kind_of
from debate.topicality import stems
from debate.words import clean, ended, sentences, words_in

NOTE = "summary"
"""The type of the journal's note that holds one."""

CLAIMS_MOST = 8
OF_A_PERSON = 3
CITED_MOST = 6
CLAIM_CHARS = 220
SHARED = 0.6
"""Of a claim's content words so many at least must have been said in the utterances that it cites."""

LEAST_STEMS = 2
_FIGURE = re.compile(r"\d+")

Scope = Literal["segment", "debate"]


@dataclass(frozen=True, slots=True)
class Spoken:
    """One utterance of a person. Times in seconds of the debate."""

    id: str
    identity: str
    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Claim:
    """What `speaker` (an identity) said in `utterances` (their ids), in one sentence."""

    text: str
    speaker: str
    utterances: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """Of the part `segment`, or of the whole debate (""). `start` and `end`: seconds of the debate; `by`: "extract", or
    the link that wrote it.
    """

    scope: Scope
    segment: str
    start: float
    end: float
    by: str
    claims: tuple[Claim, ...]

    def lines(self, names: Mapping[str, str]) -> list[str]:
        """`Ana: what she said.`, a line a claim; `names` by identity."""
        return [f"{names.get(one.speaker, one.speaker)}: {ended(one.text)}" for one in self.claims]


def to_json(summary: Summary, epoch: float) -> dict[str, Any]:
    """As the journal's note holds it. `epoch`: when the debate began, as `from` and `to` are epoch seconds."""
    return {
        "type": NOTE,
        "scope": summary.scope,
        "segment": summary.segment,
        "from": epoch + summary.start,
        "to": epoch + summary.end,
        "by": summary.by,
        "claims": [
            {"text": one.text, "speaker": one.speaker, "utterances": list(one.utterances)}
            for one in summary.claims
        ],
    }


def from_json(data: Mapping[str, Any], epoch: float) -> Summary | None:
    """The summary of a note; None where it is none. Claims whose words were forgotten are left out."""
    if data.get("type") != NOTE or data.get("scope") not in ("segment", "debate"):
        return None
    claims = tuple(
        Claim(
            str(one.get("text")), str(one.get("speaker") or ""), tuple(map(str, one.get("utterances") or ()))
        )
        for one in data.get("claims") or ()
        if isinstance(one, Mapping) and one.get("text")
    )
    start, end = (float(data.get(key) or epoch) - epoch for key in ("from", "to"))
    return Summary(
        data["scope"], str(data.get("segment") or ""), start, end, str(data.get("by") or ""), claims
    )


def checked(claims: Iterable[Claim], spoken: Sequence[Said]) -> tuple[Claim, ...]:
    """Those of `claims` that `spoken` bears out, at most CLAIMS_MOST, bounded and in the order of their utterances.

    What is cited was said, by nobody else than the claim's speaker; the claim's content words, and every figure in it,
    stand there.
    """
    said = {one.id: one for one in spoken}
    order = {one.id: number for number, one in enumerate(spoken)}
    kept: dict[str, Claim] = {}
    for claim in claims:
        cited = [said[id_] for id_ in dict.fromkeys(claim.utterances) if id_ in said]
        if not cited or len(cited) > CITED_MOST or len(cited) < len(set(claim.utterances)):
            continue
        if claim.speaker and any(one.identity != claim.speaker for one in cited):
            continue
        if len({one.identity for one in cited}) > 1 or not _stands_in(claim.text, cited):
            continue
        text = clean(claim.text, CLAIM_CHARS)
        kept.setdefault(text, Claim(text, cited[0].identity, tuple(one.id for one in cited)))
        if len(kept) == CLAIMS_MOST:
            break
    return tuple(sorted(kept.values(), key=lambda one: order[one.utterances[0]]))


def _stands_in(text: str, cited: Sequence[Said]) -> bool:
    claimed = stems(text)
    if len(claimed) < LEAST_STEMS:
        return False
    there = frozenset[str]().union(*(stems(one.text) for one in cited))
    figures = {figure for one in cited for figure in _FIGURE.findall(one.text)}
    if any(figure not in figures for figure in _FIGURE.findall(text)):
        return False
    return len(claimed & there) >= SHARED * len(claimed)


def enough(claims: Sequence[Claim], spoken: Sequence[Said]) -> bool:
    """Whether claims tell of at least half of those who argued (and of somebody)."""
    argued = set(arguing(spoken))
    told = {one.speaker for one in claims}
    return bool(claims) and 2 * len(argued & told) >= len(argued)


def extracted(spoken: Sequence[Said]) -> tuple[Claim, ...]:
    """The claims that need no model: what people conceded, agreed and promised, and the most telling sentence of what
    each argued, in their own words and in the order of their saying.
    """
    chosen: dict[str, Claim] = {}
    for said in reversed(spoken):
        for sentence in sentences(said.text):
            if (
                kind_of(sentence)
                and sum(one.speaker == said.identity for one in chosen.values()) < OF_A_PERSON - 1
            ):
                chosen.setdefault(said.id, Claim(clean(sentence, QUOTE_CHARS), said.identity, (said.id,)))
    weighed = {identity: sorted(found, reverse=True) for identity, found in arguing(spoken).items()}
    for rank in range(OF_A_PERSON):
        for found in weighed.values():
            if rank >= len(found) or (len(chosen) >= CLAIMS_MOST and rank):
                continue
            said = spoken[found[rank][1]]
            if text := telling_sentence([said.text]):
                chosen.setdefault(said.id, Claim(text, said.identity, (said.id,)))
    order = {said.id: number for number, said in enumerate(spoken)}
    kept = _one_of_each_first(chosen.values())[:CLAIMS_MOST]
    return tuple(sorted(kept, key=lambda one: order[one.utterances[0]]))


def _one_of_each_first(claims: Iterable[Claim]) -> list[Claim]:
    """Where there are too many, nobody is left out for somebody's second one."""
    firsts: dict[str, Claim] = {}
    others = []
    for claim in claims:
        if claim.speaker in firsts:
            others.append(claim)
        else:
            firsts[claim.speaker] = claim
    return [*firsts.values(), *others]


def words_of(spoken: Iterable[Said]) -> int:
    """How many words were said."""
    return sum(len(words_in(one.text)) for one in spoken)
