"""Nine minutes of debate in virtual time, with links of every chain failing at random (bench/endurance.py)."""

import asyncio
import logging
import threading

import pytest

from bench.endurance import Hall, Notes, _Errors, debate, lost_and_doubled
from rehearsal.moderated import spoken
from rehearsal.virtual_time import VirtualTimeLoop

HOURS = 0.15


@pytest.fixture(scope="module", params=[2])
def run(request: pytest.FixtureRequest) -> tuple[Hall, Notes, list[str]]:
    spoken("Warm.")  # the voice's thread is the process's own
    before = set(threading.enumerate())
    notes = Notes()
    handler = _Errors(notes)
    logging.getLogger().addHandler(handler)
    loop = VirtualTimeLoop()
    try:
        hall = loop.run_until_complete(debate(HOURS, request.param, notes))
        left = [task.get_name() for task in asyncio.all_tasks(loop)]
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
        logging.getLogger().removeHandler(handler)
    left += [
        one.name for one in threading.enumerate() if one not in before and not one.name.startswith("asyncio_")
    ]
    return hall, notes, left


def test_no_exception_reaches_the_room_whatever_link_fails(run: tuple[Hall, Notes, list[str]]) -> None:
    hall, notes, _ = run
    assert sum(sum(weather.struck.values()) for weather in hall.chains.weathers) > 10
    assert notes.errors == []
    assert hall.failures == []


def test_no_word_is_lost_and_none_is_doubled(run: tuple[Hall, Notes, list[str]]) -> None:
    hall, _, _ = run
    for name, said in hall.said.items():
        assert lost_and_doubled(said, hall.store.heard.get(name, [])) == (0, 0)


def test_every_question_has_an_answer(run: tuple[Hall, Notes, list[str]]) -> None:
    hall, _, _ = run
    asked = sum("Moderator," in word for words in hall.said.values() for word in words)
    answers = [text for signal, text in hall.turns if signal == "addressed"]
    assert len(answers) == asked > 0
    assert all(answers)


def test_nothing_is_left_behind(run: tuple[Hall, Notes, list[str]]) -> None:
    assert run[2] == []
