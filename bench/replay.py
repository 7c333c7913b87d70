"""A debate of the past, moderated again in virtual time: what would the moderator have done, and when?

Reads lines of JSON, `{"speaker", "start", "end", "text"}` in seconds, optionally `"role": "moderator"`, `"act"`,
`"target"` (a human moderator's turns), or a labelled script (tests/debates/README.md). An hour takes seconds:
`python -m bench.replay FILE --persona NAME --format NAME --out FILE.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debate.debate import Debate
from debate.decisions import Decision, to_json
from debate.events import (
    Commanded,
    Event,
    HandLowered,
    HandRaised,
    Joined,
    Judged,
    Left,
    ModeratorSpoke,
    SpeechEnded,
    SpeechStarted,
    Tick,
    Uttered,
)
from debate.formats import DEFAULT_FORMAT
from debate.policy import ORDER
from debate.view import DebateView
from personas.registry import DEFAULT_PERSONA, Persona, Registry, load_registry
from providers.chains.build import Chains
from providers.chains.plan import plan_chains
from rehearsal.labelled import Deed, LabelledDebate, Speech, load_labelled
from settings import load_settings
from voice import judging
from voice.conductor import SPOKEN_KINDS
from voice.judging import BATCH_SECONDS, Unjudged

TICK_SECONDS = 0.25
HEARD_SECONDS = 0.5
"""From the end of speech until its words are final, with the ear's endpointing."""

WORDS_PER_SECOND = 2.6
REPLY_SECONDS = 0.6
"""From a decision to the moderator's first sound."""

JUDGED_SECONDS = 2.0
"""From a question to a language model until its judgement is there."""

Judge = Callable[[DebateView, Sequence[Uttered], Sequence[Uttered]], list[Judged]]
UNASKED = frozenset({*ORDER, "provoke"})


@dataclass(frozen=True, slots=True)
class Played:
    """A debate and all that was decided in it."""

    debate: Debate
    decisions: tuple[Decision, ...]
    words: int
    """Of the people."""

    moderator_words: int
    seconds: float

    @property
    def word_share(self) -> float:
        """The moderator's share of all words."""
        return self.moderator_words / max(1, self.words + self.moderator_words)

    @property
    def unasked(self) -> list[Decision]:
        """The interventions that nobody asked for."""
        return [one for one in self.decisions if one.signal in UNASKED]


def identity_of(name: str) -> str:
    """The identity of a script's person."""
    return "-".join(name.lower().split())


def events_of(speeches: Iterable[Speech]) -> Iterator[tuple[float, Event]]:
    """What an ear tells of speeches: starts, ends, and the words of each passage shortly after it."""
    for number, speech in enumerate(speeches):
        who = identity_of(speech.who)
        yield speech.start, SpeechStarted(who)
        yield speech.end + 0.3, SpeechEnded(who, speech.end - speech.start)
        for part, passage in enumerate(speech.passages()):
            at = passage.end + HEARD_SECONDS
            yield at, Uttered(f"u{number}-{part}", who, passage.text, passage.start, passage.end)


def deed_of(deed: Deed, role: str) -> Event | None:
    """What a person of a script does on the page; None for what the debate does not know."""
    who = identity_of(deed.who)
    if deed.what == "joins":
        return Joined(who, deed.who, role)
    if deed.what == "leaves":
        return Left(who)
    if deed.what == "raises a hand":
        return HandRaised(who)
    if deed.what == "lowers the hand":
        return HandLowered(who)
    if deed.what == "commands":
        return Commanded(who, deed.word.split()[0], {}, role)
    if deed.what in ("votes", "takes"):
        return Commanded(who, deed.what.removesuffix("s"), {"choice": deed.word}, role)
    return None


def script_events(script: LabelledDebate) -> list[tuple[float, Event]]:
    """All that happens in a labelled script, in order."""
    roles = {person.name: person.role for person in script.people}
    late = {deed.who for deed in script.deeds if deed.what == "joins"}
    found: list[tuple[float, Event]] = [
        (0.0, Joined(identity_of(person.name), person.name, person.role))
        for person in script.people
        if person.name not in late
    ]
    found += [
        (0.0, Commanded(identity_of(person.name), "side", {"side": person.side}, person.role))
        for person in script.people
        if person.side and person.name not in late
    ]
    for deed in script.deeds:
        event = deed_of(deed, roles[deed.who])
        if event is not None:
            found.append((deed.at, event))
    found += events_of(script.speeches)
    return sorted(found, key=lambda item: item[0])


def play(
    events: Sequence[tuple[float, Event]],
    topic: str,
    persona: Persona,
    form: str,
    personas: Registry,
    seconds: float,
    judge: Judge | None = None,
) -> Played:
    """Play a debate in virtual time, with what the moderator says as loud as it would be. judge: what asks a language
    model about utterances; None leaves them to their wording."""
    debate = Debate(topic, persona, form, personas=personas)
    debate.mark_greeted()
    decisions: list[Decision] = []
    pending: list[tuple[float, Event]] = []
    at, spoken, words = 0.0, 0, 0
    queue = list(events)
    index = 0
    batches = Batches(judge) if judge is not None else None
    while at < seconds:
        at = round(at + TICK_SECONDS, 3)
        due: list[tuple[float, Event]] = []
        while index < len(queue) and queue[index][0] <= at:
            due.append(queue[index])
            index += 1
        due += [one for one in pending if one[0] <= at]
        pending = [one for one in pending if one[0] > at]
        for when, event in [*sorted(due, key=lambda item: item[0]), (at, Tick())]:
            if isinstance(event, Uttered):
                words += len(event.text.split())
                if batches is not None:
                    batches.heard(event, when)
            for decision in debate.apply(event, when):
                decisions.append(decision)
                count = len(decision.text.split()) or (25 if decision.kind in SPOKEN_KINDS else 0)
                if decision.kind in SPOKEN_KINDS and count:
                    spoken += count
                    start = when + REPLY_SECONDS
                    end = start + count / WORDS_PER_SECOND
                    pending.append((end, ModeratorSpoke(decision.text or "word " * count, start, end)))
        if batches is not None:
            pending += [(at + JUDGED_SECONDS, one) for one in batches.due(at, debate.view)]
    return Played(debate, tuple(decisions), words, spoken, seconds)


class Batches:
    """Utterances judged as voice/judging.py has them judged, in virtual time."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._unjudged = Unjudged()
        self._since = 0.0

    def heard(self, uttered: Uttered, at: float) -> None:
        """Words of one person."""
        if not self._unjudged:
            self._since = at
        self._unjudged.heard(uttered)

    def due(self, at: float, view: Callable[[float], DebateView]) -> list[Judged]:
        """The judgements of a batch whose time has come; [] for none."""
        if not self._unjudged or at - self._since < BATCH_SECONDS:
            return []
        before, batch = self._unjudged.take(at)
        return self._judge(view(at), before, batch) if batch else []


@contextmanager
def chain_judge() -> Iterator[Judge]:
    """Judges by the language models of the settings. Raises ValueError where there are none."""
    settings = load_settings()
    chains = Chains(plan_chains(settings), settings)
    models = chains.judge()
    if models is None:
        raise ValueError("No language model is set up: set LLM_CHAIN and a key (`make doctor` shows which).")
    with asyncio.Runner() as runner:
        try:
            yield lambda view, before, batch: runner.run(judging.judge(models, view, before, batch))
        finally:
            runner.run(models.aclose())
            runner.run(chains.aclose())


def read_lines(path: Path, *, without_moderator: bool) -> tuple[list[Speech], list[dict[str, Any]]]:
    """(speeches, the human moderator's turns) of a file of JSON lines. Raises ValueError naming the line."""
    speeches: list[Speech] = []
    moderated: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            turn = json.loads(line)
            speech = Speech(str(turn["speaker"]), str(turn["text"]), float(turn["start"]), float(turn["end"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'{path}:{number}: not a turn ({error}): write {{"speaker", "start", "end", "text"}}.'
            ) from None
        if turn.get("role") == "moderator":
            moderated.append(turn)
            if without_moderator:
                continue
        speeches.append(speech)
    return speeches, moderated


def gini(values: Sequence[float]) -> float:
    """How unequal `values` are: 0 all the same, towards 1 one has it all."""
    ordered = sorted(values)
    total = sum(ordered)
    if not ordered or total <= 0:
        return 0.0
    weighted = sum((index + 1) * value for index, value in enumerate(ordered))
    return 2 * weighted / (len(ordered) * total) - (len(ordered) + 1) / len(ordered)


def measured(
    played: Played, speeches: Sequence[Speech], moderated: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """What there is to measure of a replay."""
    minutes = max(played.seconds / 60, 1e-9)
    by_signal: dict[str, int] = {}
    for decision in played.unasked:
        by_signal[decision.signal] = by_signal.get(decision.signal, 0) + 1
    humans = {str(turn["speaker"]) for turn in moderated}
    words: dict[str, float] = {}
    for speech in speeches:
        if speech.who not in humans:
            words[speech.who] = words.get(speech.who, 0.0) + len(speech.text.split())
    found: dict[str, Any] = {
        "word_share": round(played.word_share, 4),
        "interventions_per_minute": {
            name: round(count / minutes, 3) for name, count in sorted(by_signal.items())
        },
        "unasked_per_minute": round(len(played.unasked) / minutes, 3),
        "gini": round(gini(list(words.values())), 3),
    }
    if moderated:
        spoken = [decision.at for decision in played.decisions if decision.kind in SPOKEN_KINDS]
        near = [any(abs(at - float(turn["start"])) <= 10 for at in spoken) for turn in moderated]
        found["human_moments_met"] = round(sum(near) / len(near), 3)
    return found


def main(options: argparse.Namespace) -> int:
    """Replay one file."""
    personas = load_registry()
    persona = personas.get(options.persona)
    path = Path(options.file)
    moderated: list[dict[str, Any]] = []
    if path.suffix == ".debate":
        script = load_labelled(path)
        events, seconds, topic = script_events(script), script.seconds + 5, script.head["topic"]
        speeches = script.speeches
        form = options.format or script.head["format"]
    else:
        try:
            speeches, moderated = read_lines(path, without_moderator=options.without_moderator)
        except (OSError, ValueError) as error:
            print(error, file=sys.stderr)
            return 2
        people = dict.fromkeys(speech.who for speech in speeches)
        events = [(0.0, Joined(identity_of(who), who)) for who in people]
        events = sorted([*events, *events_of(speeches)], key=lambda item: item[0])
        seconds = max((speech.end for speech in speeches), default=0.0) + 5
        form, topic = options.format or DEFAULT_FORMAT, options.topic
    try:
        with chain_judge() if options.llm == "chain" else nullcontext() as judge:
            played = play(events, topic, persona, form, personas, seconds, judge)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    result = {
        "decisions": [to_json(one) for one in played.decisions],
        "measured": measured(played, speeches, moderated),
    }
    text = json.dumps(result, ensure_ascii=False, indent=1)
    if options.out:
        Path(options.out).write_text(text + "\n", encoding="utf-8")
        print(json.dumps(result["measured"], indent=1))
    else:
        print(text)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="lines of JSON, or a .debate script")
    parser.add_argument("--persona", default=DEFAULT_PERSONA)
    parser.add_argument("--format", default="", help=f"{DEFAULT_FORMAT} unless the script names one")
    parser.add_argument("--topic", default="the topic of the day")
    parser.add_argument("--out", default="")
    parser.add_argument(
        "--llm", choices=("local", "chain"), default="local",
        help="what judges utterances: their wording alone, or also the language models of the settings",
    )  # fmt: skip
    parser.add_argument(
        "--without-moderator", action="store_true", help="leave a human moderator's turns out"
    )
    sys.exit(main(parser.parse_args()))
