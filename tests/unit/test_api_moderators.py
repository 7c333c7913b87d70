"""One room, one debate, one moderator: whoever asks, however often, in whatever order."""

import asyncio
import json

import pytest

from api import moderators as module
from api.debate_data import DebateData
from api.moderators import Limits, Moderators, Offer
from errors import Unavailable
from tests.api_memory_livekit import AWAY, MemoryLiveKit

LIMITS = Limits(empty_timeout_seconds=360, departure_timeout_seconds=120, max_participants=104)
START = 1_800_000_000.0


class World:
    """A LiveKit and as many web services as a test wants, on one wall clock."""

    def __init__(self) -> None:
        self.wall = START
        self.livekit = MemoryLiveKit(lambda: self.wall)

    def service(self) -> Moderators:
        return Moderators(self.livekit, LIMITS, lambda: self.wall)


def offer(topic: str = "Cities without cars", **changes: str) -> Offer:
    return Offer(
        **{"room_name": "hall", "topic": topic, "persona": "time-keeper", "format": "oxford", **changes}
    )


@pytest.fixture
def world() -> World:
    return World()


async def test_opening_makes_the_room_and_calls_the_moderator_with_the_debate(world: World) -> None:
    opened = await world.service().open(offer(host="Ada"))
    held = world.livekit.held["hall"]
    (dispatch,) = held.dispatches
    job = json.loads(dispatch.metadata)
    assert opened.launched
    assert job["topic"] == "Cities without cars"
    assert {key: job[key] for key in ("persona", "room_name", "format", "host")} == {
        "persona": "time-keeper",
        "room_name": "hall",
        "format": "oxford",
        "host": "Ada",
    }
    assert job["debate_id"] == opened.debate.debate_id == json.loads(held.room.metadata)["debate_id"]
    assert (held.spec.empty_timeout_seconds, held.spec.departure_timeout_seconds) == (360, 120)
    assert held.spec.max_participants == 104


async def test_opening_again_changes_nothing(world: World) -> None:
    first = await world.service().open(offer())
    again = await world.service().open(offer("Something else", persona="topic-expert"))
    assert again.debate == first.debate
    assert not again.launched
    assert world.livekit.made("create_dispatch") == 0


@pytest.mark.parametrize("exists", [False, True])
async def test_fifty_calls_on_two_services_make_one_moderator(world: World, exists: bool) -> None:
    one, other = world.service(), world.service()
    if exists:
        await one.make_room("hall")
    opened = await asyncio.gather(*((one, other)[n % 2].open(offer(f"Topic {n}")) for n in range(50)))
    assert len({each.debate.debate_id for each in opened}) == 1
    assert len(world.livekit.held["hall"].dispatches) == 1
    assert DebateData.from_json(world.livekit.held["hall"].room.metadata) == opened[-1].debate


async def test_an_end_that_a_leaving_moderator_wrote_over_is_marked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = world.service()
    await service.open(offer())
    running = world.livekit.held["hall"].room.metadata
    world.livekit.join_moderator("hall")
    seen_off = service._see_off

    async def leaves_late(name: str) -> None:
        await world.livekit.set_metadata(name, running)  # with its state, of a moment ago
        world.livekit.leave(name, "agent-1")
        await seen_off(name)

    monkeypatch.setattr(service, "_see_off", leaves_late)
    assert await service.stop("hall")
    held = DebateData.from_json(world.livekit.held["hall"].room.metadata)
    assert held is not None
    assert held.ended_at


async def test_a_dispatch_on_its_way_is_waited_for(world: World) -> None:
    await world.service().open(offer())
    world.wall += 9.9
    assert not (await world.service().open(offer())).launched


async def test_a_dispatch_that_brought_nobody_is_replaced_and_the_debate_goes_on(world: World) -> None:
    first = await world.service().open(offer())
    (dead,) = world.livekit.held["hall"].dispatches
    world.wall += 10.1
    again = await world.service().open(offer("Other"))
    (alive,) = world.livekit.held["hall"].dispatches
    assert again.launched
    assert alive.id != dead.id
    assert again.debate == first.debate


async def test_a_moderator_that_is_there_needs_no_other_however_old_its_dispatch(world: World) -> None:
    await world.service().open(offer())
    world.livekit.join_moderator("hall")
    world.wall += 3600
    assert not (await world.service().open(offer())).launched
    assert (await world.service().look("hall")).status == "active"


async def test_another_agent_in_the_room_is_no_moderator(world: World) -> None:
    await world.service().open(offer())
    world.livekit.join("hall", "agent-x", kind="agent")
    state = await world.service().look("hall")
    assert state.moderator is None
    assert state.humans == ()
    assert state.status == "dispatched"


async def test_of_a_ghost_and_its_successor_the_later_one_is_the_moderator(world: World) -> None:
    await world.service().open(offer())
    world.livekit.join_moderator("hall", "agent-ghost")
    world.livekit.join_moderator("hall", "agent-new")
    moderator = (await world.service().look("hall")).moderator
    assert moderator is not None
    assert moderator.identity == "agent-new"


async def test_stopping_ends_the_debate_and_the_next_one_is_another(world: World) -> None:
    service = world.service()
    first = await service.open(offer())
    assert await service.stop("hall")
    assert world.livekit.held["hall"].dispatches == []
    assert (await service.look("hall")).status == "inactive"
    second, third = await asyncio.gather(service.open(offer("Next")), world.service().open(offer("Next")))
    assert second.debate.debate_id == third.debate.debate_id != first.debate.debate_id
    assert second.debate.topic == "Next"
    assert len(world.livekit.held["hall"].dispatches) == 1


async def test_stopping_where_nothing_is_says_so(world: World) -> None:
    assert not await world.service().stop("hall")
    await world.service().make_room("hall")
    assert not await world.service().stop("hall")


async def test_a_moderator_that_will_not_leave_is_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAVING_SECONDS", 0.0)
    service = world.service()
    await service.open(offer())
    world.livekit.join_moderator("hall")
    assert await service.stop("hall")
    assert world.livekit.held["hall"].people == {}


async def test_replacing_is_only_for_the_dispatch_that_was_seen_dead(world: World) -> None:
    service = world.service()
    await service.open(offer())
    (dead,) = world.livekit.held["hall"].dispatches
    assert await service.replace("hall", dead.id)
    assert not await world.service().replace("hall", dead.id)
    assert world.livekit.made("create_dispatch") == 1


async def test_a_stopped_debate_is_not_taken_up_again_by_replacing(world: World) -> None:
    service = world.service()
    await service.open(offer())
    await service.stop("hall")
    assert not await service.replace("hall", "")
    assert world.livekit.made("create_dispatch") == 0


async def test_the_newest_dispatch_is_the_truth_and_the_room_mirrors_it(world: World) -> None:
    service = world.service()
    first = await service.open(offer())
    # Somebody else's worker called one for another debate meanwhile.
    other = DebateData("hall", "01a202f2-4be6-715c-857f-5c1b491a083d", "Other", "topic-expert", "oxford", "")
    await world.livekit.create_dispatch("hall", other.to_json())
    assert (await service.open(offer())).debate == other != first.debate
    assert DebateData.from_json(world.livekit.held["hall"].room.metadata) == other


async def test_foreign_metadata_is_no_debate(world: World) -> None:
    service = world.service()
    await service.make_room("hall")
    for text in ("{", "[]", '{"debate_id": 3}', '{"debate_id": ""}', "plain"):
        await world.livekit.set_metadata("hall", text)
        assert (await service.look("hall")).debate is None


async def test_a_moderator_called_by_hand_shows_its_debate(world: World) -> None:
    service = world.service()
    await service.make_room("hall")
    world.livekit.join_moderator("hall", sage_debate_id="d-1", sage_topic="Tea", sage_persona="time-keeper")
    debate = (await service.look("hall")).debate
    assert debate is not None
    assert (debate.debate_id, debate.topic, debate.persona) == ("d-1", "Tea", "time-keeper")


async def test_livekit_away_is_told_and_leaves_nothing_half_done(world: World) -> None:
    world.livekit.failure = AWAY
    with pytest.raises(Unavailable):
        await world.service().open(offer())
    world.livekit.failure = None
    assert (await world.service().open(offer())).launched
