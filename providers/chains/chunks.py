"""What is asked of a voice at once: streamed text cut at its punctuation, cleaned of what is not read aloud.

Owns the rules of CHUNK_MIN_CHARS, CHUNK_MAX_CHARS and CHUNK_MAX_WAIT_MS (settings), once for all links. Pure text in,
text out; whoever uses it keeps the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from providers.speakable import speakable

_END = re.compile(r"(?:[.!?…]+|[,;:])[\"'”’)\]]*(?:\[\^?\d+\])*(?=\s)|\s[—–-](?=\s)|[—–](?=\s)|\n+")
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"\S+")
_BEFORE_A_NAME = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Sen|Rep|Gov|Gen|vs|etc|e\.g|i\.e|a\.m|p\.m|approx|No|Fig)\.|\b[A-Z]\."
    r"|^\s*\d{1,3}[.)]|^\s*[-*+•])[,:]?\Z",
    re.IGNORECASE | re.MULTILINE,
)
# What has white space in it and must stay whole: links with their text, code, citations.
_WHOLE = re.compile(
    r"```.*?(?:```|\Z)|!?\[[^\]\n]{0,200}\]\([^)\n]{0,500}\)"
    r"|\[[^\]\n]{0,200}(?:\Z|\](?:\Z|\([^)\n]{0,500}\Z))|【[^】\n]{0,100}(?:】|\Z)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Chunking:
    """The knobs: characters, characters, seconds."""

    least: int = 24
    most: int = 120
    wait: float = 0.35


@dataclass(frozen=True, slots=True)
class Chunk:
    """Text that is asked of a voice at once: no markdown, at least one letter or digit."""

    text: str

    @property
    def words(self) -> tuple[str, ...]:
        """Its words, with their marks."""
        return tuple(_WORD.findall(self.text))

    def rest(self, words: int) -> str:
        """Its text without its first `words` words; "" where it has no more."""
        starts = [match.start() for match in _WORD.finditer(self.text)]
        return self.text[starts[words] :] if words < len(starts) else ""


class SpeechChunker:
    """Cuts one reply. What it answers is spoken in that order."""

    def __init__(self, chunking: Chunking) -> None:
        self._least, self._most = chunking.least, chunking.most
        self._text = ""
        self._mid_line = False

    @property
    def waiting(self) -> bool:
        """Whether there is text that no chunk has taken yet."""
        return bool(self._text.strip())

    def push(self, text: str) -> list[Chunk]:
        """Add text; the chunks that are complete now: up to the first punctuation once the least is there."""
        self._text += text
        chunks = []
        while (end := self._end()) is not None:
            chunks += self._take(end)
        return chunks

    def hurry(self) -> list[Chunk]:
        """What is there, up to its last clause or else whole word: it has waited long enough."""
        ends = [end for end in self._ends() if self._length(end) >= self._least]
        end = (ends or [*self._spaces()] or [0])[-1]
        return self._take(end) if end else []

    def flush(self) -> list[Chunk]:
        """The rest: no more text comes."""
        chunks = self.push("\n") if self.waiting else []
        chunks += self._take(len(self._text))
        self._text = ""
        return chunks

    def _length(self, end: int) -> int:
        return len(self._text[:end].strip())

    def _end(self) -> int | None:
        """Where the next chunk ends; None while it may still grow."""
        for end in self._ends():
            length = self._length(end)
            if length > self._most:
                break
            if length >= self._least:
                return end
        if self._length(len(self._text)) <= self._most:
            return None
        spaces = [*self._spaces()]
        fitting = [space for space in spaces if 0 < self._length(space) <= self._most]
        return fitting[-1] if fitting else next((space for space in spaces if self._length(space)), None)

    def _ends(self) -> Iterator[int]:
        """The ends of sentences and clauses, after their marks."""
        yield from self._allowed(_END)

    def _spaces(self) -> Iterator[int]:
        """The ends of words that are followed by white space: the next letter may still belong to the last one."""
        yield from (end for end in self._allowed(_SPACE) if not _between_digits(self._text, end))

    def _allowed(self, pattern: re.Pattern[str]) -> Iterator[int]:
        whole = [match.span() for match in _WHOLE.finditer(self._text)]
        for match in pattern.finditer(self._text):
            end = match.start() if pattern is _SPACE else match.end()
            if any(start < end < stop or (start < end and stop == len(self._text)) for start, stop in whole):
                continue
            if match.group().startswith("\n") or not _BEFORE_A_NAME.search(self._text[:end]):
                yield end

    def _take(self, end: int) -> list[Chunk]:
        raw, rest = self._text[:end], self._text[end:]
        text = speakable(raw, mid_line=self._mid_line)
        self._mid_line = bool(rest) and not raw.endswith("\n") and not rest.lstrip(" \t").startswith("\n")
        self._text = rest
        # nobody can say marks alone
        return [Chunk(text)] if any(letter.isalnum() for letter in text) else []


def _between_digits(text: str, space: int) -> bool:
    """Whether the white space at `space` stands within a number (1 000)."""
    after = text[space:].lstrip()
    return text[space - 1 : space].isdigit() and (not after or after[0].isdigit())
