"""What a participant of the room received, as values: utterances, moderator's turns, loudness, attributes.

Owns how captions and sound are brought together in time. Pure: the observer fills `Received`, the judge reads
`Heard`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rehearsal.loudness import FRAME_SECONDS, Loudness, Span

_FINAL_BEFORE_SOUND = 0.2  # a caption may be shown a little before its last sample was received
_WORD_PAUSE = 1.5
_TURN_PAUSE = 1.2
_LATE_SOUND = 2.0  # on a busy machine sound comes that much later than the caption that goes with it
_ENDS_WELL = re.compile(r"[.!?…][\"'”’)\]]*$")


@dataclass(slots=True)
class Segment:
    """One caption segment. `text` is the whole so far; times are the event loop's."""

    segment_id: str
    identity: str
    first_at: float
    text: str = ""
    final_at: float | None = None
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """An attribute of a participant that changed at `at` seconds."""

    at: float
    identity: str
    key: str
    value: str


@dataclass(slots=True)
class Received:
    """Everything that came, in the order of its coming; filled while the debate goes on."""

    segments: dict[tuple[str, str], Segment] = field(default_factory=dict)
    sounds: dict[str, Loudness] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    moderators: set[str] = field(default_factory=set)
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HeardUtterance:
    """A debater's final caption. Times in seconds; `shown` and `final`: when its first and last text came."""

    identity: str
    text: str
    start: float
    end: float
    shown: float
    final: float


@dataclass(frozen=True, slots=True)
class Turn:
    """One reply of the moderator: `start` and `end` are its first and last audible sample (captions where
    mute).
    """

    text: str
    start: float
    end: float
    shown: float
    closed: float | None
    audible: bool
    interrupted: bool
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Heard:
    """All of it, with times in seconds from the start of the debate."""

    utterances: tuple[HeardUtterance, ...]
    turns: tuple[Turn, ...]
    unfinished: tuple[HeardUtterance, ...]
    sounds: Mapping[str, Loudness]
    names: Mapping[str, str]
    moderators: frozenset[str]
    changes: tuple[Change, ...]


def heard(received: Received, zero: float) -> Heard:
    """`received` on the clock of the debate, which began at `zero` of the event loop."""
    by_identity: dict[str, list[Segment]] = {}
    for segment in received.segments.values():
        by_identity.setdefault(segment.identity, []).append(segment)
    utterances: list[HeardUtterance] = []
    unfinished: list[HeardUtterance] = []
    turns: list[Turn] = []
    for identity, segments in by_identity.items():
        sound = received.sounds.get(identity, Loudness())
        if identity in received.moderators:
            turns += _turns(segments, sound, zero)
            continue
        finals = sorted((s for s in segments if s.final_at is not None), key=lambda s: s.final_at or 0.0)
        utterances += _utterances(finals, sound, zero)
        unfinished += _utterances([s for s in segments if s.final_at is None], sound, zero)
    return Heard(
        utterances=tuple(sorted(utterances, key=lambda utterance: utterance.start)),
        turns=tuple(sorted(turns, key=lambda turn: turn.start)),
        unfinished=tuple(unfinished),
        sounds={identity: _shifted(sound, zero) for identity, sound in received.sounds.items()},
        names=dict(received.names),
        moderators=frozenset(received.moderators),
        changes=tuple(Change(c.at - zero, c.identity, c.key, c.value) for c in received.changes),
    )


def _utterances(segments: list[Segment], sound: Loudness, zero: float) -> list[HeardUtterance]:
    """Each segment ends with its speaker's last sample before it was final and begins after the one
    before.
    """
    found: list[HeardUtterance] = []
    after = -math.inf
    for segment in segments:
        if not segment.text.strip():
            continue
        final = segment.final_at if segment.final_at is not None else math.inf
        spans = sound.spans(after, final + _FINAL_BEFORE_SOUND, gap=_WORD_PAUSE)
        span = next((s for s in reversed(spans) if s.start <= segment.first_at), None)
        start, end = (span.start, span.end) if span else (segment.first_at, min(final, segment.first_at))
        after = end
        closed = final if math.isfinite(final) else end
        found.append(
            HeardUtterance(
                segment.identity,
                segment.text.strip(),
                start - zero,
                end - zero,
                segment.first_at - zero,
                closed - zero,
            )
        )
    return found


def _turns(segments: list[Segment], sound: Loudness, zero: float) -> list[Turn]:
    """Each reply takes the stretches of sound from a little before its first word to the next reply's."""
    turns: list[Turn] = []
    ordered = sorted((s for s in segments if s.text.strip()), key=lambda s: s.first_at)
    nexts = [*(segment.first_at for segment in ordered[1:]), math.inf]
    ended = -math.inf
    for segment, until in zip(ordered, nexts, strict=False):
        closed = segment.final_at
        mine = list(_after(ended, _near(segment, until, sound), sound))
        if mine and mine[-1].end > until:
            mine[-1] = _cut(mine[-1], sound, until)
        start = mine[0].start if mine else segment.first_at
        ended = mine[-1].end if mine else (closed or segment.first_at)
        said_so = segment.attributes.get("sage.interrupted")
        cut_short = not _ENDS_WELL.search(segment.text.strip())
        turns.append(
            Turn(
                text=" ".join(segment.text.split()),
                start=start - zero,
                end=ended - zero,
                shown=segment.first_at - zero,
                closed=None if closed is None else closed - zero,
                audible=bool(mine),
                interrupted=said_so == "true" if said_so is not None else cut_short,
                attributes=dict(segment.attributes),
            )
        )
    return turns


def _near(segment: Segment, until: float, sound: Loudness) -> list[Span]:
    """The stretches of sound that may belong to a reply whose successor's first word came at `until`."""
    latest = (segment.final_at or until) + _LATE_SOUND
    spans = sound.spans(gap=_TURN_PAUSE)
    mine = [s for s in spans if s.end > segment.first_at - _TURN_PAUSE and s.start < latest]
    return [s for s in mine if s.start < until] or mine[:1]


def _after(ended: float, spans: list[Span], sound: Loudness) -> Iterator[Span]:
    """What of `spans` sounds after the reply before has ended."""
    for span in spans:
        start = span.start if span.start > ended else sound.first_audible(ended + FRAME_SECONDS / 2, span.end)
        if start is not None and start < span.end:
            yield Span(start, span.end)


def _cut(span: Span, sound: Loudness, until: float) -> Span:
    """Two replies without a pause between them: the first ends with the last sound before the second's
    words.
    """
    parts = sound.spans(span.start, until, gap=0.05)
    # The first word of the next reply sounds before it is shown: it is the last stretch before `until`.
    return Span(span.start, parts[-2].end) if len(parts) > 1 else Span(span.start, until)


def _shifted(sound: Loudness, zero: float) -> Loudness:
    shifted = Loudness()
    shifted.times.extend(at - zero for at in sound.times)
    shifted.levels.extend(sound.levels)
    return shifted
