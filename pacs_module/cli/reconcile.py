"""``pacs-module reconcile``: is everything here that the PACS has of a day?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from ..adapters.files.report_render import FORMATS, as_csv, as_json, as_tables, format_of, write
from ..adapters.machine import SystemClock
from ..adapters.stores.by_url import open_store
from ..domain.errors import MessageError
from ..domain.reconcile.report import Report
from ..service.finders import opened_finder
from ..service.reconciliation import World, reconciler, repairer
from ..settings import load_settings
from ..shared.switches_file import load_switches
from .common import SettingsFile, WarningsOnly, check_store, console, for_tables

MOST_DAYS = 366


def reconcile(
    day: Annotated[
        str,
        typer.Option(
            "--date", help="YYYY-MM-DD, or FIRST..LAST; default: yesterday in the hospital's time zone."
        ),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write a file, its kind by its name: .txt, .json, .csv or .xlsx."
        ),
    ] = None,
    shape: Annotated[
        str, typer.Option("--format", help=f"What is printed: {', '.join(FORMATS[:3])}.")
    ] = "text",
    every: Annotated[
        bool, typer.Option("--all", help="Print every study, not only what is missing or odd.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Have what is missing pulled by the running service.")
    ] = False,
    by: Annotated[str, typer.Option("--by", help="Who repairs, for the studies' history.")] = os.environ.get(
        "USER", ""
    ),
    settings: SettingsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """
    Compare what the PACS have of a day with what was computed: each missing study with its cause and its
    device.

    Exit status: 0 nothing missing, 1 something missing, 2 not everything could be compared.

    Examples: [bold]pacs-module reconcile[/bold] · [bold]pacs-module reconcile --date 2026-11-01..2026-11-07
    -o week.xlsx[/bold] · [bold]pacs-module reconcile --date 2026-11-20 --repair --by 'Dr. Li'[/bold]
    """
    if shape not in FORMATS[:3]:
        raise MessageError("format", shape, ", ".join(FORMATS[:3]))
    if output is not None:
        format_of(output)  # before minutes are spent
    made = _make(settings, day, repair, by or "command line")
    if output is not None:
        write(made, output)
    _print(made, "json" if as_json else shape, every)
    raise typer.Exit(made.exit_status)


def _make(settings: Path | None, day: str, repair: bool, by: str) -> Report:
    with _world(settings) as world:
        made = reconciler(world)(_days(day, world.clock.today()))
        return repairer(world)(made, by) if repair else made


@contextmanager
def _world(path: Path | None) -> Iterator[World]:
    settings = load_settings(path)
    check_store(settings)
    switches = load_switches(settings.config, settings.site_config)
    with closing(open_store(settings.store.url)) as store, opened_finder(settings, WarningsOnly()) as finder:
        yield World(
            settings=settings,
            rules=lambda: switches,
            store=store,
            finder=finder,
            clock=SystemClock(settings.zone),
            log=WarningsOnly(),
        )


def _days(text: str, today: date) -> list[date]:
    begin, end = _span(text, today)
    if not begin <= end < begin + timedelta(days=MOST_DAYS):
        raise MessageError("date", text, f"the first day, then the last, at most {MOST_DAYS} days")
    return [begin + timedelta(days=number) for number in range((end - begin).days + 1)]


def _span(text: str, today: date) -> tuple[date, date]:
    """First and last day."""
    first, dots, last = text.partition("..")
    try:
        begin = date.fromisoformat(first) if text else today - timedelta(days=1)
        return begin, date.fromisoformat(last) if dots else begin
    except ValueError:
        raise MessageError("date", text, "YYYY-MM-DD or YYYY-MM-DD..YYYY-MM-DD") from None


def _print(made: Report, shape: str, every: bool) -> None:
    if shape == "text":
        for_tables().print(as_tables(made, every))
    else:
        console.out(as_json(made) if shape == "json" else as_csv(made), highlight=False, end="")
