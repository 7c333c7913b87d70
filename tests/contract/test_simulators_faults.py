"""Every fault of every simulator against the real plugins: what each raises, or that it hangs.

The outcomes are the plugins' own (versions of requirements-lock.txt), not what we would wish: docs/simulators.md.
"""

import asyncio
import json
import subprocess
import sys
import urllib.request

import aiohttp
import pytest
from livekit.agents import APIConnectOptions, APIStatusError, utils

from launcher.places import REPOSITORY
from settings import load_settings
from simulators.deepgram import DeepgramSimulator
from simulators.engines import load_engines
from simulators.faults import IN_STREAM, MEANINGS, STATUSES, Fault, FaultSetting, setting_from_json
from simulators.fleet import VENDORS, Fleet
from simulators.observe import HANGS, LINKS, Outcome, faults_of, observe, speech_frames, title_of
from simulators.openai import OpenAISimulator

# Where time ends a request, the plugin's own time-out is short and a hang is one that outlasts it well; everything else
# has all the time that a starved machine may take, as an answer must not be mistaken for a time-out.
SHORT, HANG = 2.0, 5.0
LONG = 45.0
SAID = "The moderator should give the floor to the second speaker now."
ANSWERED = "Thank you, I have heard this: Whose turn is it. Who would like to answer that first?"

STATUS_ERRORS = {str(fault): f"APIStatusError({status})" for fault, status in STATUSES.items()}
HANDSHAKE_ERRORS = dict.fromkeys(STATUS_ERRORS, "WSServerHandshakeError")

BY_TIME = (Fault.UNREACHABLE, Fault.HANGS_AT_CONNECT)

# Fault, or close frame, to how the real plugin ends. "answer" of a cut answer: it is taken for a whole one.
EXPECTED = {
    "deepgram STT": {
        "says-nothing midway": HANGS,
        "none": "answer", "refuses": "APIConnectionError", "unreachable": "APIConnectionError",
        "hangs-at-connect": "APIConnectionError", "says-nothing": HANGS, "keepalives-only": HANGS,
        "slow-drip": "answer", "cut": "APIStatusError(1006)", "ends-early": "APIStatusError(1000)", **STATUS_ERRORS,
        "not-json": HANGS, "error-message": "APIStatusError(1011)", "NET-0001": "APIStatusError(1011)",
        "NET-0000": "APIStatusError(1011)", "DATA-0000": "APIStatusError(1008)",
        "going-away": "APIStatusError(1001)",
    },
    "openai STT": {
        "says-nothing midway": HANGS,
        "none": "answer", "refuses": "ClientConnectorError", "unreachable": "TimeoutError",
        "hangs-at-connect": "TimeoutError", "says-nothing": HANGS, "keepalives-only": HANGS, "slow-drip": HANGS,
        "cut": "APIStatusError(1006)", "ends-early": "APIStatusError(1000)", **HANDSHAKE_ERRORS, "not-json": HANGS,
        "error-message": "APIError", "session-expired": "APIStatusError(1001)",
        "internal-error": "APIStatusError(1011)", "invalid-api-key": "APIStatusError(3000)",
        "invalid-model": "APIStatusError(4000)",
    },
    "voxtral STT (batch)": {
        "says-nothing midway": HANGS,
        "none": "answer", "refuses": "APIConnectionError", "unreachable": "APITimeoutError",
        "hangs-at-connect": HANGS, "says-nothing": HANGS, "slow-drip": "answer", "cut": "APIConnectionError",
        "ends-early": "APIConnectionError", **STATUS_ERRORS, "not-json": "APIConnectionError",
    },
    "perplexity LLM": {
        "says-nothing midway": "APITimeoutError",
        "none": "answer", "refuses": "APIConnectionError", "unreachable": "APITimeoutError",
        "hangs-at-connect": "APITimeoutError", "says-nothing": "APITimeoutError", "keepalives-only": HANGS,
        "slow-drip": HANGS, "cut": "APIConnectionError", "ends-early": "answer", **STATUS_ERRORS,
        "not-json": "nothing", "error-message": "APIConnectionError",
    },
    "openai LLM": {
        "says-nothing midway": "APITimeoutError",
        "none": "answer", "refuses": "APIConnectionError", "unreachable": "APITimeoutError",
        "hangs-at-connect": "APITimeoutError", "says-nothing": "APITimeoutError", "keepalives-only": HANGS,
        "slow-drip": HANGS, "cut": "APIConnectionError", "ends-early": "answer", **STATUS_ERRORS,
        "not-json": "nothing", "error-message": "APIConnectionError",
    },
    "cartesia TTS": {
        "says-nothing midway": "APITimeoutError",
        "none": "answer", "refuses": "APIConnectionError", "unreachable": "APITimeoutError",
        "hangs-at-connect": "APITimeoutError", "says-nothing": "APITimeoutError", "keepalives-only": HANGS,
        "slow-drip": HANGS, "cut": "APIStatusError(1006)", "ends-early": "APIStatusError(1000)", **STATUS_ERRORS,
        "not-json": "APIConnectionError", "not-audio": "answer", "error-message": "APIError",
        "idle": "APIStatusError(1000)", "internal-error": "APIStatusError(1011)",
        "going-away": "APIStatusError(1001)", "restarting": "APIStatusError(1012)",
    },
    "cartesia TTS (synthesize)": {
        "says-nothing midway": HANGS,
        "none": "answer", "refuses": "APIConnectionError", "unreachable": "APITimeoutError",
        "hangs-at-connect": HANGS, "says-nothing": HANGS, "slow-drip": HANGS, "cut": "APIConnectionError",
        "ends-early": "answer", **STATUS_ERRORS, "not-json": "answer", "not-audio": "answer",
    },
    "openai TTS": {
        "says-nothing midway": HANGS,
        "none": "answer", "refuses": "APIConnectionError", "unreachable": "APITimeoutError",
        "hangs-at-connect": HANGS, "says-nothing": HANGS, "keepalives-only": HANGS, "slow-drip": HANGS,
        "cut": "APIConnectionError", "ends-early": "answer", **STATUS_ERRORS, "not-json": "answer",
        "not-audio": "answer", "error-message": "APIError",
    },
    "chatterbox TTS": {
        "says-nothing midway": HANGS,
        "none": "answer", "refuses": "APIConnectionError", "unreachable": "APITimeoutError",
        "hangs-at-connect": HANGS, "says-nothing": HANGS, "slow-drip": HANGS, "cut": "APIConnectionError",
        "ends-early": "answer", **STATUS_ERRORS, "not-json": "APIError", "not-audio": "APIError",
    },
}  # fmt: skip


async def outcomes(link: str) -> dict[str, Outcome]:
    """All faults of a link: those that time ends all at once, as they only wait, the others a few at a time."""
    await load_engines()
    await speech_frames()
    places = asyncio.Semaphore(3)

    async def observed(setting: FaultSetting) -> tuple[str, Outcome]:
        title = title_of(setting)
        expected = EXPECTED[link][title]
        if expected in (HANGS, "APITimeoutError", "TimeoutError") or setting.fault in BY_TIME:
            limit = HANG if expected == HANGS else LONG
            return title, await observe(link, setting, timeout=SHORT, limit=limit)
        async with places:
            return title, await observe(link, setting, timeout=LONG, limit=LONG)

    return dict(await asyncio.gather(*map(observed, faults_of(link))))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("link", LINKS)
async def test_each_fault_ends_the_plugin_as_it_really_does(link):
    seen = await outcomes(link)
    assert {fault: outcome.end for fault, outcome in seen.items()} == EXPECTED[link]
    for fault, outcome in seen.items():
        if outcome.end.startswith(("APIStatusError(4", "APIStatusError(5")) and fault in STATUS_ERRORS:
            assert not outcome.got
    if LINKS[link].kind == "stt":
        assert seen["none"].got == SAID
    if LINKS[link].kind == "llm":
        assert seen["cut"].got.startswith(seen["says-nothing midway"].got)
        assert seen["none"].got.replace("[1][2]", "") == ANSWERED
        assert seen["cut"].got
        assert ANSWERED.replace(" ", "").startswith(seen["cut"].got.replace(" ", ""))
        assert len(seen["ends-early"].got) < len(ANSWERED), "cut, and nothing says so"


@pytest.mark.parametrize("link", ["deepgram STT", "openai LLM", "cartesia TTS", "openai TTS"])
async def test_the_plugins_drop_retry_after_so_who_obeys_it_must_read_it_from_the_client(link):
    got: list[str] = []
    async with VENDORS[LINKS[link].name]() as simulator, utils.http_context.open():
        plugin = await LINKS[link].build(simulator)
        await simulator.set_fault(Fault.RATE_LIMITED, retry_after=0.5)
        with pytest.raises(APIStatusError) as refused:
            await LINKS[link].ask(plugin, APIConnectOptions(max_retry=0, timeout=10.0), got.append)
        await plugin.aclose()
    problem: BaseException | None = refused.value
    assert refused.value.status_code == 429
    while problem is not None:
        assert not hasattr(problem, "response")
        assert not hasattr(problem, "headers")
        problem = problem.__cause__ or problem.__context__


def test_every_fault_is_documented_and_every_link_names_its_faults():
    assert set(MEANINGS) == set(Fault)
    assert set(EXPECTED) == set(LINKS)
    for vendor in VENDORS.values():
        assert vendor.faults <= set(Fault)
        assert (Fault.CLOSES in vendor.faults) == bool(vendor.closes)
        assert {Fault.NONE, Fault.REFUSES, Fault.CUT, *STATUSES} <= vendor.faults
    assert not IN_STREAM & set(STATUSES)


async def test_a_fault_that_a_vendor_does_not_have_is_refused_with_those_it_has():
    simulator = DeepgramSimulator()
    with pytest.raises(ValueError, match="deepgram has no fault not-audio; it has none, refuses"):
        await simulator.set_fault(Fault.NOT_AUDIO)
    with pytest.raises(ValueError, match="closes with NET-0001"):
        await simulator.set_fault(Fault.CLOSES, close="NET-9999")


@pytest.mark.parametrize(
    "body", [[], {}, {"fault": "no"}, {"fault": "cut", "when": 1}, {"fault": "cut", "after": "x"}]
)
def test_a_setting_that_cannot_be_read_is_refused(body):
    with pytest.raises(ValueError, match=r"send|no fault|must be a number"):
        setting_from_json(body)


async def post_chat(session: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
    return await session.post(f"{url}/chat/completions", json=body, headers={"Authorization": "Bearer a-key"})


async def test_a_fault_may_last_for_some_requests_and_may_be_of_one_path():
    async with OpenAISimulator() as openai, aiohttp.ClientSession() as session:
        await openai.set_fault(Fault.RATE_LIMITED, times=2, retry_after=0.25)
        limited = [await post_chat(session, openai.base_url) for _ in range(3)]
        assert [answer.status for answer in limited] == [429, 429, 200]
        assert limited[0].headers["Retry-After"] == "0.25"
        assert openai.fault.fault is Fault.NONE
        await openai.set_fault(Fault.RATE_LIMITED_WITHOUT_HINT)
        assert "Retry-After" not in (await post_chat(session, openai.base_url)).headers
        await openai.set_fault(Fault.SERVER_ERROR, path="/v1/audio")
        assert (await post_chat(session, openai.base_url)).status == 200
        assert openai.record.strikes == 3


async def test_refusing_cuts_what_is_connected_and_healing_listens_on_the_same_port():
    async with OpenAISimulator() as openai, aiohttp.ClientSession() as session:
        assert (await post_chat(session, openai.base_url)).status == 200
        for fault in (Fault.REFUSES, Fault.UNREACHABLE):
            await openai.set_fault(fault)
            with pytest.raises((aiohttp.ClientError, TimeoutError)):
                async with asyncio.timeout(0.5):
                    await post_chat(session, openai.base_url)
            await openai.heal()
            assert (await post_chat(session, openai.base_url)).status == 200


async def test_a_fault_strikes_a_socket_that_is_open():
    async with DeepgramSimulator() as deepgram, aiohttp.ClientSession() as session:
        url = f"{deepgram.base_url}/v1/listen?encoding=linear16&sample_rate=16000"
        ws = await session.ws_connect(url, headers={"Authorization": "Token a-key"})
        assert deepgram.record.sockets_open == 1
        await deepgram.set_fault(Fault.CLOSES, close="DATA-0000")
        message = await ws.receive(timeout=30.0)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)
        await deepgram.heal()
        again = await session.ws_connect(url, headers={"Authorization": "Token a-key"})
        await deepgram.set_fault(Fault.SERVER_ERROR, reset_open=True)
        assert (await again.receive(timeout=30.0)).type is aiohttp.WSMsgType.CLOSED
        assert again.close_code == 1006
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url, headers={"Authorization": "Token a-key"})
        assert deepgram.record.sockets_opened == 2


async def test_other_processes_set_faults_and_read_records_by_the_control_port():
    async with Fleet("openai", "deepgram", seed=3) as fleet, aiohttp.ClientSession() as session:
        control = f"{fleet.control_url}/openai"
        await post_chat(session, fleet["openai"].base_url)
        async with session.put(f"{control}/_fault", json={"fault": "refuses"}) as answer:
            assert (await answer.json())["fault"] == "refuses"
        with pytest.raises(aiohttp.ClientError):
            await post_chat(session, fleet["openai"].base_url)
        async with session.get(f"{control}/_record") as answer:
            record = await answer.json()
        assert (record["requests_seen"], record["requests"][0]["status"]) == (1, 200)
        async with session.put(f"{control}/_fault", json={"fault": "not-a-fault"}) as answer:
            assert answer.status == 400
            assert "hangs-at-connect" in await answer.text()
        async with session.put(f"{control}/_fault", json={"fault": "none", "reset_open": True}) as answer:
            assert answer.status == 200
        async with session.put(f"{control}/_latency", json={"profile": "medians"}) as answer:
            assert answer.status == 200
        assert fleet["openai"].latencies.draw("llm_first_token") == pytest.approx(0.180)
        for heard in (["one", "two"], ["three"]):
            async with session.put(f"{control}/_script", json={"heard": heard}) as answer:
                assert answer.status == 200
        assert list(fleet["openai"].script_heard) == ["three"]
        assert fleet.environment()["DEEPGRAM_BASE_URL"] == fleet["deepgram"].base_url


@pytest.mark.timeout(150)
def test_all_vendors_run_from_the_command_line_until_they_are_told_to_end():
    command = [sys.executable, "-m", "simulators", "--all", "--latency", "instant"]
    child = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].startswith("SIMULATORS_CONTROL_URL="):
            lines.append(child.stdout.readline().strip())
            assert lines[-1], "it ended"
        environment = dict(line.split("=", 1) for line in lines)
        control = environment.pop("SIMULATORS_CONTROL_URL")
        load_settings(**{name.lower(): value for name, value in environment.items()})
        with urllib.request.urlopen(f"{control}/cartesia/_fault", timeout=30.0) as answer:
            assert json.load(answer)["fault"] == "none"
    finally:
        child.terminate()
        rest = child.communicate(timeout=60.0)[0]
    assert (child.returncode, rest) == (0, "")
    names = {name for name in environment if name.endswith(("_BASE_URL", "_HOST"))}
    assert names == {
        "DEEPGRAM_BASE_URL", "OPENAI_BASE_URL", "PERPLEXITY_BASE_URL", "CEREBRAS_BASE_URL", "CARTESIA_BASE_URL",
        "VOXTRAL_HOST", "CHATTERBOX_HOST", "OLLAMA_HOST",
    }  # fmt: skip


async def test_a_key_that_is_wrong_or_missing_is_refused_and_none_is_kept():
    async with DeepgramSimulator(key="the-right-key") as deepgram, utils.http_context.open() as session:
        url = f"{deepgram.base_url}/v1/listen"
        for header in ({}, {"Authorization": "Token another-key"}, {"Authorization": "the-right-key"}):
            async with session.post(url, data=b"", headers=header) as answer:
                assert (answer.status, (await answer.json())["err_code"]) == (401, "INVALID_AUTH")
        headers = {"Authorization": "Token the-right-key"}
        async with session.post(f"{url}?token=another-secret", data=b"", headers=headers) as answer:
            assert answer.status == 400
        kept = repr(deepgram) + repr(deepgram.record) + str(deepgram.record.as_json())
        assert "right-key" not in kept
        assert "another" not in kept
