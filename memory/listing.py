"""Which debates are kept, for people who look for one: when, where, about what, and who was there by which identity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from memory.store import DebateRecord, Reading


@dataclass(frozen=True, slots=True)
class Listed:
    """One debate; `people`: names by identity, in the order of their coming."""

    debate: DebateRecord
    people: dict[str, str]

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.debate.created_at).astimezone().strftime("%Y-%m-%d %H:%M")
        names = (f"{_shown(name)} ({_shown(identity)})" for identity, name in self.people.items())
        head = f"{self.debate.debate_id}  {when}  {_shown(self.debate.room)}  {_shown(self.debate.topic)}"
        return f"{head}\n    {', '.join(names) or 'nobody'}"

    def speaks_of(self, words: str) -> bool:
        """Whether room, topic, a name or an identity has `words` in it."""
        held = (self.debate.room, self.debate.topic, *self.people, *self.people.values())
        return any(words.casefold() in one.casefold() for one in held)


def _shown(text: str) -> str:
    """On a terminal nothing of a name is a command."""
    return "".join(char if char.isprintable() else " " for char in text)


async def kept_debates(reading: Reading, words: str, most: int) -> list[Listed]:
    """The last `most` debates that have `words` in room, topic, names or identities ("" for all); oldest first.

    Raises `Unavailable` where what is kept cannot be read.
    """
    found: list[Listed] = []
    for debate in sorted(await reading.debates(), key=lambda one: one.created_at, reverse=True):
        joined = [
            row.data
            for row in await reading.records(debate.debate_id, kinds=("event",))
            if row.data.get("type") == "joined"
        ]
        people = {str(one.get("identity", "")): str(one.get("name", "")) for one in joined}
        listed = Listed(debate, people)
        if listed.speaks_of(words):
            found.append(listed)
        if len(found) == most:
            break
    return found[::-1]
