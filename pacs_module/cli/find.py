"""``pacs-module find``: one C-FIND by hand, at any level."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..domain.dicom.attributes import Attributes
from ..domain.dicom.text_repair import shown
from ..domain.errors import MessageError
from ..service.finders import opened_finder
from ..settings import load_settings
from .common import SettingsFile, WarningsOnly, for_tables

WIDE = 200
LEVELS = {
    "PATIENT": ("PatientID",),
    "STUDY": (
        "StudyInstanceUID",
        "StudyDate",
        "AccessionNumber",
        "PatientID",
        "ModalitiesInStudy",
        "NumberOfStudyRelatedInstances",
    ),
    "SERIES": (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "Modality",
        "SeriesDescription",
        "NumberOfSeriesRelatedInstances",
    ),
    "IMAGE": ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "InstanceNumber"),
}
"""Return keys that are asked for at each level unless others are named."""


def find(
    pacs: Annotated[str, typer.Argument(help="Name of the PACS in the settings.")],
    keys: Annotated[list[str], typer.Argument(help="KEYWORD=VALUE, such as StudyDate=20200618.")],
    level: Annotated[str, typer.Option(help=f"One of {', '.join(LEVELS)}.")] = "STUDY",
    returned: Annotated[
        list[str] | None, typer.Option("--return", help="A keyword to ask for; several times for several.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answers as JSON.")] = False,
    settings: SettingsFile = None,
) -> None:
    """
    Ask a PACS by hand, as the pipeline would ask it; nothing is stored and nothing pulled.

    Examples: [bold]pacs-module find HOSPITAL-PACS StudyDate=20200618[/bold] ·
    [bold]pacs-module find HOSPITAL-PACS StudyInstanceUID=1.2.3 SeriesInstanceUID=1.2.3.4 --level IMAGE[/bold]
    """
    if level.upper() not in LEVELS:
        raise MessageError("level", level, ", ".join(LEVELS))
    answers = _ask(pacs, level.upper(), _query(keys), tuple(returned or LEVELS[level.upper()]), settings)
    console = for_tables(WIDE)
    if as_json:
        console.print_json(json.dumps(answers))
    else:
        console.print(_table(answers))


def _table(answers: list[Attributes]) -> Table:
    table = Table(title=f"{len(answers)} answers", title_justify="left")
    columns = sorted({keyword for answer in answers for keyword in answer})
    for column in columns:
        table.add_column(column, overflow="fold")
    for answer in answers:
        table.add_row(*(_cell(answer, column) for column in columns))
    return table


def _cell(answer: Attributes, column: str) -> str:
    return shown(answer.get(column, "")).replace("[", "\\[")


def _ask(
    pacs: str, level: str, query: dict[str, str], returned: tuple[str, ...], path: Path | None
) -> list[Attributes]:
    with opened_finder(load_settings(path), WarningsOnly()) as finder:
        return [dict(answer) for answer in finder.find(pacs, level, query, returned)]


def _query(keys: list[str]) -> dict[str, str]:
    query = {}
    for key in keys:
        keyword, equals, value = key.partition("=")
        if not equals or not keyword.isalnum():
            raise MessageError("key", key, "KEYWORD=VALUE, such as StudyDate=20200618")
        query[keyword] = value
    return query
