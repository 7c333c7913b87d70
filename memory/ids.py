"""Ids made by the client: UUIDv7 (RFC 9562), in time order and strictly increasing within a process.

Owns the counter that keeps ids of one millisecond in order. Knows nothing of what an id is for.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
import uuid

_COUNTER_BITS = 12
_RANDOM_BITS = 62
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class IdMaker:
    """Makes UUIDv7 that never go backwards, also when the wall clock does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._milliseconds = 0
        self._counter = 0

    def make(self, now_ms: int) -> str:
        """The next id at `now_ms` (epoch milliseconds), greater than every id made before by this maker."""
        with self._lock:
            if now_ms > self._milliseconds:
                self._milliseconds = now_ms
                # Starting in the lower half leaves at least 2048 ids before the millisecond has to be
                # borrowed.
                self._counter = secrets.randbits(_COUNTER_BITS - 1)
            else:
                self._counter += 1
                if self._counter >> _COUNTER_BITS:
                    self._milliseconds += 1
                    self._counter = 0
            value = (
                (self._milliseconds & (1 << 48) - 1) << 80
                | 0x7 << 76
                | self._counter << 64
                | 0b10 << 62
                | secrets.randbits(_RANDOM_BITS)
            )
        return str(uuid.UUID(int=value))


_maker = IdMaker()


def uuid7() -> str:
    """A new id as 36 characters, e.g. `0198c1f2-...`; sorts after every id made before in this process."""
    return _maker.make(time.time_ns() // 1_000_000)


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID in its canonical lower-case form (any version), safe as a file's name."""
    return _UUID.fullmatch(text) is not None
