"""
The plugins' memory: a small SQLite file on disk, so that any process may die at any moment.

It outlives the RAM disk; what it says of Orthanc's index holds only for the index with the same epoch id.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.json_messages.json_text import json_text
from pacs_module.domain.recover.backup import JOURNAL_SCHEMA

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pulls (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    pull_id TEXT NOT NULL UNIQUE,
    study_uid TEXT NOT NULL,
    request TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    job_state TEXT NOT NULL DEFAULT 'new',      -- domain/pull/job_state.py
    moves INTEGER NOT NULL DEFAULT 0,           -- C-MOVEs that it was begun with
    suspect INTEGER NOT NULL DEFAULT 0,         -- it moved when Orthanc died: moved alone until it ends
    failure TEXT,                               -- of its job, as in the report
    ended_at INTEGER,
    error TEXT NOT NULL DEFAULT '',
    move_seconds REAL,
    conclusion TEXT,                            -- the report, but for what only the end of the job tells
    report TEXT                                 -- the report as it went to the outbox
);
CREATE INDEX IF NOT EXISTS pulls_by_study ON pulls (study_uid);
CREATE INDEX IF NOT EXISTS pulls_open ON pulls (number) WHERE report IS NULL;
CREATE TABLE IF NOT EXISTS charges (           -- deaths of Orthanc while a study moved
    study_uid TEXT PRIMARY KEY,
    deaths INTEGER NOT NULL,                    -- it moved alone
    seen INTEGER NOT NULL,                      -- alone or not
    at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS receptions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    study_uid TEXT NOT NULL,
    orthanc_ids TEXT NOT NULL,
    is_push INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'open',         -- see pacs_module/domain/receive/reception_state.py
    counted TEXT NOT NULL DEFAULT '{}',         -- instances by series when it was concluded
    deleting TEXT NOT NULL DEFAULT '[]',        -- images to delete
    changed_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS receptions_by_study ON receptions (study_uid, state);
CREATE INDEX IF NOT EXISTS receptions_by_state ON receptions (state);
CREATE TABLE IF NOT EXISTS series (
    reception INTEGER NOT NULL,
    series_uid TEXT NOT NULL,
    judged TEXT NOT NULL,
    PRIMARY KEY (reception, series_uid)
);
CREATE TABLE IF NOT EXISTS handovers (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    handover_id TEXT NOT NULL UNIQUE,
    study_uid TEXT NOT NULL,
    series_uids TEXT NOT NULL,
    instances INTEGER NOT NULL,
    base TEXT NOT NULL,                         -- folder name without the number of the repetition
    folder TEXT NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'given',        -- given, released, lost
    bytes INTEGER NOT NULL DEFAULT 0,
    reception INTEGER NOT NULL DEFAULT 0,
    for_destinations INTEGER NOT NULL DEFAULT 0 -- 1: series beside those to compute
);
CREATE INDEX IF NOT EXISTS handovers_by_study ON handovers (study_uid);
CREATE INDEX IF NOT EXISTS handovers_by_base ON handovers (base);
CREATE INDEX IF NOT EXISTS handovers_given ON handovers (number) WHERE state = 'given';
-- Of the hand-overs that are given: what a new store of pacs_module adopts.
CREATE TABLE IF NOT EXISTS notifications (
    handover_id TEXT PRIMARY KEY,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS damaged (           -- rows of the other tables that could not be read
    of_table TEXT NOT NULL,
    row TEXT NOT NULL,                          -- as JSON
    why TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS sizes (             -- what devices send, to know what a pull will bring
    modality TEXT NOT NULL,
    manufacturer TEXT NOT NULL,
    model TEXT NOT NULL,
    matrix TEXT NOT NULL,
    instances INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (modality, manufacturer, model, matrix)
);
CREATE TABLE IF NOT EXISTS rules (             -- every version that was in force: switches as JSON
    version TEXT PRIMARY KEY,
    switches TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    study_uid TEXT NOT NULL,
    kind TEXT NOT NULL,                         -- notify, pull_report
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS quarantine (        -- images that failed validation, one for each content
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    study_uid TEXT NOT NULL,
    sop_uid TEXT NOT NULL,
    digest TEXT NOT NULL,                       -- SHA-256 of the dataset
    orthanc_id TEXT NOT NULL,
    state TEXT NOT NULL,                        -- see pacs_module/domain/image_validation/quarantine.py
    at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    times INTEGER NOT NULL DEFAULT 1,           -- how often it came
    bytes INTEGER NOT NULL,                     -- of its file; 0: it was not kept
    is_push INTEGER NOT NULL,
    sender TEXT NOT NULL,                       -- AE title, address and called AE title, as JSON
    failures TEXT NOT NULL,                     -- test, attribute and value of each, as JSON
    header TEXT NOT NULL,                       -- attributes for people, as JSON
    decided_at INTEGER,
    decided_by TEXT NOT NULL DEFAULT '',
    why TEXT NOT NULL DEFAULT '',
    UNIQUE (sop_uid, digest)
);
CREATE INDEX IF NOT EXISTS quarantine_by_state ON quarantine (state, number);
CREATE INDEX IF NOT EXISTS quarantine_by_study ON quarantine (study_uid);
CREATE TABLE IF NOT EXISTS validations (       -- images by sender and minute, valid and not
    ae_title TEXT NOT NULL,
    minute INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    PRIMARY KEY (ae_title, minute)
);
"""

_STALE_NOTIFICATIONS = """
    notifications WHERE handover_id NOT IN (SELECT handover_id FROM handovers WHERE state = 'given')
"""
_DECIDED_LONG_AGO = "quarantine WHERE state NOT IN ('held', 'releasing') AND last_at < ?"
_NUMBER = "INTEGER NOT NULL DEFAULT 0"
_ADDED = {
    "handovers": {"bytes": _NUMBER, "reception": _NUMBER, "for_destinations": _NUMBER},
    "pulls": {"moves": _NUMBER, "suspect": _NUMBER, "failure": "TEXT"},
}
"""Columns that journals of earlier versions lack."""
_LOCK_WAIT_S = 30.0


class Journal:
    """
    The connection and its transactions; the tables' own questions stand in ``pulls``, ``receptions``,
    ``handovers`` and ``device_sizes``.

    Args:
        path: On disk, never on the RAM disk.

    Raises:
        ConfigurationError: It cannot be opened or written: damaged, on a full disk, or locked for longer than
        ``_LOCK_WAIT_S``; or a newer version wrote it.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self.path = path
        try:
            self._open(path)
        except sqlite3.Error as error:
            raise ConfigurationError(
                "AIPULL_JOURNAL", str(path), f"a file that SQLite can open and write ({error})"
            ) from error

    def _open(self, path: Path) -> None:
        self._connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=_LOCK_WAIT_S
        )
        self._connection.row_factory = sqlite3.Row
        self._refuse_newer(path)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("PRAGMA secure_delete=ON")
        self._connection.executescript(_SCHEMA)
        self._add_missing_columns()
        self._connection.execute(f"PRAGMA user_version = {JOURNAL_SCHEMA}")
        self._file = _identity(path)

    def _refuse_newer(self, path: Path) -> None:
        """
        What a newer version means by its rows is not known here; 0 is a journal of before there was a
        version.
        """
        (schema,) = self._connection.execute("PRAGMA user_version").fetchone()
        if schema > JOURNAL_SCHEMA:
            self._connection.close()
            allowed = f"a journal of this version or an older one (schema {schema}, known {JOURNAL_SCHEMA})"
            raise ConfigurationError("AIPULL_JOURNAL", str(path), allowed)

    def _add_missing_columns(self) -> None:
        """A journal that an earlier version made."""
        for table, columns in _ADDED.items():
            known = {row["name"] for row in self._connection.execute(f"PRAGMA table_info({table})")}
            for name in columns.keys() - known:
                self._connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}")

    def is_in_place(self) -> bool:
        """Whether the open file is still the one at its path."""
        return _identity(self.path) == self._file

    def put_back(self) -> str:
        """
        Write the content of the open file, which was removed or replaced, to its path again, and go on with
        that.

        Returns:
            Where a foreign file went that was found there; empty when there was none.

        Raises:
            OSError, sqlite3.Error: It cannot be written now; the open file is used on.
        """
        draft = self.path.with_name(f".{self.path.name}.new")
        with self._lock:
            draft.unlink(missing_ok=True)
            with closing(sqlite3.connect(draft)) as copy:
                self._connection.backup(copy)
            found = self._put_aside()
            draft.replace(self.path)
            self._connection.close()
            self._open(self.path)
        return found

    def _put_aside(self) -> str:
        for ending in ("-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        if not self.path.exists():
            return ""
        aside = self.path.with_name(f"{self.path.name}.found")
        self.path.replace(aside)
        return str(aside)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside are one; nested ones belong to the outermost."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def write(self, statement: str, *values: object) -> int:
        """One statement, in the transaction that is open or in one of its own; the number of the new row."""
        with self.transaction():
            return self._connection.execute(statement, values).lastrowid or 0

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        found = self.rows(query, *values)
        return found[0] if found else None

    def meta(self, key: str, default: str = "") -> str:
        """A remembered value."""
        row = self.row("SELECT value FROM meta WHERE key = ?", key)
        return str(row["value"]) if row else default

    def set_meta(self, key: str, value: str) -> None:
        """Remember a value."""
        self.write(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            key,
            value,
        )

    def to_send(self, study_uid: str, kind: str, message: Mapping[str, Any]) -> None:
        """Owe pacs_module a message; order is kept per study."""
        self.write(
            "INSERT INTO outbox (study_uid, kind, body) VALUES (?, ?, ?)", study_uid, kind, as_text(message)
        )

    def outbox_heads(self) -> list[sqlite3.Row]:
        """The oldest unsent message of every study."""
        return self.rows(
            "SELECT * FROM outbox WHERE number IN (SELECT MIN(number) FROM outbox GROUP BY "
            "study_uid) ORDER BY number"
        )

    def sent(self, number: int) -> None:
        """A message was acknowledged."""
        self.write("DELETE FROM outbox WHERE number = ?", number)

    def foreign_writes(self) -> int:
        """A number that changes when another program has written to the file."""
        return int(self.rows("PRAGMA data_version")[0][0])

    def rows_as_they_are(self, query: str) -> list[sqlite3.Row]:
        """All rows of a query, also those with text that is not UTF-8: its bytes are lone surrogates then."""
        with self._lock:
            self._connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
            try:
                return self._connection.execute(query).fetchall()
            finally:
                self._connection.text_factory = str

    def set_aside(self, table: str, row: sqlite3.Row, why: str, now: int) -> None:
        """Take a row that cannot be read out of its table; ``row`` has its rowid as ``place``."""
        text = json_text(dict(row))
        with self.transaction():
            self.write("INSERT INTO damaged VALUES (?, ?, ?, ?)", table, text, why, now)
            self._delete(f"{table} WHERE rowid = ?", row["place"])

    def counts(self) -> dict[str, int]:
        """For health: how much of each is open."""
        queries = {
            "pullsRunning": "SELECT COUNT(*) FROM pulls WHERE report IS NULL",
            "receptionsOpen": "SELECT COUNT(*) FROM receptions WHERE state = 'open'",
            "studiesParked": "SELECT COUNT(*) FROM receptions WHERE state = 'short'",
            "studiesToDelete": "SELECT COUNT(*) FROM receptions WHERE state IN ('concluded', 'deleting')",
            "handoversGiven": "SELECT COUNT(*) FROM handovers WHERE state = 'given'",
            "outbox": "SELECT COUNT(*) FROM outbox",
        }
        return {name: int(self.rows(query)[0][0]) for name, query in queries.items()}

    def forget_before(self, moment: int, handovers_before: int) -> int:
        """
        Drop what nobody will ask for again: ended pulls and gone studies, and (later) hand-overs that were
        released or lost; how many rows.
        """
        with self.transaction():
            return sum(
                (
                    self._delete("pulls WHERE report IS NOT NULL AND asked_at < ?", moment),
                    self._delete("receptions WHERE state = 'closed' AND changed_at < ?", moment),
                    self._delete("charges WHERE at < ?", moment),
                    self._delete("series WHERE reception NOT IN (SELECT number FROM receptions)"),
                    self._delete("handovers WHERE state != 'given' AND at < ?", handovers_before),
                    self._delete(_STALE_NOTIFICATIONS),
                    self._delete("validations WHERE minute < ?", moment // 60_000),
                    self._delete(_DECIDED_LONG_AGO, handovers_before),
                    self._delete("damaged WHERE at < ?", moment),
                )
            )

    def forget_studies(self, study_uids: Sequence[str]) -> int:
        """Drop all rows of studies of which nothing is open; how many."""
        with self.transaction():
            rows = sum(
                self._delete(f"{table} WHERE study_uid = ?", uid)
                for uid in study_uids
                for table in ("pulls", "charges", "receptions", "handovers", "quarantine")
            )
            rows += self._delete("series WHERE reception NOT IN (SELECT number FROM receptions)")
            rows += sum(self._delete("damaged WHERE instr(row, ?)", uid) for uid in study_uids)
            return rows + self._delete(_STALE_NOTIFICATIONS)

    def _delete(self, which: str, *values: object) -> int:
        return self._connection.execute(f"DELETE FROM {which}", values).rowcount  # noqa: S608 - fixed words

    def scrub(self) -> None:
        """See that what was dropped cannot be read in the file or its WAL any more."""
        with self._lock:
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of a file, None when it is not there."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def as_text(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """JSON as it is kept."""
    return json.dumps(value, ensure_ascii=False)
