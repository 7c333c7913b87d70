"""What is said while a moderator enters a room waits for its ears: no word of it is lost."""

import asyncio
from typing import Any

import pytest
from livekit import api, rtc

from launcher.livekit_server import RunningServer
from providers.chains.build import Chains
from providers.chains.plan import plan_chains
from providers.prewarm import load_models
from rehearsal.debater import Debater
from rehearsal.moderated import spoken
from rehearsal.web import Entry
from settings import Settings
from voice.ears import Ear
from voice.hearing import Hearing
from voice.utterance import Utterance

pytestmark = [pytest.mark.livekit, pytest.mark.usefixtures("livekit_server"), pytest.mark.timeout(120)]


class Heard:
    """A listener that keeps what was uttered."""

    def __init__(self) -> None:
        self.words = asyncio.Queue[str]()

    def speech_started(self, ear: Ear, onset_at: float, at: float) -> None: ...
    def speech_heard(self, ear: Ear, at: float) -> None: ...
    def speech_ended(self, ear: Ear, seconds: float, at: float) -> None: ...
    def words_so_far(self, ear: Ear, utterance: Utterance) -> None: ...
    def uttered(self, ear: Ear, utterance: Utterance, silence: float) -> None:
        if utterance.text:
            self.words.put_nowait(utterance.text)


def token(server: RunningServer, room: str, identity: str, kind: Any) -> str:
    made = api.AccessToken(server.api_key, server.api_secret).with_identity(identity).with_kind(kind)
    return made.with_grants(api.VideoGrants(room_join=True, room=room, agent=kind == "agent")).to_jwt()


async def test_words_that_were_begun_before_the_ears_are_open_are_heard(
    livekit_server: RunningServer, room_name: str
) -> None:
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    plan = plan_chains(settings)
    models, recogniser, heard = load_models(settings, plan), Chains(plan, settings).stt(), Heard()
    url, room, ana = livekit_server.url, rtc.Room(), Debater("Ana", seed=1)
    await ana.join(Entry("ana", "Ana", url, token(livekit_server, room_name, "ana", "standard")))
    await room.connect(url, token(livekit_server, room_name, "agent-x", "agent"))
    subscribed = asyncio.Event()
    room.on("track_subscribed", lambda *_: subscribed.set())
    hearing = Hearing(room, models, recogniser, settings, listener=heard)
    hearing.attend()
    for person in room.remote_participants.values():
        if any(one.subscribed and one.track is not None for one in person.track_publications.values()):
            subscribed.set()
    try:
        await asyncio.wait_for(subscribed.wait(), 10)
        playback = ana.play(0, spoken("The first argument is about the air that all of us have to breathe."))
        await asyncio.wait_for(playback.done.wait(), 10)
        hearing.start()
        said = await asyncio.wait_for(heard.words.get(), 30)
        assert "first argument" in said
        assert "breathe" in said
    finally:
        await hearing.aclose()
        await recogniser.aclose()
        await ana.leave()
        await room.disconnect()
