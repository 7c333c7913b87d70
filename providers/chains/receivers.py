"""Who receives what is said: the companies and hosts behind the chains, for the page that names them.

Pure. A link on this machine is nobody: what it is given stays here.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from providers.chains.plan import ChainPlan
from providers.fact_search import LINK as FACT_SEARCH
from providers.registry import Kind, Link, find_link
from settings import Settings

ATTRIBUTE = "sage.receivers"


@dataclass(frozen=True, slots=True)
class Receivers:
    """Names in the order of the chains: the first one receives it, the others only while those before them fail."""

    audio: tuple[str, ...]
    """Who receives the voices of the people."""

    text: tuple[str, ...]
    """Who receives what was said, as text."""

    voice: tuple[str, ...]
    """Who receives the moderator's own words, to speak them."""

    checks: tuple[str, ...] = ()
    """Who receives claims that are to be checked, whatever the chain of language models is."""

    def as_json(self) -> str:
        """`{"audio": [NAME, ...], "text": [...], "voice": [...], "checks": [...]}`, the value of ATTRIBUTE."""
        return json.dumps(asdict(self), ensure_ascii=False)


def receivers(plan: ChainPlan, settings: Settings) -> Receivers:
    """Everybody outside this machine to whom the chains of `plan` send anything."""

    def of(kind: Kind) -> tuple[str, ...]:
        names = (_name(find_link(kind, name), settings) for name in plan.links(kind))
        return tuple(dict.fromkeys(name for name in names if name))

    search = find_link("llm", FACT_SEARCH)
    checks = "" if search.missing(settings) else _name(search, settings)
    return Receivers(of("stt"), of("llm"), of("tts"), (checks,) if checks else ())


def _name(link: Link, settings: Settings) -> str:
    """The company, with the host where that is not the company's own address; "" for this machine."""
    host = link.host(settings)
    if not host:
        return ""
    company = link.company or link.name
    return company if host == _own_host(link, settings) else f"{company} at {host}"


def _own_host(link: Link, settings: Settings) -> str:
    """Where the link leads when no setting leads it elsewhere; "" for servers that everybody runs himself."""
    vendor = link.name.split("-", maxsplit=1)[0]
    elsewhere = [f"{vendor}_base_url", f"{vendor}_host"]
    unset = {name: None for name in elsewhere if name in type(settings).model_fields}
    return link.host(settings.model_copy(update=unset))
