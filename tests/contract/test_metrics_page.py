"""The worker's metrics page adds up what all of its processes counted, those that are gone included."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from launcher.places import REPOSITORY

pytestmark = pytest.mark.timeout(120)

REASON = "ready"  # of the turn that metered_worker.py tells of
TURNS = f'sage_turns_total{{reason="{REASON}"}}'
E2E = "sage_turn_e2e_first_audio_seconds"
LIVE = re.compile(r'^sage_link_up\{kind="llm",link="of-(\d+)"\} 0\.0$', re.MULTILINE)


class Page:
    """What the worker's address answers."""

    def __init__(self, address: str, client: httpx.AsyncClient) -> None:
        self._address = address
        self._client = client
        self.text = ""

    def value(self, series: str) -> float | None:
        found = re.search(rf"^{re.escape(series)} (\S+)$", self.text, re.MULTILINE)
        return float(found[1]) if found is not None else None

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Asked again and again: another process has no event for us."""
        async with asyncio.timeout(60):
            while True:
                self.text = (await self._client.get(self._address)).raise_for_status().text
                if is_so():
                    return
                await asyncio.sleep(0.1)


def _folders(place: Path) -> list[str]:
    return [folder.name for folder in place.glob("sage-metrics-*")]


def _files(place: Path) -> list[Path]:
    return list(place.glob("sage-metrics-*/*.db"))


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    environment = {
        **os.environ,
        "WORKER_HEALTH_PORT": "0",
        "WORKER_METRICS_PORT": "0",
        "STT_CHAIN": "local",
        "LLM_CHAIN": "local",
        "TTS_CHAIN": "local",
        "TMPDIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "tests.contract.metered_worker"]
    pipe = asyncio.subprocess.PIPE
    worker = await asyncio.create_subprocess_exec(
        *command, cwd=REPOSITORY, env=environment, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        address = ""
        while not address.startswith("metrics: "):
            line = await worker.stdout.readline()
            assert line, "the worker ended"
            address = line.decode().strip()
        async with httpx.AsyncClient() as client:
            yield Page(address.removeprefix("metrics: "), client)
    finally:
        worker.stdin.close()
        try:
            async with asyncio.timeout(30):
                await worker.communicate()
        finally:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()
    assert worker.returncode == 0
    assert _folders(tmp_path) == []


async def test_processes_add_up_on_one_page_and_the_dead_stay_counted(page: Page, tmp_path: Path) -> None:
    await page.until(lambda: page.value(TURNS) == 2)
    assert page.value(f'{E2E}_count{{reason="{REASON}"}}') == 2
    assert page.value(f'{E2E}_sum{{reason="{REASON}"}}') == pytest.approx(1.0)
    assert page.value(f'{E2E}_bucket{{le="0.4",reason="{REASON}"}}') == 0
    assert page.value(f'{E2E}_bucket{{le="0.5",reason="{REASON}"}}') == 2
    assert page.value('sage_turn_llm_ttft_seconds_bucket{le="0.2",link="shared"}') == 2
    assert page.value('sage_link_up{kind="llm",link="shared"}') == 1
    assert "a-room" not in page.text
    # the main process counts too
    await page.until(lambda: "lk_agents_worker_load{" in page.text)

    dead, other = LIVE.findall(page.text)
    os.kill(int(dead), signal.SIGKILL)
    await page.until(lambda: page.value(TURNS) == 3 and dead not in LIVE.findall(page.text))
    assert other in LIVE.findall(page.text)
    assert page.value(f'{E2E}_count{{reason="{REASON}"}}') == 3
    assert [path.name for path in _files(tmp_path) if dead in path.name] == []
