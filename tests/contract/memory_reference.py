"""The store protocol in a few dictionaries: what the contract tests compare every real store with."""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace

from errors import InvalidInput, NotFound
from memory.journal import check_debate, check_id, check_records, check_room
from memory.store import DebateRecord, Record, StoreHealth


class ReferenceStore:
    """`Store` in memory; only tests use it."""

    def __init__(self) -> None:
        self._debates: dict[str, DebateRecord] = {}
        self._records: dict[str, dict[str, Record]] = {}

    @property
    def health(self) -> StoreHealth:
        return StoreHealth()

    async def open_debate(self, debate: DebateRecord) -> DebateRecord:
        check_debate(debate)
        self._records.setdefault(debate.debate_id, {})
        return self._debates.setdefault(debate.debate_id, debate)

    async def append(self, records: Sequence[Record]) -> bool:
        check_records(records)
        copies = []
        for record in records:
            if record.debate_id not in self._debates:
                raise NotFound(f"There is no debate {record.debate_id}.")
            try:
                copies.append(replace(record, data=json.loads(json.dumps(record.data, allow_nan=False))))
            except (TypeError, ValueError) as error:
                raise InvalidInput("A record holds data that JSON cannot hold.") from error
        for record in copies:
            rows = self._records[record.debate_id]
            rows.setdefault(record.id, replace(record, seq=len(rows) + 1))
        return True

    async def records(
        self, debate_id: str, kinds: Collection[str] | None = None, after_seq: int = 0
    ) -> tuple[Record, ...]:
        check_id(debate_id)
        if debate_id not in self._debates:
            raise NotFound(f"There is no debate {debate_id}.")
        rows = self._records[debate_id].values()
        return tuple(row for row in rows if row.seq > after_seq and (kinds is None or row.kind in kinds))

    async def debate(self, debate_id: str) -> DebateRecord | None:
        return self._debates.get(debate_id)

    async def latest_debate(self, room: str, excluding: str | None = None) -> DebateRecord | None:
        return next((d for d in await self.debates(room) if d.debate_id != excluding), None)

    async def debates(self, room: str | None = None) -> tuple[DebateRecord, ...]:
        if room is not None:
            check_room(room)
        found = (debate for debate in self._debates.values() if room in (None, debate.room))
        return tuple(sorted(found, key=lambda debate: debate.debate_id, reverse=True))

    async def aclose(self) -> None:
        return None
