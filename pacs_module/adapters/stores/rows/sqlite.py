"""
Rows in SQLite: three narrow tables beside the documents, written in the transaction that writes a document.

A list of a hundred thousand studies is read from ``study_rows`` alone, some hundred bytes a study where a
document has thousands.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from typing import Any

from ....domain.errors import PipelineError, Unreadable
from ....domain.explain.listing import (
    LAYOUT,
    NOT_WANTED,
    Act,
    JudgedOfDay,
    Place,
    RowFilter,
    RowOrder,
    StudyRow,
    cleaned,
    judged_of_day,
    upload_state,
)
from ....domain.explain.sent import SENT_KEYS, SentStudy, due_key, read_sent
from ....domain.json_messages.documents import wire_names
from ....domain.json_messages.kept_json import kept_value
from ....domain.study.study import WORK

Read = Callable[[str, list[Any]], list[Any]]
Write = Callable[[str, list[Any]], list[Any]]
_LISTS = ("modality", "pacs", "device")
_NAMES = tuple(wire_names(StudyRow)[one.name] for one in fields(StudyRow))
_KEYS = {
    RowOrder.NEWEST: "newest",
    RowOrder.OLDEST: "newest",
    RowOrder.CHANGED: "changedAt",
    RowOrder.ACCESSION: "accessionNumber",
    RowOrder.PATIENT: "patientID",
}
_INDEXES = ("newest", "changedAt", "accessionNumber", "patientID")
_MOST_DAYS = 100
"""Days whose counted verdicts are remembered: a quarter."""
_SEPARATOR = "\x1f"
_DEVICE = """
    INSERT INTO devices (device, day) VALUES (?, ?)
    ON CONFLICT (device) DO UPDATE SET day = excluded.day WHERE excluded.day > day
"""


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
    yield "CREATE INDEX IF NOT EXISTS rows_by_arrival ON study_rows (day, firstSeenAt)"
    yield "DROP INDEX IF EXISTS rows_by_day"
    yield """
        CREATE TABLE IF NOT EXISTS study_judged
        (studyUID TEXT PRIMARY KEY, day TEXT, judged TEXT) WITHOUT ROWID
    """
    yield "CREATE TABLE IF NOT EXISTS judged_days (day TEXT PRIMARY KEY, version INTEGER) WITHOUT ROWID"
    yield "CREATE INDEX IF NOT EXISTS judged_by_day ON study_judged (day)"
    yield "CREATE TABLE IF NOT EXISTS devices (device TEXT PRIMARY KEY, day TEXT) WITHOUT ROWID"
    yield """
        CREATE TABLE IF NOT EXISTS study_acts
        (studyUID TEXT, at TEXT, what TEXT, by TEXT, why TEXT, PRIMARY KEY (studyUID, at, what)) WITHOUT ROWID
    """
    yield "CREATE INDEX IF NOT EXISTS acts_by_time ON study_acts (at, studyUID)"
    yield """
        CREATE TRIGGER IF NOT EXISTS list_removed AFTER DELETE ON study_info_list BEGIN
            DELETE FROM study_rows WHERE studyUID = old.studyUID;
            DELETE FROM study_judged WHERE studyUID = old.studyUID;
        END
    """
    for when, row in (("INSERT", "new"), ("DELETE", "old")):
        yield f"""
            CREATE TRIGGER IF NOT EXISTS judged_{when.lower()} AFTER {when} ON study_judged BEGIN
                INSERT INTO judged_days VALUES ({row}.day, 1)
                ON CONFLICT (day) DO UPDATE SET version = version + 1;
            END
        """  # noqa: S608 - two fixed words
    yield "CREATE TABLE IF NOT EXISTS judged_counted (day TEXT PRIMARY KEY, counted TEXT) WITHOUT ROWID"
    for when, row in (("INSERT", "new"), ("DELETE", "old")):
        # Deleted, not marked as old: it names studies, and what is forgotten is nowhere.
        yield f"""
            CREATE TRIGGER IF NOT EXISTS counted_{when.lower()} AFTER {when} ON study_judged BEGIN
                DELETE FROM judged_counted WHERE day = {row}.day;
            END
        """  # noqa: S608 - two fixed words
    # Of a version that kept each verdict: rows of its layout are written anew.
    yield "DROP TRIGGER IF EXISTS row_removed"
    yield "DROP TABLE IF EXISTS study_verdicts"


_OTHERS = tuple(name for name in _NAMES if name != "studyUID")
_COLUMNS = ", ".join(f'"{name}"' for name in _OTHERS)
_MARKS = ", ".join("?" * (4 + len(_OTHERS)))
_KEEP_COUNTED = """
    INSERT OR REPLACE INTO judged_counted SELECT day, ? FROM judged_days WHERE day = ? AND version = ?
"""
_WRITE_ROW = (
    f"INSERT OR REPLACE INTO study_rows (studyUID, layout, newest, search, {_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608
)


def write_row(connection: sqlite3.Connection, told: Mapping[str, Any]) -> bool:
    """
    Write what a study's :func:`~pacs_module.domain.explain.listing.listed` tells; in the caller's
    transaction.

    Returns:
        Always true: it is written, or the transaction ends with an error.
    """
    row, uid = told["row"], told["row"]["studyUID"]
    others = [_column(name, row.get(name)) for name in _OTHERS]
    connection.execute(_WRITE_ROW, [uid, told["layout"], told["newest"], told["search"], *others])
    day = row.get("day", "")
    if told["judged"]:
        _write_judged(connection, uid, day, json.dumps(told["judged"], ensure_ascii=False))
    for device in row.get("device", ()):
        connection.execute(_DEVICE, [device, day])
    for act in told["acts"]:
        connection.execute(
            "INSERT OR IGNORE INTO study_acts (studyUID, at, what, by, why) VALUES (?, ?, ?, ?, ?)",
            [uid, act["at"], act["what"], act["by"], act["why"]],
        )
    return True


def _write_judged(connection: sqlite3.Connection, uid: str, day: str, judged: str) -> None:
    """Most writes of a study change nothing here, and then its day is not to be counted again."""
    known = connection.execute("SELECT day, judged FROM study_judged WHERE studyUID = ?", [uid]).fetchone()
    if known != (day, judged):
        connection.execute("DELETE FROM study_judged WHERE studyUID = ?", [uid])
        connection.execute("INSERT INTO study_judged VALUES (?, ?, ?)", [uid, day, judged])


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

    def __init__(self, read: Read, write: Write) -> None:
        self._read, self._write = read, write
        self._days: dict[str, tuple[int, tuple[JudgedOfDay, ...]]] = {}
        """What was judged of each day, with the version of the day; those that were asked for last."""
        self._lock = threading.Lock()

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

    def first_seen_on(self, days: Sequence[str]) -> list[tuple[str, str]]:
        """Study date and first find of each study of some days, out of the index alone."""
        return self._read(_first_seen(len(days)), list(days))

    def judged_between(self, first_day: str, last_day: str) -> list[JudgedOfDay]:
        """What was judged on these days; a day is counted again only when one of its studies was written."""
        sql = "SELECT day, version FROM judged_days WHERE day BETWEEN ? AND ? ORDER BY day"
        # The versions first: what is written after them makes a newer one, and is counted again the next
        # time.
        versions = self._read(sql, [first_day, last_day])
        newest = versions[-1][0] if versions else ""
        return [
            group for day, version in versions for group in self._judged_of(day, version, keep=day != newest)
        ]

    def _judged_of(self, day: str, version: int, *, keep: bool) -> tuple[JudgedOfDay, ...]:
        known = self._days.get(day)
        if known is None or known[0] != version:
            known = version, self._kept(day) or self._counted(day, version, keep=keep)
        with self._lock:
            self._days.pop(day, None)
            self._days[day] = known
            while len(self._days) > _MOST_DAYS:
                del self._days[next(iter(self._days))]
        return known[1]

    def _kept(self, day: str) -> tuple[JudgedOfDay, ...]:
        """
        As it was counted by an earlier process; empty when it was not, when the day has changed since, or
        when it was damaged.
        """
        rows = self._read("SELECT counted FROM judged_counted WHERE day = ?", [day])
        with suppress(Unreadable, TypeError, ValueError):
            return tuple(_judged(one) for one in kept_value(rows[0][0])) if rows else ()
        return ()

    def _counted(self, day: str, version: int, *, keep: bool) -> tuple[JudgedOfDay, ...]:
        """Counted anew; kept where the day is over, since the newest one changes with each study."""
        sql = "SELECT studyUID, judged FROM study_judged WHERE day = ? ORDER BY studyUID"
        counted = judged_of_day(_readable(self._read(sql, [day])))
        if keep and counted:
            text = json.dumps([list(vars(one).values()) for one in counted], ensure_ascii=False)
            with suppress(PipelineError):  # a page is shown, whether it can be kept or not
                self._write(_KEEP_COUNTED, [text, day, version])
        return counted

    def uploads_of_day(self, day: str) -> list[tuple[str, str]]:
        """Destination and state of each upload of a day's studies; nothing else of them is read."""
        sql = (
            "SELECT json_extract(document, '$.uploads') FROM study_info_list "
            "WHERE studyDate = ? AND json_valid(document)"
        )
        found = [json.loads(text) for (text,) in self._read(sql, [day]) if text]
        return [upload_state(one) for uploads in found for one in uploads]

    def sent_with(self, work: str, limit: int) -> list[SentStudy]:
        """What goes to destinations, of the studies with work of a kind."""
        due = _due(work)
        # IS NOT NULL would not use the index, which the store makes when the work is first counted.
        sql = f"{_SENT} WHERE {due} >= ? ORDER BY {due}, studyUID LIMIT ?"
        return self._sent(sql, [_LEAST, limit])

    def results_of_day(self, day: str) -> list[SentStudy]:
        """The same of a day's studies with results."""
        told = (
            "CASE WHEN json_valid(document) THEN json_type(document, '$.results[0]') IS NOT NULL "
            "OR json_type(document, '$.refusedResults[0]') IS NOT NULL END"
        )
        return self._sent(f"{_SENT} WHERE studyDate = ? AND ({told})", [day])

    def _sent(self, sql: str, values: list[Any]) -> list[SentStudy]:
        rows = self._read(sql, values)
        read = (read_sent(dict(zip(SENT_KEYS, json.loads(text), strict=True))) for (text,) in rows)
        return [one for one in read if one is not None]

    def devices(self, since: str, most: int) -> list[str]:
        """The devices that made studies from this day on."""
        found = self._read("SELECT device FROM devices WHERE day >= ? ORDER BY device LIMIT ?", [since, most])
        return [device for (device,) in found]

    def acts(self, before: str, limit: int) -> list[Act]:
        """What people did, the newest first."""
        where, values = ("WHERE at < ?", [before]) if before else ("", [])
        sql = f"SELECT at, by, what, why, studyUID FROM study_acts {where} ORDER BY at DESC, studyUID DESC LIMIT ?"  # noqa: S608
        return [Act(*one) for one in self._read(sql, [*values, limit])]


def _first_seen(days: int) -> str:
    """The question for arrivals: what it asks for stands in an index, so that no row is read."""
    marks = ", ".join("?" * days)
    return f"SELECT day, firstSeenAt FROM study_rows WHERE day IN ({marks}) AND firstSeenAt > ''"  # noqa: S608


def _due(work: str) -> str:
    """When work of a kind is due, in SQL: a column, or the expression that its index is of."""
    field = due_key(work)
    return f'"{field}"' if work in WORK else f"json_extract(document, '$.{field}')"


_LEAST = -(2**63)
_SENT_PATHS = ", ".join(f"'$.{key}'" for key in SENT_KEYS)
_SENT = f"SELECT json_extract(document, {_SENT_PATHS}) FROM study_info_list"  # noqa: S608 - our own names


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


def _readable(rows: Sequence[tuple[str, bytes | str]]) -> Iterator[tuple[str, list[Any]]]:
    """StudyInstanceUIDs and verdicts; a row that was damaged costs only its own study (K8)."""
    for uid, text in rows:
        with suppress(Unreadable):
            judged = kept_value(text)
            if isinstance(judged, list) and all(isinstance(one, list) for one in judged):
                yield uid, judged


def _judged(values: Sequence[Any]) -> JudgedOfDay:
    standing, rule, attribute, value, modality, device, series, studies, examples = values
    return JudgedOfDay(standing, rule, attribute, value, modality, device, series, studies, tuple(examples))


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
