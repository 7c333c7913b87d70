"""Child processes of the launcher: whole lines with a name, an end by id, nothing left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from launcher.children import Child, ChildFailedToStartError
from launcher.places import REPOSITORY, plain_environment

# A program that starts one grandchild in its own group and one in a session of its own, then waits.
WITH_GRANDCHILDREN = """
import subprocess, sys, time
for apart in (False, True):
    p = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=apart)
    print("grandchild", p.pid, flush=True)
print("all started", flush=True)
time.sleep(300)
"""


def start(code: str, **options: object) -> Child:
    command = [sys.executable, "-u", "-c", code]
    return Child("part", command, env=plain_environment(), cwd=Path("/"), **options)  # type: ignore[arg-type]


@pytest.fixture
def with_grandchildren() -> Iterator[tuple[Child, list[psutil.Process]]]:
    child = start(WITH_GRANDCHILDREN)
    assert child.wait_for_line("all started", 20)
    pids = [int(line.split()[1]) for line in child.lines if line.startswith("grandchild")]
    yield child, [psutil.Process(pid) for pid in pids]
    child.kill()


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []


def test_each_line_reaches_the_sink_with_the_name_of_its_writer() -> None:
    heard: list[tuple[str, str]] = []
    child = start("print('one'); print('two')", sink=lambda name, line: heard.append((name, line)))
    assert child.wait(20) == 0
    child.stop()
    assert heard == [("part", "one"), ("part", "two")]


def test_an_exit_code_is_reported() -> None:
    child = start("raise SystemExit(7)")
    assert child.wait(20) == 7
    assert not child.running
    assert child.stop() == 7


def test_a_death_by_signal_is_reported_as_128_and_the_signal() -> None:
    child = start("import os; os.kill(os.getpid(), 9)")
    assert child.wait(20) == 128 + signal.SIGKILL
    child.stop()


def test_stopping_lets_a_program_say_farewell() -> None:
    child = start(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('farewell'), sys.exit(0)))\n"
        "print('listening'); time.sleep(300)"
    )
    assert child.wait_for_line("listening", 20)
    assert child.stop(grace=20) == 0
    assert child.lines[-1] == "farewell"


def test_a_program_that_ignores_the_request_is_ended_after_its_grace() -> None:
    child = start(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf'); time.sleep(300)"
    )
    assert child.wait_for_line("deaf", 20)
    assert child.stop(grace=0.1) == 128 + signal.SIGKILL


def test_stopping_twice_is_harmless() -> None:
    child = start("import time; time.sleep(300)")
    assert child.stop() == child.stop() == 128 + signal.SIGTERM


def test_stopping_ends_what_the_program_started(
    with_grandchildren: tuple[Child, list[psutil.Process]],
) -> None:
    child, grandchildren = with_grandchildren
    child.stop()
    assert_gone(grandchildren)


def test_a_crash_of_the_program_ends_what_it_started(
    with_grandchildren: tuple[Child, list[psutil.Process]],
) -> None:
    child, grandchildren = with_grandchildren
    child.send_signal(signal.SIGKILL)
    assert child.wait(20) == 128 + signal.SIGKILL
    assert_gone(grandchildren)


def test_a_program_that_cannot_be_executed_is_named() -> None:
    with pytest.raises(ChildFailedToStartError, match="part: cannot start no-such-program: No such file"):
        Child("part", ["no-such-program"], env=plain_environment(), cwd=Path("/"))


def test_waiting_for_a_line_ends_with_the_program() -> None:
    child = start("print('something else')")
    assert child.wait_for_line("never printed", 60) is False
    child.stop()


def test_a_child_with_a_terminal_writes_as_for_a_person() -> None:
    child = start("import sys; print(sys.stdout.isatty())", terminal=True)
    assert child.wait(20) == 0
    child.stop()
    assert list(child.lines) == ["True"]


def test_nothing_outlives_a_launcher_that_is_killed() -> None:
    owner_code = (
        "import time\nfrom pathlib import Path\n"
        "from launcher.children import Child\nfrom launcher.places import plain_environment\n"
        f"child = Child('part', [{sys.executable!r}, '-u', '-c', {WITH_GRANDCHILDREN!r}],"
        " env=plain_environment(), cwd=Path('/'), sink=lambda _name, line: print(line, flush=True))\n"
        "time.sleep(300)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", owner_code], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    with owner.stdout as output:
        for line in output:
            if "all started" in line:
                break
        descendants = psutil.Process(owner.pid).children(recursive=True)
        assert len(descendants) == 4  # the guard, the program, its two grandchildren
        owner.kill()
    owner.wait(20)
    assert_gone(descendants)


def test_the_guard_imports_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; before = set(sys.modules); import runpy; runpy.run_path('launcher/guard.py');"
        "print(sorted({m.split('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names))"
    )
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_a_plain_environment_names_no_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "planted")
    monkeypatch.setenv("LIVEKIT_URL", "wss://planted")
    environment = plain_environment({"PORT": "1"})
    assert "planted" not in str(environment)
    assert environment["SAGE_ENV_FILE"] == os.devnull
    assert environment["PORT"] == "1"
