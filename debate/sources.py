"""Where a fact check's answer comes from: title and address of each source, bounded, web addresses only.

Owns what counts as a source. Titles and addresses come from the web: they are data, never trusted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

MOST_SOURCES = 5
TITLE_CHARS = 160
URL_CHARS = 500
_LOOKED_AT = 50
"""Entries of one answer, so that an endless list costs nothing."""


@dataclass(frozen=True, slots=True)
class Source:
    """One page of the web; `url` begins with http:// or https://."""

    title: str
    url: str


def sources_of(data: object) -> tuple[Source, ...]:
    """The sources that `data` (a list of objects with "title" and "url") names, in order, at most MOST_SOURCES.

    Whatever is no address of the web, or was named before, is left out; never raises.
    """
    if not isinstance(data, Sequence) or isinstance(data, str | bytes):
        return ()
    found: dict[str, Source] = {}
    for entry in data[:_LOOKED_AT]:
        title, url = _members(entry)
        if url not in found and (host := _host(url)):
            found[url] = Source(" ".join(title.split())[:TITLE_CHARS].strip() or host, url)
    return tuple(found.values())[:MOST_SOURCES]


def to_json(sources: Sequence[Source]) -> list[dict[str, str]]:
    """As `sources_of` reads them."""
    return [{"title": source.title, "url": source.url} for source in sources]


def _members(entry: Any) -> tuple[str, str]:
    if isinstance(entry, Source):
        return entry.title, entry.url
    if not isinstance(entry, Mapping):
        return "", ""
    title, url = entry.get("title"), entry.get("url")
    return title if isinstance(title, str) else "", url if isinstance(url, str) else ""


def _host(url: str) -> str:
    """The host of an address of the web that may become a link, "" for anything else.

    An address with a user's name in it may look like one host and lead to another; half an address leads nowhere.
    """
    if not url.isprintable() or " " in url or len(url) > URL_CHARS:
        return ""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    return host if parts.scheme in ("http", "https") and "@" not in parts.netloc else ""
