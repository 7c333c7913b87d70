"""How soon the moderator falls silent when somebody speaks over it, and how soon it goes on after a sound that is no
speech: as another participant hears both.

Starts a stack of its own on loopback with local models only. `make bench-barge-in`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import secrets
import sys
import tempfile
from statistics import median

from bench.results import Target, publish
from launcher.stack import Stack, start_stack
from rehearsal.debater import Playback
from rehearsal.moderated import WAIT_SECONDS, ModeratedDebate, moderated, noise_burst, spoken
from rehearsal.voices import Sound
from settings import load_settings

QUESTION = "Moderator, what can you do?"
SENTENCE = "Nobody has asked you to explain all of that again here."
BEYOND_START_SECONDS = 0.15
EVENT_SECONDS = 0.05
GO_ON_SECONDS = 0.6


async def interrupted(debate: ModeratedDebate, sound: Sound) -> float:
    """Seconds from the first sound of a sentence to the moderator's last, as the observer hears them."""
    playback = await _speak_over(debate, sound)
    assert playback.started is not None
    began = debate.sound(debate.identity("Ben"), playback.started - 0.05)[0].start
    return [one for one in debate.sound(debate.moderator, began - 3.0) if one.start < began][-1].end - began


async def undisturbed(debate: ModeratedDebate, sound: Sound) -> tuple[float, bool]:
    """(the longest gap in the moderator's voice after a sound, whether it said all that it had to say)."""
    told = len(await debate.journal("spoken"))
    playback = await _speak_over(debate, sound)
    assert playback.started is not None
    spans = debate.sound(debate.moderator, playback.started)
    gap = max((later.start - earlier.end for earlier, later in itertools.pairwise(spans)), default=0.0)
    async with asyncio.timeout(WAIT_SECONDS):
        while len(turns := await debate.journal("spoken")) <= told:  # its row comes after its caption
            await debate.observer.news(0.1)
    turn = turns[-1].data
    return gap, turn["text"] == turn["generated"].strip() and not turn["interrupted"]


async def _speak_over(debate: ModeratedDebate, sound: Sound) -> Playback:
    await debate.until(lambda: debate.observer.moderator_silent_for > 0.5, "a silent moderator")
    ended, begun = len(debate.replies()), debate.observer.moderator_turns
    await debate.say("Ana", QUESTION)
    await debate.until(lambda: debate.observer.moderator_turns > begun, "the answer's first words")
    playback = await debate.say("Ben", sound)
    await debate.until(lambda: len(debate.replies()) > ended, "the end of the answer")
    return playback


async def measure(stack: Stack, rounds: int) -> int:
    """Run all rounds in one room; answers the exit code."""
    sounds = {
        "cough of 150 ms": noise_burst(0.15, decay=0.2),
        "door": noise_burst(0.4, decay=0.06),
        "mm-hm": spoken("Mm-hm."),
    }
    async with moderated(stack, f"barge-{secrets.token_hex(4)}", "Ana", "Ben") as debate:
        await debate.greeted()
        sentence = spoken(SENTENCE)
        cuts = [await interrupted(debate, sentence) for _ in range(rounds)]
        own = [row.data["latency_ms"]["barge_in_cutoff_ms"] for row in await debate.journal("spoken")]
        gone_on = {
            name: [await undisturbed(debate, sound) for _ in range(max(1, rounds // 4))]
            for name, sound in sounds.items()
        }
    start = load_settings().vad_start_secs
    cuts.sort()
    targets = [
        Target(
            "silent after the first speech sound (median)",
            round(median(cuts), 3),
            "s",
            start + BEYOND_START_SECONDS,
        ),
        Target(
            "silent after the first speech sound (P95)",
            round(cuts[int(0.95 * (len(cuts) - 1))], 3),
            "s",
            start + BEYOND_START_SECONDS,
        ),
    ]
    # a room without a sound over it has such gaps too: the voice pauses about 0.3 s between two sentences
    for name, results in gone_on.items():
        targets.append(
            Target(
                f"longest gap after a {name}", round(max(gap for gap, _ in results), 3), "s", GO_ON_SECONDS
            )
        )
        whole = sum(said for _, said in results) / len(results)
        targets.append(Target(f"said to the end after a {name}", whole, "share", 1.0, at_least=True))
    detail = {
        "cuts_s": [round(one, 3) for one in cuts],
        "onset_to_pause_by_the_job_ms": [one for one in own if one is not None],
        "gaps_s": {name: [round(gap, 3) for gap, _ in results] for name, results in gone_on.items()},
    }
    return publish("barge-in", targets, detail=detail)


async def main(rounds: int) -> int:
    """Start a stack, measure, stop it."""
    with tempfile.TemporaryDirectory(prefix="sage-bench-") as folder:
        stack = await start_stack(environment={"DATA_DIR": folder})
        try:
            return await measure(stack, rounds)
        finally:
            await stack.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=12, help="interruptions; a quarter of that for each other sound"
    )
    sys.exit(asyncio.run(main(parser.parse_args().rounds)))
