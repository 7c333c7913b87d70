"""What the moderator's turns took, by the worker's own log lines "Turn metrics", against the runbook's targets.

    python -m bench.turns LOG...        (files of JSON lines; "-" or none: standard input)

Measures nothing: it counts, takes P50 and P95, and says what it could not read.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from bench.results import RESULTS, Target, publish
from settings import check_settings

EVENT = "Turn metrics"
TARGETS: dict[str, float | None] = {
    "llm_ttft_ms": 200.0,
    "tts_first_audio_latency_ms": 200.0,
    "barge_in_cutoff_ms": 50.0,
    "e2e_first_audio_ms": 600.0,
    "endpointer_latency_ms": None,
}
"""The runbook's targets ("Latency Optimization"), in milliseconds; the endpointer has none: it waits on purpose."""

KINDS = ("stt", "llm", "tts")
NO_TURNS = 2
"""Exit code where the log holds no turn."""

HOW_TO_LOG = (
    "The worker writes JSON lines wherever its output is no terminal, and in production anywhere:\n"
    "  .venv/bin/python debate_moderator_agent.py start > worker.log\n"
    "LOG_LEVEL must be INFO (the default) or DEBUG."
)


@dataclass(slots=True)
class Turns:
    """What a log holds."""

    times: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in TARGETS})
    count: int = 0
    switched: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    links: dict[str, Counter[str]] = field(default_factory=lambda: {kind: Counter() for kind in KINDS})
    lines: int = 0
    not_json: int = 0
    readable: int = 0
    """Turns written for people at a terminal: their values cannot be told apart from words."""

    bad: int = 0
    """Turns that lack a value, or hold one that is no time."""

    def read(self, lines: Iterable[str]) -> None:
        """Count the turns in `lines`. What stands before a line's first brace (a supervisor's prefix) is dropped."""
        for line in lines:
            if not line.strip():
                continue
            self.lines += 1
            try:
                told = json.loads(line[line.index("{") :])
            except (ValueError, RecursionError):
                self.not_json += 1
                self.readable += EVENT in line
                continue
            if isinstance(told, dict) and told.get("event") == EVENT:
                self._add(told)

    def _add(self, told: dict[str, Any]) -> None:
        times = {name: told.get(name, "missing") for name in TARGETS}
        links = told.get("links")
        if not all(_is_time(value) for value in times.values()) or not isinstance(links, dict):
            self.bad += 1
            return
        self.count += 1
        self.switched += told.get("switched") is True
        self.reasons[str(told.get("reason"))] += 1
        for kind in KINDS:
            if isinstance(link := links.get(kind), str):
                self.links[kind][link] += 1
        for name, value in times.items():
            if value is not None:
                self.times[name].append(float(value))


def _is_time(value: Any) -> bool:
    """Whether it is what a turn may tell: nothing, or milliseconds above 0 (0 would be a value that is none)."""
    if value is None:
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def percentile(values: Sequence[float], share: float) -> float:
    """The value under which `share` of them lie, between two neighbours in proportion. ValueError for none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def targets(turns: Turns, vad_start_ms: float) -> list[Target]:
    """Count, P50 (which the runbook's targets are for) and P95 of each time.

    A barge-in is counted from its first sound: what the VAD takes to be sure of speech, `vad_start_ms`, is part of it.
    """
    rows = [Target("turns", turns.count, ""), Target("turns with a switch", turns.switched, "")]
    for name, limit in TARGETS.items():
        values = turns.times[name]
        rows.append(Target(f"{name} count", len(values), ""))
        if values:
            rows.append(Target(f"{name} P50", round(percentile(values, 0.5), 1), "ms", limit))
            rows.append(Target(f"{name} P95", round(percentile(values, 0.95), 1), "ms"))
    if cutoffs := turns.times["barge_in_cutoff_ms"]:
        beyond = round(percentile(cutoffs, 0.5) - vad_start_ms, 1)
        rows.append(Target("barge_in_cutoff_ms P50 beyond VAD_START_SECS", beyond, "ms"))
    return rows


def detail(turns: Turns, vad_start_ms: float) -> dict[str, Any]:
    """What stands beside the targets: which turns, by which links, what was passed over, how many kept the targets."""
    within = {
        name: round(sum(value < limit for value in values) / len(values), 3)
        for name, limit in TARGETS.items()
        if limit is not None and (values := turns.times[name])
    }
    return {
        "reasons": dict(turns.reasons.most_common()),
        "links": {kind: dict(counted.most_common()) for kind, counted in turns.links.items()},
        "share_within_target": within,
        "lines": turns.lines,
        "lines_not_json": turns.not_json,
        "turns_that_could_not_be_read": turns.bad,
        "vad_start_ms_here": vad_start_ms,
    }


def main(arguments: Sequence[str], stdin: TextIO, folder: Path = RESULTS) -> int:
    """Read, print, write; answers the exit code: 0, 1 where a target is missed, 2 without any turn."""
    parser = argparse.ArgumentParser(prog="python -m bench.turns", description=__doc__)
    parser.add_argument("log", nargs="*", default=["-"], help="files of JSON lines; - for standard input")
    turns = Turns()
    for name in parser.parse_args(arguments).log:
        if name == "-":
            if isinstance(stdin, io.TextIOWrapper):
                stdin.reconfigure(errors="replace")
            turns.read(stdin)
            continue
        try:
            with Path(name).open(encoding="utf-8", errors="replace") as file:
                turns.read(file)
        except OSError as error:
            print(f"{name} cannot be read: {error.strerror}", file=sys.stderr)
            return NO_TURNS
    if turns.not_json or turns.bad:
        passed = f"passed over: {turns.not_json} lines that are no JSON, {turns.bad} turns that lack values"
        print(passed, file=sys.stderr)
    if not turns.count or turns.readable:
        found = f"{turns.readable} turns are" if turns.readable else "No turn is"
        form = "written for a terminal" if turns.readable else f'in {turns.lines} lines ("event": "{EVENT}")'
        print(f"{found} {form}.\n{HOW_TO_LOG}", file=sys.stderr)
    if not turns.count:
        return NO_TURNS
    vad_start_ms = check_settings()[0].vad_start_secs * 1000
    return publish("turns", targets(turns, vad_start_ms), detail=detail(turns, vad_start_ms), folder=folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin))
