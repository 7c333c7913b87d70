"""The aggregation of turns from logs: what is counted, what is passed over, and the exit codes."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import logs
from bench.turns import TARGETS, Turns, main, percentile
from providers.chains.attempt import LinkUse
from settings import load_settings
from voice.telemetry import TURN_HISTOGRAMS
from voice.turn_metrics import EVENT, TurnEnd, TurnMetrics


def line(**changed: Any) -> str:
    told = {
        "time": "2026-01-01T00:00:00.000Z", "level": "INFO", "event": EVENT, "llm_ttft_ms": 180.0,
        "tts_first_audio_latency_ms": 90.0, "barge_in_cutoff_ms": None, "e2e_first_audio_ms": 500.0,
        "endpointer_latency_ms": 320.0, "room": "r", "turn_id": "t", "reason": "addressed",
        "links": {"stt": "deepgram", "llm": "perplexity", "tts": "cartesia"}, "switched": False,
    }  # fmt: skip
    return json.dumps({**told, **changed})


def published(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "turns.json").read_text())
    return found


def test_it_reads_what_the_worker_writes():
    """The names here are those of the turn metrics; a log line made by the worker itself is read."""
    assert tuple(TARGETS) == tuple(TURN_HISTOGRAMS)
    metrics = TurnMetrics.of(
        room="r", turn_id="t", reason="addressed", uses={"llm": LinkUse("openai", 150.0, True), "tts": None},
        first_audio_at=2.0, end=TurnEnd(1.0, 0.4), barge_in_ms=None,
    )  # fmt: skip
    record = logging.makeLogRecord({"msg": EVENT, "levelname": "INFO", "name": "sage", **asdict(metrics)})
    text = logs.JsonFormatter("worker", logs.Redactor(load_settings().secret_values())).format(record)
    turns = Turns()
    turns.read([text])
    assert (turns.count, turns.switched, turns.bad) == (1, 1, 0)
    assert turns.times["llm_ttft_ms"] == [150.0]
    assert turns.times["e2e_first_audio_ms"] == [600.0]
    assert turns.links["llm"] == {"openai": 1}


def test_p50_and_p95_against_the_targets(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = tmp_path / "worker.log"
    log.write_text("\n".join(line(llm_ttft_ms=float(100 + value)) for value in range(101)) + "\n")
    assert main([str(log)], io.StringIO(), tmp_path) == 0
    rows = {row["name"]: row for row in published(tmp_path)["targets"]}
    assert rows["turns"]["value"] == 101
    assert rows["llm_ttft_ms count"]["value"] == 101
    assert (rows["llm_ttft_ms P50"]["value"], rows["llm_ttft_ms P50"]["limit"]) == (150.0, 200.0)
    assert rows["llm_ttft_ms P95"]["value"] == 195.0
    assert rows["barge_in_cutoff_ms count"]["value"] == 0
    assert "barge_in_cutoff_ms P50" not in rows
    detail = published(tmp_path)["detail"]
    assert detail["share_within_target"] == {
        "llm_ttft_ms": 0.99, "tts_first_audio_latency_ms": 1.0, "e2e_first_audio_ms": 1.0
    }  # fmt: skip
    assert detail["links"]["tts"] == {"cartesia": 101}
    assert "e2e_first_audio_ms P50" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "limit"), [(name, limit) for name, limit in TARGETS.items() if limit])
def test_a_missed_target_is_exit_code_1(name: str, limit: float, tmp_path: Path):
    assert main([], io.StringIO(line(**{name: limit})), tmp_path) == 0
    assert main([], io.StringIO(line(**{name: limit + 1})), tmp_path) == 1


def test_a_barge_in_is_told_with_and_without_what_the_ear_takes_to_be_sure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("VAD_START_SECS", "0.15")
    lines = "\n".join(line(barge_in_cutoff_ms=value) for value in (180.0, 190.0, 250.0))
    assert main([], io.StringIO(lines), tmp_path) == 1
    rows = {row["name"]: row for row in published(tmp_path)["targets"]}
    assert (rows["barge_in_cutoff_ms P50"]["value"], rows["barge_in_cutoff_ms P50"]["limit"]) == (190.0, 50.0)
    assert rows["barge_in_cutoff_ms P50 beyond VAD_START_SECS"]["value"] == 40.0


def test_several_logs_and_standard_input_are_one(tmp_path: Path):
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text(line(switched=True) + "\n")
    arguments = [str(tmp_path / "a.log"), "-", str(tmp_path / "b.log")]
    assert main(arguments, io.StringIO(f"worker | {line()}\n\n"), tmp_path) == 0
    rows = {row["name"]: row["value"] for row in published(tmp_path)["targets"]}
    assert (rows["turns"], rows["turns with a switch"]) == (3, 2)


@pytest.mark.parametrize(
    "bad",
    [
        line(llm_ttft_ms=0),
        line(llm_ttft_ms=-3.0),
        line(llm_ttft_ms="180"),
        line(llm_ttft_ms=True),
        line(llm_ttft_ms=float("nan")),
        line(links="openai"),
        json.dumps({"event": EVENT, "llm_ttft_ms": 180.0}),
    ],
)
def test_a_turn_that_lacks_values_is_counted_and_not_fatal(bad: str, tmp_path: Path):
    assert main([], io.StringIO(f"{bad}\n{line()}\n"), tmp_path) == 0
    assert published(tmp_path)["detail"]["turns_that_could_not_be_read"] == 1
    assert {row["name"]: row["value"] for row in published(tmp_path)["targets"]}["turns"] == 1


def test_lines_that_are_no_json_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    deep = '{"a":' * 100_000
    log = tmp_path / "x.log"
    log.write_bytes(
        b"\xff\xfe started\n{broken\n" + deep.encode() + b'\n{"event": "link down"}\n' + line().encode()
    )
    assert main([str(log)], io.StringIO(), tmp_path) == 0
    detail = published(tmp_path)["detail"]
    assert (detail["lines"], detail["lines_not_json"]) == (5, 3)
    assert "3 lines that are no JSON" in capsys.readouterr().err


def test_no_turn_is_a_clear_message_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([], io.StringIO('{"event": "link down"}\n'), tmp_path) == 2
    told = capsys.readouterr().err
    assert 'No turn is in 1 lines ("event": "Turn metrics")' in told
    assert "debate_moderator_agent.py start > worker.log" in told
    assert not (tmp_path / "turns.json").exists()


def test_a_log_for_a_terminal_is_told_from_one_without_turns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    readable = "12:00:00.000 INFO    worker sage.voice.turn_metrics: Turn metrics  llm_ttft_ms=180.0\n"
    assert main([], io.StringIO(readable), tmp_path) == 2
    assert "1 turns are written for a terminal" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(tmp_path / "absent.log")], io.StringIO(), tmp_path) == 2
    assert "absent.log cannot be read: No such file" in capsys.readouterr().err


def test_a_percentile_lies_between_its_neighbours():
    assert percentile([5.0], 0.95) == 5.0
    assert percentile([1.0, 2.0], 0.5) == 1.5
    assert percentile([3.0, 1.0, 2.0], 1.0) == 3.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
