"""The doctor asks each link of each chain one real question: the real plugins, against simulators and their faults."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import replace

import pytest

from doctor import links
from doctor.findings import Finding, cleaned
from doctor.machine import INSTALL
from errors import SettingsError
from logs import Redactor
from providers.chains import ChainPlan
from providers.registry import find_link
from settings import TABLE, Settings, load_settings
from simulators.engines import load_engines
from simulators.faults import Fault
from simulators.fleet import Fleet

PATIENCE = 30.0  # for what answers, however busy the machine is
SHORT = 3.0  # for what hangs: time alone ends it
VENDORS = {
    "stt": ("deepgram", "openai", "voxtral"),
    "llm": ("perplexity", "openai", "cerebras", "ollama"),
    "tts": ("cartesia", "openai", "chatterbox"),
}
ALL = [(kind, name) for kind, names in VENDORS.items() for name in names]
STATUSES = {
    Fault.UNAUTHORIZED: "401",
    Fault.PAYMENT_REQUIRED: "402",
    Fault.NOT_FOUND: "404",
    Fault.RATE_LIMITED: "429",
}
HANGING = (Fault.HANGS_AT_CONNECT, Fault.SAYS_NOTHING)
VARIABLE = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")


@pytest.fixture(scope="module", autouse=True)
def engines() -> None:
    """What is said and heard is the simulators' and the doctor's alike; loading it is nobody's answer time."""
    asyncio.run(load_engines())
    assert links.speech() is not None


@asynccontextmanager
async def clinic(*vendors: str) -> AsyncIterator[tuple[Fleet, Settings]]:
    """Simulators of `vendors`, and settings whose chains are all the links that they have, each in its kind."""
    async with Fleet(*vendors) as fleet:
        chains = {
            f"{kind}_chain": [name for name in names if name in vendors] or ["local"]
            for kind, names in VENDORS.items()
        }
        yield fleet, load_settings(**fleet.settings(), **chains)


async def found_by(settings: Settings, seconds: float = PATIENCE) -> dict[str, Finding]:
    """The findings by their check; none of them shows a key."""
    findings = await links.check_chains(settings, answer_seconds=seconds)
    assert findings == cleaned(findings, Redactor(settings.secret_values())), (
        "it holds a secret or is too long"
    )
    return {finding.check: finding for finding in findings}


def of_vendors(found: dict[str, Finding]) -> Iterable[tuple[str, Finding]]:
    return ((check, finding) for check, finding in found.items() if not check.endswith(": local"))


@pytest.mark.timeout(120)
async def test_every_healthy_link_answers_with_its_time():
    async with clinic(*{name for _, name in ALL}) as (_, settings):
        found = await found_by(settings)
    assert {f"{kind}: {name}" for kind, name in ALL} <= set(found)
    for check, finding in found.items():
        assert finding.state == "OK", finding
        what = links.FIRST[check.split(":")[0]]  # type: ignore[index]
        assert re.fullmatch(rf"answers, {what} after \d+ ms", finding.detail), finding


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", STATUSES)
async def test_a_status_is_named_with_what_mends_it(fault: Fault):
    async with clinic(*{name for _, name in ALL}) as (fleet, settings):
        for simulator in fleet.simulators.values():
            await simulator.set_fault(fault)
        found = await found_by(settings)
    if fault is Fault.NOT_FOUND:
        assert "OPENAI_TTS_MODEL" in found["tts: openai"].remedy
        assert "OPENAI_STT_MODEL" in found["stt: openai"].remedy
    for check, finding in of_vendors(found):
        kind = check.split(":")[0]
        assert finding.state == ("degraded" if kind == "llm" else "failed"), "nobody hears, nobody speaks"
        assert finding.detail == f"status {STATUSES[fault]}", finding
        named = VARIABLE.findall(finding.remedy)
        assert named, f"{finding} names no setting"
        assert set(named) <= {name.upper() for name in TABLE}, finding


@pytest.mark.timeout(120)
async def test_who_refuses_is_named_with_the_address():
    async with clinic(*{name for _, name in ALL}) as (fleet, settings):
        for simulator in fleet.simulators.values():
            await simulator.set_fault(Fault.REFUSES)
        found = await found_by(settings)
        ports = {name: simulator.port for name, simulator in fleet.simulators.items()}
    for check, finding in of_vendors(found):
        vendor = check.split(": ")[1].split("-")[0]
        assert finding.state != "OK"
        assert f"127.0.0.1:{ports[vendor]}" in finding.remedy, finding
        assert set(VARIABLE.findall(finding.remedy)) <= {name.upper() for name in TABLE}, finding


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", [*HANGING, Fault.KEEPALIVES_ONLY])
async def test_who_says_nothing_is_given_up_in_time(fault: Fault):
    names = {name for _, name in ALL}
    async with clinic(*names) as (fleet, settings):
        for simulator in fleet.simulators.values():
            await simulator.set_fault(fault if fault in simulator.faults else Fault.SAYS_NOTHING)
        async with asyncio.timeout(PATIENCE):  # all side by side, not one after the other
            found = await found_by(settings, SHORT)
    for _, finding in of_vendors(found):
        assert finding.state != "OK", finding
        assert finding.remedy


@pytest.mark.timeout(120)
async def test_a_proxys_page_is_no_answer_and_is_not_logged(caplog: pytest.LogCaptureFixture):
    async with clinic(*{name for _, name in ALL}) as (fleet, settings):
        for simulator in fleet.simulators.values():
            await simulator.set_fault(Fault.NOT_JSON)
        found = await found_by(settings, SHORT)
    for _, finding in of_vendors(found):
        assert finding.state != "OK", finding
        assert "html" not in finding.detail.lower().replace("text/html", ""), "a vendor's own text"
    assert not [record for record in caplog.records if record.name.startswith("livekit")]


@pytest.mark.timeout(120)
async def test_noise_is_no_voice():
    async with clinic("cartesia", "openai") as (fleet, settings):
        for simulator in fleet.simulators.values():
            await simulator.set_fault(Fault.NOT_AUDIO)
        found = await found_by(settings)
    for check in ("tts: cartesia", "tts: openai"):
        assert (found[check].state, found[check].detail) == ("failed", links.NOT_AUDIO)


@pytest.mark.timeout(120)
async def test_one_living_link_is_enough_for_a_voice_and_an_ear():
    async with clinic("cartesia", "openai", "deepgram") as (fleet, settings):
        await fleet["cartesia"].set_fault(Fault.SERVER_ERROR)
        await fleet["deepgram"].set_fault(Fault.OVERLOADED)
        found = await found_by(settings)
    assert (found["tts: cartesia"].state, found["tts: openai"].state) == ("degraded", "OK")
    assert (found["stt: deepgram"].state, found["stt: openai"].state) == ("degraded", "OK")
    assert "TTS_CHAIN" in found["tts: cartesia"].remedy


async def test_a_link_that_follows_another_by_itself_has_its_own_line(monkeypatch: pytest.MonkeyPatch):
    plan = ChainPlan(("openai", "openai-batch", "local"), ("openai",), ("openai",))
    monkeypatch.setattr(links, "plan_chains", lambda _: plan)
    settings = load_settings(openai_api_key="sk-0123456789", stt_chain="deepgram,openai,local")
    checks = [finding.check for finding in await links.check_chains(settings, ask=False)]
    assert checks[:4] == ["stt: deepgram", "stt: openai", "stt: openai-batch", "stt: local"]


async def test_offline_asks_nobody():
    async with clinic(*{name for _, name in ALL}) as (fleet, settings):
        findings = await links.check_chains(settings, ask=False)
        assert {finding.detail for finding in findings} == {"configured, not asked"}
        assert not any(simulator.record.requests_seen for simulator in fleet.simulators.values())


async def test_without_a_local_voice_recognisers_are_only_connected_to(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(links, "speech", lambda: None)
    async with clinic("deepgram", "voxtral") as (fleet, settings):
        await fleet["voxtral"].set_fault(Fault.REFUSES)
        found = await found_by(settings)
        assert fleet["deepgram"].record.sockets_opened == 0
    assert "can be reached; not asked" in found["stt: deepgram"].detail
    assert found["stt: voxtral"].state == "degraded"


async def test_a_question_is_bounded_also_where_nothing_heeds_its_end(monkeypatch: pytest.MonkeyPatch):
    """A plugin that hangs in its answer and again in aclose()."""
    closed = asyncio.Event()

    class Hanging:
        async def aclose(self) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                closed.set()

    async def ask(plugin: Hanging, _seconds: float, _opened: list[object]) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(links, "_build", lambda *_: Hanging())
    monkeypatch.setitem(links._ASK, "llm", ask)
    monkeypatch.setattr(links, "CLOSE_SECONDS", 0.1)
    async with asyncio.timeout(PATIENCE):
        async with clinic("ollama") as (_, settings):
            found = await found_by(settings, 0.1)
    assert found["llm: ollama"].detail == "no answer in time"
    await asyncio.wait_for(closed.wait(), PATIENCE)


async def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
):
    def build(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'livekit.plugins.cartesia'")

    lame = replace(find_link("tts", "cartesia"), build=build)
    monkeypatch.setattr(
        links, "find_link", lambda kind, name: lame if name == "cartesia" else find_link(kind, name)
    )
    async with clinic("cartesia", "openai") as (_, settings):
        found = await found_by(settings)
    assert (found["tts: cartesia"].state, found["tts: cartesia"].remedy) == ("degraded", INSTALL)
    assert found["tts: openai"].state == "OK"


async def test_without_a_persona_voices_are_not_asked(monkeypatch: pytest.MonkeyPatch):
    def broken() -> None:
        raise SettingsError([])

    monkeypatch.setattr(links, "load_registry", broken)
    async with clinic("chatterbox", "ollama") as (fleet, settings):
        found = await found_by(settings)
        assert not fleet["chatterbox"].record.requests_seen
    assert "persona" in found["tts: chatterbox"].detail
    assert found["llm: ollama"].state == "OK"


def test_loading_what_links_need_asks_nobody():
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        there = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        addresses = {name: there for name in TABLE if name.endswith("_base_url")}
        keys = {f"{name}_api_key": "k-0123456789" for _, name in ALL if f"{name}_api_key" in TABLE}
        chains = {f"{kind}_chain": names for kind, names in VENDORS.items()}
        links.load(load_settings(**addresses, **keys, **chains))
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()
