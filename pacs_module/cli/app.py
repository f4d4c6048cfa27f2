"""The command line: ``pacs-module`` and one of :data:`COMMANDS`, or ``run``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import __version__
from ..domain.errors import PipelineError
from ..settings import load_settings
from .common import SettingsFile, console, errors, say

COMMANDS = {
    "pull": "manual:pull",
    "redo": "manual:redo",
    "cancel": "manual:cancel",
    "done": "manual:done",
    "priority": "manual:priority",
    "why": "why:why",
    "probe": "upkeep.probe:probe",
    "find": "find:find",
    "compare": "find:compare_copies",
    "reconcile": "reconcile:reconcile",
    "rehearse": "rehearse:rehearse",
    "status": "look_at:status",
    "top": "look_at:top",
    "logs": "look_at:logs",
    "doctor": "doctor:doctor",
    "log-level": "look_at:log_level",
    "rules": "rules:rules",
    "key": "key:key",
    "audit-trail": "audit:audit_trail",
    "destinations": "manual:destinations",
    "quarantine": "gateway:quarantine",
    "results": "manual:results",
    "parameters": "gateway:parameters",
    "size": "upkeep.size:size",
    "audit": "audit:audit",
    "backup": "upkeep.backup:backup",
    "restore": "upkeep.backup:restore",
    "forget": "manual:forget",
}
"""Name: module in this package, and the function in it; a Typer where a command has commands of its own."""


class CommandsByName(TyperGroup):
    """Finds a command in :data:`COMMANDS`: most of them need only a part of what the service imports."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order of ``--help``."""
        return [*super().list_commands(ctx), *COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command of Typer's; None: there is none of this name."""
        place = COMMANDS.get(cmd_name)
        return super().get_command(ctx, cmd_name) if place is None else _load(cmd_name, place)


def _load(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    loaded = getattr(import_module(f".{module}", __package__), attribute)
    command = typer.main.get_command(loaded if isinstance(loaded, typer.Typer) else _alone(loaded))
    command.name = name
    return command


def _alone(function: Callable[..., object]) -> typer.Typer:
    """A Typer of one command, which Typer makes a command and no group."""
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
    alone.command()(function)
    return alone


app = typer.Typer(
    cls=CommandsByName,
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


def main() -> None:
    """Entry point: what goes wrong on purpose is one line, no traceback."""
    try:
        app()
    except PipelineError as error:
        say(errors, str(error), "red")
        sys.exit(2)


if __name__ == "__main__":
    main()
