"""A failed test runs again only where the machine was taken away from it."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(("share", "outcome"), [(0.5, {"passed": 1}), (0.05, {"errors": 1})])
def test_a_failure_counts_where_the_cores_were_there(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, share: float, outcome: dict[str, int]
) -> None:
    monkeypatch.setattr(starvation.Cores, "stolen_share", lambda _: share)
    monkeypatch.setattr(starvation, "REST_SECONDS", 0.0)
    pytester.makepyfile(FAILS_ONCE)
    pytester.makeconftest(PLUGIN)
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(**outcome)


def test_it_gives_up_after_some_tries(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starvation.Cores, "stolen_share", lambda _: 1.0)
    monkeypatch.setattr(starvation, "REST_SECONDS", 0.0)
    pytester.makepyfile("def test_it():\n    assert False\n")
    pytester.makeconftest(PLUGIN)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    assert "\n".join(result.outlines).count("taken away: again") == starvation.TRIES - 1
