"""docs/moderation.md against the code: its signals, and its numbers."""

import re
from typing import get_args

from bench import manners
from debate import accord, attention, fact_checks, points, policy, signals
from debate.judgement import judge
from debate.sources import MOST_SOURCES
from launcher.places import REPOSITORY
from personas.registry import load_registry
from voice import judging

TEXT = (REPOSITORY / "docs" / "moderation.md").read_text(encoding="utf-8")


def test_the_table_has_every_signal_in_the_order_in_which_they_are_weighed():
    rows = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
    assert tuple(rows) == policy.ORDER
    assert set(rows) == set(get_args(signals.Name))


def test_the_numbers_are_those_of_the_code():
    for words in (
        f"more than {signals.OUT_OF_TURN_SECONDS:g} s in another's protected time",
        f"more than {signals.CAMPAIGN_SECONDS:g} s during a vote",
        f"not begun after {signals.BEGIN_SECONDS:g} s",
        f"twice within {signals.CUTS_SECONDS:g} s",
        f"{policy.NUDGE_SECONDS:g} s later another is invited",
        f"and {signals.QUIET_SECONDS:g} s, without a word",
        f"{signals.REMEMBERED_SECONDS:g} s are enough where",
        f"a turn of at least {signals.TURN_SECONDS:g} s, or in one of {signals.LONG_TURN_SECONDS:g} s",
        f"the first {signals.ANSWER_SECONDS:g} s of an answer",
        f"a sentence of at least {signals.CUT_WORDS} words",
        f"the same within {accord.ASSENT_SECONDS:g} s",
        f"joins them for {accord.OTHERS_SECONDS:g} s",
        f"At most {policy.WORD_SHARE:.0%}".replace("%", " %"),
        f"At least {policy.GAP_SECONDS:g} s between",
        f"within {policy.SAME_SECONDS:g} s",
        f"a pause of {policy.PAUSE_SECONDS:g} s",
        f"wait {policy.PATIENCE_SECONDS:g} s for one",
        f"or {signals.CROSSTALK_CUTS} speeches were cut off within {signals.CROSSTALK_SECONDS:g} s",
    ):
        assert words in TEXT, words
    for words in (
        f"one question every {judging.BATCH_SECONDS:g} s",
        f"at most {judging.BATCH_MAX} utterances",
        f"answers within {judging.ANSWER_SECONDS:g} s",
        f"in anybody's time, for {points.POINT_SECONDS:g} s",
        f"has {attention.WAIT_SECONDS:g} s in which",
        f"at most {fact_checks.CLAIM_SECONDS:g} s old",
        f"at most {fact_checks.MOST_WAITING} on their",
        f"at most {MOST_SOURCES} sources",
        f"After {fact_checks.PATIENCE_SECONDS:g} s whoever asked",
        f"within {fact_checks.OFFER_SECONDS:g} s takes the",
    ):
        assert words in TEXT, words
    assert "In protected time only" in TEXT
    assert all(f"`{name}`" in TEXT for name in policy.EXEMPT)


def test_the_manners_side_by_side_are_what_the_personas_say():
    page = (REPOSITORY / "docs" / "manners.md").read_text(encoding="utf-8")
    assert page == manners.page(), "make it anew: python -m bench.manners"
    rows = re.findall(r"^\| the ([\w' ]+) \| ([\d:]*) \| (.*) \|$", page, re.MULTILINE)
    words: dict[str, set[str]] = {}
    for persona, when, text in rows:
        words.setdefault(text, set()).update({persona} if when else ())
    assert {
        text: who for text, who in words.items() if len(who) > 1
    } == {}  # no two personas in the same words
    assert {persona for persona, when, _ in rows if when} == {
        persona.title.removeprefix("the ") for persona in load_registry()
    }
    moments: dict[str, list[str]] = {}
    for persona, when, _ in rows:
        moments.setdefault(persona, []).append(when)
    assert len({tuple(found) for found in moments.values()}) >= 3


def test_a_claim_is_told_from_a_year_and_from_what_people_counted_themselves():
    claims = (
        "There was a study, I think from Sheffield, on open choirs.",
        "They spend seventy two million euros on it every year.",
        "Eight in ten say they would donate.",
        "I read that half of all boys never open a book.",
        "Over seventy, the accidents go up by three times for every mile.",
    )
    others = (
        "It has been so since two thousand nineteen.",
        "I counted a hundred and eighty six cars on Monday.",
        "I have told you a thousand times.",
        "Let us take two minutes for that point.",
    )
    assert [text for text in claims if not judge(text, []).claim] == []
    assert [text for text in others if judge(text, []).claim] == []
