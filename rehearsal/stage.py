"""Where a rehearsal is held: a web service that runs already, or a stack of its own for as long as it takes.

Owns the temporary data folder and the log of that stack. What a stack is, is the launcher's matter.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from launcher.stack import start_stack
from rehearsal.console import Console


@asynccontextmanager
async def stage(url: str | None, console: Console, *, keep: bool) -> AsyncIterator[str]:
    """The web service's address. Without `url` a stack is started; `keep` keeps its journals and its log."""
    if url is not None:
        yield url
        return
    folder = Path(tempfile.mkdtemp(prefix="sage-rehearsal-"))
    log = _Log(folder / "stack.log")
    console.noted(
        None, "starting LiveKit, the web service and the worker: ten seconds, more on a busy machine"
    )
    try:
        stack = await start_stack(environment={"DATA_DIR": str(folder / "data")}, sink=log.write)
        try:
            yield stack.web_url
        finally:
            console.noted(None, "ending the worker, the web service and LiveKit")
            await stack.stop()
    finally:
        log.close()
        if keep:
            console.noted(None, f"kept: {folder} (stack.log and the journals under data/)")
        else:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


class _Log:
    """The lines of three programs in one file, written from their reader threads."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, name: str, line: str) -> None:
        with self._lock:
            if not self._file.closed:
                self._file.write(f"{name}: {line}\n")

    def close(self) -> None:
        with self._lock:
            self._file.close()
