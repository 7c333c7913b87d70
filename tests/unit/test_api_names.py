"""Which names are the same, which may be had, and which identity a name gets."""

import pytest

from api.names import has_control, is_reserved, is_safe, is_visible, new_identity, same_person, tidy
from api.tokens import is_agents_identity


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("José García", "jose-garcia"),
        ("Straße Øre", "strasse-ore"),
        ("  Ada   Lovelace ", "ada-lovelace"),
        ("李雷", "guest"),
        ("🙂", "guest"),
        ("agent-7", "x-agent-7"),
        ("Agent Smith", "x-agent-smith"),
        ("---", "guest"),
    ],
)
def test_the_identity_is_a_readable_slug_with_a_random_end(name: str, slug: str) -> None:
    identity = new_identity(name)
    assert identity.rpartition("-")[0] == slug
    assert len(identity.rpartition("-")[2]) == 6


def test_two_of_one_name_get_two_identities() -> None:
    assert len({new_identity("Ada") for _ in range(100)}) == 100


def test_letter_case_width_and_spaces_do_not_make_another_person() -> None:
    assert same_person("Ada Lovelace", " ada  LOVELACE ")
    assert same_person("Ａｄａ", "ada")
    assert same_person("Jose\u0301", "José")
    assert not same_person("José", "Jose")


@pytest.mark.parametrize("name", ["Sage", "sage ", "MODERATOR"])
def test_the_moderators_names_are_its_own(name: str) -> None:
    assert is_reserved(name)


def test_a_name_that_only_contains_the_moderators_is_free() -> None:
    assert not is_reserved("Sagebrush")


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "\ud800", "a\u202eb", "a\u2066b"])
def test_control_characters_and_overrides_of_direction_are_seen(text: str) -> None:
    assert has_control(text)


@pytest.mark.parametrize("text", ["José", "👩‍👩‍👧", "नमस्ते", "O'Neil, Jr."])
def test_what_people_write_with_is_no_control_character(text: str) -> None:
    assert not has_control(text)
    assert is_visible(text)


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\u200d\u200d"])
def test_nothing_that_can_be_seen_is_no_name(text: str) -> None:
    assert not is_visible(tidy(text))


@pytest.mark.parametrize("text", ["", "a b", "é", "a" * 65, "a\n", "../x", "a/b"])
def test_unsafe_rooms_are_seen(text: str) -> None:
    assert not is_safe(text)


@pytest.mark.parametrize("identity", ["agent-x", "AGENT-x"])
def test_agents_identities_are_known_in_any_case(identity: str) -> None:
    assert is_agents_identity(identity)
