"""Matching by words: parts, splits, garbled words, wrong names, missed lines, invented ones."""

from rehearsal.matching import Matching, Wording, match
from rehearsal.words import distance, likeness, words_of

LINES = [
    Wording("Ana", "Good evening everyone, I want to begin with the air that our children breathe."),
    Wording("Ben", "Clean air matters to me too, but my bakery lives from people who come by car."),
    Wording("Ana", "Moderator, how much time is left?"),
    Wording("Ben", "Yes."),
]


def heard(*utterances: tuple[str, str]) -> Matching:
    return match(LINES, [Wording(speaker, text) for speaker, text in utterances])


def test_words_lose_case_punctuation_and_digits() -> None:
    assert words_of("It's 10 o’clock — O.K., 42 %!") == (
        "its", "ten", "oclock", "o", "k", "forty", "two", "percent",
    )  # fmt: skip
    assert words_of("ÉCOLE 100 305 2024") == (
        "école", "one", "hundred", "three", "hundred", "five", "2024",
    )  # fmt: skip
    assert words_of(" …!? ") == ()


def test_distance_counts_edits_and_likeness_spellings() -> None:
    assert distance("kitten", "sitting") == 3
    assert distance((), ("a", "b")) == 2
    assert likeness("moderator", "moderate") > 0.6
    assert likeness("car", "moderator") == 0.0


def test_lines_heard_as_spoken_are_all_right() -> None:
    found = heard(*((line.speaker, line.text) for line in LINES))
    assert [verdict.own for verdict in found.verdicts] == [1.0] * 4
    assert not any(verdict.missed or verdict.misattributed or verdict.errors for verdict in found.verdicts)
    assert found.lines_of == ((0,), (1,), (2,), (3,))
    assert found.invented == ()


def test_a_line_may_be_split_and_an_utterance_may_hold_two_lines() -> None:
    found = heard(
        ("Ben", "Clean air matters to me too."),
        ("Ana", "Good evening everyone. I want to begin with the air"),
        ("Ben", "But my bakery lives from people who come by car."),
        ("Ana", "that our children breathe. Moderator, how much time is left?"),
        ("Ben", "yes"),
    )
    assert found.lines_of == ((1,), (0,), (1,), (2, 0), (3,))
    assert [verdict.errors for verdict in found.verdicts] == [0, 0, 0, 0]


def test_a_line_under_another_name_is_found() -> None:
    found = heard(
        ("Ana", "Good evening everyone, I want to begin with the air that our children breathe."),
        ("Ana", "Clean air matters to me too but my bakery lives from people who come by car"),
        ("Ana", "Moderator, how much time is left?"),
    )
    ana, ben, question, yes = found.verdicts
    assert not ana.misattributed
    assert ben.misattributed
    assert ben.foreign_speaker == "Ana"
    assert not ben.missed
    assert not question.misattributed
    assert yes.missed


def test_the_half_of_a_line_under_another_name_is_found() -> None:
    found = heard(
        ("Ben", "Clean air matters to me too,"),
        ("Ana", "but my bakery lives from people who come by car."),
    )
    assert found.verdicts[1].misattributed
    assert 0.3 < found.verdicts[1].own < 0.5


def test_garbled_words_are_errors_not_losses() -> None:
    found = heard(("Ana", "Moderate her how much thyme is left."), ("Ben", "Yes, yes."))
    question = found.verdicts[2]
    assert not question.missed
    assert question.errors == 3
    assert question.heard == ("moderate", "her", "how", "much", "thyme", "is", "left")
    assert found.verdicts[3].own == 1.0


def test_chance_words_of_others_are_neither_heard_nor_misattributed() -> None:
    found = heard(("Ben", "I want to say that the car is mine."), ("Ana", "Yes, and that is how it is."))
    assert [verdict.misattributed for verdict in found.verdicts] == [False] * 4
    assert [verdict.missed for verdict in found.verdicts] == [True] * 4
    assert found.invented == (0, 1)


def test_invented_words_in_an_utterance_count_as_errors() -> None:
    found = heard(("Ana", "You know moderator how much time is left for us"))
    assert found.verdicts[2].errors == 4


FINE = [
    Wording("Ben", "Fine. Then I ask Ana directly where the vans should go, please."),
    Wording("Ana", "They may enter until ten in the morning."),
]


def test_a_word_cut_off_from_a_lines_edge_by_a_pause_belongs_to_the_line() -> None:
    utterances = [
        Wording("Ben", "Fine."),
        Wording("Ana", "They may enter until ten in the morning."),  # spoken in between, by another
        Wording("Ben", "Then I ask Ana directly where the vans should go,"),
        Wording("Ben", "please."),
    ]
    found = match(FINE, utterances)
    assert found.lines_of == ((0,), (1,), (0,), (0,))
    assert found.invented == ()
    assert found.verdicts[0].errors == 0
    assert found.verdicts[0].own == 1.0


def test_a_single_word_that_is_no_open_edge_of_the_line_beside_it_stays_invented() -> None:
    rest = Wording("Ben", "Then I ask Ana directly where the vans should go.")
    whole = Wording("Ben", "Fine, then I ask Ana directly where the vans should go, please.")
    ana = Wording("Ana", "They may enter until ten in the morning.")

    def invented(*utterances: Wording) -> list[str]:
        return [utterances[index].text for index in match(FINE, utterances).invented]

    assert invented(Wording("Ben", "You."), rest, ana) == ["You."]  # not in the script at all
    assert invented(Wording("Ben", "Fine."), whole, ana) == ["Fine."]  # that word was heard already
    assert invented(Wording("Ben", "directly"), rest, ana) == ["directly"]  # not at the edge
    assert invented(rest, Wording("Ben", "Fine."), ana) == ["Fine."]  # on the wrong side of it
    assert invented(Wording("Ana", "Fine."), rest, ana) == ["Fine."]  # of another voice
    foreign = Wording("Ana", rest.text)
    assert invented(Wording("Ana", "Fine."), foreign, ana) == ["Fine."]
    assert match(FINE, [Wording("Ana", "Fine."), foreign, ana]).verdicts[0].misattributed


def test_the_same_words_of_two_people_stay_with_their_speakers() -> None:
    lines = [Wording(who, "Moderator, how much time is left?") for who in ("Ana", "Ben", "Ana")]
    utterances = [
        Wording("Ben", "moderator how much time is left"),
        *[Wording("Ana", "how much time is left")] * 2,
    ]
    found = match(lines, utterances)
    assert not any(verdict.misattributed or verdict.missed for verdict in found.verdicts)
    assert found.lines_of == ((1,), (0,), (2,))


def test_nothing_heard_is_everything_missed() -> None:
    assert all(verdict.missed for verdict in heard().verdicts)
    assert match([], [Wording("Ana", "Hello there.")]).invented == (0,)
