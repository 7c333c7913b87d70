"""Checks of this machine: models' files, packages of the local links, disk space, folders, personas.

It looks for files and packages; it imports and loads none of them.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
import tempfile
from pathlib import Path

from doctor.findings import Finding, degraded, failed, ok
from errors import SageError, own_command, own_python
from settings import Settings, names_misspelt_in_file

DOWNLOAD = own_command("download-files")
INSTALL = f"{own_python()} -m pip install -r requirements.txt"
MEGABYTE = 1024 * 1024
# A debate's journal takes a few megabytes an hour; below the first nothing can be relied on.
FAILED_BELOW = 100 * MEGABYTE
DEGRADED_BELOW = 1024 * MEGABYTE
OLDEST_GLIBC = (2, 34)
LOCAL_PACKAGES = {"stt": "moonshine_voice", "tts": "hibari"}
TURN_DETECTOR = "livekit.plugins.turn_detector"


def installed(package: str) -> bool:
    """Whether `package` (a dotted name) can be imported, without importing it."""
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def check_local_link(check: str, kind: str) -> Finding:
    """The link that runs on this machine; the playbook needs nothing."""
    package = LOCAL_PACKAGES.get(kind)
    if package is None:
        return ok(check, "the playbook, without a model")
    if not installed(package):
        return failed(check, f"package {package} is not installed", INSTALL)
    system, version = platform.libc_ver()
    if kind == "stt" and system == "glibc" and _numbers(version) < OLDEST_GLIBC:
        remedy = "use a newer Linux, or set STT_CHAIN to a vendor's link and its key"
        return failed(check, f"glibc {version} is older than 2.34", remedy)
    return ok(check, "on this machine")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def check_turn_detector(settings: Settings) -> list[Finding]:
    """EnglishModel's files in the Hugging Face cache; else the bundled v1-mini judges."""
    from providers.turns import english_files_missing

    name = "turn detector"
    if not settings.enable_turn_detection:
        return [ok(name, "off (ENABLE_TURN_DETECTION=false): silence ends a turn")]
    if not installed(TURN_DETECTOR):
        return [degraded(name, "plugin is not installed: v1-mini is used", INSTALL)]
    missing = english_files_missing()
    if not missing:
        return [ok(name, "EnglishModel, its files are in the cache")]
    if installed("livekit.local_inference"):
        return [degraded(name, f"EnglishModel lacks {missing[0]}: v1-mini is used", DOWNLOAD)]
    return [degraded(name, f"EnglishModel lacks {missing[0]}: silence ends a turn", DOWNLOAD)]


def check_vad(_settings: Settings) -> list[Finding]:
    """Silero as the framework bundles it, else by its plugin, else none (providers.vad)."""
    if installed("livekit.local_inference"):
        return [ok("VAD", "Silero")]
    if installed("livekit.plugins.silero"):
        return [degraded("VAD", "the framework's copy is missing: the slower plugin is used", INSTALL)]
    return [degraded("VAD", "none: turns come from speech recognition", INSTALL)]


def check_disk(settings: Settings) -> list[Finding]:
    """Room for journals, for the models' cache and for temporary files."""
    places = {
        "DATA_DIR": settings.data_dir,
        "models' cache": _model_cache(),
        "temporary": Path(tempfile.gettempdir()),
    }
    seen: set[int] = set()
    findings: list[Finding] = []
    for name, folder in places.items():
        there = _nearest(folder)
        device = there.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free = shutil.disk_usage(there).free
        detail = f"{free // MEGABYTE} MB free for {folder}"
        if free >= DEGRADED_BELOW:
            findings.append(ok(f"disk: {name}", detail))
        else:
            state = failed if free < FAILED_BELOW else degraded
            findings.append(state(f"disk: {name}", detail, f"make room; look with: df -h {there}"))
    return findings


def check_data_dir(settings: Settings) -> list[Finding]:
    """A journal can be written: tried with a real file, as access bits do not tell of a read-only mount."""
    folder = settings.data_dir
    there = _nearest(folder)
    remedy = (
        f"set DATA_DIR to a folder that this user may write, or: mkdir -p {folder} && chown $(id -u) {folder}"
    )
    if not there.is_dir():
        return [failed("DATA_DIR", f"{there} is not a folder", remedy)]
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"sage")
            file.flush()
    except OSError as error:
        return [failed("DATA_DIR", f"{there} cannot be written ({error.strerror})", remedy)]
    return [ok("DATA_DIR", f"{folder} can be written")]


def check_personas(settings: Settings) -> list[Finding]:
    """The persona files are valid and MODERATOR_PERSONA is one of them."""
    from personas.registry import load_registry

    try:
        registry = load_registry()
        registry.get(settings.moderator_persona)
    except SageError as error:
        return [failed("personas", error.message, error.hint)]
    return [ok("personas", f"{settings.moderator_persona}, of {len(registry.names)}")]


def check_env_file(_settings: Settings) -> list[Finding]:
    """Names in `.env` that are nearly those of settings: they would be passed over in silence."""
    return [
        degraded(".env", f"{name} is no setting", f"did you mean {meant}?")
        for name, meant in names_misspelt_in_file().items()
    ]


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _model_cache() -> Path:
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)
