"""Who takes the floor from a speaking moderator, and who only listens aloud: read as scripts, in virtual time."""

import pytest

from voice.barge_in import DECIDE_SECONDS, BargeIn, Voice, is_backchannel

STEP = 0.02
START_SECONDS = 0.2


def play(
    speech_seconds: float, words: str = "", words_at: float = 1e9, until: float = 2.0
) -> list[tuple[Voice, float]]:
    """One person speaks for `speech_seconds` over a speaking moderator; their words are known at `words_at`."""
    barge_in, verdicts, at = BargeIn(), [], 0.0
    if speech_seconds >= START_SECONDS:
        assert barge_in.started("ben", 0.0, START_SECONDS) is Voice.HOLD
    at = START_SECONDS
    while at < until:
        at += STEP
        if at <= speech_seconds:
            barge_in.heard("ben", at)
        if at >= words_at:
            barge_in.words("ben", words)
        if (verdict := barge_in.decide(at)) is not None:
            verdicts.append((verdict, at))
    return verdicts


def test_a_sentence_takes_the_floor_within_the_time_to_decide() -> None:
    (verdict, at), *more = play(2.0)
    assert verdict is Voice.YIELD
    assert at - START_SECONDS <= DECIDE_SECONDS + 2 * STEP
    assert not more


@pytest.mark.parametrize("seconds", [0.25, 0.4, 0.5, 0.6])
def test_a_short_sound_lets_the_moderator_go_on_within_600_ms(seconds: float) -> None:
    (verdict, at), *_ = play(seconds)
    assert verdict is Voice.GO_ON
    assert at - START_SECONDS <= 0.6


def test_a_known_backchannel_lets_it_go_on_as_soon_as_it_is_over() -> None:
    (verdict, at), *_ = play(0.4, "Mm-hm.", words_at=0.45)
    assert verdict is Voice.GO_ON
    assert at < 0.6


def test_a_long_mm_hm_does_not_take_the_floor() -> None:
    (verdict, _), *more = play(0.9, "Mm-hmm.", words_at=0.7)
    assert verdict is Voice.GO_ON
    assert not more


def test_a_yeah_that_grows_into_a_sentence_takes_the_floor() -> None:
    barge_in = BargeIn()
    barge_in.started("ben", 0.0, 0.2)
    verdicts = []
    for step in range(11, 100):
        at = step * STEP
        barge_in.heard("ben", at)
        barge_in.words("ben", "Yeah" if at < 1.2 else "Yeah but that is wrong")
        if (verdict := barge_in.decide(at)) is not None:
            verdicts.append(verdict)
    assert verdicts == [Voice.GO_ON, Voice.YIELD]


def test_a_short_stop_takes_the_floor_by_its_word() -> None:
    assert play(0.4, "Stop!", words_at=0.6)[0][0] is Voice.YIELD


def test_what_the_clock_says_is_not_interrupted() -> None:
    assert BargeIn(interruptible=False).started("ben", 0.0, 0.2) is None


def test_one_sentence_among_coughs_takes_the_floor() -> None:
    barge_in = BargeIn()
    barge_in.started("ana", 0.0, 0.2)
    assert barge_in.started("ben", 0.1, 0.3) is None
    for step in range(16, 60):
        barge_in.heard("ben", step * STEP)
        if barge_in.decide(step * STEP) is Voice.YIELD:
            return
    raise AssertionError("the sentence did not take the floor")


def test_who_leaves_no_longer_holds_the_voice_back() -> None:
    barge_in = BargeIn()
    barge_in.started("ben", 0.0, 0.2)
    barge_in.left("ben")
    assert barge_in.decide(0.2 + DECIDE_SECONDS) is Voice.GO_ON


@pytest.mark.parametrize("words", ["Mm-hmm.", "Yeah, right.", "Okay", "I see.", "uh-huh"])
def test_signs_of_listening_are_known(words: str) -> None:
    assert is_backchannel(words)


@pytest.mark.parametrize("words", ["", "No, wait.", "I disagree", "right now you are wrong"])
def test_words_with_a_meaning_are_none(words: str) -> None:
    assert not is_backchannel(words)
