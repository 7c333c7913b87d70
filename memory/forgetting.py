"""What forgetting a person's words changes in a debate, and what is held on a person: pure, over records.

The debate stays readable and can be replayed: who spoke, when and for how long stays; the words go, with a mark. Owns
which members hold a person's words, also where the moderator quotes them. Storage is `erasing`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from memory.store import Record

MARK = "forgotten"
"""Member of a record's data that is true where words were removed."""

_QUOTED_WORDS = 5
"""So many words in a row that somebody said are a quotation of them; of a shorter utterance, all of it."""
_LEAST_WORDS = 3
_WORD = re.compile(r"\w+")
# Arguments of commands that are choices, not somebody's own words.
_CHOICES = frozenset(
    {"side", "choice", "persona", "format", "number", "minutes", "seconds", "to", "who", "name"}
)
_MODERATORS_TEXTS = ("text", "generated", "unvoiced", "sentence", "question", "reason")

Data = dict[str, Any]


def without_words(
    records: Sequence[Record], identity: str, until: float = float("inf")
) -> tuple[Record, ...]:
    """The records that forgetting the words `identity` said up to `until` (epoch seconds) changes, as they then are.

    A second time there is nothing left to change. Raises nothing for damaged data: what it does not know stays.
    """
    meant = [record for record in records if record.at <= until]
    said = [_own_text(record) for record in meant if _is_by(record, identity)]
    # words of earlier debates, or heard by another machine, as they stand in this journal
    said += [str(one.get("text") or "") for record in meant for one in _kept_of(record, identity)]
    quotation = _Quotation(said)
    ids = frozenset(record.id for record in meant if _is_by(record, identity))
    changed = []
    for record in records:
        if record.id in ids:
            data = _without_own(record)
        else:
            data = _without_quoted(record, identity, quotation, record.at <= until)
        if data is not None:
            changed.append(replace(record, data=data))
    return tuple(changed)


def about(records: Iterable[Record], identity: str) -> tuple[Record, ...]:
    """Every record that is by `identity`, addressed to it, or of a claim of its."""
    return tuple(
        record
        for record in records
        if identity
        in (record.data.get(name) for name in ("identity", "by", "addressed_to", "asked_by", "owes"))
        or any(claim.get("speaker") == identity for claim in _claims(record))
    )


class _Quotation:
    """Whether a text quotes any of what was said."""

    def __init__(self, said: Iterable[str]) -> None:
        self._runs: set[tuple[str, ...]] = set()
        self._lengths: set[int] = set()
        for text in said:
            words = _words(text)
            if len(words) >= _LEAST_WORDS:
                self._runs.update(_runs_of(words, min(_QUOTED_WORDS, len(words))))
        self._lengths = {len(run) for run in self._runs}

    def is_in(self, text: str) -> bool:
        words = _words(text)
        return any(run in self._runs for length in self._lengths for run in _runs_of(words, length))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs_of(words: Sequence[str], length: int) -> Iterable[tuple[str, ...]]:
    return (tuple(words[start : start + length]) for start in range(len(words) - length + 1))


def _is_by(record: Record, identity: str) -> bool:
    data = record.data
    if record.kind == "event":
        return (data.get("type") == "uttered" and data.get("identity") == identity) or (
            data.get("type") == "commanded" and data.get("by") == identity
        )
    return record.kind == "interim" and data.get("by") == identity


def _own_text(record: Record) -> str:
    if record.data.get("type") == "commanded":
        return " ".join(str(value) for value in _own_arguments(record.data).values())
    return str(record.data.get("text") or "")


def _own_arguments(data: Mapping[str, Any]) -> Data:
    args = data.get("args")
    if not isinstance(args, Mapping):
        return {}
    return {name: value for name, value in args.items() if name not in _CHOICES and " " in str(value)}


def _without_own(record: Record) -> Data | None:
    if record.data.get("type") == "commanded":
        own = _own_arguments(record.data)
        if not own:
            return None
        return {**record.data, "args": {**record.data["args"], **dict.fromkeys(own, "")}, MARK: True}
    return {**record.data, "text": "", MARK: True} if record.data.get("text") else None


def _without_quoted(record: Record, identity: str, quotation: _Quotation, meant: bool) -> Data | None:
    """What the moderator or a summary says of the words; other people's own words are theirs."""
    data = record.data
    if meant and any(one.get("text") for one in _kept_of(record, identity)):
        emptied = [
            {**one, "text": ""} if isinstance(one, dict) and one.get("identity") == identity else one
            for one in _kept(data)
        ]
        if data["type"] == "restored":
            return {**data, "state": {**data["state"], "words": emptied}, MARK: True}
        return {**data, "finds": emptied, MARK: True}
    if _claims(record):
        claims = [
            {**claim, "text": "", MARK: True}
            if claim.get("text")
            and ((meant and claim.get("speaker") == identity) or quotation.is_in(str(claim["text"])))
            else claim
            for claim in data["claims"]
        ]
        return {**data, "claims": claims, MARK: True} if claims != data["claims"] else None
    if not (
        record.kind in ("decision", "spoken")
        or data.get("type") in ("moderator_spoke", "fact_checked")
        or (record.kind == "interim" and data.get("by") == "moderator")
    ):
        return None
    own_question = meant and record.kind == "decision" and data.get("addressed_to") == identity
    gone = {
        name
        for name in _MODERATORS_TEXTS
        if isinstance(data.get(name), str)
        and data[name]
        and ((name == "question" and own_question) or quotation.is_in(data[name]))
    }
    return {**data, **dict.fromkeys(gone, ""), MARK: True} if gone else None


def _kept(data: Data) -> list[Any]:
    """Utterances that a record holds copies of: what a recall found, what a debate opened with, the last words that
    another machine handed over.
    """
    kept: Any = None
    if data.get("type") in ("recalled", "before"):
        kept = data.get("finds")
    elif data.get("type") == "restored" and isinstance(state := data.get("state"), dict):
        kept = state.get("words")
    return kept if isinstance(kept, list) else []


def _kept_of(record: Record, identity: str) -> list[Data]:
    """Those of `identity`."""
    return [one for one in _kept(record.data) if isinstance(one, dict) and one.get("identity") == identity]


def _claims(record: Record) -> list[Data]:
    claims = record.data.get("claims") if record.kind == "note" else None
    return [one for one in claims if isinstance(one, dict)] if isinstance(claims, list) else []
