"""What the words of a turn say of its end, and when they say nothing of it."""

from voice.utterance import STALE_SECONDS, Utterance


def heard(text: str, at: float) -> Utterance:
    return Utterance("ana", start=0.0, running=text, words_at=at)


def test_words_that_break_off_are_unfinished_and_a_whole_request_is_finished():
    assert heard("What do you make of the", 3.0).ends(3.0) == (True, False)
    assert heard("Moderator, how much time is left?", 3.0).ends(3.0) == (False, True)


def test_new_words_are_judged_anew():
    utterance = heard("What do you make of the", 3.0)
    assert utterance.ends(3.0) == (True, False)
    utterance.running, utterance.words_at = "What do you make of the argument, moderator?", 3.2
    assert utterance.ends(3.0) == (False, True)


def test_words_of_a_recogniser_that_fell_silent_in_the_middle_say_nothing_of_the_end():
    assert heard("What do you make of the", 1.5).ends(1.5 + STALE_SECONDS + 0.1) == (False, False)


def test_without_voice_activity_detection_the_words_are_all_there_is():
    assert heard("What do you make of the", 1.5).ends() == (True, False)
