"""The page in a real Chromium, in a real LiveKit room, with a moderator that follows a script.

What people see and can do while things go well; what goes wrong is in test_browser_troubles.py.
"""

import re
import time
from typing import Any

import pytest
from livekit import rtc
from playwright.async_api import Browser, expect

from tests.service.browser import AXE, Moderate, Visitor, tone, visit

pytest_plugins = ("tests.service.browser_fixtures",)
pytestmark = [pytest.mark.browser, pytest.mark.livekit, pytest.mark.timeout(120)]

HOSTILE = '<img src=x onerror="document.title=`owned`"><b>bold</b>'


async def identities(visitor: Visitor, *names: str) -> list[str]:
    """The identities behind the cards of `names`, once all of them are shown."""
    found = []
    for name in names:
        card = visitor.card(name)
        await card.wait_for()
        found.append(await card.get_attribute("data-key"))
    return found


async def test_captions_grow_under_the_right_names(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name, topic="Cars in cities")
    ada, ben = await visit(browser, page_url), await visit(browser, page_url)
    await ada.join("Ada Lovelace", room_name, "Cars in cities")
    await ben.join("José García", room_name)
    one, two = await identities(ada, "Ada Lovelace", "José García")

    await moderator.caption(one, "Cars take", segment="a")
    await moderator.caption(two, "But my mother", segment="b")
    for page in (ada, ben):
        await expect(page.card("Ada Lovelace").locator(".caption")).to_have_text("Cars take")
        await expect(page.card("José García").locator(".caption")).to_have_text("But my mother")
        await expect(page.page.locator(".entry")).to_have_count(0)
    await moderator.caption(one, "Cars take most of the street.", segment="a", final=True)
    for page in (ada, ben):
        await expect(page.card("Ada Lovelace").locator(".caption")).to_have_text(
            "Cars take most of the street."
        )
        await expect(page.page.locator(".entry")).to_have_count(1)
        await expect(page.page.locator(".entry .who span").first).to_have_text("Ada Lovelace")
        await expect(page.card("José García").locator(".caption")).to_have_class(re.compile("live"))

    # Words of its own segment that come late must not bring the finished caption back.
    await moderator.caption(one, "Cars take most", segment="a")
    await moderator.caption(two, "But my mother cannot walk.", segment="b", final=True)
    await expect(ada.page.locator(".entry")).to_have_count(2)
    await expect(ada.card("Ada Lovelace").locator(".caption")).not_to_have_class(re.compile("live"))
    assert not [line for line in ada.console if not line.startswith(("info", "log", "debug"))]


async def test_moderators_words_appear_as_they_are_spoken_and_are_heard(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name)
    ada = await visit(browser, page_url)
    await ada.join("Ada", room_name)
    stage, words = ada.page.locator("#moderator"), ada.page.locator("#moderator-words")
    await expect(ada.page.locator("#moderator-state")).to_have_text("Listening")
    await expect(ada.page.locator("#moderator-title")).to_have_text("Neutral facilitator")
    await moderator.attributes(state="thinking")
    await expect(stage).to_have_class(re.compile("thinking"))

    await ada.listen()
    async with moderator.reply() as say:
        await say("Welcome, ")
        await expect(words).to_have_text("Welcome,")
        await say("Ada.")
        await expect(words).to_have_text("Welcome, Ada.")
        await expect(words).not_to_have_class(re.compile("past"))
    await expect(ada.page.locator(".entry .said")).to_have_text(["Welcome, Ada."])
    await moderator.tone(2.0)
    await ada.hears(0.05)
    # Who spoke for how long is a picture with words for those who cannot see it.
    await expect(ada.page.locator("#balance-bar")).to_have_attribute(
        "aria-label", re.compile(r"Sage \d+ percent")
    )


async def test_who_speaks_now_is_shown_with_talk_time(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    ada, ben = await visit(browser, page_url), await visit(browser, page_url)
    await ada.join("Ada", room_name)
    await ben.join("Ben", room_name)
    await ada.card("Ben").wait_for()
    await expect(ada.page.locator("#mute")).to_have_text("Mute")
    await expect(ada.card("Ada").locator(".tags")).not_to_contain_text("Listens")
    seconds = await ada.say(tone(2.5))
    assert seconds == pytest.approx(2.5, abs=0.1)
    for page in (ada, ben):
        await expect(page.card("Ada").locator(".talk-time")).to_have_text(re.compile(r"0:0[123]"))
        await expect(page.card("Ben").locator(".talk-time")).to_have_text("0:00")
        await expect(page.card("Ada")).not_to_have_class(re.compile("speaking"))
    await ben.page.locator("#mute").click()
    await expect(ada.card("Ben").locator(".tags")).to_contain_text("Muted")
    await expect(ben.page.locator("#mute")).to_have_text("Unmute")
    await ben.page.locator("#mute").click()
    await expect(ada.card("Ben").locator(".tags")).not_to_contain_text("Muted")
    await ben.page.get_by_role("button", name="Leave").click()
    await expect(ben.page.locator("#lobby")).to_be_visible()
    await expect(ada.card("Ben")).to_have_count(0)


async def test_talk_bars_are_empty_until_the_clock_shows_a_second(browser: Browser, page_url: str):
    ada = await visit(browser, page_url)
    found = await ada.page.evaluate("""async () => {
      const { initialState, meet, setSpeaking, shares } = await import("/web/js/state.js");
      const state = initialState();
      meet(state, "ada"), meet(state, "ben");
      setSpeaking(state, "ada", true, 0);
      return [0, 400, 1500].map((at) => shares(state, at).map((part) => [part.person.identity, part.share]));
    }""")
    assert found == [[], [], [["ada", 1]]]


async def test_proposed_room_names_say_no_word_twice(browser: Browser, page_url: str):
    ada = await visit(browser, page_url)
    names = await ada.page.evaluate("""async () => {
      const { suggestRoom } = await import("/web/js/room-names.js");
      return Array.from({ length: 2000 }, suggestRoom);
    }""")
    assert [
        name for name in names if not re.fullmatch(r"(?!([a-z]+)-\1-)[a-z]+-[a-z]+-[1-9]\d\d", name)
    ] == []
    assert len(set(names)) > 1000


@pytest.mark.parametrize(("width", "height"), [(360, 740), (360, 640), (1280, 800)])
async def test_joining_is_in_sight_without_scrolling(
    browser: Browser, page_url: str, width: int, height: int
):
    ada = await visit(browser, page_url, viewport={"width": width, "height": height})
    await ada.page.get_by_role("radio", name="Time keeper").wait_for()
    await expect(ada.page.get_by_role("button", name="Join with microphone")).to_be_in_viewport(ratio=1)


async def test_persona_is_switched_from_the_page(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name)
    ada = await visit(browser, page_url)
    await ada.join("Ada", room_name)
    await ada.page.get_by_role("button", name="Change manner").click()
    dialog = ada.page.get_by_role("dialog")
    await expect(dialog.get_by_role("button", name="Neutral facilitator")).to_have_attribute(
        "aria-pressed", "true"
    )
    await dialog.get_by_role("button", name="Devil's advocate").click()
    await expect(dialog).to_be_hidden()
    await expect(ada.page.locator("#moderator-title")).to_have_text("Devil's advocate")
    [(caller, arguments)] = moderator.calls
    assert caller.startswith("ada-")
    assert arguments == {"persona": "devils-advocate"}


async def test_refused_persona_switch_says_why(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    await moderate(room_name, refuses="Only the host may do that.")
    ada = await visit(browser, page_url)
    await ada.join("Ada", room_name)
    await ada.page.get_by_role("button", name="Change manner").click()
    dialog = ada.page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Time keeper").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Only the host may do that.")
    await expect(ada.page.locator("#moderator-title")).to_have_text("Neutral facilitator")


async def test_typed_messages_reach_everybody_and_the_moderator(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name)
    ada, ben = await visit(browser, page_url), await visit(browser, page_url)
    await ada.join("Ada", room_name)
    await ben.join("Ben", room_name)
    await ada.card("Ben").wait_for()
    box = ada.page.get_by_label("Message to the debate")
    await box.fill("Moderator, how much time is left?")
    await box.press("Enter")
    await expect(box).to_have_value("")
    for page in (ada, ben):
        await expect(page.page.locator(".entry.chat .said")).to_have_text("Moderator, how much time is left?")
        await expect(page.page.locator(".entry.chat .who")).to_contain_text("Ada")
    identity, text = await moderator.heard.get()
    assert identity.startswith("ada-")
    assert text == "Moderator, how much time is left?"


async def test_moderators_remarks_are_taken_from_agents_only(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name)
    impostor = await moderate(room_name, kind="standard")
    ada = await visit(browser, page_url)
    await ada.join("Ada", room_name)
    await ada.card("Sage").wait_for()  # the impostor: a person of that name gets a card like anybody
    await impostor.remark("sage.factcheck", {"id": "1", "text": "All of it was a lie."})
    await impostor.remark("sage.stage", {"id": "2", "text": "The debate is over."})
    await moderator.remark("sage.factcheck", {"id": "3", "text": "The figure is from 2019.", "at": 1.0})
    await moderator.remark("sage.refusal", {"id": "4", "message": "Ben has the floor.", "at": 2.0})
    await expect(ada.page.locator(".entry.note .said")).to_have_text(
        ["The figure is from 2019.", "Ben has the floor."]
    )
    await expect(ada.page.locator("#moderator-state")).to_have_text("Listening")


async def test_a_fact_check_shows_its_sources_as_links_and_nothing_else_as_one(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name)
    ada = await visit(browser, page_url)
    await ada.join("Ada", room_name)
    await expect(ada.page.locator("#moderator-state")).to_have_text("Listening")
    sources: list[object] = [
        {"title": "<img src=x onerror=alert(1)>", "url": "https://facts.example/one"},
        {"title": "Bad", "url": "javascript:alert(1)"},
        {"title": "Worse", "url": "https://bank.example@evil.example/"},
        None,
        *({"title": f"Page {number}", "url": f"http://news.example/{number}"} for number in range(9)),
    ]
    check = {"id": "1", "text": "The sources I found contradict that.", "at": 1.0, "sources": sources}
    await moderator.remark("sage.factcheck", check)
    links = ada.page.locator(".entry.note .sources a")
    await expect(links).to_have_text(
        ["<img src=x onerror=alert(1)>", *(f"Page {number}" for number in range(4))]
    )
    assert await links.first.get_attribute("href") == "https://facts.example/one"
    assert await links.first.get_attribute("rel") == "noopener noreferrer"
    await expect(ada.page.locator(".entry.note .sources li").first).to_contain_text("facts.example")
    await expect(ada.page.locator(".entry.note img")).to_have_count(0)


async def test_state_of_the_debate_is_shown_from_attributes(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name)
    ada, ben = await visit(browser, page_url), await visit(browser, page_url)
    await ada.join("Ada", room_name)
    await ben.join("Ben", room_name)
    one, two = await identities(ada, "Ada", "Ben")
    await moderator.attributes(
        topic="Is <b>tea</b> better?",
        segment="crossfire",
        ends_at="99999999999999",
        floor=one,
        queue=f'["{two}"]',
        services='{"speech recognition": "local only"}',
    )
    await expect(ada.page.locator("#debate-topic")).to_have_text("Is <b>tea</b> better?")
    await expect(ada.page.locator("#segment")).to_have_text("crossfire")
    await expect(ada.page.locator("#clock")).to_be_visible()
    await expect(ada.card("Ada").locator(".tags")).to_contain_text("Has the floor")
    await expect(ada.card("Ben").locator(".tags")).to_contain_text("Next")
    await expect(ada.page.locator("#degraded")).to_contain_text("speech recognition: local only")
    # Nonsense in an attribute empties that field and breaks nothing else.
    await moderator.attributes(queue="{", services="]", ends_at="")
    await expect(ada.page.locator("#clock")).to_be_hidden()
    await expect(ada.page.locator("#degraded")).to_be_hidden()
    await expect(ada.card("Ben").locator(".tags")).not_to_contain_text("Next")


async def test_late_comer_sees_what_was_said_and_who_talked_how_long(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    state = {
        "elapsed": 90.0,
        "people": [
            {"identity": "gone-1", "name": "Zoe", "present": False, "talk_seconds": 65.0, "utterances": 2}
        ],
        "recent": [{"identity": "gone-1", "name": "Zoe", "text": "Trains first.", "start": 3.0, "end": 4.0}],
        "remarks": [
            {
                "topic": "sage.before",
                "id": "before-1",
                "at": 1000,
                "text": "Cars, with Zoe\nPromised: Zoe: “It.”",
            },
            {"topic": "sage.factcheck", "id": "fact_check-1", "at": time.time() * 1000, "text": HOSTILE},
            {"topic": "sage.unknown", "id": "odd", "at": 1000, "text": "Never shown"},
            {"topic": "sage.factcheck", "id": "odd", "at": "now", "text": "Never shown"},
        ],
    }
    moderator = await moderate(room_name, state=state)
    ada = await visit(browser, page_url)
    await ada.join("Ada", room_name)
    entries = ada.page.locator(".entry .said")
    await expect(entries).to_have_text(["Cars, with Zoe\nPromised: Zoe: “It.”", "Trains first.", HOSTILE])
    await expect(ada.page.locator(".entry .who span").first).to_have_text("Last time here")
    # the same remark as it was sent to all is not shown twice
    await moderator.remark("sage.factcheck", {"id": "fact_check-1", "text": HOSTILE})
    await moderator.remark("sage.nudge", {"id": "last", "text": "The end."})
    await expect(entries.last).to_have_text("The end.")
    await expect(entries).to_have_count(4)
    await expect(ada.card("Zoe").locator(".talk-time")).to_have_text("1:05")
    await expect(ada.card("Zoe").locator(".tags")).to_contain_text("Left")


async def test_a_claim_of_somebody_else_is_checked_from_the_page(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name)
    asked: list[tuple[str, dict[str, str]]] = []

    async def decide(_caller: str, name: str, arguments: dict[str, str]) -> dict[str, Any]:
        if name == "state":
            return {}
        asked.append((name, arguments))
        if len(asked) == 2:
            raise rtc.RpcError(1500, "I am still checking what was asked before.")
        return {"ok": True}

    moderator.decide = decide
    ada, ben = await visit(browser, page_url), await visit(browser, page_url)
    await ada.join("Ada", room_name)
    await ben.join("Ben", room_name)
    mine, theirs = await identities(ada, "Ada", "Ben")
    await moderator.caption(mine, "Buses are slow in this town.", segment="a", final=True)
    await moderator.caption(theirs, "Trams are <b>cheaper</b> than buses.", segment="b", final=True)
    await moderator.caption(theirs, "Well, yes.", segment="c", final=True)
    check = ada.page.get_by_role("button", name="Check what Ben said here")
    await expect(ada.page.locator(".entry")).to_have_count(3)
    await expect(check).to_have_count(0)  # nothing can be looked up yet
    await moderator.attributes(checks="on")
    await expect(check).to_have_count(1)
    await check.click()
    await expect(ada.page.locator("button.check")).to_have_text("Asked")
    await expect(ada.page.locator("button.check")).to_be_disabled()
    assert asked == [("factcheck", {"claim": "Trams are <b>cheaper</b> than buses."})]
    await ben.page.get_by_role("button", name="Check what Ada said here").click()
    await expect(ben.page.locator("#check-refusal")).to_have_text(
        "I am still checking what was asked before."
    )
    await expect(ben.page.locator("button.check")).to_be_enabled()
    await moderator.attributes(checks="")
    await expect(ada.page.locator("button.check")).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1280, 640), (390, 844)])
async def test_the_report_is_in_sight_when_the_debate_is_over(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str, width: int, height: int
):
    moderator = await moderate(room_name, topic="Should cities ban private cars from their centres?")
    ada = await visit(browser, page_url, viewport={"width": width, "height": height})
    await ada.join("Ada", room_name)
    [identity] = await identities(ada, "Ada")
    for number in range(12):
        await moderator.caption(identity, f"Sentence number {number}.", segment=f"s{number}", final=True)
    await expect(ada.page.locator(".entry")).to_have_count(12)
    await ada.page.get_by_label("Message to the debate").focus()
    await moderator.attributes(status="over")
    await expect(ada.page.get_by_role("button", name="Read the report")).to_be_in_viewport(ratio=1)
    await expect(ada.page.get_by_role("button", name="Leave")).to_be_in_viewport(ratio=1)


async def test_hostile_names_and_captions_are_shown_as_text(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name, name=HOSTILE)
    ada = await visit(browser, page_url)
    await ada.join(HOSTILE, room_name, HOSTILE)
    [identity] = await identities(ada, HOSTILE)
    await moderator.caption(identity, HOSTILE, segment="a", final=True)
    await moderator.remark("sage.nudge", {"id": "n", "text": HOSTILE})
    async with moderator.reply() as say:
        await say(HOSTILE)
        await expect(ada.page.locator("#moderator-words")).to_have_text(HOSTILE)
    await expect(ada.page.locator(".entry .said")).to_have_text([HOSTILE] * 3)
    await expect(ada.page.locator("#moderator-name")).to_have_text(HOSTILE)
    await expect(ada.page.locator("#debate-topic")).to_have_text(HOSTILE)
    assert await ada.page.locator("main img, main script, #debate b").count() == 0
    assert "owned" not in await ada.page.title() or HOSTILE in await ada.page.title()


async def test_who_leaves_and_joins_again_is_the_same_person(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name)
    ada, ben = await visit(browser, page_url), await visit(browser, page_url)
    await ada.join("Ada", room_name)
    await ben.join("Ben", room_name)
    [before] = await identities(ben, "Ada")
    await moderator.caption(before, "Trams first.", segment="a", final=True)
    await ada.page.get_by_role("button", name="Leave").click()
    await expect(ben.card("Ada").locator(".tags")).to_contain_text("Left")
    await ada.page.get_by_role("button", name="Join with microphone").click()
    await ada.page.locator("#debate").wait_for()
    assert await identities(ada, "Ada") == [before]
    await expect(ben.card("Ada").locator(".tags")).not_to_contain_text("Left")
    await expect(ben.card("Ada").locator(".caption")).to_have_text("Trams first.")
    # another name is another person
    await ada.page.get_by_role("button", name="Leave").click()
    await ada.join("Zoe", room_name)
    assert await identities(ada, "Zoe") != [before]


async def test_reload_comes_back_as_the_same_person(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    ada, ben = await visit(browser, page_url), await visit(browser, page_url)
    await ada.join("Ada", room_name, "Reloading")
    await ben.join("Ben", room_name)
    [before] = await identities(ben, "Ada")
    await ada.page.reload()
    await ada.page.locator("#debate").wait_for()
    assert await identities(ada, "Ada", "Ben") == [before, *await identities(ben, "Ben")]
    await expect(ada.page.locator("#connection")).to_have_text("Connected")
    await expect(ben.card("Ada").locator(".tags")).not_to_contain_text("Left")
    # After leaving on purpose a reload stays outside.
    await ada.page.get_by_role("button", name="Leave").click()
    await ada.page.reload()
    await expect(ada.page.get_by_role("button", name="Join with microphone")).to_be_enabled()
    await expect(ada.page.get_by_label("Room", exact=True)).to_have_value(room_name)


async def test_joining_by_keyboard_alone(browser: Browser, page_url: str, moderate: Moderate, room_name: str):
    await moderate(room_name)
    ada = await visit(browser, page_url)
    keys = ada.page.keyboard
    await ada.page.get_by_role("radio", name="Time keeper").wait_for()
    await keys.press("Tab")
    await keys.type("Ada")
    await keys.press("Tab")
    await keys.press("ControlOrMeta+a")
    await keys.type(room_name.replace("-", " "))  # spaces become the hyphens that a room may have
    await keys.press("Tab")
    await keys.type("By keyboard")
    await keys.press("Tab")
    await expect(ada.page.get_by_label("I come")).to_be_focused()
    await keys.press("Tab")
    await keys.press("Space")
    assert await ada.page.locator("input[name=persona]:checked").count() == 1
    await keys.press("Tab")
    await keys.press("Enter")
    await ada.page.locator("#debate").wait_for()
    await expect(ada.page.locator("#invite-label")).to_have_text(room_name)
    await expect(ada.page.locator("#mute")).to_have_text("Mute")
    await ada.page.locator("#mute").focus()
    await keys.press("Space")
    await expect(ada.page.locator("#mute")).to_have_text("Unmute")
    await keys.press("Tab")
    await keys.type("Typed by hand")
    await keys.press("Enter")
    await expect(ada.page.locator(".entry.chat .said")).to_have_text("Typed by hand")
    await ada.page.get_by_role("button", name="Change manner").focus()
    await keys.press("Enter")
    await expect(ada.page.get_by_role("dialog")).to_be_visible()
    await keys.press("Escape")
    await expect(ada.page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_narrow_page_fits_and_is_accessible(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str, scheme: str
):
    moderator = await moderate(room_name, topic="Donaudampfschifffahrtselektrizitätenhauptbetriebswerk" * 2)
    ada = await visit(
        browser,
        page_url,
        color_scheme=scheme,
        viewport={"width": 360, "height": 640},
        reduced_motion="reduce",
    )
    await ada.page.get_by_role("radio", name="Time keeper").wait_for()
    await fits_and_is_accessible(ada)
    await ada.join("Wolfeschlegelsteinhausenbergerdorff" + "W" * 20, room_name)
    [identity] = [await ada.page.locator(".card").get_attribute("data-key")]
    await moderator.attributes(floor=str(identity), services='["speech: local"]')
    await moderator.caption(str(identity), "W" * 300, segment="a", final=True)
    await moderator.caption(str(identity), "and so on " * 60, segment="b")
    async with moderator.reply() as say:
        await say("M" * 200)
        await expect(ada.page.locator("#moderator-words")).to_contain_text("MMM")
        await fits_and_is_accessible(ada)
    await ada.page.get_by_role("button", name="Change manner").click()
    await fits_and_is_accessible(ada)


async def test_wide_page_is_accessible(browser: Browser, page_url: str, moderate: Moderate, room_name: str):
    await moderate(room_name, topic="Cars")
    ada = await visit(browser, page_url, viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    await ada.join("Ada", room_name)
    await ada.page.locator("#moderator.listening").wait_for()
    await fits_and_is_accessible(ada)


async def test_page_loads_nothing_from_elsewhere(browser: Browser, page_url: str, room_name: str):
    context = await browser.new_context()
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(page_url)
    await page.get_by_role("radio", name="Time keeper").wait_for()
    assert [url for url in asked if not url.startswith((page_url, "data:"))] == []


async def fits_and_is_accessible(visitor: Visitor) -> None:
    """No sideways scrolling, and no violation that axe calls serious or critical."""
    wider = await visitor.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    assert wider <= 0
    await visitor.page.evaluate(AXE.read_text() + ";0")
    found = await visitor.page.evaluate("() => axe.run(document)")
    serious = [
        (one["id"], [node["html"] for node in one["nodes"]])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []
