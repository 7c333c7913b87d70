"""Who cut whom off, from when people spoke. Pure arithmetic on lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from report.content import MODERATOR, Line

OVERLAP_SECONDS = 0.5
"""People overlap by 200 ms at nearly every change of speaker: that is no interruption."""

FEW_WORDS = 3
"""Fewer are a sign of listening ("yes, right")."""


def interruptions(lines: Sequence[Line]) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """How often each person cut somebody off, and was cut off, by identity.

    Who begins while another speaks, by more than OVERLAP_SECONDS before that one's end, speaks on after it and says
    more than FEW_WORDS, has cut the other off. `lines` are in the order of their starts; what was typed cuts nobody
    off.
    """
    made: Counter[str] = Counter()
    met: Counter[str] = Counter()
    running: list[Line] = []
    for line in lines:
        if line.typed or line.identity == MODERATOR:
            continue
        running = [one for one in running if one.end - OVERLAP_SECONDS > line.start]
        if len(line.text.split()) > FEW_WORDS:
            for other in running:
                if other.identity != line.identity and other.start < line.start and line.end > other.end:
                    made[line.identity] += 1
                    met[other.identity] += 1
        running.append(line)
    return made, met
