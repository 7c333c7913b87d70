"""How long a vendor takes: seeded draws from distributions with published medians.

Owns the numbers and their sources. Who waits, and from which moment on, is each server's matter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

_Z95 = 1.6449  # 95th percentile of the standard normal distribution
_TAIL_SHAPE = 1.5  # of the Pareto tail: its variance is infinite, as of a queue that is stuck
_TAIL_LIMIT = 60.0  # no draw is longer, in seconds


@dataclass(frozen=True, slots=True)
class Delay:
    """A log-normal time in seconds, with a heavy tail for a share of the draws."""

    median: float = 0.0
    p95: float = 0.0
    tail_share: float = 0.0
    tail_seconds: float = 0.0
    """Least addition of a draw in the tail."""

    def draw(self, random: Random) -> float:
        """Seconds of one wait. Uses the same number of random numbers each time, so that draws stay in step."""
        z, chance, depth = random.gauss(0.0, 1.0), random.random(), random.random()
        if self.median <= 0.0:
            return 0.0
        sigma = math.log(max(self.p95, self.median) / self.median) / _Z95
        seconds = self.median * math.exp(sigma * z)
        if chance < self.tail_share:
            seconds += self.tail_seconds * (1.0 - depth) ** (-1.0 / _TAIL_SHAPE)
        return min(seconds, _TAIL_LIMIT)


@dataclass(frozen=True, slots=True)
class LatencyProfile:
    """A vendor's times, in seconds."""

    handshake: Delay = Delay()
    """From the request to the 101 of a WebSocket."""
    stt_final: Delay = Delay()
    """From the arrival of the last sound of speech to its final text."""
    llm_first_token: Delay = Delay()
    """From the request to the first token."""
    llm_token: Delay = Delay()
    """Between two tokens."""
    tts_first_audio: Delay = Delay()
    """From the text to the first sound."""
    tts_per_second: float = 0.0
    """Seconds that a second of speech takes to come after the first sound; 0.2 is five times real time."""


INSTANT = LatencyProfile()
# stt: Deepgram nova-3, github.com/pipecat-ai/stt-benchmark, time to final segment, median 247, P95 298 ms.
# tts: Cartesia Sonic-3 on coval.dev, 4 May 2026: median 188, interquartile range 100 ms; as a log-normal P95 is 357.
# llm: 100-200 ms on fast hosts; the median is the benchmark's of issue 4, the P95 our assumption, as is the handshake.
PUBLISHED = LatencyProfile(
    handshake=Delay(0.060, 0.120),
    stt_final=Delay(0.247, 0.298),
    llm_first_token=Delay(0.180, 0.420),
    llm_token=Delay(0.012, 0.030),
    tts_first_audio=Delay(0.188, 0.357),
    tts_per_second=0.2,
)
# The medians without any spread, for sums that must be exact.
MEDIANS = LatencyProfile(
    handshake=Delay(0.060, 0.060),
    stt_final=Delay(0.247, 0.247),
    llm_first_token=Delay(0.180, 0.180),
    llm_token=Delay(0.012, 0.012),
    tts_first_audio=Delay(0.188, 0.188),
    tts_per_second=0.2,
)
# One answer in fifty is late by two seconds and more: what deadlines and breakers are for.
HEAVY_TAILED = LatencyProfile(
    handshake=Delay(0.060, 0.120, 0.02, 1.0),
    stt_final=Delay(0.247, 0.298, 0.02, 2.0),
    llm_first_token=Delay(0.180, 0.420, 0.02, 2.0),
    llm_token=Delay(0.012, 0.030, 0.001, 0.5),
    tts_first_audio=Delay(0.188, 0.357, 0.02, 2.0),
    tts_per_second=0.2,
)
PROFILES: Mapping[str, LatencyProfile] = MappingProxyType(
    {"instant": INSTANT, "medians": MEDIANS, "published": PUBLISHED, "heavy-tailed": HEAVY_TAILED}
)


class Latencies:
    """Draws from a profile. Each kind of wait has its own random numbers: one kind more disturbs no other."""

    def __init__(self, profile: LatencyProfile, seed: int) -> None:
        self.profile = profile
        self.seed = seed
        self._random: dict[str, Random] = {}

    def draw(self, kind: str) -> float:
        """Seconds of the next wait of a kind, the name of a `Delay` of LatencyProfile."""
        delay: Delay = getattr(self.profile, kind)
        random = self._random.setdefault(kind, Random(f"{self.seed}:{kind}"))
        return delay.draw(random)
