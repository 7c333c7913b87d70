"""The settings table: defaults, all problems at once, placeholders, `.env`, and no secret in its texts."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from errors import Problem, SettingsError
from providers.registry import KINDS, Kind, find_link, known_links
from settings import SECRETS, TABLE, Settings, as_markdown, check_settings, default_text, load_settings
from settings_checks import allowed_values, is_placeholder

ROOT = Path(__file__).resolve().parents[2]
LIVEKIT = {
    "livekit_url": "wss://sage-test.livekit.cloud",
    "livekit_api_key": "APIq8XmPL2xyz",
    "livekit_api_secret": "mW3nVb9QzLr5TfYc7HdKs1PgXj4EuAo8",
}


def problems_of(**overrides: object) -> dict[str, Problem]:
    return {problem.variable: problem for problem in check_settings(**overrides)[1]}


def test_an_empty_environment_is_enough_in_development():
    settings = load_settings()
    assert settings.sage_env == "development"
    assert not settings.livekit_configured
    assert settings.stt_chain == ("deepgram", "openai")
    assert settings.data_dir == ROOT / "data"


@pytest.mark.parametrize("name", sorted(TABLE))
def test_every_setting_has_a_help_and_a_unit_and_a_default_that_is_allowed(name: str):
    extra = TABLE[name].json_schema_extra
    assert isinstance(extra, dict)
    assert TABLE[name].description
    assert isinstance(extra["unit"], str)
    if text := default_text(name):
        assert name.upper() not in problems_of(**{name: text})


def test_the_environment_is_read_and_overrides_win(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("STT_CHAIN", " deepgram , local,")
    assert load_settings().port == 9000
    assert load_settings().stt_chain == ("deepgram", "local")
    assert load_settings(port=9001).port == 9001


def test_a_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "some.env"
    file.write_text("PORT=9100\nOPENAI_API_KEY=sk-of-the-file-1234\nDEBATE_TOPIC='Trams or buses'\n")
    monkeypatch.setenv("SAGE_ENV_FILE", str(file))
    monkeypatch.setenv("PORT", "9200")
    settings = load_settings()
    assert (settings.port, settings.debate_topic) == (9200, "Trams or buses")
    monkeypatch.setenv("OPENAI_API_KEY", "")
    assert load_settings().openai_api_key is None, "an empty variable hides the one in the file"


def test_a_named_file_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("SAGE_ENV_FILE", str(tmp_path / "absent.env"))
    assert "SAGE_ENV_FILE" in problems_of()
    monkeypatch.setenv("SAGE_ENV_FILE", "/dev/null")
    assert not problems_of()


def test_all_problems_are_reported_at_once():
    with pytest.raises(SettingsError) as caught:
        load_settings(
            **LIVEKIT | {"livekit_api_secret": ""},
            port="many",
            vad_confidence=3,
            chunk_min_chars=500,
            endpoint_min_silence_ms=2000,
            sage_env="staging",
            supabase_url="not an address",
            tts_chain="openai,openai",
            worker_metrics_port=8082,
            colour="blue",
        )
    assert {problem.variable for problem in caught.value.problems} == {
        *("PORT", "VAD_CONFIDENCE", "CHUNK_MIN_CHARS", "ENDPOINT_MIN_SILENCE_MS", "SAGE_ENV", "SUPABASE_URL"),
        *("LIVEKIT_API_SECRET", "TTS_CHAIN", "WORKER_METRICS_PORT", "COLOUR"),
    }
    for problem in caught.value.problems:
        assert problem.problem
        assert problem.remedy
        assert str(problem) in str(caught.value)


def test_a_problem_says_what_would_be_right():
    assert problems_of(port="many")["PORT"].remedy == "set it to a whole number from 1 to 65535"
    assert problems_of(sage_env="x")["SAGE_ENV"].remedy == "set it to development or production"
    assert allowed_values("vad_confidence", TABLE["vad_confidence"]) == "a number above 0 and below 1"
    assert allowed_values("log_transcripts", TABLE["log_transcripts"]) == "true or false"


def test_a_broken_setting_leaves_the_others_usable():
    settings, problems = check_settings(port="many", token_server_port=9999)
    assert (settings.port, settings.token_server_port) == (8000, 9999)
    assert [problem.variable for problem in problems] == ["PORT"]


@pytest.mark.parametrize(
    "value",
    [
        *("your-api-key", "your-perplexity-key (optional)", "changeme", "ChangeMe", "secret", "devkey"),
        *("<key>", "xxxxxxxx", "password", "replace_me", "aaaaaaaaaaaa", "...", "sk-..."),
    ],
)
def test_placeholders_are_refused_in_production_only(value: str):
    assert is_placeholder(value)
    assert not problems_of(openai_api_key=value)
    found = problems_of(**LIVEKIT, sage_env="production", openai_api_key=value)
    assert found["OPENAI_API_KEY"].problem == "is a placeholder"


def test_every_secret_is_checked_for_placeholders():
    secrets = dict.fromkeys(SECRETS, "changeme")
    found = problems_of(**LIVEKIT | secrets, sage_env="production")
    assert {name.upper() for name in SECRETS} <= set(found)


@pytest.mark.parametrize("value", ["sk-proj-Vq3bT9xLm2", "mW3nVb9QzLr5TfYc7HdKs1PgXj4EuAo8", "APIq8XmPL2xyz"])
def test_real_secrets_are_no_placeholders(value: str):
    assert not is_placeholder(value)
    assert not problems_of(**LIVEKIT, sage_env="production", deepgram_api_key=value)


def test_the_guides_own_block_is_as_good_as_none_in_development_and_refused_in_production():
    guide = {
        "livekit_url": "wss://your-livekit-server.livekit.cloud",
        "livekit_api_key": "your-api-key",
        "livekit_api_secret": "your-api-secret",
        "openai_api_key": "your-openai-key",
        "supabase_url": "https://your-project.supabase.co",
        "supabase_key": "your-supabase-anon-key",
    }
    settings = load_settings(**guide)
    assert all(getattr(settings, name) is None for name in guide)
    assert {name.upper() for name in guide} == set(problems_of(**guide, sage_env="production"))


def test_production_needs_livekit_and_long_secrets_and_named_origins():
    found = problems_of(sage_env="production", admin_token="short-token", allowed_origins="*")
    assert set(found) == {
        *("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "ADMIN_TOKEN", "ALLOWED_ORIGINS"),
    }
    assert not problems_of(**LIVEKIT, sage_env="production")


def test_render_makes_production_the_default():
    assert load_settings(**LIVEKIT, render="true").production
    assert not load_settings(**LIVEKIT, render="true", sage_env="development").production


@pytest.mark.parametrize(
    ("given", "ws", "http"),
    [
        ("wss://a.livekit.cloud", "wss://a.livekit.cloud", "https://a.livekit.cloud"),
        ("https://a.livekit.cloud/", "wss://a.livekit.cloud", "https://a.livekit.cloud"),
        ("http://127.0.0.1:7880", "ws://127.0.0.1:7880", "http://127.0.0.1:7880"),
        ("ws://127.0.0.1:7880", "ws://127.0.0.1:7880", "http://127.0.0.1:7880"),
    ],
)
def test_the_address_of_livekit_is_normalised(given: str, ws: str, http: str):
    settings = load_settings(**LIVEKIT | {"livekit_url": given})
    assert (settings.livekit_ws_url, settings.livekit_http_url) == (ws, http)


@pytest.mark.parametrize(
    "url", ["livekit.example", "ftp://host", "wss://", "ws://host:0", "ws://host:99999999"]
)
def test_addresses_that_cannot_be_used_are_refused(url: str):
    assert "LIVEKIT_URL" in problems_of(**LIVEKIT | {"livekit_url": url})


def test_an_address_may_not_carry_a_password_and_the_refusal_does_not_repeat_it():
    problem = problems_of(openai_base_url="https://me:hunter2secret@host/v1")["OPENAI_BASE_URL"]
    assert "hunter2secret" not in str(problem)


@pytest.mark.parametrize("name", sorted(set(TABLE) - set(SECRETS)))
def test_a_key_pasted_into_the_wrong_line_is_not_repeated(name: str):
    pasted = "sk-live-0123456789abcdef:\n@@"
    settings, problems = check_settings(**{name: pasted})
    assert not any(pasted in str(problem) for problem in problems)
    assert settings is not None


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


def test_only_settings_reads_the_environment():
    """The launcher and the rehearsal build environments of the processes that they start; nobody else."""
    allowed = {"settings.py", "launcher", "rehearsal", "bench", "tests", "node_modules", "simulators"}
    readers = []
    for file in ROOT.rglob("*.py"):
        part = file.relative_to(ROOT).parts[0]
        if part in allowed or part.startswith("."):
            continue
        nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if any(isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} for node in nodes):
            readers.append(str(file.relative_to(ROOT)))
    assert not readers, f"read the environment in settings.py only: {readers}"


def test_docs_hold_the_table():
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert as_markdown() in text, "paste what `python -m settings` prints"


def test_the_example_file_names_every_setting_with_its_default():
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    found = dict(
        line.lstrip("# ").split("=", 1) for line in lines if "=" in line and line.lstrip("# ")[:1].isupper()
    )
    internal = {"RENDER", "SAGE_ENV_FILE"}  # set by Render; read from the environment only
    assert set(found) == {name.upper() for name in TABLE} - internal
    for name, value in found.items():
        assert value == default_text(name.lower()), f"{name} in .env.example"


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_file_and_the_docs_name_every_known_link(kind: Kind):
    """But for those that follow another by themselves: docs/settings.md has a sentence for each."""
    name = f"{kind.upper()}_CHAIN"
    known = known_links(kind)
    following = {find_link(kind, link).fallback for link in known}
    choices = [link for link in known if link not in following]
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = re.search(rf"^## [^\n]*: ([a-z, -]+)\. \[links\]\n# {name}=", example, re.MULTILINE)
    assert named is not None
    assert sorted(named[1].split(", ")) == choices
    docs = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    listed = re.search(rf"^ +- `{name}`: (.+)$", docs, re.MULTILINE)
    assert listed is not None
    assert sorted(re.findall(r"`([a-z-]+)`", listed[1])) == choices
    assert all(f"`{link}`" in docs for link in known)


def test_defaults_that_the_readme_mentions_are_the_defaults():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    said = re.findall(r"`([A-Z_]+)`\s+\(default ([\d.]+)[;)]", readme)
    assert len(said) >= 3
    assert dict(said) == {name: default_text(name.lower()) for name, _ in said}


def test_a_copy_of_the_example_file_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    without = load_settings()
    monkeypatch.setenv("SAGE_ENV_FILE", str(ROOT / ".env.example"))
    assert load_settings().model_dump(exclude={"sage_env_file"}) == without.model_dump(
        exclude={"sage_env_file"}
    )


def test_secrets_are_the_variables_that_look_like_ones():
    looks = {name for name in TABLE if name.endswith(("_key", "_secret", "admin_token", "database_url"))}
    assert set(SECRETS) == looks
    assert isinstance(load_settings(), Settings)
