"""Sounds: files of any rate, width and channels, a noise floor, a voice of their own for everybody."""

import wave
from pathlib import Path

import numpy as np
import pytest

from rehearsal.script import Line, Script, ScriptError
from rehearsal.voices import SAMPLE_RATE, noise, read_audio, sounds_of, voices_of
from voice.kept_audio import decibels


def write_wav(
    path: Path, rate: int, channels: int, width: int, *, seconds: float = 0.5, level: float = 0.5
) -> Path:
    time = np.arange(int(rate * seconds)) / rate
    tone = np.repeat((level * np.sin(2 * np.pi * 440 * time))[:, None], channels, axis=1)
    scaled = np.round(tone * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    if width == 1:
        scaled += 128
    data = scaled.reshape(-1, 1).view(np.uint8).reshape(-1, 8)[:, :width].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return path


def pitch_of(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * SAMPLE_RATE / len(samples)


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100, 48000])
@pytest.mark.parametrize(("channels", "width"), [(1, 2), (2, 2), (1, 1), (2, 3), (1, 4)])
def test_a_wav_of_any_kind_is_the_same_sound(tmp_path: Path, rate: int, channels: int, width: int) -> None:
    samples = read_audio(write_wav(tmp_path / "a.wav", rate, channels, width))
    assert samples.dtype == np.int16
    assert len(samples) / SAMPLE_RATE == pytest.approx(0.5, abs=0.03)
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    assert pitch_of(middle) == pytest.approx(440, abs=6)
    assert decibels(middle) == pytest.approx(-9.0, abs=0.7)


def test_other_containers_are_read_too(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "a.flac"
    tone = (16000 * np.sin(2 * np.pi * 440 * np.arange(32000) / 32000)).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=32000)
        frame = av.AudioFrame.from_ndarray(tone[None, :], format="s16", layout="mono")
        frame.rate = 32000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    samples = read_audio(path)
    assert len(samples) / SAMPLE_RATE == pytest.approx(1.0, abs=0.05)
    assert pitch_of(samples) == pytest.approx(440, abs=6)


def a_script(*lines: Line) -> Script:
    return Script(Path("script.toml"), "t", "t", lines)


def test_a_file_that_is_no_sound_or_silent_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not a sound")
    silent = write_wav(tmp_path / "silent.wav", 16000, 1, 2, level=0.0)
    lines = (Line(1, "Ana", wav=tmp_path / "text.wav", at=0.0), Line(2, "Ben", wav=silent, at=0.0))
    with pytest.raises(ScriptError) as refused:
        sounds_of(a_script(*lines))
    first, second = refused.value.problems
    assert "[[line]] 1" in first
    assert "text.wav" in first
    assert "[[line]] 2" in second
    assert "nothing is audible" in second


def test_the_audible_part_of_a_sound_is_known(tmp_path: Path) -> None:
    path = tmp_path / "padded.wav"
    with wave.open(str(write_wav(path, 24000, 1, 2))) as file:
        tone = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    pause = np.zeros(12000, np.int16)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 24000, 0, "NONE", ""))
        file.writeframes(np.concatenate([pause, tone, pause]).tobytes())
    sound = sounds_of(a_script(Line(1, "Ana", wav=path, at=0.0)))[1]
    assert (sound.seconds, sound.audible_from, sound.audible_to) == pytest.approx((1.5, 0.5, 1.0), abs=0.02)


def test_everybody_speaks_in_a_voice_of_their_own() -> None:
    voices = voices_of(["Ana", "Ben", "Eve"], {"Ben": "heart:1.3:1.0"})
    assert voices["Ben"] == "heart:1.3:1.0"
    assert len(set(voices.values())) == 3


def test_a_spoken_line_has_words_in_it() -> None:
    sound = sounds_of(a_script(Line(1, "Ana", "Good evening, everyone.", at=0.0)))[1]
    assert 0.8 < sound.seconds < 3.0
    assert decibels(sound.samples) > -35


def test_a_microphone_is_never_digitally_silent() -> None:
    floor = noise(2.0, seed=3)
    assert decibels(floor) == pytest.approx(-60.0, abs=1.0)
    assert not np.array_equal(floor, noise(2.0, seed=4))
