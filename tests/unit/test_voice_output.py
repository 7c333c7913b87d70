"""The moderator's mouth on a real audio source: what is held back is not lost."""

import asyncio

import numpy as np
import pytest
from livekit import rtc

from voice.output import SAMPLE_RATE, RoomVoice
from voice.spoken import SpokenCaptions


async def unseen(_segment_id: str, _text: str) -> None:
    return


class Segment:
    """A mouth with half a second of sound pushed into it."""

    def __init__(self) -> None:
        self.voice = RoomVoice(SpokenCaptions(before_shown=unseen))
        self.finished = asyncio.get_running_loop().create_future()
        self.voice.on("playback_finished", self.finished.set_result)
        self.voice.start()

    async def push(self, seconds: float = 0.5) -> None:
        sound = (np.ones(int(SAMPLE_RATE * seconds)) * 1000).astype(np.int16)
        await self.voice.capture_frame(rtc.AudioFrame(sound.tobytes(), SAMPLE_RATE, 1, len(sound)))
        self.voice.flush()

    async def until_played(self, seconds: float) -> None:
        while self.voice.playhead < seconds:  # noqa: ASYNC110 - the playhead is real time
            await asyncio.sleep(0.005)

    async def must_not_end_within(self, seconds: float) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.finished), seconds)


@pytest.fixture
async def segment():
    one = Segment()
    yield one
    await one.voice.aclose()


async def test_a_segment_plays_to_its_end(segment: Segment) -> None:
    await segment.push()
    event = await segment.finished
    assert event.playback_position == pytest.approx(0.5, abs=0.011)
    assert not event.interrupted


async def test_held_it_falls_silent_and_goes_on_with_the_frame_that_was_not_heard(segment: Segment) -> None:
    await segment.push()
    await segment.until_played(0.15)
    segment.voice.hold()
    await segment.must_not_end_within(0.6)
    assert segment.voice.playhead < 0.5
    assert segment.voice.playhead + len(segment.voice._frames) * 0.01 == pytest.approx(0.5, abs=0.021)
    segment.voice.go_on()
    event = await segment.finished
    assert event.playback_position == pytest.approx(0.5, abs=0.021)


async def test_the_frameworks_own_pause_changes_nothing(segment: Segment) -> None:
    segment.voice.pause()
    await segment.push(0.2)
    event = await segment.finished
    assert not event.interrupted


async def test_interrupted_it_ends_at_once_and_says_how_much_was_heard(segment: Segment) -> None:
    await segment.push()
    await segment.until_played(0.1)
    segment.voice.clear_buffer()
    event = await segment.finished
    assert event.interrupted
    assert 0.05 <= event.playback_position <= 0.25


async def test_interrupted_while_held_it_ends_too(segment: Segment) -> None:
    await segment.push()
    await segment.until_played(0.1)
    segment.voice.hold()
    segment.voice.clear_buffer()
    assert (await segment.finished).interrupted


async def test_speech_that_begins_while_held_stays_silent_until_it_may_go_on(segment: Segment) -> None:
    segment.voice.hold()
    await segment.push(0.1)
    await segment.must_not_end_within(0.3)
    assert segment.voice.playhead == 0.0
    segment.voice.go_on()
    await segment.finished


async def test_a_second_segment_waits_for_the_end_of_the_first(segment: Segment) -> None:
    await segment.push(0.1)
    segment.voice.off("playback_finished", segment.finished.set_result)
    ends: list[float] = []
    segment.voice.on("playback_finished", lambda event: ends.append(event.playback_position))
    await segment.push(0.2)
    await segment.voice.wait_for_playout()
    assert ends == [pytest.approx(0.1, abs=0.011), pytest.approx(0.2, abs=0.011)]


async def test_a_frame_of_silence_keeps_the_track_alive_and_is_no_speech(segment: Segment) -> None:
    segment.voice.keep_alive()
    await asyncio.gather(*segment.voice._silences)
    assert segment.voice._source.queued_duration > 0
    assert segment.voice.first_frame_at is None
    await segment.push(0.1)
    event = await segment.finished
    assert event.playback_position == pytest.approx(0.1, abs=0.011)
    assert segment.voice.captions.last_shown == ""


async def test_silence_is_not_put_between_words(segment: Segment) -> None:
    await segment.push(0.3)
    segment.voice.keep_alive()
    assert not segment.voice._silences
    assert (await segment.finished).playback_position == pytest.approx(0.3, abs=0.011)
