"""The web service starts fast because it loads nothing of the worker: held by what a fresh interpreter imports."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = (
    "voice",
    "providers",
    "rehearsal",
    "debate_moderator_agent",
    "livekit.agents",
    "livekit.plugins",
    "livekit.rtc",
    "livekit.local_inference",
    "numpy",
    "onnxruntime",
    "openai",
    "moonshine_voice",
    "hibari_tts",
    "supabase",
    "transformers",
)


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**kept, "SAGE_ENV_FILE": os.devnull, **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_the_web_service_imports_nothing_of_voice_providers_or_a_model() -> None:
    done = run_python("import app, sys; print(*sys.modules, sep='\\n')")
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert "api.application" in loaded
    assert [name for name in loaded if name.startswith(FORBIDDEN)] == []


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [("PORT", "eighty", "PORT"), ("MODERATOR_PERSONA", "judge-judy", "time-keeper")],
)
def test_settings_that_cannot_be_used_are_told_without_a_trace(variable: str, value: str, told: str) -> None:
    done = run_python("import app", **{variable: value})
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
