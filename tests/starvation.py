"""Runs a failed test again where the machine itself was taken away meanwhile, and says so.

Much here runs in real time: speech, a server's pings, a browser. On a shared host a virtual machine may get a tenth of
its cores for minutes (`steal` in /proc/stat), and then a debate loses words whatever the code does. A failure counts
only where the cores were there; a test that is flaky by itself is not helped.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from _pytest.runner import runtestprotocol

from rehearsal.cores import Cores

STARVED_SHARE = 0.15
"""Of the processor time that this machine asked for, the share it did not get, from which a failure proves nothing."""

REAL_TIME = frozenset({"contract", "service", "load"})
"""Folders of tests that run in real time; a unit is told its time and has no such excuse."""

TRIES = 4
REST_SECONDS = 90.0
"""How long one more try waits, idle: hosts that ration processor time give it back to who leaves it alone ..."""

patience = [1200.0]
"""... and all tries of a run together, in seconds: a host that never does must not eat the whole run."""


def run_test(item: pytest.Item, nextitem: pytest.Item | None, say: Callable[[str], None]) -> None:
    """One test; one that runs in real time up to TRIES times while it fails on a starved machine."""
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for left in reversed(range(TRIES if item.path.parent.name in REAL_TIME else 1)):
        cores = Cores()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        share = cores.stolen_share()
        if not left or share < STARVED_SHARE or not any(report.failed for report in reports):
            break
        said = next((report.longreprtext.strip() for report in reports if report.failed), "")
        why = said.rpartition("\n")[2]
        say(f"\n{item.nodeid} failed while {share:.0%} of the processor time was taken away: again ({why})")
        _forget_failed_fixtures(item)
        _rest()
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def _rest() -> None:
    seconds = min(REST_SECONDS, patience[0])
    patience[0] -= seconds
    time.sleep(seconds)


def _forget_failed_fixtures(item: pytest.Item) -> None:
    """A fixture of the session that could not start may start now; pytest would hand out its old failure."""
    assert isinstance(item, pytest.Function)
    for definitions in item._fixtureinfo.name2fixturedefs.values():
        for definition in definitions:
            if definition.cached_result is not None and definition.cached_result[2] is not None:
                definition.cached_result = None
