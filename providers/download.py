"""Fetching the turn detector's English files into the Hugging Face cache, at build time.

Owns what is fetched and how its failures are named. Nothing is fetched at run time: turns.py only looks.
"""

from __future__ import annotations

import errno
import logging
import shutil
from pathlib import Path

from errors import SageError, Unavailable
from providers.turns import ENGLISH_FILES, english_files_missing, english_model
from settings import Settings

logger = logging.getLogger("sage.providers")

# The model is 66 MB; downloads are written beside it before they are moved into place.
NEEDED_BYTES = 300 * 1024 * 1024
# The repository holds other languages' and other precisions' weights as well.
PATTERNS = ("onnx/model_q8.onnx", "*.json", "*.txt", "*.jinja")


def download_files(settings: Settings) -> Path | None:
    """Fetch the files that are missing; the folder that holds them, or None where turn detection is off.

    Raises SageError "disk-full" before or while fetching, Unavailable "download-failed" for everything else.
    """
    if not settings.enable_turn_detection:
        logger.info("turn detection is off: there is nothing to download")
        return None
    from huggingface_hub import constants, snapshot_download, try_to_load_from_cache

    cache = Path(constants.HF_HUB_CACHE)
    repo, revision = english_model()
    if missing := english_files_missing():
        _check_disk(cache)
        logger.info("downloading", extra={"model": repo, "revision": revision, "missing": list(missing)})
        try:
            snapshot_download(repo, revision=revision, allow_patterns=list(PATTERNS))
        except Exception as problem:
            if _full_disk(problem) or _free_bytes(cache) < 1024 * 1024:
                raise _disk_full(cache) from problem
            raise _failed(f"{type(problem).__name__}: {problem}") from problem
    if missing := english_files_missing():
        raise _failed(f"still missing: {', '.join(missing)}")
    folder = Path(str(try_to_load_from_cache(repo, "languages.json", revision=revision))).parent
    logger.info(
        "turn detector files are in place", extra={"folder": str(folder), "files": len(ENGLISH_FILES)}
    )
    return folder


def _check_disk(cache: Path) -> None:
    if _free_bytes(cache) < NEEDED_BYTES:
        raise _disk_full(cache)


def _free_bytes(cache: Path) -> int:
    place = next(folder for folder in (cache, *cache.parents) if folder.exists())
    return shutil.disk_usage(place).free


def _full_disk(problem: BaseException | None) -> bool:
    """Whether a full disk is behind it, however it was wrapped."""
    while problem is not None:
        if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        problem = problem.__cause__ or problem.__context__
    return False


def _disk_full(cache: Path) -> SageError:
    return SageError(
        f"The disk that holds {cache} is full: {_free_bytes(cache) // 2**20} MB free, "
        f"{NEEDED_BYTES // 2**20} MB needed.",
        code="disk-full",
        hint="Free some space, or set HF_HOME to a folder on another disk, and run download-files again.",
    )


def _failed(reason: str) -> SageError:
    return Unavailable(
        f"The turn detector's files could not be downloaded ({reason}).",
        code="download-failed",
        hint="Check the network and run download-files again; until then the bundled v1-mini judges turns.",
    )
