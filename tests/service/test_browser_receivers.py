"""The page names who receives audio and text, as the moderator tells it, and nobody by guess."""

import json
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.service.browser import Moderate, Visitor, visit
from tests.service.test_browser_page import HOSTILE, fits_and_is_accessible

pytest_plugins = ("tests.service.browser_fixtures",)
pytestmark = [pytest.mark.browser, pytest.mark.livekit, pytest.mark.timeout(120)]

NOBODY = "nobody outside this server"


def told(audio: Any, text: Any, voice: Any) -> str:
    return json.dumps({"audio": audio, "text": text, "voice": voice})


async def joined(browser: Browser, page_url: str, room_name: str, **context: Any) -> Visitor:
    ada = await visit(browser, page_url, **context)
    await ada.join("Ada", room_name)
    await ada.page.locator("#moderator.listening").wait_for()
    return ada


async def test_receivers_are_named_in_order_and_follow_the_moderator(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(
        room_name, receivers=told(["Deepgram", "OpenAI"], ["Perplexity", "OpenAI", "Cerebras"], [])
    )
    ada = await joined(browser, page_url, room_name)
    names = ada.page.locator("#receivers dd")
    await expect(names.first).to_be_hidden()  # unobtrusive until it is asked for
    await ada.page.locator("#receivers summary").click()
    expected = [
        "Deepgram, OpenAI if that fails",
        "Perplexity, OpenAI if that fails, Cerebras if those fail",
        NOBODY,
    ]
    await expect(names).to_have_text(expected)
    await expect(ada.page.locator("#receivers dt")).to_have_count(3)
    await moderator.attributes(receivers=told([HOSTILE], ["x" * 500, 7], ["Cartesia"]))
    await expect(names).to_have_text([HOSTILE, "x" * 60 + "…", "Cartesia"])
    assert await ada.page.locator("#receivers img, #receivers b").count() == 0
    # An open list stays open while it changes, and is no promise once the moderator does not make it.
    await moderator.attributes(receivers="")
    await expect(ada.page.locator("#receivers")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_long_names_fit_a_narrow_page(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str, scheme: str
):
    longest = ["Voxtral at " + "w" * 60] * 8
    await moderate(room_name, receivers=told(longest, longest, longest))
    narrow = {"viewport": {"width": 360, "height": 640}, "color_scheme": scheme, "reduced_motion": "reduce"}
    ada = await joined(browser, page_url, room_name, **narrow)
    await ada.page.locator("#receivers summary").focus()
    await ada.page.keyboard.press("Enter")
    await expect(ada.page.locator("#receivers dd").first).to_be_visible()
    await fits_and_is_accessible(ada)


async def test_what_is_not_told_in_full_is_not_shown(browser: Browser, page_url: str):
    ada = await visit(browser, page_url)
    shown = await ada.page.evaluate("""async () => {
      const { initialState, moderatorAttributes } = await import("/web/js/state.js");
      const told = ["", "{", "[]", "7", '{"audio": [], "text": []}', '{"audio": "x", "text": [], "voice": []}',
        '{"audio": [], "text": [], "voice": []}'];
      return told.map((json) => {
        const state = initialState();
        moderatorAttributes(state, "agent", "Sage", { "sage.receivers": json });
        return state.moderator.receivers;
      });
    }""")
    assert shown == [None] * 6 + [{"audio": [], "text": [], "voice": [], "checks": []}]


async def test_who_carries_the_sound_is_named_where_it_is_another_host(browser: Browser, page_url: str):
    ada = await visit(browser, page_url)
    carriers = await ada.page.evaluate("""async () => {
      const { carrierOf } = await import("/web/js/state.js");
      const urls = ["wss://sage.livekit.cloud", "ws://localhost:7880", "ws://127.0.0.1:7880", "wss://page.test", "?"];
      return urls.map((url) => carrierOf(url, "page.test"));
    }""")
    assert carriers == ["sage.livekit.cloud", "", "", "", ""]


async def test_the_lobby_promises_no_more_than_is_kept(browser: Browser, page_url: str):
    ada = await visit(browser, page_url)
    await expect(ada.page.locator("#join")).to_contain_text("Who hears this debate")
    await expect(ada.page.locator("#join")).not_to_contain_text("to this debate only")
