"""Names of rooms, identities and people: which are allowed, which are the same, which identity a name gets.

Pure. Owns no knowledge of who is in a room.
"""

import re
import secrets
import unicodedata

ROOM_OR_IDENTITY = re.compile(r"[a-zA-Z0-9_-]{1,64}")
MAX_NAME_CHARS = 64
MAX_TOPIC_CHARS = 500
RESERVED_NAMES = ("sage", "moderator")
_SUFFIX_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_SUFFIX_CHARS = 6
# Overrides of writing direction can make one name look like another; joiners (U+200D) belong to emoji and
# scripts.
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Letters that Unicode does not decompose into a base letter and a mark.
_TRANSLITERATED = str.maketrans(
    {"ß": "ss", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ł": "l"}
)


def is_safe(text: str) -> bool:
    """Whether `text` may be a room or an identity: 1 to 64 of a-z, A-Z, 0-9, _ and -."""
    return ROOM_OR_IDENTITY.fullmatch(text) is not None


def tidy(text: str) -> str:
    """One line in NFC, without spaces at the ends or doubled within."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def has_control(text: str) -> bool:
    """Whether `text` holds control characters, lone surrogates, unassigned ones or overrides of direction."""
    return any(unicodedata.category(char) in ("Cc", "Cs", "Cn") or char in _DIRECTION_MARKS for char in text)


def is_visible(text: str) -> bool:
    """Whether anything of `text` can be seen: a letter, digit, mark, sign or symbol."""
    return any(unicodedata.category(char)[0] in "LNPS" for char in text)


def same_person(one: str, other: str) -> bool:
    """Whether two display names would be taken for the same: letter case, width and spacing do not count."""
    return _folded(one) == _folded(other)


def is_reserved(name: str) -> bool:
    """Names that the moderator answers to; a debater of that name would be it in everybody's ears."""
    return _folded(name) in RESERVED_NAMES


def new_identity(name: str) -> str:
    """An identity for display name `name`: a readable ASCII slug and a random end, e.g. "jose-garcia-k3m9xp".

    Random, so that two people of one name who come at the same moment do not throw each other out.
    """
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_TRANSLITERATED))
    slug = re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode()).strip("-")
    room_for_slug = 64 - _SUFFIX_CHARS - 1
    slug = slug[:room_for_slug].rstrip("-") or "guest"
    if slug == "agent" or slug.startswith("agent-"):
        slug = f"x-{slug}"[:room_for_slug].rstrip("-")
    return f"{slug}-{''.join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(_SUFFIX_CHARS))}"


def _folded(name: str) -> str:
    return tidy(unicodedata.normalize("NFKC", name)).casefold()
