"""OpenAI: chat, speech, transcription and realtime transcription on one port, as the vendor has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from simulators import realtime
from simulators.chat import ChatSimulator
from simulators.faults import ON_ANY_SERVER, Close, Fault
from simulators.realtime import Realtime
from simulators.speech import Speech, html_event
from simulators.transcription import Transcriptions


class OpenAISimulator(ChatSimulator):
    """Cut after so many tokens of chat, bytes of speech, or milliseconds of audio heard; `FaultSetting.path` says
    which of them has a fault."""

    vendor = "openai"
    unit = "tokens sent (chat), bytes of audio sent (speech), milliseconds of audio heard (realtime)"
    faults = ON_ANY_SERVER | {Fault.KEEPALIVES_ONLY, Fault.NOT_AUDIO, Fault.ERROR_MESSAGE, Fault.CLOSES}
    closes: ClassVar[Mapping[str, Close]] = realtime.CLOSES

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._parts = (Speech(self), Transcriptions(self), Realtime(self))

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), *(route for part in self._parts for route in part.routes(self.base_path))]

    def error_message(self) -> str:
        return realtime.error_event()

    def html_event(self) -> str:
        return html_event()
