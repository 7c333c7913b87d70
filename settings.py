"""The one table of settings: name, default, unit and help together, and the rules that hold between them.

It is the only reader of the environment and of `.env`. It knows no vendor's SDK and no link's name: which links there
are is checked by `providers`. `python -m settings` prints the table as docs/settings.md has it.
"""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from errors import Problem, SettingsError

HERE = Path(__file__).resolve().parent

# Values that documents and examples use where a secret belongs; whole values, compared without case.
_PLACEHOLDERS = frozenset(
    "changeme change-me change_me secret devkey apikey api-key api_key password passwd placeholder example test token"
    " dummy none null todo tbd key xxx foo bar sk-... ...".split()
)
_PLACEHOLDER_SHAPE = re.compile(
    r"^(your|my|insert|replace|enter|paste)[-_ ]|^<.*>$|^\W*$|^(.)\2*$|^x{3,}|\.\.\.$", re.I
)
_PLACEHOLDER_URL = re.compile(r"//(your|my|example)[-_.]", re.I)
# Shorter secrets can be guessed, and could not be taken out of a log line without ruining other words in it.
MIN_SECRET_CHARS = 8
MIN_ADMIN_TOKEN_CHARS = 16


def _setting(group: str, default: Any, unit: str, text: str, **limits: Any) -> Any:
    """A row of the table: its group, default, unit ("" for none) and help; `limits` are pydantic's ge, le and so on."""
    return Field(default, description=text, json_schema_extra={"group": group, "unit": unit}, **limits)


_livekit = partial(_setting, "LiveKit")
_vendor = partial(_setting, "Vendors")
_chain = partial(_setting, "Chains")
_debate = partial(_setting, "Debates")
_memory = partial(_setting, "Memory")
_web = partial(_setting, "Web service and worker")
_capacity = partial(_setting, "Capacity and life of a room")
_turn = partial(_setting, "Hearing and turns")
_speech = partial(_setting, "Speech")
_logging = partial(_setting, "Logs and privacy")

Port = Annotated[int, Field(ge=1, le=65535)]
PortOrAny = Annotated[int, Field(ge=0, le=65535)]
Names = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Every setting, checked. Secrets are `SecretStr`; read one with `secret("openai_api_key")`."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        case_sensitive=False,
        hide_input_in_errors=True,
        env_file_encoding="utf-8",
    )

    livekit_url: str | None = _livekit(
        None,
        "URL",
        "LiveKit server (wss://, ws://, https:// or http://). `make run` starts one on this machine where it is not set.",
    )
    livekit_api_key: SecretStr | None = _livekit(None, "", "API key of the LiveKit server.")
    livekit_api_secret: SecretStr | None = _livekit(
        None, "", "API secret of the LiveKit server; signs tokens and commands."
    )

    openai_api_key: SecretStr | None = _vendor(
        None, "", "OpenAI: speech recognition, language model and voice."
    )
    openai_base_url: str | None = _vendor(
        None, "URL", "Another address that speaks OpenAI's protocol; unset: OpenAI's own."
    )
    openai_model: str = _vendor("gpt-4o-mini", "", "OpenAI's language model.")
    openai_stt_model: str = _vendor("gpt-4o-mini-transcribe", "", "OpenAI's speech recognition model.")
    openai_tts_model: str = _vendor("gpt-4o-mini-tts", "", "OpenAI's voice model.")
    perplexity_api_key: SecretStr | None = _vendor(None, "", "Perplexity: language model with web search.")
    perplexity_base_url: str | None = _vendor(None, "URL", "Another address of Perplexity; unset: its own.")
    perplexity_model: str = _vendor("sonar-pro", "", "Perplexity's language model.")
    deepgram_api_key: SecretStr | None = _vendor(None, "", "Deepgram: speech recognition.")
    deepgram_base_url: str | None = _vendor(None, "URL", "Another address of Deepgram; unset: its own.")
    deepgram_model: str = _vendor("nova-3", "", "Deepgram's speech recognition model.")
    cartesia_api_key: SecretStr | None = _vendor(None, "", "Cartesia: voice.")
    cartesia_base_url: str | None = _vendor(None, "URL", "Another address of Cartesia; unset: its own.")
    cartesia_model: str = _vendor("sonic-3", "", "Cartesia's voice model.")
    cerebras_api_key: SecretStr | None = _vendor(
        None, "", "Cerebras: language model with a short time to the first token."
    )
    cerebras_base_url: str | None = _vendor(None, "URL", "Another address of Cerebras; unset: its own.")
    cerebras_model: str = _vendor("gpt-oss-120b", "", "Cerebras's language model.")
    voxtral_host: str | None = _vendor(None, "host", "Host where vLLM serves Voxtral (speech recognition).")
    voxtral_port: Port = _vendor(8000, "port", "Port of Voxtral.")
    voxtral_model: str = _vendor(
        "mistralai/Voxtral-Mini-4B-Realtime-2602", "", "Model that Voxtral's server has loaded."
    )
    chatterbox_host: str | None = _vendor(None, "host", "Host where Chatterbox (voice) is served.")
    chatterbox_port: Port = _vendor(8004, "port", "Port of Chatterbox.")
    chatterbox_model: str = _vendor("chatterbox", "", "Model that Chatterbox's server has loaded.")
    ollama_host: str | None = _vendor(
        None, "URL", "Ollama or another OpenAI-compatible server, as host, host:port or URL."
    )
    ollama_model: str = _vendor("llama3.2", "", "Language model that Ollama has pulled.")

    stt_chain: Names = _chain(
        ("deepgram", "openai"),
        "links",
        "Speech recognition, in order of preference. A link without its key is left out; where none is left, `local`.",
    )
    llm_chain: Names = _chain(
        ("perplexity", "openai"),
        "links",
        "Language models, in order of preference. The playbook, which needs no model, is the silent last one.",
    )
    tts_chain: Names = _chain(("cartesia", "openai"), "links", "Voices, in order of preference.")
    local_audio_only: bool = _chain(
        False, "", "Refuse every speech recognition that sends audio to another host."
    )

    debate_topic: str = _debate(
        "General Discussion",
        "",
        "Topic of a debate that was started without one.",
        min_length=1,
        max_length=500,
    )
    moderator_persona: str = _debate(
        "neutral-facilitator",
        "",
        "Persona of a debate that was started without one.",
        pattern=r"^[a-z0-9][a-z0-9-]{0,63}$",
    )

    data_dir: Path = _memory(
        Path("data"), "folder", "Where the journals of debates are kept; relative to the checkout."
    )
    supabase_url: str | None = _memory(None, "URL", "Supabase project; unset: the journal is all there is.")
    supabase_key: SecretStr | None = _memory(
        None, "", "Supabase anon key; it can read nothing and write nothing of ours."
    )
    supabase_service_role_key: SecretStr | None = _memory(
        None, "", "Supabase service role key; stays in worker and web service."
    )
    memory_retention_days: int = _memory(
        0, "days", "Debates older than this are deleted; 0 keeps them.", ge=0, le=36500
    )

    sage_env: Literal["development", "production"] = _web(
        "development",
        "",
        "`production` refuses placeholder secrets and agent tokens for everybody. On Render (`RENDER=true`) it is the default.",
    )
    render: bool = _web(False, "", "Set by Render itself; makes `production` the default of SAGE_ENV.")
    sage_env_file: Path | None = _web(
        None,
        "file",
        "Another file than `.env` of the checkout; /dev/null for none. Read from the environment only.",
    )
    port: Port = _web(8000, "port", "Page and API.")
    token_server_port: Port = _web(8081, "port", "`make run` answers `POST /token` here too.")
    worker_health_port: PortOrAny = _web(8082, "port", "The worker's health page; 0 takes any free port.")
    worker_metrics_port: PortOrAny = _web(8083, "port", "The worker's metrics; 0 takes any free port.")
    admin_token: SecretStr | None = _web(
        None,
        "",
        f"Bearer token for operators (agent tokens in production); {MIN_ADMIN_TOKEN_CHARS} characters and more.",
    )
    token_ttl_seconds: int = _web(3600, "s", "How long a token is good for.", ge=30, le=86400)
    allowed_origins: Names = _web(
        (),
        "origins",
        "Other origins whose pages may call the API (CORS), comma-separated; `*` in development only.",
    )

    max_concurrent_sessions: int = _capacity(
        10, "rooms", "Rooms that one worker moderates at once.", ge=1, le=1000
    )
    max_participants: int = _capacity(100, "people", "People in a room.", ge=2, le=1000)
    agent_idle_timeout_secs: float = _capacity(
        60.0, "s", "The moderator leaves this long after the last person did.", ge=1, le=86400
    )
    agent_empty_timeout_secs: float = _capacity(
        300.0, "s", "The moderator leaves a room to which nobody has come for this long.", ge=1, le=86400
    )

    enable_turn_detection: bool = _turn(
        True, "", "Judge by a model whether a speaker is done; false leaves that to silence."
    )
    enable_interruptions: bool = _turn(True, "", "The moderator yields when somebody speaks over it.")
    vad_confidence: float = _turn(
        0.6,
        "probability",
        "From which probability on sound is taken for speech; lower hears faster and wrongly more often.",
        gt=0,
        lt=1,
    )
    vad_start_secs: float = _turn(
        0.2, "s", "Speech must last this long to count as begun; lower makes barge-in faster.", ge=0.01, le=5
    )
    vad_stop_secs: float = _turn(0.8, "s", "Silence that splits utterances.", ge=0.05, le=10)
    endpoint_min_silence_ms: int = _turn(
        300, "ms", "Silence after which a turn that sounds finished is over.", ge=0, le=10000
    )
    endpoint_max_silence_ms: int = _turn(1500, "ms", "Silence after which any turn is over.", ge=0, le=30000)
    max_utterance_secs: float = _turn(
        30.0, "s", "Longer utterances are split; no word is lost.", ge=5, le=600
    )

    chunk_min_chars: int = _speech(
        24,
        "characters",
        "Text goes to the voice at punctuation once it is this long; lower speaks sooner.",
        ge=1,
        le=1000,
    )
    chunk_max_chars: int = _speech(
        120, "characters", "Text goes to the voice at this length at the latest.", ge=1, le=5000
    )
    chunk_max_wait_ms: int = _speech(
        350, "ms", "Text goes to the voice after this wait at the latest.", ge=0, le=10000
    )

    log_transcripts: bool = _logging(False, "", "Write what people say into the logs (personal data).")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = _logging(
        "INFO", "", "Least level that is logged."
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_what_says_nothing(cls, data: Any) -> Any:
        """An empty variable is an unset one (it still hides the one in `.env`); so is, in development, a document's
        own `your-...`, which would only fail at the vendor on every turn."""
        values = {k: v for k, v in dict(data).items() if not (isinstance(v, str) and not v.strip())}
        if "sage_env" not in values and str(values.get("render", "")).strip().lower() in {
            "1",
            "true",
            "yes",
            "on",
        }:
            values["sage_env"] = "production"
        if str(values.get("sage_env", "development")).lower() == "development":
            values = {k: v for k, v in values.items() if not _is_documents_own(k, v)}
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

    def secret_values(self) -> tuple[str, ...]:
        """Every secret that is set and long enough to be recognised in a text, longest first (for redaction)."""
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


TABLE: dict[str, FieldInfo] = dict(Settings.model_fields)
SECRETS: tuple[str, ...] = tuple(
    name for name, field in TABLE.items() if SecretStr in get_args(field.annotation)
)


def load_settings(**overrides: Any) -> Settings:
    """Settings from `overrides` (attribute names), then the environment, then `.env`; SettingsError with all problems."""
    settings, problems = check_settings(**overrides)
    if problems:
        raise SettingsError(problems)
    return settings


def check_settings(**overrides: Any) -> tuple[Settings, tuple[Problem, ...]]:
    """As `load_settings`, but never raises: what cannot be used has its default, and a Problem that says so."""
    named = os.environ.get("SAGE_ENV_FILE", "").strip()
    env_file = Path(named) if named else HERE / ".env"
    problems = [
        Problem(name.upper(), "is no setting", "see docs/settings.md for those there are")
        for name in sorted(set(overrides) - set(TABLE))
    ]
    if named and not env_file.exists():
        problems.append(
            Problem("SAGE_ENV_FILE", "names a file that is not there", "create it; /dev/null for none")
        )
    bad: dict[str, Any] = {}
    try:
        settings = _read(env_file, overrides)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False, include_context=False):
            name = str(details["loc"][0]).lower()
            problems += [_misfit(name)] if name not in bad else []
            bad[name] = TABLE[name].get_default()
        settings = _read(env_file, {**overrides, **bad})
    problems += [problem for problem in _between(settings) if problem.variable.lower() not in bad]
    return settings, tuple(problems)


def _read(env_file: Path, overrides: dict[str, Any]) -> Settings:
    return Settings(**{"_env_file": env_file, **overrides})


def _misfit(name: str) -> Problem:
    # Never the value itself: people paste keys into the wrong line.
    return Problem(name.upper(), "cannot be used as it is", f"set it to {allowed_values(name)}")


def allowed_values(name: str) -> str:
    """What may stand in setting `name`, in words: "a whole number from 1 to 65535"."""
    field = TABLE[name]
    bounds = {k: getattr(m, k) for m in field.metadata for k in ("ge", "gt", "le", "lt") if hasattr(m, k)}
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    between = f" from {low:g} to {high:g}" if low is not None and high is not None else ""
    if choices := [c for c in get_args(field.annotation) if isinstance(c, str)]:
        return f"{', '.join(choices[:-1])} or {choices[-1]}"
    if field.annotation is bool:
        return "true or false"
    if field.annotation is int:
        return f"a whole number{between}"
    if field.annotation is float:
        return f"a number{between}"
    if isinstance(field.get_default(), tuple):
        return "names separated by commas"
    if name == "moderator_persona":
        return "the name of a persona: small letters, digits and hyphens, as in personas/"
    return "a text of 1 to 500 characters" if name == "debate_topic" else "a text"


def is_placeholder(value: str) -> bool:
    """Whether `value` is what documents write where a secret belongs ("your-api-key", "changeme", "devkey")."""
    value = value.strip()
    return value.lower() in _PLACEHOLDERS or bool(_PLACEHOLDER_SHAPE.search(value))


def _is_documents_own(name: str, value: Any) -> bool:
    value = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(value, str):
        return False
    if name in SECRETS:
        return bool(re.match(r"^<?your[-_ ]", value.strip(), re.I))
    return name.endswith("_url") and bool(_PLACEHOLDER_URL.search(value))


def _between(settings: Settings) -> list[Problem]:
    """Problems that no single value shows: pairs, orders, and what production does not allow."""
    problems = [
        p for name in TABLE if name.endswith("_url") for p in _check_url(name, getattr(settings, name))
    ]
    problems += _pairs(settings) + (_in_production(settings) if settings.production else [])
    return problems


def _check_url(name: str, value: str | None) -> list[Problem]:
    if value is None:
        return []
    schemes = ("wss", "ws", "https", "http") if name == "livekit_url" else ("https", "http", "wss", "ws")
    right = f"use {schemes[0]}://HOST or {schemes[1]}://HOST:PORT"
    try:
        url = urlsplit(value)
        fits = url.scheme in schemes and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        fits = False
    if not fits:
        return [Problem(name.upper(), "is no address that can be used", right)]
    if url.username or url.password:
        return [
            Problem(
                name.upper(), "carries a user name or a password", f"{right}, keys in their own variables"
            )
        ]
    return []


def _pairs(settings: Settings) -> list[Problem]:
    problems: list[Problem] = []
    trio = ("livekit_url", "livekit_api_key", "livekit_api_secret")
    if settings.livekit_url:
        missing = [name for name in trio[1:] if not getattr(settings, name)]
        problems += [
            Problem(n.upper(), "is missing while LIVEKIT_URL is set", "set it as that server has it")
            for n in missing
        ]
    for low, high in (
        ("endpoint_min_silence_ms", "endpoint_max_silence_ms"),
        ("chunk_min_chars", "chunk_max_chars"),
    ):
        if getattr(settings, low) > getattr(settings, high):
            remedy = f"set it to {getattr(settings, high)} at most, or raise {high.upper()}"
            problems.append(Problem(low.upper(), f"is above {high.upper()}", remedy))
    if settings.worker_health_port == settings.worker_metrics_port != 0:
        problems.append(
            Problem("WORKER_METRICS_PORT", "is also WORKER_HEALTH_PORT", "give each a port of its own")
        )
    for name in ("stt_chain", "llm_chain", "tts_chain"):
        chain = getattr(settings, name)
        if len(set(chain)) != len(chain):
            problems.append(
                Problem(name.upper(), "names a link twice", "name each link once, in order of preference")
            )
    if bool(settings.supabase_url) != bool(settings.supabase_service_role_key):
        lacks = "SUPABASE_SERVICE_ROLE_KEY" if settings.supabase_url else "SUPABASE_URL"
        problems.append(
            Problem(lacks, "is missing for Supabase", "set both, or neither for the journal alone")
        )
    return problems


def _in_production(settings: Settings) -> list[Problem]:
    problems: list[Problem] = []
    for name in ("livekit_url", "livekit_api_key", "livekit_api_secret"):
        if not getattr(settings, name) and (settings.livekit_url is None):
            problems.append(Problem(name.upper(), "is missing", "set it as your LiveKit server has it"))
    for name in SECRETS:
        value = settings.secret(name)
        if value and is_placeholder(value):
            problems.append(
                Problem(name.upper(), "is a placeholder", "set the real value, or unset the variable")
            )
        elif value and len(value) < (
            least := MIN_ADMIN_TOKEN_CHARS if name == "admin_token" else MIN_SECRET_CHARS
        ):
            problems.append(
                Problem(name.upper(), "is too short to be a secret", f"use {least} characters and more")
            )
    for name in TABLE:
        if name.endswith("_url") and _PLACEHOLDER_URL.search(getattr(settings, name) or ""):
            problems.append(
                Problem(name.upper(), "is a document's example", "set your own address, or unset it")
            )
    if "*" in settings.allowed_origins:
        problems.append(Problem("ALLOWED_ORIGINS", "lets every page in", "name the origins, as https://HOST"))
    return problems


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
        shown = default_text(name)
        secret = " (secret)" if name in SECRETS else ""
        lines.append(
            f"| `{name.upper()}` | {f'`{shown}`' if shown else ''} | {extra['unit']} | {field.description}{secret} |"
        )
    return "\n".join(lines).strip() + "\n"


def default_text(name: str) -> str:
    """The default of setting `name` as it would stand in the environment; "" where there is none."""
    default = TABLE[name].get_default()
    if default is None:
        return ""
    if isinstance(default, tuple):
        return ",".join(default)
    return (
        str(default).lower()
        if isinstance(default, bool)
        else f"{default:g}"
        if isinstance(default, float)
        else str(default)
    )


if __name__ == "__main__":
    print(as_markdown(), end="")
