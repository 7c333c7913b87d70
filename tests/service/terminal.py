"""A program in a terminal of its own: what it shows, as plain text, and what is typed into it."""

from __future__ import annotations

import codecs
import os
import pty
import re
import select
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
END_SECONDS = 20.0
TRIES = 5


class Terminal:
    """Runs `command` until `close`. Everything shown stays in `shown`, repaintings included."""

    def __init__(self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> None:
        self._rest, self._seen = "", 0
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.shown = ""
        """All that was shown, without colours; lines are wrapped where the terminal ends, so any space is one."""

        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execve(command[0], list(command), dict(environment))

    def until(self, what: str, seconds: float = 45.0) -> None:
        """Wait until `what` is shown, after what was waited for before. AssertionError with the last of what was shown
        when it was not."""
        deadline = time.monotonic() + seconds
        while (at := self.shown.find(what, self._seen)) < 0:
            last = self.shown[-2000:]
            assert time.monotonic() < deadline, f"{what!r} was not shown within {seconds:g} s: {last}"
            assert self._read(0.2), f"the program ended before it showed {what!r}: {last}"
        self._seen = at + len(what)

    def type(self, line: str, prompt: str) -> None:
        """One line, key by key, each when the one before is shown behind `prompt`: between two keys the framework's
        prompt throws away what came too soon."""
        for count in range(1, len(line) + 1):
            so_far = " ".join((prompt + line[:count]).split())
            for _ in range(TRIES):
                os.write(self._fd, line[count - 1].encode())
                try:
                    self.until(so_far, 2.0)
                    break
                except AssertionError:
                    continue
        os.write(self._fd, b"\r")

    def interrupt(self) -> int:
        """Ctrl-C; answers the exit code. AssertionError where the program does not end within END_SECONDS."""
        os.write(self._fd, b"\x03")
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            self._read(0.1)
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"the program did not end: {self.shown[-2000:]}")

    def hang_up(self) -> None:
        """Close the terminal's window while the program runs."""
        os.close(self._fd)
        self._fd = -1

    def close(self) -> None:
        """End the program, if it still runs."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
        if self._fd >= 0:
            os.close(self._fd)

    def _read(self, seconds: float) -> bool:
        """Take in what comes within `seconds`; False once the program has closed the terminal."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        text = self._rest + self._decoder.decode(data)
        cut = len(text) if text.rfind("\x1b") < len(text) - 20 else text.rfind("\x1b")
        text, self._rest = text[:cut], text[cut:]
        self.shown = re.sub(r"\s+", " ", self.shown[-1:] + _CONTROL.sub("", text)).join((self.shown[:-1], ""))
        return bool(data)
