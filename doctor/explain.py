"""`doctor --explain NAME ...`: what settings mean, what they are, and what raising or lowering each trades.

The trades stand in tradeoffs.toml; after the runbook's tuning guide.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from textwrap import wrap
from typing import TextIO

from settings import SECRETS, TABLE, Settings, default_text
from settings_checks import allowed_values

UNKNOWN_NAME = 2
TRADEOFFS = Path(__file__).parent / "tradeoffs.toml"
_WIDTH = 100
_INDENT = 12
_LABELS = {
    "higher": "raised",
    "lower": "lowered",
    "on": "if true",
    "off": "if false",
    "trades": "trades",
    "advice": "advice",
}


@dataclass(frozen=True, slots=True)
class TradeOff:
    """What is won and lost: texts by what is done to the setting, in the order of the file; keys of `_LABELS`."""

    texts: tuple[tuple[str, str], ...]


@cache
def trade_offs() -> dict[str, TradeOff]:
    """Trade-offs by attribute name. ValueError for a file that says what nobody prints."""
    found: dict[str, TradeOff] = {}
    for name, texts in tomllib.loads(TRADEOFFS.read_text(encoding="utf-8")).items():
        if unknown := set(texts) - set(_LABELS):
            raise ValueError(f"{TRADEOFFS.name}: {name} has {', '.join(sorted(unknown))}")
        found[name.lower()] = TradeOff(tuple(texts.items()))
    return found


def explain(names: Sequence[str], settings: Settings, out: TextIO) -> int:
    """Print each setting; UNKNOWN_NAME where one of the names is none, after the others were printed."""
    code = 0
    for number, name in enumerate(names):
        key = name.strip().lower()
        if number:
            out.write("\n")
        if key in TABLE:
            out.write(as_text(key, settings))
        else:
            out.write(_unknown(key))
            code = UNKNOWN_NAME
    return code


def as_text(key: str, settings: Settings) -> str:
    """One setting, never a secret's value."""
    field = TABLE[key]
    extra = field.json_schema_extra
    unit = f" {extra['unit']}" if isinstance(extra, dict) and extra["unit"] else ""
    if isinstance(field.get_default(), tuple):
        unit = ""  # names have none
    lines = [f"{key.upper()}: {field.description}"]
    default = default_text(key)
    lines += _row("now", _shown(key, settings, unit))
    lines += _row("default", f"{default}{unit}" if default else "none")
    lines += _row("may be", allowed_values(key, field))
    if trade := trade_offs().get(key):
        for kind, text in trade.texts:
            lines += _row(_LABELS[kind], text)
    return "\n".join(lines) + "\n"


def _shown(key: str, settings: Settings, unit: str) -> str:
    value = getattr(settings, key)
    if key in SECRETS:
        return "set" if value else "not set"
    if value is None or value == ():
        return "not set"
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return (f"{value:g}" if isinstance(value, float) else str(value)) + unit


def _row(label: str, text: str) -> list[str]:
    first, *rest = wrap(text, _WIDTH - _INDENT, break_on_hyphens=False)
    return [f"  {label + ':':<{_INDENT - 2}}{first}", *(" " * _INDENT + line for line in rest)]


def _unknown(key: str) -> str:
    within = [known for known in TABLE if key and key in known]
    near = list(dict.fromkeys([*get_close_matches(key, TABLE, 4, cutoff=0.6), *within]))[:6]
    meant = f" Did you mean {', '.join(name.upper() for name in near)}?" if near else ""
    return f"There is no setting {key.upper()}.{meant} docs/settings.md lists those there are.\n"
