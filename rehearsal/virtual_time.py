"""An event loop whose clock jumps to the next timer as soon as nothing is left to do: hours pass in milliseconds.

For code that waits by asyncio alone. Work given to threads is waited for in real time, with the clock standing still.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`time()` is virtual; it begins at 1000 s, so that no deadline is mistaken for an unset one."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual = 1000.0
        self._in_threads = 0

    def time(self) -> float:
        return self._virtual

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        future = super().run_in_executor(executor, func, *args)
        self._in_threads += 1
        future.add_done_callback(self._out_of_thread)
        return future

    def _out_of_thread(self, _: Any) -> None:
        self._in_threads -= 1

    def _run_once(self) -> None:
        if not self._ready and not self._in_threads:  # type: ignore[attr-defined]
            scheduled = [one for one in self._scheduled if not one.cancelled()]  # type: ignore[attr-defined]
            if scheduled:
                self._virtual = max(self._virtual, min(one.when() for one in scheduled))
        super()._run_once()  # type: ignore[misc]


def run_virtually(run: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time, and end what it left running."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(run)
