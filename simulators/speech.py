"""OpenAI's speech API: `POST /audio/speech`, as server-sent events or as a streamed audio body.

Serves OpenAI and Chatterbox. Shapes are those of platform.openai.com/docs/api-reference/audio/createSpeech.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from aiohttp import web

from simulators.faults import ON_ANY_SERVER, Fault
from simulators.server import HTML_PAGE, RECEIVED, Simulator
from simulators.speaking import (
    ENCODED,
    MOST_CHARS,
    encode,
    pieces,
    speak_all,
    style_of,
    wav_header,
)
from simulators.wire import BodyOutlet, open_body

_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
SPEECH_PATH = "/audio/speech"


class Speech:
    """The endpoint, as a part of a simulator."""

    def __init__(self, simulator: Simulator, *, server_sent_events: bool = True) -> None:
        """`server_sent_events`: whether stream_format=sse is known; servers that do not know it ignore it."""
        self._simulator = simulator
        self._knows_sse = server_sent_events

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The route below `prefix`."""
        return [web.post(prefix + SPEECH_PATH, self._speak)]

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        simulator = self._simulator
        try:
            body = await request.json()
        except ValueError:
            return simulator.refusal(400)
        request[RECEIVED].body = body
        if wrong := _unfit(body):
            return simulator.refusal(400, wrong)
        simulator.record.characters += len(body["input"])
        name = body.get("response_format", "mp3")
        sse = self._knows_sse and body.get("stream_format") == "sse"
        content_type = "text/event-stream; charset=utf-8" if sse else _content_type(name)
        async with open_body(simulator, request, content_type) as outlet:
            await _Spoken(simulator, outlet, sse=sse).send(body, name)
        return outlet.response


class _Spoken:
    """One text on its way as sound."""

    def __init__(self, simulator: Simulator, outlet: BodyOutlet, *, sse: bool) -> None:
        self._simulator = simulator
        self._outlet = outlet
        self._sse = sse

    async def send(self, body: dict[str, Any], name: str) -> None:
        style = style_of(str(body["voice"]), float(body.get("speed") or 1.0))
        first = asyncio.create_task(asyncio.sleep(self._simulator.latencies.draw("tts_first_audio")))
        per_second = self._simulator.latencies.profile.tts_per_second
        try:
            header = wav_header() if name == "wav" else b""
            whole = b""
            async for chunk in speak_all(body["input"], style):
                self._simulator.record.spoken_seconds += chunk.seconds
                if name in ENCODED:
                    whole += chunk.pcm  # a file of its own for each chunk would not be one file
                    continue
                await first
                for piece in pieces(chunk.pcm):
                    await self._send(header + piece)
                    header = b""
                    await asyncio.sleep(per_second * 0.1)
            await first
            if whole:
                file = await asyncio.get_running_loop().run_in_executor(None, encode, whole, name)
                for start in range(0, len(file), 4096):
                    await self._send(file[start : start + 4096])
            await self._finish(body["input"])
        finally:
            first.cancel()

    async def _send(self, piece: bytes) -> None:
        if self._sse:
            event = {"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()}
            await self._outlet.send(f"data: {json.dumps(event)}\n\n".encode(), units=len(piece))
        else:
            await self._outlet.send(piece, units=len(piece))

    async def _finish(self, text: str) -> None:
        if self._sse:
            tokens = max(1, len(text) // 4)
            usage = {"input_tokens": tokens, "output_tokens": tokens * 8, "total_tokens": tokens * 9}
            await self._outlet.send(
                f"data: {json.dumps({'type': 'speech.audio.done', 'usage': usage})}\n\n".encode(), units=0
            )


def html_event() -> str:
    """An event of speech whose audio is a web page."""
    page = base64.b64encode(HTML_PAGE.encode()).decode()
    return json.dumps({"type": "speech.audio.delta", "audio": page})


def _content_type(name: str) -> str:
    return {"pcm": "audio/pcm", "wav": "audio/wav"}.get(name) or ENCODED[name][2]


def _unfit(body: Any) -> str:
    if not isinstance(body, dict) or not body.get("model") or not body.get("voice"):
        return "you must provide model and voice"
    if not isinstance(body.get("input"), str) or not body["input"].strip():
        return "input must not be empty"
    if len(body["input"]) > MOST_CHARS:
        return f"string too long: input takes {MOST_CHARS} characters"
    if body.get("response_format", "mp3") not in _FORMATS:
        return f"response_format must be one of {', '.join(_FORMATS)}"
    return ""


class ChatterboxSimulator(Simulator):
    """Chatterbox: a voice server of one's own; cut after so many bytes of audio. It asks for no key, but the client
    library sends one, and its stream_format is unknown to it."""

    vendor = "chatterbox"
    unit = "bytes of audio sent"
    faults = ON_ANY_SERVER | {Fault.NOT_AUDIO}
    base_path = "/v1"
    wants_key = False

    def routes(self) -> list[web.RouteDef]:
        return Speech(self, server_sent_events=False).routes(self.base_path)

    def refusal(self, status: int, message: str = "") -> web.Response:
        return web.json_response({"detail": message or f"Error {status}."}, status=status)
