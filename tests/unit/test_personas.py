"""The persona files are checked at start-up, and a file more is a persona more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from errors import PersonaUnknown, SettingsError
from personas.registry import FOLDER, LINES, VOICE_LINKS, load_registry

NAMES = {"neutral-facilitator", "socratic-questioner", "devils-advocate", "topic-expert", "time-keeper"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in FOLDER.glob("*.toml"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_the_five_personas_are_there():
    registry = load_registry()
    assert set(registry.names) == NAMES
    assert registry.names[0] == "neutral-facilitator"
    assert {persona.name for persona in registry.all()} == NAMES


def test_each_persona_has_a_voice_of_its_own_on_every_link():
    personas = load_registry().all()
    for link in VOICE_LINKS:
        voices = [persona.voices[link] for persona in personas]
        if link != "chatterbox":  # a Chatterbox server has the voices that its operator recorded
            assert len(set(voices)) == len(voices), link
    for persona in personas:
        name, pitch, _speed = persona.voices["local"].split(":")
        assert name == "heart"
        assert 0.85 <= float(pitch) <= 1.12


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(PersonaUnknown) as caught:
        load_registry().get("pirate")
    assert set(caught.value.known) == NAMES


def test_a_file_more_is_a_persona_more(folder):
    shutil.copy(folder / "time-keeper.toml", folder / "night-watch.toml")
    assert load_registry(folder).get("night-watch").title == "the time keeper"


@pytest.mark.parametrize(
    ("find", "replace", "named"),
    [
        ('title = "the time keeper"', "", "title"),
        ("{names}", "{name}", "greeting"),
        ("{topic}", "the topic", "greeting"),
        ("word_share = 0.08", "word_share = 0.5", "thresholds.word_share"),
        ("word_share = 0.08", 'word_share = "much"', "thresholds.word_share"),
        ('local = "heart:1.10:1.08"', 'local = "heart:high"', "voices.local"),
        ('openai = "shimmer"\n', "", "[voices]"),
        ("{name}, one minute", "{nobody}, one minute", "lines.handback"),
        ("{name}, one minute", "{name, one minute", "lines.handback"),
        ("aliases = [", 'colour = "red"\naliases = [', "colour"),
        ("title = ", "title == ", "cannot be read"),
    ],
)
def test_a_bad_file_is_named_with_its_key_and_remedy(folder, find, replace, named):
    path = folder / "time-keeper.toml"
    text = path.read_text(encoding="utf-8")
    assert find in text
    path.write_text(text.replace(find, replace), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_registry(folder)
    problem = caught.value.problems[0]
    assert problem.variable == "personas/time-keeper.toml"
    assert named in problem.problem
    assert problem.remedy


def test_every_problem_of_every_file_is_told_at_once(folder):
    for path in folder.glob("*.toml"):
        path.write_text(path.read_text(encoding="utf-8").replace("[voices]", "[sounds]"), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_registry(folder)
    assert {problem.variable for problem in caught.value.problems} == {
        f"personas/{name}.toml" for name in NAMES
    }


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(SettingsError):
        load_registry(tmp_path)


def test_spoken_lines_hold_nothing_that_cannot_be_said():
    for persona in load_registry():
        for key in LINES:
            for line in persona.lines[key]:
                spoken = line.format(name="Ana", asker="Ben", other="Cem", topic="cars")
                assert not set(spoken) & set("*_#<>[]|`"), (persona.name, line)
                if not key.endswith("_nudge"):  # those are read
                    assert spoken.count(".") + spoken.count("?") <= 2, (persona.name, line)
