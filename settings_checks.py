"""What must hold of settings beyond their types: pairs, orders, addresses, and what production refuses.

It also says in words what a setting may be, and what counts as a placeholder. It reads nothing and raises
nothing: it answers with Problems, which never quote a value, as people paste keys into the wrong line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from errors import Problem

if TYPE_CHECKING:
    from settings import Settings

# Values that documents and examples use where a secret belongs; whole values, compared without case.
# fmt: off
_PLACEHOLDERS = frozenset([
    "changeme", "change-me", "change_me", "secret", "devkey", "apikey", "api-key", "api_key", "password",
    "passwd", "placeholder", "example", "test", "token", "dummy", "none", "null", "todo", "tbd", "key",
])
# fmt: on
_PLACEHOLDER_SHAPE = re.compile(
    r"^(your|my|insert|replace|enter|paste)[-_ ]|^<.*>$|^\W*$|^(.)\2*$|^x{3,}|\.\.\.$", re.IGNORECASE
)
_PLACEHOLDER_URL = re.compile(r"//(your|example)[-_.]", re.IGNORECASE)
# Shorter secrets can be guessed, and could not be taken out of a log line without ruining other words in it.
MIN_SECRET_CHARS = 8
MIN_ADMIN_TOKEN_CHARS = 16


def allowed_values(name: str, field: FieldInfo) -> str:
    """What may stand in setting `name`, in words: "a whole number from 1 to 65535"."""
    bounds = {k: getattr(m, k) for m in field.metadata for k in ("ge", "gt", "le", "lt") if hasattr(m, k)}
    low, high = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
    between = f" from {low:g} to {high:g}" if low is not None and high is not None else ""
    if "gt" in bounds:
        between = f" above {low:g} and below {high:g}"
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
    if name == "otel_exporter_otlp_endpoint":
        return "an address, as http://HOST:4318, without user name or password"
    if name == "moderator_persona":
        return "the name of a persona: small letters, digits and hyphens, as in personas/"
    return "a text of 1 to 500 characters" if name == "debate_topic" else "a text"


def is_placeholder(value: str) -> bool:
    """Whether `value` stands where a secret belongs ("your-api-key", "changeme", "devkey")."""
    value = value.strip()
    return value.lower() in _PLACEHOLDERS or bool(_PLACEHOLDER_SHAPE.search(value))


def is_documents_own(name: str, value: Any, *, secret: bool) -> bool:
    """Whether `value` is copied from the deployment guide: a key `your-...` or the address of an example."""
    value = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(value, str):
        return False
    if secret:
        return bool(re.match(r"^<?your[-_ ]", value.strip(), re.IGNORECASE))
    return name.endswith("_url") and bool(_PLACEHOLDER_URL.search(value))


def check_together(settings: Settings) -> list[Problem]:
    """Problems that no single value shows: pairs, orders, and what production does not allow."""
    problems = [problem for name in _urls(settings) for problem in _check_url(name, getattr(settings, name))]
    return problems + _pairs(settings) + (_in_production(settings) if settings.production else [])


def _urls(settings: Settings) -> list[str]:
    """The settings that are plain addresses; one that carries a password is a secret."""
    fields = type(settings).model_fields
    return [name for name in fields if name.endswith("_url") and name not in settings.secret_names()]


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
        *((f"{kind}_attempt_ms", f"{kind}_deadline_ms") for kind in ("stt", "llm", "tts")),
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
    return problems


def _in_production(settings: Settings) -> list[Problem]:
    problems: list[Problem] = []
    if not settings.livekit_url:
        missing = [
            n for n in ("livekit_url", "livekit_api_key", "livekit_api_secret") if not getattr(settings, n)
        ]
        problems += [
            Problem(n.upper(), "is missing", "set it as your LiveKit server has it") for n in missing
        ]
    for name in settings.secret_names():
        value = settings.secret(name)
        least = MIN_ADMIN_TOKEN_CHARS if name == "admin_token" else MIN_SECRET_CHARS
        if value and is_placeholder(value):
            problems.append(Problem(name.upper(), "is a placeholder", "set the real value, or unset it"))
        elif value and len(value) < least:
            problems.append(Problem(name.upper(), "is too short", f"use {least} characters and more"))
    examples = [name for name in _urls(settings) if _PLACEHOLDER_URL.search(getattr(settings, name) or "")]
    problems += [Problem(n.upper(), "is a document's example", "set your own, or unset it") for n in examples]
    if "*" in settings.allowed_origins:
        problems.append(Problem("ALLOWED_ORIGINS", "lets every page in", "name the origins, as https://HOST"))
    return problems
