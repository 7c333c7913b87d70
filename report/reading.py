"""From the rows of a journal to the content of a report: the debate is replayed, and what it was is noted beside it.

Pure: rows in, a `Report` out; blocks for as long as a replay takes (some 0.2 ms an event).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from debate.debate import Debate
from debate.events import FactChecked, Joined, Uttered
from debate.fact_checks import TROUBLES, VERDICTS
from debate.formats import DEFAULT_FORMAT, load_formats
from debate.replayed import replayed
from debate.votes import outcome, result_said, verdict_said
from debate.words import NAME_CHARS, clean
from memory.store import DebateRecord, Record
from personas.registry import Registry
from report.arguments import arguments_of, questions_left
from report.content import (
    MODERATOR,
    Act,
    Balloted,
    Checked,
    Line,
    Part,
    Person,
    Quote,
    Report,
    Side,
    Summary,
    Voted,
)
from report.talk import interruptions

MODERATOR_NAME = "Sage"
SHOWN_ACTS = frozenset(
    {"announce", "give_floor", "cut_in", "nudge", "bell", "mute", "summarise", "vote", "fact_check"}
)
"""Kinds of decisions that are told of; replies stand in the transcript, refusals are between two."""


@dataclass(slots=True)
class _Seen:
    """What a replay shows while it runs."""

    names: dict[str, str] = field(default_factory=dict)
    personas: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    checks: list[Checked] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)
    over_at: float | None = None
    """When the debate was ended, where it was and nothing began anew."""


def report_of(
    debate: DebateRecord, records: Sequence[Record], personas: Registry, *, speed: float = 1.0
) -> Report:
    """The report of `debate` from all rows of its journal, in order. `speed`: FORMAT_SPEED of the debate.

    A persona or a format that is not known any more is taken for the default one: words outlast them.
    """
    form = debate.format if debate.format in load_formats() else DEFAULT_FORMAT
    persona = personas.get(debate.persona) if debate.persona in personas else next(iter(personas))
    played = Debate(debate.topic, persona, form, personas=personas, speed=speed)
    seen = _Seen(personas=[persona.title])
    claims = _claims(records)
    for row in records:
        if row.kind == "event" and row.data.get("forgotten"):
            seen.forgotten.add(str(row.data.get("utterance_id")))
    last = 0.0
    for event, at in replayed(played, ((row.kind, row.data) for row in records)):
        last = at
        if isinstance(event, Joined):
            seen.names[event.identity] = clean(event.name, NAME_CHARS) or event.identity
        elif isinstance(event, Uttered):
            seen.lines.append(_line(event, seen))
        elif isinstance(event, FactChecked):
            seen.checks.append(_checked(event, claims, at))
        _follow(played, seen, at)
    _close_part(seen, last)
    return _report(debate, played, seen, records, last)


def _follow(played: Debate, seen: _Seen, at: float) -> None:
    """Note what changed with the last row: the persona, the part."""
    if seen.personas[-1] != played.persona.title:
        seen.personas.append(played.persona.title)
    over = played.clock.status == "over"
    seen.over_at = (at if seen.over_at is None else seen.over_at) if over else None
    segment = played.clock.segment
    running = seen.parts[-1] if seen.parts and seen.parts[-1].end < 0 else None
    if segment is None and running is None:
        return
    if segment is not None and running is not None and running.name == segment.name:
        return
    if running is not None:
        _close_part(seen, at)
    if segment is not None:
        speaker = played.people.floor if played.people.given else ""
        given = segment.seconds
        seen.parts.append(Part(segment.name, segment.kind, segment.side, speaker, at, -1.0, given))


def _close_part(seen: _Seen, at: float) -> None:
    if seen.parts and seen.parts[-1].end < 0:
        one = seen.parts[-1]
        seen.parts[-1] = Part(one.name, one.kind, one.side, one.speaker, one.start, at, one.given)


def _line(event: Uttered, seen: _Seen) -> Line:
    return Line(
        id=event.utterance_id,
        identity=event.identity,
        name=seen.names.get(event.identity, event.identity),
        text=event.text.strip(),
        start=event.start,
        end=max(event.start, event.end),
        typed=event.via == "chat",
        forgotten=event.utterance_id in seen.forgotten,
    )


def _claims(records: Sequence[Record]) -> Mapping[str, str]:
    """What was checked, by the number of the check."""
    decisions = (row.data for row in records if row.kind == "decision")
    return {
        str(data["check"]): str(data.get("question") or "")
        for data in decisions
        if data.get("kind") == "fact_check" and data.get("check") and data.get("question")
    }


def _checked(event: FactChecked, claims: Mapping[str, str], at: float) -> Checked:
    trouble = TROUBLES.get(event.trouble, TROUBLES["down"]) if event.trouble else ""
    # never a verdict without a source
    verdict = VERDICTS.get(event.verdict, "") if event.sources and not trouble else ""
    sentence = event.sentence if verdict else ""
    return Checked(claims.get(event.check, ""), verdict, sentence, tuple(event.sources), trouble, at)


# -- the whole ---------------------------------------------------------------------------------------------------
def _report(
    debate: DebateRecord, played: Debate, seen: _Seen, records: Sequence[Record], last: float
) -> Report:
    lines = sorted([*seen.lines, *_moderators_lines(records)], key=lambda line: (line.start, line.end))
    by_line = {line.id: line for line in lines}
    by_row = {row.id: str(row.data.get("utterance_id")) for row in records if row.kind == "event"}
    sides = {person.identity: person.side for person in played.people.known.values()}
    swing, _ = outcome(played.voting.votes)
    decisions = [ballot.decision for ballot in played.voting.ballots.values()]
    ended = max([last if seen.over_at is None else seen.over_at, *(line.end for line in lines)])
    return Report(
        debate_id=debate.debate_id,
        room=debate.room,
        topic=played.topic or debate.topic,
        format=played.clock.format.title,
        personas=tuple(seen.personas),
        began=debate.created_at,
        ended=debate.created_at + ended,
        over=played.clock.status == "over",
        people=_people(played, seen, lines),
        sides=_sides(played, seen),
        parts=tuple(seen.parts),
        lines=tuple(lines),
        arguments=arguments_of(lines, sides),
        open_questions=questions_left(lines, tuple(seen.names.values())),
        checks=tuple(seen.checks),
        votes=tuple(Voted(vote.name, vote.counts()) for vote in played.voting.votes),
        swing=swing,
        outcome=result_said(played.voting.votes) if played.voting.votes else "",
        ballots=_ballots(played, seen),
        decision=verdict_said(decisions) if decisions else "",
        acts=_acts(records, seen),
        summaries=_summaries(records, by_line, by_row),
    )


def _moderators_lines(records: Sequence[Record]) -> list[Line]:
    found = []
    for row in records:
        text = str(row.data.get("text") or "").strip()
        if row.kind == "spoken" and text:
            start = float(row.data.get("start", row.data.get("at", 0.0)))
            end = max(start, float(row.data.get("end", start)))
            found.append(Line(row.id, MODERATOR, MODERATOR_NAME, text, start, end))
    return found


def _people(played: Debate, seen: _Seen, lines: Sequence[Line]) -> tuple[Person, ...]:
    made, met = interruptions(lines)
    given: dict[str, float] = {}
    for part in seen.parts:
        if part.speaker:
            given[part.speaker] = given.get(part.speaker, 0.0) + part.given
    words: dict[str, int] = {}
    count: dict[str, int] = {}
    for line in lines:
        words[line.identity] = words.get(line.identity, 0) + len(line.text.split())
        count[line.identity] = count.get(line.identity, 0) + 1
    known = played.people.known
    found = [
        Person(
            identity=identity,
            name=name,
            role=known[identity].role if identity in known else "audience",
            side=known[identity].side if identity in known else "",
            seconds=known[identity].talk_seconds if identity in known else 0.0,
            words=words.get(identity, 0),
            utterances=count.get(identity, 0),
            interrupted=made.get(identity, 0),
            was_interrupted=met.get(identity, 0),
            given=given.get(identity),
        )
        for identity, name in seen.names.items()
    ]
    spoke = [one for one in found if one.utterances or one.seconds or one.role in ("host", "debater")]
    return tuple(sorted(spoke, key=lambda one: -one.seconds))


def _sides(played: Debate, seen: _Seen) -> tuple[Side, ...]:
    people = list(played.people.known.values())
    return tuple(
        Side(
            name=side,
            members=tuple(seen.names.get(one.identity, one.name) for one in people if one.side == side),
            seconds=sum(one.talk_seconds for one in people if one.side == side),
            given=sum(part.given for part in seen.parts if part.side == side),
        )
        for side in played.clock.format.sides
    )


def _ballots(played: Debate, seen: _Seen) -> tuple[Balloted, ...]:
    def name(identity: str) -> str:
        return seen.names.get(identity, identity)

    return tuple(
        Balloted(
            name(ballot.judge),
            ballot.decision,
            ballot.reasons,
            {name(identity): points for identity, points in ballot.points.items()},
        )
        for ballot in played.voting.ballots.values()
    )


def _acts(records: Sequence[Record], seen: _Seen) -> tuple[Act, ...]:
    return tuple(
        Act(
            float(row.data.get("at", 0.0)),
            str(row.data.get("kind")),
            str(row.data.get("reason") or ""),
            seen.names.get(str(row.data.get("addressed_to")), ""),
        )
        for row in records
        if row.kind == "decision" and _is_told(row.data)
    )


def _is_told(decision: Mapping[str, Any]) -> bool:
    """Whether a decision is an act of moderation; what only confirms somebody's own command is none."""
    confirms = decision.get("kind") == "bell" and str(decision.get("signal")).startswith("command:")
    return decision.get("kind") in SHOWN_ACTS and bool(decision.get("reason")) and not confirms


def _summaries(
    records: Sequence[Record], by_line: Mapping[str, Line], by_row: Mapping[str, str]
) -> tuple[Summary, ...]:
    found: dict[str, Summary] = {}
    for row in records:
        if row.kind != "note" or row.data.get("type") != "summary":
            continue
        part = str(row.data.get("segment") or "") if row.data.get("scope") == "segment" else ""
        claims = [_claim(claim, by_line, by_row) for claim in row.data.get("claims") or ()]
        kept = tuple(claim for claim in claims if claim is not None)
        if kept:
            found[part] = Summary(part, str(row.data.get("by") or ""), kept)
    return tuple(found.values())


def _claim(claim: Any, by_line: Mapping[str, Line], by_row: Mapping[str, str]) -> Quote | None:
    """A summary's claim with the utterance that it rests on; None where there is no such utterance."""
    if not isinstance(claim, Mapping):
        return None
    for id_ in claim.get("utterances") or ():
        line = by_line.get(str(id_)) or by_line.get(by_row.get(str(id_), ""))
        if line is not None and not line.forgotten:
            return Quote(line.identity, line.name, str(claim.get("text") or ""), line.id, line.start)
    return None
