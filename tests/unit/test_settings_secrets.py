"""A secret is planted in every secret setting, then everything that Sage prints is searched for it."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

import doctor
import logs
from api.application import create_app
from errors import SettingsError
from settings import SECRETS, TABLE, Settings, check_settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
# With the characters that quoting, JSON and repr spell in their own ways; the core shows up in all spellings.
PLANTED = {name: f"q7/\"Zx'{index:02d}PLANTED{index:02d}\\k+é=" for index, name in enumerate(SECRETS)}
CORES = {name: f"{index:02d}PLANTED{index:02d}" for index, name in enumerate(SECRETS)}
NOWHERE = "ws://127.0.0.1:1"
# The doctor asks vendors with the keys that are set: no planted one may leave this machine.
NO_VENDORS = {name: "http://127.0.0.1:1" for name in TABLE if name.endswith("_base_url")}


def search(text: str) -> list[str]:
    """Which planted secrets stand in `text`."""
    return [name for name, core in CORES.items() if core in text]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    files = {"data_dir": tmp_path, "worker_health_port": 0}
    return load_settings(**PLANTED | NO_VENDORS | files, livekit_url=NOWHERE)


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, threading.excepthook)
    filters = {handler: handler.filters[:] for handler in handlers}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for handler in handlers:
        handler.filters[:] = filters[handler]
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)


def test_the_search_finds_what_is_not_hidden(settings: Settings):
    for name in SECRETS:
        assert search(f"x{settings.secret(name)}x") == [name]
        assert search(json.dumps({"k": settings.secret(name)})) == [name]


def test_no_secret_in_any_text_of_the_settings(settings: Settings):
    for text in (
        repr(settings),
        str(settings),
        f"{settings!r:>10}",
        settings.model_dump_json(),
        repr(vars(settings)),
    ):
        assert not search(text)
    assert not search(repr([getattr(settings, name) for name in SECRETS]))


def test_no_secret_in_the_problems_of_settings():
    for extra in ({"port": "x", "sage_env": "production"}, {"sage_env": "production", "vad_stop_secs": -1}):
        with pytest.raises(SettingsError) as caught:
            load_settings(**PLANTED, **extra)
        error = caught.value
        assert not search(
            f"{error}{error!r}{error.to_problem()}{error.problems}{error.__cause__}{error.__context__}"
        )


@pytest.mark.parametrize(
    "wrong", ["port", "livekit_url", "openai_base_url", "stt_chain", "log_level", "supabase_url"]
)
def test_no_secret_in_the_problem_of_the_line_it_was_pasted_into(wrong: str):
    problems = check_settings(**{wrong: PLANTED["openai_api_key"]})[1]
    assert not search(repr(problems))


class Vendor:
    """What an SDK might put into an exception or an extra."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __repr__(self) -> str:
        return f"Vendor(key={self.key!r})"


@pytest.mark.usefixtures("logging_as_before")
@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_in_any_log_line(settings: Settings, name: str, terminal: bool):
    out = io.StringIO()
    out.isatty = lambda: terminal  # type: ignore[method-assign]
    logs.configure(settings, "test", stream=out)
    secret = settings.secret(name)
    log = logging.getLogger("some.vendor.library")
    log.warning(f"in the message {secret}")  # noqa: G004
    log.warning("in the arguments %s %r", secret, secret)
    log.warning("in an object %s", Vendor(secret))
    log.warning("in bytes %s", secret.encode())
    log.warning("in an address %s", f"https://h/?x={quote(secret, safe='')}&y={quote(secret)}")
    log.warning("in extras", extra={"a": secret, "b": [{"c": (secret,)}], "d": Vendor(secret), secret: 1})
    log.warning("in JSON %s", json.dumps({"x": secret}))
    try:
        try:
            raise KeyError(secret)
        except KeyError as first:
            raise RuntimeError(f"refused: {secret}") from first
    except RuntimeError as error:
        log.exception("in a traceback")
        log.error("in an exception", exc_info=error, stack_info=True)
        sys.excepthook(RuntimeError, error, error.__traceback__)
    warnings.warn(f"in a warning {secret}", stacklevel=1)
    text = out.getvalue()
    assert "in a traceback" in text
    assert "Traceback (most recent call last)" in text
    assert text.count("[redacted]") >= 14
    assert not search(text)


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_no_secret_in_the_doctors_report(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str]
):
    out = io.StringIO()
    doctor.run_doctor(settings, out=out, json_output=bool(arguments))
    for name in SECRETS:
        monkeypatch.setenv(name.upper(), PLANTED[name])
        doctor.main(["--explain", name], out=out)
    monkeypatch.setenv("PORT", PLANTED["admin_token"])
    monkeypatch.setenv("LIVEKIT_URL", f"ws://u:{quote(PLANTED['livekit_api_secret'], safe='')}@127.0.0.1:1")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WORKER_HEALTH_PORT", "0")
    for name, address in NO_VENDORS.items():
        monkeypatch.setenv(name.upper(), address)
    assert doctor.main(arguments, out=out) == 1
    assert not search(out.getvalue())


@pytest.mark.parametrize("problem", [{}, {"PORT": "many"}])
def test_no_secret_in_what_the_command_prints(tmp_path: Path, problem: dict[str, str]):
    planted = {name.upper(): value for name, value in (PLANTED | NO_VENDORS).items()}
    files = {
        "SAGE_ENV_FILE": os.devnull,
        "DATA_DIR": str(tmp_path),
        "WORKER_HEALTH_PORT": "0",
        "LIVEKIT_URL": NOWHERE,
    }
    path = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    finished = subprocess.run(
        [sys.executable, "-m", "doctor"],
        cwd=ROOT,
        env={**path, **planted, **files, **problem},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 1, "LiveKit is away"
    assert "LiveKit" in finished.stdout
    assert finished.stderr == ""
    assert not search(finished.stdout)


async def ask_every_route(settings: Settings) -> str:
    """What the web service answers to good and bad requests while LiveKit is away: bodies and headers."""
    application = create_app(settings, watch=False)
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    said = []
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=transport, base_url="http://sage.test", timeout=30) as client,
    ):
        for path, ways in application.openapi()["paths"].items():
            for method in ways:
                for body in ({}, {"room": "r", "identity": "i", "participant_type": "agent"}, GOOD_BODY):
                    where = re.sub(r"{.*?}", "r1", path)
                    answer = await client.request(
                        method, where, json=body, headers={"Authorization": "Bearer x"}
                    )
                    said.append(f"{answer.status_code} {answer.text} {answer.headers}")
    return "\n".join(said)


GOOD_BODY = {
    "room": "r1",
    "identity": "ann",
    "room_name": "r1",
    "participant_name": "Ann",
    "topic": "Trams",
    "persona": "time-keeper",
}


@pytest.mark.usefixtures("logging_as_before")
async def test_no_secret_in_what_the_web_service_answers_or_logs(settings: Settings):
    out = io.StringIO()
    logs.configure(settings, "web", stream=out)
    said = await ask_every_route(settings)
    assert "503 " in said
    assert "422 " in said
    assert not search(said)
    assert not search(out.getvalue())
