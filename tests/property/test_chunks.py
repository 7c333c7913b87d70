"""Text for the voice: whatever comes in whatever pieces, no word is lost, and the bounds of the knobs are held."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.chains.chunks import Chunking, SpeechChunker

WORDS = st.sampled_from(
    [
        "a", "the", "moderator", "has", "3.5", "1,000", "e.g.,", "Dr.", "Smith", "U.N.", "vote", "now.", "yes,", "why?",
        "then:", "question", "two;", "floor", "end!", "J.", "K.", "p.m.", "twenty-one",
    ]
)  # fmt: skip
TEXTS = st.lists(WORDS, min_size=1, max_size=80).map(" ".join)
KNOBS = st.tuples(st.integers(1, 40), st.integers(40, 160)).map(lambda both: Chunking(both[0], both[1]))
UNFINISHED = ("Dr.", "J.", "K.", "U.N.", "e.g.,", "p.m.")


def pieces(text: str, sizes: list[int]) -> list[str]:
    found, at = [], 0
    for size in sizes:
        found.append(text[at : at + size])
        at += size
    return [piece for piece in [*found, text[at:]] if piece]


def cut(text: str, knobs: Chunking, sizes: list[int], hurries: set[int]) -> list[tuple[str, bool]]:
    """The chunks, and whether each had to be full: not at the end, and not hurried."""
    chunker = SpeechChunker(knobs)
    chunks = []
    for number, piece in enumerate(pieces(text, sizes)):
        chunks += [(chunk.text, True) for chunk in chunker.push(piece)]
        if number in hurries:
            chunks += [(chunk.text, False) for chunk in chunker.hurry()]
    return chunks + [(chunk.text, False) for chunk in chunker.flush()]


@given(TEXTS, KNOBS, st.lists(st.integers(1, 60), max_size=40), st.sets(st.integers(0, 40)))
def test_the_chunks_are_the_text_and_hold_their_bounds(text, knobs, sizes, hurries):
    chunks = cut(text, knobs, sizes, hurries)
    assert " ".join(chunk for chunk, _ in chunks) == text
    for chunk, full in chunks:
        longest_unit = 40  # a row of abbreviations is not torn
        assert len(chunk) <= knobs.most + longest_unit
        assert not full or len(chunk) >= knobs.least or len(chunk) + longest_unit > knobs.most


@given(TEXTS, KNOBS, st.lists(st.integers(1, 60), max_size=40), st.sets(st.integers(0, 40)))
def test_no_chunk_ends_within_an_abbreviation_or_a_number(text, knobs, sizes, hurries):
    chunks = cut(text, knobs, sizes, hurries)
    for chunk, _ in chunks[:-1]:
        assert chunk.split()[-1] not in UNFINISHED or len(chunk) > knobs.most
    assert [word for chunk, _ in chunks for word in chunk.split()] == text.split()


@given(st.lists(st.integers(1, 30), max_size=30), st.sets(st.integers(0, 30)))
def test_markup_is_never_read_aloud_wherever_it_is_torn(sizes, hurries):
    text = (
        "**Ada** said, as [the long report](https://example.test/a,b.c) shows, that it fell.[1][2] See "
        "https://example.test/x?y=1,2 for more.\n\n- First, a `point` of _some length_, I think.\n"
        "```python\nprint('never said, ever.')\n```\nThat is all【3†source】."
    )
    chunks = cut(text, Chunking(), sizes, hurries)
    spoken = " ".join(" ".join(chunk.split()) for chunk, _ in chunks)
    assert spoken == (
        "Ada said, as the long report shows, that it fell. See for more. First, a point of some length, I think. "
        "That is all."
    )


@pytest.mark.parametrize(
    ("pushed", "chunks"),
    [
        ("Yes. I see what you mean, and I agree", ["Yes. I see what you mean,"]),
        ("That is all there is to it. And", ["That is all there is to it."]),
        ("It costs about 3,500 to 4,000 dollars", []),
        ("The one you mean is probably Dr. Smith", []),
    ],
)
def test_it_is_flushed_at_the_first_punctuation_once_the_least_is_there(pushed, chunks):
    assert [chunk.text for chunk in SpeechChunker(Chunking()).push(pushed)] == chunks


def test_after_the_wait_whole_words_go_out_whatever_the_least():
    chunker = SpeechChunker(Chunking())
    assert chunker.push("a few wor") == []
    assert [chunk.text for chunk in chunker.hurry()] == ["a few"]
    assert chunker.hurry() == []
    assert chunker.waiting
    assert [chunk.text for chunk in chunker.flush()] == ["wor"]


def test_what_has_no_letter_is_skipped():
    chunker = SpeechChunker(Chunking())
    assert chunker.push("*** \n\n") + chunker.flush() == []
