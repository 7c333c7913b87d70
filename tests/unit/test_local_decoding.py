"""Whose decode comes first on the one thread that decodes."""

import asyncio
import threading

import numpy as np
import pytest

from providers.local.moonshine import DecodeQueue, Urgency, tidied


class Scripted:
    """A recogniser that holds each decode until it is let go, and remembers the order."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)

    def __call__(self, samples: np.ndarray) -> str:
        name = chr(int(samples[0]))
        self.begun.release()
        assert self.go.acquire(timeout=10)
        self.order.append(name)
        if name == "!":
            raise RuntimeError("the model refuses")
        return name


def audio(name: str):
    return lambda: np.array([ord(name)], dtype=np.float32)


@pytest.fixture
def model():
    return Scripted()


@pytest.fixture
def queue(model):
    queue = DecodeQueue(model)
    yield queue
    for _ in range(20):
        model.go.release()
    queue.close()


async def begun(model: Scripted) -> None:
    assert await asyncio.to_thread(model.begun.acquire, timeout=10)


async def test_finals_come_before_segments_before_preflights_before_interims(model, queue):
    running = queue.submit(Urgency.INTERIM, audio("0"))
    await begun(model)
    waiting = [
        queue.submit(urgency, audio(name))
        for urgency, name in (
            (Urgency.INTERIM, "i"), (Urgency.PREFLIGHT, "p"), (Urgency.SEGMENT, "s"), (Urgency.FINAL, "f"),
            (Urgency.FINAL, "g"),
        )
    ]  # fmt: skip
    for _ in range(6):
        model.go.release()
    assert await running.done == "0"
    assert [await decode.done for decode in waiting] == ["i", "p", "s", "f", "g"]
    assert model.order == ["0", "f", "g", "s", "p", "i"]


async def test_a_preflight_that_became_the_final_moves_up(model, queue):
    running = queue.submit(Urgency.FINAL, audio("0"))
    await begun(model)
    preflight = queue.submit(Urgency.PREFLIGHT, audio("p"))
    segment = queue.submit(Urgency.SEGMENT, audio("s"))
    queue.hurry(preflight, Urgency.FINAL)
    for _ in range(3):
        model.go.release()
    await asyncio.gather(running.done, preflight.done, segment.done)
    assert model.order == ["0", "p", "s"]


async def test_a_cancelled_decode_is_never_done(model, queue):
    running = queue.submit(Urgency.FINAL, audio("0"))
    await begun(model)
    given_up = queue.submit(Urgency.FINAL, audio("x"))
    last = queue.submit(Urgency.FINAL, audio("1"))
    given_up.cancel()
    model.go.release()
    model.go.release()
    assert [await running.done, await last.done] == ["0", "1"]
    assert model.order == ["0", "1"]


async def test_a_decode_that_fails_tells_the_one_who_waits_and_no_other(model, queue):
    bad, good = queue.submit(Urgency.FINAL, audio("!")), queue.submit(Urgency.FINAL, audio("g"))
    model.go.release()
    model.go.release()
    with pytest.raises(RuntimeError, match="refuses"):
        await bad.done
    assert await good.done == "g"


async def test_interims_rest_after_their_share_of_a_core_and_finals_do_not():
    now = [0.0]
    order: list[str] = []

    def half_a_second(samples: np.ndarray) -> str:
        now[0] += 0.5
        order.append(chr(int(samples[0])))
        return order[-1]

    queue = DecodeQueue(half_a_second, interim_share=0.5, clock=lambda: now[0])
    try:
        await queue.submit(Urgency.INTERIM, audio("a")).done
        second = queue.submit(Urgency.INTERIM, audio("b"))
        await queue.submit(Urgency.FINAL, audio("f")).done
        await second.done
    finally:
        queue.close()
    assert order == ["a", "f", "b"]


async def test_closing_cancels_what_still_waits(model):
    queue = DecodeQueue(model)
    running = queue.submit(Urgency.FINAL, audio("0"))
    await begun(model)
    waiting = queue.submit(Urgency.FINAL, audio("1"))
    model.go.release()
    queue.close()
    assert await running.done == "0"
    with pytest.raises(asyncio.CancelledError):
        await waiting.done
    with pytest.raises(RuntimeError, match="closed"):
        queue.submit(Urgency.FINAL, audio("2"))


def test_punctuation_that_the_model_writes_twice_is_written_once():
    assert tidied("Hey, Sage,, what are we talking about?") == "Hey, Sage, what are we talking about?"
    assert tidied("Wait... 3:45, yes") == "Wait... 3:45, yes"
