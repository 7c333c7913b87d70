"""Free ports on loopback, and who holds one that is taken. Standard library only."""

import contextlib
import errno
import socket

LOOPBACK = "127.0.0.1"


def is_free(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Whether this process could listen on `port` of the loopback address now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            if kind == socket.SOCK_STREAM:
                probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def free_ports(count: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[int]:
    """`count` different ports that were free a moment ago; who loses the race has to choose again."""
    with contextlib.ExitStack() as held:
        found = []
        for _ in range(count):
            probe = held.enter_context(socket.socket(socket.AF_INET, kind))
            probe.bind((LOOPBACK, 0))
            found.append(int(probe.getsockname()[1]))
        return found


def preferred_or_free(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """`port` when it is free, else any that is."""
    return port if is_free(port, kind) else free_ports(1, kind)[0]
