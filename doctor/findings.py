"""What a check found, and how findings are shown: as a table for people, as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from logs import Redactor

State = Literal["OK", "degraded", "failed"]
_ORDER: tuple[State, ...] = ("failed", "degraded", "OK")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the checklist. `remedy` is the command or setting that mends it, "" where all is well."""

    check: str
    state: State
    detail: str
    remedy: str = ""


def ok(check: str, detail: str) -> Finding:
    return Finding(check, "OK", detail)


def degraded(check: str, detail: str, remedy: str) -> Finding:
    return Finding(check, "degraded", detail, remedy)


def failed(check: str, detail: str, remedy: str) -> Finding:
    return Finding(check, "failed", detail, remedy)


def cleaned(findings: Sequence[Finding], redactor: Redactor) -> list[Finding]:
    """The findings without secrets and line breaks: details quote what servers and exceptions said."""

    def clean(text: str) -> str:
        return redactor.text(" ".join(text.split()))[:300]

    return [
        replace(f, check=clean(f.check), detail=clean(f.detail), remedy=clean(f.remedy)) for f in findings
    ]


def as_table(findings: Sequence[Finding]) -> str:
    """A row a finding, its remedy below it, and the sum."""
    width = max((len(f.check) for f in findings), default=0)
    lines: list[str] = []
    for finding in findings:
        lines.append(f"{finding.state:<8}  {finding.check:<{width}}  {finding.detail}".rstrip())
        if finding.remedy:
            lines.append(f"{'':<8}  {'':<{width}}  -> {finding.remedy}")
    counts = [(state, sum(f.state == state for f in findings)) for state in _ORDER]
    meaning = "Debates can be held; what is degraded would make them better."
    if exit_code(findings):
        meaning = "Mend what has failed first."
    elif not any(finding.state == "degraded" for finding in findings):
        meaning = "All is well."
    lines += ["", ", ".join(f"{count} {state}" for state, count in counts if count) + f". {meaning}"]
    return "\n".join(lines) + "\n"


def as_json(findings: Sequence[Finding]) -> str:
    """`{"ok": bool, "checks": [{"check", "state", "detail", "remedy"}]}`"""
    report = {"ok": exit_code(findings) == 0, "checks": [asdict(finding) for finding in findings]}
    return json.dumps(report, ensure_ascii=False, indent=2) + "\n"


def exit_code(findings: Sequence[Finding]) -> int:
    """1 where something has failed; what is degraded still lets debates be held."""
    return 1 if any(finding.state == "failed" for finding in findings) else 0
