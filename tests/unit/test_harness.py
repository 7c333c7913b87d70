"""The test harness keeps its own promises: no key reaches a test, and nothing that a test began is left behind."""

import subprocess
import sys
from pathlib import Path

import pytest

import settings
from launcher.places import REPOSITORY
from tests.conftest import cleared_names

LEAKY = """
import asyncio, os, subprocess, sys, threading

def test_leaks_a_child():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])

def test_leaks_a_thread():
    threading.Thread(target=threading.Event().wait, args=(6,), name="forgotten").start()

async def test_leaks_a_task():
    asyncio.get_running_loop().leaked = asyncio.create_task(asyncio.Event().wait())

async def test_ends_what_it_began():
    await asyncio.create_task(asyncio.sleep(0))

def test_sees_no_key():
    assert "OPENAI_API_KEY" not in os.environ and "LIVEKIT_URL" not in os.environ
"""


def test_every_setting_is_taken_out_of_the_environment() -> None:
    names = {name.upper() for name in settings.TABLE}
    assert set(cleared_names(dict.fromkeys(names, "planted"))) == names


@pytest.mark.timeout(180)  # a pytest of its own, with the waits of three leaks
def test_leaks_fail_the_test_that_made_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conftest.py").write_text((REPOSITORY / "tests" / "conftest.py").read_text())
    (tmp_path / "test_leaky.py").write_text(LEAKY)
    monkeypatch.setenv("OPENAI_API_KEY", "planted")
    monkeypatch.setenv("LIVEKIT_URL", "wss://planted")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "5 passed, 3 errors" in answer.stdout, answer.stdout
    for words in ("left running: process", "left running: thread forgotten", "asyncio tasks left running"):
        assert words in answer.stdout
