"""The report's data: the JSON whose keys are promised, plus what was measured.

Owns names and units of the keys (times in seconds of the debate, rounded to milliseconds). The picture is
`page`'s.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from rehearsal.heard import HeardUtterance
from rehearsal.judge import Answer, Judgement, percentile
from rehearsal.performance import Played
from rehearsal.script import Script

Report = dict[str, Any]


def build_report(script: Script, judgement: Judgement) -> Report:
    """The whole report as JSON can hold it."""
    heard = judgement.performed.heard
    return {
        "room": judgement.performed.room,
        "debate_id": judgement.performed.debate_id,
        "title": script.title,
        "topic": script.topic,
        "persona": script.persona,
        "seconds": _seconds(judgement.performed.seconds),
        "ok": not judgement.failures,
        "failures": list(judgement.failures),
        "utterances": [
            _utterance(judgement, utterance, judgement.matching.lines_of[index])
            for index, utterance in enumerate(heard.utterances)
        ],
        "moderator": [_turn(judgement, answer) for answer in judgement.answers],
        "talk_seconds": talk_seconds(judgement),
        "missed_lines": [_line(played) for played in judgement.missed],
        "misattributed_lines": [
            {**_line(played), "heard_as": judgement.speaker_name(identity)}
            for played, identity in judgement.misattributed
        ],
        "lines": [_played(judgement, played) for played in judgement.performed.played],
        "measured": _measured(judgement),
        "persona_changes": [
            {"at": _seconds(change.at), "persona": change.value}
            for change in heard.changes
            if change.key == "sage.persona" and change.identity in heard.moderators
        ],
    }


def talk_seconds(judgement: Judgement) -> dict[str, float]:
    """How long each was audible to the room, pauses of less than 0.3 s included; the moderator as "Sage"."""
    heard = judgement.performed.heard
    talk: dict[str, float] = {}
    for identity, sound in heard.sounds.items():
        name = speaker_label(judgement, identity)
        talk[name] = talk.get(name, 0.0) + sum(span.seconds for span in sound.spans(0.0))
    return {name: _seconds(seconds) for name, seconds in sorted(talk.items(), key=lambda item: -item[1])}


def speaker_label(judgement: Judgement, identity: str) -> str:
    """The name shown in the report: the script's for debaters, "Sage" for the moderator."""
    if identity in judgement.performed.heard.moderators:
        return "Sage"
    for who, identities in judgement.performed.identities.items():
        if identity in identities:
            return who
    return judgement.speaker_name(identity)


def _utterance(judgement: Judgement, utterance: HeardUtterance, lines: tuple[int, ...]) -> Mapping[str, Any]:
    numbers = [judgement.judged[index].line.number for index in lines]
    return {
        "speaker": speaker_label(judgement, utterance.identity),
        "text": utterance.text,
        "start": _seconds(utterance.start),
        "end": _seconds(utterance.end),
        "line": numbers[0] if numbers else None,
        "lines": numbers,
        "latency_ms": {
            "first_caption": _milliseconds(utterance.shown - utterance.start),
            "final_caption": _milliseconds(utterance.final - utterance.end),
        },
    }


def _turn(judgement: Judgement, answer: Answer) -> Mapping[str, Any]:
    turn = answer.turn
    asker = answer.answers.line.who if answer.answers else ""
    named = turn.attributes.get("sage.addressed_to")
    latency = {"caption": _milliseconds(turn.shown - turn.start)}
    if answer.delay is not None:
        latency["answer"] = _milliseconds(answer.delay)
    return {
        "reason": answer.reason,
        "addressed_to": speaker_label(judgement, named) if named else asker,
        "text": turn.text,
        "start": _seconds(turn.start),
        "end": _seconds(turn.end),
        "interrupted": turn.interrupted,
        "audible": turn.audible,
        "latency_ms": latency,
        "line": answer.answers.line.number if answer.answers else None,
    }


def _line(played: Played) -> dict[str, Any]:
    line = played.line
    return {"line": line.number, "speaker": line.who, "text": line.text, "start": _seconds(played.start)}


def _played(judgement: Judgement, played: Played) -> Mapping[str, Any]:
    row = {**_line(played), "end": _seconds(played.end), "cut": played.cut, "muted": played.muted}
    if played.line.expect:
        row["expect"] = played.line.expect
    if played in judgement.judged:
        verdict = judgement.verdict(played)
        row |= {
            "heard": " ".join(verdict.heard),
            "word_errors": verdict.errors,
            "words": verdict.words,
            "alone": judgement.judged.index(played) in judgement.alone,
        }
    return row


def _measured(judgement: Judgement) -> Mapping[str, Any]:
    delays = [answer.delay for answer in judgement.answers if answer.delay is not None]
    utterances = judgement.performed.heard.utterances
    finals = [utterance.final - utterance.end for utterance in utterances]
    wer = judgement.wer_alone
    return {
        "wer_alone": None if wer is None else round(wer, 4),
        "words_alone": sum(judgement.matching.verdicts[index].words for index in judgement.alone),
        "lines_alone": len(judgement.alone),
        "overlaps_seconds": [_seconds(seconds) for seconds in overlaps(judgement.performed.played)],
        "answers": len(delays),
        "answer_delay": {"p50": _rounded(percentile(delays, 0.5)), "p95": _rounded(percentile(delays, 0.95))},
        "final_caption_delay": {
            "p50": _rounded(percentile(finals, 0.5)),
            "p95": _rounded(percentile(finals, 0.95)),
        },
        "missing_answers": [_line(played) for played in judgement.missing_answers],
        "false_answers": [
            {
                "text": answer.turn.text,
                "start": _seconds(answer.turn.start),
                "line": answer.unasked_after.line.number,
            }
            for answer in judgement.false_answers
            if answer.unasked_after
        ],
        "invented_utterances": [utterances[index].text for index in judgement.matching.invented],
        "refused": list(judgement.performed.refusals),
        # A machine that cannot keep real time makes every other figure worse: these two tell.
        "machine": {
            "load": [round(load, 2) for load in os.getloadavg()],
            "cores": os.cpu_count(),
            "most_late_seconds": _seconds(judgement.performed.most_late),
        },
    }


def overlaps(played: tuple[Played, ...]) -> list[float]:
    """How long each pair of lines of two people really sounded at once, the longest first."""
    found = [
        min(one.end, other.end) - max(one.start, other.start)
        for index, one in enumerate(played)
        for other in played[index + 1 :]
        if one.line.who != other.line.who
    ]
    return sorted((seconds for seconds in found if seconds > 0), reverse=True)


def _seconds(value: float) -> float:
    return round(value, 3)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
