"""What `make run` says before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import SettingsError
from launcher.ports import free_ports
from launcher.preflight import NotReachableError, check_reachable, checked_settings
from settings import load_settings


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "env"
    monkeypatch.setenv("SAGE_ENV_FILE", str(file))
    return file


def test_all_problems_are_said_at_once_those_of_links_and_personas_too(env_file: Path) -> None:
    env_file.write_text("PORT=many\nSTT_CHAIN=deepgarm\nMODERATOR_PERSONA=boss\n")
    with pytest.raises(SettingsError) as refusal:
        checked_settings(print)
    assert {problem.variable for problem in refusal.value.problems} == {
        "PORT",
        "STT_CHAIN",
        "MODERATOR_PERSONA",
    }
    assert "deepgram" in str(refusal.value)
    assert "time-keeper" in str(refusal.value)


def test_misspelt_names_and_a_documents_examples_are_named(env_file: Path) -> None:
    env_file.write_text("OPENAI_API_KEYS=abc\nLIVEKIT_URL=wss://your-project.livekit.cloud\n")
    said: list[str] = []
    settings = checked_settings(said.append)
    assert not settings.livekit_url
    assert any("OPENAI_API_KEYS" in line and "OPENAI_API_KEY?" in line for line in said)
    assert any("LIVEKIT_URL is a document's example" in line for line in said)


def test_a_server_that_does_not_answer_is_named_at_once(env_file: Path) -> None:
    env_file.write_text("")
    url = f"ws://127.0.0.1:{free_ports(1)[0]}"
    settings = load_settings(livekit_url=url, livekit_api_key="key-of-mine", livekit_api_secret="s" * 40)
    with pytest.raises(NotReachableError, match=f"{url}.*does not answer"):
        check_reachable(settings)
