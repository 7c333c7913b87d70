"""The replica in the worker's main process: a thread with an event loop of its own, from start until the worker ends.

Owns when to send, how long to wait while Supabase is away, the daily retention, and what is said of it in the log.
What is sent and how is `replicator`'s.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from errors import SageError
from memory.bookmarks import Bookmarks
from memory.erasing import apply_marks
from memory.replicator import Replicator, rows_left
from memory.retention import DAY_SECONDS, delete_old_files, delete_old_rows
from memory.supabase_key import why_it_may_not_write
from memory.supabase_tables import TIMEOUT_SECONDS, SupabaseTables

logger = logging.getLogger("sage.memory.replica")

POLL_SECONDS = 0.4
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0
STOP_SECONDS = 5.0
MARKS_SECONDS = 600.0
"""How soon what was forgotten through another machine is forgotten here too, at the latest."""


class ReplicaSettings(Protocol):
    """The part of `settings.Settings` that the replica reads."""

    @property
    def data_dir(self) -> str | Path:
        """The folder of the journals."""

    @property
    def supabase_url(self) -> str | None:
        """The project's address, None for no replica."""

    @property
    def memory_retention_days(self) -> int:
        """Days that debates are kept, 0 for ever."""

    def secret(self, name: str) -> str:
        """The plain value of a secret, "" where it is not set."""


def why_no_replica(settings: ReplicaSettings) -> str:
    """Why nothing is sent to Supabase, "" where it is."""
    if not settings.supabase_url:
        return "SUPABASE_URL is not set: the journal is all there is"
    return why_it_may_not_write(settings.secret("supabase_service_role_key"), settings.secret("supabase_key"))


def tables_of(settings: ReplicaSettings) -> SupabaseTables:
    """The project's tables; ask `why_no_replica` first."""
    key = settings.secret("supabase_service_role_key")
    return SupabaseTables(settings.supabase_url or "", key, TIMEOUT_SECONDS)


@dataclass
class Backoff:
    """How long to wait after so many failures: doubling, with jitter, so that workers do not come back all at once."""

    chance: Callable[[float, float], float] = random.uniform
    failures: int = 0

    def failed(self) -> float:
        """Seconds until the next try."""
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**self.failures)
        self.failures += 1
        return self.chance(longest / 2, longest)


class Replica:
    """Runs from `start` to `stop`. Without a usable Supabase it only keeps the retention, if there is one."""

    def __init__(self, settings: ReplicaSettings) -> None:
        self._settings = settings
        self._data_dir = Path(settings.data_dir)
        self._why_not = why_no_replica(settings)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._begun = threading.Event()
        self._stop_at = 0.0
        self._backoff = Backoff()
        self.left = 0
        """Rows that were still to be sent when it stopped."""

    def start(self) -> None:
        """Begin in a thread; nothing that happens there reaches the caller. A second call does nothing."""
        if self._thread is not None:
            return
        if self._why_not and self._settings.supabase_url:
            logger.error("nothing is sent to Supabase", extra={"reason": self._why_not})
        if self._why_not and not self._settings.memory_retention_days:
            return
        self._thread = threading.Thread(target=self._run, name="sage-replica", daemon=True)
        self._thread.start()
        self._begun.wait()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Send what can be sent within `seconds`, say what is left, end the thread."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stop_at = time.monotonic() + seconds
        if self._loop is not None and self._stopping is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join(seconds + 1.0)

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except Exception:
            logger.exception("the replica has failed; the journal keeps everything")
        finally:
            self._begun.set()

    async def _live(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self._begun.set()
        tables = None if self._why_not else tables_of(self._settings)
        holder = secrets.token_hex(8)
        try:
            with Bookmarks(self._data_dir, holder) as bookmarks:
                replicator = Replicator(self._data_dir, tables, bookmarks) if tables is not None else None
                once: asyncio.Future[float] = asyncio.ensure_future(asyncio.sleep(0.0, 0.0))
                stopping = asyncio.ensure_future(self._stopping.wait())
                while not stopping.done():
                    # a request that hangs must not keep the worker from ending
                    waited: set[asyncio.Future[Any]] = {once, stopping}
                    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                    if once.done():
                        await asyncio.wait({stopping}, timeout=once.result())
                        if not stopping.done():
                            once = asyncio.ensure_future(self._once(replicator, tables, bookmarks))
                await self._finish(replicator, once)
        finally:
            if tables is not None:
                await tables.aclose()

    async def _once(
        self, replicator: Replicator | None, tables: SupabaseTables | None, bookmarks: Bookmarks
    ) -> float:
        """Do what is due; answers how many seconds later there may be more."""
        try:
            await self._retain(tables, bookmarks)
            if replicator is None or tables is None:
                return LONGEST_WAIT_SECONDS
            with bookmarks.due("marks of what was forgotten", MARKS_SECONDS) as due:
                if due:
                    await apply_marks(tables, self._data_dir, bookmarks)
            sent = await replicator.send_changed()
        except (SageError, OSError, sqlite3.Error) as error:
            if self._backoff.failures == 0:
                hint = getattr(error, "hint", "")
                logger.warning("the replica waits", extra={"problem": str(error), "hint": hint})
            return self._backoff.failed()
        if self._backoff.failures:
            logger.info("the replica goes on", extra={"sent": sent, "tries": self._backoff.failures})
            self._backoff = Backoff()
        return POLL_SECONDS

    async def _retain(self, tables: SupabaseTables | None, bookmarks: Bookmarks) -> None:
        days = self._settings.memory_retention_days
        if not days:
            return
        with bookmarks.due("retention", DAY_SECONDS) as due:
            if due:
                now = time.time()
                deleted = await asyncio.to_thread(delete_old_files, self._data_dir, days, now, bookmarks)
                remote = await delete_old_rows(tables, days, now) if tables is not None else 0
                extra = {"days": days, "journals": len(deleted), "in_supabase": remote}
                logger.info("old debates were deleted", extra=extra)

    async def _finish(self, replicator: Replicator | None, once: asyncio.Future[float]) -> None:
        """Let what is going on end, send the rest, within the time there is; say what is left."""
        try:
            async with asyncio.timeout(max(0.1, self._stop_at - time.monotonic())):
                await once
                if replicator is not None:
                    await replicator.send_changed()
        except (TimeoutError, SageError, OSError, sqlite3.Error) as error:
            logger.warning("the replica stops before all is sent", extra={"problem": type(error).__name__})
        if replicator is None:
            return
        self.left, _ = rows_left(self._data_dir)
        level = logging.WARNING if self.left else logging.INFO
        logger.log(level, "the replica stops", extra={"rows_left": self.left})
