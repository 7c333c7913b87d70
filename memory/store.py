"""The store protocol: what every place that keeps debates can do, and the rows that go in and out.

Owns the shapes and their promises (durable, ordered, idempotent). Owns no storage. The contract tests in
`tests/contract/test_memory_store.py` run over every implementation.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

KINDS = ("event", "decision", "spoken", "interim", "note")
"""What a record may be: an event of the debate, a decision, a spoken reply, an utterance so far, a remark."""


@dataclass(frozen=True, slots=True)
class DebateRecord:
    """One debate as it was opened. `created_at` is in epoch seconds."""

    debate_id: str
    room: str
    topic: str
    persona: str
    format: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a debate.

    `id` is made by the writer (UUIDv7) and makes writing twice harmless; `at` is in epoch seconds; `data` is
    what JSON can hold; `seq` is given by the store: 1 and up, in the order of writing (0 until then).
    """

    id: str
    debate_id: str
    kind: str
    at: float
    data: dict[str, Any] = field(default_factory=dict)
    seq: int = 0


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """How the store does: `held` rows wait in memory for a disk that refuses, `lost` found no room even
    there.
    """

    ok: bool = True
    held: int = 0
    lost: int = 0
    problem: str = ""


class Reading(Protocol):
    """What can be read of debates, wherever they are kept. Every method may be called from several tasks at once and
    never blocks the event loop; where the place is away it raises Unavailable.
    """

    async def records(
        self, debate_id: str, kinds: Collection[str] | None = None, after_seq: int = 0
    ) -> tuple[Record, ...]:
        """The durable rows of a debate in order, of `kinds` (None: all), behind `after_seq`. Raises
        NotFound.
        """

    async def debate(self, debate_id: str) -> DebateRecord | None:
        """The debate of this id, or None."""

    async def latest_debate(self, room: str, excluding: str | None = None) -> DebateRecord | None:
        """The room's newest debate by id (UUIDv7 are in time order), other than `excluding`, or None."""

    async def debates(self, room: str | None = None) -> tuple[DebateRecord, ...]:
        """The debates of `room` (None: of all rooms), the newest first."""

    async def aclose(self) -> None:
        """Write what is waiting and let go of everything. May be called again."""


class Store(Reading, Protocol):
    """Keeps debates."""

    @property
    def health(self) -> StoreHealth:
        """How the store does at this moment."""

    async def open_debate(self, debate: DebateRecord) -> DebateRecord:
        """Keep `debate`, or find it: the answer is what was kept first under its id.

        Raises InvalidInput for a room or an id that cannot name a debate.
        """

    async def append(self, records: Sequence[Record]) -> bool:
        """Add `records` in their order; those whose id is known already are passed over.

        Returns True once they are durable. False: the storage refuses at the moment, they are held in memory
        and written as soon as there is room. Raises NotFound for a debate that was never opened, InvalidInput
        for an unknown kind or data that JSON cannot hold; then none of `records` is kept.
        """
