"""The one table of settings: name, default, unit and help together.

It is the only reader of the environment and of `.env`. It knows no vendor's SDK and no link's name: which
links there are is checked by `providers`. `python -m settings` prints the table that docs/settings.md holds.
"""

from __future__ import annotations

import os
import re
import sys
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from errors import Problem, SettingsError
from settings_checks import MIN_SECRET_CHARS, allowed_values, check_together, is_documents_own

HERE = Path(__file__).resolve().parent


def _setting(group: str, default: Any, unit: str, text: str, **limits: Any) -> Any:
    """A row of the table. `unit` is "" where there is none; `limits` are pydantic's ge, le and so on."""
    return Field(default, description=text, json_schema_extra={"group": group, "unit": unit}, **limits)


_livekit = partial(_setting, "LiveKit")
_vendor = partial(_setting, "Vendors")
_chain = partial(_setting, "Chains")
_debate = partial(_setting, "Debates")
_memory = partial(_setting, "Memory")
_web = partial(_setting, "Web service and worker")
_room = partial(_setting, "Capacity and life of a room")
_turn = partial(_setting, "Hearing and turns")
_voice = partial(_setting, "Speech")
_logging = partial(_setting, "Logs and privacy")

Port = Annotated[int, Field(ge=1, le=65535)]
PortOrAny = Annotated[int, Field(ge=0, le=65535)]
Names = Annotated[tuple[str, ...], NoDecode]
Topic = Annotated[str, Field(min_length=1, max_length=500)]
PersonaName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
CollectorUrl = Annotated[str, Field(pattern=r"^https?://[^@\s/]+[^@\s]*$")]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Settings(BaseSettings):
    """Every setting, checked. Secrets are `SecretStr`; read one with `secret("openai_api_key")`."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        case_sensitive=False,
        hide_input_in_errors=True,
        env_file=HERE / ".env",
        env_file_encoding="utf-8",
    )

    livekit_url: str | None = _livekit(
        None, "URL", "LiveKit server; `make run` starts one where it is unset."
    )
    livekit_api_key: SecretStr | None = _livekit(None, "", "API key of the LiveKit server.")
    livekit_api_secret: SecretStr | None = _livekit(None, "", "Its API secret; signs tokens and commands.")

    openai_api_key: SecretStr | None = _vendor(None, "", "OpenAI: speech recognition, language model, voice.")
    openai_base_url: str | None = _vendor(None, "URL", "An address that speaks OpenAI's protocol.")
    openai_model: str = _vendor("gpt-4o-mini", "", "Language model.")
    openai_stt_model: str = _vendor("gpt-4o-mini-transcribe", "", "Speech recognition model.")
    openai_tts_model: str = _vendor("gpt-4o-mini-tts", "", "Voice model.")
    perplexity_api_key: SecretStr | None = _vendor(None, "", "Perplexity: language model with web search.")
    perplexity_base_url: str | None = _vendor(None, "URL", "Unset: Perplexity's own address.")
    perplexity_model: str = _vendor("sonar-pro", "", "Language model; it takes no tools.")
    deepgram_api_key: SecretStr | None = _vendor(None, "", "Deepgram: speech recognition.")
    deepgram_base_url: str | None = _vendor(None, "URL", "Unset: Deepgram's own address.")
    deepgram_model: str = _vendor("nova-3", "", "Speech recognition model.")
    cartesia_api_key: SecretStr | None = _vendor(None, "", "Cartesia: voice.")
    cartesia_base_url: str | None = _vendor(None, "URL", "Unset: Cartesia's own address.")
    cartesia_model: str = _vendor("sonic-3", "", "Voice model.")
    cerebras_api_key: SecretStr | None = _vendor(
        None, "", "Cerebras: language model, fast to its first token."
    )
    cerebras_base_url: str | None = _vendor(None, "URL", "Unset: Cerebras's own address.")
    cerebras_model: str = _vendor("gpt-oss-120b", "", "Language model.")
    voxtral_host: str | None = _vendor(None, "host", "Where vLLM serves Voxtral (speech recognition).")
    voxtral_port: Port = _vendor(8000, "port", "Port of Voxtral.")
    voxtral_base_url: str | None = _vendor(None, "URL", "Instead of host and port, as https://HOST/v1.")
    voxtral_model: str = _vendor(
        "mistralai/Voxtral-Mini-4B-Realtime-2602", "", "Model that its server has loaded."
    )
    chatterbox_host: str | None = _vendor(None, "host", "Where Chatterbox (voice) is served.")
    chatterbox_port: Port = _vendor(8004, "port", "Port of Chatterbox.")
    chatterbox_base_url: str | None = _vendor(None, "URL", "Instead of host and port, as https://HOST/v1.")
    chatterbox_model: str = _vendor("chatterbox", "", "Model that its server has loaded.")
    ollama_host: str | None = _vendor(
        None, "URL", "Ollama or any OpenAI-compatible server; host:port will do."
    )
    ollama_base_url: str | None = _vendor(None, "URL", "Instead of OLLAMA_HOST, as https://HOST/v1.")
    ollama_model: str = _vendor("llama3.2", "", "Language model that Ollama has pulled.")

    stt_chain: Names = _chain(("deepgram", "openai"), "links", "Speech recognition, in order of preference.")
    llm_chain: Names = _chain(("perplexity", "openai"), "links", "Language models, in order of preference.")
    tts_chain: Names = _chain(("cartesia", "openai"), "links", "Voices, in order of preference.")
    local_audio_only: bool = _chain(False, "", "Refuse speech recognition that sends audio to another host.")
    stt_attempt_ms: int = _chain(
        900, "ms", "A link's time for the text of speech that is over.", ge=50, le=60000
    )
    stt_deadline_ms: int = _chain(3000, "ms", "The whole chain's time for it.", ge=50, le=120000)
    stt_hold_secs: float = _chain(
        30.0, "s", "A link's connection is kept so long after speech.", ge=0, le=3600
    )
    llm_attempt_ms: int = _chain(1200, "ms", "A link's time to its first token.", ge=50, le=60000)
    llm_deadline_ms: int = _chain(
        2500, "ms", "The whole chain's time to it; then the playbook answers.", ge=50, le=120000
    )
    tts_attempt_ms: int = _chain(1200, "ms", "A link's time to its first audio.", ge=50, le=60000)
    tts_deadline_ms: int = _chain(
        2500, "ms", "The whole chain's time to it; then the words are shown.", ge=50, le=120000
    )
    fact_check_deadline_ms: int = _chain(
        10000, "ms", "Perplexity's time for one fact check.", ge=50, le=30000
    )

    debate_topic: Topic = _debate("General Discussion", "", "Topic of a debate that was started without one.")
    moderator_persona: PersonaName = _debate(
        "neutral-facilitator", "", "Persona where no other is asked for."
    )

    data_dir: Path = _memory(Path("data"), "folder", "Journals of the debates; relative to the checkout.")
    supabase_url: str | None = _memory(None, "URL", "Supabase project; unset: the journal is all there is.")
    supabase_key: SecretStr | None = _memory(None, "", "Supabase anon key; it may write nothing of ours.")
    supabase_service_role_key: SecretStr | None = _memory(None, "", "Stays in worker and web service.")
    database_url: SecretStr | None = _memory(
        None, "URL", "Supabase's Postgres, for `python -m memory migrate`."
    )
    memory_retention_days: int = _memory(
        0, "days", "Older debates are deleted; 0 keeps them.", ge=0, le=36500
    )

    sage_env: Literal["development", "production"] = _web(
        "development", "", "`production` is strict; see above."
    )
    render: bool = _web(False, "", "Set by Render; makes `production` the default of SAGE_ENV.")
    sage_env_file: Path | None = _web(None, "file", "Instead of the checkout's `.env`; /dev/null for none.")
    port: Port = _web(8000, "port", "Page and API.")
    token_server_port: Port = _web(8081, "port", "`make run` answers `POST /token` here too.")
    worker_host: str = _web(
        "127.0.0.1", "host", "Where health page and metrics listen; 0.0.0.0 lets others reach them."
    )
    worker_health_port: PortOrAny = _web(8082, "port", "The worker's health page; 0 takes any free port.")
    worker_metrics_port: PortOrAny = _web(8083, "port", "The worker's metrics; 0 takes any free port.")
    admin_token: SecretStr | None = _web(None, "", "Bearer token of operators; 16 characters and more.")
    token_ttl_seconds: int = _web(3600, "s", "How long a token is good for.", ge=30, le=86400)
    allowed_origins: Names = _web((), "origins", "Origins that may call the API (CORS), comma-separated.")

    max_concurrent_sessions: int = _room(
        10, "rooms", "Rooms that one worker moderates at once.", ge=1, le=1000
    )
    max_participants: int = _room(100, "people", "People in a room.", ge=2, le=1000)
    agent_idle_timeout_secs: float = _room(
        60.0, "s", "It leaves so long after the last person.", ge=1, le=86400
    )
    agent_empty_timeout_secs: float = _room(300.0, "s", "It leaves when nobody has come.", ge=1, le=86400)
    format_speed: float = _room(
        1.0, "", "Formats are played so many times faster: to rehearse one.", ge=1, le=60
    )

    enable_turn_detection: bool = _turn(
        True, "", "Ask a model whether a speaker is done; false: silence decides."
    )
    judge_by_llm: bool = _turn(
        True, "", "Let the language models judge, in batches, what words alone do not tell."
    )
    summarise_by_llm: bool = _turn(True, "", "Let the language models summarise the parts of a debate.")
    context_tokens: int = _turn(
        3000, "tokens", "What a language model is told before a reply.", ge=1000, le=200_000
    )
    enable_interruptions: bool = _turn(True, "", "The moderator yields when somebody speaks over it.")
    vad_confidence: float = _turn(
        0.6, "probability", "Sound above it is speech; lower hears more.", gt=0, lt=1
    )
    vad_start_secs: float = _turn(
        0.2, "s", "Speech this long has begun; lower: faster barge-in.", ge=0.01, le=5
    )
    vad_stop_secs: float = _turn(0.8, "s", "Silence that splits utterances.", ge=0.05, le=10)
    endpoint_min_silence_ms: int = _turn(300, "ms", "Ends a turn that sounds finished.", ge=0, le=10000)
    endpoint_max_silence_ms: int = _turn(1500, "ms", "Ends any turn.", ge=0, le=30000)
    max_utterance_secs: float = _turn(
        30.0, "s", "Longer utterances are split; no word is lost.", ge=5, le=600
    )

    chunk_min_chars: int = _voice(24, "characters", "Least text for the voice; lower: sooner.", ge=1, le=1000)
    chunk_max_chars: int = _voice(120, "characters", "Most text in one piece.", ge=1, le=5000)
    chunk_max_wait_ms: int = _voice(350, "ms", "Longest wait for more text.", ge=0, le=10000)

    log_transcripts: bool = _logging(False, "", "Write what people say into the logs (personal data).")
    log_level: LogLevel = _logging("INFO", "", "Least level that is logged.")
    otel_exporter_otlp_endpoint: CollectorUrl | None = _logging(
        None, "URL", "OpenTelemetry collector (HTTP) that gets each turn's spans."
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_what_says_nothing(cls, data: Any) -> Any:
        """An empty variable is an unset one, though it still hides the one in `.env`. In development so is a
        document's own `your-...`: as a key it would only fail at the vendor on every turn."""
        values = {k: v for k, v in dict(data).items() if not (isinstance(v, str) and not v.strip())}
        if "sage_env" not in values and str(values.get("render", "")).strip().lower() in {
            "1",
            "true",
            "yes",
            "on",
        }:
            values["sage_env"] = "production"
        if str(values.get("sage_env", "development")).lower() == "development":
            values = {k: v for k, v in values.items() if not is_documents_own(k, v, secret=k in SECRETS)}
        return {k: v.strip() if isinstance(v, str) else v for k, v in values.items()}

    @field_validator("stt_chain", "llm_chain", "tts_chain", "allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("sage_env", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value if value.is_absolute() else HERE / value

    def secret(self, name: str) -> str:
        """The plain value of secret `name` (attribute or variable name), "" where it is not set."""
        value = getattr(self, name.lower())
        return value.get_secret_value() if isinstance(value, SecretStr) else ""

    @classmethod
    def secret_names(cls) -> tuple[str, ...]:
        """Attribute names of every secret."""
        return SECRETS

    def secret_values(self) -> tuple[str, ...]:
        """Every secret that is set and long enough to be found in a text, longest first (for redaction)."""
        found = {self.secret(name) for name in SECRETS}
        return tuple(sorted((v for v in found if len(v) >= MIN_SECRET_CHARS), key=len, reverse=True))

    @property
    def livekit_configured(self) -> bool:
        return bool(self.livekit_url and self.livekit_api_key and self.livekit_api_secret)

    @property
    def livekit_ws_url(self) -> str:
        """LIVEKIT_URL as browsers and the worker need it (ws:// or wss://); "" where it is not set."""
        return re.sub(r"^http", "ws", (self.livekit_url or "").rstrip("/"))

    @property
    def livekit_http_url(self) -> str:
        """LIVEKIT_URL as the server API needs it (http:// or https://); "" where it is not set."""
        return re.sub(r"^ws", "http", (self.livekit_url or "").rstrip("/"))

    @property
    def production(self) -> bool:
        return self.sage_env == "production"


# ONNX Runtime (voice activity, turn detection, the local voice) reports its use to its maker unless told otherwise
# before it is loaded, and both processes come here first. What is said here stays here.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

TABLE: dict[str, FieldInfo] = dict(Settings.model_fields)
SECRETS: tuple[str, ...] = tuple(
    name for name, field in TABLE.items() if SecretStr in get_args(field.annotation)
)


def load_settings(**overrides: Any) -> Settings:
    """Settings from `overrides` (attribute names), the environment, `.env`, in that order.

    Raises SettingsError with all problems.
    """
    settings, problems = check_settings(**overrides)
    if problems:
        raise SettingsError(problems)
    return settings


def check_settings(**overrides: Any) -> tuple[Settings, tuple[Problem, ...]]:
    """As `load_settings`, but never raises: what cannot be used has its default and a Problem."""
    named = os.environ.get("SAGE_ENV_FILE", "").strip()
    problems = [
        Problem(name.upper(), "is no setting", "see docs/settings.md for those there are")
        for name in sorted(set(overrides) - set(TABLE))
    ]
    if named and not Path(named).exists():
        problems.append(
            Problem("SAGE_ENV_FILE", "names a file that is not there", "create it; /dev/null for none")
        )
    bad: dict[str, Any] = {}
    try:
        settings = _read(named, overrides)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False, include_context=False):
            name = str(details["loc"][0]).lower()
            problems += [_misfit(name)] if name not in bad else []
            bad[name] = TABLE[name].get_default()
        settings = _read(named, {**overrides, **bad})
    problems += [problem for problem in check_together(settings) if problem.variable.lower() not in bad]
    return settings, tuple(problems)


def _read(env_file: str, overrides: dict[str, Any]) -> Settings:
    chosen: dict[str, Any] = {"_env_file": env_file} if env_file else {}
    return Settings(**chosen, **overrides)


def names_misspelt_in_file() -> dict[str, str]:
    """Names in `.env` that are no setting but nearly one, with the one that was probably meant."""
    known = [name.upper() for name in TABLE]
    given = [name.upper() for name in dotenv_values(_env_file(), interpolate=False)]
    near = {name: get_close_matches(name, known, 1, cutoff=0.85) for name in given if name not in known}
    return {name: meant[0] for name, meant in near.items() if meant}


def names_of_examples() -> list[str]:
    """Variables that hold a document's own example (`your-...`), which development passes over as not set."""
    given = {**dotenv_values(_env_file(), interpolate=False), **os.environ}
    return sorted(
        name.upper()
        for name, value in given.items()
        if (key := name.lower()) in TABLE and is_documents_own(key, value, secret=key in SECRETS)
    )


def _env_file() -> Path:
    return Path(
        os.environ.get("SAGE_ENV_FILE", "").strip()
        or str(Settings.model_config.get("env_file") or os.devnull)
    )


def _misfit(name: str) -> Problem:
    # Never the value itself: people paste keys into the wrong line.
    return Problem(name.upper(), "cannot be used as it is", f"set it to {allowed_values(name, TABLE[name])}")


def as_markdown() -> str:
    """The table in Markdown, a section a group: name, default, unit, meaning."""
    lines: list[str] = []
    group = ""
    for name, field in TABLE.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        if extra["group"] != group:
            group = str(extra["group"])
            lines += ["", f"## {group}", "", "| Variable | Default | Unit | Meaning |", "|---|---|---|---|"]
        meaning = f"{field.description}{' Secret.' if name in SECRETS else ''}"
        default = f"`{shown}`" if (shown := default_text(name)) else ""
        lines.append(f"| `{name.upper()}` | {default} | {extra['unit']} | {meaning} |")
    return "\n".join(lines).strip() + "\n"


def default_text(name: str) -> str:
    """The default of setting `name` as it would stand in the environment; "" where there is none."""
    default = TABLE[name].get_default()
    if default is None:
        return ""
    if isinstance(default, tuple):
        return ",".join(default)
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
