"""The words of the greeting: by name and topic, at most 32 words, in the persona's own form.

Owns only the shortening. Names and topic are data from people and are spoken as such.
"""

from __future__ import annotations

from collections.abc import Sequence

from debate.words import clean, join_names, number
from personas.registry import Persona

WORDS_MAX = 32
NAMES_MAX = 5
TOPIC_CHARS = 90


def greeting_words(persona: Persona, names: Sequence[str], topic: str) -> str:
    """The persona's greeting to `names` (may be empty) on `topic`; names go before the topic where both are long."""
    spoken = [clean(name, 30) for name in names if clean(name, 30)]
    subject = clean(topic, TOPIC_CHARS).rstrip(".;:, ") or "open today"
    for count in range(min(len(spoken), NAMES_MAX), -1, -1):
        text = _fill(persona, _addressees(spoken, count), subject)
        while len(text.split()) > WORDS_MAX and len(subject.split()) > 4 and count == 0:
            subject = subject.rsplit(" ", 1)[0].rstrip(",;:- ")
            text = _fill(persona, _addressees(spoken, count), subject)
        if len(text.split()) <= WORDS_MAX:
            return text
    return _fill(persona, "everyone", " ".join(subject.split()[:4]))


def _addressees(names: Sequence[str], count: int) -> str:
    others = len(names) - count
    if not count:
        return "everyone"
    if not others:
        return join_names(names)
    return f"{', '.join(names[:count])} and {number(others)} other{'s' if others > 1 else ''}"


def _fill(persona: Persona, names: str, topic: str) -> str:
    # One pass over the template: a topic that says "{names}" stays what somebody called their topic.
    text = persona.greeting.format(names=names, topic=topic)
    # a question keeps its mark, which the voice reads, and needs no full stop behind it
    return text.replace(f"{topic}.", topic, 1) if topic.endswith(("?", "!")) else text
