"""
Damage in the journal costs only itself (K8).

A row that cannot be read would stop every step that asks for its table: it is set aside, and what it spoke of
is made up for as if the row had been lost (K14). A file with damaged pages is set aside whole; the new one is
filled as after a loss.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pacs_module.domain.json_messages.json_text import json_text
from pacs_module.shared.logs import ContractLog

from ..runtime.clock import now_ms
from .charges import read_charged
from .handovers import read_handover
from .journal import Journal
from .pulls import read_pull
from .receptions import read_judged, read_reception

_HEADER = b"SQLite format 3\0"
_BESIDE = ("-wal", "-shm")
_MOST_TOLD = 20
Row = sqlite3.Row
Damaged = tuple[str, str, str]
"""Table, key, and why it cannot be read."""


def set_damaged_file_aside(path: Path) -> Path | None:
    """
    Put a journal with damaged pages under another name.

    To be called before it is opened. A file that is no SQLite file at all stays: its path may be wrong.

    Returns:
        Its new path; None: it is whole, or there is none.
    """
    if not _is_sqlite(path) or not _has_damaged_pages(path):
        return None
    aside = path.with_name(f"{path.name}.damaged-{now_ms()}")
    for ending in _BESIDE:
        path.with_name(path.name + ending).unlink(missing_ok=True)
    return path.rename(aside)


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER
    except OSError:
        return False


def _has_damaged_pages(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as database:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
            return bool(found != "ok")
    except sqlite3.Error as error:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT


@dataclass(frozen=True)
class KeptTable:
    """``key``: the column that names a row; ``read`` raises where a row cannot be read."""

    name: str
    key: str
    read: Callable[[Row], object]


class DamagedRows:
    """
    Looks through the journal at the start, and again when another program has written to it.

    Args:
        journal: To be looked through.
        log: Told of what was found.
        further: Tables beside the journal's own.
    """

    def __init__(self, journal: Journal, log: ContractLog, further: Sequence[KeptTable] = ()) -> None:
        self._journal = journal
        self._log = log
        self._tables = (*_TABLES, *further)
        self._version = -1

    def look(self) -> list[Damaged]:
        """What was set aside; looked for only if somebody else wrote since the last look."""
        version = self._journal.foreign_writes()
        if version == self._version:
            return []
        with self._journal.transaction():
            found = list(self._set_aside())
        self._version = version
        if found:
            self._tell(found)
        return found

    def _set_aside(self) -> Iterator[Damaged]:
        for table in self._tables:
            query = f"SELECT rowid AS place, * FROM {table.name}"  # noqa: S608 - fixed words
            for row in self._journal.rows_as_they_are(query):
                why = _why_not(table, row)
                if why:
                    self._journal.set_aside(table.name, row, why, now_ms())
                    yield table.name, str(row[table.key]), why

    def _tell(self, found: list[Damaged]) -> None:
        told = [{"table": table, "key": key[:128], "why": why} for table, key, why in found[:_MOST_TOLD]]
        self._log.event(
            "journal_rows_damaged",
            "rows of the journal cannot be read: they are set aside, what they spoke of is asked for anew",
            level="ERROR", number=len(found), rows=told,
        )  # fmt: skip


def _why_not(table: KeptTable, row: Row) -> str:
    """Why a row cannot be read; empty: it can."""
    try:
        for text in row:
            str(text).encode("utf-8")
        table.read(row)
    except Exception as error:  # whatever a damaged row makes a reader do
        return f"{type(error).__name__}: {error}"[:500]
    return ""


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{json_text(value)[:80]} is no whole number")
    return value


def _pull(row: Row) -> None:
    pull = read_pull(row)
    if pull.request.pull_id != row["pull_id"] or pull.request.study_uid != row["study_uid"]:
        raise ValueError("the request is that of another pull")
    for value in (pull.asked_at, pull.moves):
        _whole(value)


def _charge(row: Row) -> None:
    charged = read_charged(row)
    for value in (charged.deaths, charged.seen, row["at"]):
        _whole(value)


def _reception(row: Row) -> None:
    reception = read_reception(row)
    for value in (reception.opened_at, row["changed_at"], *reception.counted.values()):
        _whole(value)


def _handover(row: Row) -> None:
    handover = read_handover(row)
    for value in (handover.instances, handover.size, handover.reception, row["at"]):
        _whole(value)


def _message(row: Row) -> None:
    _mapping(json.loads(row["body"]))


def _outbox(row: Row) -> None:
    _message(row)
    if row["kind"] not in ("notify", "pull_report"):
        raise ValueError(f"a message of the kind {row['kind']!r}")


def _sizes(row: Row) -> None:
    if _whole(row["instances"]) < 1 or _whole(row["bytes"]) < 0:
        raise ValueError("fewer than nothing")


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{json_text(value)[:80]} is no object")
    return value


def _pairs(value: Any) -> None:
    for _first, _second in value:
        pass


def _senders(value: Any) -> None:
    for pairs in _mapping(value).values():
        _pairs(pairs)


_META: dict[str, Callable[[str], object]] = {
    "seq": int,
    "deaths": int,
    "last_death_at": int,
    "unexplained_deaths": lambda text: _pairs(json.loads(text)),
    "put_back": lambda text: [_whole(at) for at in _mapping(json.loads(text)).values()],
    "senders": lambda text: _senders(json.loads(text)),
    "unproved hand-overs": lambda text: _mapping(json.loads(text)),
}
"""Values that are more than a text; without one the journal goes on as if it had never been noted."""


def _meta(row: Row) -> None:
    read = _META.get(row["key"])
    if read is not None:
        read(row["value"])


_TABLES = (
    KeptTable("meta", "key", _meta),
    KeptTable("pulls", "pull_id", _pull),
    KeptTable("charges", "study_uid", _charge),
    KeptTable("receptions", "study_uid", _reception),
    KeptTable("series", "series_uid", lambda row: read_judged(json.loads(row["judged"]))),
    KeptTable("handovers", "handover_id", _handover),
    KeptTable("notifications", "handover_id", _message),
    KeptTable("outbox", "number", _outbox),
    KeptTable("sizes", "model", _sizes),
)
