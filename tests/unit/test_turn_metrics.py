"""What a turn of the moderator is said to have taken: the values, the log line, the series and the span."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest
from livekit.agents.telemetry import tracer
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.values import MultiProcessValue

import logs
from debate.decisions import Decision
from providers.chains.attempt import LinkUse
from providers.chains.breaker import LinkChange
from settings import Settings, check_settings, load_settings
from voice import telemetry
from voice.telemetry import TURN_HISTOGRAMS, ProcessSeries, record_link_change, record_links, trace_with
from voice.turn_metrics import EVENT, MOST_ENDS, TurnEnd, TurnEnds, TurnMetrics, report

TIMES = (
    "llm_ttft_ms",
    "tts_first_audio_latency_ms",
    "barge_in_cutoff_ms",
    "e2e_first_audio_ms",
    "endpointer_latency_ms",
)
SAID = "Taxes are far too high"
PERPLEXITY = LinkUse("perplexity", 180.0, switched=False)
CARTESIA = LinkUse("cartesia", 91.26, switched=False)
END = TurnEnd(spoke_until=10.0, silence=0.32, heard=LinkUse("deepgram", 210.0, switched=False))


def answer(**changed: object) -> TurnMetrics:
    told: dict[str, object] = {
        "room": "a-room",
        "turn_id": "0198c1f2-0000-7000-8000-000000000000",
        "reason": "addressed",
        "uses": {"llm": PERPLEXITY, "tts": CARTESIA},
        "first_audio_at": 10.82,
        "end": END,
        "barge_in_ms": None,
    }
    return TurnMetrics.of(**{**told, **changed})  # type: ignore[arg-type]


def decision(**changed: object) -> Decision:
    made = Decision(10.4, "reply", "Ana asked", "addressed", "ana", "", "answer", 40.0, "what now?")
    return replace(made, **changed)  # type: ignore[arg-type]


# -- values --------------------------------------------------------------------------------------------------
def test_an_answer_has_all_values_that_the_runbook_defines():
    metrics = answer(barge_in_ms=231)
    assert metrics.values() == {
        "llm_ttft_ms": 180.0,
        "tts_first_audio_latency_ms": 91.3,
        "barge_in_cutoff_ms": 231,
        "e2e_first_audio_ms": 500.0,  # from the decision at 10.32, not from the last speech at 10.0
        "endpointer_latency_ms": 320.0,
    }
    assert metrics.links == {"stt": "deepgram", "llm": "perplexity", "tts": "cartesia"}
    assert not metrics.switched


def test_the_fields_are_those_of_the_log_line():
    names = [field.name for field in fields(TurnMetrics)]
    assert names == [*TIMES, "room", "turn_id", "reason", "links", "switched"]
    assert tuple(TURN_HISTOGRAMS) == TIMES


def test_an_announcement_has_no_value_of_a_question_and_no_language_model():
    metrics = answer(uses={"llm": None, "tts": CARTESIA}, end=None, reason="time:warning")
    assert metrics.values() == dict.fromkeys(TIMES) | {"tts_first_audio_latency_ms": 91.3}
    assert metrics.links == {"stt": None, "llm": None, "tts": "cartesia"}


def test_a_turn_without_a_sound_has_no_first_audio_and_nothing_was_cut():
    dead = LinkUse("", None, switched=True)
    metrics = answer(uses={"llm": PERPLEXITY, "tts": dead}, first_audio_at=None, barge_in_ms=200)
    assert metrics.values() == dict.fromkeys(TIMES) | {
        "llm_ttft_ms": 180.0,
        "endpointer_latency_ms": 320.0,
    }
    assert metrics.links["tts"] is None
    assert metrics.switched


@pytest.mark.parametrize("kind", ["stt", "llm", "tts"])
def test_a_switch_in_any_chain_is_a_switch_of_the_turn(kind: str):
    used = LinkUse("openai", 1400.0, switched=True)
    if kind == "stt":
        metrics = answer(end=replace(END, heard=used))
    else:
        metrics = answer(uses={"llm": PERPLEXITY, "tts": CARTESIA, kind: used})
    assert metrics.switched
    assert metrics.links[kind] == "openai"  # type: ignore[index]


def test_no_value_is_ever_0():
    instant = LinkUse("local", 0.0, switched=False)
    metrics = answer(
        uses={"llm": instant, "tts": instant}, first_audio_at=END.decided_at, end=END, barge_in_ms=0.01
    )
    assert [metrics.values()[name] for name in TIMES[:4]] == [0.1] * 4
    unjudged = answer(end=replace(END, silence=0.0))
    assert unjudged.endpointer_latency_ms is None
    assert unjudged.e2e_first_audio_ms == 820.0


def test_an_effect_before_its_cause_is_no_value():
    assert answer(first_audio_at=9.0).e2e_first_audio_ms is None
    assert answer(barge_in_ms=float("nan")).barge_in_cutoff_ms is None


# -- whose turn is answered --------------------------------------------------------------------------------------
def test_an_answer_counts_from_the_turn_it_answers_though_the_asker_went_on_speaking():
    ends, later = TurnEnds(), TurnEnd(14.0, 0.3)
    ends.uttered("u1", END)
    ends.uttered("u2", later)
    asked = decision()
    ends.decided("u1", [asked])
    ends.decided("u2", [])
    assert ends.answered(asked) == END
    assert ends.answered(asked) is None


def test_only_an_answer_counts_from_the_end_of_a_turn():
    ends, order = TurnEnds(), decision(urgency="safety", signal="interruption")
    ends.uttered("u1", END)
    ends.decided("u1", [order])
    ends.decided("typed", [answered := decision(signal="command:rules")])
    assert ends.answered(order) is None
    assert ends.answered(answered) is None


def test_ends_that_nobody_asks_for_are_forgotten():
    ends = TurnEnds()
    for number in range(2 * MOST_ENDS):
        ends.uttered(f"u{number}", END)
        ends.decided(f"u{number}", [decision(at=float(number))])
        ends.uttered(f"w{number}", END)
    assert ends.answered(decision(at=0.0)) is None
    assert ends.answered(decision(at=2.0 * MOST_ENDS - 1)) == END
    assert len(ends._of_utterance) == MOST_ENDS
    assert len(ends._of_decision) == MOST_ENDS - 1


# -- the log line ------------------------------------------------------------------------------------------------
@pytest.fixture
def configured() -> Iterator[Callable[[Settings], io.StringIO]]:
    """The worker's own logging, as in production, into a text; as it was before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    filters = {handler: handler.filters[:] for handler in handlers}
    out = io.StringIO()

    def configure(settings: Settings) -> io.StringIO:
        logs.configure(settings, "worker", stream=out)
        return out

    yield configure
    root.handlers[:] = handlers
    root.setLevel(level)
    for handler in handlers:
        handler.filters[:] = filters[handler]
    logging.captureWarnings(False)


def production(**overrides: object) -> Settings:
    return load_settings(
        sage_env="production",
        livekit_url="wss://h.livekit.cloud",
        livekit_api_key="APIq8XmPL2",
        livekit_api_secret="mW3nVb9QzLr5TfYc7HdKs1PgXj4EuAo8",
        **overrides,
    )


def test_the_log_line_is_the_runbooks(configured: Callable[[Settings], io.StringIO]):
    out = configured(production())
    report(answer(end=None), production(), text=SAID, seconds=2.0)
    (line,) = map(json.loads, out.getvalue().splitlines())
    line.pop("time")
    assert line == {
        "level": "INFO",
        "logger": "sage.voice.turn_metrics",
        "event": "Turn metrics",
        "service": "worker",
        "llm_ttft_ms": 180.0,
        "tts_first_audio_latency_ms": 91.3,
        "barge_in_cutoff_ms": None,
        "e2e_first_audio_ms": None,
        "endpointer_latency_ms": None,
        "room": "a-room",
        "turn_id": "0198c1f2-0000-7000-8000-000000000000",
        "reason": "addressed",
        "links": {"stt": None, "llm": "perplexity", "tts": "cartesia"},
        "switched": False,
    }
    assert line["event"] == EVENT


def test_speech_is_in_the_log_only_where_it_is_asked_for(configured: Callable[[Settings], io.StringIO]):
    settings = production(log_transcripts=True)
    out = configured(settings)
    report(answer(), settings, text=SAID, seconds=2.0)
    assert json.loads(out.getvalue())["text"] == SAID


# -- the series --------------------------------------------------------------------------------------------------
def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_each_value_is_counted_in_seconds_and_none_that_does_not_apply():
    reason, settings = "a-reason-of-this-test", load_settings()
    before = sample("sage_turn_llm_ttft_seconds_count", link="of-this-test")
    used = LinkUse("of-this-test", 180.0, switched=True)
    metrics = answer(reason=reason, uses={"llm": used, "tts": None}, barge_in_ms=231)
    report(metrics, settings, text=SAID, seconds=1.0)
    report(answer(reason=reason, uses={"llm": used, "tts": None}, end=None), settings, text="", seconds=1.0)
    assert sample("sage_turns_total", reason=reason) == 2
    assert sample("sage_turns_switched_total", reason=reason) == 2
    assert sample("sage_turn_llm_ttft_seconds_count", link="of-this-test") - before == 2
    assert sample("sage_turn_llm_ttft_seconds_sum", link="of-this-test") == pytest.approx(0.36)
    assert sample("sage_turn_e2e_first_audio_seconds_count", reason=reason) == 1
    assert sample("sage_turn_e2e_first_audio_seconds_sum", reason=reason) == pytest.approx(0.5)
    assert sample("sage_turn_endpointer_latency_seconds_sum", reason=reason) == pytest.approx(0.32)
    assert sample("sage_turn_barge_in_cutoff_seconds_bucket", reason=reason, le="0.2") == 0
    assert sample("sage_turn_barge_in_cutoff_seconds_bucket", reason=reason, le="0.25") == 1


def test_no_label_names_a_room_and_no_series_holds_speech():
    report(answer(room="a-room-of-ana"), load_settings(log_transcripts=True), text=SAID, seconds=1.0)
    page = generate_latest().decode()
    assert 'sage_turns_total{reason="addressed"}' in page
    assert "a-room-of-ana" not in page
    assert SAID not in page


def test_the_targets_of_the_runbook_are_edges_of_buckets():
    assert {0.05, 0.2, 0.6} <= set(telemetry.BUCKETS)


def test_a_link_that_dies_and_comes_back_is_seen():
    record_links({"llm": ("dying", "living")})
    assert sample("sage_link_up", kind="llm", link="dying") == 1
    record_link_change(LinkChange("llm", "dying", up=False, reason="status 401", using="living"))
    assert sample("sage_link_up", kind="llm", link="dying") == 0
    assert sample("sage_link_up", kind="llm", link="living") == 1
    assert sample("sage_link_switches_total", kind="llm", link="dying", to="living") == 1
    record_link_change(LinkChange("llm", "dying", up=True, using="dying"))
    assert sample("sage_link_up", kind="llm", link="dying") == 1
    record_link_change(LinkChange("llm", "dying", up=False))
    assert sample("sage_link_switches_total", kind="llm", link="dying", to="none") == 1
    assert sample("sage_link_switches_total", kind="llm", link="dying", to="living") == 1


# -- the files of ended processes ----------------------------------------------------------------------------
def counted_by(folder: Path, pid: int, amount: int) -> None:
    """The files that a process leaves after `amount` turns of 0.5 s."""
    registry = CollectorRegistry()
    kind = MultiProcessValue(lambda: pid)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
        patch.setattr("prometheus_client.values.ValueClass", kind)
        turns = Counter("made_turns", "Turns.", ["reason"], registry=registry)
        took = Histogram("made_seconds", "Seconds.", ["reason"], registry=registry, buckets=(0.2, 0.6))
        alive = Gauge("made_up", "Alive.", ["link"], registry=registry, multiprocess_mode="livemin")
        for _ in range(amount):
            turns.labels(reason="addressed").inc()
            took.labels(reason="addressed").observe(0.5)
        alive.labels(link="openai").set(pid)
    kind.close_all_files()


def page_of(series: ProcessSeries) -> dict[tuple[str, str], float]:
    registry = CollectorRegistry()
    series.MultiProcessCollector(registry)
    return {
        (sample.name, sample.labels.get("le", "")): sample.value
        for metric in registry.collect()
        for sample in metric.samples
    }


def test_what_an_ended_process_counted_stays_and_its_files_go(tmp_path: Path):
    series = ProcessSeries(tmp_path)
    for pid, amount in ((11, 2), (12, 3), (13, 5)):
        counted_by(tmp_path, pid, amount)
    before = page_of(series)
    assert before == {
        ("made_turns_total", ""): 10,
        ("made_seconds_sum", ""): 5.0,
        ("made_seconds_count", ""): 10,
        ("made_seconds_bucket", "0.2"): 0,
        ("made_seconds_bucket", "0.6"): 10,
        ("made_seconds_bucket", "+Inf"): 10,
        ("made_up", ""): 11,
    }
    for ended in (11, 12, None, 11):
        series.forget(ended)
    assert page_of(series) == before | {("made_up", ""): 13}
    counted_by(tmp_path, 11, 1)  # the system gives a number again
    series.forget(11)
    assert page_of(series)["made_turns_total", ""] == 11
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("counter_13.db", "counter_ended.db", "gauge_livemin_13.db", "histogram_13.db", "histogram_ended.db")
    ]


def test_a_file_that_was_not_finished_fails_no_page(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    series = ProcessSeries(tmp_path)
    for pid in (11, 12):
        counted_by(tmp_path, pid, 2)
    (tmp_path / "counter_11.db").write_bytes(b"\xff\x00\x00\x00" + b"\x07" * 100)
    series.forget(11)
    assert page_of(series)["made_turns_total", ""] == 2
    assert page_of(series)["made_seconds_count", ""] == 4
    assert "what a process counted is lost" in caplog.text


# -- spans ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def spans() -> Iterator[Callable[[Settings], Callable[[], list[ReadableSpan]]]]:
    """Our way to a collector, with a memory instead of one; the framework's tracer as it was before afterwards."""
    before, made = tracer._tracer_provider, list[TracerProvider]()

    def begin(settings: Settings) -> Callable[[], list[ReadableSpan]]:
        memory = InMemorySpanExporter()
        made.append(trace_with(memory, settings))

        def sent() -> list[ReadableSpan]:
            assert made[-1].force_flush()
            return list(memory.get_finished_spans())

        return sent

    yield begin
    for provider in made:
        provider.shutdown()
    tracer.set_provider(before)


def test_a_turn_is_a_span_with_its_values(spans: Callable[[Settings], Callable[[], list[ReadableSpan]]]):
    sent = spans(settings := load_settings())
    report(answer(end=replace(END, silence=0.0)), settings, text=SAID, seconds=2.5)
    (span,) = sent()
    assert span.name == "sage.turn"
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == 2_500_000_000
    assert dict(span.attributes or {}) == {
        "sage.turn_id": "0198c1f2-0000-7000-8000-000000000000",
        "sage.room": "a-room",
        "sage.reason": "addressed",
        "sage.switched": False,
        "sage.stt.link": "deepgram",
        "sage.llm.link": "perplexity",
        "sage.tts.link": "cartesia",
        "sage.llm_ttft_ms": 180.0,
        "sage.tts_first_audio_latency_ms": 91.3,
        "sage.e2e_first_audio_ms": 820.0,
    }
    assert span.resource.attributes["service.name"] == "sage-worker"


@pytest.mark.parametrize("asked_for", [False, True])
def test_speech_is_in_a_span_only_where_it_is_asked_for(
    asked_for: bool, spans: Callable[[Settings], Callable[[], list[ReadableSpan]]]
):
    sent = spans(settings := load_settings(log_transcripts=asked_for))
    report(answer(), settings, text=SAID, seconds=2.5)
    assert (SAID in str(dict(sent()[0].attributes or {}))) is asked_for


def test_a_turn_is_told_of_though_nothing_can_be_counted(
    monkeypatch: pytest.MonkeyPatch, configured: Callable[[Settings], io.StringIO]
):
    class FullDisk:
        def labels(self, **_: str) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("voice.turn_metrics.TURNS", FullDisk())
    out = configured(production())
    report(answer(), production(), text="", seconds=1.0)
    events = [json.loads(line)["event"] for line in out.getvalue().splitlines()]
    assert events == [EVENT, "the metrics of a turn could not be told"]


def test_no_exporter_without_a_collector():
    assert telemetry.export_spans(load_settings()) is None


@pytest.mark.parametrize("address", ["collector:4318", "http://me:secret@host", "http://", "ftp://host"])
def test_a_collectors_address_must_be_one(address: str):
    (problem,) = check_settings(otel_exporter_otlp_endpoint=address)[1]
    assert problem.variable == "OTEL_EXPORTER_OTLP_ENDPOINT"
    assert "http://HOST:4318" in problem.remedy
    assert "secret" not in str(problem)
