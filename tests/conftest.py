"""What holds for every test: no test can reach a vendor by accident, and none leaves anything running.

Keys, addresses and LiveKit credentials of the developer's shell or `.env` are taken away before each test;
tasks, threads and child processes that a test began and did not end fail that test, by name.
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from inspect import iscoroutinefunction

import psutil
import pytest

from tests.starvation import run_test

# Everything by which a setting could name a vendor, a server or the developer's own data.
CLEARED_PREFIXES = (
    "LIVEKIT_", "OPENAI_", "PERPLEXITY_", "DEEPGRAM_", "CARTESIA_", "CEREBRAS_", "ANTHROPIC_", "SUPABASE_",
    "VOXTRAL_", "CHATTERBOX_", "OLLAMA_", "VAD_", "ENDPOINT_", "CHUNK_", "WORKER_", "AGENT_", "STT_", "LLM_",
    "TTS_", "MAX_", "ENABLE_", "SAGE_", "TOKEN_", "MEMORY_", "LOG_", "OTEL_",
)  # fmt: skip
CLEARED_NAMES = (
    "ADMIN_TOKEN", "ALLOWED_ORIGINS", "DATA_DIR", "DEBATE_TOPIC", "MODERATOR_PERSONA", "LOCAL_AUDIO_ONLY",
    "CONTEXT_TOKENS", "DATABASE_URL", "FACT_CHECK_DEADLINE_MS", "FORMAT_SPEED", "JUDGE_BY_LLM", "PORT", "RENDER",
    "SUMMARISE_BY_LLM",
)  # fmt: skip
# What the test run itself is told by.
KEPT_NAMES = ("SAGE_REQUIRE_SERVICES",)
# A thread of these outlives a test by design of its library: pools that are joined when the interpreter ends.
SHARED_THREADS = ("asyncio_", "ThreadPoolExecutor", "AnyIO worker thread", "pytest_timeout", "shared-")
SECONDS_TO_END = 2.0


def cleared_names(environment: dict[str, str]) -> list[str]:
    """The variables of `environment` that no test may inherit."""
    return [
        name
        for name in environment
        if name not in KEPT_NAMES and (name.startswith(CLEARED_PREFIXES) or name in CLEARED_NAMES)
    ]


# Also before collection: a module that reads its settings on import sees the same cleared environment.
for _name in cleared_names(dict(os.environ)):
    del os.environ[_name]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """A failure on a machine whose cores were taken away meanwhile is no failure yet (tests/starvation.py)."""
    terminal = item.config.pluginmanager.get_plugin("terminalreporter")
    run_test(item, nextitem, terminal.write_line if terminal is not None else print)
    return True


@pytest.fixture(autouse=True)
def no_vendor_in_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins without keys, addresses or a `.env`, whatever the developer's machine has."""
    for name in cleared_names(dict(os.environ)):
        monkeypatch.delenv(name)
    # A test of the `.env` file names one of its own here.
    monkeypatch.setenv("SAGE_ENV_FILE", os.devnull)


@pytest.fixture(autouse=True)
def nothing_left_running(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a thread, a child process or (by `no_task_left`) an asyncio task behind."""
    if iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("no_task_left")
    threads = set(threading.enumerate())
    children = {child.pid for child in psutil.Process().children()}
    yield
    left = [_describe_thread(thread) for thread in _threads_left(threads)]
    new = [child for child in psutil.Process().children() if child.pid not in children]
    left += [_end(child) for child in new if _is_ours(child)]
    if left:
        pytest.fail("left running: " + ", ".join(left), pytrace=False)


@pytest.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Fails an async test whose loop still has tasks a moment after its own fixtures were torn down."""
    yield
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    if tasks:
        # Closing a client ends its reader in the next turns of the loop: that is no leak.
        _, pending = await asyncio.wait(tasks, timeout=SECONDS_TO_END)
        names = [repr(task.get_coro()) for task in pending]
        for task in pending:
            task.cancel()
        if names:
            pytest.fail("asyncio tasks left running: " + ", ".join(names), pytrace=False)


def _threads_left(before: set[threading.Thread]) -> list[threading.Thread]:
    begun = [
        thread
        for thread in threading.enumerate()
        if thread not in before and not thread.daemon and not thread.name.startswith(SHARED_THREADS)
    ]
    deadline = time.monotonic() + SECONDS_TO_END
    for thread in begun:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [thread for thread in begun if thread.is_alive()]


def _describe_thread(thread: threading.Thread) -> str:
    return f"thread {thread.name}"


def _is_ours(child: psutil.Process) -> bool:
    """Not the two processes that `multiprocessing` starts once and keeps for the interpreter's life."""
    try:
        if child.status() == psutil.STATUS_ZOMBIE:
            return False
        command = " ".join(child.cmdline())
    except psutil.NoSuchProcess:
        return False
    return "multiprocessing.resource_tracker" not in command and "multiprocessing.forkserver" not in command


def _end(child: psutil.Process) -> str:
    try:
        description = f"process {child.pid} ({' '.join(child.cmdline())[:120]})"
        child.kill()
        child.wait(SECONDS_TO_END)
    except psutil.NoSuchProcess:
        description = f"process {child.pid} (gone)"
    return description
