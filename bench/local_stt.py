"""How well and how fast the local recogniser hears: `python -m bench.local_stt [--quick]`.

Speech of the local voice at several pitches, and recorded human speech from Debian's pocketsphinx-testdata
where it is installed. Targets are error rates and ratios taken in one run; the package's own way of calling
the model runs beside ours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import time
import wave
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from livekit import local_inference, rtc
from livekit.agents import APIConnectOptions
from livekit.agents.stt import SpeechEventType
from numpy.typing import NDArray

from providers.local.hibari_voice import VoiceStyle, shared_voice
from providers.local.moonshine import Decode, DecodeQueue, Recogniser, Urgency
from providers.local.stt import LocalSpeechStream, LocalSTT
from providers.local.utterance import _NOISE as NOISE
from providers.local.utterance import SAMPLE_RATE, Utterance, prepare

RESULT = Path(__file__).parent / "results" / "local_stt.json"
HUMAN = Path("/usr/share/pocketsphinx/test/data/librivox")
PITCHES = (0.8, 0.86, 0.93, 1.0, 1.07, 1.14, 1.21, 1.25)
FRAME = SAMPLE_RATE // 50
ONCE = APIConnectOptions(max_retry=0, timeout=30.0)

SENTENCES = (
    "A universal basic income would give people the freedom to choose the work that they care about.",
    "I do not agree, because somebody has to pay for it in the end.",
    "Look at the numbers from last year and you will see that the opposite is true.",
    "Nobody here wants to close the school, but we cannot keep two of them open.",
    "The moderator said that we should wait for our turn.",
    "Let me finish, please.",
    "Yes, exactly.",
)
ADDRESSES = tuple(
    f"{name}, {rest}"
    for name in ("Moderator", "Sage")
    for rest in (
        "how much time is left?",
        "who has the floor?",
        "please summarise the arguments so far.",
        "what is the topic?",
        "whose turn is it?",
        "be the devil's advocate.",
    )
)

FIRST = (*SENTENCES[:4], "No, I disagree.", *ADDRESSES[::2])

Pcm = NDArray[np.int16]
SPELLINGS = {"summarise": "summarize", "mr": "mister", "ok": "okay"}


@dataclass(frozen=True)
class Clip:
    """Something said, and what it sounds like (16 kHz)."""

    text: str
    audio: Pcm


class MeteredQueue(DecodeQueue):
    """The queue of the product that also adds up the CPU time of each urgency."""

    def __init__(self, recogniser: Recogniser) -> None:
        self.cpu_seconds: dict[Urgency, float] = defaultdict(float)
        self._current = Urgency.FINAL
        super().__init__(self._metered(recogniser.transcribe))

    def submit(self, urgency: Urgency, samples: Callable[[], Any]) -> Decode:
        def taken() -> Any:
            self._current = urgency
            return samples()

        return super().submit(urgency, taken)

    def _metered(self, transcribe: Callable[[Any], str]) -> Callable[[Any], str]:
        def metered(samples: Any) -> str:
            started = time.thread_time()
            text = transcribe(samples)
            self.cpu_seconds[self._current] += time.thread_time() - started
            return text

        return metered


def words(text: str) -> list[str]:
    """Words to compare: lower case, no punctuation, one spelling."""
    found = re.findall(r"[a-z']+", text.lower().replace("-", " "))
    return [SPELLINGS.get(word, word) for word in found]


def errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest words to change, add and take away."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def spoken(text: str, pitch: float) -> Clip:
    """`text` in the local voice, as a microphone gives it: with a noise floor of -60 dB."""
    samples = shared_voice().speak(text, VoiceStyle(pitch=pitch)).samples
    padded = np.pad(samples, (0, -len(samples) % 300))
    count = len(padded) * 2 // 3
    audio = np.fft.irfft(np.fft.rfft(padded)[: count // 2 + 1], count) * (2 / 3)
    audio += np.random.default_rng(7).normal(0.0, 0.001, count)
    return Clip(text, np.asarray(audio * 32767, dtype=np.int16))


def human_clips(folder: Path) -> list[Clip]:
    """The recorded sentences with what was said in them; none where the package is not installed."""
    if not (folder / "transcription").is_file():
        return []
    clips = []
    for line in (folder / "transcription").read_text().splitlines():
        if match := re.fullmatch(r"<s> (.*) </s> \((\S+)\)", line.strip()):
            with wave.open(str(folder / f"{match[2]}.wav")) as file:
                audio = np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)
            clips.append(Clip(match[1], audio))
    return clips


def silence(seconds: float) -> Pcm:
    return np.zeros(int(seconds * SAMPLE_RATE), dtype=np.int16)


async def hear(local: LocalSTT, *pieces: Pcm, live: bool = False) -> tuple[str, float]:
    """The final text of one utterance, and the seconds from the flush to it; `live` feeds it at its own
    pace.
    """
    async with local.stream(conn_options=ONCE) as stream:
        assert isinstance(stream, LocalSpeechStream)
        audio = np.concatenate(pieces)
        began = time.monotonic()
        for start in range(0, len(audio), FRAME):
            piece = audio[start : start + FRAME]
            stream.push_frame(rtc.AudioFrame(piece.tobytes(), SAMPLE_RATE, 1, len(piece)))
            if live:
                await asyncio.sleep(began + (start + FRAME) / SAMPLE_RATE - time.monotonic())
        stream.flush()
        flushed = time.monotonic()
        async for event in stream:
            if event.type is SpeechEventType.FINAL_TRANSCRIPT:
                return event.alternatives[0].text, time.monotonic() - flushed
    raise RuntimeError("the stream ended without a final text")


async def error_rate(local: LocalSTT, clips: Sequence[Clip]) -> float:
    """Word error rate over all clips, in percent."""
    wrong = 0
    for clip in clips:
        text, _ = await hear(local, silence(0.3), clip.audio, silence(0.3))
        wrong += errors(words(clip.text), words(text))
    return 100.0 * wrong / sum(len(words(clip.text)) for clip in clips)


async def addresses(local: LocalSTT, pitches: Sequence[float]) -> dict[str, Any]:
    """How often the first word, to whom it is said, survives; and what became of the others."""
    kept: dict[str, list[bool]] = defaultdict(list)
    misheard: list[str] = []
    for text in ADDRESSES:
        for pitch in pitches:
            heard, _ = await hear(local, silence(0.3), spoken(text, pitch).audio, silence(0.3))
            name = text.partition(",")[0]
            survived = words(heard)[:1] == [name.lower()]
            kept[name].append(survived)
            if not survived:
                misheard.append(f"{pitch}: {heard}")
    rates = {name: 100.0 * sum(survived) / len(survived) for name, survived in kept.items()}
    return {"kept_percent": rates, "misheard": misheard}


def first_words(recogniser: Recogniser, pitches: Sequence[float]) -> dict[str, Any]:
    """What each way of calling the model puts before the first word, in percent of utterances, with each
    remedy as an arm of its own.

    Complete utterances hardly show the fault, so they alone would prove every remedy good: it is in
    utterances that are flushed in mid-word, as a split or an interim is, and in sounds that are no speech.
    """
    from moonshine_voice.transcriber import ModelArch, Transcriber
    from moonshine_voice.utils import get_assets_path

    package = Transcriber(str(get_assets_path() / "tiny-en"), ModelArch.TINY)
    judge = local_inference.VAD()

    def segmented(audio: Pcm) -> str:
        lines = package.transcribe_without_streaming((audio / 32768.0).tolist(), SAMPLE_RATE).lines
        return " ".join(line.text for line in lines)

    def ours(audio: Pcm, noise: bool = True, trim: bool = True) -> str:
        judge.reset()
        utterance = Utterance(judge.predict)
        utterance.push(audio)
        if not utterance.speech_in_part():
            return ""
        samples = utterance.samples(0) if trim else prepare(audio)
        if not noise:
            samples = samples - np.resize(NOISE, len(samples))
        return recogniser.transcribe(samples)

    ways: dict[str, Callable[[Pcm], str]] = {
        "package's own segmentation": segmented,
        "whole buffer": lambda audio: recogniser.transcribe((audio / 32768.0).astype(np.float32)),
        "gated": lambda audio: ours(audio, noise=False, trim=False),
        "gated, trimmed": lambda audio: ours(audio, noise=False),
        "gated, noise": lambda audio: ours(audio, trim=False),
        "ours: gated, trimmed, noise": ours,
    }
    said = [(words(clip.text), clip.audio) for clip in (spoken(t, p) for t in FIRST for p in pitches)]
    conditions: dict[str, list[tuple[list[str], Pcm]]] = {
        "complete": [(text, np.concatenate([silence(1.0), audio, silence(0.5)])) for text, audio in said],
        "cut short": [
            (text, np.concatenate([silence(0.3), audio[: int(seconds * SAMPLE_RATE)]]))
            for text, audio in said
            for seconds in (0.6, 0.8)
        ],
        "no speech": [([], audio) for audio in speechless()],
    }
    table = {
        condition: {way: _share_invented(hear_it, clips) for way, hear_it in ways.items()}
        for condition, clips in conditions.items()
    }
    package.close()
    return {"utterances": {name: len(clips) for name, clips in conditions.items()}, "percent": table}


def _share_invented(
    hear_it: Callable[[Pcm], str], clips: Sequence[tuple[list[str], Pcm]]
) -> dict[str, float]:
    heard = [(said, words(hear_it(audio))) for said, audio in clips]
    added = sum(begins_with_more(said, found) for said, found in heard)
    wrong = sum(bool(found) and found[:1] != said[:1] for said, found in heard)
    return {"invented": 100.0 * added / len(clips), "first_word_wrong": 100.0 * wrong / len(clips)}


def speechless() -> list[Pcm]:
    """Sounds that nobody said: silence, room noise at two levels, clicks and coughs."""
    rng = np.random.default_rng(2)
    sounds = [silence(seconds) for seconds in (0.5, 2.0)]
    sounds += [np.asarray(rng.normal(0, level, 32_000), dtype=np.int16) for level in (33, 330)]
    for length, level in ((800, 9000), (2400, 6000)):
        burst = np.asarray(rng.normal(0, level, length) * np.hanning(length), dtype=np.int16)
        sounds.append(np.concatenate([silence(0.5), burst, silence(0.5)]))
    return sounds


def begins_with_more(said: Sequence[str], heard: Sequence[str]) -> bool:
    """Whether words were heard before the first one that was said, or where none was said."""
    if not said:
        return bool(heard)
    return heard[:1] != said[:1] and said[0] in heard[1:4]


async def latencies(local: LocalSTT, clips: Sequence[Clip], pause: float) -> list[float]:
    """Milliseconds from the flush to the final, each clip said live and flushed `pause` seconds after."""
    return [1000.0 * (await hear(local, clip.audio, silence(pause), live=True))[1] for clip in clips]


async def together(local: LocalSTT, queue: MeteredQueue, clips: Sequence[Clip]) -> dict[str, float]:
    """Three who talk at once, live: how late the last final is, and what the interims took of a core."""
    queue.cpu_seconds.clear()
    began = time.monotonic()
    finals = await asyncio.gather(*(hear(local, clip.audio, silence(0.5), live=True) for clip in clips))
    seconds = time.monotonic() - began
    wrong = sum(errors(words(clip.text), words(text)) for clip, (text, _) in zip(clips, finals, strict=True))
    return {
        "slowest_final_ms": 1000.0 * max(late for _, late in finals),
        "interim_core_share": queue.cpu_seconds[Urgency.INTERIM] / seconds,
        "all_core_share": sum(queue.cpu_seconds.values()) / seconds,
        "word_errors_percent": 100.0 * wrong / sum(len(words(clip.text)) for clip in clips),
    }


def realtime_factor(recogniser: Recogniser, clips: Sequence[Clip]) -> float:
    """CPU seconds of decoding for a second of audio."""
    started = time.thread_time()
    for clip in clips:
        recogniser.transcribe(clip.audio.astype(np.float32) / 32768.0)
    return (time.thread_time() - started) / (sum(len(clip.audio) for clip in clips) / SAMPLE_RATE)


async def measure(quick: bool, human: Path) -> dict[str, Any]:
    """Everything, as the document that is written."""
    recogniser = Recogniser()
    queue = MeteredQueue(recogniser)
    local = LocalSTT(queue=queue)
    pitches = (0.86, 1.0, 1.14) if quick else PITCHES
    voice = {pitch: [spoken(text, pitch) for text in SENTENCES] for pitch in pitches}
    people = human_clips(human)
    by_pitch = {str(pitch): await error_rate(local, clips) for pitch, clips in voice.items()}
    called = await addresses(local, pitches)
    extra = first_words(recogniser, (0.86, 1.0, 1.14))
    middle = voice[1.0]
    long = spoken(" ".join(SENTENCES[:4]), 1.0)
    detail: dict[str, Any] = {
        "word_error_rate_by_pitch": by_pitch,
        "word_error_rate_long_speech": await error_rate(local, [long]),
        "word_error_rate_human": await error_rate(local, people) if people else None,
        "addresses": called,
        "final_after_300_ms_of_silence_ms": await latencies(local, middle, 0.3),
        "final_at_once_ms": await latencies(local, middle, 0.0),
        "three_at_once": await together(local, queue, [voice[pitch][0] for pitch in pitches[-3:]]),
        "decode_cpu_seconds_per_second": realtime_factor(recogniser, [*middle, *people]),
    }
    queue.close()
    return {"detail": detail, "compared": {"first_words": extra}}


def targets(measured: dict[str, Any]) -> list[dict[str, Any]]:
    """What must hold: error rates and ratios, no wall-clock time but one that a busy machine keeps."""
    detail, extra = measured["detail"], measured["compared"]["first_words"]["percent"]
    rows: list[tuple[str, float, float, str]] = [
        (
            "word error rate, local voice",
            statistics.mean(detail["word_error_rate_by_pitch"].values()),
            10.0,
            "%",
        ),
        ("word error rate, long speech", detail["word_error_rate_long_speech"], 10.0, "%"),
        ("'Moderator' lost", 100.0 - detail["addresses"]["kept_percent"]["Moderator"], 10.0, "%"),
        ("'Sage' lost", 100.0 - detail["addresses"]["kept_percent"]["Sage"], 15.0, "%"),
        *(
            (f"invented first words, {condition}", ways["ours: gated, trimmed, noise"]["invented"], 2.0, "%")
            for condition, ways in extra.items()
        ),
        ("interims' share of a core", detail["three_at_once"]["interim_core_share"], 0.45, "cores"),
        ("decoding", detail["decode_cpu_seconds_per_second"], 0.2, "s/s"),
    ]
    if (human := detail["word_error_rate_human"]) is not None:
        rows.append(("word error rate, recorded people", human, 15.0, "%"))
    return [
        {"name": name, "value": round(value, 3), "limit": limit, "unit": unit, "ok": value <= limit}
        for name, value, limit, unit in rows
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three pitches instead of eight")
    parser.add_argument("--human", type=Path, default=HUMAN, help="folder of recorded sentences")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    measured = asyncio.run(measure(options.quick, options.human))
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    document = {
        "name": "local_stt",
        # Latencies are wall-clock: they mean nothing without what else the machine had to do.
        "machine": {"cpus": os.cpu_count(), "load_before": load, "load_after": os.getloadavg()[0]},
        "commit": commit.stdout.strip(),
        "targets": targets(measured),
        **measured,
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(document, indent=2) + "\n")
    for row in document["targets"]:
        mark = "ok  " if row["ok"] else "MISS"
        print(f"{mark} {row['name']:36} {row['value']:>9} {row['unit']:6} (limit {row['limit']})")
    print(json.dumps({"compared": measured["compared"], "detail": measured["detail"]}, indent=1))
    return 0 if all(row["ok"] for row in document["targets"]) else 1


if __name__ == "__main__":
    sys.exit(main())
