"""What the page says, and offers, when something is wrong: microphone, names, tokens, moderator, connection.

Each trouble is a real one where a browser or a server can be made to have it; only a missing device and
blocked sound are played by an init script.
"""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from livekit import api
from playwright.async_api import Browser, Route, WebSocketRoute, expect

from launcher import livekit_server as livekit
from launcher.children import Child
from launcher.livekit_server import RunningServer
from launcher.places import REPOSITORY, plain_environment
from launcher.ports import free_ports
from launcher.stack import start_stack
from tests.service.browser import DENIED, Moderate, Visitor, at_localhost, chromium, visit

pytest_plugins = ("tests.service.browser_fixtures",)
pytestmark = [pytest.mark.browser, pytest.mark.livekit, pytest.mark.timeout(120)]

NO_DEVICE = """navigator.mediaDevices.getUserMedia = () =>
  Promise.reject(new DOMException('Requested device not found', 'NotFoundError'));"""

# A browser that plays nothing until the person has clicked in the page's message about it.
SOUND_HELD_BACK = """(() => {
  let allowed = false;
  addEventListener('click', (event) => (allowed ||= Boolean(event.target.closest('.notice'))), true);
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    return allowed ? play.call(this) : Promise.reject(new DOMException('not allowed', 'NotAllowedError'));
  };
  Object.defineProperty(HTMLMediaElement.prototype, 'autoplay', { get: () => false, set: () => {} });
})();"""


def says(visitor: Visitor, title: str):
    """The message of that title."""
    return visitor.page.locator(".notice").filter(has=visitor.page.get_by_text(title, exact=True))


class Wire:
    """The page's WebSocket to LiveKit, to be cut and mended; media goes on beside it."""

    def __init__(self) -> None:
        self.cut_off = False
        self._open: list[WebSocketRoute] = []

    def lay(self, to_page: WebSocketRoute) -> None:
        if self.cut_off:
            self._close(to_page)
            return
        to_page.connect_to_server()
        self._open.append(to_page)

    async def cut(self) -> None:
        self.cut_off = True
        while self._open:
            await self._open.pop().close(code=1011, reason="cut by the test")

    def mend(self) -> None:
        self.cut_off = False

    def _close(self, to_page: WebSocketRoute) -> None:
        self._closing = asyncio.ensure_future(to_page.close(code=1011, reason="cut by the test"))


async def wired(visitor: Visitor) -> Wire:
    """Puts a Wire between the page and LiveKit; the page is loaded anew for it."""
    wire = Wire()
    await visitor.context.route_web_socket(re.compile(r"/rtc"), wire.lay)
    await visitor.page.reload()
    return wire


async def test_denied_microphone_leaves_listening_and_typing(
    page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name)
    async with chromium(microphone=DENIED) as browser:
        ada = await visit(browser, page_url, speaks=False)
        await ada.join("Ada", room_name)
        await expect(says(ada, "The microphone is blocked")).to_contain_text("listen and type")
        await expect(ada.page.locator("#mute")).to_have_text("Use microphone")
        await expect(ada.card("Ada").locator(".tags")).to_contain_text("Listens and types")
        await ada.listen()
        await moderator.tone(0.6)
        await ada.hears(0.05)
        await ada.page.get_by_label("Message to the debate").fill("I can type")
        await ada.page.get_by_role("button", name="Send").click()
        assert (await moderator.heard.get())[1] == "I can type"


async def test_missing_microphone_can_be_tried_again(browser: Browser, page_url: str, room_name: str):
    ada = await visit(browser, page_url)
    await ada.page.evaluate("() => { window.working = navigator.mediaDevices.getUserMedia; }")
    await ada.page.evaluate("() => { " + NO_DEVICE + " }")
    await ada.join("Ada", room_name)
    trouble = says(ada, "No microphone was found")
    await expect(trouble).to_be_visible()
    await ada.page.evaluate("() => { navigator.mediaDevices.getUserMedia = window.working; }")
    await trouble.get_by_role("button", name="Try the microphone again").click()
    await expect(ada.page.locator("#mute")).to_have_text("Mute")
    await expect(trouble).to_have_count(0)


async def test_insecure_origin_is_named(page_url: str, room_name: str):
    port = page_url.rsplit(":", 1)[1]
    async with chromium("--host-resolver-rules=MAP sage.example 127.0.0.1") as browser:
        ada = await visit(browser, f"http://sage.example:{port}")
        await ada.join("Ada", room_name)
        await expect(says(ada, "This address gets no microphone")).to_contain_text("https")
        await expect(ada.page.locator("#connection")).to_have_text("Connected")


async def test_taken_name_is_said_at_its_field(browser: Browser, page_url: str, room_name: str):
    first, second = await visit(browser, page_url), await visit(browser, page_url)
    await first.join("Zoë", room_name)
    await second.join("zoë", room_name, wait=False)
    field = second.page.get_by_label("Your name")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_be_focused()
    await expect(second.page.locator("#name-problem")).to_contain_text("another name")
    await expect(first.page.locator("#connection")).to_have_text("Connected")
    await second.join("Zoë B.", room_name)
    await expect(first.card("Zoë B.")).to_be_visible()


async def test_unfit_fields_are_said_before_anything_is_asked(browser: Browser, page_url: str):
    ada = await visit(browser, page_url)
    asked: list[str] = []
    ada.page.on("request", lambda request: asked.append(request.url))
    await ada.join("", "zu/groß", wait=False)
    await expect(ada.page.locator("#name-problem")).to_contain_text("Enter the name")
    await expect(ada.page.locator("#room-problem")).to_contain_text("letters")
    # What only the service can judge is said at the same place.
    await ada.join("Moderator", "a-room", wait=False)
    await expect(ada.page.locator("#name-problem")).to_contain_text("the moderator answers to this one")
    assert [url for url in asked if url.endswith("/debate")] == []


async def test_refused_token_is_said(browser: Browser, page_url: str, room_name: str):
    ada = await visit(browser, page_url)

    async def spoil(route: Route) -> None:
        answer = await (await route.fetch()).json()
        head, _, _ = answer["token"].rpartition(".")
        await route.fulfill(json={**answer, "token": f"{head}.AAAA"})

    await ada.context.route("**/participant-token", spoil)
    await ada.join("Ada", room_name, wait=False)
    await expect(says(ada, "You were not let in")).to_contain_text("token")
    await expect(ada.page.get_by_role("button", name="Join with microphone")).to_be_enabled()


async def test_unreachable_rooms_are_said(browser: Browser, page_url: str, room_name: str):
    ada = await visit(browser, page_url)
    wire = await wired(ada)
    await wire.cut()
    await ada.join("Ada", room_name, wait=False)
    await expect(says(ada, "The debate room cannot be reached")).to_be_visible(timeout=30_000)
    wire.mend()
    await ada.join("Ada", room_name)
    await expect(says(ada, "The debate room cannot be reached")).to_have_count(0)
    await ada.context.route("**/participant-token", lambda route: route.abort())
    await ada.page.get_by_role("button", name="Leave").click()
    await ada.join("Ada", room_name, wait=False)
    await expect(says(ada, "The server does not answer")).to_be_visible()


async def test_absent_moderator_is_said_and_called_again(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    ada = await visit(browser, page_url)
    calls: list[str] = []
    ada.page.on("request", lambda request: calls.append(request.url.rsplit("/", 1)[1]))
    await ada.join("Ada", room_name, "Tea")
    await expect(ada.page.locator("#moderator-state")).to_have_text("Not here")
    absent = says(ada, "No moderator is here yet")
    await expect(absent).to_be_visible(timeout=12_000)
    assert "launch-ai-agents" in calls
    moderator = await moderate(room_name)
    await expect(absent).to_have_count(0)
    await expect(ada.page.locator("#moderator-state")).to_have_text("Listening")
    await moderator.leave()
    left = says(ada, "The moderator has dropped out")
    await expect(left).to_be_visible()
    calls.clear()
    async with ada.page.expect_request("**/launch-ai-agents"):
        await left.get_by_role("button", name="Call again").click()


async def test_caption_cut_off_by_a_vanished_moderator_stays_as_it_stood(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name)
    ada = await visit(browser, page_url)
    await ada.join("Ada", room_name)
    identity = str(await ada.card("Ada").get_attribute("data-key"))
    await moderator.caption(identity, "In the middle of", segment="a")
    await expect(ada.card("Ada").locator(".caption")).to_have_class(re.compile("live"))
    await moderator.leave()
    await expect(ada.page.locator(".entry .said")).to_have_text(["In the middle of"])
    await expect(ada.card("Ada").locator(".caption")).not_to_have_class(re.compile("live"))


async def test_blocked_sound_can_be_turned_on(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    await moderate(room_name)
    ada = await visit(browser, page_url)
    await ada.context.add_init_script(SOUND_HELD_BACK)
    await ada.page.reload()
    await ada.join("Ada", room_name)
    held = says(ada, "The browser holds the sound back")
    await expect(held).to_be_visible()
    await held.get_by_role("button", name="Turn the sound on").click()
    await expect(held).to_have_count(0)
    await ada.until("() => [...document.querySelectorAll('#sounds audio')].some((one) => !one.paused)")


async def test_lost_connection_is_said_and_regained(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name)
    ada = await visit(browser, page_url)
    wire = await wired(ada)
    await ada.join("Ada", room_name)
    identity = str(await ada.card("Ada").get_attribute("data-key"))
    await wire.cut()
    await expect(says(ada, "Connection lost")).to_be_visible()
    await expect(ada.page.locator("#connection")).to_have_text("Reconnecting")
    wire.mend()
    await expect(says(ada, "Connected again")).to_be_visible(timeout=30_000)
    await expect(ada.page.locator("#connection")).to_have_text("Connected")
    await moderator.caption(identity, "Still here.", segment="after", final=True)
    await expect(ada.card("Ada").locator(".caption")).to_have_text("Still here.")


async def test_being_removed_is_said(
    browser: Browser, page_url: str, livekit_server: RunningServer, room_name: str
):
    ada = await visit(browser, page_url)
    await ada.join("Ada", room_name)
    identity = str(await ada.card("Ada").get_attribute("data-key"))
    async with api.LiveKitAPI(
        livekit_server.http_url, livekit_server.api_key, livekit_server.api_secret
    ) as lk:
        await lk.room.remove_participant(api.RoomParticipantIdentity(room=room_name, identity=identity))
    await expect(says(ada, "You were taken out of the debate")).to_be_visible()
    await expect(ada.page.locator("#lobby")).to_be_visible()


class Restartable:
    """A LiveKit server that comes back on its port under its keys, as after a deploy."""

    def __init__(self) -> None:
        found = livekit.find()
        assert found is not None
        self._binary = found[0]
        self.first = livekit.start(0, binary=self._binary)
        self._again: Child | None = None

    async def stop(self) -> None:
        await asyncio.to_thread(self.first.stop)
        if self._again is not None:
            await asyncio.to_thread(self._again.stop, 2.0)

    async def start_again(self) -> None:
        (rtc_port,) = free_ports(1)
        first = self.first
        body = livekit.configuration(first.port, rtc_port, first.api_key, first.api_secret, "info")
        env = plain_environment({"LIVEKIT_CONFIG": body})
        self._again = await asyncio.to_thread(Child, "livekit", [str(self._binary)], env=env, cwd=REPOSITORY)
        ready = await asyncio.to_thread(self._again.wait_for_line, "starting LiveKit server", 20.0)
        assert ready


@pytest.fixture
async def restartable(livekit_server: RunningServer) -> AsyncIterator[Restartable]:
    server = Restartable()
    yield server
    await server.stop()


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_restarted_server_has_everybody_back(
    browser: Browser, restartable: Restartable, moderate: Moderate, room_name: str, tmp_path: object
):
    stack = await start_stack(server=restartable.first, environment={"DATA_DIR": str(tmp_path)}, worker=False)
    try:
        ada = await visit(browser, at_localhost(stack.web_url))
        await ada.join("Ada", room_name, "Restarts")
        identity = str(await ada.card("Ada").get_attribute("data-key"))
        await restartable.stop()
        await expect(says(ada, "Connection lost")).to_be_visible(timeout=20_000)
        await restartable.start_again()
        await expect(says(ada, "Connected again")).to_be_visible(timeout=60_000)
        assert await ada.card("Ada").get_attribute("data-key") == identity
        await expect(ada.page.locator("#mute")).to_have_text("Mute")
        moderator = await moderate(room_name, server=restartable.first)
        await expect(ada.page.locator("#moderator-state")).to_have_text("Listening")
        await moderator.caption(identity, "Back again.", segment="x", final=True)
        await expect(ada.card("Ada").locator(".caption")).to_have_text("Back again.")
    finally:
        await stack.stop()
