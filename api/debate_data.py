"""What the web service writes into rooms and jobs about a debate, and reads back from them.

Owns the JSON of room and job metadata (one form for both) and the id of a debate opened in a room that is
there already. Anything unreadable reads as no debate: others may write metadata too.
"""

import hashlib
import json
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Self


@dataclass(frozen=True, slots=True)
class DebateData:
    """A debate as rooms and jobs carry it. Times are ISO 8601 in UTC; `ended_at` is "" while it goes on."""

    room_name: str
    debate_id: str
    topic: str
    persona: str
    format: str
    created_at: str
    host: str = ""
    """display name of who opened it; that name's first token is the host's"""
    ended_at: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        try:
            members = json.loads(text) if text else None
        except ValueError:
            return None
        if not isinstance(members, dict):
            return None
        known = {name: members.get(name, "") for name in cls.__slots__}
        if not all(isinstance(value, str) for value in known.values()) or not known["debate_id"]:
            return None
        return cls(**known)

    def ended(self, at: str) -> "DebateData":
        return replace(self, ended_at=at)


def iso(epoch_seconds: float) -> str:
    """ISO 8601 in UTC with milliseconds, e.g. 2026-01-31T09:30:00.000Z."""
    moment = datetime.fromtimestamp(epoch_seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def next_debate_id(room_sid: str, room_created_ms: int, previous: DebateData | None) -> str:
    """The UUIDv7 of the next debate in a room that exists already.

    Derived, not random: instances that open it at the same moment share no lock, but they see the same room
    and the same debate before, and so arrive at the same id. Its time is that of the end of the debate
    before, else the room's.
    """
    began_ms = room_created_ms
    seed = room_sid
    if previous is not None:
        seed = f"{room_sid}|{previous.debate_id}|{previous.ended_at}"
        began_ms = _epoch_ms(previous.ended_at, began_ms)
    noise = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:10])
    fixed = (began_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | 0b10 << 62
    return str(uuid.UUID(int=fixed | (noise >> 62 & 0xFFF) << 64 | noise & (1 << 62) - 1))


def _epoch_ms(text: str, otherwise: int) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return otherwise
