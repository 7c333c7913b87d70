"""`doctor --explain`: each knob says what it trades, unknown names get near ones, secrets are never shown."""

from __future__ import annotations

import io
import re

import pytest

import doctor
from doctor.explain import UNKNOWN_NAME, as_text, trade_offs
from settings import SECRETS, TABLE, load_settings

SECRET = "mW3nVb9QzLr5TfYc7HdKs1PgXj4EuAo8"
KNOBS = ("Hearing and turns", "Speech", "Chains")


def explained(*names: str) -> tuple[int, str]:
    out = io.StringIO()
    return doctor.main(["--explain", *names], out=out), out.getvalue()


def group_of(name: str) -> object:
    extra = TABLE[name].json_schema_extra
    assert isinstance(extra, dict)
    return extra["group"]


@pytest.mark.parametrize("name", sorted(name for name in TABLE if group_of(name) in KNOBS))
def test_every_knob_says_what_it_trades(name: str):
    texts = dict(trade_offs()[name].texts)
    if TABLE[name].annotation is bool:
        assert {"on", "off"} <= set(texts)
    elif isinstance(TABLE[name].get_default(), tuple):
        assert "trades" in texts
    else:
        assert {"higher", "lower"} <= set(texts)
    assert len(set(texts.values())) == len(texts), "one text says two things"
    assert all(text.endswith(".") for text in texts.values())


def test_trade_offs_are_those_of_settings_and_name_settings_only():
    assert set(trade_offs()) <= set(TABLE)
    metrics = {"P95"}
    for name, trade in trade_offs().items():
        for _, text in trade.texts:
            named = set(re.findall(r"\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b", text)) - metrics
            assert named <= {known.upper() for known in TABLE}, f"{name} names {named}"


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_setting_can_be_explained_on_a_terminal(name: str):
    text = as_text(name, load_settings())
    assert text.startswith(f"{name.upper()}: ")
    assert {"now:", "default:", "may be:"} <= {
        word for line in text.splitlines() for word in [line[2:].split("  ")[0]]
    }
    assert max(len(line) for line in text.splitlines()[1:]) <= 100


def test_the_value_in_use_and_the_default_have_their_unit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CHUNK_MIN_CHARS", "16")
    monkeypatch.setenv("VAD_START_SECS", "0.1")
    code, text = explained("chunk_min_chars", "Vad_Start_Secs")
    assert code == 0
    assert re.search(r"now: +16 characters\n +default: +24 characters", text)
    assert re.search(r"now: +0\.1 s\n +default: +0\.2 s\n +may be: +a number from 0\.01 to 5", text)
    assert text.index("CHUNK_MIN_CHARS") < text.index("VAD_START_SECS")
    assert "raised:" in text
    assert "lowered:" in text


def test_searching_models_are_warned_of():
    assert "sonar-pro" in explained("LLM_ATTEMPT_MS")[1]
    assert "2500 to 4000" in " ".join(explained("LLM_ATTEMPT_MS")[1].split())


def test_a_setting_that_trades_nothing_has_its_meaning_alone():
    code, text = explained("DEBATE_TOPIC")
    assert code == 0
    assert "Topic of a debate" in text
    assert "raised:" not in text


def test_an_unknown_name_gets_the_near_ones_and_a_code_of_its_own():
    code, text = explained("VAD_STRT_SECS", "PORT", "endpoint")
    assert code == UNKNOWN_NAME == 2
    assert "Did you mean VAD_START_SECS" in text
    assert "PORT: Page and API." in text, "the others are explained all the same"
    assert "ENDPOINT_MIN_SILENCE_MS, ENDPOINT_MAX_SILENCE_MS" in text
    assert "docs/settings.md" in explained("QQQQ")[1]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(name.upper(), SECRET)
    code, text = explained(name)
    assert code == 0
    assert SECRET not in text
    assert re.search(r"now: +set\n", text)
