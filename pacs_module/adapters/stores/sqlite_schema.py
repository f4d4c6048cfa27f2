"""
The tables in the SQLite file of the study store, and how those of earlier versions become today's.

Two processes may meet the same old file: the second one finds it done.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ...domain.errors import PermanentError
from ...domain.study.study import WORK
from .reference_query import due_field
from .rows.sqlite import tables as row_tables

SCHEMA_VERSION = 2

# Fields that never hold an array, each kept in a column of the same name beside the document: a thousand due
# studies are sorted in a millisecond from the columns, in two hundred from the JSON.
INDEXED = (
    "studyDate", "state", "accessionNumber", "patientID", "pseudonymUID", "pull.status",
    *(due_field(work) for work in WORK),
)  # fmt: skip
COMPUTED = (*INDEXED, "studyTime", "priority", "changedAt", "rank", "turn", "risesFrom")
COLUMNS = ("studyUID", "revision", *COMPUTED)
BY_RANK, BY_TURN, BY_RISE = "pulls_by_rank", "pulls_by_turn", "pulls_by_rise"
"""Indexes of the studies that wait to be pulled, in the orders in which they are: of no others."""
_WAITING = {
    BY_RANK: 'rank DESC, turn, studyUID, "due.pull"',
    BY_TURN: 'turn, studyUID, risesFrom, "due.pull"',
    BY_RISE: 'risesFrom, "due.pull"',
}


def value_of(field: str) -> str:
    """A field of the document in SQL."""
    return f'"{field}"' if field in COLUMNS else f"json_extract(document, '$.{field}')"


def bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """
    Make the tables, or what is missing in those of an earlier version; in the caller's transaction.

    Raises:
        PermanentError: A newer version made them.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise PermanentError(
            f"{path} was written by a newer version (schema {version}, known {SCHEMA_VERSION})"
        )
    for statement in (
        *_rebuild(connection),
        *_schema(),
        *_series_index(connection),
        *_leases(connection),
        *_installation(),
        *row_tables(),
        *_judged_headers(),
        *_ledger(),
    ):
        connection.execute(statement)
    if version == 1:
        connection.execute(_FROM_SCHEMA_1)


def _rebuild(connection: sqlite3.Connection) -> Iterator[str]:
    """
    A file of before a field was indexed: STORED columns cannot be added to a table, so it is written anew.
    """
    there = {row[1] for row in connection.execute("PRAGMA table_xinfo(study_info_list)")}
    if there and not set(COLUMNS) <= there:
        yield "ALTER TABLE study_info_list RENAME TO before"
        for field in INDEXED:
            yield f'DROP INDEX IF EXISTS "by_{field}"'
        yield next(_schema())
        columns = "studyUID, revision, document"
        yield _ASIDE
        yield f"INSERT INTO set_aside SELECT studyUID, document, {_NOW} FROM before WHERE NOT json_valid(document)"  # noqa: S608
        yield f"INSERT INTO study_info_list ({columns}) SELECT {columns} FROM before WHERE json_valid(document)"  # noqa: S608
        yield "DROP TABLE before"


def _schema() -> Iterator[str]:
    computed = "".join(f"\"{field}\" AS (json_extract(document, '$.{field}')) STORED, " for field in COMPUTED)
    yield f"""
        CREATE TABLE IF NOT EXISTS study_info_list (
            studyUID TEXT PRIMARY KEY, revision INTEGER NOT NULL, {computed} document TEXT NOT NULL
        )
    """
    for field in INDEXED:
        yield f'CREATE INDEX IF NOT EXISTS "by_{field}" ON study_info_list ({value_of(field)})'
    for name, columns in _WAITING.items():
        yield f'CREATE INDEX IF NOT EXISTS {name} ON study_info_list ({columns}) WHERE "due.pull" IS NOT NULL'
    yield f"PRAGMA user_version = {SCHEMA_VERSION}"


def _series_index(connection: sqlite3.Connection) -> Iterator[str]:
    """
    A table of its own for the one array that people ask for: triggers keep it, a series once known is never
    taken away.
    """
    there = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'series_of'"
    ).fetchone()
    add = (
        "INSERT OR IGNORE INTO series_of SELECT item.value, {0}.studyUID "
        "FROM json_each({0}.document, '$.seriesUIDs') AS item"
    )
    changed = "json_extract(new.document, '$.seriesUIDs') IS NOT json_extract(old.document, '$.seriesUIDs')"
    yield """
        CREATE TABLE IF NOT EXISTS series_of
        (seriesUID TEXT, studyUID TEXT, PRIMARY KEY (seriesUID, studyUID)) WITHOUT ROWID
    """
    yield (
        "CREATE TRIGGER IF NOT EXISTS series_added AFTER INSERT ON study_info_list "
        f"BEGIN {add.format('new')}; END"
    )
    yield f"""
        CREATE TRIGGER IF NOT EXISTS series_changed AFTER UPDATE OF document ON study_info_list WHEN {changed}
        BEGIN {add.format("new")}; END
    """
    if not there:
        yield add.format("study_info_list").replace(" FROM ", " FROM study_info_list, ", 1)


def _leases(connection: sqlite3.Connection) -> Iterator[str]:
    """Those of a version that compared clocks are dropped: nobody holds any of them."""
    if any(row[1] == "until" for row in connection.execute("PRAGMA table_info(leases)")):
        yield "DROP TABLE leases"
    yield """
        CREATE TABLE IF NOT EXISTS leases (
            name TEXT PRIMARY KEY, owner TEXT NOT NULL, beat INTEGER NOT NULL, memo TEXT NOT NULL DEFAULT '{}'
        )
    """


def _installation() -> Iterator[str]:
    """Which store this is; the other records keep its id, so that a lost one is noticed."""
    yield "CREATE TABLE IF NOT EXISTS installation (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
    yield "INSERT OR IGNORE INTO installation VALUES ('installation', lower(hex(randomblob(16))))"
    yield "INSERT OR IGNORE INTO installation VALUES ('madeAt', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"


def _judged_headers() -> Iterator[str]:
    """What was judged, by study and day (``records.py``)."""
    yield """
        CREATE TABLE IF NOT EXISTS judged_headers
        (studyUID TEXT PRIMARY KEY, day TEXT NOT NULL, data BLOB NOT NULL)
    """
    yield "CREATE INDEX IF NOT EXISTS judged_headers_by_day ON judged_headers (day)"


def _ledger() -> Iterator[str]:
    """Reports and quality records (``adapters/report_exchange/ledger.py``)."""
    yield """
        CREATE TABLE IF NOT EXISTS ledger (
            kind TEXT NOT NULL, key TEXT NOT NULL, day TEXT NOT NULL, state TEXT NOT NULL, due INTEGER,
            revision INTEGER NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, key)
        )
    """
    yield "CREATE INDEX IF NOT EXISTS ledger_by_due ON ledger (kind, due) WHERE due IS NOT NULL"
    yield "CREATE INDEX IF NOT EXISTS ledger_by_day ON ledger (kind, day, key)"
    yield "CREATE INDEX IF NOT EXISTS ledger_by_newest ON ledger (kind, state, day, key)"
    yield "DROP INDEX IF EXISTS ledger_by_state"


_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
_ASIDE = "CREATE TABLE IF NOT EXISTS set_aside (studyUID TEXT, document TEXT, at TEXT)"


def set_damaged_aside(connection: sqlite3.Connection) -> list[tuple[str]]:
    """
    Move documents that are no JSON into the table ``set_aside``, in the caller's transaction; the studies
    that they are of.
    """
    damaged = "FROM study_info_list WHERE NOT json_valid(document)"
    connection.execute(_ASIDE)
    connection.execute(f"INSERT INTO set_aside SELECT studyUID, document, {_NOW} {damaged}")
    return connection.execute(f"DELETE {damaged} RETURNING studyUID").fetchall()


def set_entry_aside(connection: sqlite3.Connection, place: int) -> None:
    """Move an entry of the ledger, by its rowid, in the caller's transaction."""
    connection.execute(_ASIDE)
    entry = f"SELECT kind || ' ' || key, document, {_NOW} FROM ledger WHERE rowid = ?"  # noqa: S608 - fixed words
    connection.execute(f"INSERT INTO set_aside {entry}", [place])
    connection.execute("DELETE FROM ledger WHERE rowid = ?", [place])


# Since schema 2 the documents say in which order they are pulled.
_FROM_SCHEMA_1 = """
    UPDATE study_info_list SET document = json_set(document, '$.rank', priority,
        '$.turn', coalesce(studyDate, '') || ' ' || coalesce(studyTime, ''), '$.risesFrom', iif(priority > 0, '', changedAt))
"""
