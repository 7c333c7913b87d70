"""A breaker in virtual time: opens with the first failure, asks cheaply, closes with the first answer, says so once."""

import asyncio

import pytest
from livekit.agents import APIConnectionError, APIError, APIStatusError, APITimeoutError

from providers.chains.attempt import Attempt, Tries
from providers.chains.breaker import PROBE_SECONDS, RELAPSE_PROBE_SECONDS, Breakers, LinkChange
from providers.chains.failures import TIMED_OUT, Failure, LinkFailed, failure_of
from providers.openai_client import seconds_of
from rehearsal.virtual_time import run_virtually

DEAD = Failure("status 503", 503)


class Vendor:
    """What a probe finds: dead until told otherwise."""

    def __init__(self) -> None:
        self.alive = False
        self.asked: list[float] = []

    async def probe(self) -> None:
        self.asked.append(asyncio.get_running_loop().time())
        if not self.alive:
            raise APIConnectionError("still away")


def test_a_dead_link_is_asked_until_it_is_back_and_every_change_is_told_once() -> None:
    async def run() -> None:
        breakers = Breakers({"llm": ("one", "two")})
        changes: list[LinkChange] = []
        breakers.listen(changes.append)
        vendor, breaker = Vendor(), breakers.of("llm", "one")
        breaker.probe = vendor.probe
        breaker.failed(DEAD)
        breaker.failed(DEAD)
        assert breakers.living("llm") == ("two",)
        await asyncio.sleep(PROBE_SECONDS * 2.5)
        assert len(vendor.asked) == 2
        vendor.alive = True
        await asyncio.sleep(PROBE_SECONDS)
        assert breakers.living("llm") == ("one", "two")
        assert [(one.up, one.using) for one in changes] == [(False, "two"), (True, "one")]
        assert changes[0].reason == "status 503"
        await breakers.aclose()

    run_virtually(run())


def test_a_link_that_relapses_is_asked_less_often_but_within_half_a_minute() -> None:
    async def run() -> None:
        breakers = Breakers({"llm": ("one",)})
        vendor, breaker = Vendor(), breakers.of("llm", "one")
        breaker.probe = vendor.probe
        vendor.alive = True
        breaker.failed(DEAD)
        await asyncio.sleep(PROBE_SECONDS + 1)
        assert breakers.down() == ()
        breaker.failed(DEAD)
        await asyncio.sleep(RELAPSE_PROBE_SECONDS - 1)
        assert breakers.down() == (breaker,)
        await asyncio.sleep(2)
        assert breakers.down() == ()
        assert RELAPSE_PROBE_SECONDS < 30
        await breakers.aclose()

    run_virtually(run())


def test_a_vendors_own_wait_is_kept() -> None:
    async def run() -> None:
        breakers = Breakers({"tts": ("one",)})
        vendor, breaker = Vendor(), breakers.of("tts", "one")
        breaker.probe = vendor.probe
        began = asyncio.get_running_loop().time()
        breaker.failed(Failure("status 429", 429, retry_after=60.0))
        await asyncio.sleep(61)
        assert vendor.asked == [began + 60.0]
        await breakers.aclose()

    run_virtually(run())


def test_a_probe_that_hangs_is_given_up_and_asked_again() -> None:
    async def run() -> None:
        breakers = Breakers({"tts": ("one",)})
        asked = 0

        async def hang() -> None:
            nonlocal asked
            asked += 1
            await asyncio.Event().wait()

        breaker = breakers.of("tts", "one")
        breaker.probe = hang
        breaker.failed(DEAD)
        await asyncio.sleep(60)
        assert asked == 4
        await breakers.aclose()

    run_virtually(run())


def test_an_answer_in_use_closes_it_and_ends_the_asking() -> None:
    async def run() -> None:
        breakers = Breakers({"stt": ("one",)})
        vendor, breaker = Vendor(), breakers.of("stt", "one")
        breaker.probe = vendor.probe
        breaker.failed(DEAD)
        breaker.worked()
        await asyncio.sleep(100)
        assert vendor.asked == []
        await breakers.aclose()

    run_virtually(run())


@pytest.mark.parametrize(
    ("error", "reason", "again"),
    [
        (APITimeoutError(), TIMED_OUT, False),
        (TimeoutError(), TIMED_OUT, False),
        (APIStatusError("who are you", status_code=401), "status 401", False),
        (APIStatusError("slow", status_code=429), "status 429", True),
        (APIStatusError("oh", status_code=503), "status 503", True),
        (APIStatusError("bye", status_code=1011), "closed with code 1011", False),
        (APIConnectionError("secret words"), "the connection failed", False),
        (APIError("secret words"), "it answered with an error", False),
        (LinkFailed("no words"), "no words", False),
        (RuntimeError("secret words"), "failed (RuntimeError)", False),
    ],
)
def test_what_an_exception_says_of_its_link(error: Exception, reason: str, again: bool) -> None:
    failure = failure_of(error)
    assert (failure.reason, failure.may_try_again) == (reason, again)


def test_remedies_name_the_settings() -> None:
    assert Failure("status 401", 401).remedy("llm", "openai") == "check OPENAI_API_KEY"
    assert "STT_CHAIN" in Failure("status 402", 402).remedy("stt", "openai-batch")
    assert "CARTESIA_BASE_URL" in Failure("the connection failed").remedy("tts", "cartesia")
    assert Failure("status 503", 503).remedy("llm", "openai") == ""
    assert Failure("status 404", 404).remedy("tts", "openai") == "check OPENAI_TTS_MODEL and OPENAI_BASE_URL"
    assert Failure("status 401", 401).remedy("stt", "voxtral") == (
        "look at that server's log, or take voxtral out of STT_CHAIN"
    )


def test_what_the_client_refused_counts_more_than_what_the_plugin_made_of_it() -> None:
    noted = Attempt(retry_after=3.0, refused="it answered with text/html")
    assert failure_of(APIConnectionError("?"), noted).reason == "it answered with text/html"
    assert failure_of(APIStatusError("slow", status_code=429), Attempt(retry_after=3.0)).retry_after == 3.0


def test_waits_grow_with_jitter_and_end_where_they_do_not_fit() -> None:
    waits = [Tries().wait(None, 10.0) for _ in range(50)]
    assert all(wait is not None and 0.05 <= wait <= 0.15 for wait in waits)
    assert len(set(waits)) > 1
    tries = Tries()
    grown = [tries.wait(None, 10.0) for _ in range(4)]
    assert [wait is not None for wait in grown] == [True, True, True, False]
    assert Tries().wait(2.0, 1.0) is None
    assert Tries().wait(0.5, 1.0) == 0.5


def test_retry_after_is_a_number_or_a_date() -> None:
    assert seconds_of("1.5") == 1.5
    assert seconds_of("-3") == 0.0
    assert seconds_of("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert seconds_of("soon") is None
    assert seconds_of("") is None
