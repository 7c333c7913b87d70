"""Where one voice is in a text that another voice has begun: the same words in two sounds, matched by their sounds.

A voice that died told nobody how far it came. Its heir says the same clause from its beginning, and this finds the
point in it from which on it is news. Dynamic time warping (Sakoe and Chiba, 1978) over cepstra. Pure.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from providers.chains.sound import HOP_SECONDS, RATE, Loudness

Matrix = NDArray[np.float32]

_HOP = int(RATE * HOP_SECONDS)
_WINDOW = 600  # samples: 25 ms
_SPECTRUM = 1024
_BANDS = 26
_CEPSTRA = 13
_LOWEST_HZ, _HIGHEST_HZ = 100.0, 7000.0
_TRIED = 40  # frames, every third of the beginning, by which the two throats are compared
_THROATS = (0.7, 0.78, 0.88, 1.0, 1.13, 1.27, 1.4)
_FAR = np.float32(1e9)


class Alignment:
    """Times of `old`, which stops somewhere, in `new`, which says the same from the beginning and goes on."""

    def __init__(self, old: bytes, new: bytes) -> None:
        """16-bit mono PCM at RATE."""
        self._old_begins, self._new_begins = _first_sound(old), _first_sound(new)
        power_old, power_new = _power(old, self._old_begins), _power(new, self._new_begins)
        # Another speaker is another length of throat: the same vowels, all frequencies moved by one factor.
        some_old, some_new = power_old[: _TRIED * 3 : 3], _cepstra(power_new[: _TRIED * 5 : 3], 1.0)
        factor = min(_THROATS, key=lambda one: _warped(_cepstra(some_old, one), some_new)[1])
        self._path, self.distance = _warped(_cepstra(power_old, factor), _cepstra(power_new, 1.0))

    def at(self, seconds: float) -> float:
        """When `new` says what `old` says at a time."""
        frame = (seconds - self._old_begins) / HOP_SECONDS
        if frame <= 0 or not len(self._path):
            return max(0.0, self._new_begins + seconds - self._old_begins)
        place = float(np.interp(frame, np.arange(len(self._path)), self._path))
        return self._new_begins + (place + max(0.0, frame - len(self._path) + 1)) * HOP_SECONDS

    def back(self, seconds: float) -> float:
        """When `old` says what `new` says at a time; beyond its end where it had not come so far."""
        frame = (seconds - self._new_begins) / HOP_SECONDS
        if frame <= 0 or not len(self._path):
            return max(0.0, self._old_begins + seconds - self._new_begins)
        place = float(np.interp(frame, self._path, np.arange(len(self._path))))
        return self._old_begins + (place + max(0.0, frame - float(self._path[-1]))) * HOP_SECONDS


def _first_sound(pcm: bytes) -> float:
    loudness = Loudness()
    loudness.add(pcm)
    return loudness.sounding()[0]


def _power(pcm: bytes, begin: float) -> Matrix:
    """Frames x frequencies from `begin` seconds on."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float32)[int(begin * RATE) :] / 32768.0
    if len(samples) < _WINDOW:
        return np.zeros((0, _SPECTRUM // 2 + 1), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    return np.asarray(
        np.square(np.abs(np.fft.rfft(windows * np.hanning(_WINDOW).astype(np.float32), _SPECTRUM))),
        np.float32,
    )


def _cepstra(power: Matrix, throat: float) -> Matrix:
    """Frames x coefficients, each of mean 0 and deviation 1, as if all frequencies were `throat` times theirs."""
    if not len(power):
        return np.zeros((0, _CEPSTRA), np.float32)
    bands = np.log(power @ _filters(throat).T + 1e-6)
    cepstra = bands @ _cosines().T
    spread = np.maximum(cepstra.std(axis=0), 1e-3)
    return np.asarray((cepstra - cepstra.mean(axis=0)) / spread, np.float32)


def _warped(old: Matrix, new: Matrix) -> tuple[NDArray[np.float64], float]:
    """For each frame of `old` the one of `new`, and the mean distance. Either may be twice as fast as the other."""
    rows, columns = len(old), len(new)
    if rows < 3 or columns < 3:
        return np.zeros(0), float(_FAR)
    distances = np.sqrt(
        np.maximum(np.square(old).sum(1)[:, None] + np.square(new).sum(1)[None, :] - 2.0 * old @ new.T, 0.0)
    )
    total = np.full((rows, columns), _FAR, np.float32)
    steps = np.zeros((rows, columns), np.int8)
    total[0, : min(4, columns)] = distances[0, : min(4, columns)]
    for row in range(1, rows):
        straight = np.concatenate([[_FAR], total[row - 1, :-1]])
        skip = np.concatenate([[_FAR, _FAR], total[row - 1, :-2]])
        stay = np.full(columns, _FAR, np.float32)
        if row > 1:
            stay[1:] = total[row - 2, :-1] + distances[row - 1, 1:]
        ways = np.stack([straight, skip + 0.1, stay + 0.1])
        steps[row] = np.argmin(ways, axis=0)
        total[row] = np.minimum(np.min(ways, axis=0) + distances[row], _FAR)
    return _traced(total, steps)


def _traced(total: Matrix, steps: NDArray[np.int8]) -> tuple[NDArray[np.float64], float]:
    row, column = len(total) - 1, int(np.argmin(total[-1]))
    mean = float(total[-1, column]) / len(total)
    path = np.zeros(len(total))
    while row >= 0 and column >= 0:
        path[row] = column
        step = int(steps[row, column]) if row else 0
        if step == 2 and row > 1:
            path[row - 1] = column
            row, column = row - 2, column - 1
        else:
            row, column = row - 1, column - (2 if step == 1 else 1)
    return np.maximum.accumulate(path), mean


@cache
def _filters(throat: float) -> Matrix:
    """Triangles of equal width in mel."""
    edges = _hertz(np.linspace(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), _BANDS + 2)) / throat
    hertz = np.fft.rfftfreq(_SPECTRUM, 1 / RATE)
    rising = (hertz[None, :] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - hertz[None, :]) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)), np.float32)


@cache
def _cosines() -> Matrix:
    """The transform of bands to cepstra; the first of them is loudness."""
    bands = np.arange(_BANDS) + 0.5
    return np.asarray(np.cos(np.pi / _BANDS * np.arange(_CEPSTRA)[:, None] * bands[None, :]), np.float32)


def _mel(hertz: float) -> float:
    return 2595.0 * float(np.log10(1.0 + hertz / 700.0))


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
