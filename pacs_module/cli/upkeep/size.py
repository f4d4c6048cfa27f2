"""``pacs-module size``: what a site's box needs, from what a run of the benchmarks measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ...domain.site_sizing.box import Site, box_for, costs_of, words

console, errors = Console(), Console(stderr=True)
SHIPPED = Path(__file__).resolve().parent.parent.parent / "bench.json"
"""The numbers of the last ``make bench`` of this version."""


def size(
    studies_a_day: Annotated[int, typer.Option(min=1, help="Studies that are computed.")],
    images: Annotated[int, typer.Option(min=1, help="Images in the series that is computed.")] = 400,
    known_a_day: Annotated[
        int, typer.Option(min=0, help="All studies of the PACS; 0: three times as many.")
    ] = 0,
    image_kb: Annotated[float, typer.Option(min=1, help="Of one image.")] = 526.0,
    busiest_hour: Annotated[float, typer.Option(min=0.01, max=1, help="Part of the day in it.")] = 0.12,
    backend_s: Annotated[float, typer.Option(min=0, help="Until the backend has computed a study.")] = 120.0,
    away_h: Annotated[float, typer.Option(min=0, help="Hours the backend may be away.")] = 2.0,
    pacs: Annotated[int, typer.Option(min=1, help="How many PACS are asked.")] = 1,
    find_s: Annotated[float, typer.Option(min=1, help="find_interval_s.")] = 10.0,
    bench: Annotated[Path, typer.Option(help="Numbers of another run of the benchmarks.")] = SHIPPED,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """
    Print RAM disk, cores, growth of the store and load of the PACS for a site.

    Example: [bold]pacs-module size --studies-a-day 900 --images 800[/bold]
    """
    told = _numbers(bench)
    try:
        costs = costs_of(_by_key(told), int(told["machine"]["cores"]))
    except KeyError as error:
        errors.print(f"{bench} has no {error.args[0]}: run `make bench`, row 12", style="red", markup=False)
        raise typer.Exit(1) from error
    site = Site(
        studies_a_day, known_a_day or 3 * studies_a_day, images, image_kb, busiest_hour, backend_s, away_h,
        60 / find_s, pacs,
    )  # fmt: skip
    box = box_for(site, costs)
    if as_json:
        console.print_json(json.dumps(vars(box)))
        return
    table = Table(
        "what", "needed", title=f"measured on {told['machine'].get('processor', '?')}, {costs.cores} cores"
    )
    for what, needed in words(site, box):
        table.add_row(what, needed)
    console.print(table)


def _numbers(bench: Path) -> dict[str, Any]:
    try:
        told = json.loads(bench.read_text(encoding="utf-8"))
        return dict(told)
    except (OSError, ValueError) as error:
        errors.print(f"{bench} cannot be read: {error}", style="red", markup=False)
        raise typer.Exit(1) from error


def _by_key(told: dict[str, Any]) -> dict[str, float]:
    lines = [line for row in told.get("rows", ()) for line in row.get("lines", ())]
    return {line["key"]: float(line["median"]) for line in lines if line.get("key")}
