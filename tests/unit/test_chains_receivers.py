"""Who receives what is said, as the page names them: by the plan, in its order, nobody on this machine."""

from __future__ import annotations

import json

import pytest

from providers.chains import ChainPlan, plan_chains
from providers.chains.receivers import receivers
from providers.registry import KINDS, find_link, known_links
from settings import Settings, load_settings

KEYS = {
    f"{vendor}_api_key": f"{vendor}-key-that-is-long-enough"
    for vendor in ("openai", "perplexity", "deepgram", "cartesia", "cerebras")
}
OWN = ("voxtral", "chatterbox", "ollama")


def planned(**overrides: object) -> dict[str, list[str]]:
    settings = load_settings(**overrides)
    found: dict[str, list[str]] = json.loads(receivers(plan_chains(settings), settings).as_json())
    assert set(found) == {"audio", "text", "voice", "checks"}
    return found


def test_without_keys_nobody_receives_anything():
    assert planned() == {"audio": [], "text": [], "voice": [], "checks": []}


def test_the_default_chains_name_their_companies_in_order():
    assert planned(**KEYS) == {
        "audio": ["Deepgram", "OpenAI"],
        "text": ["Perplexity", "OpenAI"],
        "voice": ["Cartesia", "OpenAI"],
        "checks": ["Perplexity"],
    }


def test_who_checks_claims_is_named_though_the_chain_asks_somebody_else():
    found = planned(**KEYS, llm_chain="cerebras", perplexity_base_url="https://proxy.test")
    assert (found["text"], found["checks"]) == (["Cerebras"], ["Perplexity at proxy.test"])


def test_what_was_left_out_receives_nothing():
    found = planned(**KEYS | {"deepgram_api_key": None, "perplexity_api_key": ""})
    assert (found["audio"], found["text"]) == (["OpenAI"], ["OpenAI"])
    assert planned(**KEYS, local_audio_only=True)["audio"] == []


def test_the_order_is_the_chains_and_this_machine_is_nobody():
    chains = {"stt_chain": "local,openai", "llm_chain": "openai,cerebras,local", "tts_chain": "local"}
    assert planned(**KEYS | {"perplexity_api_key": ""}, **chains) == {
        "audio": ["OpenAI"],
        "text": ["OpenAI", "Cerebras"],
        "voice": [],
        "checks": [],
    }


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "127.8.8.8"])
def test_servers_on_this_machine_are_nobody(address: str):
    chains = {"stt_chain": "voxtral", "llm_chain": "ollama", "tts_chain": "chatterbox"}
    hosts = {f"{name}_host": address for name in OWN}
    assert planned(**chains, **hosts) == {"audio": [], "text": [], "voice": [], "checks": []}


def test_servers_elsewhere_are_named_by_what_they_are_and_where():
    chains = {"stt_chain": "voxtral", "llm_chain": "ollama", "tts_chain": "chatterbox"}
    hosts = {"voxtral_host": "10.0.0.7", "ollama_host": "gpu.test:11434"}
    found = planned(**chains, **hosts, chatterbox_base_url="https://voice.test/v1")
    assert found == {
        "audio": ["Voxtral at 10.0.0.7"],
        "text": ["Ollama at gpu.test"],
        "voice": ["Chatterbox at voice.test"],
        "checks": [],
    }


def test_a_company_is_not_named_for_an_address_that_is_not_its_own():
    found = planned(**KEYS, openai_base_url="https://proxy.test/v1", deepgram_base_url="http://127.0.0.1:9")
    assert found["audio"] == ["OpenAI at proxy.test"]
    assert found["text"] == ["Perplexity", "OpenAI at proxy.test"]


def test_two_ways_to_one_company_name_it_once():
    ways = tuple(name for name in known_links("stt") if name.startswith("openai"))
    plan = ChainPlan((*ways, "deepgram", *ways), ("local",), ("local",))
    assert receivers(plan, load_settings(**KEYS)).audio == ("OpenAI", "Deepgram")


def test_every_link_that_sends_anything_away_has_a_name_to_show():
    settings: Settings = load_settings(**KEYS, **{f"{name}_host": f"{name}.test" for name in OWN})
    for kind in KINDS:
        for name in known_links(kind):
            link = find_link(kind, name)
            assert bool(link.company) == (link.address is not None), name
            chains = {other: (name,) if kind == other else ("local",) for other in KINDS}
            plan = ChainPlan(chains["stt"], chains["llm"], chains["tts"])
            shown = receivers(plan, settings)
            assert [len(part) for part in (shown.audio, shown.text, shown.voice)] == [
                int(kind == other and name != "local") for other in KINDS
            ]
