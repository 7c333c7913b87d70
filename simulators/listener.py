"""A port of loopback that can be open, refuse or swallow connections, and go back and forth while it runs.

Owns the sockets. The port stays ours meanwhile: a bound socket that never listens holds it.
"""

from __future__ import annotations

import socket
import struct

LOOPBACK = "127.0.0.1"
_BACKLOG = 128
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on with 0 s: closing sends RST, not FIN


class Port:
    """A port of loopback. Closed, connecting to it is refused."""

    def __init__(self, number: int = 0) -> None:
        """`number` 0 takes any free port; OSError when another program has it."""
        self._hold = _bound(number)
        self.number = int(self._hold.getsockname()[1])
        self._hole: list[socket.socket] = []

    def listen(self) -> socket.socket:
        """A socket that listens on the port; the caller closes it."""
        return self._listening(_BACKLOG)

    def swallow(self) -> None:
        """Answer no connection attempt from now on, as a firewall that drops packets: with a full queue of
        connections that nobody accepts, the kernel drops the next SYN."""
        hole = self._listening(0)
        filler = socket.create_connection((LOOPBACK, self.number), timeout=5.0)
        self._hole = [filler, hole]

    def refuse(self) -> None:
        """End `swallow`; what waited in the queue is reset."""
        for each in self._hole:
            each.close()
        self._hole = []

    def close(self) -> None:
        """Give the port away."""
        self.refuse()
        self._hold.close()

    def _listening(self, backlog: int) -> socket.socket:
        listening = _bound(self.number)
        listening.listen(backlog)
        listening.setblocking(False)
        return listening


def _bound(number: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # With it on both, a second socket may bind beside the one that holds the port, as long as none listens.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((LOOPBACK, number))
    except OSError:
        bound.close()
        raise
    return bound


def reset_on_close(connection: socket.socket) -> None:
    """Let closing `connection` be a reset, as of a process that was killed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
