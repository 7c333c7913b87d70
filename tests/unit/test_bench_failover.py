"""The failover benchmark's ledger: an hour of measuring is not lost with its process."""

from pathlib import Path

from bench.failover import Case, Ledger, Result
from simulators.faults import Fault

RESULT = Result(1.0, 1.5, 1.1, 1.0, 0, 0, ("what was asked", "what was heard"))
CUT = Case("llm", Fault.CUT, after=6)


def test_a_run_that_goes_on_knows_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "results" / "cases.jsonl"
    Ledger(path, go_on=False).add(CUT, "sage", RESULT)
    later = Ledger(path, go_on=True)
    assert later.found == {CUT.name: {"sage": [RESULT]}}
    assert later.has(CUT, "sage", 1)
    assert not later.has(CUT, "sage", 2)
    assert not later.has(CUT, "stock", 1)


def test_a_run_that_does_not_go_on_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    Ledger(path, go_on=False).add(CUT, "sage", RESULT)
    assert Ledger(path, go_on=False).found == {}
    assert not path.exists()
