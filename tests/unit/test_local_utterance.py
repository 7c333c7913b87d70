"""Where an utterance's speech is, where it may be cut, and what the recogniser is given of it."""

import numpy as np
import pytest

from providers.local.utterance import (
    CUT_AT_SECONDS,
    CUT_FROM_SECONDS,
    LEAD_SECONDS,
    QUIET_PEAK,
    SAMPLE_RATE,
    TAIL_SECONDS,
    Utterance,
    join_parts,
    prepare,
)

WINDOW_SECONDS = 512 / SAMPLE_RATE


def loud(window: np.ndarray) -> float:
    """A judge that calls speech what is not silent."""
    return 1.0 if np.abs(window.astype(np.int32)).max() > 500 else 0.0


def tone(seconds: float, peak: int = 8000) -> np.ndarray:
    wave = np.sin(np.arange(int(seconds * SAMPLE_RATE)) * 0.3)
    return np.asarray(wave * peak, dtype=np.int16)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * SAMPLE_RATE), dtype=np.int16)


def heard(*pieces: np.ndarray, began: float = 0.0) -> Utterance:
    utterance = Utterance(loud, began=began)
    for piece in pieces:
        for start in range(0, len(piece), 320):
            utterance.push(piece[start : start + 320])
    return utterance


def test_speech_is_found_between_the_silences():
    utterance = heard(silence(1.0), tone(0.5), silence(0.5), began=10.0)
    assert utterance.start_seconds == pytest.approx(11.0, abs=WINDOW_SECONDS)
    assert utterance.end_seconds == pytest.approx(11.5, abs=WINDOW_SECONDS)
    assert utterance.silence_seconds == pytest.approx(0.5, abs=2 * WINDOW_SECONDS)


def test_silence_alone_is_no_speech():
    utterance = heard(silence(2.0))
    assert not utterance.speech_in_part()
    assert utterance.silence_seconds == 0.0
    assert utterance.cut() is None


def test_the_recogniser_is_spared_the_silence_around_the_speech():
    samples = heard(silence(3.0), tone(1.0), silence(3.0)).samples(0)
    expected = LEAD_SECONDS + 1.0 + TAIL_SECONDS
    assert len(samples) / SAMPLE_RATE == pytest.approx(expected, abs=2 * WINDOW_SECONDS)


def test_no_sample_that_it_is_given_is_digital_silence():
    samples = prepare(silence(1.0))
    assert samples.dtype == np.float32
    assert np.count_nonzero(samples == 0.0) == 0
    assert 20 * np.log10(np.sqrt(np.square(samples).mean())) == pytest.approx(-70, abs=3)


def test_the_same_audio_is_made_ready_in_the_same_way_each_time():
    audio = tone(0.3)
    assert np.array_equal(prepare(audio), prepare(audio))


def test_quiet_speech_is_raised_and_loud_speech_is_left_alone():
    assert np.abs(prepare(tone(0.5, peak=1000))).max() == pytest.approx(QUIET_PEAK, rel=0.02)
    assert np.abs(prepare(tone(0.5, peak=20000))).max() == pytest.approx(20000 / 32768, rel=0.01)


def test_quiet_speech_is_judged_as_loud_as_it_will_be_decoded():
    # 300 of 32768 is far below what the judge takes for speech.
    assert heard(tone(0.5, peak=300)).speech_in_part()


def test_a_short_utterance_is_never_cut():
    assert heard(tone(CUT_FROM_SECONDS - 1.0), silence(0.5)).cut() is None


def test_a_long_utterance_is_cut_in_its_next_pause():
    utterance = heard(tone(CUT_FROM_SECONDS + 0.5), silence(0.3))
    start, end = utterance.cut() or (0, 0)
    assert start == 0
    assert end / SAMPLE_RATE == pytest.approx(CUT_FROM_SECONDS + 0.65, abs=0.06)
    assert not utterance.speech_in_part()
    assert utterance.cut() is None


def test_speech_without_a_pause_is_cut_at_its_quietest_point():
    dip = CUT_FROM_SECONDS + 1.0
    utterance = heard(tone(dip), tone(0.05, peak=1200), tone(CUT_AT_SECONDS - dip))
    _, end = utterance.cut() or (0, 0)
    assert end / SAMPLE_RATE == pytest.approx(dip + 0.025, abs=0.02)
    assert utterance.part_start == end


def test_parts_leave_out_no_sample_of_the_speech():
    utterance = heard(tone(CUT_AT_SECONDS + 0.1))
    start, end = utterance.cut() or (0, 0)
    first, second = utterance.samples(start, end), utterance.samples(utterance.part_start)
    assert len(first) + len(second) == utterance.length - start


def test_memory_grows_with_the_audio():
    utterance = heard(tone(9.0))
    assert utterance.length == 9 * SAMPLE_RATE
    assert np.abs(utterance.samples(8 * SAMPLE_RATE)).max() > 0.2


def test_parts_without_words_leave_no_gap_in_the_text():
    assert join_parts(["I say", "", "this."]) == "I say this."
