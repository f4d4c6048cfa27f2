"""The command line: ``pacs-module run | pull | why``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import requests
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from . import __version__
from .cli_find import find
from .cli_probe import probe
from .cli_reconcile import reconcile
from .domain.errors import PipelineError
from .settings import SETTINGS_FILE, Settings, load_settings

app = typer.Typer(
    help="The AI pull pipeline: finds, pulls and delivers the series that the AI computes.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
console = Console()
errors = Console(stderr=True)

SettingsFile = Annotated[
    Path | None, typer.Option("--settings", "-s", envvar=SETTINGS_FILE, help="TOML file; PACS_MODULE_... variables override it.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as it came.")]
_UID_PARTS = 3


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
        asked[_name_of(accession)] = accession
    body = {key: value for key, value in asked.items() if value}
    answer = _call(load_settings(settings), "POST", "/api/v1/dcm/pull", body=body)
    if as_json:
        console.print_json(json.dumps(answer))
        return
    for pacs, words in answer["errors"].items():
        _say(errors, f"{pacs}: {words}", "yellow")
    for study in answer["studies"]:
        _say(console, f"next to be pulled: {study['studyUID']} of {study['studyDate']}, at {', '.join(study['pacs'])}")
    if not answer["studies"]:
        _say(errors, "no PACS has such a study", "red")
        raise typer.Exit(1)


@app.command()
def why(
    study: Annotated[str, typer.Argument(help="StudyInstanceUID or AccessionNumber.")],
    patient: Annotated[bool, typer.Option("--patient", help="The argument is a PatientID.")] = False,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Say where a study is, why, and what happens next.

    Examples: [bold]pacs-module why 10136791[/bold] · [bold]pacs-module why 1.2.840.113619.2.55.3 --json[/bold]
    """
    name = "PatientID" if patient else _name_of(study)
    answer = _call(load_settings(settings), "GET", "/api/v1/dcm/debug", params={name: study})
    if as_json:
        console.print_json(json.dumps(answer))
        return
    for found in answer["studies"]:
        _print_story(found)


def _name_of(text: str) -> str:
    """A UID has dots between numbers, and more than a few of them."""
    parts = text.split(".")
    return "StudyInstanceUID" if len(parts) > _UID_PARTS and all(part.isdigit() for part in parts) else "AccessionNumber"


def _say(where: Console, text: str, style: str = "") -> None:
    """One line as it is: values out of headers hold brackets, which must not be taken for markup."""
    where.print(Text(text, style), soft_wrap=True)


def _print_story(study: dict[str, Any]) -> None:
    console.rule(Text(study["studyUID"], "bold"))
    _say(
        console,
        f"accession {study.get('accessionNumber', '')}  patient {study.get('patientID', '')}  {study.get('studyDate', '')}",
    )
    _say(console, f"state {study.get('state') or 'none (not wanted)'} because {study.get('why', '')}", "bold")
    step = study["next"]
    when = f" at {step['at']} (in {step['inSeconds']} s)" if step["at"] else ""
    _say(console, f"next  {step['what']}{when}")
    console.print(_series_table(study))
    history = Table("at", "what", "from", "to", "by", "why", title="history", title_justify="left")
    for entry in study["history"]:
        history.add_row(*(Text(entry[name]) for name in ("at", "event", "fromState", "toState", "by", "why")))
    console.print(history)


def _series_table(study: dict[str, Any]) -> Table:
    table = Table("series", "description", "taken", "ours / PACS", "because", title="series", title_justify="left")
    for uid, series in study["series"].items():
        counts = f"{series.get('received', '-')} / {series.get('inPacs', '-')}"
        taken = Text("yes", "green") if series["taken"] else Text("no", "red")
        table.add_row(uid, Text(series.get("seriesDescription", "")), taken, counts, Text(series["because"]))
    return table


def _call(
    settings: Settings, method: str, path: str, body: object = None, params: dict[str, str] | None = None
) -> dict[str, Any]:
    url = f"http://{settings.web.host}:{settings.web.port}{path}".replace("//0.0.0.0:", "//127.0.0.1:")
    headers = {"X-API-Key": settings.web.api_key.get_secret_value()}
    try:
        response = requests.request(method, url, json=body, params=params, headers=headers, timeout=300)
    except requests.exceptions.RequestException as error:
        _say(errors, f"pacs_module does not answer at {url}: is `pacs-module run` running? ({type(error).__name__})", "red")
        raise typer.Exit(2) from None
    if not response.ok:
        _say(errors, _words(response), "red")
        raise typer.Exit(1)
    answer: dict[str, Any] = response.json()
    return answer


def _words(response: requests.Response) -> str:
    try:
        said = response.json()
    except ValueError:
        return f"HTTP {response.status_code} {response.text[:300]}"
    return str(said.get("error") or said.get("detail") or said)


app.command()(probe)
app.command()(find)
app.command()(reconcile)


def main() -> None:
    """Entry point: what goes wrong on purpose is one line, no traceback."""
    try:
        app()
    except PipelineError as error:
        _say(errors, str(error), "red")
        sys.exit(2)


if __name__ == "__main__":
    main()
