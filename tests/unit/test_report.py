"""A journal becomes a report: what was, and nothing that was not; in every form, whatever people said."""

import json
import time
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from debate.decisions import KINDS
from debate.events import Commanded, FactChecked, Joined, Left, Tick, Uttered
from debate.sources import Source
from report import FORMS, Report, report_of
from report.content import FORGOTTEN, Line
from report.plain import DEEDS, deed
from report.talk import interruptions
from tests.unit.journalled import PERSONAS, Journalled

WORDS = "the tram costs less than the road while buses reach the hills and nobody asked the tenants"
HOSTILE = "</script><script>alert(1)</script> *bold* [x](javascript:alert(1)) | --> \u202e &amp; {{ 'zq'*2 }}"


def of(played: Journalled) -> Report:
    return report_of(played.record, played.records, PERSONAS)


def oxford() -> Journalled:
    """An Oxford debate with two votes, two speakers, a fact check, and an end."""
    played = Journalled(form="oxford")
    for name, role in (("ana", "debater"), ("ben", "debater"), ("eve", "audience"), ("hal", "host")):
        played.tell(Joined(name, name.capitalize(), role))
    played.tell(Commanded("ana", "side", {"side": "for"}), 1)
    played.tell(Commanded("ben", "side", {"side": "against"}), 1)
    played.tell(Commanded("hal", "start", {}, "host"), 1)
    played.tell(Commanded("eve", "vote", {"choice": "against"}, "audience"), 1)
    played.tell(Commanded("hal", "next", {}, "host"), 20)
    played.moderator_says("Ana, the floor is yours.")
    played.says("ana", "Fewer cars mean cleaner air, because exhaust is the largest source of particles.", 20)
    played.says("ana", "And who pays for the hospital beds that bad air fills?", 6)
    played.tell(Commanded("hal", "next", {}, "host"), 10)
    played.says("ben", "Exhaust is not the largest source of particles any more: tyres and brakes are.", 20)
    played.says("ana", "That is plainly not what the measurements say at all.", 6, over=2)
    while played.debate.clock.segment is not None and played.debate.clock.segment.kind != "vote":
        played.tell(Commanded("hal", "next", {}, "host"), 20)
    played.tell(Commanded("eve", "vote", {"choice": "for"}, "audience"), 1)
    played.tell(Commanded("hal", "end", {}, "host"), 10)
    return played


def test_an_oxford_debate_as_it_was():
    report = of(oxford())
    assert (report.topic, report.format, report.over) == ("Should cities ban cars?", "Oxford", True)
    assert [vote.counts["for"] for vote in report.votes] == [0, 1]
    assert report.swing == {"for": 1, "against": -1, "undecided": 0}
    assert "For wins." in report.outcome
    first = next(part for part in report.parts if part.speaker == "ana")
    assert (first.side, first.given) == ("for", 420.0)
    ana, ben = (next(one for one in report.people if one.name == name) for name in ("Ana", "Ben"))
    # a speech of seven minutes and a closing of two
    assert (ana.seconds, ana.side, ana.given) == (32.0, "for", 540.0)
    assert (ana.interrupted, ana.was_interrupted) == (1, 0)
    assert (ben.seconds, ben.was_interrupted) == (20.0, 1)
    assert [side.name for side in report.sides] == ["for", "against"]
    (cars, *_) = report.arguments
    assert cars.quote.name == "Ana"
    assert [reply.name for reply in cars.replies] == ["Ben"]
    assert [one.text for one in report.open_questions] == [
        "And who pays for the hospital beds that bad air fills?"
    ]
    assert report.moderator_words == 5
    assert 0 < report.moderator_share < 0.15


def test_a_debate_that_was_ended_is_not_longer_for_who_stays():
    played = oxford()
    ended = of(played).seconds
    played.tell(Joined("zoe", "Zoe", "audience"), 600.0)
    played.tell(Left("zoe"), 30.0)
    assert of(played).seconds == ended


def test_every_word_is_the_journals_and_every_word_of_the_journal_is_there():
    played = oxford()
    said = [
        row.data["text"]
        for row in played.records
        if row.data.get("type") == "uttered" or row.kind == "spoken"
    ]
    report = of(played)
    assert sorted(line.text for line in report.lines) == sorted(said)
    for form in ("txt", "vtt"):
        shown = FORMS[form].make(report)
        assert [text for text in said if text not in shown] == []
    assert [line["text"] for line in json.loads(FORMS["json"].make(report))["lines"]] == [
        line.text for line in report.lines
    ]
    # quotations are words of the utterance that they point to
    texts = {line.id: line.text for line in report.lines}
    quotes = [argument.quote for argument in report.arguments] + list(report.open_questions)
    assert quotes
    assert [one for one in quotes if one.text.rstrip("….") not in texts[one.line]] == []


class _Elements(HTMLParser):
    """The tags, the links and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name.startswith("on"):
                self.handlers.append(name)
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")

    def handle_data(self, data: str) -> None:
        self.words += data


def hostile() -> Journalled:
    played = Journalled(topic=HOSTILE)
    played.tell(Joined("a-1", HOSTILE, "debater"))
    played.tell(Joined("b-1", "Ben\u202e\n# Eve", "debater"))
    played.says("a-1", HOSTILE)
    played.tell(Uttered("x" * 8, "b-1", "1. no list\n# no heading", played.at, played.at, via="chat"))
    fact = {"kind": "fact_check", "check": "1", "question": HOSTILE, "reason": HOSTILE, "addressed_to": "a-1"}
    played.keep("decision", fact)
    played.keep(
        "event",
        {
            "type": "fact_checked", "check": "1", "verdict": "false", "sentence": HOSTILE,
            "sources": [{"title": HOSTILE, "url": "https://e.org/?a=1&b=%22"}, {"title": "x", "url": "javascript:1"}],
        },
    )  # fmt: skip
    return played


def test_what_people_say_is_never_markup():
    report = of(hostile())
    page = _Elements(FORMS["html"].make(report))
    assert "script" not in page.tags
    assert page.handlers == []
    assert all(link.startswith(("#", "https://e.org/")) for link in page.links)
    assert "{{ 'zq'*2 }}" in page.words
    assert "zqzq" not in page.words  # letters that no id and no time has
    marked = _Elements(MarkdownIt().enable("table").render(FORMS["md"].make(report)))
    assert not {"script", "em", "ol", "h3"} & set(marked.tags)
    assert marked.tags.count("h1") == 1
    assert all(link.startswith("https://e.org/") for link in marked.links)
    assert "no heading" in marked.words
    captions = FORMS["vtt"].make(report)
    cues = captions.split("\n\n")[1:]
    assert all(len(cue.strip().splitlines()) == 2 for cue in cues)
    assert captions.count(" --> ") == len(cues)


def test_the_page_can_be_read_without_seeing_the_picture():
    page = _Elements(FORMS["html"].make(of(oxford())))
    assert page.tags.count("h1") == 1
    assert {"main", "title", "desc", "thead"} <= set(page.tags)
    assert len(page.ids) == len(set(page.ids))
    targets = {f"#{id_}" for id_ in page.ids}
    assert [link for link in page.links if link.startswith("#") and link not in targets] == []


def test_a_verdict_without_a_source_is_not_told():
    played = Journalled()
    played.tell(Joined("ana", "Ana"))
    for number, sources in (("1", ()), ("2", (Source("S", "https://example.org/"),))):
        played.keep(
            "decision", {"kind": "fact_check", "check": number, "question": "Is it so?", "reason": "R."}
        )
        played.keep("event", {"type": "fact_checked", "check": number, "verdict": "false", "sentence": "No.",
                              "sources": [{"title": one.title, "url": one.url} for one in sources]})  # fmt: skip
    played.tell(FactChecked("3", trouble="late"))
    bare, sourced, late = of(played).checks
    assert (bare.verdict, bare.sentence) == ("", "")
    assert (sourced.verdict != "", sourced.sentence) == (True, "No.")
    assert "took too long" in late.trouble
    assert "no verdict" in FORMS["html"].make(of(played))


def test_what_was_typed_is_told_apart_and_can_be_read_in_time():
    played = Journalled()
    played.tell(Joined("ana", "Ana"))
    text = "Where can I read the whole study that you spoke of"
    played.tell(Uttered("u1", "ana", text, start=5.0, end=5.0, via="chat"), 5)
    report = of(played)
    assert "Ana (typed): Where" in FORMS["txt"].make(report)
    assert "**Ana** (typed): Where" in FORMS["md"].make(report)
    assert "Ana</bdi></b> (typed): " in FORMS["html"].make(report)
    assert "00:00:05.000 --> 00:00:08.667\n<v Ana>" in FORMS["vtt"].make(report)


def test_every_deed_of_the_moderator_has_words():
    assert set(DEEDS) == set(KINDS)
    assert deed("from_a_newer_sage") == "from a newer sage"
    assert "spoke up: Hal ended the debate" in FORMS["md"].make(of(oxford()))


def test_a_table_has_no_column_that_nobody_fills():
    played = Journalled()
    played.tell(Joined("ana", "Ana"))
    played.says("ana", "Nobody has a side here, nor a time of their own.", 4)
    table = FORMS["md"].make(of(played)).split("## Who spoke\n\n")[1].split("\n\n")[0].splitlines()
    assert table[0] == "| who | time | words | cut others off | was cut off |"
    assert {row.count("|") for row in table} == {6}
    full = FORMS["md"].make(of(oxford())).split("## Who spoke\n\n")[1].splitlines()
    assert full[0] == "| who | side | time | given | words | cut others off | was cut off |"
    assert {row.count("|") for row in full[:4]} == {8}


def test_forgotten_words_are_gone_and_their_place_stays():
    played = Journalled()
    played.tell(Joined("ana", "Ana"))
    utterance = played.says("ana", "My neighbour is called Walter and lives at number nine.")
    (row,) = [one for one in played.records if one.data.get("utterance_id") == utterance]
    row.data.update(text="", forgotten=True)
    report = of(played)
    assert [line.shown for line in report.lines] == [FORGOTTEN]
    for form in FORMS.values():
        assert "Walter" not in form.make(report)
    assert FORGOTTEN in FORMS["txt"].make(report)


def test_a_debate_without_an_end_or_without_a_word():
    nothing = of(Journalled())
    assert (nothing.lines, nothing.people, nothing.over, nothing.moderator_share) == ((), (), False, 0.0)
    for form in FORMS.values():
        assert form.make(nothing)
    cut_off = Journalled(form="public-forum")
    for name, side in (("ana", "pro"), ("ben", "con")):
        cut_off.tell(Joined(name, name.capitalize()))
        cut_off.tell(Commanded(name, "side", {"side": side}))
    cut_off.tell(Commanded("ana", "start"), 1)
    cut_off.says("ana", "We begin, and then the process is killed.")
    report = of(cut_off)
    assert not report.over
    assert report.parts[-1].end == pytest.approx(cut_off.at)
    assert "it was not ended" in FORMS["html"].make(report)


def test_what_is_not_known_any_more_does_not_hide_the_words():
    played = Journalled()
    played.tell(Joined("ana", "Ana"))
    played.says("ana", "The words outlast the persona.")
    played.keep("event", {"type": "from-a-newer-sage", "identity": "ana"})
    record = played.record.__class__(
        played.record.debate_id, "agora", "Cars", "a-persona-that-was-deleted", "a-format-too", 0.0
    )
    assert [line.text for line in report_of(record, played.records, PERSONAS).lines] == [
        "The words outlast the persona."
    ]


def line(identity: str, start: float, end: float, text: str = "one two three four five") -> Line:
    return Line(f"{identity}{start}", identity, identity, text, start, end)


@pytest.mark.parametrize(
    ("second", "made"),
    [
        (line("b", 5, 12), {"b": 1}),  # speaks on after the other's end
        (line("b", 5, 8), {}),  # the other goes on
        (line("b", 9.7, 12), {}),  # the usual overlap
        (line("b", 5, 12, "yes, right"), {}),  # a sign of listening
        (line("a", 5, 12), {}),  # nobody cuts themselves off
        (line("", 5, 12), {}),  # the moderator's right
    ],
)
def test_who_cuts_whom_off(second: Line, made: dict[str, int]):
    assert interruptions([line("a", 0, 10), second])[0] == made


def test_four_hours_of_twenty_people_are_told_of_within_two_seconds_of_work():
    played = Journalled()
    people = [f"p{number}" for number in range(20)]
    for number, one in enumerate(people):
        played.tell(Joined(one, f"Person {number}"))
    words = WORDS.split()
    turn = 0
    while played.at < 4 * 3600:
        turn += 1
        text = " ".join(words[(turn * 7 + step) % len(words)] for step in range(24)).capitalize() + "."
        played.says(people[turn % 20], text, 8.0)
    played.tell(Left("p3"))
    played.tell(Tick(), 1)
    began = time.process_time()
    report = of(played)
    page = FORMS["html"].make(report)
    # a busy machine takes its time; what is bounded is the work (1.3 s where this was written)
    assert time.process_time() - began < 6.0
    assert len(report.lines) == turn
    assert page.count('class="line"') == turn
