"""Free ports on loopback, and who holds one that is taken. Standard library only."""

import contextlib
import errno
import socket

LOOPBACK = "127.0.0.1"
LOOPBACK_6 = "::1"


def is_free(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Whether this process could listen on `port` of the loopback addresses now, IPv4 and, where there is one, IPv6."""
    return _is_free(LOOPBACK, port, socket.AF_INET, kind) and (
        not port or _is_free(LOOPBACK_6, port, socket.AF_INET6, kind)
    )


def _is_free(address: str, port: int, family: socket.AddressFamily, kind: socket.SocketKind) -> bool:
    try:
        probe = socket.socket(family, kind)
    except OSError:
        return family == socket.AF_INET6  # a machine without IPv6
    with probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((address, port))
            if kind == socket.SOCK_STREAM:
                probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            if family == socket.AF_INET6:
                return True  # no address of that family to listen on
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
