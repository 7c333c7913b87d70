"""What the query language understands of a question."""

from datetime import UTC, datetime

import pytest

from memory.questions import Query, parse_query, speakers_named

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()  # a Monday
NAMES = (("ana", "Ana Ruiz"), ("ana-costa", "Ana Costa"), ("ben", "Ben Okafor"))


def day(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("last week", "2026-11-16", "2026-11-23"),
        ("this week", "2026-11-23", "2026-11-30"),
        ("yesterday", "2026-11-22", "2026-11-23"),
        ("today", "2026-11-23", "2026-11-24"),
        ("last month", "2026-10-01", "2026-11-01"),
        ("last year", "2025-01-01", "2026-01-01"),
        ("on monday", "2026-11-16", "2026-11-17"),
        ("last friday", "2026-11-20", "2026-11-21"),
        ("in december", "2025-12-01", "2026-01-01"),
        ("two weeks ago", "2026-11-09", "2026-11-16"),
        ("3 days ago", "2026-11-20", "2026-11-21"),
        ("a month ago", "2026-10-01", "2026-11-01"),
        ("since:2026-11-01 until:2026-11-05", "2026-11-01", "2026-11-06"),
    ],
)
def test_times(text: str, since: str, until: str) -> None:
    query = parse_query(f"taxes {text}", NOW, NAMES)
    assert query == Query(words=("taxes",), since=day(since), until=day(until))


@pytest.mark.parametrize(
    ("text", "speaker", "words"),
    [
        ("What did Ana say about taxes?", "ana", ("taxes",)),
        ("what did ana ruiz say about taxes", "ana ruiz", ("taxes",)),
        ("What did Ben say about Ana?", "ben", ("ana",)),
        ("What did Zoe say about Ben?", "Zoe", ("ben",)),
        ("who mentioned France", "", ("france",)),
        ("What was Ben's plan", "ben", ("plan",)),
        ("by:Zoe taxes", "Zoe", ("taxes",)),
    ],
)
def test_speakers(text: str, speaker: str, words: tuple[str, ...]) -> None:
    query = parse_query(text, NOW, NAMES)
    assert (query.speaker.casefold(), query.words) == (speaker.casefold(), words)


def test_a_name_that_two_share_means_both_and_the_whole_name_one() -> None:
    assert speakers_named("Ana", NAMES) == ("ana", "ana-costa")
    assert speakers_named("ana costa", NAMES) == ("ana-costa",)
    assert speakers_named("zoe", NAMES) == ()


def test_phrases_topic_and_debate() -> None:
    query = parse_query('"the same pay" topic:"free buses" debate:ABC-1', NOW)
    assert query == Query(phrases=("the same pay",), topic="free buses", debate="abc-1")
