"""The last seconds of a microphone: which frames are there, when they came and how loud they are."""

from __future__ import annotations

import numpy as np
import pytest
from livekit import rtc

from voice.kept_audio import KEPT_SECONDS, SILENT_DB, KeptAudio, decibels

SAMPLES = 512
SECONDS = SAMPLES / 16_000


def frame() -> rtc.AudioFrame:
    return rtc.AudioFrame(bytes(2 * SAMPLES), 16_000, 1, SAMPLES)


def test_a_sample_belongs_to_the_frame_that_ended_with_it_or_before() -> None:
    audio = KeptAudio(SECONDS)
    assert audio.upto(SAMPLES) is None
    for number in range(4):
        audio.add(frame(), float(number))
    for sample, at in ((0, 0.0), (SAMPLES, 0.0), (2 * SAMPLES, 1.0), (3 * SAMPLES - 1, 1.0), (9_999, 3.0)):
        kept = audio.upto(sample)
        assert kept is not None
        assert kept.at == at, sample


def test_what_was_heard_already_and_what_is_older_is_left_out() -> None:
    audio = KeptAudio(SECONDS)
    frames = [frame() for _ in range(5)]
    for number, each in enumerate(frames):
        audio.add(each, float(number))
    assert list(audio.after(2 * SAMPLES, since=0.0)) == frames[2:]
    assert list(audio.after(0, since=3.0)) == frames[3:]


def test_old_audio_is_let_go() -> None:
    audio = KeptAudio(SECONDS)
    for number in range(round(2 * KEPT_SECONDS / SECONDS)):
        audio.add(frame(), number * SECONDS)
    assert len(list(audio.after(0, since=0.0))) * SECONDS == pytest.approx(KEPT_SECONDS)
    assert audio.samples == round(2 * KEPT_SECONDS / SECONDS) * SAMPLES


def test_a_level_is_the_rms_of_full_scale() -> None:
    assert decibels(np.full(160, 32767, np.int16)) == pytest.approx(0.0, abs=0.01)
    assert decibels(np.full(160, -328, np.int16)) == pytest.approx(-40.0, abs=0.05)
    assert decibels(np.zeros(160, np.int16)) == SILENT_DB
    assert decibels(np.zeros(0, np.int16)) == SILENT_DB
