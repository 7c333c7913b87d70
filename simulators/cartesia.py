"""Cartesia: `/tts/websocket` with contexts, and `POST /tts/bytes`.

Messages are those of docs.cartesia.ai/api-reference/tts/websocket for version 2025-04-16, which the plugin asks for;
errors of that version are plain text over HTTP ("Title: message").
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from aiohttp import web

from simulators.faults import ON_ANY_SERVER, Close, Fault
from simulators.server import RECEIVED, Simulator
from simulators.speaking import MOST_CHARS, SpokenChunk, pieces, speak, speak_all, style_of
from simulators.wire import SocketOutlet, close_when_idle, open_body, open_socket

IDLE_SECONDS = 300.0
_FLUSH_DELAY_SECONDS = 3.0  # of max_buffer_delay_ms, where a request names none
_MOST_CONTEXTS = 15  # of the Scale plan
_RATES = frozenset({8000, 16000, 22050, 24000, 44100, 48000})

_ERRORS = {
    400: ("Bad request", "The request is not valid."),
    401: ("Unauthorized", "Invalid API key."),
    402: ("Payment required", "You have no credits left; add a payment method or upgrade your plan."),
    404: ("Not found", "The requested voice or model was not found."),
    429: ("Too many concurrent requests", "You have exceeded your plan's concurrency limit."),
    500: ("Internal server error", "Something went wrong."),
    503: ("Service unavailable", "Please try again later."),
}


class CartesiaSimulator(Simulator):
    """Cut after so many bytes of audio sent."""

    vendor = "cartesia"
    unit = "bytes of audio sent"
    faults = ON_ANY_SERVER | {Fault.KEEPALIVES_ONLY, Fault.NOT_AUDIO, Fault.ERROR_MESSAGE, Fault.CLOSES}
    closes: ClassVar[Mapping[str, Close]] = MappingProxyType(
        {
            # Documented is that an idle socket is closed after 5 minutes; the codes are RFC 6455's for it.
            "idle": Close(1000, "connection idle timeout"),
            "internal-error": Close(1011, "internal error"),
            "going-away": Close(1001, ""),
            "restarting": Close(1012, "service restart"),
        }
    )

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS, **settings: Any) -> None:
        """`idle_seconds`: a socket on which nothing is asked or sent for so long is closed."""
        super().__init__(**settings)
        self.idle_seconds = idle_seconds
        self.contexts_open = 0

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/tts/websocket", self._connect), web.post("/tts/bytes", self._bytes)]

    def key_of(self, request: web.Request) -> str:
        return request.headers.get("X-API-Key", "") or request.query.get("api_key", "")

    def refusal(self, status: int, message: str = "") -> web.Response:
        title, words = _ERRORS.get(status, ("Error", "Error."))
        return web.Response(status=status, text=f"{title}: {message or words}")

    def error_message(self) -> str:
        return json.dumps(
            {"type": "error", "done": True, "status_code": 500, "error": "Internal server error"}
        )

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        if not request.query.get("cartesia_version"):
            return self.refusal(400, "cartesia_version is missing.")
        async with open_socket(self, request, **{"X-Request-Id": str(uuid.uuid4())}) as (ws, outlet):
            await _Session(self, request, outlet).run()
        return ws

    async def _bytes(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except ValueError:
            return self.refusal(400)
        request[RECEIVED].body = body
        if wrong := _unfit(body):
            return self.refusal(400, wrong)
        rate = body["output_format"]["sample_rate"]
        self.record.characters += len(body["transcript"])
        first = asyncio.create_task(asyncio.sleep(self.latencies.draw("tts_first_audio")))
        async with open_body(self, request, "application/octet-stream") as outlet:
            async for chunk in speak_all(body["transcript"], style_of(str(body["voice"])), rate):
                self.record.spoken_seconds += chunk.seconds
                await first
                for piece in pieces(chunk.pcm, rate):
                    await outlet.send(piece, units=len(piece))
        first.cancel()
        return outlet.response


class _Session:
    """One socket with its contexts."""

    def __init__(self, simulator: CartesiaSimulator, request: web.Request, outlet: SocketOutlet) -> None:
        self._simulator = simulator
        self._received = request[RECEIVED]
        self._outlet = outlet
        self._contexts: dict[str, _Context] = {}
        self._last_input = time.monotonic()

    async def run(self) -> None:
        watching = asyncio.create_task(
            close_when_idle(
                self._outlet, self._simulator.closes["idle"], self._simulator.idle_seconds, self._last_used
            )
        )
        try:
            async for message in self._outlet.messages():
                self._last_input = time.monotonic()
                try:
                    data = json.loads(message)
                    self._take(data)
                except (ValueError, KeyError, TypeError, AttributeError):
                    self._error(400, "Bad request: the message could not be read.", None)
        finally:
            watching.cancel()
            tasks = {watching, *(context.task for context in self._contexts.values())}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _take(self, data: dict[str, Any]) -> None:
        name = str(data["context_id"])
        if data.get("cancel"):
            self._simulator.record.cancels += 1
            if (context := self._contexts.get(name)) is not None:
                context.cancel()
            return
        self._received.body = self._received.body or data
        if wrong := _unfit(data):
            self._error(400, f"Bad request: {wrong}", name)
            return
        context = self._contexts.get(name)
        if context is None:
            if self._simulator.contexts_open >= _MOST_CONTEXTS:
                self._error(429, "Too many concurrent requests", name)
                return
            context = self._contexts[name] = _Context(self._simulator, self._outlet, name, data)
            context.task.add_done_callback(lambda _: self._contexts.pop(name, None))
        self._simulator.record.characters += len(data["transcript"])
        context.add(data)

    def _error(self, status: int, message: str, context: str | None) -> None:
        error = {"type": "error", "done": True, "status_code": status, "error": message}
        self._outlet.send({**error, "context_id": context} if context else error)

    def _last_used(self) -> float:
        return time.monotonic() if self._contexts else self._last_input


class _Context:
    """A text that comes in pieces and is spoken with one prosody; `continue: false` ends it."""

    def __init__(
        self, simulator: CartesiaSimulator, outlet: SocketOutlet, name: str, options: dict[str, Any]
    ) -> None:
        self._simulator = simulator
        self._outlet = outlet
        self._name = name
        self._style = style_of(str(options["voice"]))
        self._rate = int(options["output_format"]["sample_rate"])
        self._timestamps = bool(options.get("add_timestamps"))
        self._input: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._seconds = 0.0  # of speech sent
        self._flushes = 0
        self._cancelled = False
        self.task = asyncio.create_task(self._speak())

    def add(self, data: dict[str, Any]) -> None:
        """Take another piece."""
        self._input.put_nowait(data)

    def cancel(self) -> None:
        """Speak nothing more that is not being made already; the vendor does not say `done` then."""
        self._cancelled = True
        self.task.cancel()

    async def _speak(self) -> None:
        self._simulator.contexts_open += 1
        try:
            waiting, ended = "", False
            while not ended:
                try:
                    # Not wait_for: in Python 3.11 it can swallow a cancellation that comes with the message.
                    async with asyncio.timeout(_FLUSH_DELAY_SECONDS if waiting.strip() else None):
                        data = await self._input.get()
                except TimeoutError:
                    await self._say(waiting)
                    waiting = ""
                    continue
                waiting += data["transcript"]
                ended = not data.get("continue")
                if ended or data.get("flush") or data.get("max_buffer_delay_ms") == 0:
                    await self._say(waiting)
                    waiting = ""
                if data.get("flush"):
                    self._flushes += 1
                    self._send({"type": "flush_done", "flush_done": True, "flush_id": self._flushes}, 206)
            self._send({"type": "done"}, 200, done=True)
        finally:
            self._simulator.contexts_open -= 1

    async def _say(self, text: str) -> None:
        if not text.strip():
            return
        wait = asyncio.create_task(asyncio.sleep(self._simulator.latencies.draw("tts_first_audio")))
        try:
            chunk = await speak(text.strip(), self._style, self._rate)
            # A context that is speaking has no gap before its next sentence.
            if not self._seconds:
                await wait
        finally:
            wait.cancel()
        if self._timestamps:
            self._send_timestamps(chunk)
        per_second = self._simulator.latencies.profile.tts_per_second
        for piece in pieces(chunk.pcm, self._rate):
            message = {"type": "chunk", "data": base64.b64encode(piece).decode(), "step_time": 20.0}
            self._send(message, 206, units=len(piece), audio="data")
            await asyncio.sleep(per_second * 0.1)
        self._seconds += chunk.seconds
        self._simulator.record.spoken_seconds += chunk.seconds

    def _send_timestamps(self, chunk: SpokenChunk) -> None:
        times = {
            "words": [word.text.strip() for word in chunk.words],
            "start": [round(self._seconds + word.start, 3) for word in chunk.words],
            "end": [round(self._seconds + word.end, 3) for word in chunk.words],
        }
        self._send({"type": "timestamps", "word_timestamps": times}, 206)

    def _send(
        self, message: dict[str, Any], status: int, *, done: bool = False, units: int = 0, audio: str = ""
    ) -> None:
        full = {**message, "done": done, "status_code": status, "context_id": self._name}
        self._outlet.send(full, units=units, audio=audio)


def _unfit(data: Any) -> str:
    """What is wrong with a request for speech, "" where nothing is."""
    if not isinstance(data, dict) or not isinstance(data.get("transcript"), str):
        return "transcript is missing"
    if len(data["transcript"]) > MOST_CHARS:
        return f"transcript takes {MOST_CHARS} characters"
    if not data.get("model_id") or not (data.get("voice") or {}).get("mode"):
        return "model_id and voice are required"
    output = data.get("output_format") or {}
    if output.get("container") != "raw" or output.get("encoding") != "pcm_s16le":
        return "the simulator makes raw pcm_s16le"
    if output.get("sample_rate") not in _RATES:
        return f"sample_rate must be one of {sorted(_RATES)}"
    return ""
