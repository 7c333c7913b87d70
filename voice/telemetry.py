"""What the worker tells its operators beside the log: Prometheus series and OpenTelemetry spans.

Owns the instruments, the folder in which the series of all processes of one worker meet, and the exporter of spans.
No label carries a name of a person or a room, no span what was said (LOG_TRANSCRIPTS excepted). Measures nothing.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import shutil
import struct
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from livekit.agents import AgentServer
from livekit.agents.telemetry import http_server, set_tracer_provider
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from providers.chains.breaker import LinkChange
from providers.registry import Kind
from settings import Settings

logger = logging.getLogger("sage.voice.telemetry")

SERVICE = "sage-worker"
EXPORT_SECONDS = 2.0
"""How long a collector may take for a batch of spans, and so how long a dead one can hold up the end of a job."""

MOST_SPANS = 2048
"""Spans of one batch, which is all that are kept: several batches would add up their times at the end of a job."""

BUCKETS = (0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.5, 5.0, 10.0)
"""Seconds; the runbook's targets (0.05, 0.2, 0.6) and the chains' deadlines are edges of their own."""

NO_LINK = "none"

LLM_TTFT = Histogram(
    "sage_turn_llm_ttft_seconds", "LLM request start to first token.", ["link"], buckets=BUCKETS
)
TTS_FIRST_AUDIO = Histogram(
    "sage_turn_tts_first_audio_latency_seconds",
    "First text for the voice to first audio frame.",
    ["link"],
    buckets=BUCKETS,
)
BARGE_IN_CUTOFF = Histogram(
    "sage_turn_barge_in_cutoff_seconds",
    "First sound of speech to playback halted, VAD_START_SECS included.",
    ["reason"],
    buckets=BUCKETS,
)
E2E_FIRST_AUDIO = Histogram(
    "sage_turn_e2e_first_audio_seconds", "User turn end to first agent audio.", ["reason"], buckets=BUCKETS
)
ENDPOINTER_LATENCY = Histogram(
    "sage_turn_endpointer_latency_seconds", "Last speech to turn end decision.", ["reason"], buckets=BUCKETS
)
TURNS = Counter("sage_turns", "Turns of the moderator.", ["reason"])
SWITCHED_TURNS = Counter(
    "sage_turns_switched", "Turns in which a chain asked another link than its first.", ["reason"]
)
LINK_SWITCHES = Counter(
    "sage_link_switches", "Links that died, with the link that is used instead.", ["kind", "link", "to"]
)
LINK_UP = Gauge(
    "sage_link_up",
    "0 while any running job knows the link to be dead.",
    ["kind", "link"],
    multiprocess_mode="livemin",
)

TURN_HISTOGRAMS: Mapping[str, Histogram] = MappingProxyType(
    {
        "llm_ttft_ms": LLM_TTFT,
        "tts_first_audio_latency_ms": TTS_FIRST_AUDIO,
        "barge_in_cutoff_ms": BARGE_IN_CUTOFF,
        "e2e_first_audio_ms": E2E_FIRST_AUDIO,
        "endpointer_latency_ms": ENDPOINTER_LATENCY,
    }
)
"""By the fields of a turn's metrics; these are in milliseconds, the series in seconds."""


# -- links -------------------------------------------------------------------------------------------------------
def record_links(links: Mapping[Kind, Sequence[str]]) -> None:
    """A job begins with these links, all of them thought to be alive."""
    for kind, names in links.items():
        for name in names:
            LINK_UP.labels(kind=kind, link=name).set(1)


def record_link_change(change: LinkChange) -> None:
    """A link died or came back (`providers.chains.breaker.Breakers.listen`)."""
    LINK_UP.labels(kind=change.kind, link=change.link).set(1 if change.up else 0)
    if not change.up:
        LINK_SWITCHES.labels(kind=change.kind, link=change.link, to=change.using or NO_LINK).inc()


# -- many processes, one page --------------------------------------------------------------------------------------
def metrics_folder() -> str:
    """A new folder for the series of one worker's processes; it goes when this process ends.

    One of its own for each worker: the framework empties it at its start, which must not be another worker's.
    """
    folder = tempfile.mkdtemp(prefix="sage-metrics-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def share_metrics(server: AgentServer, folder: str) -> None:
    """Have the worker's main process write into `folder` too, and keep the page right when processes end.

    `folder` is the server's `prometheus_multiproc_dir`. The framework names it to the processes it starts, but the main
    process has chosen by then to count in its own memory, where its page does not look.
    """
    series = ProcessSeries(Path(folder))

    def begin() -> None:
        values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
        http_server.multiprocess = series  # type: ignore[assignment, attr-defined]  # where its page finds the collector
        server._proc_pool.on("process_closed", lambda process: series.forget(process.pid))

    server.on("worker_started", begin)


class ProcessSeries:
    """The series of one worker's processes, each in files of its own.

    Those of an ended process are added to one file of all that have ended: there is one process a debate, and a page
    that reads the files of thousands would take seconds of the worker's main process. What is on the page never
    decreases by it, as no page is read meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def MultiProcessCollector(self, registry: CollectorRegistry) -> MultiProcessCollector:  # noqa: N802
        """What `prometheus_client.multiprocess` has under this name, reading between two additions."""
        lock = self._lock

        class Reading(MultiProcessCollector):
            def collect(self) -> Any:
                with lock:
                    return super().collect()  # type: ignore[no-untyped-call]

        return Reading(registry, str(self._folder))  # type: ignore[no-untyped-call]

    def forget(self, pid: int | None) -> None:
        """That process has ended: its gauges go, what it counted stays."""
        if pid is None:
            return
        with self._lock:
            mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]
            for kind in ("counter", "histogram"):
                ended = self._folder / f"{kind}_{pid}.db"
                if not ended.exists():
                    continue
                try:
                    self._add(ended, self._folder / f"{kind}_ended.db")
                except (OSError, ValueError, RuntimeError, struct.error) as error:
                    # killed while it wrote; left in place it would make every page fail
                    logger.warning("what a process counted is lost", extra={"error": type(error).__name__})
                ended.unlink()

    @staticmethod
    def _add(ended: Path, to: Path) -> None:
        counted = list(MmapedDict.read_all_values_from_file(str(ended)))  # type: ignore[no-untyped-call]
        sums = MmapedDict(str(to))  # type: ignore[no-untyped-call]
        try:
            for key, value, _, _ in counted:
                before, _ = sums.read_value(key)  # type: ignore[no-untyped-call]
                sums.write_value(key, before + value, 0.0)  # type: ignore[no-untyped-call]
        finally:
            sums.close()  # type: ignore[no-untyped-call]


# -- spans -----------------------------------------------------------------------------------------------------------
def export_spans(settings: Settings) -> TracerProvider | None:
    """Send this process's spans, the framework's among them, to OTEL_EXPORTER_OTLP_ENDPOINT; None where it is unset."""
    endpoint = settings.otel_exporter_otlp_endpoint
    if endpoint is None:
        return None
    address = f"{endpoint.rstrip('/')}/v1/traces"
    return trace_with(OTLPSpanExporter(endpoint=address, timeout=EXPORT_SECONDS), settings)


def trace_with(exporter: SpanExporter, settings: Settings) -> TracerProvider:
    """Give the framework's tracer, which ours is as well, this exporter; speech is taken out of all spans before."""
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: SERVICE}))
    provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=MOST_SPANS, max_export_batch_size=MOST_SPANS)
    )
    set_tracer_provider(provider, allow_pii=settings.log_transcripts)
    return provider


async def flush_spans(provider: TracerProvider | None) -> None:
    """Send what has not been sent yet: a job's process ends without asking anybody (`os._exit`). Never raises."""
    if provider is not None:
        await asyncio.to_thread(provider.force_flush)
