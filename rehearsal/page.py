"""The report as one self-contained HTML page: who spoke when, for how long, what was said, and the verdict.

Owns looks only; every number comes from the report's data. All text is escaped: names and words are data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

Row = Mapping[str, Any]

_COLOURS = ("#2563eb", "#d97706", "#059669", "#c026d3", "#dc2626", "#0891b2", "#65a30d", "#7c3aed")
_SAGE = "#334155"
_ROW, _BAR, _TICKS = 42, 18, 20
"""Heights in pixels: a person in the chart, the bars of it (its name is above them), the times below the chart."""

_NARROW_FULL, _FULL = 88.0, 96.0
"""Percent of the chart's width after which a time does not fit any more: on a telephone, on anything wider."""

_STYLE = """
:root{color-scheme:light dark;--ink:#0f172a;--dim:#64748b;--paper:#fff;--card:#f8fafc;--edge:#e2e8f0;
--good:#15803d;--bad:#b91c1c}
@media
(prefers-color-scheme:dark){:root{--ink:#e2e8f0;--dim:#94a3b8;--paper:#0b1120;--card:#111a2e;--edge:#24304a;
--good:#4ade80;--bad:#f87171}} *{box-sizing:border-box}body{margin:0 auto;max-width:64rem;padding:2rem 1rem
4rem;background:var(--paper); color:var(--ink);font:16px/1.5
system-ui,sans-serif}h1{margin:0;font-size:1.7rem;line-height:1.2} h2{margin:2.2rem 0
.6rem;font-size:1.1rem}p.sub{margin:.3rem 0 1rem;color:var(--dim)} .verdict{display:inline-block;padding:.2rem
.7rem;border-radius:1rem;font-weight:600;color:#fff} .ok{background:#15803d}.failed{background:#b91c1c}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.7rem;margin:1rem 0}
.card{padding:.7rem .9rem;border:1px solid var(--edge);border-radius:.6rem;background:var(--card)}
.card b{display:block;font-size:1.35rem;line-height:1.3}.card span{color:var(--dim);font-size:.82rem}
svg{display:block;width:100%}svg text{fill:var(--ink);font:600 13px system-ui,sans-serif}
svg text.tick{fill:var(--dim);font:12px system-ui,sans-serif}svg line{stroke:var(--edge)}
ol{list-style:none;margin:0;padding:0}ol.said li{display:grid;grid-template-columns:3.6rem 8rem 1fr;gap:.6rem;
padding:.35rem 0;border-top:1px solid var(--edge)}ol.said
time{color:var(--dim);font-variant-numeric:tabular-nums} ol.said
.who{font-weight:600;overflow-wrap:anywhere}ol.said .note{display:block;color:var(--dim);font-size:.82rem}
.bar{display:grid;grid-template-columns:8rem 1fr 4.5rem;gap:.6rem;align-items:center;margin:.35rem 0} .bar
i{display:block;height:.9rem;border-radius:.3rem}.bar span:last-child{text-align:right;
font-variant-numeric:tabular-nums}ul.bad li{color:var(--bad)} @media (max-width:36rem){ol.said
li{grid-template-columns:3.2rem 1fr}ol.said .text{grid-column:1/-1}
.minor{display:none}.bar{grid-template-columns:5rem 1fr 3rem}} @media
print{body{max-width:none;padding:0}}
"""


def page(report: Row) -> str:
    """The page for one report, as HTML."""
    colours = _colours(report)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{escape(str(report['title']))}</title><style>{_STYLE}</style></head><body>",
        *_head(report),
        "<h2>Who spoke when</h2>",
        *_timeline(report, colours),
        "<h2>Talk time</h2>",
        *_bars(report["talk_seconds"], colours),
        "<h2>What was heard</h2>",
        *_transcript(report, colours),
        "</body></html>",
    ]
    return "\n".join(parts)


def _colours(report: Row) -> dict[str, str]:
    people = [row["speaker"] for row in (*report["lines"], *report["utterances"])]
    names = dict.fromkeys((*people, *report["talk_seconds"]))
    names.pop("Sage", None)
    return {"Sage": _SAGE} | {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(names)}


def _head(report: Row) -> Iterator[str]:
    verdict = ("ok", "passed") if report["ok"] else ("failed", "failed")
    yield f"<header><h1>{escape(str(report['title']))}</h1>"
    yield f'<p class="sub">{escape(str(report["topic"]))} · {_clock(report["seconds"])} · room '
    yield f'{escape(str(report["room"]))}</p><span class="verdict {verdict[0]}">{verdict[1]}</span></header>'
    measured = report["measured"]
    delay = measured["answer_delay"]
    missed, wrong = len(report["missed_lines"]), len(report["misattributed_lines"])
    cards = (
        (str(len(report["lines"]) - missed - wrong), f"of {len(report['lines'])} lines under the right name"),
        (_share(measured["wer_alone"]), "word errors in lines spoken alone"),
        (_short(delay["p50"]), f"until an answer (P95 {_short(delay['p95'])})"),
        (str(measured["answers"]), f"answers, {len(measured['missing_answers'])} missing"),
        (str(len(measured["false_answers"])), "times spoken unasked"),
    )
    yield '<div class="cards">'
    yield from (
        f'<div class="card"><b>{value}</b><span>{escape(label)}</span></div>' for value, label in cards
    )
    yield "</div>"
    if report["failures"]:
        items = "".join(f"<li>{escape(failure)}</li>" for failure in report["failures"])
        yield f'<ul class="bad">{items}</ul>'


def _timeline(report: Row, colours: Mapping[str, str]) -> Iterator[str]:
    """Places across are percent and everything else is pixels, so that words are as large on a telephone."""
    rows = [name for name in colours if name != "Sage"] + ["Sage"]
    seconds = max(float(report["seconds"]), 1.0)
    height = _ROW * len(rows) + _TICKS

    def x(at: float) -> float:
        return 100 * max(0.0, min(at, seconds)) / seconds

    yield f'<svg width="100%" height="{height}" role="img" aria-label="Timeline of who spoke when">'
    for index, tick in enumerate(range(0, int(seconds) + 1, _tick(seconds))):
        at = x(tick)
        minor = " minor" if index % 3 or at > _NARROW_FULL else ""
        yield f'<line x1="{at:.2f}%" y1="0" x2="{at:.2f}%" y2="{height - _TICKS + 4}"/>'
        if at < _FULL:
            yield f'<text class="tick{minor}" x="{at:.2f}%" dx="3" y="{height - 4}">{_clock(tick)}</text>'
    for index, name in enumerate(rows):
        yield f'<text x="0" y="{index * _ROW + 14}">{escape(name)}</text>'
    for row in (*report["utterances"], *({**turn, "speaker": "Sage"} for turn in report["moderator"])):
        if row["speaker"] not in rows:
            continue
        left, right = x(row["start"]), x(row["end"])
        top = rows.index(row["speaker"]) * _ROW + _ROW - _BAR - 4
        yield (
            f'<rect x="{left:.2f}%" y="{top}" width="{max(right - left, 0.15):.2f}%" height="{_BAR}" rx="3" '
            f'fill="{colours[row["speaker"]]}" opacity=".85"><title>{escape(row["text"])}</title></rect>'
        )
    yield "</svg>"


def _bars(talk: Mapping[str, float], colours: Mapping[str, str]) -> Iterator[str]:
    most = max(talk.values(), default=0.0) or 1.0
    for name, seconds in talk.items():
        width = 100 * seconds / most
        yield (
            f'<div class="bar"><span>{escape(name)}</span><span><i style="width:{width:.1f}%;'
            f'background:{colours.get(name, _SAGE)}"></i></span><span>{_clock(seconds)}</span></div>'
        )


def _transcript(report: Row, colours: Mapping[str, str]) -> Iterator[str]:
    wrong = {row["line"]: row["heard_as"] for row in report["misattributed_lines"]}
    rows: list[tuple[float, str, str, list[str]]] = []
    for utterance in report["utterances"]:
        notes = [f"line {number}" for number in utterance["lines"]] or ["from no line of the script"]
        notes += [f"heard as {wrong[number]}" for number in utterance["lines"] if number in wrong]
        rows.append((utterance["start"], utterance["speaker"], utterance["text"], notes))
    for turn in report["moderator"]:
        notes = [turn["reason"]]
        if "answer" in turn["latency_ms"]:
            notes.append(f"{turn['latency_ms']['answer']} ms after {turn['addressed_to']}")
        if turn["interrupted"]:
            notes.append("interrupted")
        rows.append((turn["start"], "Sage", turn["text"], notes))
    yield '<ol class="said">'
    for start, who, text, notes in sorted(rows, key=lambda row: row[0]):
        yield (
            f'<li><time>{_clock(start)}</time><span class="who" style="color:{colours.get(who, _SAGE)}">'
            f'{escape(who)}</span><span class="text">{escape(text)}'
            f'<span class="note">{escape(" · ".join(notes))}</span></span></li>'
        )
    yield "</ol>"


def _tick(seconds: float) -> int:
    return next((step for step in (5, 10, 15, 30, 60, 120, 300, 600, 1800) if seconds / step <= 14), 3600)


def _clock(seconds: float) -> str:
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def _short(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.2f} s"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
