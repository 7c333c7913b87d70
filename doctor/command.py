"""`python debate_moderator_agent.py doctor [--json] [--offline] [--explain NAME ...]`.

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
from dataclasses import dataclass, replace
from functools import partial
from typing import TextIO

from doctor import machine, services
from doctor.explain import explain
from doctor.findings import Finding, State, as_json, as_table, cleaned, degraded, exit_code, failed, ok
from errors import Problem
from logs import Redactor
from settings import TABLE, Settings, check_settings

DEADLINE_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Check:
    """A question, and what it means when no answer comes in time."""

    name: str
    run: Callable[[Settings], Awaitable[list[Finding]]]
    unanswered: State = "degraded"
    more_seconds: float = 0.0
    """Beyond the deadline of all checks, for what this machine itself has to do."""

    settings: tuple[str, ...] = ()
    """How the variables begin without which it has nothing to ask."""


def _here(check: Callable[[Settings], list[Finding]]) -> Callable[[Settings], Awaitable[list[Finding]]]:
    async def run(settings: Settings) -> list[Finding]:
        return await asyncio.to_thread(check, settings)

    return run


async def _check_chains(settings: Settings, *, ask: bool = True) -> list[Finding]:
    from doctor import links  # it imports what a broken installation lacks

    return await links.check_chains(settings, ask=ask)


# In the order of the runbook's checklist.
CHECKS: tuple[Check, ...] = (
    Check(".env", _here(machine.check_env_file)),
    Check("LiveKit", services.check_livekit, "failed", settings=("LIVEKIT_",)),
    Check("chains", _check_chains, "failed", more_seconds=8.0),
    Check("VAD", _here(machine.check_vad)),
    Check("turn detector", _here(machine.check_turn_detector)),
    Check("personas", _here(machine.check_personas), "failed"),
    Check("ports", services.check_ports),
    Check("disk", _here(machine.check_disk), "failed"),
    Check("DATA_DIR", _here(machine.check_data_dir), "failed"),
    Check("Supabase", services.check_supabase, settings=("SUPABASE_",)),
    Check("replica", services.check_replica, settings=("SUPABASE_",)),
    Check("privacy", services.check_privacy),
)

_ASKING = {
    "LiveKit": partial(services.check_livekit, ask=False),
    "chains": partial(_check_chains, ask=False),
    "Supabase": partial(services.check_supabase, ask=False),
    "replica": partial(services.check_replica, ask=False),
}
# The same without asking anybody outside of this machine.
OFFLINE_CHECKS = tuple(replace(check, run=_ASKING.get(check.name, check.run)) for check in CHECKS)


# What the checks import when they run. It is imported before the deadlines begin, which are for answers: on a
# busy machine imports alone take seconds.
_PARTS = ("livekit.api", "providers.chains", "providers.turns", "personas.registry", "huggingface_hub")


def _import_parts(settings: Settings, *, links_too: bool) -> None:
    for part in _PARTS:
        with suppress(ImportError):  # the check that needs it says so
            importlib.import_module(part)
    if links_too:
        with suppress(Exception):  # a broken installation: the check says it
            importlib.import_module("doctor.links").load(settings)


def run_doctor(
    settings: Settings | None = None,
    *,
    out: TextIO | None = None,
    json_output: bool = False,
    offline: bool = False,
    checks: Sequence[Check] | None = None,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> int:
    """Check everything, print the findings to `out`, and return the exit code: 1 where something has failed.

    Without `settings` they are read here, and their problems are findings. `offline` asks no other machine.
    """
    problems: tuple[Problem, ...] = ()
    if settings is None:
        settings, problems = check_settings()
    checks = checks or (OFFLINE_CHECKS if offline else CHECKS)
    _import_parts(settings, links_too=checks is CHECKS)
    return asyncio.run(_report(settings, problems, out or sys.stdout, json_output, checks, deadline_seconds))


async def _report(
    settings: Settings,
    problems: Sequence[Problem],
    out: TextIO,
    json_output: bool,
    checks: Sequence[Check],
    deadline_seconds: float,
) -> int:
    broken = [problem.variable for problem in problems]
    answers = await asyncio.gather(
        *(
            _passed_over(check)
            if any(name.startswith(check.settings) for name in broken)
            else _ask(check, settings, deadline_seconds)
            for check in checks
        )
    )
    findings = _settings_findings(settings, problems) + [finding for answer in answers for finding in answer]
    findings = cleaned(findings, Redactor(settings.secret_values()))
    # Printed here, before the loop waits for a thread that may still hang in a name look-up.
    out.write(as_json(findings) if json_output else as_table(findings))
    out.flush()
    return exit_code(findings)


async def _passed_over(check: Check) -> list[Finding]:
    """What its settings mean is not known: the default would be reported as if it had been chosen."""
    return [degraded(check.name, "not checked: its settings cannot be used", "mend them first (see above)")]


async def _ask(check: Check, settings: Settings, deadline_seconds: float) -> list[Finding]:
    deadline_seconds += check.more_seconds
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


def main(arguments: Sequence[str], *, out: TextIO | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="debate_moderator_agent.py doctor", description="Check everything that a debate needs."
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument(
        "--offline", action="store_true", help="ask no other machine: look at settings and files"
    )
    parser.add_argument(
        "--explain", metavar="NAME", nargs="+", help="say what settings mean and trade instead of checking"
    )
    options = parser.parse_args(list(arguments))
    # PyJWT says on the terminal what the finding about a short LiveKit secret says in the table.
    warnings.filterwarnings("ignore", module="jwt")
    if options.explain:
        return explain(options.explain, check_settings()[0], out or sys.stdout)
    return run_doctor(out=out, json_output=options.json, offline=options.offline)
