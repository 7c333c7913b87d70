"""The speech recognition chain in virtual time: who hears what, for how long, and what is told when links fail."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, APIStatusError, stt

from providers.chains import closing
from providers.chains.attempt import Deadlines
from providers.chains.breaker import PROBE_SECONDS, Breakers, LinkChange
from providers.chains.passages import MOST_SECONDS, SAMPLE_SECONDS, Passage
from providers.chains.speech_stream import CLOSE_SECONDS, LONGEST_STREAM_SECONDS, ChainSpeechStream
from providers.chains.stt import ChainSTT, SpeechLink
from rehearsal.virtual_time import run_virtually
from tests.unit.scripted_stt import Final, Flushed, Heard, ScriptedSTT, Step, Words

DEADLINES = Deadlines(attempt=0.9, chain=3.0)
HOLD = 30.0
FRAME_SECONDS = 0.1
DEAD = APIConnectionError("dead")
Told = tuple[str, str, float]
"""("interim" or "final", text, seconds since the last flush or the beginning)."""


def frame() -> rtc.AudioFrame:
    samples = round(16_000 * FRAME_SECONDS)
    return rtc.AudioFrame(bytes(samples * 2), 16_000, 1, samples)


class Ear:
    """One person: speaks in virtual time, and notes what the chain tells."""

    def __init__(self, chain: ChainSTT) -> None:
        self.stream: ChainSpeechStream = chain.stream()
        self.told: list[Told] = []
        self.loop = asyncio.get_running_loop()
        self.since = self.loop.time()
        self._came = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.stream:
            kind = {"interim_transcript": "interim", "final_transcript": "final"}[event.type.value]
            self.told.append((kind, event.alternatives[0].text, round(self.loop.time() - self.since, 2)))
            self._came.set()

    def push(self, seconds: float) -> None:
        """At once."""
        for _ in range(round(seconds / FRAME_SECONDS)):
            self.stream.push_frame(frame())

    async def speak(self, seconds: float) -> None:
        """At the pace of speech."""
        for _ in range(round(seconds / FRAME_SECONDS)):
            self.stream.push_frame(frame())
            await asyncio.sleep(FRAME_SECONDS)

    def flush(self) -> None:
        self.stream.flush()
        self.since = self.loop.time()

    @property
    def finals(self) -> list[tuple[str, float]]:
        return [(text, at) for kind, text, at in self.told if kind == "final"]

    async def final(self, number: int = 1) -> tuple[str, float]:
        """The final with that number: (text, seconds after the flush)."""
        async with asyncio.timeout(60):
            while len(self.finals) < number:
                self._came.clear()
                await self._came.wait()
        return self.finals[number - 1]

    async def aclose(self) -> None:
        await self.stream.aclose()
        await self._reading


class Bench:
    """A chain of scripted links and what its room would see of it."""

    def __init__(self, *recognisers: ScriptedSTT, local_last: bool = False) -> None:
        self.recognisers = recognisers
        names = [f"link{number}" for number, _ in enumerate(recognisers)]
        self.breakers = Breakers({"stt": names})
        self.changes: list[LinkChange] = []
        self.breakers.listen(self.changes.append)
        links = [
            SpeechLink(name, each, self.breakers.of("stt", name))
            for name, each in zip(names, recognisers, strict=True)
        ]
        if local_last:
            links[-1] = SpeechLink("local", recognisers[-1], None)
        self.chain = ChainSTT(links, DEADLINES, HOLD)
        self.ear = Ear(self.chain)

    def down(self) -> list[str]:
        return [each.link for each in self.breakers.down()]

    def heard(self, link: int) -> list[list[float]]:
        """Seconds of each passage, by stream of a link."""
        return [stream.passages for stream in self.recognisers[link].streams]

    async def aclose(self) -> None:
        await self.ear.aclose()
        await self.chain.aclose()
        await self.breakers.aclose()
        assert not any(each.unscripted for each in self.recognisers), "a link was asked once too often"
        assert not any(each.open_streams for each in self.recognisers)


def chain_test(
    *scripts: Sequence[Sequence[Step] | Exception],
    run: Callable[[Bench], Awaitable[None]],
    interims: bool = True,
    local_last: bool = False,
) -> None:
    async def whole() -> None:
        each = [
            ScriptedSTT(*streams, name=f"m{number}", interims=interims)
            for number, streams in enumerate(scripts)
        ]
        bench = Bench(*each, local_last=local_last)
        try:
            await run(bench)
        finally:
            await bench.aclose()

    run_virtually(whole())


GOOD: list[Step] = [Heard(0.5), Words("Hello"), Flushed(), 0.2, Final("Hello there.")]
SECOND: list[Step] = [Flushed(), 0.2, Final("Hello there.")]


def test_a_link_that_works_is_passed_through_at_once_and_no_other_is_asked():
    async def run(bench: Bench) -> None:
        await bench.ear.speak(1.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 0.2)
        assert [told[:2] for told in bench.ear.told] == [("interim", "Hello"), ("final", "Hello there.")]
        use = bench.ear.stream.last_use
        assert use is not None
        assert (use.link, round(use.first_ms or 0), use.switched) == ("link0", 200, False)
        assert bench.heard(0) == [[1.0, 0.0]]

    chain_test([GOOD], [], run=run)


@pytest.mark.parametrize("how", [[DEAD], DEAD], ids=["at connecting", "at opening"])
def test_a_link_that_is_dead_is_followed_at_once_and_costs_the_next_passage_nothing(how):
    async def run(bench: Bench) -> None:
        await bench.ear.speak(1.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 0.2)
        assert bench.down() == ["link0"]
        assert bench.changes[0].using == "link1"
        await bench.ear.speak(1.0)
        bench.ear.flush()
        assert await bench.ear.final(2) == ("Again.", 0.3)
        assert bench.heard(1) == [[1.0, 1.0, 0.0]], "one stream, and all of the sound"
        use = bench.ear.stream.last_use
        assert use is not None
        assert not use.switched

    chain_test([how], [[*SECOND, Flushed(2), 0.3, Final("Again.")]], run=run)


def test_a_link_that_is_cut_in_mid_utterance_loses_no_word_and_doubles_none():
    async def run(bench: Bench) -> None:
        await bench.ear.speak(2.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 0.2)
        assert [told[:2] for told in bench.ear.told] == [
            ("interim", "Hello"), ("interim", "Hello the"), ("final", "Hello there."),
        ]  # fmt: skip
        assert bench.heard(1) == [[2.0, 0.0]], "from the beginning"

    cut = APIStatusError("cut", status_code=1006)
    chain_test(
        [[Heard(0.5), Words("Hello"), Heard(1.0), cut]],
        [[Heard(1.5), Words("Hello the"), Flushed(), 0.2, Final("Hello there.")]],
        run=run,
    )


def test_all_passages_that_wait_for_their_finals_are_heard_again_in_order():
    async def run(bench: Bench) -> None:
        await bench.ear.speak(1.0)
        bench.ear.flush()
        bench.ear.push(0.5)
        bench.ear.flush()
        bench.ear.push(0.3)
        assert (await bench.ear.final(2))[0] == "Two."
        bench.ear.flush()
        assert (await bench.ear.final(3))[0] == "Three."
        assert [text for text, _ in bench.ear.finals] == ["One.", "Two.", "Three."]
        assert bench.heard(1) == [[1.0, 0.5, 0.3, 0.0]]

    chain_test(
        [[Flushed(2), 0.1, DEAD]],
        [[Flushed(2), Final("One."), 0.1, Final("Two."), Flushed(3), Final("Three.")]],
        run=run,
    )


def test_a_link_that_is_late_with_a_final_is_overtaken_and_then_dead():
    async def run(bench: Bench) -> None:
        await bench.ear.speak(1.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 1.1)
        assert bench.down() == ["link0"]
        assert bench.breakers.down()[0].failure is not None
        assert bench.heard(1) == [[1.0, 0.0]]
        await bench.ear.speak(1.0)
        bench.ear.flush()
        assert await bench.ear.final(2) == ("Two.", 0.1)

    chain_test([[Heard(0.5), Words("Hello")]], [[*SECOND, Flushed(2), 0.1, Final("Two.")]], run=run)


LATE: list[Step] = [Flushed(), 1.0, Final("Hello there.")]


def test_a_link_that_is_late_but_first_is_left_for_one_that_need_not_be():
    async def run(bench: Bench) -> None:
        await bench.ear.speak(1.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 1.0)
        assert bench.down() == ["link0"]
        await bench.ear.speak(1.0)
        bench.ear.flush()
        assert await bench.ear.final(2) == ("Two.", 0.1)
        assert len(bench.ear.finals) == 2

    late_too: list[Step] = [*SECOND, Flushed(2), 0.1, Final("Two.")]
    chain_test([LATE], [late_too], run=run)


def test_a_link_that_is_late_keeps_its_place_where_the_other_one_is_known_to_be_slower():
    async def run(bench: Bench) -> None:
        for number in (1, 2):
            bench.ear.push(1.0)
            bench.ear.flush()
            assert (await bench.ear.final(number))[0] == "Hello there."
            await asyncio.sleep(PROBE_SECONDS + 5.0)
        assert [(each.link, each.up) for each in bench.changes] == [("link0", False), ("link0", True)]

    back: list[Step] = [Flushed(), 0.1, Final("Back.")]
    slow: list[Step] = [Flushed(), 1.2, Final("Hello there.")]
    chain_test([[DEAD], back, LATE], [slow, slow], run=run, local_last=True)


def test_a_link_that_is_late_keeps_its_place_where_the_other_one_fails():
    async def run(bench: Bench) -> None:
        bench.ear.push(1.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 1.0)
        assert bench.down() == []

    chain_test([LATE], [[DEAD]], run=run, local_last=True)


def test_a_link_that_slackens_within_its_time_costs_one_turn_and_stays():
    async def run(bench: Bench) -> None:
        for number, took in enumerate((0.2, 0.8, 0.1, 0.2, 0.2), start=1):
            bench.ear.push(1.0)
            bench.ear.flush()
            assert await bench.ear.final(number) == (f"{number}.", took)
            await asyncio.sleep(2.0)
        assert bench.changes == []

    turns = enumerate((0.2, 0.8, 0.7, 0.2, 0.2), start=1)
    steps: list[Step] = [step for each, took in turns for step in (Flushed(each), took, Final(f"{each}."))]
    other: list[list[Step]] = [
        [Flushed(), late, Final(text)] for late, text in ((0.5, "2."), (0.1, "3."), (0.3, "4."))
    ]
    chain_test([steps], other, run=run)


def test_a_link_that_was_late_is_back_with_a_final_in_its_time_and_no_sooner():
    async def run(bench: Bench) -> None:
        bench.ear.push(1.0)
        bench.ear.flush()
        await bench.ear.final()
        for probes in (1, 2):
            assert bench.down() == ["link0"], f"probe {probes} has not been"
            await asyncio.sleep(PROBE_SECONDS + 2.0)
        assert bench.down() == []

    drip: list[Step] = [Words("He"), Flushed(), 1.9, Final("Hello there.")]
    chain_test([LATE, drip, [Flushed(), 1.0, Final("Hello there.")]], [SECOND], run=run)


def test_a_link_that_hears_and_says_nothing_is_followed_while_the_person_still_speaks():
    async def run(bench: Bench) -> None:
        await bench.ear.speak(3.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 0.2)
        assert bench.down() == [], "it has its time for a final"
        await asyncio.sleep(0.8)
        assert bench.down() == ["link0"]
        assert bench.heard(1) == [[3.0, 0.0]]

    chain_test([[]], [[Words(), Heard(2.5), Words("Hello"), *SECOND]], run=run)


def test_a_link_that_falls_silent_later_is_doubted_from_its_last_word_on():
    async def run(bench: Bench) -> None:
        await bench.ear.speak(2.4)
        assert bench.recognisers[1].streams == []
        await bench.ear.speak(0.2)
        assert len(bench.recognisers[1].streams) == 1
        bench.ear.flush()
        await bench.ear.final()

    chain_test([[Heard(1.0), Words("Hello")]], [[Words(), *SECOND]], run=run)


def test_one_that_was_overtaken_but_answers_in_its_time_stays():
    async def run(bench: Bench) -> None:
        await bench.ear.speak(2.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 0.2)
        await asyncio.sleep(2.0)
        assert bench.down() == []
        await bench.ear.speak(1.0)
        bench.ear.flush()
        assert await bench.ear.final(2) == ("Two.", 0.1)
        assert len(bench.ear.finals) == 2

    late: list[Step] = [Flushed(), 0.7, Final("Hello there."), Flushed(2), 0.1, Final("Two.")]
    chain_test([late], [[Words(), *SECOND]], run=run)


def test_a_link_that_promises_no_interims_may_be_silent_while_a_person_speaks():
    async def run(bench: Bench) -> None:
        await bench.ear.speak(9.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 0.2)

    chain_test([SECOND], [], run=run, interims=False)


def test_a_cough_kills_no_link():
    async def run(bench: Bench) -> None:
        bench.ear.push(0.5)
        bench.ear.flush()
        assert await bench.ear.final() == ("", 0.1)
        bench.ear.push(0.5)
        bench.ear.flush()
        assert await bench.ear.final(2) == ("", 1.2), "both have said so"
        bench.ear.push(0.5)
        bench.ear.flush()
        assert await bench.ear.final(3) == ("", 3.0), "only one has, and the time is over"
        assert bench.changes == []

    first: list[Step] = [Flushed(), 0.1, Final(""), Flushed(2), 1.2, Final(""), Words(), Flushed(3), Words()]
    chain_test([first], [[Flushed(), 0.1, Final("")], [Flushed(), 0.1, Final("")]], run=run)


def test_an_empty_final_is_not_believed_while_another_link_listens():
    async def run(bench: Bench) -> None:
        bench.ear.push(1.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 1.4)
        assert bench.changes == []

    chain_test([[Flushed(), 1.0, Final("")]], [[Flushed(), 0.5, Final("Hello there.")]], run=run)


def test_when_the_time_is_over_the_words_so_far_are_the_final():
    async def run(bench: Bench) -> None:
        await bench.ear.speak(1.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello over", 3.0)
        assert bench.down() == ["link0", "link1"]
        assert bench.changes[-1].using == ""

    chain_test(
        [[Heard(0.5), Words("Hello")]], [[Words("Hello over")]], run=run
    )  # fmt: skip


def test_with_all_links_dead_each_is_asked_again_and_one_that_answers_is_back():
    async def run(bench: Bench) -> None:
        await bench.ear.speak(1.0)
        bench.ear.flush()
        text, seconds = await bench.ear.final()
        assert text == ""
        assert seconds < 1.0, "nobody is waited for"
        assert bench.down() == ["link0", "link1"]
        await bench.ear.speak(1.0)
        bench.ear.flush()
        assert await bench.ear.final(2) == ("Hello there.", 0.2)
        assert bench.down() == ["link0"]

    chain_test([[DEAD]] * 8, [*([[DEAD]] * 7), SECOND], run=run)


def test_the_only_link_is_asked_again_for_what_it_was_cut_in():
    async def run(bench: Bench) -> None:
        await bench.ear.speak(1.0)
        assert bench.down() == ["link0"]
        await bench.ear.speak(1.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 0.2)
        assert bench.down() == []
        assert bench.heard(0)[1] == [2.0, 0.0]

    chain_test([[Heard(0.5), DEAD], SECOND], run=run)


def test_a_flush_without_sound_has_an_empty_final_in_its_turn_and_asks_nobody():
    async def run(bench: Bench) -> None:
        bench.ear.flush()
        assert await bench.ear.final() == ("", 0.0)
        assert bench.recognisers[0].streams == []
        bench.ear.push(1.0)
        bench.ear.flush()
        bench.ear.flush()
        assert [text for text, _ in [await bench.ear.final(number) for number in (1, 2, 3)]] == [
            "",
            "Hello there.",
            "",
        ]

    chain_test([SECOND], run=run)


def test_a_stream_is_opened_by_speech_and_closed_after_silence():
    async def run(bench: Bench) -> None:
        await asyncio.sleep(100.0)
        assert bench.recognisers[0].streams == []
        for number in (1, 2):
            bench.ear.push(1.0)
            bench.ear.flush()
            await bench.ear.final(number)
            await asyncio.sleep(HOLD - 0.1)
            assert bench.recognisers[0].open_streams == 1
        await asyncio.sleep(0.2)
        assert bench.recognisers[0].open_streams == 0
        bench.ear.push(1.0)
        bench.ear.flush()
        assert await bench.ear.final(3) == ("Hello there.", 0.2)
        assert bench.changes == []

    chain_test([[*SECOND, Flushed(2), Final("Two.")], SECOND], run=run)


def test_a_stream_that_ends_between_two_passages_is_no_failure():
    async def run(bench: Bench) -> None:
        for number in (1, 2):
            bench.ear.push(1.0)
            bench.ear.flush()
            assert await bench.ear.final(number) == ("Hello there.", 0.2)
            await asyncio.sleep(2.0)
        assert bench.changes == []

    chain_test([[*SECOND, 1.0, DEAD], SECOND], [], run=run)


def test_an_old_stream_is_renewed_between_two_passages():
    async def run(bench: Bench) -> None:
        for number in range(1, 101):
            bench.ear.push(1.0)
            bench.ear.flush()
            assert (await bench.ear.final(number))[0] == "Hello there."
            await asyncio.sleep(LONGEST_STREAM_SECONDS / 90)
        assert len(bench.recognisers[0].streams) == 2

    again = [step for number in range(1, 101) for step in (Flushed(number), Final("Hello there."))]
    chain_test([again, again], run=run)


def test_what_one_persons_stream_found_dead_is_not_asked_by_the_next_passage_of_another():
    async def run(bench: Bench) -> None:
        other = Ear(bench.chain)
        other.push(1.0)
        other.flush()
        assert (await other.final())[0] == "Mine."
        bench.ear.push(1.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 0.2)
        assert bench.down() == ["link0"]
        other.push(1.0)
        other.flush()
        assert await other.final(2) == ("Mine too.", 0.2)
        await asyncio.sleep(0)
        assert bench.recognisers[0].open_streams == 0
        await other.aclose()

    chain_test(
        [[Flushed(), Final("Mine.")], [DEAD]],
        [SECOND, [Flushed(), 0.2, Final("Mine too.")]],
        run=run,
    )


def test_a_better_link_that_is_back_is_used_from_the_next_passage_on():
    async def run(bench: Bench) -> None:
        bench.ear.push(1.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 0.2)
        await asyncio.sleep(PROBE_SECONDS + 1.0)
        assert bench.down() == []
        assert bench.heard(0)[1] == [1.0, 0.0], "the probe"
        bench.ear.push(1.0)
        bench.ear.flush()
        assert await bench.ear.final(2) == ("Back.", 0.1)

    chain_test([[DEAD], [Flushed(), 0.5, Words()], [Flushed(), 0.1, Final("Back.")]], [SECOND], run=run)


def test_a_probe_plays_the_beginning_of_what_the_link_failed_on_until_it_answers():
    async def run(bench: Bench) -> None:
        await bench.ear.speak(4.0)
        bench.ear.flush()
        await bench.ear.final()
        await asyncio.sleep(PROBE_SECONDS - 5.0)
        assert bench.heard(0) == [[0.1]], "cut before the first word was over"
        for probe in (1, 2):
            assert bench.down() == ["link0"]
            await asyncio.sleep(PROBE_SECONDS + 3.0)
            assert bench.heard(0)[probe] == [SAMPLE_SECONDS, 0.0]
        assert bench.down() == []

    chain_test([[Heard(0.1), DEAD], [], [Flushed(), Final("Hello")]], [[Words(), *GOOD]], run=run)


def test_a_link_of_this_process_has_all_the_time_it_takes():
    async def run(bench: Bench) -> None:
        bench.ear.push(1.0)
        bench.ear.flush()
        assert await bench.ear.final() == ("Hello there.", 12.0)
        assert bench.chain.last_use is not None
        assert bench.chain.last_use.link == "local"
        assert bench.down() == ["link0"]

    chain_test([[]], [[Flushed(), 11.1, Final("Hello there.")]], run=run, local_last=True)


def test_a_link_of_this_process_that_fails_is_followed_too():
    async def run(bench: Bench) -> None:
        bench.ear.push(1.0)
        bench.ear.flush()
        assert (await bench.ear.final())[0] == "Hello there."
        assert bench.changes == []

    chain_test([[Flushed(), DEAD], SECOND], run=run, local_last=True)


def test_closing_waits_for_no_link():
    async def run(bench: Bench) -> None:
        loop = asyncio.get_running_loop()
        bench.recognisers[0].never_closes = True
        bench.ear.push(1.0)
        await asyncio.sleep(0.1)
        before = loop.time()
        await bench.ear.aclose()
        assert loop.time() - before <= CLOSE_SECONDS + 0.01
        await bench.chain.aclose()
        assert loop.time() - before <= closing.CLOSE_SECONDS + 0.01

    chain_test([[]], run=run)


def test_the_end_of_input_is_a_flush_and_the_stream_ends_with_its_final():
    async def run(bench: Bench) -> None:
        bench.ear.push(1.0)
        bench.ear.stream.end_input()
        bench.ear.since = asyncio.get_running_loop().time()
        assert await bench.ear.final() == ("Hello there.", 0.2)
        await asyncio.wait_for(bench.ear._reading, timeout=1.0)
        with pytest.raises(RuntimeError):
            bench.ear.push(0.1)

    chain_test([SECOND], run=run)


async def run_recognise(bench: Bench) -> None:
    event = await bench.chain.recognize([frame()] * 10)
    assert event.type is stt.SpeechEventType.FINAL_TRANSCRIPT
    assert event.alternatives[0].text == "Hello there."


def test_a_recording_is_recognised_by_the_same_chain():
    chain_test([[DEAD]], [SECOND], run=run_recognise)


def test_sound_of_a_passage_is_kept_up_to_a_minute_the_newest_of_it():
    passage = Passage(0.0)
    kept = [frame() for _ in range(round(MOST_SECONDS / FRAME_SECONDS) + 50)]
    for each in kept:
        passage.add(each)
    assert passage.seconds == pytest.approx(MOST_SECONDS, abs=2 * FRAME_SECONDS)
    assert list(passage.frames) == kept[-len(passage.frames) :]
    assert sum(each.duration for each in passage.sample()) == pytest.approx(SAMPLE_SECONDS)
