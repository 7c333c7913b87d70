"""Deepgram: `/v1/listen`, streaming over a WebSocket and prerecorded by POST.

Message shapes and close codes are those of developers.deepgram.com (reference/listen-live,
docs/stt-troubleshooting-websocket-data-and-net-errors), as livekit-plugins-deepgram reads them.
"""

from __future__ import annotations

import asyncio
import io
import json
import time
import uuid
import wave
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from aiohttp import web

from simulators.faults import ON_ANY_SERVER, Close, Fault
from simulators.hearing import Began, Heard, HeardWord, Hearing, recognise
from simulators.server import Simulator
from simulators.wire import SocketOutlet, close_when_idle, json_answer, open_socket

NET_0001 = "NET-0001"
IDLE_SECONDS = 10.0
_SAMPLE_BYTES = 2
INTERIM_SECONDS = 1.0
"""Of audio: how often Deepgram tells what it hears, also where that is nothing."""
_CONFIDENCE = 0.97

_ERRORS = {
    400: ("Bad Request", "Bad Request: failed to process audio."),
    401: ("INVALID_AUTH", "Invalid credentials."),
    402: ("ASR_PAYMENT_REQUIRED", "Project does not have enough credits for an ASR request."),
    404: ("Not Found", "The requested model was not found."),
    429: ("TOO_MANY_REQUESTS", "Too many requests. Please try again later."),
    500: ("INTERNAL_SERVER_ERROR", "Internal server error."),
    503: ("SERVICE_UNAVAILABLE", "Service unavailable."),
}


class DeepgramSimulator(Simulator):
    """Cut after so many milliseconds of audio heard."""

    vendor = "deepgram"
    unit = "milliseconds of audio heard"
    faults = ON_ANY_SERVER | {Fault.KEEPALIVES_ONLY, Fault.CLOSES, Fault.ERROR_MESSAGE}
    closes: ClassVar[Mapping[str, Close]] = MappingProxyType(
        {
            NET_0001: Close(
                1011,
                "Deepgram did not receive audio data or a text message within the timeout window. "
                "See https://dpgr.am/net0001",
            ),
            "NET-0000": Close(1011, "The service has not transmitted a Text frame to the client. "
                              "See https://dpgr.am/net0000"),
            "DATA-0000": Close(1008, "The payload cannot be decoded as audio. See https://dpgr.am/data0000"),
            "going-away": Close(1001, ""),
        }
    )  # fmt: skip

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS, **settings: Any) -> None:
        """`idle_seconds`: a socket that brought neither audio nor KeepAlive for so long is closed (NET-0001)."""
        super().__init__(**settings)
        self.idle_seconds = idle_seconds

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/listen", self._listen), web.post("/v1/listen", self._transcribe)]

    def key_of(self, request: web.Request) -> str:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return key.strip() if scheme in ("Token", "Bearer") else ""

    def refusal(self, status: int, message: str = "") -> web.Response:
        code, words = _ERRORS.get(status, ("ERROR", ""))
        request_id = str(uuid.uuid4())
        body = {"err_code": code, "err_msg": message or words, "request_id": request_id}
        headers = {"dg-request-id": request_id, "dg-error": body["err_msg"]}
        return web.json_response(body, status=status, headers=headers)

    def error_message(self) -> str:
        return json.dumps(
            {"type": "Error", "description": "Internal server error.", "message": "", "variant": "INTERNAL"}
        )

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        if wrong := _unfit(request):
            return self.refusal(400, wrong)
        session = _Session(self, request)
        try:
            async with open_socket(self, request, **{"dg-request-id": session.request_id}) as (ws, outlet):
                await session.run(outlet)
        finally:
            await session.aclose()  # a client may leave during the handshake
        return ws

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        try:
            with wave.open(io.BytesIO(body)) as recording:
                rate, pcm = recording.getframerate(), recording.readframes(recording.getnframes())
        except (wave.Error, EOFError):
            return self.refusal(400, "Bad Request: failed to process audio: corrupt or unsupported data")
        seconds = len(pcm) / _SAMPLE_BYTES / rate
        self.record.audio_seconds += seconds
        heard, _ = await asyncio.gather(
            recognise(pcm, rate, self.script_heard), asyncio.sleep(self.latencies.draw("stt_final"))
        )
        metadata = _metadata(str(uuid.uuid4()), request.query.get("model", ""))
        results = {"channels": [{"alternatives": [_alternative(heard.words)]}]}
        answer = {"metadata": {**metadata, "duration": seconds, "channels": 1}, "results": results}
        return await json_answer(self, request, answer)


class _Session:
    """One streaming socket."""

    def __init__(self, simulator: DeepgramSimulator, request: web.Request) -> None:
        query = request.query
        self.request_id = str(uuid.uuid4())
        self._simulator = simulator
        self._model = query.get("model", "")
        self._interim = query.get("interim_results") == "true"
        self._vad_events = query.get("vad_events") == "true"
        self._utterance_end = int(query.get("utterance_end_ms", 0)) / 1000
        endpointing = query.get("endpointing", "10")
        silence = None if endpointing == "false" else int(endpointing) / 1000
        self._rate = int(query["sample_rate"])
        self._hearing = Hearing(self._rate, end_silence=silence, script=simulator.script_heard)
        self._last_input = time.monotonic()
        self._last_word_end = 0.0
        self._words_open = False
        self._told_at = 0.0  # seconds of audio at the last Results

    async def aclose(self) -> None:
        """Stop listening; a socket that never opened listened too."""
        await self._hearing.aclose()

    async def run(self, outlet: SocketOutlet) -> None:
        answering = asyncio.create_task(self._answer(outlet))
        watching = asyncio.create_task(
            close_when_idle(
                outlet,
                self._simulator.closes[NET_0001],
                self._simulator.idle_seconds,
                lambda: self._last_input,
            )
        )
        try:
            async for message in outlet.messages():
                self._last_input = time.monotonic()
                if isinstance(message, bytes):
                    self._hear(message, outlet)
                elif not self._obey(message):
                    break
            self._hearing.end()
            if outlet.closing is None:
                await answering
                outlet.send(self._closing_metadata())
                await outlet.drained()
        finally:
            for task in (watching, answering):
                task.cancel()
            await self._hearing.aclose()
            await asyncio.wait({watching, answering})

    def _hear(self, pcm: bytes, outlet: SocketOutlet) -> None:
        seconds = len(pcm) / _SAMPLE_BYTES / self._rate
        self._simulator.record.audio_seconds += seconds
        for event in self._hearing.hear(pcm):
            if isinstance(event, Began) and self._vad_events:
                outlet.send({"type": "SpeechStarted", "channel": [0, 1], "timestamp": round(event.at, 3)})
        outlet.count(round(seconds * 1000))
        if self._interim and self._hearing.speaking and self._simulator.script_heard:
            self._tell_scripted(outlet)
        if self._words_open and self._utterance_end and self._hearing.silence >= self._utterance_end:
            self._words_open = False
            end = {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": round(self._last_word_end, 3)}
            outlet.send(end)

    def _obey(self, message: str) -> bool:
        """Do what a control message says; False when it ends the stream."""
        try:
            kind = str(json.loads(message).get("type"))
        except (ValueError, AttributeError):
            kind = ""
        if kind == "KeepAlive":
            self._simulator.record.keepalives += 1
        elif kind == "Finalize":
            self._simulator.record.finalizes += 1
            self._hearing.flush()
        return kind != "CloseStream"

    async def _answer(self, outlet: SocketOutlet) -> None:
        async for heard in self._hearing:
            if heard.final:
                due = heard.arrived + self._simulator.latencies.draw("stt_final")
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            elif not self._interim:
                continue
            self._tell(outlet, heard)
            if heard.words:
                self._last_word_end, self._words_open = heard.words[-1].end, True

    def _tell_scripted(self, outlet: SocketOutlet) -> None:
        """A guess at what a script makes be heard: decoding gives them by itself."""
        since, now = self._told_at, self._hearing.seconds
        if now - since < INTERIM_SECONDS:
            return
        first = self._simulator.script_heard[0].split(maxsplit=1)[:1]
        self._tell(
            outlet, Heard(tuple(HeardWord(word, since, now) for word in first), since, now, final=False)
        )

    def _tell(self, outlet: SocketOutlet, heard: Heard) -> None:
        self._told_at = self._hearing.seconds
        outlet.send(self._results(heard))

    def _results(self, heard: Heard) -> dict[str, Any]:
        return {
            "type": "Results",
            "channel_index": [0, 1],
            "start": round(heard.start, 3),
            "duration": round(heard.end - heard.start, 3),
            "is_final": heard.final,
            "speech_final": heard.final and not heard.asked,
            "from_finalize": heard.asked,
            "channel": {"alternatives": [_alternative(heard.words)]},
            "metadata": _metadata(self.request_id, self._model),
        }

    def _closing_metadata(self) -> dict[str, Any]:
        metadata = _metadata(self.request_id, self._model)
        return {"type": "Metadata", **metadata, "duration": round(self._hearing.seconds, 3), "channels": 1}


def _unfit(request: web.Request) -> str:
    """What is wrong with the options of a stream, "" where nothing is."""
    query = request.query
    if query.get("encoding", "linear16") != "linear16":
        return "Bad Request: the simulator takes encoding=linear16."
    if not query.get("sample_rate", "").isdigit() or int(query["sample_rate"]) < 8000:
        return "Bad Request: sample_rate must be given for raw audio."
    if query.get("channels", "1") != "1":
        return "Bad Request: the simulator takes one channel."
    if query.get("endpointing", "10") != "false" and not query.get("endpointing", "10").isdigit():
        return "Bad Request: endpointing must be false or milliseconds."
    if "utterance_end_ms" in query and query.get("interim_results") != "true":
        return "Bad Request: utterance_end_ms needs interim_results=true."
    return ""


def _alternative(words: tuple[HeardWord, ...]) -> dict[str, Any]:
    return {
        "transcript": " ".join(word.text for word in words),
        "confidence": _CONFIDENCE if words else 0.0,
        "words": [
            {
                "word": word.text.strip(".,;:!?").lower(),
                "punctuated_word": word.text,
                "start": round(word.start, 3),
                "end": round(word.end, 3),
                "confidence": _CONFIDENCE,
            }
            for word in words
        ],
    }


def _metadata(request_id: str, model: str) -> dict[str, Any]:
    version = str(uuid.uuid5(uuid.NAMESPACE_DNS, model))
    info = {"name": model, "version": "simulated", "arch": model.split("-", maxsplit=1)[0]}
    return {"request_id": request_id, "model_uuid": version, "model_info": info}
