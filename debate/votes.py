"""Votes of the room and ballots of judges: who chose what, counted, and what swung between two votes.

Owns the counting. A vote is one person's until it closes and may be changed till then; only counts are ever told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from debate.words import clean, join_names, number

UNDECIDED = "undecided"
VOTERS_MAX = 400
REASONS_CHARS = 1000
POINTS = (0.0, 100.0)


@dataclass(slots=True)
class Vote:
    """One vote. `choices`: the sides of the format, and UNDECIDED."""

    choices: tuple[str, ...]
    open: bool = True
    cast: dict[str, str] = field(default_factory=dict)
    name: str = ""
    number: int = 0
    """Which opening of a vote this is: one that is started over has another."""

    def take(self, identity: str, choice: str) -> bool:
        """One person's choice; False where the vote is closed or knows no such choice."""
        wanted = choice.strip().lower()
        found = next((one for one in self.choices if one.lower() == wanted), None)
        if not self.open or found is None or (identity not in self.cast and len(self.cast) >= VOTERS_MAX):
            return False
        self.cast[identity] = found
        return True

    def counts(self) -> dict[str, int]:
        """How many chose what, in the order of the choices."""
        counted = Counter(self.cast.values())
        return {choice: counted[choice] for choice in self.choices}


def swing(first: Vote, last: Vote) -> dict[str, int]:
    """By how many votes each choice has grown, of those who voted both times: who came later swung nobody."""
    both = first.cast.keys() & last.cast.keys()
    before = Counter(first.cast[one] for one in both)
    after = Counter(last.cast[one] for one in both)
    return {choice: after[choice] - before[choice] for choice in last.choices}


def winners(numbers: Mapping[str, int]) -> tuple[str, ...]:
    """Who has most, without the undecided; several where they are level."""
    sides = {name: count for name, count in numbers.items() if name != UNDECIDED}
    most = max(sides.values(), default=0)
    return tuple(name for name, count in sides.items() if count == most)


def outcome(votes: Sequence[Vote]) -> tuple[dict[str, int] | None, tuple[str, ...]]:
    """The swing between the first vote and the last (None where one of them is not there), and who has won by it, or by
    the counts: () for a draw."""
    if not votes or not votes[-1].cast:
        return None, ()
    if len(votes) < 2 or not votes[0].cast:
        won = winners(votes[-1].counts())
        return None, won if len(won) == 1 else ()
    moved = swing(votes[0], votes[-1])
    won = winners(moved)
    return moved, won if len(won) == 1 and moved[won[0]] > 0 else ()


def counts_said(vote: Vote) -> str:
    """The counts as said aloud: "for eight, against three, undecided one"."""
    return ", ".join(f"{choice} {number(count)}" for choice, count in vote.counts().items())


def result_said(votes: Sequence[Vote]) -> str:
    """The outcome of one vote, or of two by their swing (Oxford: the larger swing wins)."""
    if not votes or not votes[-1].cast:
        return "Nobody has voted."
    last = votes[-1]
    if len(votes) < 2 or not votes[0].cast:
        won = winners(last.counts())
        return f"The votes are {counts_said(last)}. {_won(won)}"
    moved = swing(votes[0], last)
    won = winners(moved)
    gains = ", ".join(
        f"{choice} {'up' if change > 0 else 'down'} {number(abs(change))}"
        for choice, change in moved.items()
        if change and choice != UNDECIDED
    )
    swung = f"Against the first vote, {gains}. " if gains else "Nobody has changed sides. "
    outcome = _won(won) if any(moved[one] > 0 for one in won) else "It is a draw."
    return f"The votes are {counts_said(last)}. {swung}{outcome}"


def _won(names: Sequence[str]) -> str:
    return (
        f"{names[0].capitalize()} wins."
        if len(names) == 1
        else f"It is a draw between {join_names(list(names))}."
    )


def verdict_said(decisions: Sequence[str]) -> str:
    """The judges' decision: that of most ballots."""
    counts = {side: decisions.count(side) for side in dict.fromkeys(decisions)}
    won = winners(counts)
    if len(decisions) == 1:
        return f"The judge decides for {won[0]}."
    if len(won) > 1:
        return f"The judges are divided between {join_names(list(won))}."
    most = counts[won[0]]
    if most == len(decisions):
        return f"All judges decide for {won[0]}."
    return f"The judges decide for {won[0]}, with {number(most)} of {number(len(decisions))} ballots."


@dataclass(frozen=True, slots=True)
class JudgeBallot:
    """One judge's: points by speaker (POINTS), the side that won, and why."""

    judge: str
    points: Mapping[str, float]
    decision: str
    reasons: str


def ballot_of(
    judge: str, args: Mapping[str, str], sides: Sequence[str], speakers: Sequence[str]
) -> JudgeBallot | None:
    """A judge's ballot from a command's arguments: `decision`, `reasons`, and `points.IDENTITY` each; None where the
    decision is no side, or points are no numbers within POINTS."""
    decision = next(
        (side for side in sides if side.lower() == args.get("decision", "").strip().lower()), None
    )
    if decision is None:
        return None
    points: dict[str, float] = {}
    for key, value in args.items():
        who = key.removeprefix("points.")
        if who == key or who not in speakers:
            continue
        try:
            given = float(value)
        except ValueError:
            return None
        if not POINTS[0] <= given <= POINTS[1]:
            return None
        points[who] = given
    return JudgeBallot(judge, points, decision, clean(args.get("reasons", ""), REASONS_CHARS))
