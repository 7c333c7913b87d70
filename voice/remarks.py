"""Remarks of the moderator that stand on pages rather than in the air: fact checks, finds, what was said here before.

Owns their form and which of them are kept for whoever comes late. Sends nothing.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from debate.decisions import Decision, to_json
from debate.summaries import Summary
from memory import Record

TOPICS: Mapping[str, str] = MappingProxyType(
    {
        "nudge": "sage.nudge",
        "refuse": "sage.refusal",
        "fact_check": "sage.factcheck",
        "recall": "sage.recall",
    }
)
"""Decisions that are shown instead of spoken, with the topic of their text stream."""

BEFORE = "sage.before"
"""What was said in this room before this debate."""

SUMMARY = "sage.summary"
"""What was said in a part that is over, or in the whole debate."""

KEPT = 12
KEPT_BYTES = 5000
"""Of one page's state; the oldest remarks go first, but what was said before the debate."""

BEFORE_BYTES = 2600

Remark = dict[str, Any]


def is_remark(decision: Mapping[str, Any] | Decision) -> bool:
    """Whether a decision stands on pages. A fact check or a recall without words is still to be made."""
    data = to_json(decision) if isinstance(decision, Decision) else decision
    return data.get("kind") in TOPICS and bool(data.get("text"))


def remark_of(decision: Decision, id_: str, at: float) -> Remark:
    """A decision as pages read it. `id_`: for one without a number of its own; `at`: epoch seconds."""
    return _remark(to_json(decision), id_, at)


def _remark(data: Mapping[str, Any], id_: str, at: float) -> Remark:
    remark = {
        "topic": TOPICS[data["kind"]],
        # the same in whichever process, so that no page shows it twice
        "id": f"{data['kind']}-{data['check']}" if data.get("check") else id_,
        "at": round(at * 1000),
        "text": data["text"],
        "reason": data.get("reason", ""),
    }
    return {**remark, "sources": data["sources"]} if data.get("sources") else remark


class Remarks:
    """The remarks to all of one debate, for whoever comes late."""

    def __init__(self) -> None:
        self._before: list[Remark] = []
        self._kept: deque[Remark] = deque(maxlen=KEPT)

    def keep(self, remark: Remark) -> None:
        """Keep what all have been shown."""
        self._kept.append(remark)

    def take_up(self, rows: Iterable[Record]) -> None:
        """Keep what a job before has shown to all, of the journal's decisions."""
        for row in rows:
            if is_remark(row.data) and not row.data.get("addressed_to"):
                self.keep(_remark(row.data, row.id, row.at))

    def said_before(self, text: str, debate_id: str, at: float) -> Remark:
        """What was said in this room before, kept for everybody; the same id in whichever process."""
        remark = {
            "topic": BEFORE,
            "id": f"before-{debate_id}",
            "at": round(at * 1000),
            "text": _fitting(text),
        }
        self._before = [remark]
        return remark

    def summarised(self, summary: Summary, names: Mapping[str, str], debate_id: str, epoch: float) -> Remark:
        """A summary, kept for whoever comes late. `epoch`: when the debate began, epoch seconds."""
        title = f"Summary of {summary.segment}" if summary.segment else "Summary of the debate"
        remark = {
            "topic": SUMMARY,
            "id": f"summary-{debate_id}-{summary.scope}-{summary.segment}-{round(summary.end * 1000)}",
            "at": round((epoch + summary.end) * 1000),
            "text": "\n".join((title, *summary.lines(names))),
        }
        self.keep(remark)
        return remark

    def told(self) -> list[Remark]:
        """All that are kept, oldest first, within KEPT_BYTES."""
        kept = list(self._kept)
        while kept and len(json.dumps([*self._before, *kept])) > KEPT_BYTES:
            kept.pop(0)
        return [*self._before, *kept]


def _fitting(text: str) -> str:
    """The first lines of `text` that fit into BEFORE_BYTES of JSON; of a single line its beginning."""
    lines = text.splitlines()
    while len(lines) > 1 and len(json.dumps("\n".join(lines))) > BEFORE_BYTES:
        lines.pop()
    fitting = "\n".join(lines)
    while len(json.dumps(fitting)) > BEFORE_BYTES:
        fitting = fitting[: len(fitting) * 3 // 4]
    return fitting
