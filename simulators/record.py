"""What a simulator received, for tests to count. No header and no key is ever kept."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

MOST_REQUESTS = 1000


@dataclass(slots=True)
class Received:
    """A request or a handshake."""

    path: str
    at: float
    """Monotonic seconds of its arrival."""
    query: dict[str, str] = field(default_factory=dict)
    status: int = 0
    """Of the answer; 0 while there is none, and where the connection was cut before."""
    body: Any = field(default=None, repr=False)
    """A JSON body or the first messages' options; it holds what people said, so no repr shows it."""


@dataclass(slots=True)
class Record:
    """Counts since the start. Seconds are of audio unless said otherwise."""

    requests: deque[Received] = field(default_factory=lambda: deque(maxlen=MOST_REQUESTS))
    requests_seen: int = 0
    sockets_opened: int = 0
    sockets_open: int = 0
    socket_seconds: float = 0.0
    """Time for which closed WebSockets were open: what Deepgram bills."""
    audio_seconds: float = 0.0
    """Audio received."""
    spoken_seconds: float = 0.0
    """Audio sent."""
    characters: int = 0
    """Text to be spoken that was received."""
    tokens: int = 0
    """Tokens sent."""
    keepalives: int = 0
    finalizes: int = 0
    cancels: int = 0
    strikes: int = 0
    """Requests and streams that a fault hit."""

    def add(self, received: Received) -> Received:
        """Keep a request; the oldest goes where there are too many."""
        self.requests.append(received)
        self.requests_seen += 1
        return received

    def paths(self) -> list[str]:
        """Paths of the requests in order."""
        return [received.path for received in self.requests]

    def as_json(self) -> dict[str, Any]:
        """The counts, and each request without its body."""
        counts = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "requests"}
        kept = [{"path": each.path, "at": each.at, "status": each.status} for each in self.requests]
        return {**counts, "requests": kept}
