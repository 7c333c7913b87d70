"""The mapping from a link's name to what builds it; vendor files fill it when they are imported.

Owns names and what each link needs. It imports no SDK: the factories do, when a chain that names them is
built.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

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
    build: Callable[..., Any]
    hears_here: bool = False
    """For stt: audio stays on hosts of the operator's own."""

    def missing(self, settings: Settings) -> tuple[str, ...]:
        """Names of the variables it needs that are not set."""
        return tuple(name for name in self.needs if not getattr(settings, name.lower()))


_links: dict[tuple[Kind, str], Link] = {}


def register(
    kind: Kind, name: str, needs: tuple[str, ...] = (), *, hears_here: bool = False
) -> Callable[[Factory], Factory]:
    """Decorate the factory of link `name`; `needs` are variables that must be set. ValueError for a second
    one."""

    def keep(factory: Factory) -> Factory:
        if (kind, name) in _links:
            raise ValueError(f"{kind} link {name!r} is registered twice")
        _links[kind, name] = Link(kind, name, needs, factory, hears_here)
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
