"""The watcher calls another moderator where one is overdue, and only there. Its time is an argument."""

import pytest

from api.moderators import Moderators, Offer
from api.watch import Watcher
from tests.api_memory_livekit import AWAY, MemoryLiveKit
from tests.unit.test_api_moderators import LIMITS, START

OFFER = Offer("hall", "Cities without cars", "time-keeper", "oxford")


class Watched:
    """One room with a debate, one watcher, and how often a moderator was called after the first time."""

    def __init__(self) -> None:
        self.livekit = MemoryLiveKit(lambda: START)
        self.moderators = Moderators(self.livekit, LIMITS, lambda: START)
        self.watcher = Watcher(self.livekit, self.moderators)

    async def sweep(self, *times: float) -> int:
        for now in times:
            await self.watcher.sweep(now)
        return self.livekit.made("create_dispatch")


@pytest.fixture
async def watched() -> Watched:
    made = Watched()
    await made.moderators.open(OFFER)
    return made


async def test_a_dispatch_without_an_agent_is_replaced_after_ten_seconds(watched: Watched) -> None:
    watched.livekit.join("hall", "ada")
    assert await watched.sweep(0, 5, 9.9) == 0
    assert await watched.sweep(10) == 1
    assert len(watched.livekit.held["hall"].dispatches) == 1


async def test_a_refused_dispatch_is_tried_again_sooner_then_more_patiently(watched: Watched) -> None:
    watched.livekit.worker = False
    await watched.moderators.replace("hall", watched.livekit.held["hall"].dispatches[0].id)
    watched.livekit.calls.clear()
    assert await watched.sweep(0, 2.9) == 0
    assert await watched.sweep(3) == 1
    assert await watched.sweep(4, 9.9) == 1
    assert await watched.sweep(10) == 2
    assert await watched.sweep(11, 20, 21) == 3


async def test_a_job_that_is_slow_to_start_gets_more_time_each_time(watched: Watched) -> None:
    watched.livekit.join("hall", "ada")
    assert await watched.sweep(0, 10) == 1
    assert await watched.sweep(11, 30.9) == 1
    assert await watched.sweep(31) == 2
    watched.livekit.join_moderator("hall")
    await watched.sweep(32)
    watched.livekit.leave("hall", "agent-1")
    assert await watched.sweep(33, 43) == 3


async def test_a_moderator_that_comes_back_within_the_time_is_left_alone(watched: Watched) -> None:
    watched.livekit.join("hall", "ada")
    await watched.sweep(0, 9)
    watched.livekit.join_moderator("hall")
    await watched.sweep(10)
    watched.livekit.leave("hall", "agent-1")
    assert await watched.sweep(11, 20.9) == 0
    assert await watched.sweep(21) == 1


async def test_a_moderator_that_left_an_empty_room_is_not_called_back(watched: Watched) -> None:
    watched.livekit.join_moderator("hall")
    await watched.sweep(0)
    watched.livekit.leave("hall", "agent-1")
    assert await watched.sweep(1, 60) == 0
    watched.livekit.join("hall", "ada")
    assert await watched.sweep(61, 72) == 1


async def test_a_moderator_that_never_came_is_called_again_also_into_an_empty_room(watched: Watched) -> None:
    assert await watched.sweep(0, 10) == 1


async def test_rooms_without_a_debate_and_stopped_ones_are_left_alone(watched: Watched) -> None:
    await watched.moderators.stop("hall")
    await watched.moderators.make_room("lobby")
    for room in ("hall", "lobby"):
        watched.livekit.join(room, "ada")
    assert await watched.sweep(0, 100) == 0


async def test_another_instances_dispatch_gets_its_own_time(watched: Watched) -> None:
    watched.livekit.join("hall", "ada")
    await watched.sweep(0, 9)
    await watched.moderators.replace("hall", watched.livekit.held["hall"].dispatches[0].id)
    watched.livekit.calls.clear()
    assert await watched.sweep(10, 19.9) == 0
    assert await watched.sweep(20) == 1


async def test_what_it_remembers_ends_with_the_room(watched: Watched) -> None:
    watched.livekit.join("hall", "ada")
    await watched.sweep(0)
    watched.livekit.end_room("hall")
    await watched.sweep(5)
    await watched.moderators.open(OFFER)
    watched.livekit.join("hall", "ada")
    watched.livekit.calls.clear()
    assert await watched.sweep(11, 20.9) == 0


async def test_the_task_outlives_livekits_absence_and_ends_when_asked(watched: Watched) -> None:
    watched.livekit.failure = AWAY
    watched.livekit.asked.clear()
    watched.watcher.start()
    await watched.livekit.asked.wait()
    await watched.watcher.aclose()
    await watched.watcher.aclose()
