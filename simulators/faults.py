"""The faults that a simulator can have: the one place that says what each means.

Owns names, meanings, and the setting that goes over the wire of `PUT /_fault`. When a fault strikes is server.py's
and wire.py's matter; which apply to a vendor says the vendor's own class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Fault(StrEnum):
    """What is wrong with a server. `MEANINGS` says what each does."""

    NONE = "none"
    REFUSES = "refuses"
    UNREACHABLE = "unreachable"
    HANGS_AT_CONNECT = "hangs-at-connect"
    SAYS_NOTHING = "says-nothing"
    KEEPALIVES_ONLY = "keepalives-only"
    SLOW_DRIP = "slow-drip"
    CUT = "cut"
    ENDS_EARLY = "ends-early"
    UNAUTHORIZED = "401"
    PAYMENT_REQUIRED = "402"
    NOT_FOUND = "404"
    RATE_LIMITED = "429"
    RATE_LIMITED_WITHOUT_HINT = "429-without-retry-after"
    SERVER_ERROR = "500"
    OVERLOADED = "503"
    NOT_JSON = "not-json"
    NOT_AUDIO = "not-audio"
    ERROR_MESSAGE = "error-message"
    CLOSES = "closes"


MEANINGS: Mapping[Fault, str] = MappingProxyType(
    {
        Fault.NONE: "healthy",
        Fault.REFUSES: "nothing listens: connecting is refused, open connections are reset",
        Fault.UNREACHABLE: "a black hole: connecting is never answered, open connections fall silent unread",
        Fault.HANGS_AT_CONNECT: "connecting works, but no request and no handshake is ever answered",
        Fault.SAYS_NOTHING: "200 or 101 and then nothing, while everything sent is read; WebSocket pings are answered",
        Fault.KEEPALIVES_ONLY: "200 or 101 and then WebSocket pings or SSE comments, one `every` seconds",
        Fault.SLOW_DRIP: "the right answer, but `every` seconds before each piece of it",
        Fault.CUT: "the connection is reset after `after` units",
        Fault.ENDS_EARLY: "the answer ends after `after` units as if it were whole (body ends; close code 1000)",
        Fault.UNAUTHORIZED: "status 401 as the vendor words it; a WebSocket's handshake gets it",
        Fault.PAYMENT_REQUIRED: "status 402",
        Fault.NOT_FOUND: "status 404, as for a model or voice that was retired",
        Fault.RATE_LIMITED: "status 429 with Retry-After: `retry_after` seconds",
        Fault.RATE_LIMITED_WITHOUT_HINT: "status 429 without Retry-After",
        Fault.SERVER_ERROR: "status 500",
        Fault.OVERLOADED: "status 503",
        Fault.NOT_JSON: "a proxy's HTML page: as a body with status 200, or in WebSocket text messages",
        Fault.NOT_AUDIO: "the right envelope, but its bytes are HTML, not sound",
        Fault.ERROR_MESSAGE: "the vendor's own error message within an accepted stream",
        Fault.CLOSES: "the WebSocket is closed with the vendor's close code `close`",
    }
)

STATUSES: Mapping[Fault, int] = MappingProxyType(
    {
        Fault.UNAUTHORIZED: 401,
        Fault.PAYMENT_REQUIRED: 402,
        Fault.NOT_FOUND: 404,
        Fault.RATE_LIMITED: 429,
        Fault.RATE_LIMITED_WITHOUT_HINT: 429,
        Fault.SERVER_ERROR: 500,
        Fault.OVERLOADED: 503,
    }
)
# These strike within a stream, at its beginning or after some units; the others strike connections and requests.
IN_STREAM = frozenset(
    {
        Fault.SAYS_NOTHING, Fault.KEEPALIVES_ONLY, Fault.SLOW_DRIP, Fault.CUT, Fault.ENDS_EARLY, Fault.NOT_JSON,
        Fault.NOT_AUDIO, Fault.ERROR_MESSAGE, Fault.CLOSES,
    }
)  # fmt: skip
# Of the listening socket itself: they strike everything, whatever `path` says.
OF_THE_LISTENER = frozenset({Fault.REFUSES, Fault.UNREACHABLE})

ON_ANY_SERVER = frozenset(
    {
        Fault.NONE, Fault.HANGS_AT_CONNECT, Fault.SAYS_NOTHING, Fault.SLOW_DRIP, Fault.CUT, Fault.ENDS_EARLY,
        Fault.NOT_JSON, *OF_THE_LISTENER, *STATUSES,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Close:
    """A close frame as a vendor sends it: RFC 6455 code and reason."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class FaultSetting:
    """A fault with its particulars. The defaults strike every stream at once and for ever."""

    fault: Fault = Fault.NONE
    after: int = 0
    """Units of a stream that are well first, counted from when the fault was set; the vendor says what a unit is."""
    every: float = 0.5
    """Seconds between keep-alives, or before each piece of a slow drip."""
    retry_after: float = 1.0
    """Seconds that the Retry-After header of a 429 names."""
    close: str = ""
    """Name of one of the vendor's close frames; "" is its first."""
    times: int | None = None
    """Requests or streams that are struck before the server is healthy again; None: all."""
    path: str = ""
    """Only requests whose path begins so; "" is all. OpenAI's server is three vendors in one."""

    def strikes(self, path: str) -> bool:
        """Whether a request to `path` is meant."""
        return self.fault is not Fault.NONE and path.startswith(self.path)

    def as_json(self) -> dict[str, Any]:
        """As `PUT /_fault` takes it."""
        return asdict(self)


HEALTHY = FaultSetting()


def setting_from_json(data: Any) -> FaultSetting:
    """The setting of a `PUT /_fault` body; ValueError says what would be right."""
    known = {field.name for field in fields(FaultSetting)}
    if not isinstance(data, dict) or "fault" not in data or set(data) - known:
        raise ValueError(f'send {{"fault": NAME}} and any of {", ".join(sorted(known - {"fault"}))}')
    try:
        fault = Fault(data["fault"])
    except ValueError:
        raise ValueError(f"no fault {data['fault']!r}; there are {', '.join(Fault)}") from None
    numbers: dict[str, Any] = {
        "after": int,
        "every": (int, float),
        "retry_after": (int, float),
        "times": (int, type(None)),
    }
    for name, kind in numbers.items():
        if name in data and (not isinstance(data[name], kind) or isinstance(data[name], bool)):
            raise ValueError(f"{name} must be a number")
    return FaultSetting(**{**data, "fault": fault})
