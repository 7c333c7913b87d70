"""What the words of a turn say of its end, and when they say nothing of it."""

from voice.utterance import STALE_SECONDS, Utterance


def heard(text: str, at: float) -> Utterance:
    return Utterance("ana", start=0.0, running=text, words_at=at)


def test_words_that_break_off_are_unfinished_and_a_whole_request_is_finished():
    assert heard("What do you make of the", 3.0).ends() == (True, False)
    assert heard("Moderator, how much time is left?", 3.0).ends() == (False, True)


def test_new_words_are_judged_anew():
    utterance = heard("What do you make of the", 3.0)
    assert utterance.ends() == (True, False)
    utterance.running, utterance.words_at = "What do you make of the argument, moderator?", 3.2
    assert utterance.ends() == (False, True)


def test_words_that_came_long_before_the_speech_ended_are_stale():
    utterance = heard("What do you make of the", 1.5)
    assert not utterance.stale(1.5 + STALE_SECONDS - 0.1)
    assert utterance.stale(1.5 + STALE_SECONDS + 0.1)
    assert Utterance("ana", start=0.0).stale(0.0)
