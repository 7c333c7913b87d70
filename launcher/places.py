"""Where the launcher finds and keeps things, and what a child process may inherit of the environment.

The only module of the launcher that reads the environment; settings themselves are settings.py's matter.
Standard library only: the bootstrap uses it before anything is installed.
"""

import os
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
VENV = REPOSITORY / ".venv"
VENV_PYTHON = VENV / "bin" / "python"

# What programs need of a user's session: nothing by which a vendor or a server could be named.
INHERITED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM", "COLORTERM",
    "NO_COLOR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "HF_HOME",
    "HF_HUB_OFFLINE", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PIP_INDEX_URL", "PIP_CERT",
    "PIP_CONFIG_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "GOPROXY", "GOFLAGS", "GOSUMDB", "GOCACHE", "GOMODCACHE", "GOPATH", "OMP_NUM_THREADS", "CI",
)  # fmt: skip


# ONNX Runtime reports its use to its maker unless told otherwise before it is loaded.
SILENT = {"PYTHONUNBUFFERED": "1", "ORT_DISABLE_TELEMETRY": "1"}


def plain_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The least environment a program runs in, with `extra` on top: no key of the developer's, no `.env`."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    kept |= {name: value for name, value in os.environ.items() if name.startswith("LC_")}
    return kept | SILENT | {"SAGE_ENV_FILE": os.devnull} | dict(extra or {})


def whole_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The user's own environment with `extra` on top: for `make run`'s children, and for package clients, whose
    mirrors, proxies and certificates are the user's to set.
    """
    return SILENT | dict(os.environ) | dict(extra or {})


def cache_folder() -> Path:
    """Sage's folder for tools that are built once for all checkouts of a user."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "sage"


def started_by_make() -> bool:
    """Whether a make runs this program as a recipe's line."""
    return bool(os.environ.get("MAKELEVEL"))
