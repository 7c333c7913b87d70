"""Text made fit to be spoken: markdown, links and citation marks go, sentences and clauses come one by one.

Pure text in, text out. What a voice makes of the words is not its matter.
"""

from __future__ import annotations

import re

_LINK = re.compile(r"!?\[([^\]]*)\]\((?:[^()\s]|\([^()]*\))*(?:\s+\"[^\"]*\")?\)")
_CITATION = re.compile(r"\s*(?:\[\^?\d+(?:\s*[,;–-]\s*\d+)*\]|【[^】]*】)")
_ADDRESS = re.compile(r"\(?\b(?:https?://|www\.)[^\s)]+\)?", re.IGNORECASE)
_FENCE = re.compile(r"```.*?(?:```|$)", re.DOTALL)
_HEADING = re.compile(r"^\s{0,3}(?:#{1,6}\s+|>\s?|[-*+•]\s+|\d{1,3}[.)]\s+(?=\S))", re.MULTILINE)
_RULE = re.compile(r"^\s*(?:[-*_]\s*){3,}$", re.MULTILINE)
_EMPHASIS = re.compile(r"(\*{1,3}|_{1,3}|~~|`+)(?=\S)(.+?)(?<=\S)\1")
_LEFT_OVER = re.compile(r"[*`~|#<>{}\\\[\]]+|(?<!\w)_+|_+(?!\w)")
_PICTURES = re.compile("[\U0001f000-\U0001faff\U00002600-\U000027bf\ufe0f\u200d]+")
_SPACE = re.compile(r"[ \t\r\f\v]+")

# A sentence ends in its mark and white space; the white space is what tells "3.5" and "U.N." apart while
# words are still coming in.
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?:\[\^?\d+\])*(?=\s)|\n+")
_CLAUSE_END = re.compile(r"[,;:—–](?=\s)|\s[—–-](?=\s)")
_NOT_AN_END = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Sen|Rep|Gov|Gen|vs|etc|e\.g|i\.e|approx|No|Fig)|\b[A-Z]|^\s*\d{1,3})\.$",
    re.IGNORECASE | re.MULTILINE,
)


_IN_LINE = "\u2060"  # a word joiner: it keeps what follows from standing at the beginning of a line


def speakable(text: str, *, mid_line: bool = False) -> str:
    """`text` without what is not read aloud: markdown, web addresses, citation marks, pictures.

    `mid_line`: it goes on within a line, so that a number at its beginning is a number and no list's mark."""
    text = _IN_LINE + text if mid_line else text
    text = _FENCE.sub(" ", text)
    text = _LINK.sub(r"\1", text)
    text = _CITATION.sub("", text)
    text = _ADDRESS.sub("", text)
    text = _RULE.sub("", text)
    text = _HEADING.sub("", text)
    for _ in range(2):  # emphasis in emphasis
        text = _EMPHASIS.sub(r"\2", text)
    text = _PICTURES.sub("", _LEFT_OVER.sub(" ", text))
    text = _SPACE.sub(" ", text.replace(_IN_LINE, ""))
    return re.sub(r" +([,.;:!?])", r"\1", text).strip()


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
