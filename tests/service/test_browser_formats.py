"""Formats on the page, in a real Chromium and a real LiveKit room: what each role may do in each part.

The moderator is a participant of kind agent without ears. Its rules are the real debate's: what it refuses and what it
shows of its state come from there, in a time that the test moves.
"""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

import pytest
from livekit import rtc
from playwright.async_api import Browser, Dialog, Locator, expect

from debate.debate import Debate
from debate.events import Commanded, Joined, Tick
from debate.formats import load_formats
from launcher.livekit_server import RunningServer
from personas.registry import load_registry
from tests.service.browser import Moderate, ScriptedModerator, Visitor, visit, with_role
from tests.service.test_browser_page import HOSTILE, fits_and_is_accessible
from voice.attributes import attributes_of

pytest_plugins = ("tests.service.browser_fixtures",)
pytestmark = [pytest.mark.browser, pytest.mark.livekit, pytest.mark.timeout(240)]

PERSONAS = load_registry()
NARROW: Mapping[str, Any] = {"has_microphone": False, "viewport": {"width": 360, "height": 640}}


class Sitting:
    """One debate in one room: commands of people go to its rules, and what it decides is shown to all pages."""

    def __init__(self, moderator: ScriptedModerator, form: str) -> None:
        self.debate = Debate("Cars in cities", PERSONAS.get("time-keeper"), form, personas=PERSONAS)
        self.at = 0.0
        self._roles: dict[str, str] = {}
        self._moderator = moderator
        moderator.decide = self._decide

    async def joined(self, visitor: Visitor, name: str, role: str) -> str:
        """The identity of who has just joined, once the debate knows them as well."""
        card = visitor.card(name)
        await card.wait_for()
        identity = str(await card.get_attribute("data-key"))
        self._roles[identity] = role
        self.debate.apply(Joined(identity, name, role), self.at)
        await self.show()
        return identity

    async def command(self, by: str, name: str, role: str = "debater", **args: str) -> None:
        """Somebody's command that comes from elsewhere, and is taken."""
        found = self.debate.apply(Commanded(by, name, args, role), self.at)
        assert not [one.text for one in found if one.kind == "refuse"]
        await self.show()

    async def part(self, name: str) -> None:
        """Goes on to the part of that name; where the debate has not begun, it begins."""
        if self.debate.clock.status == "ready":
            await self.command("", "start", "host")
        while self.debate.view(self.at).segment != name:
            assert self.debate.clock.status != "over", name
            await self.passes(20.0)
            await self.command("", "next", "host")

    async def passes(self, seconds: float) -> None:
        self.at += seconds
        self.debate.apply(Tick(), self.at)
        await self.show()

    async def show(self) -> None:
        view = self.debate.view(self.at)
        shown = attributes_of(view, "019f0000-0000-7000-8000-000000000000", time.time(), {})
        await self._moderator.room.local_participant.set_attributes(shown)

    async def _decide(self, caller: str, name: str, args: dict[str, str]) -> object:
        if name == "state":
            formats = {form.name: form.title for form in load_formats().values()}
            return {"formats": formats, "mine": self.debate.voting.of(caller)}
        for decision in self.debate.apply(Commanded(caller, name, args, self._roles[caller]), self.at):
            if decision.kind == "refuse":
                raise rtc.RpcError(1500, decision.text, json.dumps({"code": decision.signal}))
        await self.show()
        return {"ok": True}


def group(visitor: Visitor, legend: str) -> Locator:
    """The controls under that legend."""
    return visitor.page.get_by_role("group", name=re.compile(f"^{legend}"))


def refusal(visitor: Visitor, legend: str) -> Locator:
    """What the moderator has refused there; an empty alert is no part of the page for those who cannot see."""
    return group(visitor, legend).locator(".problem[role=alert]")


def button(visitor: Visitor, label: str) -> Locator:
    return visitor.page.get_by_role("button", name=re.compile(f"^{label}"))


async def offers(visitor: Visitor, *legends: str) -> None:
    """Waits until the page shows these groups of controls, and no others."""
    await expect(visitor.page.locator("#acts legend")).to_have_text(list(legends))


async def seated(
    browser: Browser, url: str, server: RunningServer, sitting: Sitting, room: str, **roles: str
) -> tuple[Visitor, ...]:
    """One visitor for each name and role, who have joined in that order."""
    found = []
    for name, role in roles.items():
        visitor = await visit(browser, url, has_microphone=False)
        await with_role(visitor, server, role)
        await visitor.join(name, room)
        await sitting.joined(visitor, name, role)
        found.append(visitor)
    return tuple(found)


async def test_sides_are_chosen_until_the_debate_runs(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str, livekit_server: RunningServer
):
    sitting = Sitting(await moderate(room_name), "public-forum")
    hal, ada, ben = await seated(
        browser, page_url, livekit_server, sitting, room_name, Hal="host", Ada="debater", Ben="debater"
    )
    await offers(ada, "Your side")
    await offers(hal, "Your side", "Preparation time", "Run the debate", "Format of the debate")
    await button(ada, "Con").click()
    for page in (hal, ada, ben):
        await expect(page.card("Ada").locator(".tags")).to_contain_text("Con")
        await expect(button(page, "Con")).to_contain_text("Ada")
    await expect(button(ada, "Con")).to_have_attribute("aria-pressed", "true")
    await expect(button(ben, "Con")).to_have_attribute("aria-pressed", "false")

    await button(hal, "Start the debate").click()
    # Ben chose none: he is given the other side, and begins.
    await expect(ben.card("Ben").locator(".tags")).to_contain_text("Pro")
    await expect(ben.card("Ben").locator(".tags")).to_contain_text("Has the floor")
    await expect(group(ada, "Your side")).to_have_count(0)


async def test_the_host_runs_the_debate(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str, livekit_server: RunningServer
):
    sitting = Sitting(await moderate(room_name), "lincoln-douglas")
    hal, ada, _ben, eve = await seated(
        browser, page_url, livekit_server, sitting, room_name,
        Hal="host", Ada="debater", Ben="debater", Eve="audience",
    )  # fmt: skip
    for page in (ada, eve):
        await expect(group(page, "Run the debate")).to_have_count(0)
    await button(hal, "Start the debate").click()
    await expect(hal.page.locator("#segment")).to_have_text("first affirmative speech")
    await expect(eve.page.locator("#facts")).to_contain_text("Next: first cross-examination")

    await button(hal, "Pause the clock").click()
    for page in (hal, ada, eve):
        await expect(page.page.locator("#facts")).to_contain_text("The clock is stopped")
        await expect(page.page.locator("#clock")).to_have_class(re.compile("stopped"))
        await expect(page.page.locator("#clock-time")).to_have_text("6:00")
        await expect(page.page.locator("#procedure-news")).to_have_text(re.compile("^The clock is stopped"))
    # Whoever came by keyboard goes on where the control was.
    await expect(button(hal, "Resume the clock")).to_be_focused()
    await button(hal, "One minute more").click()
    await expect(eve.page.locator("#clock-time")).to_have_text("7:00")
    await button(hal, "Resume the clock").press("Enter")
    await expect(button(hal, "Pause the clock")).to_be_visible()

    await button(hal, "Next part").click()
    await expect(hal.page.locator("#segment")).to_have_text("first cross-examination")
    await sitting.passes(60.0)
    await expect(hal.page.locator("#clock-time")).to_have_text(re.compile(r"^(2:0\d|1:5\d)$"))
    await button(hal, "Start this part over").click()
    await expect(hal.page.locator("#clock-time")).to_have_text(re.compile(r"^(3:00|2:5\d)$"))
    await expect(hal.page.locator("#segment")).to_have_text("first cross-examination")
    await sitting.part("second affirmative rebuttal")
    await button(hal, "End the last part").click()
    await expect(ada.page.locator("#facts")).to_have_text("The debate is over")
    await offers(hal, "Format of the debate")


async def test_the_host_ends_a_discussion_once_asked_whether_that_is_meant(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str, livekit_server: RunningServer
):
    sitting = Sitting(await moderate(room_name), "open-discussion")
    hal, ada = await seated(browser, page_url, livekit_server, sitting, room_name, Hal="host", Ada="debater")
    await offers(ada, "Your hand")
    answers = iter((False, True))
    asked: list[str] = []

    async def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await (dialog.accept() if next(answers) else dialog.dismiss())

    hal.page.on("dialog", answer)
    await button(hal, "End the debate").click()
    assert sitting.debate.clock.status == "open"
    await button(hal, "End the debate").click()
    await expect(ada.page.locator("#facts")).to_have_text("The debate is over")
    assert asked == ["End the debate for everybody?"] * 2
    await offers(ada)


async def test_debaters_run_the_debate_where_no_host_is(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str, livekit_server: RunningServer
):
    sitting = Sitting(await moderate(room_name), "open-discussion")
    ada, jo, hal = await seated(
        browser, page_url, livekit_server, sitting, room_name, Ada="debater", Jo="judge", Hal="host"
    )
    await hal.page.get_by_role("button", name="Leave").click()
    chosen = ada.page.get_by_role("combobox", name="Format")
    await expect(chosen).to_have_value("open-discussion")
    await chosen.select_option(label="Lincoln-Douglas")
    # The debate still counts the host, who left a moment ago: its refusal stands where Ada acted.
    await button(ada, "Choose").click()
    await expect(refusal(ada, "Format")).to_have_text("That is for the host to decide.")
    sitting.debate.people.leave(next(reversed(sitting.debate.people.known)), sitting.at)
    await button(ada, "Choose").click()
    await expect(button(ada, "Start the debate")).to_be_visible()
    await expect(refusal(ada, "Format")).to_have_text("")
    await expect(chosen).to_have_value("lincoln-douglas")
    await button(ada, "Start the debate").click()
    await expect(refusal(ada, "Run")).to_contain_text("Nobody speaks for negative yet")
    await expect(jo.page.locator("#facts")).to_contain_text("Next: first affirmative speech")
    await offers(jo)


async def test_hands_are_raised_in_order_and_lowered(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str, livekit_server: RunningServer
):
    sitting = Sitting(await moderate(room_name), "open-discussion")
    hal, ada, eve = await seated(
        browser, page_url, livekit_server, sitting, room_name, Hal="host", Ada="debater", Eve="audience"
    )
    await offers(eve)
    await button(hal, "Raise my hand").click()
    await expect(group(hal, "Your hand")).to_contain_text("You are called as soon as nobody speaks.")
    await button(ada, "Raise my hand").click()
    await expect(group(ada, "Your hand")).to_contain_text("1 hand is up before yours.")
    await button(hal, "Lower my hand").click()
    await expect(button(hal, "Raise my hand")).to_be_visible()
    await expect(group(ada, "Your hand")).to_contain_text("You are called as soon as nobody speaks.")


async def test_a_vote_its_change_and_the_swing_for_everybody(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str, livekit_server: RunningServer
):
    sitting = Sitting(await moderate(room_name), "oxford")
    ada, _ben, eve = await seated(
        browser, page_url, livekit_server, sitting, room_name, Ada="debater", Ben="debater", Eve="audience"
    )
    await sitting.part("first vote")
    for number, choice in enumerate(["for", "for", "against", "undecided"]):
        await sitting.command(f"guest-{number}", "vote", "audience", choice=choice)
    ballot = group(eve, "First vote: how do you vote")
    await expect(ballot.get_by_role("button")).to_have_text(["For", "Against", "Undecided"])
    await ballot.get_by_role("button", name="For").click()
    await expect(ballot).to_contain_text("You have voted “for”. You can change it until the vote closes.")
    await ballot.get_by_role("button", name="Undecided").click()
    await expect(ballot.get_by_role("button", name="Undecided")).to_have_attribute("aria-pressed", "true")
    await expect(ballot.get_by_role("button", name="For")).to_have_attribute("aria-pressed", "false")
    await expect(ada.page.locator("#facts")).to_contain_text("First vote: 5 votes so far")
    await expect(ada.page.locator("#result")).to_be_hidden()  # no counts while people still choose
    # What one has voted is one's own to know again, and nobody else's.
    await eve.page.reload()
    await expect(ballot).to_contain_text("You have voted “undecided”")
    await expect(group(ada, "First vote")).to_contain_text("Nobody else in the room sees")

    await sitting.part("final vote")
    await expect(group(eve, "Final vote")).not_to_contain_text("You have voted")
    for number, choice in enumerate(["for", "against", "against", "against"]):
        await sitting.command(f"guest-{number}", "vote", "audience", choice=choice)
    await group(eve, "Final vote").get_by_role("button", name="Against").click()
    await expect(group(eve, "Final vote")).to_contain_text("You have voted “against”")
    await sitting.passes(10.0)
    await sitting.command("", "next", "host")
    late = await visit(browser, page_url, has_microphone=False)
    await late.join("Zoe", room_name)
    for page in (ada, eve, late):
        await expect(page.page.locator("#verdict")).to_have_text("Against wins by the larger swing.")
        rows = page.page.locator("#result-table tr")
        await expect(rows).to_have_count(4)
        await expect(rows.nth(0).locator("th")).to_have_text(["Choice", "First vote", "Final vote", "Swing"])
        await expect(rows.nth(1).locator("td")).to_have_text(["2 (40 %)", "1 (20 %)", "−1"])
        await expect(rows.nth(2).locator("td")).to_have_text(["1 (20 %)", "4 (80 %)", "+3"])
        await expect(group(page, "Final vote")).to_have_count(0)
    widths = await eve.page.evaluate(
        "() => [...document.querySelectorAll('.vote-bar span')].map((bar) => bar.style.width)"
    )
    assert widths == ["40%", "20%", "20%", "80%", "40%", "0%"]


async def test_a_point_is_offered_and_taken_or_not(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str, livekit_server: RunningServer
):
    sitting = Sitting(await moderate(room_name), "world-schools")
    ada, ben, eve = await seated(
        browser, page_url, livekit_server, sitting, room_name, Ada="debater", Ben="debater", Eve="audience"
    )
    await sitting.part("first proposition speech")
    # Ada speaks. Only the other side has points, and none in the first minute.
    await expect(group(ben, "Point of information")).to_contain_text("Protected time")
    await expect(group(ada, "Point of information")).to_have_count(0)
    await sitting.passes(61.0)
    await button(ben, "Offer a point").click()
    await expect(group(ben, "Point of information")).to_contain_text("Offered.")
    await expect(eve.card("Ben").locator(".tags")).to_contain_text("Offers a point")
    await expect(group(eve, "Point")).to_have_count(0)
    await expect(ada.page.locator("#procedure-news")).to_contain_text("Ben offers a point of information")
    await button(ada, "Decline").click()
    await expect(button(ben, "Offer a point")).to_be_visible()

    await button(ben, "Offer a point").press("Enter")
    await button(ada, "Accept").click()
    await expect(group(ben, "Point of information")).to_contain_text("Your point")
    await expect(group(ada, "Point of information")).to_contain_text("Ben has fifteen seconds.")
    await sitting.passes(20.0)
    await expect(button(ben, "Offer a point")).to_be_visible()
    # A point that comes too late by a moment is refused where it was offered.
    sitting.at += 6 * 60.0
    await button(ben, "Offer a point").click()
    await expect(refusal(ben, "Point")).to_have_text("This is protected time: no points of information now.")
    await sitting.show()
    await expect(group(ben, "Point of information")).to_contain_text("Protected time: no points now.")
    await expect(refusal(ben, "Point")).to_have_text("")


async def test_an_act_whose_answer_is_late_keeps_no_later_one_from_going_out(browser: Browser, page_url: str):
    ada = await visit(browser, page_url)
    sent = await ada.page.evaluate("""async () => {
      const { initialState, moderatorAttributes } = await import("/web/js/state.js");
      const { createActing } = await import("/web/js/acting.js");
      const state = initialState();
      const answers = [];
      const sent = [];
      const command = (name, args) => {
        sent.push([name, args.choice ?? ""]);
        return new Promise((...two) => answers.push(two));
      };
      const { act } = createActing({ change: (fn) => fn(state), command });
      const shows = (segment) => moderatorAttributes(state, "sage", "Sage", { "sage.segment": segment });
      shows("opening");
      const acts = [act("vote", "vote", { choice: "for" }), act("vote", "vote", { choice: "for" })];
      acts.push(act("vote", "vote", { choice: "against" }));
      acts.push(act("point", "offer"), act("point", "offer"));
      shows("rebuttal");
      acts.push(act("point", "offer"));
      answers[3][1](new Error("too late"));
      await acts.at(-1);
      const refused = state.acts.refusals.get("point");
      answers.forEach(([resolve]) => resolve());
      return { sent, done: await Promise.all(acts), refused, busy: state.acts.busy.size };
    }""")
    assert sent["sent"] == [["vote", "for"], ["vote", "against"], ["offer", ""], ["offer", ""]]
    assert sent["done"] == [True, False, True, True, False, False]
    assert sent["refused"] == "too late"
    assert sent["busy"] == 0


async def test_preparation_time_and_the_rest_of_a_speech_are_the_sides_own(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str, livekit_server: RunningServer
):
    sitting = Sitting(await moderate(room_name), "public-forum")
    hal, ada, ben = await seated(
        browser, page_url, livekit_server, sitting, room_name, Hal="host", Ada="debater", Ben="debater"
    )
    await sitting.part("first pro speech")
    await offers(ada, "Your speech")
    await offers(ben)
    await button(ada, "Yield the rest of my time").click()
    await expect(ben.page.locator("#clock-time")).to_have_text("0:00")
    # Between two speeches each side may take its own preparation time.
    await expect(button(ben, "Take preparation time, 3:00 left")).to_be_visible()
    await button(ben, "Take preparation time").click()
    for page in (hal, ada, ben):
        await expect(page.page.locator("#facts")).to_contain_text("Con is preparing")
        await expect(page.page.locator("#clock-time")).to_have_text(re.compile(r"^(3:00|2:5\d)$"))
    await expect(group(ada, "Preparation time")).to_have_count(0)
    sitting.at += 70.0
    await button(hal, "End the preparation").click()
    await expect(ada.page.locator("#facts")).to_contain_text("Preparation left: pro 3:00, con 1:50")
    await offers(ben, "Your speech")
    sitting.debate.clock.prep_left["pro"] = 0.0
    await sitting.passes(241.0)
    await expect(group(ben, "Preparation time")).to_be_visible()
    await expect(group(ada, "Preparation time")).to_have_count(0)  # hers is used up
    # The host gave more time a moment ago, and the page has not heard of it.
    sitting.debate.clock.extend(sitting.at, 60.0)
    await button(ben, "Take preparation time").click()
    await expect(refusal(ben, "Preparation time")).to_contain_text("between the speeches")


async def test_judges_hand_in_ballots(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str, livekit_server: RunningServer
):
    sitting = Sitting(await moderate(room_name), "british-parliamentary")
    ada, _ben, jo, kim = await seated(
        browser, page_url, livekit_server, sitting, room_name,
        Ada="debater", Ben="debater", Jo="judge", Kim="judge",
    )  # fmt: skip
    await offers(jo)
    await sitting.part("Leader of the Opposition")
    await offers(jo, "Your ballot")
    await button(jo, "Fill in my ballot").click()
    dialog = jo.page.get_by_role("dialog")
    await dialog.get_by_role("radio", name="Opposition").check()
    await dialog.get_by_label("Ben, opposition").fill("81.5")
    await dialog.get_by_label("Reasons").fill("Better rebuttal.")
    await fits_and_is_accessible(jo)
    # Kim was quicker than the rules: a refusal stands in the form, which keeps what was written.
    form, sitting.debate.clock.format = sitting.debate.clock.format, load_formats()["oxford"]
    await dialog.get_by_role("button", name="Hand in").click()
    await expect(dialog.get_by_role("alert")).to_have_text("This format has no judges.")
    sitting.debate.clock.format = form
    await dialog.get_by_role("button", name="Hand in").click()
    await expect(dialog).to_be_hidden()
    [(judge, ballot)] = sitting.debate.voting.ballots.items()
    assert judge.startswith("jo-")
    assert (ballot.decision, list(ballot.points.values()), ballot.reasons) == (
        "opposition",
        [81.5],
        "Better rebuttal.",
    )
    for page in (ada, jo, kim):
        await expect(page.page.locator("#facts")).to_contain_text("Ballots in: 1 of 2")
    await expect(button(kim, "Fill in my ballot")).to_be_visible()
    await expect(group(ada, "Your ballot")).to_have_count(0)

    # Also after a reload the judge's own ballot is there to be changed.
    await jo.page.reload()
    await button(jo, "Change my ballot").click()
    await expect(dialog.get_by_role("radio", name="Opposition")).to_be_checked()
    await expect(dialog.get_by_label("Ben, opposition")).to_have_value("81.5")
    await expect(dialog.get_by_label("Reasons")).to_have_value("Better rebuttal.")
    await dialog.get_by_role("radio", name="Government").check()
    await dialog.get_by_role("button", name="Hand in").press("Enter")
    await expect(dialog).to_be_hidden()
    assert [one.decision for one in sitting.debate.voting.ballots.values()] == ["government"]


async def test_nonsense_and_hostile_texts_in_attributes_break_nothing(
    browser: Browser, page_url: str, moderate: Moderate, room_name: str
):
    moderator = await moderate(room_name)
    ada = await visit(browser, page_url, **NARROW)
    await ada.join("Ada", room_name)
    await ada.card("Ada").wait_for()
    vote = {
        "choices": [HOSTILE, "no"],
        "votes": [{"number": 1, "name": HOSTILE, "cast": 3, "counts": [3, 0]}],
    }
    await moderator.attributes(
        status="ready",
        course=json.dumps({"kind": "vote", "next": HOSTILE}),
        sides=json.dumps({HOSTILE: ["x" * 300], "no": []}),
        vote=json.dumps({**vote, "won": [HOSTILE]}),
        point=json.dumps({"window": HOSTILE, "by": HOSTILE}),
    )
    await expect(ada.page.locator("#verdict")).to_have_text(f"{HOSTILE} wins.")
    await expect(ada.page.locator("#facts")).to_contain_text(HOSTILE)
    await expect(ada.page.locator("#acts legend").filter(has_text="Your side")).to_be_visible()
    assert await ada.page.locator("#debate img, #debate b").count() == 0
    await fits_and_is_accessible(ada)
    for text in ("{", "[]", "null", "7", '{"votes": 3, "left": [], "choices": [1]}', '{"no": {"length": 3}}'):
        names = ("course", "sides", "vote", "point", "prep", "ballots")
        await moderator.attributes(status=text, **dict.fromkeys(names, text))
        await moderator.attributes(topic=f"After {text}")
        await expect(ada.page.locator("#debate-topic")).to_have_text(f"After {text}")
        await expect(ada.page.locator("#result")).to_be_hidden()
    assert not [line for line in ada.console if line.startswith(("error", "pageerror"))]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_controls_fit_a_narrow_page_and_are_accessible(
    browser: Browser,
    page_url: str,
    moderate: Moderate,
    room_name: str,
    livekit_server: RunningServer,
    scheme: str,
):
    sitting = Sitting(await moderate(room_name), "public-forum")
    hal = await visit(browser, page_url, color_scheme=scheme, reduced_motion="reduce", **NARROW)
    await with_role(hal, livekit_server, "host")
    await hal.join("Hal", room_name)
    await sitting.joined(hal, "Hal", "host")
    for name in ("Wolfeschlegelsteinhausenbergerdorff" * 2, "Ben"):
        sitting.debate.apply(Joined(name.lower(), name), 0.0)
    await button(hal, "Pro").click()
    await fits_and_is_accessible(hal)
    await sitting.part("first pro speech")
    await button(hal, "Yield").wait_for()
    await fits_and_is_accessible(hal)
    sitting.debate.clock.format = load_formats()["oxford"]
    sitting.debate.clock.index = -1
    for part in ("first vote", "final vote"):
        await sitting.part(part)
        await sitting.command("ben", "vote", choice="for")
        await button(hal, "Against").click()
        await expect(button(hal, "Against")).to_have_attribute("aria-pressed", "true")
        await fits_and_is_accessible(hal)
    await sitting.passes(10.0)
    await sitting.command("", "next", "host")
    await expect(hal.page.locator("#verdict")).to_have_text("It is a draw.")
    await fits_and_is_accessible(hal)
