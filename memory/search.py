"""Search over what was said in a room: one question, one order of finds, whichever engine holds the words.

Owns the joining of words and likeness, and the deadline. Never invents: an answer is utterances that were kept.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from errors import Unavailable
from memory.embeddings import Embedder, embedder
from memory.journal import check_room
from memory.questions import QUERY_CHARS, Query, parse_query
from memory.ranking import Find, rank
from memory.search_index import SearchIndex

FINDS = 5
DEADLINE_SECONDS = 2.0
COMPARED_MOST = 400
"""Where a question's filters leave so few utterances, all are compared with it; else those that share words."""
EMBEDDED_MOST = 120
"""New utterances that are embedded for one question, some 0.6 s; the vectors of those seen before are kept."""
_VECTORS_MOST = 50_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What was understood and what was found, the best first."""

    query: Query
    finds: tuple[Find, ...]


class Search(Protocol):
    """What finds utterances of a room."""

    async def find(self, room: str, text: str, *, excluding: str = "", limit: int = FINDS) -> Answer:
        """The finds for `text` (see memory.questions) in `room`. Raises InvalidInput for what is no room, Unavailable
        where the words cannot be searched now, also after DEADLINE_SECONDS.
        """

    async def aclose(self) -> None:
        """Let go of everything. May be called again."""


class Likeness:
    """Cosines between a question and utterances; keeps vectors by utterance id. Blocking."""

    def __init__(self, model: Embedder) -> None:
        self._model = model
        self._kept: dict[str, Any] = {}

    def of(self, question: str, finds: Sequence[Find]) -> dict[str, float]:
        """Cosine by utterance id."""
        if len(self._kept) > _VECTORS_MOST:
            self._kept.clear()
        missing = [find for find in finds if find.id not in self._kept][:EMBEDDED_MOST]
        vectors = self._model.embed([f"{find.topic}: {find.text}" for find in missing])
        self._kept.update(zip((find.id for find in missing), vectors, strict=True))
        import numpy as np

        known = [find.id for find in finds if find.id in self._kept]
        if not known:
            return {}
        cosines = np.stack([self._kept[one] for one in known]) @ self._model.embed([question])[0]
        return dict(zip(known, map(float, cosines), strict=True))


class LocalSearch:
    """`Search` over the journals below `data_dir`. The index is read and brought up to date in a thread of its own."""

    def __init__(
        self,
        data_dir: Path,
        *,
        model: Callable[[], Embedder | None] = embedder,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._data_dir = data_dir
        self._index = SearchIndex(data_dir)
        self._model = model
        self._likeness: Likeness | None = None
        self._clock = clock
        self._thread: ThreadPoolExecutor | None = None

    async def find(self, room: str, text: str, *, excluding: str = "", limit: int = FINDS) -> Answer:
        """See `Search`."""
        check_room(room)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sage-search")
        work = asyncio.get_running_loop().run_in_executor(
            self._thread, self.find_now, room, text, excluding, limit
        )
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await work
        except TimeoutError:
            raise Unavailable("The search took too long.", code="search-late") from None
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(
                f"What was said cannot be searched ({type(error).__name__}).", code="search-failed"
            ) from None

    def find_now(self, room: str, text: str, excluding: str = "", limit: int = FINDS) -> Answer:
        """As `find`, but blocking and without a deadline."""
        self._index.update(room)
        query = parse_query(text, self._clock(), self._index.names(room))
        if not query:
            return Answer(query, ())
        finds = self._index.candidates(room, query, excluding)
        likeness = None
        if (query.words or query.phrases) and (model := self._model()) is not None:
            self._likeness = self._likeness or Likeness(model)
            around = self._index.everything(room, query, excluding, COMPARED_MOST)
            finds = tuple({find.id: find for find in (*finds, *around)}.values())
            likeness = self._likeness.of(" ".join(text[:QUERY_CHARS].split()), finds)
        return Answer(query, rank(query, finds, limit, likeness))

    async def aclose(self) -> None:
        """See `Search`."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.shutdown)
        self._index.close()
