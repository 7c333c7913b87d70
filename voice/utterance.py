"""One turn of one person as an ear hears it: its words so far, final and running. Owns no time but what it is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from memory.ids import uuid7


@dataclass(slots=True)
class Utterance:
    """One turn of one person as it is heard."""

    identity: str
    start: float
    utterance_id: str = field(default_factory=uuid7)
    settled: list[str] = field(default_factory=list)
    """Final texts of the parts that are over."""

    running: str = ""
    """The recogniser's latest word on the part that still runs."""

    end: float = 0.0

    @property
    def text(self) -> str:
        """All words so far."""
        return " ".join(part for part in (*self.settled, self.running) if part).strip()
