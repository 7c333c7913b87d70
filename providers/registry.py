"""The mapping from a link's name to what builds it; vendor files fill it when they are imported.

Owns names and what each link needs. It imports no SDK: the factories do, when a chain that names them is
built.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from errors import Problem, SettingsError
from settings import Settings

Kind = Literal["stt", "llm", "tts"]
KINDS: tuple[Kind, ...] = ("stt", "llm", "tts")

# Each registers its links when imported, and imports its SDK only in them.
VENDOR_MODULES = (
    "providers.deepgram",
    "providers.openai",
    "providers.perplexity",
    "providers.cerebras",
    "providers.ollama",
    "providers.cartesia",
    "providers.voxtral",
    "providers.chatterbox",
    "providers.local",
)

# stt: (settings); llm: (settings, playbook); tts: (settings, persona).
Factory = TypeVar("Factory", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Link:
    """A vendor's part of one kind, and the settings without which it cannot work."""

    kind: Kind
    name: str
    needs: tuple[str, ...]
    """Variables that must be set; "A or B" where either will do."""

    build: Callable[..., Any]
    address: Callable[[Settings], str] | None = None
    """Where it sends what it is given; None for a link that works in this process."""

    takes_tools: bool = True
    """For llm: whether its models take tools."""

    fallback: str = ""
    """Another way to the same vendor, a link that follows this one wherever it is named."""

    company: str = ""
    """Whom the page names as the one who receives what is said."""

    def missing(self, settings: Settings) -> tuple[str, ...]:
        """Which of its needs are not met."""
        return tuple(
            need
            for need in self.needs
            if not any(getattr(settings, name.lower()) for name in need.split(" or "))
        )

    def host(self, settings: Settings) -> str:
        """The host that receives what it is given; "" where that is this machine."""
        host = urlsplit(self.address(settings)).hostname or "" if self.address is not None else ""
        return "" if _is_this_machine(host) else host


def _is_this_machine(host: str) -> bool:
    """Whether `host` is a loopback address. A name of the network is another host, wherever it may lead."""
    if host in {"", "localhost"}:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


_links: dict[tuple[Kind, str], Link] = {}


def register(
    kind: Kind, name: str, needs: tuple[str, ...] = (), **about: Any
) -> Callable[[Factory], Factory]:
    """Decorate the factory of link `name`; `about` are further fields of Link. ValueError for a second one."""

    def keep(factory: Factory) -> Factory:
        if (kind, name) in _links:
            raise ValueError(f"{kind} link {name!r} is registered twice")
        _links[kind, name] = Link(kind, name, needs, factory, **about)
        return factory

    return keep


def known_links(kind: Kind) -> tuple[str, ...]:
    """Names of all links of a kind, in alphabetical order."""
    _load_vendors()
    return tuple(sorted(name for link_kind, name in _links if link_kind == kind))


def find_link(kind: Kind, name: str) -> Link:
    """The link, or SettingsError that lists the known ones."""
    _load_vendors()
    if link := _links.get((kind, name)):
        return link
    raise SettingsError([unknown_link(kind, name)], code="unknown-link")


def unknown_link(kind: Kind, name: str) -> Problem:
    """What is wrong with a chain that names `name`."""
    return Problem(
        f"{kind.upper()}_CHAIN", f"names the unknown link {name!r}", f"use {', '.join(known_links(kind))}"
    )


def _load_vendors() -> None:
    for module in VENDOR_MODULES:
        importlib.import_module(module)
