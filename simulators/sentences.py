"""How a simulated voice cuts the text that streams to it: sentences, a long one at clauses, the first one early.

Vendors cut by rules of their own; Sage's own rules are providers/chains/chunks.py's. Pure text in, text out.
"""

from __future__ import annotations

import re

# A sentence ends in its mark and white space; the white space is what tells "3.5" and "U.N." apart while
# words are still coming in.
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?:\[\^?\d+\])*(?=\s)|\n+")
_CLAUSE_END = re.compile(r"[,;:—–](?=\s)|\s[—–-](?=\s)")
_NOT_AN_END = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Sen|Rep|Gov|Gen|vs|etc|e\.g|i\.e|approx|No|Fig)|\b[A-Z]|^\s*\d{1,3})\.$",
    re.IGNORECASE | re.MULTILINE,
)


def sentence_end(text: str, start: int = 0) -> int | None:
    """Where the first sentence that is complete in `text` ends (an index after its mark), or None."""
    for match in _SENTENCE_END.finditer(text, start):
        if match.group().startswith("\n") or not _NOT_AN_END.search(text[: match.end()]):
            return match.end()
    return None


def clause_end(text: str, least: int, most: int) -> int | None:
    """The first clause end from `least` characters on, else the last space before `most`; None while it may
    wait."""
    for match in _CLAUSE_END.finditer(text, max(0, least - 1)):
        if match.end() <= most:
            return match.end()
        break
    if len(text) <= most:
        return None
    space = text.rfind(" ", least, most)
    return space if space > 0 else None


class Chunker:
    """Cuts streamed text into what is spoken at once: sentences, a long one at clauses, the first one
    early."""

    def __init__(self, *, least: int, most: int, first_most: int) -> None:
        """Chunks shorter than `least` characters wait for more, unless they are sentences; longer than `most`
        they are split, the first one longer than `first_most`, as somebody waits for its sound."""
        self._least, self._most, self._first_most = least, most, first_most
        self._text = ""
        self._first = True

    @property
    def waiting(self) -> bool:
        """Whether there are words that no chunk has taken yet."""
        return bool(self._text.strip())

    def push(self, text: str) -> list[str]:
        """Add text; the chunks that are complete now."""
        self._text += text
        chunks = []
        while (end := self._end()) is not None:
            chunks.append(self._take(end))
        return [chunk for chunk in chunks if chunk]

    def hurry(self) -> list[str]:
        """Give out what can be spoken when no more text came for a while: up to the last clause or word."""
        text = self._text.rstrip()
        ends = [match.end() for match in _CLAUSE_END.finditer(self._text)]
        end = ends[-1] if ends else text.rfind(" ")
        if end < self._least:
            return []
        return [self._take(end)]

    def flush(self) -> list[str]:
        """Everything that is left."""
        chunks = self.push("\n") if self._text.strip() else []
        self._text, self._first = "", True
        return chunks

    def _take(self, end: int) -> str:
        chunk, self._text = self._text[:end].strip(), self._text[end:]
        self._first = self._first and not chunk
        return chunk

    def _end(self) -> int | None:
        most = self._first_most if self._first else self._most
        least = min(self._least, most // 2)
        end = sentence_end(self._text)
        if end is not None and end <= most:
            return end
        span = self._text[: end or len(self._text)]
        # The next word of an unfinished sentence may still grow: only text that is followed by white space is
        # cut.
        return clause_end(span, least, most) or end
