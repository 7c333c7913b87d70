"""Child processes with a prefix on each line of output, an end by id, and no orphans (see guard.py).

It owns pipes and threads of one child; who is started when, and what a death means, is decided in stack.py.
"""

import contextlib
import errno
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from launcher.guard import ORDER_KILL, ORDER_STOP

GUARD = Path(__file__).with_name("guard.py")
KEPT_LINES = 400

# Called from the child's own reader thread with the child's name and one line without its line feed.
LineSink = Callable[[str, str], None]


def discard(_name: str, _line: str) -> None:
    """The sink of those who want no output; the last lines are kept in `Child.lines` all the same."""


class ChildFailedToStartError(RuntimeError):
    """The program could not be executed at all; the message says which and why."""


class Child:
    """One running program. `pid` is the program's own; it leads a process group and session of its own."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        sink: LineSink = discard,
        terminal: bool = False,
    ) -> None:
        """`terminal`: it writes to a terminal of its own, and so as it would for a person."""
        self.name = name
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.started_at = time.monotonic()
        self.exit_code: int | None = None
        self._sink = sink
        self._heard = threading.Condition()
        self._control, theirs = socket.socketpair()
        read_end, write_end = os.openpty() if terminal else os.pipe()
        self._output = os.fdopen(read_end, "rb", buffering=0)
        with theirs:
            guard = [sys.executable, "-I", "-S", str(GUARD), str(theirs.fileno()), "--"]
            self._guard = subprocess.Popen(
                [*guard, *command],
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        os.close(write_end)
        self._reports = self._control.makefile("r", encoding="utf-8")
        try:
            started = json.loads(self._reports.readline() or '{"error": "the guard ended at once"}')
        except OSError as error:
            started = {"error": str(error)}
        if "pid" not in started:
            self._close_after(1.0)
            raise ChildFailedToStartError(f"{name}: cannot start {started['error']}")
        self.pid = int(started["pid"])
        self._reader = threading.Thread(target=self._read, name=f"shared-lines-{name}", daemon=True)
        self._waiter = threading.Thread(target=self._wait, name=f"shared-wait-{name}", daemon=True)
        self._reader.start()
        self._waiter.start()

    @property
    def running(self) -> bool:
        return self.exit_code is None

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code (128 + N for signal N), or None when it still runs after `timeout` seconds."""
        self._waiter.join(timeout)
        return self.exit_code

    def wait_for_line(self, needle: str, timeout: float) -> bool:
        """Whether a line with `needle` in it was printed; returns at once when the child ends."""
        deadline = time.monotonic() + timeout
        with self._heard:
            while not any(needle in line for line in self.lines):
                left = deadline - time.monotonic()
                if left <= 0 or not self.running:
                    return False
                self._heard.wait(left)
        return True

    def stop(self, grace: float = 10.0) -> int:
        """SIGTERM, after `grace` seconds SIGKILL; returns the exit code. Safe to call again."""
        self._order(ORDER_STOP)
        if self.wait(grace) is None:
            self.kill()
        return self._close_after(5.0)

    def kill(self) -> int:
        """SIGKILL at once, as a crash would end it; what it started is ended too."""
        self._order(ORDER_KILL)
        self.wait(5.0)
        return self._close_after(5.0)

    def send_signal(self, number: signal.Signals) -> None:
        """A signal to the program alone, not to what it started."""
        with contextlib.suppress(ProcessLookupError):
            if self.running:
                os.kill(self.pid, number)

    def _order(self, order: bytes) -> None:
        with contextlib.suppress(OSError):
            self._control.sendall(order)

    def _close_after(self, timeout: float) -> int:
        try:
            code = self._guard.wait(timeout)
        except subprocess.TimeoutExpired:
            # The guard's end takes the program along (PR_SET_PDEATHSIG).
            self._guard.kill()
            code = self._guard.wait()
        if hasattr(self, "_waiter"):
            self._waiter.join(timeout)
            self._reader.join(timeout)
        else:
            self._output.close()
        self._reports.close()
        self._control.close()
        return self.exit_code if self.exit_code is not None else code

    def _read(self) -> None:
        with self._output, io.BufferedReader(self._output) as output:
            try:
                for raw in output:
                    self._hear(raw.decode("utf-8", "replace").rstrip("\r\n"))
            except OSError as error:
                # A terminal whose last writer is gone answers with an error, a pipe with its end.
                if error.errno != errno.EIO:
                    raise

    def _hear(self, line: str) -> None:
        with self._heard:
            self.lines.append(line)
            self._heard.notify_all()
        self._sink(self.name, line)

    def _wait(self) -> None:
        code = self._guard.wait()
        # A program that was killed together with its guard has no other witness.
        self.exit_code = 128 - code if code < 0 else code
        with self._heard:
            self._heard.notify_all()
