"""Voxtral as vLLM serves it: `/v1/realtime` for streams, `/v1/audio/transcriptions` for files.

The order of vLLM's realtime API (docs.vllm.ai, speech_to_text/realtime): `session.created`; `session.update` with the
model, which has no answer; `commit` with `final: false` starts the generation; appends of 16 kHz PCM16 in base64;
`transcription.delta` meanwhile; `commit` with `final: true` ends it with `transcription.done`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from aiohttp import web

from simulators.answers import tokens_of
from simulators.chat import openai_error
from simulators.faults import ON_ANY_SERVER, Close, Fault
from simulators.hearing import Hearing
from simulators.server import RECEIVED, Simulator
from simulators.transcription import Transcriptions
from simulators.wire import SocketOutlet, open_socket

SAMPLE_RATE = 16_000
_SAMPLE_BYTES = 2


class VoxtralSimulator(Simulator):
    """Cut after so many milliseconds of audio heard. vLLM asks for no key, unless it was started with one."""

    vendor = "voxtral"
    unit = "milliseconds of audio heard"
    faults = ON_ANY_SERVER | {Fault.KEEPALIVES_ONLY, Fault.ERROR_MESSAGE, Fault.CLOSES}
    base_path = "/v1"
    wants_key = False
    closes: ClassVar[Mapping[str, Close]] = MappingProxyType(
        {
            # uvicorn's own: the socket of a server that is restarted, and of an endpoint that raised.
            "restarting": Close(1012, ""),
            "internal-error": Close(1011, ""),
            "going-away": Close(1001, ""),
        }
    )

    def routes(self) -> list[web.RouteDef]:
        batch = Transcriptions(self).routes(self.base_path)
        return [*batch, web.get(self.base_path + "/realtime", self._connect)]

    def refusal(self, status: int, message: str = "") -> web.Response:
        return web.json_response(openai_error(status, message), status=status)

    def error_message(self) -> str:
        return json.dumps(
            {"type": "error", "error": "EngineCore encountered an issue.", "code": "processing_error"}
        )

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        async with open_socket(self, request) as (ws, outlet):
            await _Session(self, request, outlet).run()
        return ws


class _Session:
    """One socket. Text comes with each pause of the speaker: Moonshine revises what it hears, and a delta cannot be
    taken back. Voxtral itself is about half a second behind the speaker."""

    def __init__(self, simulator: VoxtralSimulator, request: web.Request, outlet: SocketOutlet) -> None:
        self._simulator = simulator
        self._received = request[RECEIVED]
        self._outlet = outlet
        self._model = ""
        self._hearing: Hearing | None = None
        self._generating: asyncio.Task[None] | None = None
        self._early: list[bytes] = []  # audio that came before the generation was started

    async def run(self) -> None:
        created = {"id": f"sess-{uuid.uuid4().hex}", "created": int(time.time())}
        self._outlet.send({"type": "session.created", **created})
        try:
            async for message in self._outlet.messages():
                try:
                    self._take(json.loads(message))
                except json.JSONDecodeError:
                    self._error("Invalid JSON", "invalid_json")
                except (KeyError, TypeError, AttributeError) as problem:
                    self._error(f"{type(problem).__name__}: {problem}", "processing_error")
        finally:
            if self._generating is not None:
                self._generating.cancel()
                await asyncio.wait({self._generating})

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == "session.update":
            self._model = event["model"]
            self._received.body = event
        elif kind == "input_audio_buffer.append":
            self._hear(event["audio"])
        elif kind == "input_audio_buffer.commit":
            self._commit(final=bool(event.get("final")))
        else:
            self._error(f"Unknown event type: {kind}", "unknown_event")

    def _commit(self, *, final: bool) -> None:
        if not self._model:
            self._error(
                "Model not validated. Make sure to validate the model by sending a session.update event.",
                "model_not_validated",
            )
        elif final and self._hearing is not None:
            self._hearing.flush()
            self._hearing.end()
            self._hearing = None
        elif not final and (self._generating is None or self._generating.done()):
            self._hearing = Hearing(SAMPLE_RATE, script=self._simulator.script_heard)
            for pcm in self._early:
                self._hearing.hear(pcm)
            self._early.clear()
            self._generating = asyncio.create_task(self._generate(self._hearing))

    def _hear(self, audio: str) -> None:
        try:
            pcm = base64.b64decode(audio, validate=True)
        except binascii.Error:
            pcm = b""
        if not pcm or len(pcm) % _SAMPLE_BYTES:
            self._error("Invalid audio data", "invalid_audio")
            return
        seconds = len(pcm) / _SAMPLE_BYTES / SAMPLE_RATE
        self._simulator.record.audio_seconds += seconds
        if self._hearing is None:
            self._early.append(pcm)
        else:
            self._hearing.hear(pcm)
        self._outlet.count(round(seconds * 1000))

    async def _generate(self, hearing: Hearing) -> None:
        text, tokens = "", 0
        try:
            async for heard in hearing:
                if not heard.final or not heard.words:
                    continue
                due = heard.arrived + self._simulator.latencies.draw("stt_final")
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                for token in tokens_of((" " if text else "") + heard.text):
                    self._outlet.send({"type": "transcription.delta", "delta": token})
                    text, tokens = text + token, tokens + 1
            prompt = round(hearing.seconds * 12.5)  # Voxtral's audio tokens of 80 ms
            usage = {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}
            # Closed first: a commit that answers `done` must find the generation ended.
            await hearing.aclose()
            self._outlet.send({"type": "transcription.done", "text": text, "usage": usage})
        finally:
            await hearing.aclose()

    def _error(self, message: str, code: str) -> None:
        self._outlet.send({"type": "error", "error": message, "code": code})
