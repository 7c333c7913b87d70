"""The format of benchmark results: limits, the table, the file, the exit code."""

import json
from pathlib import Path

import pytest

from bench.results import Target, publish, table


def test_limits_are_upper_lower_or_none() -> None:
    assert Target("a", 1.0, "s", 1.0).ok
    assert not Target("a", 1.01, "s", 1.0).ok
    assert Target("a", 5.0, "x", 3.0, at_least=True).ok
    assert not Target("a", 2.0, "x", 3.0, at_least=True).ok
    assert Target("a", 1e9, "MB").ok


def test_a_missed_target_is_written_printed_and_ends_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, missed = Target("start", 1.5, "s", 2.0), Target("lag", 9.0, "ms", 5.0)
    assert publish("demo", [kept], folder=tmp_path) == 0
    assert publish("demo", [kept, missed], detail={"rounds": 3}, folder=tmp_path) == 1
    written = json.loads((tmp_path / "demo.json").read_text())
    assert list(written) == ["name", "machine", "commit", "targets", "compared", "detail"]
    assert written["targets"][0] == {"name": "start", "value": 1.5, "unit": "s", "limit": 2.0, "ok": True}
    assert written["targets"][1]["ok"] is False
    assert written["machine"]["cores"] >= 1
    assert "MISSED" in capsys.readouterr().out


def test_the_table_lines_up() -> None:
    lines = table([Target("a", 1.0, "s", 2.0), Target("longer name", 20.5, "MB")])
    assert [line.index(value) for line, value in zip(lines, ("1.000", "20.500"), strict=True)] == [20, 19]
