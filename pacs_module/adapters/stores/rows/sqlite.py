"""
Rows in SQLite: three narrow tables beside the documents, written in the transaction that writes a document.

A list of a hundred thousand studies is read from ``study_rows`` alone, some hundred bytes a study where a
document has thousands.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from ....domain.explain.listing import (
    LAYOUT,
    NOT_WANTED,
    Act,
    Place,
    RowFilter,
    RowOrder,
    RowVerdict,
    StudyRow,
    cleaned,
)
from ....domain.wire.documents import wire_names

Read = Callable[[str, list[Any]], list[Any]]
_LISTS = ("modality", "pacs", "device")
_NAMES = tuple(wire_names(StudyRow)[one.name] for one in fields(StudyRow))
_KEYS = {
    RowOrder.NEWEST: "newest",
    RowOrder.CHANGED: "changedAt",
    RowOrder.ACCESSION: "accessionNumber",
    RowOrder.PATIENT: "patientID",
}
_INDEXES = ("newest", "changedAt", "accessionNumber", "patientID")
_SEPARATOR = "\x1f"


def tables() -> Iterator[str]:
    """Statements that make the tables where they are not there."""
    columns = ", ".join(f'"{name}"' for name in _NAMES if name != "studyUID")
    yield f"""
        CREATE TABLE IF NOT EXISTS study_rows
        (studyUID TEXT PRIMARY KEY, layout INTEGER, newest TEXT, search TEXT, {columns}) WITHOUT ROWID
    """
    for column in _INDEXES:
        yield f'CREATE INDEX IF NOT EXISTS "rows_by_{column}" ON study_rows ("{column}", studyUID)'
    yield "CREATE INDEX IF NOT EXISTS rows_by_state ON study_rows (state, newest, studyUID)"
    yield "CREATE INDEX IF NOT EXISTS rows_by_day ON study_rows (day)"
    yield """
        CREATE TABLE IF NOT EXISTS study_verdicts (studyUID TEXT PRIMARY KEY, day TEXT, verdicts TEXT) WITHOUT ROWID
    """
    yield "CREATE INDEX IF NOT EXISTS verdicts_by_day ON study_verdicts (day)"
    yield """
        CREATE TABLE IF NOT EXISTS study_acts
        (studyUID TEXT, at TEXT, what TEXT, by TEXT, why TEXT, PRIMARY KEY (studyUID, at, what)) WITHOUT ROWID
    """
    yield "CREATE INDEX IF NOT EXISTS acts_by_time ON study_acts (at, studyUID)"
    yield """
        CREATE TRIGGER IF NOT EXISTS row_removed AFTER DELETE ON study_info_list BEGIN
            DELETE FROM study_rows WHERE studyUID = old.studyUID;
            DELETE FROM study_verdicts WHERE studyUID = old.studyUID;
        END
    """


_OTHERS = tuple(name for name in _NAMES if name != "studyUID")
_COLUMNS = ", ".join(f'"{name}"' for name in _OTHERS)
_MARKS = ", ".join("?" * (4 + len(_OTHERS)))
_WRITE_ROW = (
    f"INSERT OR REPLACE INTO study_rows (studyUID, layout, newest, search, {_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608
)


def write_row(connection: sqlite3.Connection, told: Mapping[str, Any]) -> bool:
    """
    Write what a study's :func:`~pacs_module.domain.explain.listing.listed` tells; in the caller's transaction.

    Returns:
        Always true: it is written, or the transaction ends with an error.
    """
    row, uid = told["row"], told["row"]["studyUID"]
    others = [_column(name, row.get(name)) for name in _OTHERS]
    connection.execute(_WRITE_ROW, [uid, told["layout"], told["newest"], told["search"], *others])
    if told["verdicts"]:
        connection.execute(
            "INSERT OR REPLACE INTO study_verdicts (studyUID, day, verdicts) VALUES (?, ?, ?)",
            [uid, row.get("day", ""), json.dumps(told["verdicts"], ensure_ascii=False)],
        )
    for act in told["acts"]:
        connection.execute(
            "INSERT OR IGNORE INTO study_acts (studyUID, at, what, by, why) VALUES (?, ?, ?, ?, ?)",
            [uid, act["at"], act["what"], act["by"], act["why"]],
        )
    return True


def unlisted(connection: sqlite3.Connection, limit: int) -> list[tuple[str, str]]:
    """UID and document of studies that have no row, or one of an earlier layout."""
    return connection.execute(
        """
        SELECT studyUID, document FROM study_info_list
        WHERE studyUID NOT IN (SELECT studyUID FROM study_rows WHERE layout = ?) LIMIT ?
        """,
        [LAYOUT, limit],
    ).fetchall()


class SqliteLists:
    """Reads the rows."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def rows(self, wanted: RowFilter, order: RowOrder, after: Place | None, limit: int) -> list[StudyRow]:
        """The rows that are asked for, in their order."""
        terms, values = _terms(wanted)
        key, sign, way = _KEYS[order], *(("<", "DESC") if order.descending else (">", "ASC"))
        if after is not None:
            terms.append(f'("{key}", studyUID) {sign} (?, ?)')
            values += [after.key, after.study_uid]
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        sql = f'SELECT {_selected()} FROM study_rows {where} ORDER BY "{key}" {way}, studyUID {way} LIMIT ?'  # noqa: S608
        return [_row(one) for one in self._read(sql, [*values, limit])]

    def count_rows(self, wanted: RowFilter, most: int) -> int:
        """How many rows are asked for, at most ``most``."""
        terms, values = _terms(wanted)
        where = f"WHERE {' AND '.join(terms)}" if terms else ""
        sql = f"SELECT count(*) FROM (SELECT 1 FROM study_rows {where} LIMIT ?)"  # noqa: S608
        return int(self._read(sql, [*values, most])[0][0])

    def rows_of_days(self, days: Sequence[str]) -> list[StudyRow]:
        """All rows of some days."""
        marks = ", ".join("?" * len(days))
        sql = f"SELECT {_selected()} FROM study_rows WHERE day IN ({marks})"  # noqa: S608
        return [_row(one) for one in self._read(sql, list(days))]

    def verdicts_between(self, first_day: str, last_day: str) -> list[tuple[str, tuple[RowVerdict, ...]]]:
        """The verdicts of the studies of these days."""
        sql = "SELECT studyUID, verdicts FROM study_verdicts WHERE day BETWEEN ? AND ?"
        found = self._read(sql, [first_day, last_day])
        return [(uid, tuple(map(_verdict, json.loads(text)))) for uid, text in found]

    def acts(self, before: str, limit: int) -> list[Act]:
        """What people did, the newest first."""
        where, values = ("WHERE at < ?", [before]) if before else ("", [])
        sql = f"SELECT at, by, what, why, studyUID FROM study_acts {where} ORDER BY at DESC, studyUID DESC LIMIT ?"  # noqa: S608
        return [Act(*one) for one in self._read(sql, [*values, limit])]


def _terms(wanted: RowFilter) -> tuple[list[str], list[Any]]:
    """Conditions in SQL, and their values; column names are ours."""
    wanted = cleaned(wanted)
    asked: list[tuple[str, Any]] = []
    if wanted.state:
        asked.append(("state = ?", "" if wanted.state == NOT_WANTED else wanted.state))
    equal = {
        "accessionNumber = ?": wanted.accession_number,
        "patientID = ?": wanted.patient_id,
        "studyUID = ?": wanted.study_uid,
        # Through the sort key, which begins with the day: one index serves state, span and order.
        "newest >= ?": wanted.first_day,
        "newest <= ?": wanted.last_day and f"{wanted.last_day}~",
    }
    asked += [(term, value) for term, value in equal.items() if value]
    for name, value in (("modality", wanted.modality), ("pacs", wanted.pacs), ("device", wanted.device)):
        if value:
            asked.append((f"instr({name}, ?) > 0", f"{_SEPARATOR}{value}{_SEPARATOR}"))
    if wanted.priority is not None:
        asked.append(("priority = ?", wanted.priority))
    asked += [("instr(search, ?) > 0", word) for word in wanted.words]
    return [term for term, _ in asked], [value for _, value in asked]


def _selected() -> str:
    return ", ".join(f'"{name}"' for name in _NAMES)


def _column(name: str, value: Any) -> Any:
    if name in _LISTS:
        return _SEPARATOR + _SEPARATOR.join(value) + _SEPARATOR if value else ""
    return value


_FIELDS = tuple(one.name for one in fields(StudyRow))
_IS_LIST = tuple(name in _LISTS for name in _NAMES)


def _row(values: Sequence[Any]) -> StudyRow:
    """A row of the table; read thousands of times a page, so not through the reader of documents."""
    told: dict[str, Any] = {}
    for name, value, is_list in zip(_FIELDS, values, _IS_LIST, strict=True):
        if is_list:
            told[name] = tuple(part for part in (value or "").split(_SEPARATOR) if part)
        elif value is not None:
            told[name] = value
    return StudyRow(**told)


def _verdict(told: Mapping[str, str]) -> RowVerdict:
    """As :func:`_row`: a week has tens of thousands."""
    return RowVerdict(
        told["seriesUID"], told["standing"], told["rule"], told["attribute"], told["value"],
        told.get("modality", ""), told.get("description", ""),
    )  # fmt: skip
