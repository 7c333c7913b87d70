"""Runs one program and answers for everything it starts: nothing outlives the launcher, however it ends.

Started as `python -I -S guard.py CONTROL_FD -- COMMAND...` with one end of a socket pair. It reports the
program's process id and exit there, and takes one-byte orders from it. When the other end closes (the
launcher was killed), it stops the program. It knows nothing of Sage, and imports only the standard library
as it runs beside every child.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
ORDER_STOP = b"T"
ORDER_KILL = b"K"
# After its launcher has vanished nobody waits for a program's clean farewell any more.
ORPHAN_GRACE_SECONDS = 3.0
STRAGGLER_GRACE_SECONDS = 2.0

_libc = ctypes.CDLL(None, use_errno=True)


def main(control_fd: int, command: list[str]) -> int:
    """Runs `command` to its end; answers with its exit code, or 128 + the signal that ended it."""
    # The terminal's Ctrl-C is the launcher's to hear: it stops its children in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    control = socket.socket(fileno=control_fd)
    wakeup_read, wakeup_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wakeup_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    stop_asked = [False]
    signal.signal(signal.SIGTERM, lambda *_: stop_asked.__setitem__(0, True))
    try:
        child = subprocess.Popen(command, start_new_session=True, preexec_fn=_die_with_guard)  # noqa: PLW1509
    except OSError as error:
        _report(control, {"error": f"{command[0]}: {error.strerror}"})
        return 127
    _report(control, {"pid": child.pid})
    code = _watch(child, control, wakeup_read, stop_asked)
    _end_stragglers(child.pid)
    code = code if code >= 0 else 128 - code
    _report(control, {"exit": code})
    return code


def _watch(
    child: subprocess.Popen[bytes], control: socket.socket, wakeup: int, stop_asked: list[bool]
) -> int:
    """Waits for the program's end while taking orders; returns `Popen.returncode`."""
    deadline: float | None = None
    watched: list[int] = [control.fileno(), wakeup]
    while (code := child.poll()) is None:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select(watched, [], [], left)
        if wakeup in ready:
            os.read(wakeup, 512)
        order = b""
        if control.fileno() in ready:
            with contextlib.suppress(ConnectionResetError):
                order = control.recv(1)
            if not order:
                watched = [wakeup]
                stop_asked[0] = True
                deadline = time.monotonic() + ORPHAN_GRACE_SECONDS
        if order == ORDER_KILL or (deadline is not None and time.monotonic() >= deadline):
            child.kill()
        elif order == ORDER_STOP or stop_asked[0]:
            stop_asked[0] = False
            child.terminate()
    return code


def _end_stragglers(group: int) -> None:
    """Ends what the program left: its process group, and orphans of any group that fell to this subreaper."""
    deadline = time.monotonic() + STRAGGLER_GRACE_SECONDS
    kind = signal.SIGTERM
    while True:
        left = _children()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, kind)
            left = left or [group]
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, kind)
        if not left:
            return
        while True:
            try:
                reaped, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if reaped == 0:
                break
        if time.monotonic() >= deadline:
            kind = signal.SIGKILL
        select.select([], [], [], 0.02)


def _children() -> list[int]:
    """Process ids of this process's children (adopted ones included), from /proc."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as listing:  # noqa: PTH123
            return [int(pid) for pid in listing.read().split()]
    except OSError:
        return []


def _die_with_guard() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _report(control: socket.socket, message: dict[str, object]) -> None:
    with contextlib.suppress(OSError):
        control.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[3:]))
