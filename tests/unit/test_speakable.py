"""What is read aloud of a text, and where its sentences and clauses end."""

import pytest

from providers.speakable import speakable
from simulators.sentences import Chunker, clause_end, sentence_end


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("**Alice**, you have _two_ minutes.", "Alice, you have two minutes."),
        ("See [the report](https://example.test/a_(b)) now.", "See the report now."),
        ("It fell by 4 %[1][2], they say 【3†source】.", "It fell by 4 %, they say."),
        ("Look at https://example.test/x?y=1 please.", "Look at please."),
        ("# Summary\n- First point\n- Second point", "Summary\nFirst point\nSecond point"),
        ("Use `code` and ***stress***.", "Use code and stress."),
        ("2 * 3 = 6", "2 3 = 6"),
        ("snake_case stays", "snake_case stays"),
        ("Good \U0001f600 work", "Good work"),
        ("```python\nprint()\n```", ""),
        ("<b>bold</b>", "b bold /b"),
        ("Plain words, nothing else.", "Plain words, nothing else."),
    ],
)
def test_markup_is_not_read_aloud(written, spoken):
    assert speakable(written) == spoken


def test_a_number_that_begins_a_line_is_a_list_and_within_a_line_is_a_number():
    assert speakable("20. Then we vote.") == "Then we vote."
    assert speakable("20. Then we vote.", mid_line=True) == "20. Then we vote."
    assert speakable("and _then. We_ vote") == "and then. We vote"
    assert speakable("We_ vote", mid_line=True) == "We vote"


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("Hello there. And", 12),
        ("It costs 3.50 and", None),
        ("Dr. Smith has", None),
        ("Is it? Yes", 6),
        ('He said "no." Then', 13),
        ("As they say.[1] Next", 15),
        ("J. K. Rowling wrote", None),
        ("1. First", None),
        ("no mark yet", None),
        ("ends here.", None),
    ],
)
def test_a_sentence_ends_at_its_mark_and_only_there(text, end):
    assert sentence_end(text) == end


def test_a_clause_ends_at_its_comma_else_at_the_last_word_that_fits():
    assert clause_end("When all is said, we vote", 5, 40) == 17
    assert clause_end("short, too", 24, 40) is None
    assert clause_end("one two three four five", 5, 12) == 7


def chunks_of(pieces: list[str]) -> list[str]:
    chunker = Chunker(least=24, most=120, first_most=60)
    return [chunk for piece in pieces for chunk in chunker.push(piece)] + chunker.flush()


def test_sentences_come_as_soon_as_they_are_complete():
    chunker = Chunker(least=24, most=120, first_most=60)
    assert chunker.push("Yes. I ") == ["Yes."]
    assert chunker.push("heard") == []
    assert chunker.waiting
    assert chunker.flush() == ["I heard"]
    assert not chunker.waiting


def test_a_long_first_sentence_is_cut_at_a_clause():
    text = (
        "Because nobody has the floor right now, the one who raises a hand first may speak for two minutes."
    )
    first, *rest = chunks_of([text])
    assert first == "Because nobody has the floor right now,"
    assert " ".join([first, *rest]) == text


def test_no_word_is_lost_or_cut_however_the_text_arrives():
    text = "One, two and three were said. " * 9 + "A tail without any mark at all " * 6
    for size in (1, 3, 7, 50):
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        chunks = chunks_of(pieces)
        assert " ".join(chunks).split() == text.split()
        assert all(len(chunk) <= 120 for chunk in chunks)


def test_words_that_wait_too_long_are_spoken_up_to_the_last_whole_one():
    chunker = Chunker(least=10, most=120, first_most=60)
    assert chunker.push("this goes on and o") == []
    assert chunker.hurry() == ["this goes on and"]
    assert chunker.flush() == ["o"]


def test_too_few_words_are_not_hurried():
    chunker = Chunker(least=24, most=120, first_most=60)
    chunker.push("a few words")
    assert chunker.hurry() == []
