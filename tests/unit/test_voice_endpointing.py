"""Starts, pauses and ends of speech by probabilities alone, in virtual time."""

import pytest

from voice.endpointing import OVERHANG_SECONDS, Endpointing, GateEvent, SpeechGate, must_split

WINDOW = 0.032


def heard(
    gate: SpeechGate, script: list[tuple[float, float]], at: float = 0.0
) -> list[tuple[GateEvent, float]]:
    """Feeds (seconds, probability) stretches, as loud as they are likely; answers what changed and when."""
    changes = []
    for seconds, probability in script:
        for _ in range(round(seconds / WINDOW)):
            at += WINDOW
            if (change := gate.feed(probability, WINDOW, at, -65.0 + 40.0 * probability)) is not None:
                changes.append((change, at))
    return changes


def gate() -> SpeechGate:
    return SpeechGate(confidence=0.6, start_seconds=0.2)


def test_speech_starts_after_the_start_seconds_of_it() -> None:
    changes = heard(gate(), [(0.5, 0.05), (0.5, 0.9)])
    assert [change for change, _ in changes] == [GateEvent.STARTED]
    assert abs(changes[0][1] - 0.5 - 0.2) <= WINDOW


def test_a_cough_of_150_ms_starts_nothing() -> None:
    assert heard(gate(), [(0.2, 0.0), (0.15, 0.95), (1.0, 0.0)]) == []


def test_two_coughs_apart_are_not_added_up() -> None:
    assert heard(gate(), [(0.15, 0.95), (0.5, 0.0), (0.15, 0.95), (0.5, 0.0)]) == []


def test_a_plosive_within_the_onset_does_not_begin_it_anew() -> None:
    ear = gate()
    changes = heard(ear, [(0.13, 0.9), (0.064, 0.1), (0.13, 0.9)])
    assert [change for change, _ in changes] == [GateEvent.STARTED]
    assert ear.onset_at is not None
    assert ear.onset_at < 0.05


def test_a_pause_and_going_on_are_told_within_one_turn() -> None:
    changes = heard(gate(), [(0.4, 0.9), (0.3, 0.0), (0.3, 0.9)])
    assert [change for change, _ in changes] == [GateEvent.STARTED, GateEvent.PAUSED, GateEvent.RESUMED]


def test_speech_does_not_flicker_just_under_the_confidence() -> None:
    changes = heard(gate(), [(0.4, 0.9), (0.3, 0.5), (0.3, 0.9)])
    assert [change for change, _ in changes] == [GateEvent.STARTED]


def test_silence_is_measured_from_the_last_speech() -> None:
    ear = gate()
    heard(ear, [(0.4, 0.9), (0.5, 0.0)])
    assert abs(ear.silence(0.9) - 0.5) < 2 * WINDOW
    ear.close()
    assert not ear.speaking
    assert ear.silence(2.0) == 0.0


def test_a_finished_sentence_ends_at_the_shortest_silence_and_an_open_one_at_the_longest() -> None:
    rule = Endpointing(min_silence=0.3, max_silence=1.5, stop_silence=0.8)
    assert rule.needed(0.9, unfinished=False) == pytest.approx(0.3)
    assert rule.needed(0.0, unfinished=False) == 1.5
    assert 0.3 < rule.needed(0.3, unfinished=False) < 1.5
    assert rule.needed(0.9, unfinished=True) == 1.5


def test_a_whole_request_to_the_moderator_ends_at_the_shortest_silence_whatever_the_detector_hears() -> None:
    rule = Endpointing(min_silence=0.3, max_silence=1.5, stop_silence=0.8)
    assert rule.needed(0.0, unfinished=False, finished=True) == 0.3
    assert rule.needed(None, unfinished=False, finished=True) == 0.3


def test_unfinished_words_that_are_older_than_the_speech_wait_for_an_ordinary_silence():
    rule = Endpointing(min_silence=0.3, max_silence=1.5, stop_silence=0.8)
    assert rule.needed(0.9, unfinished=True, stale=True) == 0.8
    assert rule.needed(0.9, unfinished=False, stale=True) == pytest.approx(0.3)


def test_without_a_detector_the_stop_silence_decides_within_its_bounds() -> None:
    assert Endpointing(0.3, 1.5, 0.8).needed(None, unfinished=False) == 0.8
    assert Endpointing(0.3, 0.6, 0.8).needed(None, unfinished=False) == 0.6
    assert Endpointing(0.9, 1.5, 0.8).needed(None, unfinished=False) == 0.9


def test_a_long_speech_splits_at_its_first_quiet_moment_and_at_last_anywhere() -> None:
    assert not must_split(20.0, voiced=False, max_seconds=30.0)
    assert must_split(24.5, voiced=False, max_seconds=30.0)
    assert not must_split(29.9, voiced=True, max_seconds=30.0)
    assert must_split(30.0, voiced=True, max_seconds=30.0)


def test_quiet_windows_at_the_end_of_speech_are_silence_though_the_model_still_says_speech() -> None:
    ear = gate()
    at = 0.0
    for probability, level in [(0.0, -65.0)] * 5 + [(0.95, -25.0)] * 12 + [(0.95, -64.0)] * 2:
        at += WINDOW
        ear.feed(probability, WINDOW, at, level)
    assert ear.silence(at) == 0.0  # the model may be right: nothing is decided by the level alone
    at += WINDOW
    assert ear.feed(0.0, WINDOW, at, -65.0) is GateEvent.PAUSED
    assert ear.silence(at) == pytest.approx(3 * WINDOW)


def test_a_whisper_after_loud_words_takes_back_a_tenth_of_a_second_at_most() -> None:
    ear = gate()
    at = 0.0
    for probability, level in [(0.95, -15.0)] * 12 + [(0.95, -60.0)] * 30 + [(0.0, -60.0)]:
        at += WINDOW
        ear.feed(probability, WINDOW, at, level)
    assert ear.silence(at) == pytest.approx(OVERHANG_SECONDS + WINDOW)


def test_soft_sounds_between_loud_ones_are_speech() -> None:
    ear = gate()
    at = 0.0
    for level in [-20.0] * 10 + [-58.0] * 2 + [-20.0] * 3:
        at += WINDOW
        ear.feed(0.95, WINDOW, at, level)
    assert ear.last_voice_at == at


def test_in_a_loud_room_the_soft_end_of_a_word_is_speech() -> None:
    ear = gate()
    at = 0.0
    for probability, level in [(0.0, -35.0)] * 20 + [(0.95, -22.0)] * 12 + [(0.95, -30.0)] * 4:
        at += WINDOW
        ear.feed(probability, WINDOW, at, level)
    assert ear.last_voice_at == at
