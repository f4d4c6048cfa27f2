"""The command line: ``pacs-module run | pull | why | probe | find | compare | reconcile | rehearse |
rules | size | key | destinations | results | quarantine | parameters | audit | backup | restore |
forget``.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .. import __version__
from ..domain.errors import PipelineError
from ..settings import load_settings
from .audit import audit, audit_trail
from .common import SettingsFile, console, errors, say
from .doctor import doctor
from .find import compare_copies, find
from .gateway import parameters, quarantine
from .key import key
from .look_at import log_level, logs, status, top
from .manual import cancel, destinations, done, forget, priority, pull, redo, results
from .reconcile import reconcile
from .rehearse import rehearse
from .rules import rules
from .upkeep.backup import backup, restore
from .upkeep.probe import probe
from .upkeep.size import size
from .why import why

app = typer.Typer(
    help="The AI pull pipeline: finds, pulls and delivers the series that the AI computes.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Print the version."""
    if show:
        console.print(__version__)
        raise typer.Exit


@app.command()
def run(settings: SettingsFile = None) -> None:
    """
    Run the service: find, pull, publish, deliver, and the HTTP API.

    Example: [bold]pacs-module run --settings /etc/pacs_module.toml[/bold]
    """
    from .serve import serve  # the other commands need none of it

    serve(load_settings(settings))


for command in (pull, redo, cancel, done, priority):
    app.command()(command)
app.command()(why)
app.command()(probe)
app.command()(find)
app.command("compare")(compare_copies)
app.command()(reconcile)
app.command()(rehearse)
app.command()(status)
app.command()(top)
app.command()(logs)
app.command()(doctor)
app.command("log-level")(log_level)
app.add_typer(rules, name="rules")
app.add_typer(key, name="key")
app.add_typer(audit_trail, name="audit-trail")
app.add_typer(destinations, name="destinations")
app.add_typer(quarantine, name="quarantine")
app.add_typer(results, name="results")
app.command()(parameters)
app.command()(size)
app.command()(audit)
app.command()(backup)
app.command()(restore)
app.command()(forget)


def main() -> None:
    """Entry point: what goes wrong on purpose is one line, no traceback."""
    try:
        app()
    except PipelineError as error:
        say(errors, str(error), "red")
        sys.exit(2)


if __name__ == "__main__":
    main()
