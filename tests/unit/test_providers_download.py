"""Fetching the turn detector's files: the right ones only, and a failure by its name.

A hub on loopback stands for the real one; the product's code and the hub's own client run as they are, in a process
of their own, as the client reads its addresses when it is imported.
"""

import errno
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from errors import SageError, Unavailable
from providers import download
from providers.download import download_files
from providers.turns import english_model
from settings import load_settings
from tests.unit.tiny_turn_model import COMMIT, repository_files, write_tiny_model

ROOT = Path(__file__).resolve().parents[2]
OTHERS = {"onnx/model.onnx": b"other weights", "onnx/model_fp16.onnx": b"others again", "README.md": b"words"}
DOWNLOAD = """
import json
from errors import SageError
from providers.download import download_files
from settings import load_settings
try:
    print(json.dumps({"folder": str(download_files(load_settings()))}))
except SageError as error:
    print(json.dumps({"code": error.code, "message": error.message}))
"""


def entity(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Hub(ThreadingHTTPServer):
    """The three requests that the client makes, for one repository at one revision."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), HubRequest)
        self.files = files
        self.fetched: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class HubRequest(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name in the base class
        return

    def _answer(self, *, body: bool) -> None:
        repo, revision = english_model()
        path = self.path.partition("?")[0]
        if path == f"/api/models/{repo}/revision/{revision}":
            return self._send(
                json.dumps({"_id": "1", "id": repo, "sha": COMMIT, "tags": []}).encode(), body=body
            )
        if path == f"/api/models/{repo}/tree/{COMMIT}":
            entries = [
                {"type": "file", "path": name, "size": len(content), "oid": entity(content)}
                for name, content in self.server.files.items()
            ]
            return self._send(json.dumps(entries).encode(), body=body)
        name = path.removeprefix(f"/{repo}/resolve/{COMMIT}/")
        if (content := self.server.files.get(name)) is None:
            return self.send_error(404)
        if body:
            self.server.fetched.append(name)
        return self._send(content, body=body)

    def _send(self, content: bytes, *, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{entity(content)}"')
        self.end_headers()
        if body:
            self.wfile.write(content)


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub({**repository_files(), **OTHERS})
    thread = threading.Thread(target=server.serve_forever, name="hub")
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def run(home: Path, address: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", DOWNLOAD],
        cwd=ROOT,
        env={**os.environ, "HF_HOME": str(home), "HF_ENDPOINT": address, "HF_HUB_DISABLE_XET": "1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.fixture
def cache(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_the_english_files_are_fetched_and_no_other_weights(hub, tmp_path):
    told = run(tmp_path, hub.address)
    folder = Path(told["folder"])
    assert sorted(hub.fetched) == sorted(repository_files())
    assert {name: (folder / name).read_bytes() for name in repository_files()} == repository_files()
    hub.fetched.clear()
    assert run(tmp_path, hub.address) == told
    assert hub.fetched == []


def test_a_hub_that_lacks_a_file_is_named_as_such(hub, tmp_path):
    del hub.files["languages.json"]
    told = run(tmp_path, hub.address)
    assert told["code"] == "download-failed"
    assert "languages.json" in told["message"]


def test_a_hub_that_is_away_is_a_failed_download_and_no_full_disk(hub, tmp_path):
    hub.files.clear()
    hub.shutdown()
    hub.server_close()
    told = run(tmp_path, hub.address)
    assert told["code"] == "download-failed"


def test_a_full_disk_is_named_before_anything_is_fetched(cache, monkeypatch):
    monkeypatch.setattr(download, "NEEDED_BYTES", 2**60)
    with pytest.raises(SageError, match="full") as full:
        download_files(load_settings())
    assert full.value.code == "disk-full"
    assert "HF_HOME" in full.value.hint


def test_a_disk_that_fills_up_while_it_writes_is_named_too(cache, monkeypatch):
    import huggingface_hub

    def no_space(*arguments: object, **options: object) -> str:
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as problem:
            raise RuntimeError("could not find file") from problem

    monkeypatch.setattr(huggingface_hub, "snapshot_download", no_space)
    with pytest.raises(SageError) as full:
        download_files(load_settings())
    assert full.value.code == "disk-full"
    assert not isinstance(full.value, Unavailable)


def test_what_is_there_is_not_fetched_again_and_asks_nobody(cache):
    snapshot = write_tiny_model(cache)
    assert download_files(load_settings()) == snapshot


def test_nothing_is_fetched_when_turn_detection_is_off(cache):
    assert download_files(load_settings(enable_turn_detection=False)) is None
