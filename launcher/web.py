"""The web service on this machine's loopback: one app, one process, on PORT and on TOKEN_SERVER_PORT.

`python -m launcher.web PORT [PORT...]`. Deployments start `uvicorn app:app` instead; which addresses are
bound is all that differs.
"""

import contextlib
import errno
import socket
import sys
from collections.abc import Sequence

import uvicorn

LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def listening_sockets(ports: Sequence[int]) -> list[socket.socket]:
    """A listening socket for each port on both loopback addresses, as browsers try `localhost` on either.

    A machine without IPv6 has the first alone. Raises OSError where a port is taken.
    """
    sockets = []
    with contextlib.ExitStack() as held:
        for port in dict.fromkeys(ports):
            for family, address in LOOPBACKS:
                try:
                    sock = held.enter_context(socket.socket(family, socket.SOCK_STREAM))
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    sock.bind((address, port))
                except OSError as error:
                    if family == socket.AF_INET6 and error.errno != errno.EADDRINUSE:
                        continue
                    raise OSError(error.errno, f"port {port} of {address}: {error.strerror}") from error
                sockets.append(sock)
        held.pop_all()
    return sockets


def main(arguments: Sequence[str]) -> int:
    """Serves until SIGTERM; 1 where a port is taken or the app could not start."""
    try:
        sockets = listening_sockets([int(port) for port in arguments])
    except OSError as error:
        print(f"cannot listen: {error.strerror}", file=sys.stderr)
        return 1
    server = uvicorn.Server(uvicorn.Config("app:app", timeout_graceful_shutdown=3))
    server.run(sockets=sockets)
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
