"""``pacs-module status`` and ``top``: how the service stands, once or live."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..settings import Settings, load_settings
from .common import AsJson, SettingsFile, call, console, for_tables

WIDE = 140


def status(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """
    Say how the service stands: studies by state, PACS, backend, RAM disk, who is waited for.

    Exit status: 0 all is well, 1 not, 2 it does not answer.

    Example: [bold]pacs-module status[/bold], [bold]pacs-module status --json[/bold]
    """
    health = _health(load_settings(settings))
    if as_json:
        console.out(json.dumps(health, ensure_ascii=False, indent=1), highlight=False)
    else:
        for_tables(WIDE).print(_page(health))
    raise typer.Exit(0 if health.get("status") == "ok" else 1)


def top(
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.5)] = 2.0,
    rounds: Annotated[int, typer.Option(help="Looks before it ends; 0: until Ctrl-C.", min=0)] = 0,
    settings: SettingsFile = None,
) -> None:
    """
    The same, live.

    Example: [bold]pacs-module top[/bold]
    """
    loaded = load_settings(settings)
    number = 0
    with Live(_page(_health(loaded)), console=for_tables(WIDE), screen=console.is_terminal) as live:
        while rounds == 0 or number < rounds:
            try:
                time.sleep(every)
            except KeyboardInterrupt:
                return
            live.update(_page(_health(loaded)))
            number += 1


def _health(loaded: Settings) -> dict[str, Any]:
    return call(loaded, "GET", "/health")


def _page(health: Mapping[str, Any]) -> Group:
    well = health.get("status") == "ok"
    head = f"{health.get('status')}  version {health.get('version')}  {datetime.now().astimezone():%H:%M:%S}"
    style = "green" if well else "bold red"
    return Group(Text(head, style), *_troubles(health), _studies(health), _pacs(health), _rest(health))


def _troubles(health: Mapping[str, Any]) -> list[Text]:
    found = []
    for one in health.get("waitsFor", ()):
        found.append(Text(f"waits for {one['what']} since {one['since']}: {one['because']}", "yellow"))
    for name, one in health.get("loops", {}).items():
        if one["stuck"] or not one["alive"]:
            found.append(Text(f"{name}: {'stuck' if one['stuck'] else 'dead'}", "red"))
    return found


def _studies(health: Mapping[str, Any]) -> Table:
    table = Table("state", "studies", title="studies", title_justify="left")
    for state, number in sorted(health.get("studies", {}).items(), key=lambda one: -one[1]):
        if number:
            table.add_row(Text(state), str(number))
    return table


def _pacs(health: Mapping[str, Any]) -> Table:
    table = Table("PACS", "finds", "moves", "images came last", "", title="PACS", title_justify="left")
    for name, one in health.get("pacs", {}).items():
        moves = one.get("moves", {})
        words = one.get("spared") or moves.get("why") or ""
        cells = (
            name,
            str(one.get("circuit")),
            str(moves.get("circuit")),
            str(moves.get("lastCameAt") or "never"),
            str(words),
        )
        table.add_row(*map(Text, cells))
    return table


def _rest(health: Mapping[str, Any]) -> Table:
    table = Table("what", "how it stands", title="machine", title_justify="left")
    disk = health.get("ramDisk") or {}
    if disk.get("totalBytes"):
        used = 100 * (1 - disk.get("freeBytes", 0) / disk["totalBytes"])
        table.add_row("RAM disk", Text(f"{used:.0f} % used", "red" if disk.get("alarm") else ""))
    backend = health.get("backend") or {}
    table.add_row("backend", Text(str(backend.get("circuit") or backend.get("state") or backend)))
    table.add_row("store", Text(str(health.get("store"))))
    return table
