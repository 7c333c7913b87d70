"""What pages are told of links that died: what it means for people, and who has taken over."""

from collections.abc import AsyncIterator

import pytest

from providers.chains.breaker import Breakers
from providers.chains.failures import Failure
from voice.services import services


@pytest.fixture
async def breakers() -> AsyncIterator[Breakers]:
    known = Breakers(
        {
            "stt": ("deepgram", "openai", "openai-batch"),
            "llm": ("perplexity", "openai"),
            "tts": ("cartesia", "local"),
        }
    )
    yield known
    await known.aclose()


DEAD = Failure("status 401", 401)


async def test_nothing_is_said_while_all_is_well(breakers: Breakers) -> None:
    assert services(breakers) == {}
    breakers.of("stt", "openai").failed(DEAD)  # the first link is well: nobody needs that one
    assert services(breakers) == {}


async def test_who_has_taken_over_is_said_by_its_name(breakers: Breakers) -> None:
    breakers.of("llm", "perplexity").failed(DEAD)
    breakers.of("tts", "cartesia").failed(DEAD)
    assert services(breakers) == {
        "Answers": "Perplexity does not answer; OpenAI answers now",
        "Voice": "Cartesia does not answer; this server speaks now",
    }


async def test_what_people_can_do_is_said_when_nobody_is_left(breakers: Breakers) -> None:
    for link in ("deepgram", "openai", "openai-batch"):
        breakers.of("stt", link).failed(DEAD)
    assert services(breakers) == {
        "Hearing": "Deepgram and OpenAI do not answer; nobody’s words are recognised; please type"
    }
    breakers.of("stt", "openai").worked()
    assert services(breakers) == {"Hearing": "Deepgram does not answer; OpenAI hears you now"}
