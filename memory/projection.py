"""Records of a journal as rows of the replica's tables: pure, so that sending twice sends the same.

Owns which table a record lives in (each in exactly one) and how text that Postgres refuses is written so that it can
be read back as it was. The tables themselves are in `migrations/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from memory.store import DebateRecord, Record

Row = dict[str, Any]

HOMES = ("utterances", "decisions", "spoken_replies", "events", "votes", "fact_checks", "summaries")
"""The tables that records live in."""

ON_CONFLICT: Mapping[str, str] = {
    "debates": "debate_id",
    "journals": "journal",
    "participants": "debate_id,identity",
    "personas_used": "debate_id,persona",
    "forgotten": "debate_id,identity",
    **dict.fromkeys(HOMES, "id"),
}
"""What makes a row of each table the same row."""

_MARK = "\ufdd0"  # a character that Unicode keeps for use inside of programs
_UNSTORABLE = re.compile("[\x00\ud800-\udfff\ufdd0]")
_STORED = re.compile(_MARK + "([0-9a-f]{4})")


def home_of(record: Record) -> str:
    """The table of `record`."""
    kind = record.data.get("type")
    if record.kind == "decision":
        return "decisions"
    if record.kind == "spoken":
        return "spoken_replies"
    if record.kind == "note" and kind == "summary":
        return "summaries"
    if record.kind == "event":
        if kind == "uttered":
            return "utterances"
        if kind == "fact_checked":
            return "fact_checks"
        if kind == "commanded" and record.data.get("name") in ("vote", "ballot"):
            return "votes"
    return "events"


def row_of(record: Record, journal: str, names: Mapping[str, str]) -> Row:
    """`record` of the journal file `journal` as a row of its table; `names` are those of the people by identity."""
    row: Row = {
        "id": record.id,
        "debate_id": record.debate_id,
        "journal": journal,
        "seq": record.seq,
        "kind": record.kind,
        "at": record.at,
        "data": storable(record.data),
    }
    if home_of(record) == "utterances":
        identity = record.data.get("identity")
        row["name"] = storable(names.get(identity, identity) if isinstance(identity, str) else "")
    return row


def rows_by_table(
    records: Sequence[Record], journal: str, names: MutableMapping[str, str]
) -> dict[str, list[Row]]:
    """`records` in their tables, with the people and personas that they name; `names` learns who joined."""
    tables: dict[str, list[Row]] = {}
    # Postgres takes no key twice in one upsert: the last of a batch stands for a person, the first for a persona.
    people: dict[str, Row] = {}
    personas: dict[str, Row] = {}
    for record in records:
        data = record.data
        if record.kind == "event" and data.get("type") == "joined" and isinstance(data.get("identity"), str):
            names[data["identity"]] = str(data.get("name") or data["identity"])
            people[data["identity"]] = _participant(record)
        persona = _persona(record)
        if persona:
            personas.setdefault(
                persona, _persona_row(record.debate_id, persona, record.at, str(data.get("by", "")))
            )
        tables.setdefault(home_of(record), []).append(row_of(record, journal, names))
    tables["participants"] = list(people.values())
    tables["personas_used"] = list(personas.values())
    return {table: rows for table, rows in tables.items() if rows}


def opening_rows(debate: DebateRecord) -> dict[str, list[Row]]:
    """`debate` as rows: itself and the persona that it begins with."""
    row: Row = {
        "debate_id": debate.debate_id,
        "room": debate.room,
        "topic": storable(debate.topic),
        "persona": storable(debate.persona),
        "format": storable(debate.format),
        "created_at": debate.created_at,
    }
    persona = _persona_row(debate.debate_id, debate.persona, debate.created_at, "")
    return {"debates": [row], "personas_used": [persona]}


def debate_of(row: Mapping[str, Any]) -> DebateRecord:
    """The debate of a row of `debates`."""
    return DebateRecord(
        debate_id=str(row["debate_id"]),
        room=str(row["room"]),
        topic=str(readable(row["topic"])),
        persona=str(readable(row["persona"])),
        format=str(readable(row["format"])),
        created_at=float(row["created_at"]),
    )


def record_of(row: Mapping[str, Any]) -> Record:
    """The record of a row of the view `records`."""
    return Record(
        id=str(row["id"]),
        debate_id=str(row["debate_id"]),
        kind=str(row["kind"]),
        at=float(row["at"]),
        data=readable(row["data"]),
        seq=int(row["seq"]),
    )


def storable(value: Any) -> Any:
    """`value` (what JSON can hold) without what Postgres refuses in text; `readable` turns it back."""
    return _replaced(value, _UNSTORABLE, lambda found: f"{_MARK}{ord(found[0]):04x}")


def readable(value: Any) -> Any:
    """What `storable` was given."""
    return _replaced(value, _STORED, lambda found: chr(int(found[1], 16)))


def _replaced(value: Any, pattern: re.Pattern[str], by: Any) -> Any:
    if isinstance(value, str):
        return pattern.sub(by, value)
    if isinstance(value, Mapping):
        return {_replaced(key, pattern, by): _replaced(item, pattern, by) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item, pattern, by) for item in value]
    return value


def _participant(record: Record) -> Row:
    data = record.data
    return {
        "debate_id": record.debate_id,
        "identity": storable(data["identity"]),
        "name": storable(str(data.get("name") or data["identity"])),
        "role": storable(str(data.get("role") or "debater")),
        "joined_at": record.at,
    }


def _persona(record: Record) -> str:
    """The persona that a command of the page or the web service asks for, "" for none."""
    data = record.data
    if record.kind != "event" or data.get("type") != "commanded" or data.get("name") != "persona":
        return ""
    args = data.get("args")
    return str(args.get("persona") or "") if isinstance(args, Mapping) else ""


def _persona_row(debate_id: str, persona: str, since: float, asked_by: str) -> Row:
    return {
        "debate_id": debate_id,
        "persona": storable(persona),
        "since": since,
        "asked_by": storable(asked_by),
    }
