"""The tree of errors that Sage raises on purpose, each with a stable code, a hint and whether a retry helps.

It owns the one JSON shape of an error (RFC 9457, `to_problem`). It knows nothing of HTTP frameworks, vendors
or logging, and no error of it may ever carry a secret: name the variable, never its value.

    SageError
    ├── SettingsError        the configuration cannot be used; carries every Problem at once
    ├── InvalidInput         a request or command has bad fields (422)
    │   └── PersonaUnknown   no persona of that name
    ├── Unauthorized         no or wrong credentials (401)
    ├── Forbidden            known, but not allowed (403)
    ├── NotFound             no such thing (404)
    ├── Conflict             it clashes with what is there already (409)
    ├── TooMany              a limit is reached (429)
    └── Unavailable          something we depend on is away (503); a retry helps
"""

# ruff: noqa: N818  (the names say what happened, as an answer to a person does; "Error" adds nothing to them)
from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

_OWN_VENV = Path(__file__).resolve().parent / ".venv"


def own_python() -> str:
    """The Python that has our packages, as one types it: a clone's own venv is seldom activated."""
    return ".venv/bin/python" if Path(sys.prefix) == _OWN_VENV else "python"


def own_command(command: str) -> str:
    """How to run one of the worker's commands here, for a remedy that can be copied."""
    return f"{own_python()} debate_moderator_agent.py {command}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the settings, in words that hold no secret."""

    variable: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.variable} {self.problem}: {self.remedy}"


class SageError(Exception):
    """Base of all. `message` says what is wrong, `hint` what to do next; both are shown to people."""

    code: str = "internal-error"
    title: ClassVar[str] = "Something went wrong"
    status: int = 500
    retryable: bool = False
    hint: str = ""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        retryable: bool | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if hint is not None:
            self.hint = hint
        if retryable is not None:
            self.retryable = retryable
        if status is not None:
            self.status = status

    @property
    def errors(self) -> list[dict[str, str]]:
        """The bad fields as `{"field", "problem"}`; empty where no single field is to blame."""
        return []

    def to_problem(self) -> dict[str, Any]:
        """Members of an `application/problem+json` answer; `errors` only where fields are to blame."""
        detail = f"{self.message} {self.hint}".strip() if self.hint else self.message
        problem: dict[str, Any] = {
            "type": "about:blank" if self.code == "internal-error" else f"urn:sage:error:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": detail,
            "code": self.code,
        }
        if self.errors:
            problem["errors"] = self.errors
        return problem


class SettingsError(SageError):
    """The settings cannot be used. `problems` holds all of them, so that one start shows every mistake."""

    code = "settings-invalid"
    title = "The settings cannot be used"
    hint = f"Run `{own_command('doctor')}` to see them all with their remedies."

    def __init__(
        self, problems: Iterable[Problem], *, code: str | None = None, hint: str | None = None
    ) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"{count} {noun} in the settings:{lines}", code=code, hint=hint)

    @property
    def errors(self) -> list[dict[str, str]]:
        return [{"field": p.variable, "problem": f"{p.problem}: {p.remedy}"} for p in self.problems]


class InvalidInput(SageError):
    """What somebody sent cannot be used. `fields` maps each bad field to what would be right."""

    code = "invalid-input"
    title = "The input cannot be used"
    status = 422

    def __init__(
        self,
        message: str = "The input cannot be used.",
        fields: Mapping[str, str] | None = None,
        *,
        code: str | None = None,
        hint: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint, status=status)
        self.fields: dict[str, str] = dict(fields or {})

    @property
    def errors(self) -> list[dict[str, str]]:
        return [{"field": field, "problem": problem} for field, problem in self.fields.items()]


class PersonaUnknown(InvalidInput):
    """No persona is called `name`; `known` lists those there are."""

    code = "unknown-persona"
    title = "There is no such persona"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.known = tuple(known)
        listed = ", ".join(self.known) or "none"
        shown = name if len(name) <= 64 else name[:63] + "…"
        super().__init__(
            f"There is no persona {shown!r}.",
            {"persona": f"must be one of: {listed}"},
            hint=f"Use one of: {listed}.",
        )


class Unauthorized(SageError):
    code = "unauthorized"
    title = "Credentials are missing or wrong"
    status = 401


class Forbidden(SageError):
    code = "forbidden"
    title = "That is not allowed"
    status = 403


class NotFound(SageError):
    code = "not-found"
    title = "There is no such thing"
    status = 404


class Conflict(SageError):
    code = "conflict"
    title = "That clashes with what is there already"
    status = 409


class TooMany(SageError):
    """A limit is reached: a room that is full, too many sessions. A retry helps once there is room."""

    code = "limit-reached"
    title = "A limit is reached"
    status = 429
    retryable = True


class Unavailable(SageError):
    """Something that we depend on does not answer; the same request may succeed later."""

    code = "unavailable"
    title = "A service that is needed is away"
    status = 503
    retryable = True
