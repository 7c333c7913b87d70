"""The moderator's captions by the playhead: no room is needed, the words shown are told at the end."""

from livekit.agents.types import TimedString

from voice.spoken import SpokenCaptions


class Journal:
    """Remembers what was written before it was shown."""

    def __init__(self) -> None:
        self.written: list[str] = []

    async def __call__(self, _segment_id: str, text: str) -> None:
        self.written.append(text)


async def captions_of(text: str, audio_seconds: float) -> SpokenCaptions:
    captions = SpokenCaptions(before_shown=Journal())
    await captions.capture_text(text)
    captions.flush()
    captions.audio_seconds = audio_seconds
    captions.audio_done = True
    return captions


async def test_a_reply_that_was_heard_to_its_end_is_shown_whole() -> None:
    captions = await captions_of("You have the floor, Ana.", 2.0)
    assert captions.finish(2.0, interrupted=False) == "You have the floor, Ana."


async def test_an_interrupted_reply_ends_with_the_last_word_heard() -> None:
    captions = await captions_of("one two three four", 2.0)
    captions.advance(1.0)
    assert captions.finish(1.0, interrupted=True) == "one two"


async def test_word_times_of_the_voice_decide_where_it_tells_them() -> None:
    captions = SpokenCaptions(before_shown=Journal())
    await captions.capture_text(TimedString("slow ", start_time=0.0, end_time=3.0))
    await captions.capture_text(TimedString("fast", start_time=3.0, end_time=3.2))
    captions.flush()
    captions.audio_seconds, captions.audio_done = 3.2, True
    captions.advance(1.0)
    assert captions.finish(2.9, interrupted=True) == "slow"


async def test_tokens_that_cut_words_are_joined() -> None:
    captions = SpokenCaptions(before_shown=Journal())
    for token in ("Hel", "lo An", "a, you", " may go."):
        await captions.capture_text(token)
    assert captions.finish(9.0, interrupted=False) == "Hello Ana, you may go."


async def test_words_without_a_voice_are_shown_at_once() -> None:
    captions = SpokenCaptions(before_shown=Journal())
    await captions.capture_text("Nobody lends me a voice.")
    captions.flush()
    assert captions.finish_unheard() == "Nobody lends me a voice."
    assert captions.finish_unheard() == ""


async def test_each_word_is_in_the_journal_before_it_is_shown() -> None:
    journal = Journal()
    captions = SpokenCaptions(before_shown=journal)
    captions.start(None)
    await captions.capture_text("You have the floor.")
    captions.flush()
    captions.audio_seconds, captions.audio_done = 1.0, True
    captions.advance(0.6)
    captions.finish(1.0, interrupted=False)
    await captions.aclose()
    assert journal.written == ["You have the floor."]


async def test_a_reply_never_heard_shows_nothing() -> None:
    captions = await captions_of("one two", 1.0)
    assert captions.finish(0.0, interrupted=True) == ""
