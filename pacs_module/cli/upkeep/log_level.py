"""``pacs-module log-level``: what both processes write to their logs, changed while they run."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from ...settings import load_settings
from ..common import AsJson, SettingsFile, call, console, print_json, say

PATH = "/api/v1/dcm/log_level"


def log_level(
    level: Annotated[str, typer.Argument(help="DEBUG, INFO, WARNING or ERROR; nothing: show it.")] = "",
    minutes: Annotated[int, typer.Option(help="How long; then INFO again.")] = 30,
    by: Annotated[str, typer.Option("--by", help="Who; for the log.")] = os.environ.get("USER", ""),
    why: Annotated[str, typer.Option("--why", help="Why; for the log.")] = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Show or set what pacs_module and the plugins write to their logs; back to INFO by itself.

    The lines of the contract are always written. Exit status 0: both do so; 1: the plugins do not answer; 2: pacs_module
    does not.

    Example: [bold]pacs-module log-level DEBUG --minutes 10 --why "a study hangs"[/bold]
    """
    loaded = load_settings(settings)
    if level:
        body = {"level": level.upper(), "seconds": 60 * minutes, "by": by, "why": why}
        told = call(loaded, "POST", PATH, body=body)
    else:
        told = call(loaded, "GET", PATH)
    if as_json:
        print_json(told)
    else:
        for name, one in told.items():
            left = f", for {one['seconds']} s more" if one.get("seconds") else ""
            say(
                console,
                f"{name:11}  {one.get('error') or one['level'] + left}",
                "yellow" if "error" in one else "",
            )
    raise typer.Exit(1 if "error" in told["plugins"] else 0)
