"""The metrics of one turn of the moderator, as the runbook defines them: log line, Prometheus series and span.

Owns what each value counts from and to, and what becomes of it. A value that does not apply is None, never 0. No speech
is in any of them unless LOG_TRANSCRIPTS is set; no name of a person is.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from livekit.agents.telemetry import tracer

from debate.decisions import Decision
from providers.chains.attempt import LinkUse
from providers.registry import KINDS, Kind
from settings import Settings
from voice.telemetry import NO_LINK, SWITCHED_TURNS, TURN_HISTOGRAMS, TURNS

logger = logging.getLogger("sage.voice.turn_metrics")

EVENT = "Turn metrics"
SPAN = "sage.turn"
MOST_ENDS = 256
"""Ends of turns that nobody has asked for yet; older ones are forgotten."""

_Key = TypeVar("_Key")
_KIND_OF: Mapping[str, Kind] = {"llm_ttft_ms": "llm", "tts_first_audio_latency_ms": "tts"}


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """How the turn of whoever is answered ended; seconds of the debate's clock."""

    spoke_until: float
    silence: float
    """From the last speech to the endpointer's decision; 0 where there was none (a split, no voice detector)."""

    heard: LinkUse | None = None
    """Which link of the recogniser's chain had the words."""

    @property
    def decided_at(self) -> float:
        """When the turn was judged to be over."""
        return self.spoke_until + self.silence


class TurnEnds:
    """Remembers which end of whose turn a decision answers: people go on speaking before the answer begins."""

    def __init__(self) -> None:
        self._of_utterance: OrderedDict[str, TurnEnd] = OrderedDict()
        self._of_decision: OrderedDict[Decision, TurnEnd] = OrderedDict()

    def uttered(self, utterance_id: str, end: TurnEnd) -> None:
        """An utterance is over."""
        _remember(self._of_utterance, utterance_id, end)

    def decided(self, utterance_id: str, decisions: Iterable[Decision]) -> None:
        """What the debate decided on that utterance; only answers count from its end."""
        end = self._of_utterance.pop(utterance_id, None)
        for decision in decisions:
            if end is not None and decision.urgency == "answer":
                _remember(self._of_decision, decision, end)

    def answered(self, decision: Decision) -> TurnEnd | None:
        """The end of the turn that `decision` answers, once; None for what nobody's turn gave rise to."""
        return self._of_decision.pop(decision, None)


def _remember(known: OrderedDict[_Key, TurnEnd], key: _Key, end: TurnEnd) -> None:
    known[key] = end
    while len(known) > MOST_ENDS:
        known.popitem(last=False)


@dataclass(frozen=True, slots=True)
class TurnMetrics:
    """One turn. Times in milliseconds, None where one does not apply."""

    llm_ttft_ms: float | None
    """LLM request to first token, over the whole chain."""

    tts_first_audio_latency_ms: float | None
    """First text for the voice to first audio frame, over the whole chain."""

    barge_in_cutoff_ms: float | None
    """First sound of whoever spoke over it to playback halted. The ear takes VAD_START_SECS of it to be sure."""

    e2e_first_audio_ms: float | None
    """The decision that the asker's turn is over to the first audio of the answer."""

    endpointer_latency_ms: float | None
    """The asker's last speech to that decision."""

    room: str
    turn_id: str
    reason: str
    """What gave rise to the turn (`Decision.signal`)."""

    links: dict[Kind, str | None]
    """Who recognised the question, found the words and spoke them; None where nobody did."""

    switched: bool
    """Whether any of the chains asked more than one link for this turn."""

    @classmethod
    def of(
        cls,
        *,
        room: str,
        turn_id: str,
        reason: str,
        uses: Mapping[Kind, LinkUse | None],
        first_audio_at: float | None,
        end: TurnEnd | None,
        barge_in_ms: float | None,
    ) -> TurnMetrics:
        """Of what is known when a turn is over.

        uses: who answered in the chains of language model and voice, None where a chain was not asked.
        first_audio_at: when its first audio was heard, debate's seconds; None where none was.
        end: how the turn it answers ended; None where it answers nobody's.
        """
        used = {**uses, "stt": end.heard if end is not None else None}
        llm, tts = used.get("llm"), used.get("tts")
        spoken = first_audio_at is not None
        return cls(
            llm_ttft_ms=_told(llm.first_ms if llm is not None else None),
            tts_first_audio_latency_ms=_told(tts.first_ms if tts is not None else None),
            barge_in_cutoff_ms=_told(barge_in_ms if spoken else None),
            e2e_first_audio_ms=_told(
                (first_audio_at - end.decided_at) * 1000
                if first_audio_at is not None and end is not None
                else None
            ),
            endpointer_latency_ms=_told(end.silence * 1000 if end is not None and end.silence > 0 else None),
            room=room,
            turn_id=turn_id,
            reason=reason,
            links={
                kind: (use.link or None) if (use := used.get(kind)) is not None else None for kind in KINDS
            },
            switched=any(use.switched for use in used.values() if use is not None),
        )

    def values(self) -> dict[str, float | None]:
        """The five times by their names."""
        return {name: getattr(self, name) for name in TURN_HISTOGRAMS}


def report(metrics: TurnMetrics, settings: Settings, *, text: str, seconds: float) -> None:
    """Write the log line, count the series, send the span. Never raises: a turn must not fail by being told of.

    text: what was said, told only where LOG_TRANSCRIPTS is set. seconds: how long ago the turn began.
    """
    said = text if settings.log_transcripts else None
    logger.info(EVENT, extra=asdict(metrics) if said is None else {**asdict(metrics), "text": said})
    try:
        _count(metrics)
        _trace(metrics, said, seconds)
    except Exception:
        logger.exception("the metrics of a turn could not be told")


def _count(metrics: TurnMetrics) -> None:
    TURNS.labels(reason=metrics.reason).inc()
    if metrics.switched:
        SWITCHED_TURNS.labels(reason=metrics.reason).inc()
    for name, value in metrics.values().items():
        if value is None:
            continue
        kind = _KIND_OF.get(name)
        label = metrics.reason if kind is None else metrics.links[kind] or NO_LINK
        TURN_HISTOGRAMS[name].labels(label).observe(value / 1000)


def _trace(metrics: TurnMetrics, said: str | None, seconds: float) -> None:
    now = time.time_ns()
    attributes: dict[str, Any] = {
        "sage.turn_id": metrics.turn_id,
        "sage.room": metrics.room,
        "sage.reason": metrics.reason,
        "sage.switched": metrics.switched,
        **{f"sage.{kind}.link": link for kind, link in metrics.links.items() if link is not None},
        **{f"sage.{name}": value for name, value in metrics.values().items() if value is not None},
    }
    if said is not None:
        attributes["lk.pii.sage.text"] = said  # by this mark the framework takes it out where it must not go
    span = tracer.start_span(SPAN, start_time=now - round(max(0.0, seconds) * 1e9), attributes=attributes)
    span.end(end_time=now)


def _told(milliseconds: float | None) -> float | None:
    """A time as it is told: to a tenth of a millisecond; nothing for what cannot be (a cause after its effect)."""
    if milliseconds is None or not milliseconds >= 0:
        return None
    return max(0.1, round(milliseconds, 1))
