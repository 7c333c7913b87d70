"""The query language of recall: what is asked of the words that were said, in one form for every engine.

Plain questions ("What did Ana say about taxes last week?") and operators mix: words, "phrases",
`speaker:ana`, `topic:taxes`, `debate:<id>`, `since:2026-11-01`, `until:2026-11-30`, `last week`, `on Monday`,
`in October`. Any text is a query: what is not understood is a word. Knows no storage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

QUERY_CHARS = 400
WORDS_MOST = 12
PHRASES_MOST = 4

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_QUOTED = re.compile(r'["“”„]([^"“”„]*)["“”„]')
_OPERATOR = re.compile(
    r'\b(speaker|by|topic|debate|since|until):(?:["“”]([^"“”]*)["“”]|(\S+))', re.IGNORECASE
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_NUMBERS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_SPAN = re.compile(
    r"\b(?:(?P<day>today|yesterday)|(?P<which>last|this) (?P<unit>week|month|year)"
    r"|(?P<count>\d{1,3}|a|one|two|three|four|five|six) (?P<ago>day|week|month)s? ago"
    rf"|(?:on|last) (?P<weekday>{'|'.join(_DAYS)})|(?:in|last) (?P<month>{'|'.join(_MONTHS)}))\b",
    re.IGNORECASE,
)
_SAYING = (
    r"say|says|said|think|thinks|thought|claim|claims|claimed|argue|argued|mention|mentioned|tell|told|admit|admitted"
    r"|promise|promised|propose|proposed|want|wanted|believe|agree|withdraw|ask|asked|concede|conceded|object|objected"
    r"|suggest|suggested|talk|talked|speak|spoke|offer|apologise|apologised"
)
_NAME = r"[^\W\d_][\w'’-]*"
_ASKED_OF = (
    re.compile(
        rf"\b(?:did|does|has|had|have)\s+(?P<who>{_NAME}(?:\s+{_NAME})?)\s+(?:(?:ever|once|really|just)\s+)?(?:{_SAYING})\b",
        re.IGNORECASE,
    ),
    re.compile(rf"\baccording\s+to\s+(?P<who>{_NAME})", re.IGNORECASE),
)
_NOBODY = frozenset(
    """
    a any anybody anyone everybody everyone he i it people she somebody someone that the there these they
    this those we who you
    """.split()  # noqa: SIM905 - as a list it would fill the page
)
STOP_WORDS = frozenset(
    """
    a about according after again all also am an and any anybody anyone anything are argue argued as asked
    at be been before being but by can claim claimed could did do does doing done ever everybody everyone
    everything for from get had has have he her hers him his how i if in into is it its just like many me
    mention mentioned more most much my no not nothing of on one or our out over propose proposed really
    remember said say saying says she should so some somebody someone something speak spoke supposed talk
    talked talking tell than that the their them then there these they thing things think this those to told
    too up us very want wanted was we were what when where whether which who whom whose why will with would
    yes you your
    """.split()  # noqa: SIM905 - as a list it would fill the page
)


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for. Every word counts; phrases, speaker, topic, debate and times exclude.

    `speaker` is as it was asked for, not an identity; `since` and `until` are epoch seconds, [since, until).
    """

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    speaker: str = ""
    topic: str = ""
    debate: str = ""
    since: float | None = None
    until: float | None = None

    def __bool__(self) -> bool:
        return any((self.words, self.phrases, self.speaker, self.topic, self.debate, self.since, self.until))

    @property
    def about(self) -> str:
        """The words and phrases as a person would say them, "" where only speaker or time are asked for."""
        return " ".join((*self.phrases, *self.words, *filter(None, (self.topic,))))


def parse_query(text: str, now: float, names: Iterable[tuple[str, str]] = (), zone: tzinfo = UTC) -> Query:
    """What `text` asks for at `now` (epoch seconds). `names`: (identity, name) of those who have spoken.

    Never raises, whatever `text` is.
    """
    text = " ".join(text[:QUERY_CHARS].replace("\0", " ").split())
    given: dict[str, str] = {}

    def take(match: re.Match[str]) -> str:
        given[match[1].lower()] = (match[2] if match[2] is not None else match[3]).strip('"“”,;?!')
        return " "

    text = _OPERATOR.sub(take, text)
    phrases = tuple(filter(None, (" ".join(words_of(found)) for found in _QUOTED.findall(text))))
    text = _QUOTED.sub(" ", text)
    since, until = None, None
    if (span := _SPAN.search(text)) is not None:
        since, until = _times(span, datetime.fromtimestamp(now, zone))
        text = f"{text[: span.start()]} {text[span.end() :]}"
    since = _day(given.get("since", ""), zone) or since
    if (last := _day(given.get("until", ""), zone)) is not None:
        until = last + timedelta(days=1).total_seconds()
    known = tuple(names)
    speaker, text = _speaker(text, known)
    speaker = given.get("speaker") or given.get("by") or speaker
    words = dict.fromkeys(word for word in words_of(text) if word not in STOP_WORDS)
    return Query(
        words=tuple(words)[:WORDS_MOST],
        phrases=phrases[:PHRASES_MOST],
        speaker=speaker,
        topic=given.get("topic", ""),
        debate=given.get("debate", "").lower(),
        since=since,
        until=until,
    )


def words_of(text: str) -> list[str]:
    """The words of `text` in lower case, a possessive 's taken off."""
    return [re.sub(r"['’]s?$", "", word) for word in _WORD.findall(text.casefold())]


def speakers_named(speaker: str, names: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The identities that `speaker` can mean: by first, last or whole name, or by identity; () for nobody."""
    asked = words_of(speaker)
    found: dict[str, None] = {}
    for identity, name in names:
        parts = words_of(name)
        if asked and (asked in (parts, words_of(identity)) or (len(asked) == 1 and asked[0] in parts)):
            found[identity] = None
    return tuple(found)


def _speaker(text: str, names: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Whose words are asked for ("" for anybody's), and what is left of `text`."""
    best: tuple[int, int, str] | None = None
    for identity, name in names:
        parts = words_of(name)
        for form in {" ".join(parts), *parts, " ".join(words_of(identity))}:
            if not form or form in STOP_WORDS:
                continue
            match = re.search(rf"(?<!\w){re.escape(form)}(?:['’]s?)?(?!\w)", text, re.IGNORECASE)
            if match is not None and (best is None or (match.start(), -len(form)) < (best[0], -len(best[2]))):
                best = (match.start(), match.end(), form)
    for pattern in _ASKED_OF:
        # somebody whom nobody here knows is asked for all the same: the answer is that there is no record
        match = pattern.search(text)
        if match is None:
            continue
        who = match["who"]
        first = who.split()[0].casefold()
        if first in _NOBODY or (best is not None and best[0] <= match.start("who")):
            break
        if best is None or best[0] != match.start("who"):
            return who, f"{text[: match.start('who')]} {text[match.end('who') :]}"
    return (best[2], f"{text[: best[0]]} {text[best[1] :]}") if best is not None else ("", text)


def _day(text: str, zone: tzinfo) -> float | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        return None


def _times(span: re.Match[str], now: datetime) -> tuple[float, float]:
    """The [since, until) that a matched span of time means."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday())
    unit = span["unit"] or ""
    if span["day"]:
        start = today - timedelta(days=0 if span["day"].lower() == "today" else 1)
        end = start + timedelta(days=1)
    elif unit.lower() == "week":
        start = monday - timedelta(days=7 if span["which"].lower() == "last" else 0)
        end = start + timedelta(days=7)
    elif unit:
        start, end = _calendar(today, unit.lower(), 1 if span["which"].lower() == "last" else 0)
    elif span["ago"]:
        start, end = _ago(span, today, monday)
    elif span["weekday"]:
        days = (today.weekday() - _DAYS.index(span["weekday"].lower())) % 7 or 7
        start = today - timedelta(days=days)
        end = start + timedelta(days=1)
    else:
        month = _MONTHS.index(span["month"].lower()) + 1
        start = today.replace(year=today.year - (month > today.month), month=month, day=1)
        end = (start + timedelta(days=32)).replace(day=1)
    return start.timestamp(), end.timestamp()


def _ago(span: re.Match[str], today: datetime, monday: datetime) -> tuple[datetime, datetime]:
    count = int(span["count"]) if span["count"].isdigit() else _NUMBERS[span["count"].lower()]
    unit = span["ago"].lower()
    if unit == "month":
        return _calendar(today, "month", count)
    start = today - timedelta(days=count) if unit == "day" else monday - timedelta(weeks=count)
    return start, start + timedelta(days=1 if unit == "day" else 7)


def _calendar(today: datetime, unit: str, back: int) -> tuple[datetime, datetime]:
    if unit == "year":
        start = today.replace(year=today.year - back, month=1, day=1)
        return start, start.replace(year=start.year + 1)
    months = today.year * 12 + today.month - 1 - back
    start = today.replace(year=months // 12, month=months % 12 + 1, day=1)
    return start, (start + timedelta(days=32)).replace(day=1)
