"""`python debate_moderator_agent.py doctor [--json] [--explain NAME]`.

It runs the checks side by side, each with a deadline, and prints what they found. It works with broken settings
too: then it lists every problem of theirs and goes on with the defaults.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
import warnings
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TextIO

from doctor import machine, services
from doctor.findings import Finding, State, as_json, as_table, cleaned, exit_code, failed, ok
from errors import Problem
from logs import Redactor
from settings import SECRETS, TABLE, Settings, check_settings, default_text
from settings_checks import allowed_values

DEADLINE_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Check:
    """A question, and what it means when no answer comes in time."""

    name: str
    run: Callable[[Settings], Awaitable[list[Finding]]]
    unanswered: State = "degraded"


def _here(check: Callable[[Settings], list[Finding]]) -> Callable[[Settings], Awaitable[list[Finding]]]:
    async def run(settings: Settings) -> list[Finding]:
        return await asyncio.to_thread(check, settings)

    return run


# In the order of the runbook's checklist.
CHECKS: tuple[Check, ...] = (
    Check(".env", _here(machine.check_env_file)),
    Check("LiveKit", services.check_livekit, "failed"),
    Check("chains", services.check_chains, "failed"),
    Check("VAD", _here(machine.check_vad)),
    Check("turn detector", _here(machine.check_turn_detector)),
    Check("personas", _here(machine.check_personas), "failed"),
    Check("ports", services.check_ports),
    Check("disk", _here(machine.check_disk), "failed"),
    Check("DATA_DIR", _here(machine.check_data_dir), "failed"),
    Check("Supabase", services.check_supabase),
    Check("privacy", services.check_privacy),
)


# What the checks import when they run. It is imported before the deadlines begin, which are for answers: on a
# busy machine imports alone take seconds.
_PARTS = ("livekit.api", "providers.chains", "providers.turns", "personas.registry", "huggingface_hub")


def _import_parts() -> None:
    for part in _PARTS:
        with suppress(ImportError):  # the check that needs it says so
            importlib.import_module(part)


def run_doctor(
    settings: Settings | None = None,
    *,
    out: TextIO | None = None,
    json_output: bool = False,
    checks: Sequence[Check] = CHECKS,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> int:
    """Check everything, print the findings to `out`, and return the exit code: 1 where something has failed.

    Without `settings` they are read here, and their problems are findings.
    """
    problems: tuple[Problem, ...] = ()
    if settings is None:
        settings, problems = check_settings()
    _import_parts()
    return asyncio.run(_report(settings, problems, out or sys.stdout, json_output, checks, deadline_seconds))


async def _report(
    settings: Settings,
    problems: Sequence[Problem],
    out: TextIO,
    json_output: bool,
    checks: Sequence[Check],
    deadline_seconds: float,
) -> int:
    answers = await asyncio.gather(*(_ask(check, settings, deadline_seconds) for check in checks))
    findings = _settings_findings(settings, problems) + [finding for answer in answers for finding in answer]
    findings = cleaned(findings, Redactor(settings.secret_values()))
    # Printed here, before the loop waits for a thread that may still hang in a name look-up.
    out.write(as_json(findings) if json_output else as_table(findings))
    out.flush()
    return exit_code(findings)


async def _ask(check: Check, settings: Settings, deadline_seconds: float) -> list[Finding]:
    try:
        async with asyncio.timeout(deadline_seconds):
            return await check.run(settings)
    except TimeoutError:
        remedy = "run doctor again; where it stays so, look at what this check asks"
        return [Finding(check.name, check.unanswered, f"no answer within {deadline_seconds:g} s", remedy)]
    except Exception as error:  # noqa: BLE001  one check that breaks must not hide what the others found
        detail = f"the check itself broke: {type(error).__name__}: {error}"
        return [Finding(check.name, "failed", detail, "report this as a bug, with this line")]


def _settings_findings(settings: Settings, problems: Sequence[Problem]) -> list[Finding]:
    if not problems:
        changed = sum(name in settings.model_fields_set for name in TABLE)
        return [ok("settings", f"valid, {changed} set, {settings.sage_env}")]
    return [failed(problem.variable, problem.problem, problem.remedy) for problem in problems]


def explain(name: str, settings: Settings, out: TextIO) -> int:
    """What setting `name` means, what it may be and what it is (never a secret's value)."""
    key = name.strip().lower()
    if key not in TABLE:
        out.write(f"There is no setting {name.upper()}. docs/settings.md lists those there are.\n")
        return 1
    field = TABLE[key]
    extra = field.json_schema_extra
    unit = f" [{extra['unit']}]" if isinstance(extra, dict) and extra["unit"] else ""
    value = getattr(settings, key)
    shown = ("set" if value else "not set") if key in SECRETS else value
    out.write(f"{key.upper()}{unit}: {field.description}\n")
    out.write(f"  may be:  {allowed_values(key, field)}\n")
    out.write(f"  default: {default_text(key) or 'none'}\n")
    out.write(f"  now:     {', '.join(shown) if isinstance(shown, tuple) else shown}\n")
    return 0


def main(arguments: Sequence[str], *, out: TextIO | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="debate_moderator_agent.py doctor", description="Check everything that a debate needs."
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("--explain", metavar="NAME", help="say what one setting means instead")
    options = parser.parse_args(list(arguments))
    # PyJWT says on the terminal what the finding about a short LiveKit secret says in the table.
    warnings.filterwarnings("ignore", module="jwt")
    if options.explain:
        return explain(options.explain, check_settings()[0], out or sys.stdout)
    return run_doctor(out=out, json_output=options.json)
