"""What was said before in a room, in a form that a greeting, a briefing and a page can use: the last debate in which
anybody spoke, and what matters of it and of those before.

Owns the choice of debates, of last words and of what is spoken of them. Quotes only what the store holds and invents
nothing. What matters of a debate is `debate.matters`'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from debate.matters import Matter, matters_of
from debate.words import NAME_CHARS, clean
from memory.store import DebateRecord, Reading, Record

_DEBATES_LOOKED_AT = 5
_DEBATES_REMEMBERED = 3
_SENTENCE_NAMES = 4
_SPOKEN_WORDS = 20
"""A sentence of somebody's that is spoken in the greeting is whole and no longer; longer ones are for the page."""

_QUOTED_CHARS = 240
_MATTERS_BRIEFED = 16
_HEADINGS: Mapping[str, str] = {
    "position": "Where people stood",
    "conceded": "Conceded",
    "agreed": "Agreed",
    "promised": "Promised",
    "open": "Left open",
}


@dataclass(frozen=True, slots=True)
class SaidBefore:
    """One utterance of an earlier debate. `at` is in epoch seconds, `id` the record's id; `start` and `end` in seconds
    of that debate.
    """

    name: str
    identity: str
    text: str
    at: float
    id: str
    start: float = 0.0
    end: float = 0.0


@dataclass(frozen=True, slots=True)
class Remembered:
    """What matters of one debate. `began_at`: epoch seconds; `names` of those who spoke, by identity."""

    debate_id: str
    topic: str
    began_at: float
    names: Mapping[str, str]
    matters: tuple[Matter, ...]

    def lines(self, kinds: Iterable[str] = tuple(_HEADINGS)) -> list[str]:
        """`Heading: Name: "words"`, a line a matter."""
        return [
            f"{heading}: {self.names.get(one.identity, one.identity)}: \u201c{one.text}\u201d"
            for kind, heading in _HEADINGS.items()
            if kind in kinds
            for one in self.matters
            if one.kind == kind
        ]


@dataclass(frozen=True, slots=True)
class Recall:
    """What the last debates of a room leave: of the newest its topic, who spoke (most words first) and the last words
    in order; of the last ones what matters, the newest first.

    Falsy where nobody has spoken in the room before. `ended_at` is in epoch seconds.
    """

    debate_id: str = ""
    topic: str = ""
    ended_at: float = 0.0
    speakers: tuple[str, ...] = ()
    words: tuple[SaidBefore, ...] = ()
    debates: tuple[Remembered, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words)

    def sentence(self) -> str:
        """One sentence to speak: "Last time here you spoke about Taxes, with Ana and Ben; Ana said: I will bring the
        figures."; or "".
        """
        if not self:
            return ""
        names = self.speakers[:_SENTENCE_NAMES]
        others = len(self.speakers) - len(names)
        listed = [*names, f"{others} more"] if others else [*names]
        with_whom = " and ".join(filter(None, (", ".join(listed[:-1]), listed[-1])))
        said = self._telling_matter()
        about = f"Last time here you spoke about {self.topic.strip().rstrip('.!?')}, with {with_whom}"
        return f"{about}; {said}" if said else f"{about}."

    def _telling_matter(self) -> str:
        """What somebody promised, agreed or conceded last, as it is spoken; "" for nothing that is short enough."""
        newest = self.debates[0] if self.debates else None
        if newest is None:
            return ""
        for kind in ("promised", "agreed", "conceded"):
            for one in reversed(newest.matters):
                text = one.text.rstrip(".!; ")
                if one.kind == kind and len(text.split()) <= _SPOKEN_WORDS:
                    return f"{newest.names.get(one.identity, one.identity)} said: {text}."
        return ""

    def briefing(self) -> str:
        """Lines of quoted material for a prompt: the topic, what matters, then `name: words`; "" for nothing."""
        if not self:
            return ""
        matters = self.debates[0].lines()[:_MATTERS_BRIEFED] if self.debates else []
        quoted = (f"{said.name}: {_shortened(said.text)}" for said in self.words)
        return "\n".join((f"Topic of the last debate in this room: {self.topic}", *matters, *quoted))

    def told(self) -> list[dict[str, str]]:
        """The words that page and greeting quote: objects with "id", "identity", "name" and "text"."""
        return [
            {
                "id": one.said,
                "identity": one.identity,
                "name": debate.names.get(one.identity, ""),
                "text": one.text,
            }
            for debate in self.debates
            for one in debate.matters
        ]

    def page(self) -> str:
        """What a page shows of the last debates, a line each; "" for nothing. Of the older ones what binds people."""
        lines: list[str] = []
        for number, one in enumerate(self.debates):
            told = one.lines() if number == 0 else one.lines(("agreed", "promised", "open"))
            day = datetime.fromtimestamp(one.began_at, UTC)
            if number == 0 or told:
                topic = " ".join(one.topic.split())
                lines += [f"{topic} ({day.day} {day:%B %Y}), with {', '.join(one.names.values())}", *told]
        return "\n".join(lines)


async def previous_words(store: Reading, room: str, excluding: str | None = None, limit: int = 20) -> Recall:
    """The last `limit` utterances of the room's newest debate with any words, other than `excluding`, and what matters
    of the last debates with words.
    """
    candidates = [debate for debate in await store.debates(room) if debate.debate_id != excluding]
    found: list[tuple[Remembered, list[SaidBefore]]] = []
    for debate in candidates[:_DEBATES_LOOKED_AT]:
        words = _words_of(await store.records(debate.debate_id, kinds=("event",)))
        if words:
            found.append((_remembered(debate, words), words))
        if len(found) == _DEBATES_REMEMBERED:
            break
    if not found:
        return Recall()
    newest, words = found[0]
    return Recall(
        debate_id=newest.debate_id,
        topic=newest.topic,
        ended_at=words[-1].at,
        speakers=_by_words(words),
        words=tuple(words[-limit:]) if limit > 0 else (),
        debates=tuple(one for one, _ in found),
    )


def _remembered(debate: DebateRecord, words: Sequence[SaidBefore]) -> Remembered:
    names = {said.identity: said.name for said in words}
    matters = matters_of(words, tuple(names.values()))
    return Remembered(debate.debate_id, debate.topic, debate.created_at, names, matters)


def _words_of(records: Iterable[Record]) -> list[SaidBefore]:
    names: dict[str, str] = {}
    words: list[SaidBefore] = []
    for record in records:
        _read_event(record, names, words)
    return words


def _read_event(record: Record, names: dict[str, str], words: list[SaidBefore]) -> None:
    """Take from one event what recall needs; events that it does not know, and damaged ones, are passed
    over.
    """
    data = record.data
    kind, identity = str(data.get("type", "")).casefold(), data.get("identity")
    if not isinstance(identity, str):
        return
    if kind == "joined":
        names[identity] = clean(str(data.get("name") or ""), NAME_CHARS) or identity
    elif kind == "uttered":
        text = str(data.get("text") or "").strip()
        start, end = (_seconds(data.get(key)) for key in ("start", "end"))
        if text:
            name = names.get(identity, identity)
            words.append(SaidBefore(name, identity, text, record.at, record.id, start, max(start, end)))


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _by_words(words: Sequence[SaidBefore]) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for said in words:
        counts[said.name] = counts.get(said.name, 0) + len(said.text.split())
    return tuple(sorted(counts, key=lambda name: -counts[name]))


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED_CHARS else line[: _QUOTED_CHARS - 1].rstrip() + "…"
