"""What a stream is answered with, piece by piece, so that a fault can strike in the middle of it.

Owns the faults within streams: for WebSockets (`SocketOutlet`) and for bodies of HTTP answers (`BodyOutlet`).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from simulators.faults import HEALTHY, IN_STREAM, Close, Fault, FaultSetting
from simulators.listener import reset_on_close
from simulators.server import HTML_PAGE, Simulator

_PIECE_BYTES = 32  # of a body that is not streamed: what CUT and SLOW_DRIP count and wait for
_ENDS_EARLY = Close(1000, "")


class StreamOver(Exception):  # noqa: N818 - as asyncio's CancelledError: it ends a handler, nothing went wrong
    """A fault ended the stream; nothing more can be sent."""


class Outlet:
    """One answer. Once a fault has struck it stays struck, whatever is set later."""

    def __init__(self, simulator: Simulator, path: str) -> None:
        self.simulator = simulator
        self._path = path
        self._struck = HEALTHY
        self._units = 0
        simulator.outlets.add(self)

    def fault_changed(self) -> None:
        """Called when another fault is set; units are counted from now on."""
        self._units = 0

    def count(self, units: int) -> None:
        """Add to what `FaultSetting.after` is compared with."""
        self._units += units

    def strike(self) -> FaultSetting:
        """The fault that this stream has: the one that struck it, else the one that is due, else HEALTHY."""
        if self._struck is HEALTHY:
            setting = self.simulator.fault
            due = setting.fault in IN_STREAM and self._units >= setting.after
            if setting.strikes(self._path) and (due or setting.fault is Fault.UNREACHABLE):
                self._struck = self.simulator.strike()
        return self._struck


@dataclass(frozen=True, slots=True)
class _Message:
    text: str
    units: int
    audio: str = ""  # member that holds base64 audio


class SocketOutlet(Outlet):
    """The server's side of a WebSocket. `send` never waits: a fault must not keep the server from reading."""

    def __init__(self, simulator: Simulator, request: web.Request, ws: web.WebSocketResponse) -> None:
        super().__init__(simulator, request.path)
        self._ws = ws
        self._transport = request.transport
        self._queue: asyncio.Queue[_Message | Close | None] = asyncio.Queue()
        self.closing: Close | None = None
        """How the server closes the socket, once it does."""
        self._receiving: asyncio.Timeout | None = None
        self._over = False
        self._pinging: asyncio.Task[None] | None = None

    def send(self, message: dict[str, Any], *, units: int = 0, audio: str = "") -> None:
        """Send JSON after what was sent before. `audio` names the member that holds base64 sound."""
        self._put(_Message(json.dumps(message), units, audio))

    def fault_changed(self) -> None:
        super().fault_changed()
        self._put(None)

    def count(self, units: int) -> None:
        super().count(units)
        if self._struck is HEALTHY and self.simulator.fault.after:
            self._put(None)  # a cut is due by what was heard, though nothing is there to be sent

    def close(self, close: Close) -> None:
        """Close the socket after what was sent before."""
        self._put(close)

    def _put(self, message: _Message | Close | None) -> None:
        if not self._over:
            self._queue.put_nowait(message)

    async def messages(self) -> AsyncIterator[str | bytes]:
        """The client's text and binary messages until either side closes the socket, or it breaks."""
        while self.closing is None:
            try:
                async with asyncio.timeout(None) as self._receiving:
                    message = await self._ws.receive()
            except TimeoutError:
                return  # `_close`
            finally:
                self._receiving = None
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                yield message.data
            else:
                return

    async def drained(self) -> None:
        """Wait until everything has been sent or lost."""
        await self._queue.join()

    async def write(self) -> None:
        """Send what is queued until the socket is closed; the task of `open_socket`."""
        try:
            with contextlib.suppress(ConnectionError, StreamOver):
                while True:
                    message = await self._queue.get()
                    try:
                        await self._write_one(message)
                    finally:
                        self._queue.task_done()
        finally:
            # Whoever waits for the queue must not wait for ever, now or for what is sent later.
            self._over = True
            while not self._queue.empty():
                self._queue.get_nowait()
                self._queue.task_done()
            if self._pinging is not None:
                self._pinging.cancel()
                await asyncio.wait({self._pinging})

    async def _write_one(self, message: _Message | Close | None) -> None:
        setting = self.strike()
        fault = setting.fault
        if fault is Fault.CUT:
            cut(self._transport)
            raise StreamOver
        if isinstance(message, Close):
            self._close(message)
        if fault in (Fault.CLOSES, Fault.ENDS_EARLY, Fault.ERROR_MESSAGE):
            if fault is Fault.ERROR_MESSAGE:
                await self._ws.send_str(self.simulator.error_message())
            self._close(_ENDS_EARLY if fault is Fault.ENDS_EARLY else self._named(setting.close))
        elif fault is Fault.KEEPALIVES_ONLY and self._pinging is None:
            self._pinging = asyncio.create_task(self._ping(setting.every))
        if not isinstance(message, _Message) or fault in (
            Fault.SAYS_NOTHING,
            Fault.KEEPALIVES_ONLY,
            Fault.UNREACHABLE,
        ):
            return
        if fault is Fault.SLOW_DRIP:
            await asyncio.sleep(setting.every)
        await self._ws.send_str(self._text(message, fault))
        self._units += message.units

    @staticmethod
    def _text(message: _Message, fault: Fault) -> str:
        if fault is Fault.NOT_JSON:
            return HTML_PAGE
        if fault is Fault.NOT_AUDIO and message.audio:
            return json.dumps({**json.loads(message.text), message.audio: _html_as_base64()})
        return message.text

    def _named(self, name: str) -> Close:
        closes = self.simulator.closes
        return closes[name] if name else next(iter(closes.values()))

    def _close(self, close: Close) -> None:
        """Let `open_socket` close the socket. Closed while another task receives, aiohttp drops the connection before
        the client has answered the close frame, and clients then report 1006 instead of the code."""
        self.closing = close
        if self._receiving is not None:
            self._receiving.reschedule(asyncio.get_running_loop().time())
        raise StreamOver

    async def _ping(self, every: float) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await self._ws.ping()
                await asyncio.sleep(every)


@asynccontextmanager
async def open_socket(
    simulator: Simulator, request: web.Request, **headers: str
) -> AsyncIterator[tuple[web.WebSocketResponse, SocketOutlet]]:
    """Accept a WebSocket: the socket to read from, and the outlet to answer by."""
    async with simulator.socket(request, **headers) as ws:
        outlet = SocketOutlet(simulator, request, ws)
        writing = asyncio.create_task(outlet.write())
        outlet.fault_changed()  # a fault that needs no message strikes now
        try:
            yield ws, outlet
        finally:
            simulator.outlets.discard(outlet)
            writing.cancel()
            await asyncio.wait({writing})
            if outlet.closing is not None:
                with contextlib.suppress(ConnectionError):
                    await ws.close(code=outlet.closing.code, message=outlet.closing.reason.encode())


async def close_when_idle(
    outlet: SocketOutlet, close: Close, seconds: float, last_used: Callable[[], float]
) -> None:
    """Close the socket once `last_used`, in monotonic seconds, is `seconds` ago."""
    while True:
        left = last_used() + seconds - time.monotonic()
        if left <= 0:
            break
        await asyncio.sleep(left)
    outlet.close(close)


class BodyOutlet(Outlet):
    """The body of an HTTP answer, sent in pieces."""

    def __init__(
        self, simulator: Simulator, request: web.Request, response: web.StreamResponse, *, sse: bool
    ) -> None:
        super().__init__(simulator, request.path)
        self.response = response
        self._transport = request.transport
        self._sse = sse

    async def send(self, piece: bytes, *, units: int = 1) -> None:
        """Send a piece, or suffer the fault that is due; StreamOver where that ends the answer."""
        setting = self.strike()
        fault = setting.fault
        if fault is Fault.CUT:
            cut(self._transport)
            raise StreamOver
        if fault is Fault.ENDS_EARLY:
            raise StreamOver
        if fault is Fault.ERROR_MESSAGE:
            await self.response.write(f"data: {self.simulator.error_message()}\n\n".encode())
            raise StreamOver
        if fault in (Fault.SAYS_NOTHING, Fault.UNREACHABLE):
            await asyncio.Event().wait()
        while fault is Fault.KEEPALIVES_ONLY:
            await self.response.write(b": keep-alive\n\n")
            await asyncio.sleep(setting.every)
        if fault is Fault.SLOW_DRIP:
            await asyncio.sleep(setting.every)
        if fault in (Fault.NOT_JSON, Fault.NOT_AUDIO):
            piece = self._html(fault)
        await self.response.write(piece)
        self._units += units

    def _html(self, fault: Fault) -> bytes:
        if not self._sse:
            return HTML_PAGE.encode()
        page = HTML_PAGE.strip() if fault is Fault.NOT_JSON else self.simulator.html_event()
        return f"data: {page}\n\n".encode()


@asynccontextmanager
async def open_body(
    simulator: Simulator, request: web.Request, content_type: str, **headers: str
) -> AsyncIterator[BodyOutlet]:
    """Answer with status 200 and a streamed body; what the fault leaves unsent is left out."""
    response = web.StreamResponse(
        headers={"Content-Type": content_type, "Cache-Control": "no-cache", **headers}
    )
    response.enable_chunked_encoding()
    await response.prepare(request)
    outlet = BodyOutlet(simulator, request, response, sse=content_type.startswith("text/event-stream"))
    try:
        yield outlet
    except StreamOver:
        pass
    except ConnectionError:
        return  # the client has gone: there is no end to be written
    finally:
        simulator.outlets.discard(outlet)
    with contextlib.suppress(ConnectionError):
        await response.write_eof()


async def json_answer(simulator: Simulator, request: web.Request, data: object) -> web.StreamResponse:
    """A JSON body with status 200, in pieces, so that faults within streams strike it too."""
    body = json.dumps(data).encode()
    async with open_body(simulator, request, "application/json") as outlet:
        for start in range(0, len(body), _PIECE_BYTES):
            await outlet.send(body[start : start + _PIECE_BYTES])
    return outlet.response


def cut(transport: asyncio.BaseTransport | None) -> None:
    """Reset a connection."""
    if isinstance(transport, asyncio.Transport) and not transport.is_closing():
        reset_on_close(transport.get_extra_info("socket"))
        transport.abort()


def _html_as_base64() -> str:
    return base64.b64encode(HTML_PAGE.encode()).decode()
