"""Does the moderator speak up when it must, and hold its tongue otherwise? Every labelled debate, with every persona.

Figures of `tests/debates/tuning` may be tuned by; those of `held-out` count, and of these only figures are shown.
`make bench-moderation`, ARGS="--folder tuning --show".
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.replay import UNASKED, Played, identity_of, play, script_events
from bench.results import Target, publish
from debate.decisions import Decision
from launcher.places import REPOSITORY
from personas.registry import Persona, load_registry
from rehearsal.labelled import Label, LabelledDebate, load_labelled

FOLDER = REPOSITORY / "tests" / "debates"
EARLY_SECONDS = 0.5
"""A label counts from the end of a speech; what the last words call for may be decided a little before it."""

RECALL = 0.9
FALSE_IN_TEN_MINUTES = 1.0
WORD_SHARE = 0.15


@dataclass
class Judged:
    """What one persona did in one script, against its labels."""

    script: LabelledDebate
    persona: str
    played: Played
    met: list[Label] = field(default_factory=list)
    missed: list[Label] = field(default_factory=list)
    wrong: list[Decision] = field(default_factory=list)
    broken: list[tuple[Label, Decision]] = field(default_factory=list)


def signal_of(decision: Decision) -> str:
    """The signal as labels name it: "time:over" is "time", a command "command:..." is what it was "addressed" for."""
    name = decision.signal.split(":", 1)[0]
    return {"command": "addressed", "called": "addressed", "provoke": "any"}.get(name, name)


def answers(label: Label, decision: Decision) -> bool:
    """Whether `decision` is what `label` speaks of, in its time."""
    if not label.since - EARLY_SECONDS <= decision.at <= label.end:
        return False
    concerns = (
        not label.who or decision.addressed_to == identity_of(label.who) or label.who in decision.reason
    )
    return label.signal == "any" or (concerns and (signal_of(decision) == label.signal or bool(label.who)))


def judge(script: LabelledDebate, persona: Persona) -> Judged:
    """Play one script with one persona and hold its decisions against the labels."""
    personas = load_registry()
    head = script.head
    played = play(script_events(script), head["topic"], persona, head["format"], personas, script.seconds + 5)
    judged = Judged(script, persona.name, played)
    for label in script.of("must"):
        met = any(answers(label, one) for one in played.decisions)
        (judged.met if met else judged.missed).append(label)
    allowed = [*script.of("must"), *script.of("may")]
    for decision in played.decisions:
        if decision.signal not in UNASKED:
            continue
        judged.broken += [
            (label, decision) for label in script.of("quiet") if label.start <= decision.at <= label.end
        ]
        if not any(answers(label, decision) for label in allowed):
            judged.wrong.append(decision)
    return judged


def targets_of(judged: Sequence[Judged]) -> list[Target]:
    """The targets of each persona."""
    targets = []
    for name in dict.fromkeys(one.persona for one in judged):
        own = [one for one in judged if one.persona == name]
        met, missed = sum(len(one.met) for one in own), sum(len(one.missed) for one in own)
        minutes = sum(one.script.seconds for one in own) / 60
        wrong = sum(len(one.wrong) for one in own)
        targets += [
            Target(f"{name}: musts met", round(met / max(1, met + missed), 3), "", RECALL, at_least=True),
            Target(f"{name}: false in ten minutes", round(wrong / minutes * 10, 2), "", FALSE_IN_TEN_MINUTES),
            Target(
                f"{name}: largest share of words",
                round(max(one.played.word_share for one in own), 3),
                "",
                WORD_SHARE,
            ),
            Target(f"{name}: words where quiet was due", sum(len(one.broken) for one in own), "", 0),
        ]
    return targets


def by_signal(judged: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """Over all personas: how many musts of each signal were met and missed, and how many interventions were wrong."""
    counts: dict[str, dict[str, int]] = {}

    def count(signal: str, what: str) -> None:
        counts.setdefault(signal, {"met": 0, "missed": 0, "wrong": 0})[what] += 1

    for one in judged:
        for what, labels in (("met", one.met), ("missed", one.missed)):
            for label in labels:
                count(label.signal, what)
        for decision in one.wrong:
            count(signal_of(decision), "wrong")
    return dict(sorted(counts.items()))


def show(judged: Judged) -> None:
    """What was missed and what was wrong, line by line: for tuning."""
    place = judged.script.path.name
    for label in judged.missed:
        when = f"{place}:{label.line} {label.start:.0f}-{label.end:.0f} s"
        print(f"{judged.persona} {when} MISSED {label.signal} {label.who}: {label.why}")
    for one in judged.wrong:
        what = f"{one.signal} {one.kind} {one.addressed_to}: {one.reason} | {one.text}"
        print(f"{judged.persona} {place} {one.at:.1f} s WRONG {what}")
    for label, one in judged.broken:
        print(f"{judged.persona} {place}:{label.line} {one.at:.1f} s BROKEN QUIET {one.signal}: {one.reason}")


def main(options: argparse.Namespace) -> int:
    """Judge every script of the folder; answers the exit code."""
    folder = FOLDER / options.folder
    scripts = [load_labelled(path) for path in sorted(folder.glob("*.debate"))]
    if not scripts:
        print(f"{folder} has no .debate files.", file=sys.stderr)
        return 2
    wanted = [one for one in load_registry() if not options.persona or one.name in options.persona]
    judged = [judge(script, persona) for persona in wanted for script in scripts]
    if options.show:
        if options.folder == "held-out":
            print(
                "What is in held-out is not shown: whoever tunes the code must not see it.", file=sys.stderr
            )
            return 2
        for one in judged:
            show(one)
    detail = {
        "folder": options.folder,
        "scripts": len(scripts),
        "musts": sum(len(one.of("must")) for one in scripts),
        "by_signal": by_signal(judged),
    }
    for signal, counts in by_signal(judged).items():
        print(f"  {signal:<13} {', '.join(f'{what} {count}' for what, count in counts.items())}")
    return publish("moderation", targets_of(judged), detail=detail)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", choices=("tuning", "held-out"), default="held-out")
    parser.add_argument("--persona", nargs="*", default=[])
    parser.add_argument(
        "--show", action="store_true", help="name what was missed and what was wrong (tuning only)"
    )
    sys.exit(main(parser.parse_args()))
