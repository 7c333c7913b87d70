"""Steps of the set-up that take a while: what is being done is said, and how long it took.

Standard library only: it runs before anything is installed.
"""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

Say = Callable[[str], None]
REPORT_SECONDS = 20.0
LONGEST_SECONDS = 3600.0
TAIL_LINES = 20


class StepFailedError(RuntimeError):
    """A step of the set-up failed; the message has the command and its last lines, or the remedy."""


@contextmanager
def timed(say: Say, what: str) -> Iterator[None]:
    """Says `what` when it begins and how long it took when it is done."""
    began = time.monotonic()
    say(what)
    yield
    say(f"  done in {time.monotonic() - began:.1f} s")


def run_reporting(
    command: Sequence[str], env: Mapping[str, str], say: Say, what: str, *, cwd: Path | None = None
) -> None:
    """Runs `command` silently, saying now and then that it still runs; StepFailedError when it fails."""
    began = time.monotonic()
    done = threading.Event()

    def tell() -> None:
        while not done.wait(REPORT_SECONDS):
            say(f"  still {what}, {time.monotonic() - began:.0f} s so far")

    teller = threading.Thread(target=tell, name="shared-progress", daemon=True)
    teller.start()
    try:
        outcome = subprocess.run(
            command,
            env=dict(env),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LONGEST_SECONDS,
            cwd=cwd or Path("/"),
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepFailedError(f"{what} failed: {error}") from error
    finally:
        done.set()
        teller.join()
    if outcome.returncode != 0:
        tail = "\n".join(f"    {line}" for line in outcome.stdout.strip().splitlines()[-TAIL_LINES:])
        raise StepFailedError(
            f"{what} failed with exit code {outcome.returncode}: {' '.join(command)}\n{tail}"
        )
