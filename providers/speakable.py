"""Text made fit to be spoken: markdown, links and citation marks go.

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
