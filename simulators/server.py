"""A simulated vendor: its port, its faults, its record. Vendors' files subclass it and add their protocol.

Owns when a request meets a fault. Faults within a stream are wire.py's.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from aiohttp import web

from simulators.faults import HEALTHY, OF_THE_LISTENER, ON_ANY_SERVER, STATUSES, Close, Fault, FaultSetting
from simulators.latency import INSTANT, Latencies, LatencyProfile
from simulators.listener import LOOPBACK, Port, reset_on_close
from simulators.record import Received, Record

if TYPE_CHECKING:
    from simulators.wire import Outlet

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HTML_PAGE = (
    "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>\n"
)
RECEIVED = web.RequestKey("received", Received)
MOST_BODY_BYTES = 26 * 1024 * 1024  # OpenAI takes audio files up to 25 MB
_SECRET_PARAMETERS = frozenset({"api_key", "access_token", "token", "key"})


class Simulator:
    """A vendor's server on loopback. `async with` starts and stops it."""

    vendor: ClassVar[str]
    faults: ClassVar[frozenset[Fault]] = ON_ANY_SERVER
    closes: ClassVar[Mapping[str, Close]] = MappingProxyType({})
    """Close frames by name, the usual one first; empty where the vendor has no WebSocket."""
    unit: ClassVar[str]
    """What `FaultSetting.after` counts here."""
    base_path: ClassVar[str] = ""
    wants_key: ClassVar[bool] = True
    """Whether it lets nobody in without an API key."""

    def __init__(
        self,
        *,
        latency: LatencyProfile = INSTANT,
        seed: int = 0,
        port: int = 0,
        key: str | None = None,
    ) -> None:
        """`seed` is of the latencies; `port` 0 takes any free one; `key` is the only API key that is let in, None
        lets in any that is not empty, in the header that the vendor wants."""
        self.record = Record()
        self.latencies = Latencies(latency, seed)
        self.outlets: set[Outlet] = set()
        self.script_heard: deque[str] = deque()
        """What recognition says of the next segments of speech, without decoding them: see `hears`."""
        self._fault = HEALTHY
        self._key = key
        self._wanted_port = port
        self._port: Port | None = None
        self._runner: web.AppRunner | None = None
        self._site: web.SockSite | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._port.number if self._port else 'stopped'} {self._fault.fault}>"

    # What a vendor's file says.

    def routes(self) -> list[web.RouteDef]:
        """The vendor's routes."""
        raise NotImplementedError

    def key_of(self, request: web.Request) -> str:
        """The API key that a request carries in the vendor's header, "" where there is none."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return key.strip() if scheme == "Bearer" else ""

    def refusal(self, status: int, message: str = "") -> web.Response:
        """An error as the vendor words it."""
        raise NotImplementedError

    def error_message(self) -> str:
        """The vendor's error within a stream: a WebSocket's text message, or the data of an SSE event."""
        raise NotImplementedError

    def html_event(self) -> str:
        """The data of a server-sent event of audio that holds a web page instead of sound."""
        raise NotImplementedError

    # Running.

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        assert self._port is not None, "it is not running"
        return f"http://{LOOPBACK}:{self._port.number}"

    @property
    def base_url(self) -> str:
        """What a client's base URL setting should be."""
        return self.url + self.base_path

    @property
    def port(self) -> int:
        assert self._port is not None, "it is not running"
        return self._port.number

    async def start(self) -> Self:
        """Listen."""
        app = web.Application(middlewares=[self._receive], client_max_size=MOST_BODY_BYTES)
        app.add_routes(self.routes())
        app.on_response_prepare.append(_name_request)
        # A handler ends with its client, or hung requests would outlive those who gave up on them.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        self._port = Port(self._wanted_port)
        await self._open()
        return self

    async def stop(self) -> None:
        """Reset every connection and give the port back."""
        if self._runner is None or self._port is None:
            return
        self.reset_connections()
        await self._runner.cleanup()
        self._port.close()
        self._runner = self._site = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _open(self) -> None:
        assert self._runner is not None
        assert self._port is not None
        self._site = web.SockSite(self._runner, self._port.listen())
        await self._site.start()

    def hears(self, *texts: str) -> None:
        """Take the next segments of speech for these texts, in order, on whatever socket or recording they come: for
        measurements in which the recogniser's own time must not be counted. Empty again, it really listens."""
        self.script_heard.extend(texts)

    # Faults.

    @property
    def fault(self) -> FaultSetting:
        """The fault that is set."""
        return self._fault

    async def set_fault(
        self, fault: Fault | FaultSetting, *, reset_open: bool = False, **particulars: Any
    ) -> None:
        """Have a fault from now on; `particulars` are fields of FaultSetting. `reset_open` also resets what is
        connected, as needed for a fault at connecting to be met by a client that holds a socket.

        A stream that a fault has struck stays struck when the fault ends. ValueError where the vendor does not
        have the fault.
        """
        setting = fault if isinstance(fault, FaultSetting) else FaultSetting(fault, **particulars)
        self._check(setting)
        was, self._fault = self._fault.fault, setting
        if reset_open or setting.fault is Fault.REFUSES or was is Fault.UNREACHABLE:
            self.reset_connections()
        for outlet in tuple(self.outlets):
            outlet.fault_changed()
        if self._runner is not None and {was, setting.fault} & OF_THE_LISTENER and was is not setting.fault:
            await self._set_listener()

    async def heal(self) -> None:
        """Have no fault."""
        await self.set_fault(HEALTHY)

    def _check(self, setting: FaultSetting) -> None:
        if setting.fault not in self.faults:
            have = ", ".join(fault for fault in Fault if fault in self.faults)
            raise ValueError(f"{self.vendor} has no fault {setting.fault!s}; it has {have}")
        if setting.close and setting.close not in self.closes:
            raise ValueError(f"{self.vendor} closes with {', '.join(self.closes)}, not {setting.close!r}")

    async def _set_listener(self) -> None:
        assert self._port is not None
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self._port.refuse()
        if self._fault.fault is Fault.UNREACHABLE:
            self._port.swallow()
            for connection in self._connections():
                connection.pause_reading()
        elif self._fault.fault is not Fault.REFUSES:
            await self._open()

    def reset_connections(self) -> None:
        """Cut every open connection, also idle ones that clients keep for their next request."""
        for connection in self._connections():
            reset_on_close(connection.get_extra_info("socket"))
            connection.abort()

    def _connections(self) -> list[asyncio.Transport]:
        server = self._runner.server if self._runner is not None else None
        handlers = server.connections if server is not None else []
        return [handler.transport for handler in handlers if isinstance(handler.transport, asyncio.Transport)]

    @property
    def connections_open(self) -> int:
        """TCP connections."""
        return len(self._connections())

    def strike(self) -> FaultSetting:
        """Count a hit of the fault that is set, and return it; healthy again after the last of `times`."""
        setting = self._fault
        self.record.strikes += 1
        if setting.times is not None:
            left = setting.times - 1
            self._fault = replace(setting, times=left) if left > 0 else HEALTHY
        return setting

    # Requests.

    @web.middleware
    async def _receive(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        query = {name: value for name, value in request.query.items() if name not in _SECRET_PARAMETERS}
        received = self.record.add(Received(request.path, time.monotonic(), query))
        request[RECEIVED] = received
        response = await self._answer(request, handler)
        received.status = response.status
        return response

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._fault.strikes(request.path):
            fault = self._fault.fault
            if fault is Fault.HANGS_AT_CONNECT:
                self.strike()
                await asyncio.Event().wait()
            if status := STATUSES.get(fault):
                setting = self.strike()
                return self._with_hint(self.refusal(status), setting)
            if fault is Fault.NOT_JSON and not self._fault.after and not _is_handshake(request):
                self.strike()
                return web.Response(text=HTML_PAGE, content_type="text/html")
        if not self._lets_in(self.key_of(request)):
            return self.refusal(401)
        return await handler(request)

    def _lets_in(self, key: str) -> bool:
        return key == self._key if self._key is not None else bool(key) or not self.wants_key

    @staticmethod
    def _with_hint(response: web.Response, setting: FaultSetting) -> web.Response:
        if setting.fault is Fault.RATE_LIMITED:
            response.headers["Retry-After"] = f"{setting.retry_after:g}"
        return response

    @asynccontextmanager
    async def socket(self, request: web.Request, **headers: str) -> AsyncIterator[web.WebSocketResponse]:
        """Accept a WebSocket after the vendor's time for it, and count it while it is open."""
        await asyncio.sleep(self.latencies.draw("handshake"))
        ws = web.WebSocketResponse(autoping=True, max_msg_size=MOST_BODY_BYTES, timeout=1.0)
        ws.headers.update(headers)
        await ws.prepare(request)
        opened = time.monotonic()
        self.record.sockets_opened += 1
        self.record.sockets_open += 1
        try:
            yield ws
        finally:
            self.record.sockets_open -= 1
            self.record.socket_seconds += time.monotonic() - opened
            if not ws.closed:
                with contextlib.suppress(ConnectionError):
                    await ws.close()


async def _name_request(_request: web.Request, response: web.StreamResponse) -> None:
    """Every vendor names its requests in a header; plugins log it, and OpenAI's warns where it is missing."""
    response.headers.setdefault("x-request-id", f"req_{uuid.uuid4().hex}")


def _is_handshake(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"
