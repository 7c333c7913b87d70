"""The input side that every recogniser's stream of ours shares: a flush ends a passage, and each passage has one final.

The framework's own stream flushes once more at the end of its input, which would ask for a final of nothing.
"""

from __future__ import annotations

from livekit import rtc
from livekit.agents import stt


class FlushedStream(stt.RecognizeStream):
    """Knows whether anything was heard since the last flush. `_run` is left to the recogniser."""

    _unflushed = False

    def push_frame(self, frame: rtc.AudioFrame) -> None:
        self._unflushed = True
        super().push_frame(frame)

    def flush(self) -> None:
        self._unflushed = False
        super().flush()

    def end_input(self) -> None:
        if self._unflushed:
            self.flush()
        self._input_ch.close()
