"""What an act of a command is: a change of the debate, with words for the journal and words to say.

Owns the types that the tables of acts share (commands.py, course.py, points.py, voting.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from debate.grammar import ParsedCommand

if TYPE_CHECKING:
    from debate.debate import Debate

Done = tuple[str, str]
"""What was done, in words for the journal; words to say, "" for none."""

Act = Callable[["Debate", ParsedCommand, str, float], Done]
"""Of (debate, command, identity of who gave it, at)."""


class CannotBeError(Exception):
    """The command was understood and allowed, but there is nothing that it could do. Says why, in private."""
