"""``pacs-module quarantine`` and ``parameters``: what failed validation, and what the platform sets here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from ..settings import load_settings
from .common import AsJson, SettingsFile, call, console, errors, for_tables, print_json, say
from .manual import ME, By, NeededWhy

WAITS = 1
"""Exit status when something waits for a person."""
AWAY = 2
"""Exit status when the receiving Orthanc does not answer."""
Numbers = Annotated[list[int] | None, typer.Argument(help="Numbers of images, as `quarantine` shows them.")]
OfStudy = Annotated[str, typer.Option("--study", help="All images of this StudyInstanceUID instead.")]

quarantine = typer.Typer(
    help="Images that failed validation: show, rates, release (let pass), drop.",
    invoke_without_command=True,
    add_completion=False,
)


@quarantine.callback()
def _shown_by_default(context: typer.Context, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """
    Show what waits. Exit status 1: something does.

    Example: [bold]pacs-module quarantine[/bold]
    """
    if context.invoked_subcommand is None:
        show(settings, as_json)


@quarantine.command()
def show(
    settings: SettingsFile = None,
    as_json: AsJson = False,
    before: Annotated[int, typer.Option(help="Go on from this number.", min=0)] = 0,
) -> None:
    """Show what waits, the newest first. Exit status 1: something does."""
    told = call(load_settings(settings), "GET", "/api/v1/quarantine", params={"before": str(before)})
    if as_json:
        print_json(told)
    else:
        _print(told)
    raise typer.Exit(WAITS if told["counts"].get("held") else 0)


@quarantine.command()
def rates(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Show how fast each AE title's images come, and how many fail."""
    told = call(load_settings(settings), "GET", "/api/v1/validation")
    if as_json:
        print_json(told)
        return
    policy = told["policy"]
    minutes = policy["windowMinutes"] if policy else 1440
    table = Table(
        "AE title", "images a second", "highest", f"failed in {minutes} min", "failed in a day", "last"
    )
    for one in told["senders"]:
        table.add_row(*_sender_row(one))
    for_tables().print(table)
    if policy is None:
        console.print("validation is off (VALIDATE in the site's config.py)")


def _sender_row(one: dict[str, Any]) -> tuple[str, ...]:
    speed = (f"{one['perSecond']:.2f}", f"{one['highestPerSecond']:.2f}")
    return (one["aeTitle"], *speed, _rate(one["window"]), _rate(one["day"]), _when(one["lastAt"]))


@quarantine.command()
def release(
    why: NeededWhy,
    numbers: Numbers = None,
    study: OfStudy = "",
    by: By = ME,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Let images pass: they go on, or their study is pulled again.

    Example: [bold]pacs-module quarantine release 17 18 --why "checked by eye"[/bold]
    """
    body = {"numbers": numbers or [], "studyUID": study, "why": why, "by": by}
    _decide("release", body, settings, as_json)


@quarantine.command()
def drop(
    why: NeededWhy,
    numbers: Numbers = None,
    study: OfStudy = "",
    by: By = ME,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Images are not wanted: their files are removed."""
    body = {"numbers": numbers or [], "studyUID": study, "why": why, "by": by}
    _decide("drop", body, settings, as_json)


def _decide(action: str, body: dict[str, Any], settings: SettingsFile, as_json: bool) -> None:
    told = call(load_settings(settings), "POST", f"/api/v1/quarantine/{action}", body)
    if as_json:
        print_json(told)
        return
    console.print(f"{action}: {', '.join(map(str, told['decided'])) or 'none'}", markup=False)
    for line in _decided_lines(told):
        console.print(line, markup=False)


def _decided_lines(told: dict[str, Any]) -> Iterator[str]:
    yield from (f"not {one['number']}: {one['why']}" for one in told["refused"])
    yield from (f"{uid} is pulled again" for uid in told["pulled"])
    yield from (f"{uid} passes when it is pulled again" for uid in told["pullAgain"])


def _print(told: dict[str, Any]) -> None:
    if told["away"]:
        say(errors, told["away"], "red")
        raise typer.Exit(AWAY)
    table = Table("number", "study", "AE title", "came", "failed", "state")
    for one in told["held"]:
        table.add_row(*_held_row(one))
    for_tables().print(table)
    if told["before"]:
        console.print(f"older ones: --before {told['before']}")


def _held_row(one: dict[str, Any]) -> tuple[str, ...]:
    which = one["header"].get("AccessionNumber") or one["studyUID"]
    return (str(one["number"]), which, one["aeTitle"], _when(one["lastAt"]), one["words"], one["state"])


def _rate(tally: dict[str, Any]) -> str:
    total = tally["passed"] + tally["failed"]
    return f"{tally['failed']} of {total}{' (!)' if tally['beyond'] else ''}"


def _when(moment: int | None) -> str:
    return f"{datetime.fromtimestamp(moment / 1000, UTC).astimezone():%Y-%m-%d %H:%M:%S}" if moment else "-"


# --- parameters of the platform ---

NOT_TAKEN = 1
"""Exit status when the last set was not taken."""


def parameters(
    fetch: Annotated[bool, typer.Option("--fetch", help="Ask the platform first.")] = False,
    by: By = ME,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Show what the platform sets: value, source and the last changes. Exit status 1: its last set was not
    taken.

    Example: [bold]pacs-module parameters --fetch[/bold]
    """
    loaded = load_settings(settings)
    if fetch:
        call(loaded, "POST", "/api/v1/parameters/fetch", {"by": by, "why": "asked on the command line"})
    told = call(loaded, "GET", "/api/v1/parameters")
    if as_json:
        print_json(told)
    else:
        _print_parameters(told)
    raise typer.Exit(NOT_TAKEN if told["problem"] else 0)


def _print_parameters(told: dict[str, Any]) -> None:
    if not told["isOn"]:
        console.print("no platform sets parameters here (\\[parameters] in the settings file)")
        return
    for_tables().print(_parameters(told))
    for_tables().print(_changes(told["history"]))
    if told["problem"]:
        say(errors, f"not taken: {told['problem']}", "red")


def _parameters(told: dict[str, Any]) -> Table:
    table = Table("parameter", "setting", "value", "source", title=f"version {told['version']}")
    for one in told["lines"]:
        table.add_row(one["name"], one["setting"], one["value"] or "-", one["source"])
    return table


def _changes(history: list[dict[str, Any]]) -> Table:
    changes = Table("when", "version", "parameter", "before", "after", title="changes")
    for one in history[:20]:
        changes.add_row(one["at"], str(one["version"]), one["name"], one["old"] or "-", one["new"] or "-")
    return changes
