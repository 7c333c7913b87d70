"""Every error has a stable code, a hint and one JSON shape."""

from __future__ import annotations

import inspect

import pytest

import errors
from errors import InvalidInput, NotFound, PersonaUnknown, Problem, SageError, SettingsError, Unavailable

CLASSES = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, SageError) and cls is not SageError
]


@pytest.mark.parametrize("cls", CLASSES)
def test_each_class_has_its_own_code_in_kebab_case_and_a_status(cls: type[SageError]):
    assert cls.code == cls.code.lower()
    assert cls.code.replace("-", "").isalnum()
    assert 400 <= cls.status <= 599
    assert cls.title != SageError.title


def test_codes_are_unique():
    assert len({cls.code for cls in CLASSES}) == len(CLASSES)


def test_the_tree_at_the_top_of_the_module_names_every_class():
    names = [cls.__name__ for cls in CLASSES]
    assert all(name in (errors.__doc__ or "") for name in ["SageError", *names])


def test_the_shape_of_a_problem():
    error = NotFound("There is no debate 'x'.", hint="Start one with POST /debate.", code="unknown-debate")
    assert error.to_problem() == {
        "type": "urn:sage:error:unknown-debate",
        "title": "There is no such thing",
        "status": 404,
        "detail": "There is no debate 'x'. Start one with POST /debate.",
        "code": "unknown-debate",
    }


def test_bad_fields_are_listed():
    problem = InvalidInput(fields={"room": "must match [a-zA-Z0-9_-]{1,64}"}).to_problem()
    assert problem["status"] == 422
    assert problem["errors"] == [{"field": "room", "problem": "must match [a-zA-Z0-9_-]{1,64}"}]


def test_an_unknown_persona_lists_the_known_ones():
    error = PersonaUnknown("pirate", ["neutral-facilitator", "time-keeper"])
    assert error.code == "unknown-persona"
    assert "time-keeper" in error.hint
    assert "pirate" in error.message
    assert len(PersonaUnknown("x" * 10_000, []).message) < 120


def test_settings_errors_hold_all_problems():
    error = SettingsError(
        [Problem("PORT", "is no number", "use 8000"), Problem("X", "is no setting", "drop it")]
    )
    assert "2 problems" in str(error)
    assert [entry["field"] for entry in error.to_problem()["errors"]] == ["PORT", "X"]


def test_only_what_may_pass_is_said_to_be_worth_a_retry():
    assert Unavailable("LiveKit does not answer.").retryable
    assert not InvalidInput().retryable
    assert not Unavailable("Gone for good.", retryable=False).retryable
