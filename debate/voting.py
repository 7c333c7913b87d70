"""The votes and the judges' ballots of one debate: opened by the format's parts, cast by command, told as counts.

Owns when a vote is open and who may cast one. Counting is votes.py's.
"""

# ruff: noqa: ARG001 - the functions of one table share one signature, whatever each of them needs.
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from debate.acts import Act, CannotBeError, Done
from debate.formats import Format, Segment
from debate.grammar import ParsedCommand
from debate.votes import UNDECIDED, JudgeBallot, Vote, ballot_of, result_said, verdict_said
from debate.words import join_names

if TYPE_CHECKING:
    from debate.debate import Debate

JUDGES_MAX = 30


@dataclass(slots=True)
class Voting:
    """All votes so far, in order, and the judges' ballots by judge."""

    votes: list[Vote] = field(default_factory=list)
    opened: int = 0
    ballots: dict[str, JudgeBallot] = field(default_factory=dict)
    told: bool = False
    """Whether the judges' decision was said."""

    @property
    def running(self) -> Vote | None:
        """The vote that is open."""
        return self.votes[-1] if self.votes and self.votes[-1].open else None

    def segment_began(self, segment: Segment, form: Format) -> None:
        """A part began: a vote is opened where the part is one. The last vote has been closed.

        A vote that is started over takes the place of the one before: its votes count no more.
        """
        if segment.kind != "vote":
            return
        self.votes = [one for one in self.votes if one.name != segment.name]
        self.opened += 1
        self.votes.append(Vote((*form.sides, UNDECIDED), name=segment.name, number=self.opened))

    def of(self, identity: str) -> dict[str, object]:
        """What one person has voted in the open vote, and handed in: for that person alone."""
        vote, ballot = self.running, self.ballots.get(identity)
        found: dict[str, object] = {}
        if vote is not None and identity in vote.cast:
            found["vote"] = {"number": vote.number, "choice": vote.cast[identity]}
        if ballot is not None:
            found["ballot"] = {
                "decision": ballot.decision,
                "reasons": ballot.reasons,
                "points": dict(ballot.points),
            }
        return found

    def close(self) -> bool:
        """Close the running vote; False where none runs."""
        if self.running is None:
            return False
        self.votes[-1].open = False
        return True

    def opening(self, segment: Segment) -> str:
        """What to say when a vote opens."""
        return f"We come to the {segment.name}. Please vote on the page: {join_names(list(self.votes[-1].choices))}."

    def result(self) -> str:
        """The outcome of the votes so far, as said aloud."""
        return result_said(self.votes)

    def verdict(self, judges: Iterable[str]) -> str:
        """The judges' decision as said aloud, once, as soon as all `judges` have handed in; "" before and after."""
        if self.told or not self.ballots or not self.ballots.keys() >= set(judges):
            return ""
        self.told = True
        return verdict_said([one.decision for one in self.ballots.values()])


def verdict(debate: Debate) -> str:
    """The judges' decision, where the debate is over and it is due: to be said aloud."""
    if debate.clock.status != "over":
        return ""
    return debate.voting.verdict(
        one.identity for one in debate.people.known.values() if one.role == "judge" and one.present
    )


def vote(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    running = debate.voting.running
    if running is None:
        raise CannotBeError("No vote is open.")
    choice = command.args.get("choice", "")
    if not running.take(by, choice):
        raise CannotBeError(f"You can vote {join_names(list(running.choices))}.")
    return "voted", ""


def ballot(debate: Debate, command: ParsedCommand, by: str, at: float) -> Done:
    form = debate.clock.format
    if not form.judges:
        raise CannotBeError("This format has no judges.")
    known = tuple(debate.people.known)
    found = ballot_of(by, command.args, form.sides, known)
    if found is None:
        raise CannotBeError(
            f"A ballot needs a decision: {join_names(list(form.sides))}; points are 0 to 100."
        )
    if by not in debate.voting.ballots and len(debate.voting.ballots) >= JUDGES_MAX:
        raise CannotBeError("There are too many judges.")
    debate.voting.ballots[by] = found
    return "handed in a ballot", verdict(debate)


ACTS: Mapping[str, Act] = MappingProxyType({"vote": vote, "ballot": ballot})
