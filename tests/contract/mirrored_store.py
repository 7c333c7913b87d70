"""A store as another machine sees it: written to a journal, sent by the replicator, read from Supabase."""

from collections.abc import Collection, Sequence
from pathlib import Path

from memory.bookmarks import Bookmarks
from memory.journal import Journal
from memory.replicator import Replicator
from memory.store import DebateRecord, Record, StoreHealth
from memory.supabase_reading import SupabaseReading
from memory.supabase_tables import SupabaseTables
from tests.contract.supabase_server import SupabaseServer, key


def tables_of(server: SupabaseServer, role: str = "service_role", seconds: float = 5.0) -> SupabaseTables:
    return SupabaseTables(server.url, key(role), seconds)


async def send_all(data_dir: Path, server: SupabaseServer, holder: str = "here") -> int:
    """Send every journal below `data_dir` as a worker of that machine does; answers the rows."""
    tables = tables_of(server)
    try:
        with Bookmarks(data_dir, holder) as bookmarks:
            return await Replicator(data_dir, tables, bookmarks).send_changed()
    finally:
        await tables.aclose()


class MirroredStore:
    """`Store`: every write is a journal's, every read is of Supabase, after all that was written has been sent."""

    def __init__(self, data_dir: Path, server: SupabaseServer, page_rows: int = 1000) -> None:
        self._journal = Journal(data_dir)
        self._tables = tables_of(server)
        self._reading = SupabaseReading(self._tables, page_rows)
        self._bookmarks = Bookmarks(data_dir, "mirror")
        self.replicator = Replicator(data_dir, self._tables, self._bookmarks)

    @property
    def health(self) -> StoreHealth:
        return self._journal.health

    async def open_debate(self, debate: DebateRecord) -> DebateRecord:
        return await self._journal.open_debate(debate)

    async def append(self, records: Sequence[Record]) -> bool:
        return await self._journal.append(records)

    async def records(
        self, debate_id: str, kinds: Collection[str] | None = None, after_seq: int = 0
    ) -> tuple[Record, ...]:
        await self.replicator.send_changed()
        return await self._reading.records(debate_id, kinds, after_seq)

    async def debate(self, debate_id: str) -> DebateRecord | None:
        await self.replicator.send_changed()
        return await self._reading.debate(debate_id)

    async def latest_debate(self, room: str, excluding: str | None = None) -> DebateRecord | None:
        await self.replicator.send_changed()
        return await self._reading.latest_debate(room, excluding)

    async def debates(self, room: str | None = None) -> tuple[DebateRecord, ...]:
        await self.replicator.send_changed()
        return await self._reading.debates(room)

    async def aclose(self) -> None:
        await self._journal.aclose()
        await self._reading.aclose()
        self._bookmarks.__exit__()
