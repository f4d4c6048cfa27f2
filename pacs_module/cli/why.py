"""``pacs-module why``: the debug API's story, on the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from ..settings import load_settings
from .common import AsJson, SettingsFile, call, console, errors, name_of, print_table, say

_NOT_FOUND = 404


def why(
    study: Annotated[str, typer.Argument(help="StudyInstanceUID or AccessionNumber.")],
    patient: Annotated[bool, typer.Option("--patient", help="The argument is a PatientID.")] = False,
    series: Annotated[bool, typer.Option("--series", help="The argument is a SeriesInstanceUID.")] = False,
    ask_pacs: Annotated[bool, typer.Option(help="Ask the PACS when the study is not known here.")] = True,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """
    Say where a study is, since when, why, and what happens next.

    Examples: [bold]pacs-module why 10136791[/bold] · [bold]pacs-module why 1.2.840.113619.2.55.3
    --json[/bold]
    """
    loaded = load_settings(settings)
    params = {_key(study, patient, series): study, "askPACS": str(ask_pacs).lower()}
    answer = call(loaded, "GET", "/api/v1/dcm/debug", params=params, accepted=(_NOT_FOUND,))
    if as_json:
        console.print_json(json.dumps(answer))
    else:
        for found in answer["studies"]:
            _print_story(found, loaded.zone)
        _print_elsewhere(answer)
    if not answer["found"]:
        raise typer.Exit(1)


def _key(study: str, patient: bool, series: bool) -> str:
    """The key that the argument is a value of."""
    if patient:
        return "PatientID"
    return "SeriesInstanceUID" if series else name_of(study)


def _print_story(study: Mapping[str, Any], zone: ZoneInfo) -> None:
    console.rule(Text(study["studyUID"], "bold"))
    _say_state(study, zone)
    _say_next(study["next"], zone)
    _print_series(study["series"])
    _print_deliveries(study["handovers"], zone)
    say(console, "everything that happened", "italic")
    for one in study["timeline"]:
        _say_happened(one, zone)


def _say_happened(one: Mapping[str, Any], zone: ZoneInfo) -> None:
    """One line for each entry, whatever the width: what is in it can be copied and looked for."""
    text = Text.assemble((f"{_local(one['at'], zone)}  {one['kind']:9}  ", "dim"), one["what"])
    for words, style in ((one["detail"], ""), (one["by"], "dim")):
        if words:
            text.append(f" · {words}", style)
    console.print(text, soft_wrap=True)


def _say_state(study: Mapping[str, Any], zone: ZoneInfo) -> None:
    accession, patient = study.get("accessionNumber", ""), study.get("patientID", "")
    say(console, f"accession {accession}  patient {patient}  {study.get('studyDate', '')}")
    say(console, f"state {study.get('state') or 'none (not wanted)'} because {study.get('why', '')}", "bold")
    if study.get("since"):
        say(console, f"since {_local(study['since'], zone)}")


def _say_next(step: Mapping[str, Any], zone: ZoneInfo) -> None:
    when = f" at {_local(step['at'], zone)} (in {step['inSeconds']} s)" if step["at"] else ""
    say(console, f"next  {step['what']}{when}")
    for waits in step["waitsFor"]:
        say(console, f"      {waits}", "yellow")


def _print_series(series: Mapping[str, Mapping[str, Any]]) -> None:
    """Every UID whole: a person copies it."""
    table = Table(*_SERIES_HEADS, title="series", title_justify="left")
    for uid, one in series.items():
        standing = Text(one["standing"], _STANDINGS.get(one["standing"], "red"))
        description, because = Text(one["description"]["text"]), Text(one["reason"])
        table.add_row(Text(uid), description, standing, Text(_ours_and_theirs(one)), because)
    print_table(table)


_SERIES_HEADS = ("series", "description", "what became of it", "ours / PACS", "because")


_STANDINGS = {"handed over": "green", "taken": "green", "kept back": "yellow"}


def _print_deliveries(handovers: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> None:
    rows = [_delivery_row(item, zone) for item in handovers]
    if rows:
        _print_table("hand-overs", _DELIVERY_HEADS, rows)


_DELIVERY_HEADS = ("handed over", "images", "completeness", "stands", "attempts", "last error", "result")


def _delivery_row(item: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    return (
        _local(item["receivedAt"], zone),
        str(item["numberReceived"]),
        item["completeness"],
        item["messageState"],
        str(item["attempts"]),
        item["lastError"],
        " ".join(filter(None, (item["result"], item["resultMessage"]))),
    )


def _print_elsewhere(answer: Mapping[str, Any]) -> None:
    if answer["found"]:
        return
    say(errors, answer["detail"], "red")
    for pacs, told in answer.get("pacs", {}).items():
        if not told["studies"]:
            say(errors, f"{pacs}: {told.get('error') or 'has no such study'}", "yellow")
        for study in told["studies"]:
            _print_at_pacs(pacs, study)


def _print_at_pacs(pacs: str, study: Mapping[str, Any]) -> None:
    count = "no count told" if study["instances"] is None else f"{study['instances']} instances"
    which = f"{study['studyUID']} of {study['studyDate']}"
    say(console, f"{pacs} has {which}, {count}: {study['would']}", "bold")
    if study["series"]:
        table = _series_table("", study["series"], "instances", lambda one: _dash(one, "instances"))
        print_table(table)


def _series_table(
    title: str, series: Iterable[Mapping[str, Any]], counted: str, counts: Callable[[Mapping[str, Any]], str]
) -> Table:
    table = Table(
        "series", "description", "taken", counted, "because", title=title or None, title_justify="left"
    )
    for one in series:
        taken = Text("yes", "green") if one["taken"] else Text("no", "red")
        description = Text(one.get("seriesDescription", ""))
        table.add_row(Text(one["seriesUID"]), description, taken, counts(one), Text(one["because"]))
    return table


def _print_table(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    table = Table(*heads, title=title, title_justify="left")
    for row in rows:
        table.add_row(*map(Text, row))
    print_table(table)


def _ours_and_theirs(one: Mapping[str, Any]) -> str:
    return f"{_dash(one, 'received')} / {_dash(one, 'inPacs')}"


def _dash(one: Mapping[str, Any], name: str) -> str:
    value = one.get(name)
    return "-" if value is None else str(value)


def _local(text: str, zone: ZoneInfo) -> str:
    """An instant of the document on the hospital's clock."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return text
