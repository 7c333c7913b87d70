"""A failed test runs again only where the machine was taken away from it."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent

import pytest

from rehearsal.cores import Cores
from tests import starvation

pytest_plugins = ["pytester"]

FAILS_ONCE = """
    import pytest

    count = [0]

    @pytest.fixture(scope="session")
    def part():
        count[0] += 1
        if count[0] == 1:
            raise RuntimeError("it did not start in time")
        return count[0]

    def test_it(part):
        assert part == 2
"""
PLUGIN = """
    import pytest
    from tests.starvation import run_test

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item, nextitem):
        run_test(item, nextitem, print)
        return True
"""


def ran(pytester: pytest.Pytester, test: str, folder: str = "service") -> pytest.RunResult:
    """What pytest says of a file of tests in that folder."""
    pytester.makeconftest(PLUGIN)
    place = pytester.mkdir(folder) / "test_a.py"
    place.write_text(dedent(test), encoding="utf-8")
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", str(place))


@pytest.fixture
def starved(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the share of the processor time that is taken away."""
    monkeypatch.setattr(starvation, "REST_SECONDS", 0.0)
    return lambda share: monkeypatch.setattr(Cores, "stolen_share", lambda _: share)


@pytest.mark.parametrize(("share", "outcome"), [(0.5, {"passed": 1}), (0.05, {"errors": 1})])
def test_a_failure_counts_where_the_cores_were_there(pytester, starved, share, outcome) -> None:
    starved(share)
    ran(pytester, FAILS_ONCE).assert_outcomes(**outcome)


@pytest.mark.parametrize(("folder", "times"), [("service", starvation.TRIES - 1), ("unit", 0)])
def test_it_gives_up_after_some_tries_and_a_unit_has_only_one(pytester, starved, folder, times) -> None:
    starved(1.0)
    result = ran(pytester, "def test_it():\n    assert False\n", folder)
    result.assert_outcomes(failed=1)
    assert "\n".join(result.outlines).count("taken away: again") == times
