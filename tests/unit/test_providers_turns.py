"""The judge of turns: which one is taken, on what scale it answers, and that the English model really loads.

The model itself cannot be had here: a tiny one of the same inputs and outputs stands in the cache in its place, and
the plugin's own loading code, the worker's inference process and the ear's question run as they are.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from livekit import rtc

from providers import turns
from providers.turns import build_turn_detector, choose_judge, english_files_missing, on_one_scale
from settings import load_settings
from tests.unit.tiny_turn_model import THRESHOLD, write_tiny_model

ROOT = Path(__file__).resolve().parents[2]
FRAME = rtc.AudioFrame(b"\0" * 640, 16_000, 1, 320)


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A busy machine may answer late; what is asked here is whether it answers."""
    monkeypatch.setattr(turns, "PREDICT_SECONDS", 30.0)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_the_scale_has_each_models_threshold_in_its_middle():
    assert on_one_scale(0.36, 0.36) == pytest.approx(0.5)
    assert [on_one_scale(p, 0.03) for p in (0.0, 1.0)] == [0.0, 1.0]
    values = [on_one_scale(p / 100, 0.1) for p in range(101)]
    assert values == sorted(values)
    assert on_one_scale(0.7, 1.0) == pytest.approx(0.35)


def test_without_files_the_bundled_detector_judges_and_it_is_said_once(empty_cache, caplog):
    assert choose_judge(load_settings()) == "v1-mini"
    with caplog.at_level("WARNING", logger="sage.providers"):
        assert turns.prepare_worker(load_settings()) == "v1-mini"
        build_turn_detector(load_settings())
    assert ["falling back" in record.message for record in caplog.records] == [True]


def test_with_its_files_the_english_model_judges(empty_cache):
    write_tiny_model(empty_cache)
    assert english_files_missing() == ()
    assert choose_judge(load_settings()) == "english"


def test_a_download_that_broke_off_counts_as_missing(empty_cache):
    snapshot = write_tiny_model(empty_cache)
    (snapshot / "languages.json").unlink()
    assert english_files_missing() == ("languages.json",)
    assert choose_judge(load_settings()) == "v1-mini"


async def test_switched_off_silence_alone_decides(empty_cache):
    write_tiny_model(empty_cache)
    judge = build_turn_detector(load_settings(enable_turn_detection=False))
    stream = judge.stream()
    stream.push_audio(FRAME)
    assert await stream.predict("I believe that") is None
    await stream.aclose()


async def test_the_bundled_detector_answers_from_any_amount_of_audio(empty_cache):
    judge = build_turn_detector(load_settings())
    stream = judge.stream()
    try:
        for frames in (0, 3, 100):
            for _ in range(frames):
                stream.push_audio(FRAME)
            probability = await stream.predict("")
            assert probability is not None
            assert 0.0 <= probability <= 1.0
        stream.push_audio(rtc.AudioFrame(b"\0" * 64_000, 16_000, 1, 32_000))
        assert await stream.predict("") is not None
    finally:
        await stream.aclose()


async def test_each_ear_is_judged_by_its_own_audio(empty_cache):
    judge = build_turn_detector(load_settings())
    silent, loud = judge.stream(), judge.stream()
    noise = np.random.default_rng(5).integers(-9000, 9000, 19_200).astype(np.int16)
    loud.push_audio(rtc.AudioFrame(noise.tobytes(), 16_000, 1, 19_200))
    answers = await asyncio.gather(silent.predict(""), loud.predict(""))
    assert answers[0] != answers[1]
    await asyncio.gather(silent.aclose(), loud.aclose())


IN_THE_WORKER = """
import asyncio, json, sys
from livekit.agents import Plugin
from livekit.agents.inference_runner import _InferenceRunner
from livekit.agents.testing import fake_job_context
from providers.turns import build_turn_detector, prepare_worker
from settings import load_settings

settings = load_settings()
choice = prepare_worker(settings)
runners = _InferenceRunner.registered_runners
loaded = {method: runner() for method, runner in runners.items()}
for runner in loaded.values():
    runner.initialize()

class Executor:
    async def do_inference(self, method, data):
        return loaded[method].run(data)

async def ask():
    with fake_job_context(inference_executor=Executor()):
        stream = build_turn_detector(settings).stream()
        return [await stream.predict(text) for text in ("I believe that", "I believe that you are right.", "")]

print(json.dumps({
    "choice": choice, "runners": sorted(runners), "answers": asyncio.run(ask()),
    "plugins": [p._runner_class.INFERENCE_METHOD for p in Plugin.registered_plugins if hasattr(p, "_runner_class")],
}))
"""


@pytest.mark.timeout(120)
def test_the_real_loading_path_loads_the_english_model_and_no_other(tmp_path):
    write_tiny_model(tmp_path / "hub")
    told = run_in_a_process(IN_THE_WORKER, HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    assert told["choice"] == "english"
    assert told["runners"] == ["lk_end_of_utterance_en"] == told["plugins"]
    unfinished, finished, nothing = told["answers"]
    # The stand-in calls a text with a full stop finished; both sides of its threshold meet the middle of our scale.
    assert unfinished == pytest.approx(on_one_scale(0.1, THRESHOLD), abs=1e-3)
    assert finished == pytest.approx(on_one_scale(0.9, THRESHOLD), abs=1e-3)
    assert unfinished < 0.5 < finished
    assert nothing is None


def run_in_a_process(code: str, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
