"""Whatever JSON holds can be stored in Postgres and is read back as it was; every record has exactly one home."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from memory.projection import HOMES, home_of, readable, rows_by_table, storable
from memory.store import KINDS, Record

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
TYPES = st.sampled_from(["uttered", "joined", "commanded", "fact_checked", "summary", "moderator_spoke", "x"])
NAMES = st.sampled_from(["vote", "ballot", "persona", "pause"])


def records() -> st.SearchStrategy[Record]:
    data = st.fixed_dictionaries(
        {"type": TYPES | JSON},
        optional={
            "identity": JSON,
            "name": NAMES | JSON,
            "args": JSON,
            "text": JSON,
            "by": JSON,
            "role": JSON,
        },
    )
    return st.builds(Record, st.uuids().map(str), st.just("d"), st.sampled_from(KINDS), st.just(1.0), data)


@given(JSON)
def test_what_is_stored_is_read_back_and_holds_nothing_that_postgres_refuses(value: Any) -> None:
    stored = storable(value)
    assert readable(stored) == value
    assert not re.search("[\x00\ud800-\udfff]", repr_of(stored))


def repr_of(value: Any) -> str:
    """All texts of `value`, keys too, one after the other."""
    if isinstance(value, dict):
        return "".join(repr_of(key) + repr_of(item) for key, item in value.items())
    if isinstance(value, list):
        return "".join(map(repr_of, value))
    return value if isinstance(value, str) else ""


@given(st.lists(records(), max_size=8))
def test_each_record_is_in_exactly_one_table_and_people_are_named_once(found: list[Record]) -> None:
    tables = rows_by_table(found, "j", {})
    homes = [row["id"] for table in HOMES for row in tables.get(table, [])]
    assert sorted(homes) == sorted(record.id for record in found)
    for record in found:
        assert record.id in {row["id"] for row in tables[home_of(record)]}
    people = [row["identity"] for row in tables.get("participants", [])]
    assert len(people) == len(set(people))
    # Postgres wants the same columns in every row of an upsert
    for rows in tables.values():
        assert len({tuple(sorted(row)) for row in rows}) == 1
