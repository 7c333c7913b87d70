"""What the pages and the web service read of the moderator's state, in the order in which the room gets it."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from livekit import rtc
from pydantic import SecretStr

from debate.debate import Debate
from debate.events import Commanded, FactChecked, FactChecksChanged, Joined, Tick, Uttered
from debate.fact_checks import NO_SOURCE
from debate.sources import Source
from memory import DebateRecord, Journal, uuid7
from personas.registry import load_registry
from settings import Settings
from signing import ACK_ATTRIBUTE, TOPIC, sign
from voice.deliberation import Deliberation
from voice.page import MAX_STATE_BYTES, Page

REGISTRY = load_registry()
SECRET = "a-secret-of-tests-that-is-long-enough"


class SlowAttributes(rtc.LocalParticipant):
    """The room's own participant: the server gets updates in the order of the calls, and answers after `let_go`."""

    def __init__(self) -> None:
        self.updates: list[dict[str, str]] = []
        self.asked = asyncio.Event()
        self.acknowledged = asyncio.Event()
        self.let_go = asyncio.Event()
        self.refuses = False
        self.sent: asyncio.Queue[tuple[str, dict[str, Any], list[str] | None]] = asyncio.Queue()

    def __del__(self) -> None:
        """Without a native handle there is nothing to give back."""

    def register_rpc_method(
        self, method_name: str, handler: Callable[..., Any] | None = None
    ) -> Any:  # the page's own RPC is tested against the real server
        return handler

    async def set_attributes(self, attributes: dict[str, str]) -> None:
        self.updates.append(dict(attributes))
        self.asked.set()
        if ACK_ATTRIBUTE in attributes:
            self.acknowledged.set()
        await self.let_go.wait()
        if self.refuses:
            self.refuses = False
            raise RuntimeError("the server refused an update")

    async def send_text(  # type: ignore[override]
        self, text: str, *, destination_identities: list[str] | None = None, topic: str = "", **more: Any
    ) -> None:
        assert not more, more
        self.sent.put_nowait((topic, json.loads(text), destination_identities))


class QuietRoom(rtc.Room):
    """A room without a server: nobody else is in it, and what arrives is given to `_on_data` by the test."""

    def __init__(self, me: SlowAttributes) -> None:
        super().__init__()
        self._me = me

    @property
    def local_participant(self) -> rtc.LocalParticipant:
        return self._me


@pytest.fixture
async def page(tmp_path: Path):
    store = Journal(tmp_path)
    record = DebateRecord(
        uuid7(), "room", "Should cities ban cars?", "neutral-facilitator", "open-discussion", 1.0
    )
    await store.open_debate(record)
    shown: list[Page] = []

    decided = asyncio.Event()

    def follow(event: object, decisions: Any) -> None:
        if isinstance(event, Commanded):
            decided.set()
        shown[0].follow(deliberation.debate.view(deliberation.now()), decisions)

    debate = Debate(record.topic, REGISTRY.get(record.persona), record.format, personas=REGISTRY)
    deliberation = Deliberation(debate, record, store, follow, clock=lambda: 1.0)
    me = SlowAttributes()
    one = Page(QuietRoom(me), deliberation, Settings(_env_file=None, livekit_api_secret=SecretStr(SECRET)))  # type: ignore[call-arg]
    shown.append(one)
    deliberation.start()
    await one.start()
    yield one, me, decided
    await one.aclose()
    await deliberation.aclose()
    await store.aclose()


def command(persona: str) -> rtc.DataPacket:
    given = {
        "id": uuid7(),
        "name": "persona",
        "args": {"persona": persona},
        "by": "http",
        "at": time.time(),
        "room": "room",
    }
    return rtc.DataPacket(
        data=sign(given, SECRET), kind=rtc.DataPacketKind.KIND_RELIABLE, participant=None, topic=TOPIC
    )


async def test_a_command_is_acknowledged_no_sooner_than_its_effect_is_shown(
    page: tuple[Page, SlowAttributes, asyncio.Event],
) -> None:
    one, me, decided = page
    await asyncio.wait_for(me.asked.wait(), 5)  # the first state is on its way, and takes long
    one._on_data(command("time-keeper"))
    await asyncio.wait_for(decided.wait(), 5)
    await one._deliberation.ask(Tick())
    for _turn_of_the_loop in range(20):  # all that wants to go out now waits behind the slow update
        await asyncio.sleep(0)
    me.let_go.set()
    await asyncio.wait_for(me.acknowledged.wait(), 5)
    told: dict[str, str] = {}
    for update in me.updates:
        told |= update
        if ACK_ATTRIBUTE in update:
            break
    assert json.loads(told[ACK_ATTRIBUTE])["ok"] is True
    assert told["sage.persona"] == "time-keeper"


async def until_shown(me: SlowAttributes, **attributes: str) -> None:
    """Wait for an update that holds these attributes (`_` stands for the dot)."""
    wanted = {key.replace("_", ".", 1): value for key, value in attributes.items()}
    async with asyncio.timeout(5):
        while not any(wanted.items() <= update.items() for update in me.updates):
            me.asked.clear()
            await me.asked.wait()


async def test_an_update_whose_answer_is_lost_keeps_no_later_one_waiting(
    page: tuple[Page, SlowAttributes, asyncio.Event],
) -> None:
    """The SDK waits for 5 s for an answer that it has missed: the next part's clock must not."""
    one, me, _ = page
    await until_shown(me, sage_topic="Should cities ban cars?")  # and it is never answered
    await one._deliberation.ask(Commanded("ana", "topic", {"topic": "Night trains"}, "host"))
    await until_shown(me, sage_topic="Night trains")


async def test_what_the_room_refuses_late_is_shown_again(
    page: tuple[Page, SlowAttributes, asyncio.Event],
) -> None:
    one, me, _ = page
    await until_shown(me, sage_persona="neutral-facilitator")
    await one._deliberation.ask(Commanded("ana", "topic", {"topic": "Night trains"}, "host"))
    await until_shown(me, sage_topic="Night trains")  # the page has gone on without the first one's answer
    del me.updates[:]
    me.refuses = True
    me.let_go.set()
    await until_shown(me, sage_persona="neutral-facilitator")


async def test_a_fact_check_is_shown_to_everybody_with_its_sources_and_not_before_it_is_made(
    page: tuple[Page, SlowAttributes, asyncio.Event],
) -> None:
    one, me, _ = page
    me.let_go.set()
    await one._deliberation.ask(FactChecksChanged(""))
    for claim in ("Trams are new.", "Trams are old."):
        await one._deliberation.ask(Commanded("ana", "factcheck", {"claim": claim}))
    source = Source("<b>A fact sheet</b>", "https://facts.example/one")
    await one._deliberation.ask(FactChecked("1", "false", "They are a century old.", (source,)))
    await one._deliberation.ask(FactChecked("2", "false", "They are a century old."))
    topic, message, to = await asyncio.wait_for(me.sent.get(), 5)
    assert (topic, to) == ("sage.factcheck", None)
    assert message["sources"] == [{"title": "<b>A fact sheet</b>", "url": "https://facts.example/one"}]
    assert message["text"].endswith("They are a century old.")
    _, message, _ = await asyncio.wait_for(me.sent.get(), 5)
    assert NO_SOURCE in message["text"]
    assert "sources" not in message
    assert me.sent.empty()


async def state_of(one: Page, caller: str) -> dict[str, Any]:
    answer = await one._state(rtc.RpcInvocationData("1", caller, "", 10.0))
    assert len(answer.encode()) <= MAX_STATE_BYTES
    return dict(json.loads(answer))


async def test_who_comes_late_is_told_what_stands_on_the_pages(
    page: tuple[Page, SlowAttributes, asyncio.Event],
) -> None:
    one, me, _ = page
    me.let_go.set()
    one.show_before("")
    assert (await state_of(one, "ana"))["remarks"] == []
    one.show_before("Taxes, with Ana")
    topic, message, to = await asyncio.wait_for(me.sent.get(), 5)
    assert (topic, message["text"], to) == ("sage.before", "Taxes, with Ana", None)
    await one._deliberation.ask(FactChecksChanged(""))
    await one._deliberation.ask(Commanded("ana", "factcheck", {"claim": "Trams are old."}))
    await one._deliberation.ask(
        FactChecked("1", "true", "A century.", (Source("A sheet", "https://f.example/1"),))
    )
    await asyncio.wait_for(me.sent.get(), 5)
    await one._deliberation.ask(Commanded("ana", "nonsense"))  # a refusal is its asker's alone
    await asyncio.wait_for(me.sent.get(), 5)
    before, check = (await state_of(one, "zoe"))["remarks"]
    assert before["id"] == message["id"]
    assert check["topic"] == "sage.factcheck"
    assert check["sources"] == [{"title": "A sheet", "url": "https://f.example/1"}]


async def test_a_job_that_goes_on_tells_who_comes_late_what_the_one_before_showed(
    page: tuple[Page, SlowAttributes, asyncio.Event],
) -> None:
    one, me, _ = page
    me.let_go.set()
    deliberation = one._deliberation
    assert await deliberation.greet() is not None
    await deliberation.ask(FactChecksChanged(""))
    await deliberation.ask(Commanded("ana", "factcheck", {"claim": "Trams are old."}))
    await deliberation.ask(
        FactChecked("1", "true", "A century.", (Source("A sheet", "https://f.example/1"),))
    )
    shown = (await state_of(one, "zoe"))["remarks"]
    settings = Settings(_env_file=None, livekit_api_secret=SecretStr(SECRET))  # type: ignore[call-arg]
    another = Page(QuietRoom(me), deliberation, settings)
    await another.start()
    taken_up = (await state_of(another, "zoe"))["remarks"]
    await another.aclose()
    assert [(remark["id"], remark["text"]) for remark in taken_up] == [
        (remark["id"], remark["text"]) for remark in shown
    ]
    assert len(shown) == 1


async def test_the_whole_state_fits_an_answer_and_tells_the_caller_their_own_vote(
    page: tuple[Page, SlowAttributes, asyncio.Event],
) -> None:
    one, me, _decided = page
    me.let_go.set()
    debate = one._deliberation.debate
    one.show_before("ё" * 3000)
    for number in range(60):
        name = "ё" * 60 + str(number)
        debate.apply(Joined(f"person-{number}", name), 1.0)
        debate.apply(Uttered(uuid7(), f"person-{number}", "Слово " * 80, 1.0, 1.0), 1.0)
    for name, args in (("format", {"format": "oxford"}), ("start", {})):
        debate.apply(Commanded("person-0", name, args), 1.0)
    debate.apply(Commanded("person-1", "vote", {"choice": "against"}), 1.0)

    state = await state_of(one, "person-1")
    assert state["mine"] == {"vote": {"number": 1, "choice": "against"}}
    assert state["formats"]["oxford"] == "Oxford"
    assert state["people"]
    assert (await state_of(one, "person-2"))["mine"] == {}
