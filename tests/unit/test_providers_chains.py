"""Chains are planned from settings alone, and built of real links that never read the environment."""

import subprocess
import sys
from typing import Any

import pytest
from livekit.agents import APIConnectionError, llm, stt, tts

from errors import SettingsError
from personas.registry import load_registry
from providers.chains import log_plan, plan_chains
from providers.chains.attempt import Deadlines
from providers.chains.build import Chains
from providers.registry import KINDS, find_link, known_links, register
from settings import Settings, load_settings

KEYS = {
    f"{vendor}_api_key": f"{vendor}-key-that-is-long-enough"
    for vendor in ("openai", "perplexity", "deepgram", "cartesia", "cerebras")
}
HOSTS = {
    "voxtral_host": "voxtral.test",
    "chatterbox_host": "chatterbox.test",
    "ollama_host": "ollama.test:11434",
}
# Where each link must send its requests, whatever the environment says.
ADDRESSES = {
    "openai": "https://api.openai.com/v1",
    "perplexity": "https://api.perplexity.ai",
    "cerebras": "https://api.cerebras.ai/v1",
    "ollama": "http://ollama.test:11434/v1",
}


def playbook(context: llm.ChatContext) -> str:
    return "Words of the playbook."


def everything(**overrides: object) -> Settings:
    return load_settings(**{**KEYS, **HOSTS, **overrides})


def test_without_any_key_every_chain_ends_in_local_and_names_what_it_left_out():
    plan = plan_chains(load_settings())
    assert (plan.stt, plan.llm, plan.tts) == (("local",), ("local",), ("local",))
    assert [(out.kind, out.name) for out in plan.left_out] == [
        ("stt", "deepgram"), ("stt", "openai"), ("llm", "perplexity"), ("llm", "openai"),
        ("tts", "cartesia"), ("tts", "openai"),
    ]  # fmt: skip
    assert plan.left_out[0].reason == "DEEPGRAM_API_KEY not set"


def test_the_default_chains_are_those_of_the_deployment_guide():
    plan = plan_chains(everything())
    assert (plan.stt, plan.llm, plan.tts) == (
        ("deepgram", "openai", "openai-batch"), ("perplexity", "openai"), ("cartesia", "openai"),
    )  # fmt: skip
    assert plan.left_out == ()


def test_local_is_not_added_where_another_link_is_left():
    plan = plan_chains(load_settings(openai_api_key=KEYS["openai_api_key"]))
    assert (plan.stt, plan.llm, plan.tts) == (("openai", "openai-batch"), ("openai",), ("openai",))
    assert not any(plan.uses_local(kind) for kind in KINDS)


def test_unknown_links_are_refused_all_at_once():
    with pytest.raises(SettingsError) as refused:
        plan_chains(load_settings(stt_chain="deepgrm", llm_chain="openai,gpt", tts_chain="local"))
    assert [problem.variable for problem in refused.value.problems] == ["STT_CHAIN", "LLM_CHAIN"]
    assert "deepgram, local, openai, openai-batch, voxtral" in str(refused.value)


def test_a_name_that_no_vendor_registered_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match="cartesia, chatterbox, local, openai"):
        find_link("tts", "espeak")


def test_a_link_cannot_be_registered_twice():
    with pytest.raises(ValueError, match="registered twice"):
        register("stt", "local")(playbook)


def test_a_fallback_that_is_named_by_itself_stays_where_it_is_named():
    plan = plan_chains(everything(stt_chain="openai-batch,deepgram,openai"))
    assert plan.stt == ("openai-batch", "deepgram", "openai")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.3.4"])
def test_local_audio_only_keeps_recognition_on_this_machine(host):
    plan = plan_chains(
        everything(stt_chain="deepgram,voxtral,local", voxtral_host=host, local_audio_only=True)
    )
    assert plan.stt == ("voxtral", "local")
    assert [(out.name, "api.deepgram.com" in out.reason) for out in plan.left_out] == [("deepgram", True)]


@pytest.mark.parametrize("host", ["voxtral.test", "10.0.0.7", "127.example.com"])
def test_local_audio_only_takes_no_other_machine_for_this_one(host):
    plan = plan_chains(everything(stt_chain="voxtral", voxtral_host=host, local_audio_only=True))
    assert plan.stt == ("local",)
    assert f"LOCAL_AUDIO_ONLY forbids to send audio to {host}" in plan.left_out[0].reason


def test_local_audio_only_takes_a_vendors_own_server_on_this_machine():
    plan = plan_chains(
        everything(
            stt_chain="deepgram,openai", local_audio_only=True, deepgram_base_url="http://localhost:8080"
        )
    )
    assert plan.stt == ("deepgram",)


def test_an_address_does_instead_of_a_host():
    plan = plan_chains(
        load_settings(
            stt_chain="voxtral", voxtral_base_url="https://gpu.test/v1",
            llm_chain="ollama", ollama_base_url="https://gpu.test/v1",
            tts_chain="chatterbox", chatterbox_base_url="https://gpu.test/v1",
        )
    )  # fmt: skip
    assert plan.left_out == ()
    assert plan_chains(load_settings(stt_chain="voxtral")).left_out[0].reason == (
        "VOXTRAL_HOST or VOXTRAL_BASE_URL not set"
    )


def test_planning_imports_no_sdk_and_no_model():
    code = (
        "import sys; from settings import load_settings; from providers.chains import plan_chains;"
        "plan_chains(load_settings());"
        "print([m for m in sys.modules if m.split('.')[0] in"
        " ('livekit', 'openai', 'numpy', 'hibari', 'moonshine_voice', 'onnxruntime')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"


async def test_every_known_link_can_be_built_from_settings(monkeypatch):
    settings, persona = everything(), load_registry().get("time-keeper")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere.test")
    arguments: dict[str, tuple[object, ...]] = {
        "stt": (settings,),
        "llm": (settings, playbook),
        "tts": (settings, persona),
    }
    bases: dict[str, type] = {"stt": stt.STT, "llm": llm.LLM, "tts": tts.TTS}
    for kind in KINDS:
        for name in known_links(kind):
            link: Any = find_link(kind, name).build(*arguments[kind])
            assert bases[kind] in type(link).__mro__
            client: Any = getattr(link, "_client", None)
            if client is not None and name in ADDRESSES:
                assert str(client.base_url).rstrip("/") == ADDRESSES[name]
            await link.aclose()


async def test_vendors_take_their_address_from_the_settings():
    settings = everything(
        deepgram_base_url="http://deepgram.test", perplexity_base_url="http://perplexity.test/v1"
    )
    heard = find_link("stt", "deepgram").build(settings)
    assert heard._opts.endpoint_url == "http://deepgram.test/v1/listen"
    worded = find_link("llm", "perplexity").build(settings, playbook)
    assert str(worded._client.base_url) == "http://perplexity.test/v1/"
    await worded.aclose()


@pytest.fixture
async def chains_of():
    made = []

    def build(**overrides: object) -> Chains:
        settings = load_settings(**overrides)
        made.append(Chains(plan_chains(settings), settings))
        return made[-1]

    yield build
    for chains in made:
        await chains.aclose()


async def test_the_playbook_is_the_last_link_of_every_language_model_chain(chains_of):
    chain = chains_of(**KEYS).llm(playbook)
    assert [link.name for link in chain.links] == ["perplexity", "openai", "local"]
    assert [link.takes_tools for link in chain.links] == [False, True, True]
    await chain.aclose()


async def test_the_playbook_speaks_when_the_model_before_it_is_away(unused_tcp_port_of_nobody, chains_of):
    chains = chains_of(llm_chain="ollama", ollama_host=f"127.0.0.1:{unused_tcp_port_of_nobody}")
    async with chains.llm(playbook) as chain:
        async with chain.chat(chat_ctx=llm.ChatContext.empty()) as stream:
            assert (await stream.collect()).text == "Words of the playbook."


def test_deadlines_are_the_settings_in_seconds(chains_of):
    chains = chains_of(stt_attempt_ms=700, stt_deadline_ms=2100, tts_deadline_ms=9000)
    assert chains.deadlines("stt") == Deadlines(0.7, 2.1)
    assert chains.deadlines("tts").chain == 9.0


def test_an_attempt_longer_than_its_chain_is_refused():
    with pytest.raises(SettingsError, match="LLM_ATTEMPT_MS is above LLM_DEADLINE_MS"):
        load_settings(llm_attempt_ms=5000)


@pytest.fixture
def unused_tcp_port_of_nobody():
    """A loopback port that refuses connections for as long as the test runs."""
    import socket

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


async def test_a_playbook_that_fails_is_reported_as_an_error_of_the_link(chains_of):
    def broken(context: llm.ChatContext) -> str:
        raise KeyError("floor")

    async with chains_of().llm(broken) as chain:
        with pytest.raises(APIConnectionError):
            async with chain.chat(chat_ctx=llm.ChatContext.empty()) as stream:
                await stream.collect()


def test_the_plan_is_logged_without_any_secret(caplog):
    with caplog.at_level("INFO", logger="sage.providers"):
        log_plan(plan_chains(load_settings(openai_api_key=KEYS["openai_api_key"])))
    lines = [str(record.__dict__) for record in caplog.records]
    assert sum("left out" in line for line in lines) == 3
    assert not any(KEYS["openai_api_key"] in line for line in lines)
