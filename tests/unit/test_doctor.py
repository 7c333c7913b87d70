"""The doctor's checklist: every state of every part, against servers on loopback that answer as told."""

from __future__ import annotations

import asyncio
import collections
import io
import json
import platform
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import doctor
from doctor import machine
from doctor.command import Check
from doctor.findings import Finding, as_table, exit_code, failed, ok
from errors import own_command
from settings import Settings, load_settings

SECRET = "mW3nVb9QzLr5TfYc7HdKs1PgXj4EuAo8"
BUSY_SECONDS = 40.0  # no check may be late only because the machine that runs the tests is busy
LIVEKIT_ROUTE = "/twirp/livekit.RoomService/ListRooms"


class Answers(ThreadingHTTPServer):
    """An HTTP server whose answers are scripted by path; it remembers every question."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: dict[str, tuple[int, str]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.unscripted: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: Answers

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(length)
        self.server.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        if self.path not in self.server.script:
            self.server.unscripted.append(self.path)
        status, body = self.server.script.get(self.path, (500, ""))
        self.send_response(status)
        self.send_header(
            "Content-Type", "application/json" if body.startswith("{") else "application/protobuf"
        )
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def answers() -> Iterator[Answers]:
    server = Answers()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    assert not server.unscripted, f"asked what nobody scripted: {server.unscripted}"


@pytest.fixture
def closed_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def base(tmp_path: Path, closed_port: int) -> dict[str, object]:
    """Settings that ask nothing but this machine."""
    chains = dict.fromkeys(("stt_chain", "llm_chain", "tts_chain"), "local")
    return {**chains, "data_dir": tmp_path, "token_server_port": closed_port, "worker_health_port": 0}


def examine(settings: Settings | None) -> tuple[int, dict[str, list[dict[str, str]]]]:
    out = io.StringIO()
    code = doctor.run_doctor(settings, out=out, json_output=True, deadline_seconds=BUSY_SECONDS)
    report = json.loads(out.getvalue())
    assert report["ok"] is (code == 0)
    by_check = collections.defaultdict(list)
    for found in report["checks"]:
        assert found["state"] in {"OK", "degraded", "failed"}
        assert bool(found["remedy"]) is (found["state"] != "OK"), found
        by_check[found["check"]].append(found)
    return code, by_check


def livekit(server: Answers | int, **others: object) -> dict[str, object]:
    port = server if isinstance(server, int) else server.port
    trio = {
        "livekit_url": f"ws://127.0.0.1:{port}",
        "livekit_api_key": "APIq8XmPL2xyz",
        "livekit_api_secret": SECRET,
    }
    return {**trio, **others}


def test_a_bare_machine_is_degraded_and_not_failed(base: dict[str, object]):
    code, found = examine(load_settings(**base))
    assert code == 0
    assert found["settings"][0]["state"] == "OK"
    assert found["LiveKit"][0]["state"] == "degraded"
    assert [found[f"{kind}: local"][0]["state"] for kind in ("stt", "llm", "tts")] == ["OK"] * 3
    assert found["Supabase"][0]["state"] == "OK"


def test_the_table_has_a_row_for_each_finding_and_the_remedy_below_it(base: dict[str, object]):
    out = io.StringIO()
    assert doctor.run_doctor(load_settings(**base, vad_stop_secs=0.5), out=out) == 0
    lines = out.getvalue().splitlines()
    row = next(index for index, line in enumerate(lines) if "LiveKit" in line)
    assert lines[row].startswith("degraded")
    assert "-> `make run` starts one" in lines[row + 1]
    assert lines[-1].endswith("OK. Debates can be held; what is degraded would make them better.")


def test_broken_settings_are_all_listed_and_the_rest_is_checked(
    base: dict[str, object], monkeypatch: pytest.MonkeyPatch
):
    for name, value in base.items():
        monkeypatch.setenv(name.upper(), str(value))
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("VAD_CONFIDENCE", "7")
    monkeypatch.setenv("CHUNK_MIN_CHARS", "900")
    code, found = examine(None)
    assert code == 1
    assert all(found[name][0]["state"] == "failed" for name in ("PORT", "VAD_CONFIDENCE", "CHUNK_MIN_CHARS"))
    assert found["stt: local"]
    assert found["DATA_DIR"][0]["state"] == "OK"


def test_what_hangs_on_broken_settings_is_not_reported_as_if_they_had_been_chosen(
    base: dict[str, object], monkeypatch: pytest.MonkeyPatch
):
    for name, value in base.items():
        monkeypatch.setenv(name.upper(), str(value))
    monkeypatch.setenv("LIVEKIT_URL", "localhost:7880")
    monkeypatch.setenv("SUPABASE_URL", "notaurl")
    code, found = examine(None)
    assert code == 1
    for name in ("LiveKit", "Supabase", "replica"):
        assert [(one["state"], "not checked" in one["detail"]) for one in found[name]] == [("degraded", True)]
    assert found["DATA_DIR"][0]["state"] == "OK"


def test_livekit_that_accepts_us(base: dict[str, object], answers: Answers):
    answers.script[LIVEKIT_ROUTE] = (200, "")
    code, found = examine(load_settings(**base, **livekit(answers)))
    assert (code, found["LiveKit"][0]["state"]) == (0, "OK")
    assert "Bearer" in answers.asked[0][1]["authorization"]


def test_livekit_that_refuses_our_credentials(base: dict[str, object], answers: Answers):
    answers.script[LIVEKIT_ROUTE] = (401, '{"code": "unauthenticated", "msg": "invalid API key"}')
    code, found = examine(load_settings(**base, **livekit(answers)))
    assert (code, found["LiveKit"][0]["state"]) == (1, "failed")
    assert "LIVEKIT_API_SECRET" in found["LiveKit"][0]["remedy"]


def test_livekit_that_is_something_else(base: dict[str, object], answers: Answers):
    answers.script[LIVEKIT_ROUTE] = (404, "no such page")
    code, found = examine(load_settings(**base, **livekit(answers)))
    assert (code, found["LiveKit"][0]["state"]) == (1, "failed")
    assert f"curl http://127.0.0.1:{answers.port}" in found["LiveKit"][0]["remedy"]


def test_livekit_that_is_away(base: dict[str, object], closed_port: int):
    code, found = examine(load_settings(**base, **livekit(closed_port)))
    assert (code, found["LiveKit"][0]["state"]) == (1, "failed")


def test_an_unknown_link_fails_with_the_known_ones(base: dict[str, object]):
    code, found = examine(load_settings(**base | {"stt_chain": "deepgramm"}))
    assert code == 1
    assert "deepgram" in found["STT_CHAIN"][0]["remedy"]


def test_an_unknown_link_hides_no_other_row(base: dict[str, object]):
    _, found = examine(load_settings(**base | {"stt_chain": "deepgramm,openai", "llm_chain": "openai,local"}))
    assert {"stt: openai", "llm: openai", "llm: local", "tts: local"} <= set(found)
    assert "stt: deepgramm" not in found


def test_links_without_a_key_are_named_with_their_variable(base: dict[str, object]):
    _, found = examine(load_settings(**base | {"llm_chain": "perplexity,openai"}))
    assert found["llm: perplexity"][0]["state"] == "degraded"
    assert "PERPLEXITY_API_KEY" in found["llm: perplexity"][0]["remedy"]
    assert found["llm: local"][0]["state"] == "OK"


def test_a_link_whose_server_is_away_is_degraded_while_another_of_its_chain_is_there(
    base: dict[str, object], closed_port: int
):
    chains = {"stt_chain": "voxtral,local", "tts_chain": "chatterbox", "llm_chain": "ollama"}
    there = dict.fromkeys(("voxtral_port", "chatterbox_port"), closed_port)
    hosts = dict.fromkeys(("voxtral_host", "chatterbox_host"), "127.0.0.1")
    settings = load_settings(**base | chains | there | hosts, ollama_host=f"127.0.0.1:{closed_port}")
    code, found = examine(settings)
    states = {check: rows[0]["state"] for check, rows in found.items()}
    assert (states["stt: voxtral"], states["llm: ollama"]) == ("degraded", "degraded")
    assert (states["tts: chatterbox"], code) == ("failed", 1), "it has no other voice"
    assert f"127.0.0.1:{closed_port}" in found["stt: voxtral"][0]["remedy"]


def test_offline_asks_no_other_machine(base: dict[str, object], closed_port: int):
    vendors = {"stt_chain": "deepgram", "llm_chain": "openai", "tts_chain": "cartesia"}
    keys = dict.fromkeys(("openai_api_key", "deepgram_api_key", "cartesia_api_key"), SECRET)
    away = livekit(
        closed_port, supabase_url=f"http://127.0.0.1:{closed_port}", supabase_service_role_key=SECRET
    )
    out = io.StringIO()
    settings = load_settings(**base | vendors | keys | away)
    assert doctor.run_doctor(settings, out=out, json_output=True, offline=True) == 0
    found = {row["check"]: row["detail"] for row in json.loads(out.getvalue())["checks"]}
    for check in ("LiveKit", "stt: deepgram", "llm: openai", "tts: cartesia", "Supabase"):
        assert found[check] == "configured, not asked"
    assert found["DATA_DIR"].endswith("can be written")


@pytest.mark.parametrize(
    ("status", "state", "code"),
    [(200, "OK", 0), (401, "failed", 1), (403, "failed", 1), (503, "degraded", 0)],
)
def test_supabase_is_asked_with_the_key_that_may_write(
    base: dict[str, object], answers: Answers, status: int, state: str, code: int
):
    answers.script["/rest/v1/"] = (status, "{}")
    answers.script["/rest/v1/journals?select=%2A&limit=1"] = (status, "[]" if status == 200 else "{}")
    url = f"http://127.0.0.1:{answers.port}"
    settings = load_settings(
        **base, supabase_url=url, supabase_service_role_key=SECRET, supabase_key="anon-key-anon"
    )
    got, found = examine(settings)
    assert (found["Supabase"][0]["state"], got) == (state, code)
    assert found["replica"][0]["state"] == ("OK" if status == 200 else "degraded")
    assert answers.asked[0][1]["apikey"] == SECRET


def test_supabase_away_or_without_the_key_that_may_write_is_degraded(
    base: dict[str, object], closed_port: int
):
    url = f"http://127.0.0.1:{closed_port}"
    _, found = examine(load_settings(**base, supabase_url=url, supabase_service_role_key=SECRET))
    assert found["Supabase"][0]["state"] == "degraded"
    _, found = examine(load_settings(**base, supabase_url=url, supabase_key="anon-key-anon"))
    assert "SUPABASE_SERVICE_ROLE_KEY" in found["Supabase"][0]["remedy"]


def test_the_replica_is_a_line_of_its_own(base: dict[str, object], closed_port: int):
    _, found = examine(load_settings(**base))
    assert found["replica"][0]["state"] == "OK"
    url = f"http://127.0.0.1:{closed_port}"
    _, found = examine(load_settings(**base, supabase_url=url, supabase_service_role_key=SECRET))
    assert found["replica"][0]["state"] == "degraded"
    assert "all is sent" in found["replica"][0]["detail"]
    _, found = examine(load_settings(**base, supabase_url=url, supabase_key="anon-key-anon"))
    assert "anon key" in found["replica"][0]["detail"]
    assert "SUPABASE_SERVICE_ROLE_KEY" in found["replica"][0]["remedy"]


def test_ports_that_are_free_ours_or_taken(base: dict[str, object], answers: Answers):
    _, found = examine(load_settings(**base))
    assert "not running" in found["token server"][0]["detail"]
    answers.script["/health"] = (200, "{}")
    answers.script["/"] = (404, "")
    ports = {"token_server_port": answers.port, "worker_health_port": answers.port}
    _, found = examine(load_settings(**base | ports))
    assert (found["token server"][0]["state"], found["worker"][0]["state"]) == ("OK", "degraded")


def test_a_folder_that_cannot_be_written_fails(base: dict[str, object], tmp_path: Path):
    file = tmp_path / "not-a-folder"
    file.write_text("")
    code, found = examine(load_settings(**base | {"data_dir": file / "data"}))
    assert (code, found["DATA_DIR"][0]["state"]) == (1, "failed")
    assert "DATA_DIR" in found["DATA_DIR"][0]["remedy"]


@pytest.mark.parametrize(("free", "state"), [(50, "failed"), (500, "degraded"), (5000, "OK")])
def test_disk_space_has_two_limits(
    base: dict[str, object], monkeypatch: pytest.MonkeyPatch, free: int, state: str
):
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, free * machine.MEGABYTE))
    assert machine.check_disk(load_settings(**base))[0].state == state


def test_the_turn_detector_is_ok_with_its_files_degraded_without_and_ok_when_off(
    base: dict[str, object], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("providers.turns.english_files_missing", lambda: ("onnx/model_q8.onnx",))
    (without,) = machine.check_turn_detector(load_settings(**base))
    assert (without.state, without.remedy) == ("degraded", own_command("download-files"))
    assert "v1-mini" in without.detail
    monkeypatch.setattr("providers.turns.english_files_missing", tuple)
    assert machine.check_turn_detector(load_settings(**base))[0].state == "OK"
    assert machine.check_turn_detector(load_settings(**base, enable_turn_detection=False))[0].state == "OK"


def test_missing_packages_are_named_with_the_command_that_installs_them(
    base: dict[str, object], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(machine, "installed", lambda _: False)
    assert machine.check_local_link("stt: local", "stt").state == "failed"
    assert machine.check_vad(load_settings(**base))[0].state == "degraded"
    assert machine.check_turn_detector(load_settings(**base))[0].remedy == machine.INSTALL


@pytest.mark.parametrize(
    ("there", "state"),
    [
        ({"livekit.local_inference", "livekit.plugins.silero"}, "OK"),
        ({"livekit.plugins.silero"}, "degraded"),
        (set(), "degraded"),
    ],
)
def test_voice_activity_detection_is_ok_only_where_it_is_cheap(
    monkeypatch: pytest.MonkeyPatch, there: set[str], state: str
):
    monkeypatch.setattr(machine, "installed", lambda package: package in there)
    (found,) = machine.check_vad(load_settings())
    assert found.state == state


def test_an_old_glibc_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.31"))
    found = machine.check_local_link("stt: local", "stt")
    assert (found.state, "2.34" in found.detail) == ("failed", True)


def test_an_unknown_persona_fails_with_the_known_ones(base: dict[str, object]):
    code, found = examine(load_settings(**base, moderator_persona="pirate"))
    assert code == 1
    assert "neutral-facilitator" in found["personas"][0]["remedy"]


def test_a_misspelt_name_in_the_file_is_pointed_out(
    base: dict[str, object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    file = tmp_path / "some.env"
    file.write_text("OPENAI_APIKEY=sk-0123456789\nEDITOR=vi\n")
    monkeypatch.setenv("SAGE_ENV_FILE", str(file))
    _, found = examine(load_settings(**base))
    assert [row["remedy"] for row in found[".env"]] == ["did you mean OPENAI_API_KEY?"]


def test_production_is_asked_for_privacy(base: dict[str, object], answers: Answers):
    answers.script[LIVEKIT_ROUTE] = (200, "")
    production = livekit(
        answers, sage_env="production", log_transcripts=True, openai_base_url="http://h.example"
    )
    _, found = examine(load_settings(**base, **production))
    assert found["transcripts"][0]["remedy"] == "set LOG_TRANSCRIPTS=false"
    assert found["OPENAI_BASE_URL"][0]["remedy"] == "use https://"
    assert "LIVEKIT_URL" not in found, "loopback needs no encryption"


def test_checks_run_side_by_side_and_each_has_a_deadline(base: dict[str, object]):
    started = threading.Barrier(2, timeout=5)

    async def meet(_: Settings) -> list[Finding]:
        await asyncio.to_thread(started.wait)
        return [ok("met", "the other one")]

    async def hang(_: Settings) -> list[Finding]:
        await asyncio.Event().wait()
        raise AssertionError

    async def break_down(_: Settings) -> list[Finding]:
        raise KeyError(SECRET)

    out = io.StringIO()
    checks = [
        Check("a", meet),
        Check("b", meet),
        Check("c", hang, "failed"),
        Check("d", hang),
        Check("e", break_down),
    ]
    settings = load_settings(**base, openai_api_key=SECRET)
    code = doctor.run_doctor(settings, out=out, json_output=True, checks=checks, deadline_seconds=0.5)
    found = [(row["check"], row["state"]) for row in json.loads(out.getvalue())["checks"][1:]]
    assert found == [("met", "OK"), ("met", "OK"), ("c", "failed"), ("d", "degraded"), ("e", "failed")]
    assert code == 1
    assert SECRET not in out.getvalue()


def test_only_what_failed_makes_the_exit_code():
    assert exit_code([ok("a", "b")]) == 0
    assert exit_code([Finding("a", "degraded", "b", "c"), ok("a", "b")]) == 0
    assert exit_code([failed("a", "b", "c"), ok("a", "b")]) == 1
    assert as_table([failed("a", "b", "mend")]).splitlines()[-1] == "1 failed. Mend what has failed first."
    assert as_table([ok("a", "b")]).splitlines()[-1] == "1 OK. All is well."


def test_the_command_line(base: dict[str, object], monkeypatch: pytest.MonkeyPatch):
    for name, value in base.items():
        monkeypatch.setenv(name.upper(), str(value))
    out = io.StringIO()
    assert doctor.main(["--json"], out=out) == 0
    assert json.loads(out.getvalue())["ok"] is True
    out = io.StringIO()
    assert doctor.main(["--offline"], out=out) == 0
    assert "not asked" not in out.getvalue(), "this machine's links are looked at in any case"
