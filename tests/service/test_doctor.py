"""The doctor against a real LiveKit server: credentials that it accepts, and wrong ones."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import doctor
from launcher.livekit_server import RunningServer
from settings import load_settings


@pytest.mark.livekit
@pytest.mark.parametrize("right", [True, False])
def test_a_real_server_accepts_or_refuses_our_credentials(
    livekit_server: RunningServer, tmp_path: Path, right: bool
):
    settings = load_settings(
        livekit_url=livekit_server.url,
        livekit_api_key=livekit_server.api_key,
        livekit_api_secret=livekit_server.api_secret if right else "not-this-servers-secret-0123456789",
        data_dir=tmp_path,
        worker_health_port=0,
    )
    out = io.StringIO()
    code = doctor.run_doctor(settings, out=out, json_output=True)
    found = next(row for row in json.loads(out.getvalue())["checks"] if row["check"] == "LiveKit")
    assert (found["state"], code) == (("OK", 0) if right else ("failed", 1))
    assert livekit_server.api_secret not in out.getvalue()
