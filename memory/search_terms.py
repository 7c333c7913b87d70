"""A question as SQLite understands it: what limits the rows, and the full-text expressions over the index's tokens.

Owns how rooms, speakers, words and times are written as tokens. Pure; whatever people wrote is quoted or bound.
"""

from __future__ import annotations

from collections.abc import Sequence

from memory.questions import Query

DAY = 86400
MONTH = 32 * DAY
_TIMES_MOST = 40


def limits_of(
    room: str, query: Query, excluding: str, speakers: Sequence[str]
) -> tuple[str, tuple[str | float, ...]]:
    """The condition, and the values that it binds, for what is not looked up by words."""
    parts, values = ["d.room = ?"], list[str | float]([room])
    for value, part in (
        (query.since, "u.at >= ?"),
        (query.until, "u.at < ?"),
        (query.debate or None, "u.debate_id = ?"),
        (excluding or None, "u.debate_id <> ?"),
    ):
        if value is not None:
            parts.append(part)
            values.append(value)
    if speakers:
        parts.append(f"u.identity in ({','.join('?' * len(speakers))})")
        values += speakers
    return " and ".join(parts), tuple(values)


def matches_of(places: Sequence[int], asked: Sequence[str], query: Query) -> list[str]:
    """FTS5 expressions for each word and for all together: quoted all through, so that nothing is an operator."""
    if not places:
        return []
    room, *speakers = places
    words = [" OR ".join(f'"{token(one, "w", word)}"' for one in speakers or [room]) for word in asked]
    parts = [f"({word})" for word in words]
    if len(parts) > 1:
        parts.append(" AND ".join(parts))
    if query.since is None or query.until is None:
        return parts
    kind, size = ("d", DAY) if query.until - query.since <= MONTH else ("m", MONTH)
    first, last = int(query.since // size), int(query.until // size)
    if last - first > _TIMES_MOST:
        return parts
    times = " OR ".join(f'"{token(room, kind, number)}"' for number in range(first, last + 1))
    return [f"{part} AND ({times})" for part in parts]


def token(place: int, kind: str, value: str | int) -> str:
    """One token: whose (the number of a place), of which kind ("w" word, "d" day, "m" month), and what."""
    # letters and digits only, as the tokenizer would split it at anything else
    return f"{place}{kind}{value}".replace("'", "").replace("’", "")
