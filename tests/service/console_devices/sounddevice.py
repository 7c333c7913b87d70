"""Stands in for the package `sounddevice` on a machine without sound: its microphone and loudspeaker are files.

SAGE_TEST_MICROPHONE is 24 kHz mono 16-bit PCM, spoken once into the microphone after the loudspeaker has sounded and
was silent again for a second, so that nobody talks over the greeting. SAGE_TEST_SPEAKER gets what was played, in the
same form. Whatever else is asked of the package is an AttributeError.
"""

import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

RATE = 24_000
SILENT_SECONDS = 1.0
default = SimpleNamespace(device=(0, 1))
_sounded = threading.Event()
_silent_since = [0.0]


def query_devices(device=None, kind=None):
    if kind not in ("input", "output"):
        raise ValueError(f"not scripted: {device!r}, {kind!r}")
    return {"name": f"a file as {kind}"}


class _Stream:
    """Calls back for every block in real time until closed."""

    def __init__(self, *, callback, dtype, channels, device, samplerate, blocksize):
        if (dtype, channels, samplerate) != ("int16", 1, RATE):
            raise ValueError(f"not scripted: {dtype}, {channels}, {samplerate}")
        self._callback, self._block, self._open = callback, blocksize, True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()

    def close(self):
        self._open = False
        self._thread.join(5)

    def _exchange(self, block):
        raise NotImplementedError

    def _run(self):
        due = time.monotonic()
        while self._open:
            self._exchange(np.zeros((self._block, 1), np.int16))
            due += self._block / RATE
            time.sleep(max(0.0, due - time.monotonic()))


def _clock():
    now = time.monotonic()
    return SimpleNamespace(currentTime=now, inputBufferAdcTime=now, outputBufferDacTime=now)


class InputStream(_Stream):
    def __init__(self, **options):
        super().__init__(**options)
        self._speech = np.fromfile(os.environ["SAGE_TEST_MICROPHONE"], np.int16)
        self._noise = np.random.default_rng(1)

    def _exchange(self, block):
        block[:, 0] = self._noise.normal(0, 12, len(block))  # a room is never digitally silent
        if _sounded.is_set() and time.monotonic() - _silent_since[0] > SILENT_SECONDS:
            spoken, self._speech = self._speech[: len(block)], self._speech[len(block) :]
            block[: len(spoken), 0] += spoken
        self._callback(block, len(block), _clock(), None)


class OutputStream(_Stream):
    def __init__(self, **options):
        super().__init__(**options)
        self._file = Path(os.environ["SAGE_TEST_SPEAKER"]).open("ab", buffering=0)  # noqa: SIM115

    def _exchange(self, block):
        self._callback(block, len(block), _clock(), None)
        self._file.write(block.tobytes())
        if np.abs(block).max() > 500:
            _sounded.set()
            _silent_since[0] = time.monotonic()
