"""OpenAI's transcription API: `POST /audio/transcriptions` with a WAV file.

Serves OpenAI and vLLM. Shapes are those of platform.openai.com/docs/api-reference/audio/createTranscription.
"""

from __future__ import annotations

import asyncio
import io
import wave

from aiohttp import web

from simulators.hearing import Heard, recognise
from simulators.server import RECEIVED, Simulator
from simulators.wire import json_answer

_SAMPLE_BYTES = 2


class Transcriptions:
    """The endpoint, as a part of a simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The route below `prefix`."""
        return [web.post(prefix + "/audio/transcriptions", self._transcribe)]

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        upload, options = form.get("file"), {k: v for k, v in form.items() if isinstance(v, str)}
        request[RECEIVED].body = options
        if not isinstance(upload, web.FileField) or not options.get("model"):
            return self._simulator.refusal(400, "you must provide a file and a model")
        try:
            with wave.open(io.BytesIO(upload.file.read())) as recording:
                rate, pcm = recording.getframerate(), recording.readframes(recording.getnframes())
        except (wave.Error, EOFError):
            return self._simulator.refusal(400, "Audio file might be corrupted or unsupported")
        seconds = len(pcm) / _SAMPLE_BYTES / rate
        self._simulator.record.audio_seconds += seconds
        wait = self._simulator.latencies.draw("stt_final")
        heard, _ = await asyncio.gather(
            recognise(pcm, rate, self._simulator.script_heard), asyncio.sleep(wait)
        )
        return await self._answer(request, heard, seconds, options.get("response_format", "json"))

    async def _answer(
        self, request: web.Request, heard: Heard, seconds: float, form: str
    ) -> web.StreamResponse:
        usage = {"type": "duration", "seconds": round(seconds)}
        if form == "text":
            return web.Response(text=heard.text + "\n")
        answer: dict[str, object] = {"text": heard.text, "usage": usage}
        if form == "verbose_json":
            words = [{"word": word.text, "start": word.start, "end": word.end} for word in heard.words]
            answer |= {"task": "transcribe", "language": "english", "duration": seconds, "words": words}
        return await json_answer(self._simulator, request, answer)
