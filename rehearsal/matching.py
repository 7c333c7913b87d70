"""Which words of which utterance come from which line of the script: by the words alone, never by time.

Pure. An utterance may hold parts of several lines and a line may be spread over several utterances, of the
right speaker or, which is what is looked for, of a wrong one. Order counts for one thing only: the word that a
pause has cut off from the beginning or the end of a line.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from rehearsal.words import LIKE, distance, likeness, words_of

_SAME, _ALIKE, _OTHER, _GAP = 4, 2, -2, -2
_OWN_VOICE = 1.25  # between equal wordings a speaker's own line comes first
_LEAST_OWN = 2 * _SAME  # two words in a row: less is no sign of a line
_LEAST_FOREIGN = 3 * _SAME
_FOREIGN_SHARE = 0.3
_HEARD_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Wording:
    """Who said what: a line of the script or an utterance as it was captioned."""

    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Words `line_start:line_end` of a line, heard as words `start:end` of an utterance (indices into both
    lists).
    """

    line: int
    line_start: int
    line_end: int
    utterance: int
    start: int
    end: int
    alike: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one line was heard. `own` and `foreign` are shares of its words; `heard` what was captioned for
    it.
    """

    line: int
    own: float
    foreign: float
    foreign_speaker: str
    heard: tuple[str, ...]
    errors: int
    words: int

    @property
    def missed(self) -> bool:
        """Less than half of it came through, under any name."""
        return self.words > 0 and self.own + self.foreign < _HEARD_SHARE

    @property
    def misattributed(self) -> bool:
        """A part of it that cannot be chance stands under another name."""
        return self.foreign > 0


@dataclass(frozen=True, slots=True)
class Matching:
    """The whole comparison. `lines_of[utterance]` are the lines it holds, the one with most words first."""

    verdicts: tuple[Verdict, ...]
    lines_of: tuple[tuple[int, ...], ...]

    @property
    def invented(self) -> tuple[int, ...]:
        """Utterances that come from no line."""
        return tuple(index for index, lines in enumerate(self.lines_of) if not lines)


def match(lines: Sequence[Wording], utterances: Sequence[Wording]) -> Matching:
    """Compare `lines` with `utterances`, both in any order; equal wordings are paired in the order given."""
    said = [words_of(line.text) for line in lines]
    heard = [words_of(utterance.text) for utterance in utterances]
    pieces = list(_pieces(lines, said, utterances, heard))
    pieces += list(_cut_off(lines, said, utterances, heard, pieces))
    owners = [_owners(index, len(words), pieces) for index, words in enumerate(heard)]
    verdicts = tuple(
        _verdict(index, line, words, pieces, utterances, heard, owners)
        for index, (line, words) in enumerate(zip(lines, said, strict=True))
    )
    lines_of = []
    for index in range(len(utterances)):
        shares: dict[int, int] = {}
        for piece in pieces:
            if piece.utterance == index:
                shares[piece.line] = shares.get(piece.line, 0) + piece.alike
        lines_of.append(tuple(sorted(shares, key=lambda line: (-shares[line], line))))
    return Matching(verdicts, tuple(lines_of))


_Segment = tuple[int, int, int]  # index of the line or utterance, first word, one past the last word


def _pieces(
    lines: Sequence[Wording],
    said: Sequence[tuple[str, ...]],
    utterances: Sequence[Wording],
    heard: Sequence[tuple[str, ...]],
) -> Iterator[Piece]:
    """The best piece first; then again over what is left of both sides, until nothing is left that means
    anything.
    """
    open_lines: set[_Segment] = {(i, 0, len(words)) for i, words in enumerate(said) if words}
    open_heard: set[_Segment] = {(i, 0, len(words)) for i, words in enumerate(heard) if words}
    queue: list[tuple[float, int, int, int, _Segment, _Segment, Piece]] = []
    order = count()

    def offer(line: _Segment, utterance: _Segment) -> None:
        own = lines[line[0]].speaker == utterances[utterance[0]].speaker
        score, piece = _align(said, heard, line, utterance)
        if piece is not None and _means_something(piece, score, own, said[line[0]], heard[utterance[0]]):
            rank = -score * (_OWN_VOICE if own else 1.0)
            heapq.heappush(queue, (rank, line[0], utterance[0], next(order), line, utterance, piece))

    for line in open_lines:
        for utterance in open_heard:
            offer(line, utterance)
    while queue:
        *_, line, utterance, piece = heapq.heappop(queue)
        if line not in open_lines or utterance not in open_heard:
            continue
        open_lines.discard(line)
        open_heard.discard(utterance)
        yield piece
        left = _left(line, piece.line_start, piece.line_end)
        for rest in left:
            open_lines.add(rest)
            for other in open_heard:
                offer(rest, other)
        for rest in _left(utterance, piece.start, piece.end):
            open_heard.add(rest)
            for other in open_lines:
                offer(other, rest)


def _left(segment: _Segment, start: int, end: int) -> list[_Segment]:
    index, first, last = segment
    return [(index, a, b) for a, b in ((first, start), (end, last)) if a < b]


def _means_something(
    piece: Piece, score: int, own: bool, line: tuple[str, ...], utterance: tuple[str, ...]
) -> bool:
    whole = piece.line_end - piece.line_start == len(line)
    if len(line) <= 2:
        # "Yes." may be anywhere by chance: it has to be all that was said at that moment.
        return whole and len(utterance) <= len(line) + 1 and score >= _ALIKE
    if own:
        return score >= _LEAST_OWN or (whole and score > 0)
    return score >= _LEAST_FOREIGN and piece.alike >= _FOREIGN_SHARE * len(line)


def _cut_off(
    lines: Sequence[Wording],
    said: Sequence[tuple[str, ...]],
    utterances: Sequence[Wording],
    heard: Sequence[tuple[str, ...]],
    pieces: Sequence[Piece],
) -> Iterator[Piece]:
    """Whole utterances that are too short to mean something by themselves, but are the first or last words of a
    line whose rest the same speaker said right after or before: "Fine." of "Fine. Then I ask Ana directly."
    """
    matched = {piece.utterance for piece in pieces}
    turns: dict[str, list[int]] = {}
    for index, utterance in enumerate(utterances):
        turns.setdefault(utterance.speaker, []).append(index)
    for speaker, own in turns.items():
        for before, index, after in zip([-1, *own], own, [*own[1:], -1], strict=False):
            words, count = heard[index], len(heard[index])
            if index in matched or not words:
                continue
            begun = max((p for p in pieces if p.utterance == before), key=lambda p: p.end, default=None)
            goes_on = min((p for p in pieces if p.utterance == after), key=lambda p: p.start, default=None)
            for rest, at_start in ((goes_on, True), (begun, False)):
                if rest is None or lines[rest.line].speaker != speaker:
                    continue
                line = said[rest.line]
                start = 0 if at_start else len(line) - count
                end = start + count
                held = any(p.line == rest.line and p.line_start < end and p.line_end > start for p in pieces)
                if not held and line[start:end] == words:
                    yield Piece(rest.line, start, end, index, 0, count, alike=count)
                    break


def _align(
    said: Sequence[tuple[str, ...]], heard: Sequence[tuple[str, ...]], line: _Segment, utterance: _Segment
) -> tuple[int, Piece | None]:
    """The best local alignment (Smith and Waterman's) of two segments, and its score."""
    rows = said[line[0]][line[1] : line[2]]
    columns = heard[utterance[0]][utterance[1] : utterance[2]]
    # Each cell: score, first row, first column, words alike. The start travels along, so nothing is traced
    # back.
    empty = (0, 0, 0, 0)
    above = [empty] * (len(columns) + 1)
    best, best_end = empty, (0, 0)
    for i, one in enumerate(rows, 1):
        row = [empty] * (len(columns) + 1)
        for j, other in enumerate(columns, 1):
            alike = likeness(one, other)
            gain = _SAME if alike == 1.0 else _ALIKE if alike >= LIKE else _OTHER
            score, first, start, matched = above[j - 1]
            if score <= 0:
                first, start, matched = i - 1, j - 1, 0
            cell = (score + gain, first, start, matched + (gain > 0))
            for other_cell in (above[j], row[j - 1]):
                if other_cell[0] + _GAP > cell[0]:
                    cell = (other_cell[0] + _GAP, *other_cell[1:])
            row[j] = cell if cell[0] > 0 else empty
            if row[j][0] > best[0]:
                best, best_end = row[j], (i, j)
        above = row
    if best[0] <= 0:
        return 0, None
    score, first, start, matched = best
    return score, Piece(
        line=line[0],
        line_start=line[1] + first,
        line_end=line[1] + best_end[0],
        utterance=utterance[0],
        start=utterance[1] + start,
        end=utterance[1] + best_end[1],
        alike=matched,
    )


def _owners(utterance: int, length: int, pieces: Sequence[Piece]) -> list[Piece | None]:
    """For each word of an utterance the piece that it counts for: its own, else the nearest one beside it."""
    mine = [piece for piece in pieces if piece.utterance == utterance]
    owners: list[Piece | None] = [None] * length
    for index in range(length):
        owners[index] = min(
            mine,
            key=lambda piece: (max(piece.start - index, index - piece.end + 1, 0), piece.start),
            default=None,
        )
    return owners


def _verdict(
    index: int,
    line: Wording,
    words: tuple[str, ...],
    pieces: Sequence[Piece],
    utterances: Sequence[Wording],
    heard: Sequence[tuple[str, ...]],
    owners: Sequence[Sequence[Piece | None]],
) -> Verdict:
    mine = sorted((piece for piece in pieces if piece.line == index), key=lambda piece: piece.line_start)
    shares: dict[str, int] = {}
    captioned: list[str] = []
    for piece in mine:
        speaker = utterances[piece.utterance].speaker
        shares[speaker] = shares.get(speaker, 0) + piece.alike
        captioned += (
            word
            for word, owner in zip(heard[piece.utterance], owners[piece.utterance], strict=True)
            if owner is piece
        )
    own = shares.pop(line.speaker, 0)
    foreign_speaker = max(shares, key=lambda speaker: shares[speaker], default="")
    total = max(1, len(words))
    return Verdict(
        line=index,
        own=own / total,
        foreign=sum(shares.values()) / total,
        foreign_speaker=foreign_speaker,
        heard=tuple(captioned),
        errors=distance(words, captioned),
        words=len(words),
    )
