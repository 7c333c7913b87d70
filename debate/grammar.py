"""The command grammar: what people ask of the moderator, in many wordings, understood without any LLM.

Owns the mapping from words to a command's name and arguments; tolerant of what small recognisers make of them.
Judges neither who is addressed (address.py) nor who may do what (debate.py), and answers nothing (playbook.py).
"""

# ruff: noqa: ARG001 - the functions of one table share one signature, whatever each of them needs.
from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from types import MappingProxyType

from debate.checkable import named_in
from debate.formats import load_formats
from debate.motions import read_motion
from debate.view import DebateView
from debate.words import clean, parse_number, plain, squash
from personas.registry import DEFAULT_PERSONA, Persona

# Commands that only ask; all others change something.
QUESTIONS = frozenset(
    {"time", "talk-time", "floor", "topic", "balance", "summary", "people", "help", "repeat", "formats"}
)
TOPIC_CHARS = 200
INTENT_WORDS = 16

EXPANSIONS = {
    "what's": "what is", "whats": "what is", "who's": "who is", "how's": "how is", "where's": "where is",
    "that's": "that is", "it's": "it is", "let's": "let us", "lets": "let us", "i'm": "i am", "i've": "i have",
    "i'd": "i would", "i'll": "i will", "we're": "we are", "we've": "we have", "we'd": "we would",
    "don't": "do not", "dont": "do not", "can't": "can not", "cannot": "can not", "when's": "when is",
    "you're": "you are", "he's": "he is", "she's": "she is", "summarize": "summarise", "recapp": "recap",
    "wanna": "want to", "gimme": "give me", "lemme": "let me", "doesn't": "does not", "isn't": "is not",
}  # fmt: skip
_POLITE = re.compile(
    r"^(?:(?:so|well|okay|ok|alright|please|um|uh|er|now|hey|hi|hello|just|then|and|but|right|yes|yeah|thanks"
    r"|thank you|sorry|excuse me|kindly|maybe|perhaps|actually|for now"
    r"|(?:could|can|would|will|may) (?:you|we|i ask you to|i have you)(?: please| just| now| maybe| also)*"
    r"|i (?:would like|want|need|ask|would love)(?: for)? you to|we (?:would like|want|need)(?: for)? you to"
    r"|you (?:should|could|can|must|may)|i think you should|why do not you|would you mind|do you mind"
    r"|do you think you (?:can|could)|are you able to|try to) )+"
)
_TRAILING = re.compile(r"(?: (?:please|now|thanks|thank you|for us|for me|okay|then|right now|for once))+$")


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """`name` as in `sage.<name>`; `args` are strings, an identity where a person is meant."""

    name: str
    args: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def normalise(text: str) -> str:
    """`text` as lower-case words, contractions expanded, politeness taken off both ends."""
    words = " ".join(EXPANSIONS.get(word, word) for word in plain(text).split())
    return _TRAILING.sub("", _POLITE.sub("", f"{words} ").strip()).strip()


def intent(text: str, *, opening: bool = False) -> str:
    """The name of the question or command that `text` is by its wording alone, "" where it is none.

    With `opening`, only wordings with which `text` begins count.
    """
    # A request stands at the beginning: the rest of a long speech would only cost time.
    words = normalise(" ".join(text.split()[:INTENT_WORDS]))
    if not words:
        return ""
    if opening:
        return next((name for name, pattern in _INTENTS if pattern.match(words)), "")
    if _I_WANT.match(words) or _LET_SPEAK.match(words):
        return "give-floor"
    if any(_TITLED.match(words, match.end()) for match in _BECOME.finditer(words)):
        return "persona"
    return next((name for name, pattern in _INTENTS if pattern.search(words)), "")


def parse_command(
    rest: str, view: DebateView, personas: Iterable[Persona] = (), asker: str = ""
) -> ParsedCommand | None:
    """What `rest` (an utterance without its address) asks for, or None where it is free speech.

    `personas` are those that can be switched to (those of the view's persona when none are given), `asker` is
    the identity that "me" means.
    """
    words = normalise(rest)
    if not words:
        return None
    if _FACT_CHECK.search(words):
        # before the personas: "fact check" sounds like the topic expert's "fact checker"
        return ParsedCommand("factcheck", named_in(words, rest, lambda who: match_person(who, view)))
    if _asks_to_recall(words, view):
        # before the floor and the summary: both ask what somebody says, of this debate
        return ParsedCommand("recall", {"question": rest.strip()})
    form = load_formats().get(view.format)
    if form is not None and (motion := read_motion(words, form)) is not None:
        return ParsedCommand(*motion)
    persona = match_persona(words, tuple(personas) or (view.persona,), view.persona)
    if persona is not None:
        return ParsedCommand("persona", {"persona": persona})
    for read in (_read_topic, _read_format, _read_floor, _read_extend):
        command = read(words, rest, view, asker)
        if command is not None:
            return command
    name = next((name for name, pattern in _INTENTS if pattern.search(words)), "")
    return ParsedCommand(name) if name else None


# --- persona -------------------------------------------------------------------------------------------------

_BECOME = re.compile(
    r"\b(?:be(?: more(?: like)?| again)?|become|switch(?:ed)?(?: over| back| yourself)?(?: to| into)?"
    r"|change(?: back| over)?(?: (?:your |the |to a )?(?:persona|personality|role|mode|style|manner|character))?"
    r"(?: to| into)?|turn(?: back)? (?:to|into)|go(?: back)? (?:to(?: being)?|into)|go|return to(?: being)?|back to"
    r"|act(?: (?:as|like))?|behave(?: (?:as|like))|play(?: the (?:role|part) of)?|take(?: on| over)?(?: as)?"
    r"(?: the (?:role|part|job|persona) of)?|speak (?:as|like)|moderate (?:as|like)|talk (?:as|like)|use"
    r"|set (?:your |the )?(?:persona|mode|role|style)(?: to)?|give us|we need|i need|have|swap (?:to|with|for)"
    r"|pretend (?:to be|you are)|make (?:yourself|it)|try(?: being)?|put on|activate|enable|assume the role of"
    r"|work as|serve as|start being|continue as|carry on as|move to|which to|twitch to) "
)
# Only for telling a command from other speech; which persona is meant is found by match_persona.
_TITLED = re.compile(
    r"(?:(?:the|a|an|our|your|more|being) )*(?:neutral|facilitator|socrat|so crat|devil|advocate|time ?keep|topic exp"
    r"|expert|fact ?check)"
)
_STOP = re.compile(r"\b(?:stop|quit|no more|enough) (?:being|acting|playing|with|of|as)\b")
_NORMAL = re.compile(
    r"\b(?:back to normal|be normal|be yourself(?: again)?|normal (?:mode|persona)|default (?:mode|persona)"
    r"|usual self|normal self|neutral again|reset (?:your |the )?persona)\b"
)
_ARTICLES = frozenset(
    {"the", "a", "an", "our", "your", "being", "as", "like", "to", "more", "of", "my", "that", "some"}
)
_AFTER = frozenset(
    {"mode", "persona", "again", "role", "moderator", "style", "from", "for", "please", "now", "one"}
)
_ASKING = re.compile(r"^(?:who|what|when|where|why|how|is|are|does|do|did|was|were|has|have) ")


def match_persona(words: str, personas: Iterable[Persona], current: Persona) -> str | None:
    """The persona that normalised `words` ask to switch to, or None. Tolerant of misheard titles."""
    known = tuple(personas)
    if _ASKING.match(words):
        return None
    if _NORMAL.search(words):
        return DEFAULT_PERSONA
    if _STOP.search(words):
        named = _best_alias(words[_STOP.search(words).end() :].split(), known)  # type: ignore[union-attr]
        return DEFAULT_PERSONA if named is not None and named == current.name else None
    for match in _BECOME.finditer(words):
        found = _best_alias(words[match.end() :].split(), known)
        if found is not None:
            return found
    # A bare title: "devil's advocate please", "time keeper mode".
    parts = [word for word in words.split() if word not in _AFTER and word not in _ARTICLES]
    return _best_alias(parts, known, whole=True) if 0 < len(parts) <= 3 else None


def _best_alias(words: list[str], personas: tuple[Persona, ...], *, whole: bool = False) -> str | None:
    """Which persona's alias the first words (or, with `whole`, all of them) sound like."""
    while words and words[0] in _ARTICLES:
        words = words[1:]
    best, best_score = None, 0.0
    for count in range(len(words) if whole else 1, min(len(words), 5) + 1):
        heard = squash("".join(words[:count]))
        for persona in personas:
            for alias in persona.aliases:
                score = _alike(heard, squash(alias))
                # The longer match explains more of what was said: "expert" must not beat "topic expert".
                if score and score + count / 100 > best_score:
                    best, best_score = persona.name, score + count / 100
    return best


def _alike(heard: str, alias: str) -> float:
    """How much `heard` sounds like `alias`: 1.0 the same, 0.0 where it is too far off to tell."""
    if heard == alias:
        return 1.0
    if len(alias) < 6 or abs(len(heard) - len(alias)) > 4:
        return 0.0
    ratio = SequenceMatcher(None, heard, alias, autojunk=False).ratio()
    return ratio if ratio >= (0.8 if len(alias) >= 9 else 0.86) else 0.0


# --- commands with arguments ---------------------------------------------------------------------------------

_SET_TOPIC = re.compile(
    r"\b(?:change|switch|set|move) (?:the |our )?(?:topic|subject|motion|question) to (?P<topic>.+)$"
    r"|^(?:the |our )?new (?:topic|subject|motion|question) is (?P<new>.+)$"
)
_EXTEND = re.compile(
    r"\b(?:give|add|extend|allow|grant|have|get|need|want|take)\b.*?\b(?P<count>\w+)(?: more| extra| another)* "
    r"(?P<unit>minute|second)s?\b|^(?P<more>\w+)(?: more| extra) (?P<of>minute|second)s?\b"
    r"|\b(?:more|extra|another) (?:time|minute)\b"
)
_FLOOR_TO = re.compile(
    r"\b(?:(?:give|pass|hand|yield|grant|offer|let)(?: over| on)? (?:the |a )?"
    r"(?:floor|flor|flaw|word|turn|microphone|mic)(?: over| on| back)? to"
    r"|(?:give|grant|offer) (?=.+ (?:the|a) (?:floor|word|turn|chance|say))"
    r"|hand (?:it )?over to|over to|call on|bring in|go to|turn to|move to|yield to|invite|hear from|listen to"
    r"|(?:hear|know) what (?=.+ thinks?\b)|let us hear|let(?! us\b| me\b)|ask|the floor (?:goes )?to"
    r"|what does (?=.+ (?:think|say)\b)|bring (?=.+ in\b)|want to hear|like to hear) (?P<who>.+)$"
    r"|^(?P<subject>.+?) (?:should|may|can|could) (?:speak|go|answer|respond|talk|have the (?:floor|flor|flaw))"
    r"(?: now| next| first)?$"
    r"|\b(?:can|could|may|should|will) (?P<may>.+?) (?:speak|go (?:next|first|now)|answer|respond|reply|talk|comment"
    r"|say something|have the (?:floor|flor|flaw)|have a turn)\b"
)
_LET_SPEAK = re.compile(r"(?:let|ask|invite|give) \w+ (?:speak|answer|finish|what|the floor)\b")
_ME = frozenset({"me", "i", "myself"})
_ANYONE = re.compile(
    r"^(?:someone|somebody|anyone|anybody|everyone|everybody|the others?|others|another|the other|the next|next"
    r"|whoever|the quiet|the rest)\b"
)
_I_WANT = re.compile(
    r"\b(?:(?:may|can|could) i (?:\w+ )?(?:speak|say|respond|reply|answer|go|come in|comment|add|interject|ask"
    r"|have (?:the (?:floor|flor|flaw)|a (?:turn|word|say)))"
    r"|i (?:would like|want|need|wish) (?:to (?:speak|say|respond|reply|answer|comment|add)"
    r"|(?:to have )?the (?:floor|flor|flaw))|give me (?:the |a )?(?:floor|flor|flaw|word|turn|chance)"
    r"|let me (?:speak|finish|answer|respond|talk|say|reply))\b"
)


def _read_topic(words: str, rest: str, view: DebateView, asker: str) -> ParsedCommand | None:
    match = _SET_TOPIC.search(words)
    if match is None:
        return None
    topic = clean(match.group("topic") or match.group("new"), TOPIC_CHARS)
    return ParsedCommand("set-topic", {"topic": topic}) if topic else None


def _read_format(words: str, rest: str, view: DebateView, asker: str) -> ParsedCommand | None:
    if not re.search(r"\b(?:format|debate|rules|discussion|switch to|change to)\b", words) or _ASKING.match(
        words
    ):
        return None
    heard = squash(words)
    for form in load_formats().values():
        name = squash(form.name)
        if name in heard and (name != "oxford" or re.search(r"\b(?:format|debate|rules|style)\b", words)):
            return ParsedCommand("format", {"format": form.name})
    return None


def _read_floor(words: str, rest: str, view: DebateView, asker: str) -> ParsedCommand | None:
    if asker and _I_WANT.search(words) and "how" not in words.split()[:1]:
        return ParsedCommand("give-floor", {"to": asker})
    match = _FLOOR_TO.search(words)
    if match is None:
        return None
    who = next(group for group in match.groups() if group is not None).removeprefix("to ").strip()
    first = who.split()[0] if who else ""
    if asker and first in _ME:
        return ParsedCommand("give-floor", {"to": asker})
    person = match_person(who, view)
    if person:
        return ParsedCommand("give-floor", {"to": person})
    return ParsedCommand("give-floor", {"to": ""}) if _ANYONE.match(who) else None


def _read_extend(words: str, rest: str, view: DebateView, asker: str) -> ParsedCommand | None:
    match = _EXTEND.search(words)
    if match is None or _ASKING.match(words) or "summar" in words:
        return None
    said = match.group("count") or match.group("more")
    count = parse_number(said) if said else 1
    if count is None:
        return None
    seconds = count * (1 if "second" in (match.group("unit"), match.group("of")) else 60)
    return ParsedCommand("extend", {"seconds": str(min(seconds, 3600))})


def match_person(words: str, view: DebateView) -> str:
    """The identity of whoever present is named at the beginning of `words`, "" for nobody."""
    heard = plain(words).split()[:4]
    best, best_score = "", 0.0
    for person in view.present:
        parts = plain(person.name).split() or plain(person.identity).split()
        for spoken in {" ".join(parts), parts[0] if parts else "", parts[-1] if parts else ""}:
            score = max(
                (_same_name(" ".join(heard[: spoken.count(" ") + 1 + more]), spoken) for more in (0, 1)),
                default=0,
            )
            if spoken and score > best_score:
                best, best_score = person.identity, score
    return best


def _same_name(heard: str, name: str) -> float:
    left, right = squash(heard), squash(name)
    left = left.removesuffix("s") if left != right and not right.endswith("s") else left
    if left == right:
        return 1.0 + len(right) / 100
    if len(right) < 4 or not left or left[0] != right[0]:
        return 0.0
    ratio = SequenceMatcher(None, left, right, autojunk=False).ratio()
    return ratio if ratio >= 0.8 else 0.0


# --- everything that is named by its wording alone -----------------------------------------------------------


def _load_wordings(path: Path) -> tuple[tuple[str, re.Pattern[str]], ...]:
    commands = tomllib.loads(path.read_text(encoding="utf-8"))["command"]
    return tuple((item["name"], re.compile("|".join(item["wordings"]))) for item in commands)


_INTENTS = _load_wordings(Path(__file__).with_name("wordings.toml"))
_FACT_CHECK = dict(_INTENTS)["factcheck"]
_RECALL = dict(_INTENTS)["recall"]
_SAID_ABOUT = re.compile(
    r"^what (?:did|has) (?P<who>[^\W\d_]\w+) (?:ever )?(?:say|said|think|argue|claim) (?:about|on) \w+"
)
_NOT_A_NAME = frozenset(
    {
        "i",
        "we",
        "you",
        "he",
        "she",
        "they",
        "it",
        "everyone",
        "everybody",
        "anyone",
        "anybody",
        "people",
        "each",
        "the",
    }
)


def _asks_to_recall(words: str, view: DebateView) -> bool:
    """Whether `words` ask what was said in earlier debates: by their time, or of somebody who is not here."""
    if _RECALL.search(words):
        return True
    match = _SAID_ABOUT.match(words)
    return match is not None and match["who"] not in _NOT_A_NAME and not match_person(match["who"], view)
