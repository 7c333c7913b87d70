"""Voice activity: which detector is taken, and that the choice changes no verdict on speech."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import inference, vad
from livekit.plugins import silero

from providers.local.hibari_voice import SAMPLE_RATE as VOICE_RATE
from providers.local.hibari_voice import parse_style, shared_voice
from providers.vad import AtOnce, build_vad
from settings import Settings

RATE, WINDOW = 16_000, 512


@pytest.fixture
def settings() -> Settings:
    return Settings()


def broken(*_: Any, **__: Any) -> vad.VAD:
    """As a native library that this machine cannot load."""
    raise OSError("GLIBC_2.99 not found")


def test_the_cheap_copy_is_taken_first_then_the_plugin_then_none(settings, monkeypatch):
    def provider() -> str:
        detector = build_vad(settings)
        return type(detector).__module__ if detector is not None else ""

    assert provider() == "livekit.agents.inference.vad"
    monkeypatch.setattr(inference, "VAD", broken)
    assert provider() == "livekit.plugins.silero.vad"
    monkeypatch.setattr(silero.VAD, "load", broken)
    assert provider() == ""


async def verdicts(detector: vad.VAD, pcm: np.ndarray) -> list[bool]:
    """For each window of `pcm`, whether it is speech."""
    stream = detector.stream()
    for start in range(0, len(pcm) - WINDOW + 1, WINDOW):
        stream.push_frame(rtc.AudioFrame(pcm[start : start + WINDOW].tobytes(), RATE, 1, WINDOW))
    stream.end_input()
    kinds = [event async for event in stream]
    await stream.aclose()
    return [one.probability >= 0.6 for one in kinds if one.type == vad.VADEventType.INFERENCE_DONE]


async def test_both_detectors_agree_on_speech_but_for_a_window_at_its_edges(settings, monkeypatch):
    spoken = shared_voice().speak("We should close the centre to cars for one summer.", parse_style("heart"))
    times = np.arange(0, len(spoken.samples) / VOICE_RATE, 1 / RATE)
    speech = np.interp(times, np.arange(len(spoken.samples)) / VOICE_RATE, spoken.samples)
    pcm = (np.concatenate([np.zeros(RATE), speech, np.zeros(RATE)]) * 32767).astype(np.int16)
    bundled = build_vad(settings)
    monkeypatch.setattr(inference, "VAD", broken)
    plugin = build_vad(settings)
    assert bundled is not None
    assert plugin is not None
    first, second = await verdicts(bundled, pcm), await verdicts(plugin, pcm)
    assert len(first) == len(second) == len(pcm) // WINDOW
    assert sum(first) > len(speech) / WINDOW / 2
    edges = sum(first[i] != first[i - 1] for i in range(1, len(first)))
    assert sum(a != b for a, b in zip(first, second, strict=True)) <= edges


def test_work_done_at_once_is_done_when_it_is_handed_over():
    def refuse() -> None:
        raise ValueError("no window")

    done: Future[int] = AtOnce().submit(max, 3, 4)
    assert done.done()
    assert done.result() == 4
    assert isinstance(AtOnce().submit(refuse).exception(), ValueError)
