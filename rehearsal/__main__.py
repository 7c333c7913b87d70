"""`python -m rehearsal SCRIPT.toml [--out FILE] [--url URL] [--keep]`: hold it, judge it, write the report.

Composes the parts. Exit codes: 0 all was heard as it should, 1 it was not, 2 the script or the stage cannot
be used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from errors import SageError
from launcher.livekit_server import LiveKitServerFailedError, LiveKitServerMissingError
from launcher.stack import StackFailedError
from rehearsal.console import Console, printable
from rehearsal.judge import Judgement, judge
from rehearsal.page import page
from rehearsal.performance import Performance, expected_seconds
from rehearsal.report import Report, build_report
from rehearsal.script import Script, load_script
from rehearsal.stage import stage
from rehearsal.voices import Sound, sounds_of
from rehearsal.web import WebService

REPORTS = Path("reports")
TOO_LATE_SECONDS = 0.3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("script", type=Path, help="the TOML script, e.g. rehearsal/scripts/demo.toml")
    parser.add_argument(
        "--out", type=Path, help="the report's JSON (default reports/<room>.json); .html beside it"
    )
    parser.add_argument("--url", help="use the web service that runs there, e.g. http://localhost:8000")
    parser.add_argument(
        "--keep", action="store_true", help="keep the moderator, the journals and the stack's log"
    )
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        return asyncio.run(rehearse(given.script, given.out, given.url, keep=given.keep))
    except (SageError, StackFailedError, LiveKitServerMissingError, LiveKitServerFailedError) as error:
        hint = error.hint if isinstance(error, SageError) else ""
        print(f"{error}\n{hint}".strip(), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


async def rehearse(path: Path, out: Path | None, url: str | None, *, keep: bool) -> int:
    """Hold the script at `path` and write its report. Raises SageError where it cannot be held."""
    script = load_script(path)
    console = Console()
    room = room_name(script.title)
    console.noted(None, f"{len(script.lines)} lines of {', '.join(script.people)}; making their voices")
    making = asyncio.create_task(_make_sounds(script, console))
    try:
        async with stage(url, console, keep=keep) as address:
            sounds = await making
            service = WebService(address)
            try:
                performed = await Performance(script, sounds, room, service, console).hold()
                if url is not None and not keep:
                    await service.dismiss_moderator(room)
            finally:
                await service.aclose()
    finally:
        await asyncio.wait([making])
    judgement = judge(performed)
    report = build_report(script, judgement)
    json_path, html_path = write_report(report, out or REPORTS / f"{room}.json")
    print(summary(report, judgement, json_path, html_path))
    return 1 if judgement.failures else 0


async def _make_sounds(script: Script, console: Console) -> Mapping[int, Sound]:
    """The sound of every line; says how long the debate will take as soon as that is known."""
    sounds = await asyncio.to_thread(sounds_of, script)
    console.noted(
        None,
        f"the debate will take about {roughly(expected_seconds(script, sounds))}; "
        "a line is shown when it was heard to its end",
    )
    return sounds


def roughly(seconds: float) -> str:
    """A duration to ten seconds, in words: "3 min 20 s"."""
    minutes, rest = divmod(max(10, 10 * round(seconds / 10)), 60)
    return " ".join(f"{count} {unit}" for count, unit in ((minutes, "min"), (rest, "s")) if count)


def room_name(title: str) -> str:
    """A room of its own for each rehearsal, recognisable by the script's title."""
    slug = re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")[:40]
    return f"{slug or 'rehearsal'}-{secrets.token_hex(4)}"


def write_report(report: Report, path: Path) -> tuple[Path, Path]:
    """Write the JSON at `path` and the page beside it; answers both paths."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    html_path = path.with_suffix(".html")
    html_path.write_text(page(report), encoding="utf-8")
    return path, html_path


def summary(report: Report, judgement: Judgement, json_path: Path, html_path: Path) -> str:
    """The last lines on the terminal."""
    measured = report["measured"]
    wer = measured["wer_alone"]
    delay = measured["answer_delay"]
    missing, unasked = len(measured["missing_answers"]), len(measured["false_answers"])
    heard = (
        f"{len(report['lines'])} lines, {len(report['missed_lines'])} missed, "
        f"{len(report['misattributed_lines'])} under a wrong name, "
        f"word errors when alone {'–' if wer is None else f'{100 * wer:.1f} %'}"
    )
    answered = (
        f"{measured['answers']} answers (P50 {delay['p50'] or '–'} s, P95 {delay['p95'] or '–'} s), "
        f"{missing} missing, {unasked} unasked"
    )
    machine = measured["machine"]
    busy = (
        machine["load"][0] > 1.5 * (machine["cores"] or 1) or machine["most_late_seconds"] > TOO_LATE_SECONDS
    )
    warned = [f"this machine was too busy to judge speed by: load {machine['load'][0]:.1f}"] if busy else []
    failures = [f"FAILED: {printable(failure)}" for failure in judgement.failures]
    lines = ["", heard, answered, *warned, *failures, f"report: {json_path} and {html_path}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
