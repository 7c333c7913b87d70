"""Laws of matching: time and order do not matter, whoever is renamed is found, cutting words apart loses none."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.heard import Heard, HeardUtterance
from rehearsal.judge import judge
from rehearsal.matching import Wording, match
from rehearsal.performance import Performed, Played
from rehearsal.script import Line

TEXT = """
taxes should be lower because families need money schools teach children better with small classes and streets
belong people not cars while trains run late every winter morning our doctor told nobody about hospital costs
farmers grow apples under warm summer skies
"""
WORDS = TEXT.split()
# A busy machine may take any time for one example.
law = settings(deadline=None, max_examples=40)

NAMES = ("Ana", "Ben", "Clara")

# Lines whose words no other line has: what is heard where is then beyond doubt.
scripts = st.permutations(WORDS).flatmap(
    lambda words: st.lists(st.sampled_from(NAMES), min_size=2, max_size=6).map(
        lambda who: [Wording(name, " ".join(words[6 * n : 6 * n + 6])) for n, name in enumerate(who)]
    )
)


@law
@given(scripts, st.data())
def test_the_order_of_utterances_does_not_change_what_was_heard(
    lines: list[Wording], data: st.DataObject
) -> None:
    found = match(lines, lines)
    shuffled = match(lines, data.draw(st.permutations(lines)))
    assert shuffled.verdicts == found.verdicts
    assert not any(v.missed or v.misattributed or v.errors for v in found.verdicts)


@law
@given(scripts, st.data())
def test_a_line_under_any_other_name_is_found_and_no_other_is(
    lines: list[Wording], data: st.DataObject
) -> None:
    wrong = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.sampled_from([name for name in NAMES if name != lines[wrong].speaker]))
    utterances = [replace(line, speaker=other) if n == wrong else line for n, line in enumerate(lines)]
    verdicts = match(lines, utterances).verdicts
    assert [n for n, v in enumerate(verdicts) if v.misattributed] == [wrong]
    assert verdicts[wrong].foreign_speaker == other
    assert not any(v.missed for v in verdicts)


@law
@given(scripts, st.data())
def test_a_line_that_was_not_heard_is_missed_and_no_other_is(
    lines: list[Wording], data: st.DataObject
) -> None:
    gone = data.draw(st.integers(0, len(lines) - 1))
    verdicts = match(lines, [line for n, line in enumerate(lines) if n != gone]).verdicts
    assert [n for n, v in enumerate(verdicts) if v.missed] == [gone]


@law
@given(scripts, st.integers(1, 5))
def test_lines_cut_in_two_are_whole_again(lines: list[Wording], at: int) -> None:
    halves = []
    for line in lines:
        words = line.text.split()
        halves += [Wording(line.speaker, " ".join(part)) for part in (words[:at], words[at:])]
    verdicts = match(lines, halves).verdicts
    assert all(v.own == 1.0 and not v.errors and not v.misattributed for v in verdicts)


@law
@given(scripts, st.lists(st.floats(0, 100), min_size=24, max_size=24))
def test_times_do_not_change_the_matching(lines: list[Wording], times: list[float]) -> None:
    def judged(at: list[float]) -> tuple[object, ...]:
        played = tuple(
            Played(Line(n + 1, line.speaker, line.text, at=0.0), float(n), n + 0.9, cut=False, muted=False)
            for n, line in enumerate(lines)
        )
        utterances = tuple(
            HeardUtterance(line.speaker, line.text, at[4 * n], at[4 * n + 1], at[4 * n + 2], at[4 * n + 3])
            for n, line in enumerate(lines)
        )
        heard = Heard(utterances, (), (), {}, {}, frozenset(), ())
        identities = {name: (name,) for name in NAMES}
        found = judge(Performed("room", "", played, heard, identities, 10.0, (), moderator_came=True))
        return found.matching, found.missed, found.misattributed

    assert judged(times) == judged([float(n) for n in range(24)])
