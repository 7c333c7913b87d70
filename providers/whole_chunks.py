"""A tokenizer for plugins whose text comes in chunks already: each piece goes out at once, as it is."""

from __future__ import annotations

from livekit.agents import tokenize


class WholeChunks(tokenize.SentenceTokenizer):
    """What is pushed is a token."""

    def tokenize(self, text: str, *, language: str | None = None) -> list[str]:
        return [text] if text.strip() else []

    def stream(self, *, language: str | None = None) -> WholeChunkStream:
        return WholeChunkStream()


class WholeChunkStream(tokenize.SentenceStream):
    """One reply."""

    def push_text(self, text: str) -> None:
        self._check_not_closed()
        if text.strip():
            self._event_ch.send_nowait(tokenize.TokenData(token=text))

    def flush(self) -> None:
        """There is nothing to be flushed."""

    def end_input(self) -> None:
        self._do_close()

    async def aclose(self) -> None:
        self._do_close()
