"""What the page says of services in trouble: by what people know them as, with who has taken over.

Owns these words. No address, no key and no vendor's own message is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from providers.chains.breaker import Breakers
from providers.registry import Kind, find_link, known_links

_PARTS: Mapping[Kind, tuple[str, str, str]] = MappingProxyType(
    {
        "stt": ("Hearing", "{to} hears you now", "nobody’s words are recognised; please type"),
        "llm": ("Answers", "{to} answers now", "the moderator answers from its rules alone"),
        "tts": ("Voice", "{to} speaks now", "the moderator’s words appear here only"),
    }
)


def services(breakers: Breakers) -> dict[str, str]:
    """`sage.services`: each part in trouble with what it means for people; {} where all is well."""
    troubles: dict[str, str] = {}
    for kind, (part, switched, nobody) in _PARTS.items():
        dead = [one.link for one in breakers.down() if one.kind == kind]
        living = breakers.living(kind)
        if not dead or (living and living[0] == breakers.first(kind)):
            continue  # a dead link that nobody needs right now is no news
        using = _known_as(kind, living[0]) if living else ""
        # a company may answer in one way while another of its ways is dead
        who = [name for name in dict.fromkeys(_known_as(kind, link) for link in dead) if name != using] or [
            using
        ]
        result = switched.format(to=using) if living else nobody
        troubles[part] = f"{' and '.join(who)} {'does' if len(who) == 1 else 'do'} not answer; {result}"
    return troubles


def _known_as(kind: Kind, name: str) -> str:
    if name not in known_links(kind):
        return name  # of a plan that was not made of settings
    return find_link(kind, name).company or "this server"
