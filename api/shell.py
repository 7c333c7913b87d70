"""What lies around every request: the size of its body, the headers of its answer, the last resort for
errors.

Plain ASGI, so that answers of every origin (also of mounted files) pass through it. Knows no route.
"""

import asyncio
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import respond, unforeseen
from errors import InvalidInput

MAX_BODY_BYTES = 64 * 1024
DRAIN_BYTES = 1024 * 1024
DRAIN_SECONDS = 2.0


def security_headers(livekit_ws_url: str) -> dict[str, str]:
    """Headers for every answer.

    The page may load only its own files and connect only to us and to LiveKit.
    """
    connect = " ".join(["'self'", *livekit_sources(livekit_ws_url)])
    policy = {
        "default-src": "'self'",
        "connect-src": connect,
        "img-src": "'self' data:",
        "media-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def livekit_sources(ws_url: str) -> list[str]:
    """Where the browser's LiveKit client connects: the WebSocket and, for its checks, HTTP on the same host."""
    parts = urlsplit(ws_url)
    if not parts.netloc:
        return []
    # The port is kept, credentials in the address (there should be none) are not.
    host = parts.netloc.rpartition("@")[2]
    # LiveKit Cloud sends clients on to its regions.
    hosts = [host, "*.livekit.cloud"] if (parts.hostname or "").endswith(".livekit.cloud") else [host]
    schemes = ("wss", "https") if parts.scheme == "wss" else ("ws", "http")
    return [f"{scheme}://{each}" for each in hosts for scheme in schemes]


class TooLargeError(Exception):
    """The body grew past the limit while it was read."""


class Shell:
    """`headers` are set on every answer that does not set them itself."""

    def __init__(self, app: ASGIApp, headers: dict[str, str], max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._headers = headers
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False
        read = 0
        all_read = False
        too_large = False

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                if too_large and not begun:
                    # The framework turned our exception into an answer of its own.
                    raise TooLargeError
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                # Tokens and states of rooms are good for one reader and one moment; files say so themselves.
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        async def receiving() -> Message:
            nonlocal read, all_read, too_large
            message = await receive()
            all_read = not message.get("more_body", False)
            read += len(message.get("body", b""))
            if read > self._max_body_bytes:
                too_large = True
                raise TooLargeError
            return message

        try:
            if _declared(scope) > self._max_body_bytes:
                raise TooLargeError
            await self._app(scope, receiving, sending)
        except TooLargeError:
            too_large = False  # the refusal itself may pass
            if not all_read:
                await _drain(receive)
            # What is left of the body is not read: the connection cannot be used again.
            await respond(self._refusal(), {"Connection": "close"})(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - the last resort: logged, and answered without a trace
            answer = unforeseen(error)
            if begun:
                # Half an answer is out; cutting it off is the only way left to say so.
                raise ConnectionAbortedError("answer cut off, see the log") from None
            await answer(scope, receive, sending)

    def _refusal(self) -> InvalidInput:
        limit = self._max_body_bytes // 1024
        return InvalidInput(
            f"The request's body is larger than {limit} KiB.",
            code="body-too-large",
            hint="Send less.",
            status=413,
        )


async def _drain(receive: Receive) -> None:
    """Read on for a while: a client that is still sending when the connection closes never sees the answer."""
    drained = 0
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while drained < DRAIN_BYTES:
                message = await receive()
                drained += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            # uvicorn has refused what is no number; anything else counts while it is read.
            return int(value) if value.isdigit() else 0
    return 0
