"""What the format asks of people at the moment, frozen: the part, sides, votes, point, preparation time, ballots.

Owns only the reading of it. Who may act is commands.py's; each act's own rules are in course.py, points.py, voting.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from debate import points, votes
from debate.view import PointView, Procedure, VoteView

if TYPE_CHECKING:
    from debate.debate import Debate


def procedure_of(debate: Debate, at: float) -> Procedure:
    """What there is to choose, to vote on and to hand in at `at`."""
    clock, form = debate.clock, debate.clock.format
    segment, following = clock.segment, clock.following
    cast = debate.voting.votes
    swing, won = votes.outcome(cast)
    more_to_come = any(one.kind == "vote" for one in form.segments[max(0, clock.index + 1) :])
    decided = bool(cast) and debate.voting.running is None and not more_to_come
    return Procedure(
        kind=segment.kind if segment else "",
        side=segment.side if segment else "",
        following=following.name if following else "",
        sides=_sides(debate),
        votes=tuple(
            VoteView(one.number, one.name, len(one.cast), None if one.open else one.counts()) for one in cast
        ),
        choices=cast[-1].choices if cast else (),
        swing=swing if decided else None,
        won=won if decided else None,
        point=PointView(
            points.window(clock, at), debate.point.by, taken=debate.point.accepted_at is not None
        ),
        prep_left=dict(clock.prep_left),
        preparing=clock.preparing,
        may_prepare=clock.may_prepare(at),
        judges=form.judges,
        ballots=tuple(debate.voting.ballots),
        may_check=not debate.fact_checks.trouble,
    )


def _sides(debate: Debate) -> dict[str, tuple[str, ...]]:
    """Who is here for which side, in the order of their coming."""
    found: dict[str, list[str]] = {side: [] for side in debate.clock.format.sides}
    if found:
        for person in debate.people.known.values():
            if person.present and person.side in found:
                found[person.side].append(person.identity)
    return {side: tuple(identities) for side, identities in found.items()}
