"""
The table of ``make bench``: text for the terminal, Markdown for docs/performance.md, JSON, and a picture.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from rich.table import Table

from benchmarks.bench.row import Done, Line, Met
from pacs_module.domain.site_sizing.box import Site, box_for, costs_of, words

COLUMNS = ("row", "what", "ours", "against", "ratio", "target", "met", "reason")
_MARKS = {Met.YES: "met", Met.NO: "missed", Met.NONE: ""}
_COLOURS = {Met.YES: "#2e7d32", Met.NO: "#c62828", Met.NONE: "#607d8b"}
_WIDTH, _LINE, _LEFT, _RIGHT = 980, 26, 420, 130
_SPAN = 16.0
"""From a sixteenth of the target to sixteen times of it."""


def cells(done: Done, line: Line) -> tuple[str, ...]:
    """One line as texts, in the order of COLUMNS."""
    against = f"{line.against}: {spread(line.reference, line.unit)}" if line.reference else line.against
    return (
        f"{done.row.number} {done.row.name}",
        line.what,
        spread(line.ours, line.unit) + _cpu(line),
        against,
        "" if line.ratio is None else f"{line.ratio:.3g} x",
        line.target.words(line.unit) if line.target else "",
        _MARKS[line.met],
        line.reason if line.met is Met.NO else "",
    )


def spread(values: Sequence[float], unit: str) -> str:
    """Median and, of several, smallest and largest."""
    median = f"{statistics.median(values):.3g}" if statistics.median(values) < 1000 else _thousands(values)
    if len(values) == 1:
        return f"{median} {unit}"
    return f"{median} {unit} ({min(values):.4g}-{max(values):.4g})"


def _thousands(values: Sequence[float]) -> str:
    return f"{statistics.median(values):,.0f}"


def _cpu(line: Line) -> str:
    return f"; {statistics.median(line.cpu):.2g} s CPU" if line.cpu else ""


def as_text(runs: Sequence[Done], machine: Mapping[str, str]) -> Table:
    """For the terminal."""
    table = Table(title=", ".join(f"{name} {value}" for name, value in machine.items()))
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for done, line in _lines(runs):
        style = {Met.YES: "green", Met.NO: "red", Met.NONE: ""}[line.met]
        table.add_row(*cells(done, line), style=style)
    for done in runs:
        if done.problem:
            table.add_row(f"{done.row.number} {done.row.name}", done.problem, *[""] * 6, style="yellow")
    return table


def as_markdown(runs: Sequence[Done], machine: Mapping[str, str], picture: str) -> str:
    """For docs/performance.md."""
    head = "; ".join(f"{name} {value}" for name, value in machine.items())
    text = [f"Measured by `make bench`. {head}.", "", f"![ours against the targets]({picture})", ""]
    text += [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    text += [f"| {' | '.join(_plain(cell) for cell in cells(done, line))} |" for done, line in _lines(runs)]
    text += [
        f"| {done.row.number} {done.row.name} | {_plain(done.problem)} | | | | | | |"
        for done in runs
        if done.problem
    ]
    text += ["", "What each row measures, how long it took, and what else ran:", ""]
    for done in runs:
        beside = f"; beside it {', '.join(done.others)}" if done.others else ""
        took = f"{done.at} UTC, {done.seconds:.0f} s, load {done.load:.1f} before{beside}"
        text.append(f"- {done.row.number} {done.row.name}: {done.row.what} ({took}).")
    return "\n".join([*text, *_sizes(runs, machine)]) + "\n"


SITES = {
    "a hospital": Site(900, 3_000, 400, 526.0, 0.12, 120.0, 2.0, 6.0, 1),
    "ten hospitals": Site(9_000, 30_000, 400, 526.0, 0.12, 120.0, 2.0, 6.0, 10),
    "a region": Site(60_000, 200_000, 400, 526.0, 0.12, 120.0, 2.0, 6.0, 60),
}
"""Studies a day, images and kilobytes an image, as ``pacs-module size`` takes them."""


def _sizes(runs: Sequence[Done], machine: Mapping[str, str]) -> Iterator[str]:
    """What three sites need by the costs of this run; nothing where row 12 was not measured."""
    lines = {line.key: line.median for _, line in _lines(runs) if line.key}
    try:
        costs = costs_of(lines, int(machine["cores"]))
    except KeyError:
        return
    yield ""
    yield "What is needed by these costs (`pacs-module size`), and what breaks first:"
    yield ""
    yield "| site | studies a day, images each | cores | RAM disk | store | PACS, busiest hour | breaks first |"
    yield "|---|---|---|---|---|---|---|"
    for name, site in SITES.items():
        box = box_for(site, costs)
        told = dict(words(site, box))
        cells = (f"{site.studies_a_day:,}, {site.images}", *(told[one] for one in _TOLD))
        yield f"| {name} | {' | '.join(cells)} |"


_TOLD = ("cores", "RAM disk", "store", "load of the PACS", "breaks first")


def _plain(cell: str) -> str:
    return cell.replace("|", "/").replace("\n", " ")


def as_json(runs: Sequence[Done], machine: Mapping[str, str], quick: bool) -> dict[str, Any]:
    """For bench.json, which ``pacs-module size`` reads."""
    return {
        "machine": dict(machine),
        "quick": quick,
        "rows": [
            {
                "row": done.row.number, "name": done.row.name, "what": done.row.what,
                "at": done.at, "seconds": round(done.seconds, 1), "load": done.load, "others": list(done.others),
                "problem": done.problem, "lines": [line.to_json() for line in done.lines],
            }
            for done in runs
        ],
    }  # fmt: skip


def as_picture(runs: Sequence[Done]) -> str:
    """
    An SVG: a bar for each line with a target, from the target (the line in the middle) to what was measured;
    to the right is better.
    """
    bars = [(done, line) for done, line in _lines(runs) if line.target is not None]
    height = _LINE * (len(bars) + 2)
    middle = _LEFT + (_WIDTH - _LEFT - _RIGHT) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{middle:.0f}" y="16" text-anchor="middle">target</text>',
        f'<line x1="{middle:.0f}" y1="22" x2="{middle:.0f}" y2="{height}" stroke="#999999"/>',
    ]
    for place, (done, line) in enumerate(bars):
        parts += _bar(done, line, _LINE * (place + 1) + 6, middle)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(done: Done, line: Line, top: float, middle: float) -> Iterator[str]:
    assert line.target is not None, "asked before"  # noqa: S101
    value = line.judged or 0.0
    better = value / line.target.bound if line.target.least else line.target.bound / max(value, 1e-9)
    reach = math.log(min(max(better, 1 / _SPAN), _SPAN)) / math.log(_SPAN)
    end = middle + reach * (_WIDTH - _LEFT - _RIGHT) / 2
    left, width = min(middle, end), max(2.0, abs(end - middle))
    label = escape(f"{done.row.number} {line.what}"[:62])
    told = escape(f"{value:.3g} ({line.target.words('' if line.target.ratio else line.unit)})")
    yield f'<text x="{_LEFT - 10}" y="{top + 14:.0f}" text-anchor="end">{label}</text>'
    yield (
        f'<rect x="{left:.0f}" y="{top + 3:.0f}" width="{width:.0f}" height="14" '
        f'fill="{_COLOURS[line.met]}"/>'
    )
    yield f'<text x="{max(middle, end) + 6:.0f}" y="{top + 14:.0f}" font-size="11">{told}</text>'


def _lines(runs: Sequence[Done]) -> Iterator[tuple[Done, Line]]:
    for done in runs:
        for line in done.lines:
            yield done, line
