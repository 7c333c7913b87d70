"""The voice chain of real plugins against simulators: whatever the first link suffers, every word is heard once."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from livekit.agents import utils
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT

from personas.registry import load_registry
from providers.chains.breaker import LinkChange
from providers.chains.build import Chains
from providers.chains.plan import plan_chains
from providers.chains.tts import ChainTTS
from settings import load_settings
from simulators.engines import load_engines
from simulators.faults import IN_STREAM, Fault
from simulators.fleet import Fleet
from simulators.hearing import recognise
from simulators.latency import INSTANT, MEDIANS, LatencyProfile

TEXT = "The moderator should give the floor to the second speaker now. Please answer the question of the first one."
NEXT = "Whose turn is it?"
CHAINS = (("cartesia", "openai"), ("openai", "local"), ("chatterbox", "cartesia"))
MIDWAY = 60_000  # bytes: 1.25 s of sound, in the middle of the first sentence
ATTEMPT = 0.9


@dataclass
class Heard:
    """One reply as it came."""

    pcm: bytes
    captions: str
    first_ms: float
    longest_gap: float
    """Seconds without any sound to play."""


async def listen(chain: ChainTTS, text: str) -> Heard:
    began = time.monotonic()
    pcm, captions, first, until, gap = b"", "", 0.0, 0.0, 0.0
    async with chain.stream() as stream, asyncio.timeout(60):
        for word in text.split():
            stream.push_text(word + " ")
        stream.end_input()
        async for audio in stream:
            now = time.monotonic()
            first = first or now - began
            gap = max(gap, now - until) if until else gap
            until = max(until, now) + audio.frame.duration
            pcm += bytes(audio.frame.data)
            captions += "".join(audio.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, []))
    return Heard(pcm, captions, first * 1000, gap)


def words(text: str) -> list[str]:
    return "".join(letter for letter in text.lower() if letter.isalnum() or letter == " ").split()


async def words_in(pcm: bytes) -> list[str]:
    quiet = bytes(9600)
    return words((await recognise(quiet + pcm + quiet, 24_000)).text)


@contextlib.asynccontextmanager
async def debate(
    *links: str, latency: LatencyProfile = INSTANT
) -> AsyncIterator[tuple[Fleet, Chains, ChainTTS]]:
    """A chain of its own simulators, with nothing learnt from another test."""
    vendors = [link for link in links if link != "local"]
    async with Fleet(*vendors, latency=latency) as fleet:
        about = {"tts_chain": ",".join(links), "tts_attempt_ms": int(ATTEMPT * 1000), **fleet.settings()}
        settings = load_settings(**about)
        chains = Chains(plan_chains(settings), settings)
        chain = chains.tts(load_registry().get("neutral-facilitator"))
        try:
            yield fleet, chains, chain
        finally:
            await chain.aclose()
            await chains.aclose()


@pytest.fixture(autouse=True)
async def _sessions() -> AsyncIterator[None]:
    await load_engines()
    async with utils.http_context.open():
        yield


async def all_at_once(cases: list[Coroutine[Any, Any, str]], limit: int = 4) -> list[str]:
    """What each case found wrong."""
    places = asyncio.Semaphore(limit)

    async def one(case: Coroutine[Any, Any, str]) -> str:
        async with places:
            return await case

    return [wrong for wrong in await asyncio.gather(*(one(case) for case in cases)) if wrong]


def faults_of(fleet: Fleet, link: str) -> list[Fault]:
    """All that a voice can have: OpenAI's close frames are of its recogniser."""
    without = {Fault.NONE} if link == "cartesia" else {Fault.NONE, Fault.CLOSES}
    return sorted(fleet[link].faults - without)


@pytest.mark.parametrize("links", CHAINS, ids="-".join)
async def test_a_link_that_is_dead_from_the_start_is_not_heard_and_costs_one_attempt(links):
    first, second = links
    async with debate(second) as (_, _, alone):
        healthy = await listen(alone, TEXT)

    async def case(fault: Fault) -> str:
        async with debate(*links) as (fleet, chains, chain):
            await fleet[first].set_fault(fault, retry_after=5.0)
            heard = await listen(chain, TEXT)
            use = chain.last_use
            again = await listen(chain, NEXT)
            wrong = []
            if heard.pcm != healthy.pcm:
                wrong.append(f"{len(heard.pcm)} bytes, not the {len(healthy.pcm)} of {second} alone")
            if heard.captions != TEXT or chain.generated_text != NEXT:
                wrong.append(f"captions {heard.captions!r}")
            if use is None or (use.link, use.switched) != (second, True):
                wrong.append(f"used {use}")
            if chain.last_use is None or chain.last_use.switched or again.captions != NEXT:
                wrong.append("the next turn asked it again")
            if heard.first_ms > (ATTEMPT + 2.0) * 1000:
                wrong.append(f"first sound after {heard.first_ms:.0f} ms")
            if not chains.breakers.of("tts", first).open:
                wrong.append("its breaker is closed")
            return f"{fault}: {', '.join(wrong)}" if wrong else ""

    async with Fleet(first) as fleet:
        faults = faults_of(fleet, first)
    # a drip that begins in time is a voice that dies in mid-sentence
    assert not await all_at_once([case(fault) for fault in faults if fault is not Fault.SLOW_DRIP], limit=6)


@pytest.mark.parametrize("links", CHAINS, ids="-".join)
async def test_a_link_that_dies_in_mid_sentence_is_followed_at_the_very_word(links):
    first = links[0]
    async with debate(first) as (_, _, alone):
        healthy = await words_in((await listen(alone, TEXT)).pcm)

    async def case(fault: Fault) -> str:
        async with debate(*links, latency=MEDIANS) as (fleet, _, chain):
            await fleet[first].set_fault(fault, after=MIDWAY)
            heard = await listen(chain, TEXT)
            said = await words_in(heard.pcm)
            wrong = []
            if said != healthy:
                wrong.append(f"heard {' '.join(said)!r}")
            if heard.captions != TEXT or chain.spoken_text != TEXT or chain.unvoiced:
                wrong.append(f"captions {heard.captions!r}, spoken {chain.spoken_text!r}")
            if chain.last_use is None or chain.last_use.link != links[1]:
                wrong.append(f"used {chain.last_use}")
            if heard.longest_gap > 3.0:
                wrong.append(f"silent for {heard.longest_gap:.1f} s")
            return f"{fault}: {', '.join(wrong)}" if wrong else ""

    async with Fleet(first) as fleet:
        faults = [fault for fault in faults_of(fleet, first) if fault in IN_STREAM]
    assert not await all_at_once([case(fault) for fault in faults], limit=3)


async def test_a_socket_that_died_idle_costs_neither_a_switch_nor_a_breaker():
    async with debate("cartesia", "openai") as (fleet, chains, chain):
        healthy = await listen(chain, TEXT)
        fleet["cartesia"].reset_connections()
        heard = await listen(chain, TEXT)
        assert heard.pcm == healthy.pcm
        assert chain.last_use is not None
        assert (chain.last_use.link, chain.last_use.switched) == ("cartesia", False)
        assert not chains.breakers.down()


async def test_after_a_barge_in_the_next_turn_has_its_socket_already():
    async with debate("cartesia", latency=MEDIANS) as (fleet, _, chain):
        async with chain.stream() as stream:
            stream.push_text(TEXT)
            await anext(stream)
        async with asyncio.timeout(10):
            while fleet["cartesia"].record.sockets_opened < 2:  # noqa: ASYNC110 - a record has no event
                await asyncio.sleep(0.01)
        await listen(chain, NEXT)
        assert fleet["cartesia"].record.sockets_opened == 2


async def test_a_link_is_back_after_its_probe(monkeypatch):
    monkeypatch.setattr("providers.chains.breaker.PROBE_SECONDS", 0.1)
    for links in CHAINS[:2]:
        async with debate(*links) as (fleet, chains, chain):
            breaker = chains.breakers.of("tts", links[0])
            back = asyncio.Event()

            def note(change: LinkChange, back: asyncio.Event = back) -> None:
                if change.up:
                    back.set()

            chains.breakers.listen(note)
            await fleet[links[0]].set_fault(Fault.OVERLOADED)
            await listen(chain, NEXT)
            assert breaker.open
            await fleet[links[0]].heal()
            async with asyncio.timeout(20):
                await back.wait()
            await listen(chain, NEXT)
            assert chain.last_use is not None
            assert chain.last_use.link == links[0]


async def test_without_any_voice_the_words_are_shown_and_one_healthy_turn_makes_it_whole():
    async with debate("cartesia", "openai") as (fleet, chains, chain):
        for vendor in ("cartesia", "openai"):
            await fleet[vendor].set_fault(Fault.REFUSES)
        heard = await listen(chain, TEXT)
        assert heard.captions == TEXT
        assert chain.unvoiced == TEXT
        assert len(heard.pcm) < 4800
        assert chain.last_use is not None
        assert chain.last_use.link == ""
        await fleet["openai"].heal()
        assert (await listen(chain, NEXT)).captions == NEXT
        assert chain.last_use.link == "openai"
        assert [breaker.link for breaker in chains.breakers.down()] == ["cartesia"]


async def test_a_new_persona_is_a_new_voice_on_the_same_breakers():
    async with debate("openai", "local") as (fleet, chains, chain):
        old = await listen(chain, NEXT)
        other = chains.tts(load_registry().get("devils-advocate"))
        await chain.aclose()
        new = await listen(other, NEXT)
        assert new.captions == old.captions
        assert new.pcm != old.pcm
        await fleet["openai"].set_fault(Fault.SERVER_ERROR)
        await listen(other, NEXT)
        assert chains.breakers.of("tts", "openai").open
        await other.aclose()
