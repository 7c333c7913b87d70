"""The judge of turns: was that the end of what somebody had to say?

`EnglishModel` (reads the words) where its files are in the Hugging Face cache, else the framework's on-device
v1-mini (hears the last 1.2 s), else none. Owns that choice and one scale for both; when to ask is the ear's
matter.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from errors import own_command
from settings import Settings

if TYPE_CHECKING:
    from livekit import rtc
    from livekit.local_inference import EOT

logger = logging.getLogger("sage.providers")

ENGLISH_FILES = ("onnx/model_q8.onnx", "tokenizer.json", "tokenizer_config.json", "languages.json")
MULTILINGUAL_METHOD = "lk_end_of_utterance_multilingual"
MINI_THRESHOLD = 0.36  # the framework's own for English
MINI_SECONDS = 1.2
PREDICT_SECONDS = 1.0  # later than that the silence has decided


class EarTurnStream(ABC):
    """One ear's questions to the judge."""

    @abstractmethod
    def push_audio(self, frame: rtc.AudioFrame) -> None:
        """Hear 16 kHz mono audio, all of it as it comes."""

    @abstractmethod
    async def predict(self, text: str) -> float | None:
        """Probability that the turn of which `text` are the words so far is over, on a scale where 0.5 is the
        model's own threshold; None when there is no answer."""

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of what it holds."""


class TurnJudge(ABC):
    """Makes a stream for each ear."""

    name = "none"

    @abstractmethod
    def stream(self) -> EarTurnStream:
        """A new ear's stream; from within a running loop."""


def on_one_scale(probability: float, threshold: float) -> float:
    """`probability` moved so that `threshold` becomes 0.5, and 0 and 1 stay: models differ by a factor of
    ten."""
    if probability < threshold:
        return 0.5 * probability / threshold
    return 1.0 - 0.5 * (1.0 - probability) / (1.0 - threshold) if threshold < 1.0 else 1.0


class SilenceJudge(TurnJudge):
    """No detector: the length of a silence decides alone."""

    def stream(self) -> EarTurnStream:
        return _SilenceStream()


class _SilenceStream(EarTurnStream):
    def push_audio(self, frame: rtc.AudioFrame) -> None:
        return

    async def predict(self, text: str) -> float | None:
        return None

    async def aclose(self) -> None:
        return


class MiniJudge(TurnJudge):
    """v1-mini: 240 MB, 40-60 ms a question on two cores, on one thread for all ears.

    The framework loads its weights where job processes are forked from, so that they share them. Where it did not (on
    systems without a fork server), they are loaded for the first ear: nobody's first turn is over in those 0.3 s.
    """

    name = "v1-mini"

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="shared-turns")

    def stream(self) -> EarTurnStream:
        return _MiniStream(self._worker)


class _MiniStream(EarTurnStream):
    # The framework's own stream for this model keeps a task and copies each frame twice; what an ear needs is
    # the last 1.2 s and one call.
    def __init__(self, worker: ThreadPoolExecutor) -> None:
        from livekit.local_inference import EOT_MAX_SAMPLES

        self._worker = worker
        self._loaded = worker.submit(_load_mini)
        self._recent = np.zeros(EOT_MAX_SAMPLES, dtype=np.int16)

    def push_audio(self, frame: rtc.AudioFrame) -> None:
        samples = np.frombuffer(frame.data, dtype=np.int16)[-len(self._recent) :]
        kept = len(self._recent) - len(samples)
        self._recent[:kept] = self._recent[len(samples) :]
        self._recent[kept:] = samples

    async def predict(self, text: str) -> float | None:
        loop = asyncio.get_running_loop()
        # on the one thread that loads, so that it is done by then
        asked = loop.run_in_executor(self._worker, self._ask, self._recent.copy())
        try:
            probability = await asyncio.wait_for(asked, PREDICT_SECONDS)
        except TimeoutError:
            return None
        except Exception:
            logger.exception("turn detector failed")
            return None
        return on_one_scale(probability, MINI_THRESHOLD)

    def _ask(self, recent: NDArray[np.int16]) -> float:
        return float(self._loaded.result().predict(recent))

    async def aclose(self) -> None:
        # behind what was asked: a model that is closed under a question takes the process with it
        self._worker.submit(lambda: self._loaded.result().close())


def _load_mini() -> EOT:
    from livekit.local_inference import EOT, init_eot

    init_eot()
    return EOT()


class EnglishJudge(TurnJudge):
    """`EnglishModel` of the plugin, on each speaker's own words, in the worker's inference process, which loads it."""

    name = "english"

    def stream(self) -> EarTurnStream:
        from livekit.plugins.turn_detector.english import EnglishModel

        return _EnglishStream(EnglishModel())


class _EnglishStream(EarTurnStream):
    def __init__(self, model: Any) -> None:
        self._model = model
        self._threshold: float | None = None

    def push_audio(self, frame: rtc.AudioFrame) -> None:
        return

    async def predict(self, text: str) -> float | None:
        if not text.strip():
            return None
        from livekit.agents import LanguageCode, llm

        words = llm.ChatContext.empty()
        words.add_message(role="user", content=text)
        try:
            if self._threshold is None:
                self._threshold = await self._model.unlikely_threshold(LanguageCode("en")) or 0.5
            probability = await self._model.predict_end_of_turn(words, timeout=PREDICT_SECONDS)
        except TimeoutError:
            return None
        except Exception:
            logger.exception("turn detector failed")
            return None
        return on_one_scale(probability, self._threshold)

    async def aclose(self) -> None:
        return


def english_files_missing() -> tuple[str, ...]:
    """Files of the English model that are not in the Hugging Face cache; looked up without the network."""
    from huggingface_hub import try_to_load_from_cache

    repo, revision = english_model()
    return tuple(
        name
        for name in ENGLISH_FILES
        if not isinstance(try_to_load_from_cache(repo, name, revision=revision), str)
    )


def english_model() -> tuple[str, str]:
    """Repository and revision that the installed plugin loads."""
    # Read from the file: importing the module runs the package, which registers both models' runners.
    path = importlib.util.find_spec("livekit.plugins.turn_detector")
    assert path is not None
    assert path.submodule_search_locations is not None
    spec = importlib.util.spec_from_file_location(
        "sage_turn_detector_models", f"{path.submodule_search_locations[0]}/models.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.HG_MODEL), str(module.MODEL_REVISIONS["en"])


def register_english_runner() -> None:
    """Import the plugin so that the worker's inference process loads the English model, and it alone.

    The plugin registers a multilingual runner too, which would cost memory, be downloaded, and log an error
    at each start. Call it on the main thread of the worker before it starts; the framework refuses others.
    """
    from livekit.agents import Plugin
    from livekit.agents.inference_runner import _InferenceRunner

    importlib.import_module("livekit.plugins.turn_detector.english")
    _InferenceRunner.registered_runners.pop(MULTILINGUAL_METHOD, None)
    Plugin.registered_plugins[:] = [p for p in Plugin.registered_plugins if not _is_multilingual(p)]


def _is_multilingual(plugin: object) -> bool:
    runner = getattr(plugin, "_runner_class", None)
    return getattr(runner, "INFERENCE_METHOD", "") == MULTILINGUAL_METHOD


def prepare_worker(settings: Settings) -> str:
    """Choose the judge before the worker starts, on its main thread; returns "english", "v1-mini" or "none".

    Says once in the log when it is not the model that the deployment guide asks for.
    """
    choice = choose_judge(settings)
    if choice == EnglishJudge.name:
        register_english_runner()
    elif choice == MiniJudge.name:
        logger.warning(
            "turn detector files are missing: falling back to the on-device v1-mini",
            extra={
                "missing": list(english_files_missing()),
                "remedy": own_command("download-files"),
            },
        )
    return choice


def choose_judge(settings: Settings) -> str:
    """Name of the judge that the settings and the cache allow."""
    if not settings.enable_turn_detection:
        return SilenceJudge.name
    return MiniJudge.name if english_files_missing() else EnglishJudge.name


def build_turn_detector(settings: Settings) -> TurnJudge:
    """The judge for this process's ears; loads nothing yet."""
    judges: dict[str, type[TurnJudge]] = {
        judge.name: judge for judge in (SilenceJudge, MiniJudge, EnglishJudge)
    }
    return judges[choose_judge(settings)]()
