"""A WebSocket of JSON events to a vendor: whatever fails is an APIError or LinkFailed, never silence.

Owns connecting, sending and reading. Errors hold no text of the vendor: it may quote what was said.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from livekit.agents import APIConnectionError, APIStatusError, APITimeoutError, utils

from providers.chains import attempt
from providers.chains.failures import LinkFailed
from providers.openai_client import seconds_of

NOT_JSON = "it answered with what is no JSON"
ANSWERED_WITH_ERROR = "it answered with an error"
_CLOSE_SECONDS = 0.5
_HEARTBEAT_SECONDS = 30.0
_CLOSED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED)


class EventSocket:
    """An open socket."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws

    async def send(self, event: Mapping[str, Any]) -> None:
        """Send one event. Raises APIConnectionError."""
        try:
            await self._ws.send_str(json.dumps(event))
        except (aiohttp.ClientError, ConnectionError) as problem:
            raise self._lost(problem) from None

    async def receive(self) -> dict[str, Any]:
        """The next event. Raises APIStatusError with the close code, APIConnectionError or LinkFailed."""
        message = await self._ws.receive()
        if message.type in _CLOSED:
            raise APIStatusError("the socket was closed", status_code=self._ws.close_code or -1)
        if message.type is aiohttp.WSMsgType.ERROR:
            raise APIConnectionError("the socket broke") from self._ws.exception()
        return event_of(message)

    def _lost(self, problem: BaseException) -> Exception:
        code = self._ws.close_code
        if code is not None:
            return APIStatusError("the socket was closed", status_code=code)
        return APIConnectionError(f"the socket broke ({type(problem).__name__})")


def event_of(message: aiohttp.WSMessage) -> dict[str, Any]:
    """The event of a message. LinkFailed where it has none."""
    try:
        event = json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else None
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise LinkFailed(NOT_JSON)
    return event


@asynccontextmanager
async def open_socket(url: str, headers: Mapping[str, str], timeout: float) -> AsyncIterator[EventSocket]:
    """Connect within `timeout` seconds; `url` may be that of an HTTP API. Raises APITimeoutError, APIStatusError or
    APIConnectionError. Whoever leaves does not wait for a server that answers nothing."""
    ws = await _connect(url.replace("http", "ws", 1) if url.startswith("http") else url, headers, timeout)
    try:
        yield EventSocket(ws)
    finally:
        with contextlib.suppress(aiohttp.ClientError, ConnectionError):
            await ws.close()


async def _connect(url: str, headers: Mapping[str, str], seconds: float) -> aiohttp.ClientWebSocketResponse:
    session = utils.http_context.http_session()
    closing = aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS)
    try:
        async with asyncio.timeout(seconds):
            return await session.ws_connect(
                url, headers=headers, timeout=closing, heartbeat=_HEARTBEAT_SECONDS, max_msg_size=2**24
            )
    except TimeoutError:
        raise APITimeoutError(retryable=False) from None
    except aiohttp.WSServerHandshakeError as refused:
        noted = attempt.running()
        if noted is not None and refused.headers is not None:
            noted.retry_after = seconds_of(refused.headers.get("Retry-After", ""))
        # the exception itself carries the request, and with it the key
        raise APIStatusError("the handshake was refused", status_code=refused.status) from None
    except (aiohttp.ClientError, OSError) as problem:
        raise APIConnectionError(f"no connection ({type(problem).__name__})", retryable=False) from None
