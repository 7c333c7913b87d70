"""Loading models before a job needs them: the job process calls it while it waits for a room.

Loads only what the chains name. Blocks for up to two seconds, which is why no job may do it.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from providers.chains import ChainPlan
from providers.turns import TurnJudge, build_turn_detector
from providers.vad import build_vad
from settings import Settings

if TYPE_CHECKING:
    from livekit.agents import vad

logger = logging.getLogger("sage.providers")


@dataclass(frozen=True)
class Models:
    """What is loaded in this process and shared by its ears."""

    vad: vad.VAD | None
    turns: TurnJudge


def load_models(settings: Settings, plan: ChainPlan) -> Models:
    """Load VAD and the local models that `plan` names, choose the turn detector; blocks."""
    started = time.perf_counter()
    models = Models(vad=build_vad(settings), turns=build_turn_detector(settings))
    if plan.uses_local("stt"):
        from providers.local.moonshine import shared_queue

        shared_queue()
    if plan.uses_local("tts"):
        from providers.local.hibari_voice import shared_voice

        shared_voice()
    logger.info("models loaded", extra={"seconds": round(time.perf_counter() - started, 2)})
    return models
