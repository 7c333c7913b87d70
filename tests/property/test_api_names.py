"""Laws of names: whatever somebody is called, his identity is safe, and his own name is his."""

from hypothesis import given
from hypothesis import strategies as st

from api.debate_data import DebateData, next_debate_id
from api.names import is_safe, new_identity, same_person, tidy
from api.tokens import is_agents_identity
from memory.ids import is_uuid

NAMES = st.text(max_size=200)


@given(NAMES)
def test_every_name_gives_a_safe_identity_that_is_no_agents(name: str) -> None:
    identity = new_identity(name)
    assert is_safe(identity)
    assert not is_agents_identity(identity)


@given(NAMES)
def test_tidying_twice_is_tidying_once(name: str) -> None:
    assert tidy(tidy(name)) == tidy(name)


@given(NAMES, NAMES)
def test_being_the_same_person_goes_both_ways(one: str, other: str) -> None:
    assert same_person(one, one)
    assert same_person(one, other) == same_person(other, one)


@given(st.text(), st.integers(0, 2**48 - 1), st.text())
def test_the_next_debates_id_is_a_uuid7_that_all_instances_agree_on(sid: str, ms: int, ended: str) -> None:
    previous = DebateData("hall", "d", "", "", "", "", ended_at=ended)
    for before in (None, previous):
        made = next_debate_id(sid.encode("utf-8", "replace").decode(), ms, before)
        assert made == next_debate_id(sid.encode("utf-8", "replace").decode(), ms, before)
        assert is_uuid(made)
        assert made[14] == "7"
        assert made[19] in "89ab"


@given(st.text(), st.text(), st.text(min_size=1))
def test_a_debate_survives_its_json(room: str, topic: str, debate_id: str) -> None:
    debate = DebateData(room, debate_id, topic, "p", "f", "t", host="h", ended_at="")
    assert DebateData.from_json(debate.to_json()) == debate


@given(st.text())
def test_no_metadata_of_others_breaks_the_reading(text: str) -> None:
    debate = DebateData.from_json(text)
    assert debate is None or debate.debate_id
