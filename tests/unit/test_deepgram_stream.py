"""Deepgram's stream: which of the server's results answer a flush, and what happens where none does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from livekit import rtc
from livekit.agents import APIConnectOptions, stt

from providers.chains.failures import LinkFailed
from providers.deepgram_stream import (
    SILENCE_SETTLES_SECONDS,
    WORDS_SETTLE_SECONDS,
    DeepgramStream,
    DeepgramSTT,
    result_of,
)
from providers.event_socket import event_of
from rehearsal.virtual_time import run_virtually

ONCE = APIConnectOptions(max_retry=0, timeout=2.0)


class _Offline(DeepgramStream):
    """Has no server: what one says is passed to `_process_stream_event`, as the plugin does."""

    async def _run(self) -> None:
        await asyncio.Event().wait()


class Heard:
    """A stream without a server, and what it tells: (kind, text, seconds since the last flush)."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        plugin = DeepgramSTT(api_key="a-key", http_session=session)
        self.stream = _Offline(
            stt=plugin,
            conn_options=ONCE,
            opts=plugin._sanitize_options(),
            api_key="a-key",
            http_session=session,
            base_url="http://127.0.0.1:9",
        )
        self.told: list[tuple[str, str, float]] = []
        self.loop = asyncio.get_running_loop()
        self._flushed = self.loop.time()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.stream:
            kind = "final" if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT else "so far"
            self.told.append((kind, event.alternatives[0].text, round(self.loop.time() - self._flushed, 2)))

    def push(self, seconds: float) -> None:
        samples = round(seconds * 16_000)
        self.stream.push_frame(rtc.AudioFrame(bytes(samples * 2), 16_000, 1, samples))

    async def flush(self) -> None:
        self.stream.flush()
        self._flushed = self.loop.time()
        await asyncio.sleep(0.01)

    async def says(
        self, text: str, start: float, end: float, *, final: bool = True, asked: bool = False
    ) -> None:
        event = {
            "type": "Results", "start": start, "duration": end - start, "is_final": final,
            "speech_final": False, "from_finalize": asked,
            "channel": {"alternatives": [{"transcript": text, "confidence": 0.9, "words": []}]},
            "metadata": {"request_id": "r"},
        }  # fmt: skip
        self.stream._process_stream_event(event)
        await asyncio.sleep(0.01)

    @property
    def finals(self) -> list[tuple[str, float]]:
        return [(text, at) for kind, text, at in self.told if kind == "final"]

    async def aclose(self) -> None:
        await self.stream.aclose()
        await self._reading


def heard_test(run: Callable[[Heard], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with aiohttp.ClientSession() as session:
            heard = Heard(session)
            try:
                await run(heard)
            finally:
                await heard.aclose()

    run_virtually(whole())


def test_finals_of_the_servers_own_pauses_are_joined_until_the_flush_is_answered():
    async def run(heard: Heard) -> None:
        heard.push(3.0)
        await heard.says("Ada", 0.0, 1.0, final=False)
        await heard.says("Ada, please", 0.0, 1.2)
        await heard.says("come to", 1.2, 2.0, final=False)
        assert [text for _, text, _ in heard.told] == ["Ada", "Ada, please", "Ada, please come to"]
        await heard.flush()
        assert heard.finals == []
        await heard.says("come to order.", 1.2, 3.0, asked=True)
        assert heard.finals == [("Ada, please come to order.", 0.01)]

    heard_test(run)


def test_an_answer_without_words_ends_the_passage_too():
    async def run(heard: Heard) -> None:
        heard.push(2.0)
        await heard.says("Yes.", 0.0, 1.0)
        await heard.flush()
        await heard.says("", 1.0, 2.0, asked=True)
        heard.push(1.0)
        await heard.flush()
        await heard.says("", 2.0, 3.0, asked=True)
        assert [text for text, _ in heard.finals] == ["Yes.", ""]

    heard_test(run)


def test_finals_that_cover_all_that_was_sent_need_no_answer_and_a_late_one_answers_nothing_else():
    async def run(heard: Heard) -> None:
        heard.push(2.0)
        await heard.says("Yes.", 0.0, 1.9)
        await heard.flush()
        assert heard.finals == [("Yes.", 0.0)]
        heard.push(1.0)
        await heard.flush()
        await heard.says("", 1.9, 2.0, asked=True)
        assert len(heard.finals) == 1, "that was the first flush's"
        await heard.says("No.", 2.0, 3.0, asked=True)
        assert [text for text, _ in heard.finals] == ["Yes.", "No."]

    heard_test(run)


def test_words_that_are_final_wait_a_little_for_an_answer_that_does_not_come():
    async def run(heard: Heard) -> None:
        heard.push(2.0)
        await heard.says("Yes.", 0.0, 1.0)
        await heard.says("", 1.0, 1.5, final=False)
        await heard.flush()
        await asyncio.sleep(5.0)
        assert heard.finals == [("Yes.", WORDS_SETTLE_SECONDS)]
        heard.push(2.0)
        await heard.says("No,", 2.0, 2.6)
        await heard.flush()
        await asyncio.sleep(5.0)
        assert len(heard.finals) == 1, "more may have been said after the last report"
        await heard.says("never.", 2.6, 4.0, asked=True)
        assert [text for text, _ in heard.finals] == ["Yes.", "No, never."]

    heard_test(run)


def test_words_that_still_run_are_waited_for():
    async def run(heard: Heard) -> None:
        heard.push(2.0)
        await heard.says("Yes", 0.0, 1.0, final=False)
        await heard.flush()
        await asyncio.sleep(5.0)
        assert heard.finals == []
        await heard.says("Yes.", 0.0, 2.0, asked=True)
        assert [text for text, _ in heard.finals] == ["Yes."]

    heard_test(run)


def test_silence_is_believed_only_from_a_server_that_told_that_it_listens():
    async def run(heard: Heard) -> None:
        heard.push(1.5)
        await heard.says("", 0.0, 1.0, final=False)
        await heard.flush()
        await asyncio.sleep(5.0)
        assert heard.finals == [("", SILENCE_SETTLES_SECONDS)]
        heard.push(1.5)
        await heard.flush()
        await asyncio.sleep(60.0)
        assert len(heard.finals) == 1, "it may be dead: the chain asks another"

    heard_test(run)


def test_words_of_the_next_passage_say_that_the_flush_before_will_not_be_answered():
    async def run(heard: Heard) -> None:
        heard.push(1.0)
        await heard.flush()
        heard.push(2.0)
        await heard.says("Next", 1.0, 2.5, final=False)
        assert [told[:2] for told in heard.told] == [("final", ""), ("so far", "Next")]

    heard_test(run)


def test_a_flush_without_sound_is_answered_in_its_turn():
    async def run(heard: Heard) -> None:
        await heard.flush()
        assert heard.finals == [("", 0.0)]
        heard.push(1.0)
        await heard.flush()
        await heard.flush()
        assert len(heard.finals) == 1
        await heard.says("Yes.", 0.0, 1.0, asked=True)
        assert [text for text, _ in heard.finals] == ["", "Yes.", ""]

    heard_test(run)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "Error"},
        {"type": "Results"},
        {"type": "Results", "channel": "x"},
        {"type": 1, "start": 0},
    ],
)
def test_what_cannot_be_read_is_refused(event: dict[str, Any]):
    if event.get("type") == 1:
        assert result_of(event) is None
        return
    with pytest.raises(LinkFailed):
        result_of(event)


@pytest.mark.parametrize("text", ["<html>", "[]", '"a"', ""])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(LinkFailed):
        event_of(aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, None))
