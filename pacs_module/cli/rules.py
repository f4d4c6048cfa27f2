"""``pacs-module rules``: which rules are in force, apply other ones, go back, who applied what."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ..adapters.machine import SystemClock
from ..domain.json_messages.documents import to_document
from ..domain.rehearse.rule_history import RulesEntry
from ..service.bootstrap.operate import site_rules
from ..settings import load_settings
from ..shared.switches_file import load_switches
from ..use_cases.rehearse.manage_rules import ManageRules, RulesShown
from .common import AsJson, SettingsFile, WarningsOnly, console, for_tables, print_json, puller_of, say

By = Annotated[str, typer.Option("--by", help="Who; for the history.")]
Why = Annotated[str, typer.Option("--why", help="Why; others will read it.")]
Changes = Annotated[
    list[str],
    typer.Option(
        "--set", help="KEYWORDS+=THX, NO_KEYWORDS-=PLUNG*, SLICE_THICKNESS_MAX=3; several for several."
    ),
]
_USER = os.environ.get("USER", "")

rules = typer.Typer(
    help="The rules in force: show, apply, undo, history.", no_args_is_help=True, add_completion=False
)


def manage(settings: Path | None, ask_plugins: bool = False) -> ManageRules:
    """The rules of the settings' site; the running processes notice what is written."""
    loaded = load_settings(settings)
    switches = load_switches(loaded.config, loaded.site_config)
    plugins = puller_of(loaded.orthanc) if ask_plugins else None
    return ManageRules(
        site_rules(loaded), lambda: switches, SystemClock(loaded.zone), WarningsOnly(), plugins
    )


@rules.command()
def show(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """
    Say which rules the site's file has, which ones the plugins use, and what differs from the defaults.

    Exit status 0: the plugins use those of the file; 1: they use others, or do not answer.
    """
    shown = manage(settings, ask_plugins=True).show()
    if as_json:
        print_json(to_document(shown))
    else:
        _print(shown)
    raise typer.Exit(0 if shown.plugins == shown.version else 1)


def _print(shown: RulesShown) -> None:
    out = for_tables()
    style = "" if shown.plugins == shown.version else "yellow"
    say(out, f"version  {shown.version}", "bold")
    say(out, f"file     {shown.file or 'none: set site_config, the same file as SITE_CONFIG of Orthanc'}")
    say(out, f"plugins  {shown.plugins or 'do not answer'}", style)
    if shown.differences:
        out.print(_differences(shown))


def _differences(shown: RulesShown) -> Table:
    title = "what differs from the defaults"
    table = Table("switch", "default", "in force", title=title, title_justify="left")
    for name, values in shown.differences.items():
        table.add_row(name, Text(_shown(values["default"])), Text(_shown(values["inForce"])))
    return table


@rules.command()
def apply(
    changes: Changes, by: By = _USER, why: Why = "", settings: SettingsFile = None, as_json: AsJson = False
) -> None:
    """
    Write changed rules into the site's file; both processes take them over within two seconds, no restart.

    What is being received ends by the rules that it began with. Try them first: [bold]pacs-module
    rehearse[/bold].

    Example: [bold]pacs-module rules apply --set 'KEYWORDS+=THX' --by hans --why 'CT-3 writes THX'[/bold]
    """
    _tell(manage(settings).apply(changes, by, why), as_json)


@rules.command()
def undo(by: By = _USER, why: Why = "", settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Go back to the rules before the newest change; again: one step further."""
    _tell(manage(settings).undo(by, why), as_json)


@rules.command()
def history(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Who applied which rules and why, newest first."""
    entries = manage(settings).history()
    if as_json:
        print_json(to_document(entries))
        return
    table = Table("number", "version", "at", "by", "why", "changes")
    for entry in entries:
        cells = (str(entry.number), entry.version, entry.at, entry.by, entry.why, ", ".join(entry.changes))
        table.add_row(*map(Text, cells))
    for_tables().print(table)


def _tell(entry: RulesEntry, as_json: bool) -> None:
    if as_json:
        print_json(to_document(entry))
        return
    say(console, f"version {entry.version}: {', '.join(entry.changes)}", "green")
    say(console, "both processes take it over within two seconds; `pacs-module rules undo` goes back")


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
