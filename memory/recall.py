"""What was said before in a room: the last debate in which anybody spoke, in a form a briefing and a greeting
can use.

Owns the choice of the debate and of its last words. Quotes only what the store holds and invents nothing.
Search and summaries follow with the replica.
"""

from __future__ import annotations

from dataclasses import dataclass

from memory.store import Reading, Record

_DEBATES_LOOKED_AT = 5
_SENTENCE_NAMES = 4
_QUOTED_CHARS = 240


@dataclass(frozen=True, slots=True)
class SaidBefore:
    """One utterance of an earlier debate. `at` is in epoch seconds, `id` the record's id."""

    name: str
    identity: str
    text: str
    at: float
    id: str


@dataclass(frozen=True, slots=True)
class Recall:
    """What the last debate of a room leaves: its topic, who spoke (most words first), the last words in
    order.

    Falsy where nobody has spoken in the room before. `ended_at` is in epoch seconds.
    """

    debate_id: str = ""
    topic: str = ""
    ended_at: float = 0.0
    speakers: tuple[str, ...] = ()
    words: tuple[SaidBefore, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words)

    def sentence(self) -> str:
        """One sentence to speak: "Last time here you spoke about Taxes, with Ana and Ben."; or ""."""
        if not self:
            return ""
        names = self.speakers[:_SENTENCE_NAMES]
        others = len(self.speakers) - len(names)
        listed = [*names, f"{others} more"] if others else [*names]
        with_whom = " and ".join(filter(None, (", ".join(listed[:-1]), listed[-1])))
        return f"Last time here you spoke about {self.topic.strip().rstrip('.!?')}, with {with_whom}."

    def briefing(self) -> str:
        """Lines of quoted material for a prompt: the topic, then `name: words`; "" for nothing."""
        if not self:
            return ""
        quoted = (f"{said.name}: {_shortened(said.text)}" for said in self.words)
        return "\n".join((f"Topic of the last debate in this room: {self.topic}", *quoted))


async def previous_words(store: Reading, room: str, excluding: str | None = None, limit: int = 20) -> Recall:
    """The last `limit` utterances of the room's newest debate with any words, other than `excluding`."""
    candidates = [debate for debate in await store.debates(room) if debate.debate_id != excluding]
    for debate in candidates[:_DEBATES_LOOKED_AT]:
        names: dict[str, str] = {}
        words: list[SaidBefore] = []
        for record in await store.records(debate.debate_id, kinds=("event",)):
            _read_event(record, names, words)
        if words:
            return Recall(
                debate_id=debate.debate_id,
                topic=debate.topic,
                ended_at=words[-1].at,
                speakers=_by_words(words),
                words=tuple(words[-limit:]) if limit > 0 else (),
            )
    return Recall()


def _read_event(record: Record, names: dict[str, str], words: list[SaidBefore]) -> None:
    """Take from one event what recall needs; events that it does not know, and damaged ones, are passed
    over.
    """
    data = record.data
    kind, identity = str(data.get("type", "")).casefold(), data.get("identity")
    if not isinstance(identity, str):
        return
    if kind == "joined":
        names[identity] = str(data.get("name") or identity)
    elif kind == "uttered":
        text = str(data.get("text") or "").strip()
        if text:
            words.append(SaidBefore(names.get(identity, identity), identity, text, record.at, record.id))


def _by_words(words: list[SaidBefore]) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for said in words:
        counts[said.name] = counts.get(said.name, 0) + len(said.text.split())
    return tuple(sorted(counts, key=lambda name: -counts[name]))


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED_CHARS else line[: _QUOTED_CHARS - 1].rstrip() + "…"
