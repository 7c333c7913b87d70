"""Scripts: what a good one means, and that a bad one is refused with every mistake, its place and its remedy."""

from pathlib import Path

import pytest

from rehearsal.script import Script, ScriptError, load_script

GOOD = """
title = "A small debate"
topic = "Taxes"
persona = "time-keeper"
[voices]
Ana = "heart:1.1:0.9"
[[line]]
who = "Ana"
at = 1.5
say = "Good evening."
expect = "silence"
[[line]]
who = "Ben"
after = 0.5
do = "join"
[[line]]
who = "Ben"
after = -0.25
wav = "ben.wav"
text = "Sage, who has the floor?"
expect = "answer"
[[line]]
who = "Ana"
after_answer = 1
do = "persona:time-keeper"
"""


@pytest.fixture
def write(tmp_path: Path):
    (tmp_path / "ben.wav").touch()

    def written(source: str) -> Path:
        path = tmp_path / "script.toml"
        path.write_text(source, encoding="utf-8")
        return path

    return written


def problems_of(path: Path) -> list[str]:
    with pytest.raises(ScriptError) as refused:
        load_script(path)
    return [problem.strip() for problem in refused.value.problems]


def test_a_good_script_is_read_whole(write, tmp_path: Path) -> None:
    script = load_script(write(GOOD))
    assert (script.title, script.topic, script.persona) == ("A small debate", "Taxes", "time-keeper")
    assert script.people == ("Ana", "Ben")
    assert script.late == ("Ben",)
    assert script.voices == {"Ana": "heart:1.1:0.9"}
    first, join, wav, persona = script.lines
    assert (first.number, first.at, first.text, first.expect) == (1, 1.5, "Good evening.", "silence")
    assert (join.do, join.spoken) == ("join", False)
    assert (wav.wav, wav.text, wav.after) == (tmp_path / "ben.wav", "Sage, who has the floor?", -0.25)
    assert (persona.do, persona.after_answer) == ("persona:time-keeper", 1.0)


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("title = x", ["is not TOML", "line 1", "Mend that line"]),
        ("title = 'x'\ntopic = 'y'", ["has no lines", "[[line]]"]),
        ("title = 3\ntopic = 'y'\n[[line]]\nwho='A'\nat=0\nsay='x'", ["title must be text", "quotes"]),
        ("topic = 'y'\n[[line]]\nwho='A'\nat=0\nsay='x'", ["title is missing", 'title = "..."']),
        ("title='x'\ntopic='y'\nspeed=2\n[[line]]\nwho='A'\nat=0\nsay='x'", ["speed is unknown", "persona"]),
        (GOOD.replace('say = "Good evening."', ""), ["line 7", "[[line]] 1", "say, wav, do", "none of them"]),
        (GOOD.replace("at = 1.5", "at = 1.5\nafter = 2"), ["line 7", "exactly one of at", "at and after"]),
        (GOOD.replace("at = 1.5", 'at = "soon"'), ["at must be seconds", "'soon'"]),
        (GOOD.replace("at = 1.5", "at = -1"), ["at must not be negative"]),
        (GOOD.replace("at = 1.5", "at = nan"), ["at must be seconds"]),
        (GOOD.replace('do = "join"', 'do = "jion"'), ["line 12", "'jion' is unknown", "join, leave, mute"]),
        (GOOD.replace("ben.wav", "bob.wav"), ["line 16", "'bob.wav' is not there", "relative"]),
        (
            GOOD.replace('expect = "answer"', 'expect = "applause"'),
            ["expect = 'applause'", "answer or silence"],
        ),
        (GOOD.replace('do = "join"', 'say = "Hello."\ntext = "Hi."'), ["text says what a wav says"]),
        (GOOD.replace("Ana = ", "Eve = "), ["[voices]", "'Eve' has no line"]),
        (GOOD.replace("heart:1.1:0.9", "heart:high"), ["[voices]", "heart:PITCH:SPEED"]),
        (GOOD.replace('who = "Ana"\nat', f'who = "{"n" * 65}"\nat'), ["65 characters", "at most 64"]),
        (GOOD + "[[line]]\nwho='Ben'\nafter=1\ndo='join'", ["Ben is in the room already"]),
        (
            GOOD + "[[line]]\nwho='Ben'\nafter=1\ndo='leave'\n[[line]]\nwho='Ben'\nafter=1\nsay='Yes.'",
            ["Ben is not in the room", 'do = "join"'],
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_remedy(write, source: str, parts: list[str]) -> None:
    problems = problems_of(write(source))
    assert any(all(part in problem for part in parts) for problem in problems), problems


def test_all_mistakes_are_told_at_once(write) -> None:
    problems = problems_of(write("[[line]]\nwho='A'\n[[line]]\nat=1\nsay=''\nexpect='x'\nloud=1"))
    assert len(problems) >= 7


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    assert "cannot be read" in problems_of(tmp_path / "none.toml")[0]
    (tmp_path / "latin.toml").write_bytes(b"title = '\xe9'")
    assert "UTF-8" in problems_of(tmp_path / "latin.toml")[0]


def load_our(name: str) -> Script:
    return load_script(Path(__file__).resolve().parents[2] / "rehearsal" / "scripts" / name)


def test_the_demo_is_the_one_that_was_promised() -> None:
    demo = load_our("demo.toml")
    assert len(demo.people) == 3
    assert sum(line.expect == "answer" for line in demo.lines) == 8
    assert sum((line.after or 0.0) <= -2.0 for line in demo.lines) == 2
    about = ("moderator", "sage", "Ana", "Clara", "ask")
    aside = [line for line in demo.lines if line.expect == "silence" and any(w in line.text for w in about)]
    assert len(aside) >= 6
    assert all(line.expect for line in demo.lines)
