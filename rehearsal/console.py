"""The debate on the terminal, live, as the observer hears it.

Owns lines and colours. Times are seconds of the debate, None before it. What people and vendors said is data:
control characters never reach the terminal.
"""

from __future__ import annotations

import sys
from typing import TextIO

_COLOURS = ("36", "33", "32", "35", "34", "96", "93")


class Console:
    """Prints to `out` (standard output); `quiet` prints nothing."""

    def __init__(self, out: TextIO | None = None, *, quiet: bool = False) -> None:
        self._out = out or sys.stdout
        self._quiet = quiet
        self._coloured = self._out.isatty()
        self._people: dict[str, str] = {}

    def said(self, at: float | None, name: str, text: str) -> None:
        """A debater's final caption, heard to its end at `at`."""
        colour = self._people.setdefault(name, _COLOURS[len(self._people) % len(_COLOURS)])
        self._print(at, self._paint(f"{printable(name)}:", colour), printable(text))

    def moderator(self, at: float | None, text: str) -> None:
        """What the moderator said in one turn, which was over at `at`."""
        self._print(at, self._paint("Sage:", "1"), printable(text))

    def noted(self, at: float | None, text: str) -> None:
        """Anything else that happened."""
        self._print(at, self._paint("—", "2"), self._paint(printable(text), "2"))

    def _print(self, at: float | None, who: str, text: str) -> None:
        if not self._quiet:
            clock = " " * 9 if at is None else f"{max(at, 0.0):7.1f} s"
            print(f"{clock}  {who} {text}", file=self._out, flush=True)

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured else text


def printable(text: str) -> str:
    """`text` on one line without anything that a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text)
