"""Whether a link has become slower than it was."""

import pytest

from providers.chains.pace import REMEMBERED, SLACK_SECONDS, Pace


def paced(*seconds: float) -> Pace:
    pace = Pace()
    for each in seconds:
        pace.note("link", each)
    return pace


@pytest.mark.parametrize(
    ("took", "slackened"),
    [
        ((), False),
        ((0.8,), False),
        ((0.25, 0.25 + SLACK_SECONDS - 0.01), False),
        ((0.25, 0.25 + SLACK_SECONDS + 0.01), True),
        ((0.25, 0.9, 0.25), False),
        ((0.6, 1.1), False),
        ((0.6, 1.3), True),
        ((0.25, *[0.75] * 3), True),
        ((0.25, *[0.75] * REMEMBERED), False),
    ],
)
def test_a_link_slackens_against_what_it_used_to_do(took, slackened):
    assert paced(*took).has_slackened("link") is slackened


def test_each_link_has_a_pace_of_its_own():
    pace = paced(0.25, 0.9)
    assert pace.last("link") == 0.9
    assert pace.last("other") == 0.0
    assert not pace.has_slackened("other")


@pytest.mark.parametrize(
    ("took", "patience"),
    [((), 0.9), ((0.25,), 0.25 + SLACK_SECONDS), ((0.25, 0.9, 0.9), 0.55), ((0.6,), 0.9)],
)
def test_another_is_asked_once_a_link_is_later_than_it_used_to_be(took, patience):
    assert paced(*took).patience("link", 0.9) == pytest.approx(patience)
