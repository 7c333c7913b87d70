"""OpenAI's realtime transcription: a WebSocket with server-side detection of turns.

Events are those of platform.openai.com/docs/guides/realtime-transcription, as livekit-plugins-openai reads them:
24 kHz audio is appended, the server finds the speech in it, and text comes after each silence.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
import uuid
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import web

from simulators.answers import tokens_of
from simulators.faults import Close
from simulators.hearing import Began, Heard, Hearing
from simulators.server import RECEIVED, Simulator
from simulators.wire import SocketOutlet, open_socket

SAMPLE_RATE = 24_000
_SAMPLE_BYTES = 2
_LEAST_COMMIT_SECONDS = 0.1
_SILENCE_MS = 500  # server_vad's default

CLOSES: Mapping[str, Close] = MappingProxyType(
    {
        "session-expired": Close(1001, "Your session hit the maximum duration of 60 minutes."),
        "internal-error": Close(1011, "The server had an error while processing your request."),
        "invalid-api-key": Close(3000, "invalid_request_error.invalid_api_key"),
        "invalid-model": Close(4000, "invalid_request_error.invalid_model"),
    }
)


class Realtime:
    """The endpoint, as a part of a simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The route below `prefix`."""
        return [web.get(prefix + "/realtime", self._connect)]

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("intent") != "transcription":
            return self._simulator.refusal(400, "The simulator has transcription sessions only.")
        async with open_socket(self._simulator, request) as (ws, outlet):
            await _Session(self._simulator, request, outlet).run()
        return ws


class _Session:
    """One socket."""

    def __init__(self, simulator: Simulator, request: web.Request, outlet: SocketOutlet) -> None:
        self._simulator = simulator
        self._received = request[RECEIVED]
        self._outlet = outlet
        self._session: dict[str, Any] = {"type": "transcription", "id": f"sess_{uuid.uuid4().hex}"}
        self._turns = True
        self._hearing = self._listening(_SILENCE_MS / 1000)
        self._items: deque[str] = deque()  # committed, in the order of their finals
        self._item = _item_id()
        self._previous: str | None = None
        self._uncommitted = 0.0
        self._answering: asyncio.Task[None] | None = None

    async def run(self) -> None:
        self._send("session.created", session=self._session)
        try:
            async for message in self._outlet.messages():
                try:
                    event = json.loads(message)
                    await self._take(event)
                except (ValueError, KeyError, TypeError, AttributeError) as problem:
                    self._error("invalid_event", f"The event could not be read: {type(problem).__name__}")
        finally:
            await self._hearing.aclose()
            await self._stop_answering()

    async def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "session.update":
            await self._update(event["session"])
        elif kind == "input_audio_buffer.append":
            self._hear(event["audio"])
        elif kind == "input_audio_buffer.commit":
            self._commit()
        elif kind == "input_audio_buffer.clear":
            await self._listen_anew(self._session)
            self._send("input_audio_buffer.cleared")
        else:
            self._error("invalid_value", f"Invalid value: '{kind}'.")

    async def _update(self, session: dict[str, Any]) -> None:
        audio = session["audio"]["input"]
        if audio.get("format", {}).get("rate", SAMPLE_RATE) != SAMPLE_RATE:
            self._error("invalid_value", "audio/pcm has a rate of 24000.")
            return
        if not audio["transcription"].get("model"):
            self._error("missing_required_parameter", "transcription.model is missing.")
            return
        self._received.body = session
        self._session = {**self._session, **session}
        await self._listen_anew(session)
        self._send("session.updated", session=self._session)

    async def _listen_anew(self, session: dict[str, Any]) -> None:
        detection = session.get("audio", {}).get("input", {}).get("turn_detection")
        self._turns = detection is not None
        silence = (detection or {}).get("silence_duration_ms", _SILENCE_MS) / 1000
        await self._stop_answering()
        await self._hearing.aclose()
        self._hearing = self._listening(silence if self._turns else None)
        self._items.clear()
        self._uncommitted = 0.0
        self._answering = asyncio.create_task(self._answer())

    def _listening(self, end_silence: float | None) -> Hearing:
        return Hearing(SAMPLE_RATE, end_silence=end_silence, script=self._simulator.script_heard)

    def _hear(self, audio: str) -> None:
        try:
            pcm = base64.b64decode(audio, validate=True)
        except binascii.Error:
            self._error("invalid_value", "Invalid 'audio'. Expected base64-encoded audio bytes.")
            return
        seconds = len(pcm) / _SAMPLE_BYTES / SAMPLE_RATE
        self._simulator.record.audio_seconds += seconds
        self._uncommitted += seconds
        for event in self._hearing.hear(pcm):
            if not self._turns:
                continue
            at = round(event.at * 1000)
            if isinstance(event, Began):
                self._item = _item_id()
                self._send("input_audio_buffer.speech_started", audio_start_ms=at, item_id=self._item)
            else:
                self._send("input_audio_buffer.speech_stopped", audio_end_ms=at, item_id=self._item)
                self._committed()
        self._outlet.count(round(seconds * 1000))

    def _commit(self) -> None:
        if self._uncommitted < _LEAST_COMMIT_SECONDS:
            self._error(
                "input_audio_buffer_commit_empty", "Error committing input audio buffer: buffer too small."
            )
            return
        self._hearing.flush()
        self._committed()

    def _committed(self) -> None:
        self._items.append(self._item)
        self._uncommitted = 0.0
        self._send("input_audio_buffer.committed", item_id=self._item, previous_item_id=self._previous)
        self._previous, self._item = self._item, _item_id()

    async def _answer(self) -> None:
        async for heard in self._hearing:
            if heard.final and self._items:
                due = heard.arrived + self._simulator.latencies.draw("stt_final")
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                self._complete(self._items.popleft(), heard)

    def _complete(self, item: str, heard: Heard) -> None:
        tokens = tokens_of(heard.text)
        common = {"item_id": item, "content_index": 0}
        for token in tokens:
            self._send("conversation.item.input_audio_transcription.delta", **common, delta=token)
        heard_tokens = round((heard.end - heard.start) * 10)
        usage = {
            "type": "tokens",
            "input_tokens": heard_tokens,
            "output_tokens": len(tokens),
            "total_tokens": heard_tokens + len(tokens),
        }
        self._send(
            "conversation.item.input_audio_transcription.completed",
            **common,
            transcript=heard.text,
            usage=usage,
        )

    def _send(self, kind: str, **members: Any) -> None:
        self._outlet.send({"type": kind, "event_id": f"event_{uuid.uuid4().hex[:20]}", **members})

    def _error(self, code: str, message: str) -> None:
        self._send("error", error={"type": "invalid_request_error", "code": code, "message": message})

    async def _stop_answering(self) -> None:
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.wait({self._answering})
            self._answering = None


def _item_id() -> str:
    return f"item_{uuid.uuid4().hex[:20]}"


def error_event() -> str:
    """The server's own failure as an event."""
    error = {"type": "server_error", "code": None, "message": "The server had an error.", "param": None}
    return json.dumps({"type": "error", "event_id": f"event_{uuid.uuid4().hex[:20]}", "error": error})
