"""The command line: ``pacs-module run | pull | why | probe | find | compare | reconcile``."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import typer

from . import __version__
from .cli_compare import compare_copies
from .cli_find import find
from .cli_probe import probe
from .cli_reconcile import reconcile
from .cli_talk import AsJson, SettingsFile, call, console, errors, name_of, say
from .cli_why import why
from .domain.errors import PipelineError
from .settings import load_settings

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
    from .run import serve  # the other commands need none of it

    serve(load_settings(settings))


@app.command()
def pull(
    accession: Annotated[str, typer.Argument(help="AccessionNumber or StudyInstanceUID.")] = "",
    patient: Annotated[str, typer.Option("--patient", help="PatientID.")] = "",
    series: Annotated[str, typer.Option("--series", help="SeriesInstanceUID; that series skips the filter.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who asks, for the study's history.")] = os.environ.get("USER", ""),
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Pull a study by hand, ahead of all automatic work.

    Examples: [bold]pacs-module pull 10136791[/bold] · [bold]pacs-module pull 1.2.840.113619.2.55.3[/bold] ·
    [bold]pacs-module pull --patient 10939048[/bold]
    """
    asked = {"PatientID": patient, "SeriesInstanceUID": series, "by": by}
    if accession:
        asked[name_of(accession)] = accession
    body = {key: value for key, value in asked.items() if value}
    answer = call(load_settings(settings), "POST", "/api/v1/dcm/pull", body=body)
    if as_json:
        console.print_json(json.dumps(answer))
        return
    for pacs, words in answer["errors"].items():
        say(errors, f"{pacs}: {words}", "yellow")
    for study in answer["studies"]:
        say(console, f"next to be pulled: {study['studyUID']} of {study['studyDate']}, at {', '.join(study['pacs'])}")
    if not answer["studies"]:
        say(errors, "no PACS has such a study", "red")
        raise typer.Exit(1)


app.command()(why)
app.command()(probe)
app.command()(find)
app.command("compare")(compare_copies)
app.command()(reconcile)


def main() -> None:
    """Entry point: what goes wrong on purpose is one line, no traceback."""
    try:
        app()
    except PipelineError as error:
        say(errors, str(error), "red")
        sys.exit(2)


if __name__ == "__main__":
    main()
