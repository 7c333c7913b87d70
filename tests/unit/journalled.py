"""Journals for tests of what reads them: events told to a real debate, kept in the rows that a job writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from debate.debate import Debate
from debate.decisions import Decision
from debate.decisions import to_json as decision_to_json
from debate.events import Event, ModeratorSpoke, SpeechEnded, SpeechStarted, Tick, Uttered, to_json
from memory import DebateRecord, Record, uuid7
from personas.registry import load_registry

PERSONAS = load_registry()
BEGAN = 1_790_000_000.0


@dataclass
class Journalled:
    """A debate and its journal; `at` is the second that it stands at."""

    topic: str = "Should cities ban cars?"
    form: str = "open-discussion"
    persona: str = "neutral-facilitator"
    at: float = 0.0
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.record = DebateRecord(uuid7(), "agora", self.topic, self.persona, self.form, BEGAN)
        self.debate = Debate(self.topic, PERSONAS.get(self.persona), self.form, personas=PERSONAS)

    def tell(self, event: Event, after: float = 0.0) -> tuple[Decision, ...]:
        """`event`, so many seconds later; a tick stands in no journal but for what is decided on it."""
        self.at += after
        if not isinstance(event, Tick):
            self.keep("event", to_json(event))
        decisions = self.debate.apply(event, self.at)
        for decision in decisions:
            self.keep("decision", decision_to_json(decision))
        return decisions

    def keep(self, kind: str, data: dict[str, Any]) -> Record:
        row = Record(
            uuid7(),
            self.record.debate_id,
            kind,
            BEGAN + self.at,
            {"at": self.at, **data},
            len(self.records) + 1,
        )
        self.records.append(row)
        return row

    def says(
        self, who: str, text: str, seconds: float = 5.0, *, pause: float = 0.5, over: float = 0.0
    ) -> str:
        """`who` speaks for `seconds`, `pause` after what was before, or `over` before its end; the utterance's id."""
        start = max(0.0, self.at + pause - over)
        self.at = max(self.at, start)
        self.tell(SpeechStarted(who))
        self.at = max(self.at, start + seconds)
        self.tell(SpeechEnded(who, seconds))
        utterance = uuid7()
        self.tell(Uttered(utterance, who, text, start, start + seconds))
        return utterance

    def moderator_says(self, text: str, seconds: float = 2.0) -> None:
        start = self.at + 0.3
        self.at = start + seconds
        self.keep("spoken", {"text": text, "generated": text, "start": start, "end": self.at})
        self.tell(ModeratorSpoke(text, start, self.at))
