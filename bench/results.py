"""What every benchmark writes and prints: targets with their limits, comparisons, details, machine and
commit.

Owns the JSON format of `bench/results/NAME.json` and the table. Measures nothing itself.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from rehearsal.cores import Cores

RESULTS = Path(__file__).resolve().parent / "results"
_cores = Cores()  # since the benchmark began


@dataclass(frozen=True, slots=True)
class Target:
    """A measured value and its limit, both in `unit`; without a limit it is only told. `at_least`: a lower
    limit.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def ok(self) -> bool:
        """Whether the limit is kept."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def publish(
    name: str,
    targets: Sequence[Target],
    *,
    compared: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
    folder: Path = RESULTS,
) -> int:
    """Write `NAME.json` into `folder`, print it as a table; answers the exit code: 1 where a target is
    missed.
    """
    result = {
        "name": name,
        "machine": machine(),
        "commit": commit(),
        "targets": [{**_shown(target), "ok": target.ok} for target in targets],
        "compared": dict(compared or {}),
        "detail": dict(detail or {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    taken = f"  the host took {_cores.stolen_share():.0%} of the processor time"
    print("\n".join([f"bench {name}", *table(targets), taken, f"written: {path}"]))
    return 0 if all(target.ok for target in targets) else 1


def table(targets: Sequence[Target]) -> list[str]:
    """The targets as aligned lines."""
    width = max((len(target.name) for target in targets), default=0)
    lines = []
    for target in targets:
        bound = ">=" if target.at_least else "<="
        limit = "" if target.limit is None else f"{bound} {target.limit:g} {target.unit}"
        verdict = "" if target.limit is None else "ok" if target.ok else "MISSED"
        lines.append(
            f"  {target.name:<{width}}  {target.value:>10.3f} {target.unit:<4} {limit:<14} {verdict}".rstrip()
        )
    return lines


def machine() -> dict[str, Any]:
    """What a reader must know of the machine, its load and what its host took of its processor time included."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "stolen_share": round(_cores.stolen_share(), 3),
    }


def commit() -> str:
    """The commit that is measured, with "+" where the tree differs from it; "" outside git."""
    root = Path(__file__).resolve().parent.parent
    command = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _shown(target: Target) -> dict[str, Any]:
    shown = asdict(target)
    if not shown.pop("at_least"):
        return shown
    return shown | {"bound": "at least"}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
