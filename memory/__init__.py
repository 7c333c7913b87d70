"""What was said, kept: the store protocol, the journal on this machine's disk, its replica, and recall.

Owns durability, order and ids. Refuses to know about audio, LiveKit or the rules of a debate: events come and
go as plain dictionaries.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from memory.ids import uuid7
from memory.journal import Journal
from memory.reading import open_reading, words_before
from memory.recall import Recall, SaidBefore, previous_words
from memory.search import Answer, Search
from memory.store import KINDS, DebateRecord, Reading, Record, Store, StoreHealth
from memory.supabase_search import open_search

__all__ = [
    "KINDS",
    "Answer",
    "DebateRecord",
    "Journal",
    "Reading",
    "Recall",
    "Record",
    "SaidBefore",
    "Search",
    "Store",
    "StoreHealth",
    "open_reading",
    "open_search",
    "open_store",
    "previous_words",
    "uuid7",
    "words_before",
]


class StoreSettings(Protocol):
    """The part of `settings.Settings` that memory reads."""

    @property
    def data_dir(self) -> str | Path:
        """The folder of the journals."""


def open_store(settings: StoreSettings) -> Store:
    """The store that `settings` asks for: the journal under `DATA_DIR`. Touches no disk until it is used."""
    return Journal(Path(settings.data_dir))
