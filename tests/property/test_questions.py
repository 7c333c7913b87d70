"""The query language takes any text: it never raises, and what it answers is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from memory.questions import PHRASES_MOST, QUERY_CHARS, WORDS_MOST, parse_query, speakers_named
from memory.ranking import Find, rank

NAMES = st.lists(st.tuples(st.text(max_size=12), st.text(max_size=20)), max_size=4)
PIECES = st.sampled_from(
    ["last week", "since:", "until:2026-99-99", "speaker:", '"', "three weeks ago", "999 months ago", "in february",
     "what did", "say about", "'s", "topic:“", "on friday", "NEAR(", "\0", "\ud800", "İ", "ß"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=600), st.lists(st.one_of(PIECES, st.text(max_size=9))).map(" ".join))


@given(TEXTS, NAMES, st.floats(0, 4e9))
def test_any_text_is_a_query(text: str, names: list[tuple[str, str]], now: float) -> None:
    query = parse_query(text, now, names)
    assert len(query.words) <= WORDS_MOST
    assert len(query.phrases) <= PHRASES_MOST
    assert len(query.speaker) <= QUERY_CHARS
    speakers_named(query.speaker, names)
    found = rank(query, [Find("1", "2", "a topic", "ana", "Ana", text, 1.0)], 5)
    assert len(found) <= 1
