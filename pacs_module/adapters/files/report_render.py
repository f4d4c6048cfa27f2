"""A reconciliation for people: tables on a terminal, JSON, CSV and XLSX. Nothing is decided here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...domain.errors import MessageError
from ...domain.reconcile.at_destination import AtDestination, There
from ...domain.reconcile.report import Report
from ...domain.reconcile.report_line import MISSING, Cause, ReportLine
from ...shared.files import write_whole

FORMATS = ("text", "json", "csv", "xlsx")
WIDE = 220
_STYLES = {Cause.COMPUTED: "green", Cause.FILTERED: "yellow", **dict.fromkeys(MISSING, "red")}

Cell = str | int
COLUMNS: tuple[tuple[str, Callable[[ReportLine], Cell | None]], ...] = (
    ("cause", lambda line: line.cause.value),
    ("missing", lambda line: "yes" if line.missing else "no"),
    ("why", lambda line: line.why),
    ("date", lambda line: line.study_date),
    ("time", lambda line: line.study_time),
    ("AccessionNumber", lambda line: line.accession_number),
    ("PatientID", lambda line: line.patient_id),
    ("description", lambda line: line.study_description),
    ("modality", lambda line: "\\".join(line.modality)),
    ("PACS", lambda line: ", ".join(line.pacs)),
    ("device", lambda line: line.device),
    ("instances in PACS", lambda line: line.counts.in_pacs),
    ("asked for", lambda line: line.counts.asked),
    ("received", lambda line: line.counts.received),
    ("counts", lambda line: line.counts.verdict),
    ("state", lambda line: line.state),
    ("role", lambda line: line.role.value),
    ("manual pull", lambda line: line.manual),
    ("notes", lambda line: "; ".join(line.notes)),
    ("StudyInstanceUID", lambda line: line.study_uid),
)
_ON_A_TERMINAL = (
    "cause",
    "AccessionNumber",
    "PatientID",
    "modality",
    "device",
    "counts",
    "why",
    "StudyInstanceUID",
)


def format_of(path: Path) -> str:
    """
    Which format a file's name asks for.

    Raises:
        MessageError: None that we can write.
    """
    known = {".txt": "text", ".json": "json", ".csv": "csv", ".xlsx": "xlsx"}
    if path.suffix.lower() not in known:
        raise MessageError("output", path.name, f"a name that ends in {', '.join(known)}")
    return known[path.suffix.lower()]


def write(report: Report, path: Path) -> None:
    """
    Write a report in the format that the file's name asks for, readable by its owner and group only: it names
    patients.
    """
    kind = format_of(path)
    content = (
        as_xlsx(report) if kind == "xlsx" else _as_text(report, kind).encode("utf-8", "backslashreplace")
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def _as_text(report: Report, kind: str) -> str:
    if kind == "json":
        return as_json(report)
    if kind == "csv":
        return "\ufeff" + as_csv(report)  # without the mark Excel takes UTF-8 for something else
    console = Console(file=io.StringIO(), width=WIDE)
    console.print(as_tables(report))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def as_json(report: Report) -> str:
    """The whole report."""
    return json.dumps(report.to_document(), ensure_ascii=False, indent=2)


def as_csv(report: Report) -> str:
    """A row a study; what a spreadsheet would take for a formula is written so that it does not."""
    file = io.StringIO(newline="")
    rows = csv.writer(file)
    rows.writerow([name for name, _ in COLUMNS])
    rows.writerows([_harmless(value(line)) for _, value in COLUMNS] for line in report.lines)
    return file.getvalue()


def _harmless(value: Cell | None) -> Cell:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value


def as_xlsx(report: Report) -> bytes:
    """
    A workbook: a summary, every study, what is missing by device, AccessionNumbers that several studies have.
    """
    import xlsxwriter  # it takes a while, and only this needs it

    held = io.BytesIO()
    with xlsxwriter.Workbook(held, _TEXT_STAYS_TEXT) as book:
        bold = book.add_format({"bold": True})
        for name, rows in _sheets(report).items():
            _write_sheet(book.add_worksheet(name), rows, bold)
    return held.getvalue()


_TEXT_STAYS_TEXT = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def _write_sheet(sheet: Any, rows: Sequence[Sequence[Cell | None]], bold: Any) -> None:
    for number, row in enumerate(rows):
        cells = [_clean(cell) if isinstance(cell, str) else cell for cell in row]
        sheet.write_row(number, 0, cells, bold if number == 0 else None)
    sheet.freeze_panes(1, 0)
    if len(rows) > 1:
        sheet.autofilter(0, 0, len(rows) - 1, len(rows[0]) - 1)
    sheet.autofit(400)


def _clean(text: str) -> str:
    """Neither XML nor a terminal has a place for control characters and lone surrogates; they are shown."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _sheets(report: Report) -> dict[str, list[Sequence[Cell | None]]]:
    studies = [tuple(value(line) for _, value in COLUMNS) for line in report.lines]
    return {
        "summary": [("what", "number"), *summary(report)],
        "studies": [tuple(name for name, _ in COLUMNS), *studies],
        "devices": [_DEVICE_HEADS, *_device_rows(report)],
        "duplicates": [_DUPLICATE_HEADS, *_duplicate_rows(report)],
        "destinations": [_DESTINATION_HEADS, *_destination_rows(report.destinations)],
        "PACS": [_PACS_HEADS, *_pacs_rows(report)],
    }


_DEVICE_HEADS = ("device", "cause", "studies")
_DUPLICATE_HEADS = ("AccessionNumber", "kind", "PatientIDs", "causes", "StudyInstanceUIDs")
_DESTINATION_HEADS = (
    "destination", "AccessionNumber", "stands", "sent", "there", "in the PACS", "why", "lacking",
    "StudyInstanceUID",
)  # fmt: skip
_PACS_HEADS = ("PACS", "day", "studies", "whole list", "queries", "error")


def summary(report: Report) -> list[tuple[str, Cell]]:
    """The numbers that a day is judged by."""
    counts, manual, same = report.instances, report.manual, report.duplicates
    return [
        ("all compared", "yes" if report.compared else "no"),
        ("missing", len(report.missing)),
        *report.by_cause.items(),
        ("manual pulls of what we had missed", manual["miss"]),
        ("manual pulls of what was on its way", manual["delay"]),
        ("manual pulls of what had been received", manual["again"]),
        ("AccessionNumbers of several studies", len(same)),
        ("instances asked for", counts["asked"]),
        ("instances received of these", counts["received"]),
        ("pulled studies with fewer instances than the PACS", counts["lacking"]),
        ("put to be pulled", len(report.repaired)),
        *(
            (f"at {name}: {what}", number)
            for name, counts in report.by_destination.items()
            for what, number in counts.items()
        ),
    ]


def _device_rows(report: Report) -> Iterable[Sequence[Cell]]:
    return [
        (device, cause, number)
        for device, causes in report.by_device.items()
        for cause, number in causes.items()
    ]


def _duplicate_rows(report: Report) -> Iterable[Sequence[Cell]]:
    return [
        (
            same.accession_number,
            same.kind,
            ", ".join(same.patient_ids),
            ", ".join(same.causes),
            ", ".join(same.study_uids),
        )
        for same in report.duplicates
    ]


def _destination_rows(lines: Iterable[AtDestination]) -> Iterable[Sequence[Cell]]:
    return [
        (
            one.destination, one.accession_number, one.verdict.value, one.sent, _or_dash(one.there),
            _or_dash(one.in_pacs), one.why, " ".join(one.lacking), one.study_uid,
        )
        for one in lines
    ]  # fmt: skip


def _or_dash(number: int | None) -> Cell:
    return "-" if number is None else number


def _pacs_rows(report: Report) -> Iterable[Sequence[Cell]]:
    return [
        (a.pacs, a.day, a.studies, "yes" if a.complete and not a.error else "no", a.queries, a.error)
        for a in report.answered
    ]


def as_tables(report: Report, every: bool = False) -> Group:
    """
    For a terminal.

    Args:
        report: The report.
        every: Every study, and not only what is missing, odd or was pulled by hand.
    """
    told = [line for line in report.lines if every or line.missing or line.notes or line.manual]
    by_device = "by device (of what is missing or filtered)"
    of_several = "AccessionNumbers of several studies"
    parts: list[RenderableType] = [
        Text(_headline(report), "bold"),
        *(Text(f"could not compare all: {words}", "bold red") for words in _not_compared(report)),
        _lines_table(told, report),
        _table("what", "number", title="summary", rows=summary(report)),
        _table(*_DEVICE_HEADS, title=by_device, rows=_device_rows(report)),
        _table(*_DUPLICATE_HEADS, title=of_several, rows=_duplicate_rows(report)),
        *_at_destinations(report, every),
        _table(*_PACS_HEADS, title="PACS", rows=_pacs_rows(report)),
    ]
    return Group(*parts)


def _at_destinations(report: Report, every: bool) -> list[RenderableType]:
    """What they lack; nothing where there are none."""
    if not report.destinations:
        return []
    told = [one for one in report.destinations if every or one.verdict is not There.EQUAL]
    return [_table(*_DESTINATION_HEADS, title="destinations", rows=_destination_rows(told))]


def _headline(report: Report) -> str:
    days = report.first_day
    if report.last_day != report.first_day:
        days = f"{report.first_day} to {report.last_day}"
    return f"{days}: {len(report.missing)} of {len(report.lines)} studies missing"


def _not_compared(report: Report) -> list[str]:
    return [
        f"{one.pacs}, {one.day}: {one.error or 'it cuts its list, and no split of the query helped'}"
        for one in report.answered
        if one.error or not one.complete
    ]


def _lines_table(lines: Sequence[ReportLine], report: Report) -> Table:
    table = Table(title="studies", title_justify="left")
    for name in (*_ON_A_TERMINAL, "notes"):
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*_cells(line), Text(_clean("; ".join(_notes(line, report)))))
    return table


def _cells(line: ReportLine) -> list[Text]:
    columns, style = dict(COLUMNS), _STYLES.get(line.cause, "")
    return [Text(_clean(str(_terminal(name, line, columns))), style) for name in _ON_A_TERMINAL]


def _notes(line: ReportLine, report: Report) -> list[str]:
    notes = list(line.notes)
    if line.manual:
        notes.append(f"manual pull: {line.manual}")
    if line.study_uid in report.repaired:
        notes.append(report.repaired[line.study_uid])
    return notes


def _terminal(name: str, line: ReportLine, columns: dict[str, Callable[[ReportLine], Cell | None]]) -> Cell:
    if name != "counts":
        return columns[name](line) or ""
    counts = line.counts
    numbers = "/".join(
        "-" if number is None else str(number) for number in (counts.received, counts.asked, counts.in_pacs)
    )
    return f"{numbers} {counts.verdict}"


def _table(*columns: str, title: str, rows: Iterable[Sequence[Cell]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_clean(str(cell))) for cell in row))
    return table
