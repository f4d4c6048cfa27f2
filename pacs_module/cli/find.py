"""
``pacs-module find`` and ``compare``: one C-FIND by hand, at any level; two copies of a study, image by image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..adapters.dicom.instance_uids import of_folder, of_orthanc, of_pacs
from ..domain.dicom.attributes import Attributes
from ..domain.dicom.text_repair import shown
from ..domain.errors import MessageError
from ..domain.json_messages.uid_syntax import checked_uid
from ..domain.reconcile.image_diff import Copy, SeriesDifference, compare
from ..service.finders import opened_finder
from ..settings import Settings, load_settings
from .common import SettingsFile, WarningsOnly, print_json, print_table

OURS = "ours"
_PLACE = f"A PACS by its name, '{OURS}' (the receiving Orthanc), or a folder."
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
    if as_json:
        print_json(answers)
    else:
        print_table(_table(answers))


def _table(answers: list[Attributes]) -> Table:
    table = Table(title=f"{len(answers)} answers", title_justify="left")
    columns = sorted({keyword for answer in answers for keyword in answer})
    for column in columns:
        table.add_column(column)
    for answer in answers:
        table.add_row(*(Text(shown(answer.get(column, ""))) for column in columns))
    return table


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


def compare_copies(
    study: Annotated[str, typer.Argument(help="StudyInstanceUID.")],
    left: Annotated[str, typer.Argument(help=_PLACE)],
    right: Annotated[str, typer.Argument(help=_PLACE)] = OURS,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the differences with all UIDs as JSON.")
    ] = False,
    settings: SettingsFile = None,
) -> None:
    """
    Compare the SOP Instance UIDs of a study in two places; ends with 1 when they differ.

    Examples: [bold]pacs-module compare 1.2.840.113619.2.55.3 HOSPITAL-PACS[/bold] ·
    [bold]pacs-module compare 1.2.840.113619.2.55.3 HOSPITAL-PACS /store_image/2f0c[/bold]
    """
    study = checked_uid("StudyInstanceUID", study)
    known = load_settings(settings)
    differences = compare(_copy(known, left, study), _copy(known, right, study))
    if as_json:
        print_json([asdict(each) for each in differences])
    else:
        _print_differences(differences, left, right)
    if not differences:
        Console(stderr=True).print("neither has images of that study", style="red")
    if not differences or not all(each.equal for each in differences):
        raise typer.Exit(1)


def _copy(settings: Settings, place: str, study_uid: str) -> Copy:
    if place == OURS:
        return _our_copy(settings, study_uid)
    names = [pacs.name for pacs in settings.pacs]
    if place in names:
        with opened_finder(settings, WarningsOnly()) as finder:
            return of_pacs(finder, place, study_uid)
    if Path(place).is_dir():
        return of_folder(Path(place), study_uid)
    raise MessageError("place", place, f"{OURS}, {', '.join(names)} or a folder")


def _our_copy(settings: Settings, study_uid: str) -> Copy:
    orthanc = settings.orthanc
    password = orthanc.password.get_secret_value()
    return of_orthanc(orthanc.url, orthanc.username, password, orthanc.timeout_s, study_uid)


def _print_differences(differences: Sequence[SeriesDifference], left: str, right: str) -> None:
    table = Table("series", "both", f"only {left}", f"only {right}", title="images", title_justify="left")
    for each in differences:
        style = "" if each.equal else "yellow"
        cells = (each.series_uid, str(each.both), str(len(each.only_left)), str(len(each.only_right)))
        table.add_row(*(Text(cell, style) for cell in cells))
    print_table(table)
