"""
The study store in one SQLite file: the default on one machine, shared by any number of its processes.

The table is called ``study_info_list`` like the collection, the document is JSON in the column ``document``. A write that has
returned is on disk (WAL with synchronous=FULL); a claim is one UPDATE ... RETURNING under the write lock: made exactly once.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tenacity

from ...domain.errors import PermanentError, StoreAway, about
from ...domain.study.study import Study
from ...ports import AtMost, Order, Where
from .json_safe import storable, study_to_text, text_to_study
from .questions import NamedQuestions
from .reference_query import claim_order, due_field, matches
from .sqlite_schema import bring_up_to_date, value_of
from .sqlite_where import compile_where, sortable

_LOCK_WAIT_S = 20.0
_OPEN_WAIT_S = 2.0

# Primary result codes (https://www.sqlite.org/rescode.html) behind which nothing is wrong with the statement.
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)


class _Connection(sqlite3.Connection):
    """Can be referred to weakly: a thread that ends takes its connection with it."""


class SqliteStore(NamedQuestions):
    """
    One connection a thread, opened when the thread first needs it.

    A file that another process holds locked just now is no error in ``__init__``: calls say so, as StoreAway, until one of
    them gets the lock and makes the tables.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._local = threading.local()
        self._connections: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._closed = False
        self._prepared = False
        self._preparing = threading.Lock()
        with _translated(self._path):
            _make_file(self._path)
        with suppress(StoreAway):
            self._connection()

    def get(self, study_uid: str) -> Study | None:
        """The study, or None."""
        rows = self.read("SELECT document FROM study_info_list WHERE studyUID = ?", [storable(study_uid)])
        return text_to_study(rows[0][0]) if rows else None

    def insert(self, study: Study) -> bool:
        """Write a new study; False when its UID is there already."""
        sql = "INSERT OR IGNORE INTO study_info_list (studyUID, revision, document) VALUES (?, 1, ?) RETURNING 1"
        return self._write_study(study, 1, sql, lambda text: [storable(study.study_uid), text])

    def replace(self, study: Study) -> bool:
        """Write a study back if nobody wrote it in between."""
        sql = "UPDATE study_info_list SET revision = revision + 1, document = ? WHERE studyUID = ? AND revision = ? RETURNING 1"
        before = study.revision
        return self._write_study(study, before + 1, sql, lambda text: [text, storable(study.study_uid), before])

    def claim(self, work: str, owner: str, now: int, lease: int, where: Where | None = None, order: Order = ()) -> Study | None:
        """Take the first study that is due for a kind of work."""
        due = {due_field(work): AtMost(now), **(where or {})}
        first, values = self._select("studyUID", due, claim_order(work, order), 1, f'INDEXED BY "by_due.{work}"')
        if not self.read(first, values):  # most calls find nothing: these need not take the write lock
            return None
        sql = f"""
            UPDATE study_info_list SET revision = revision + 1, document =
                json_set(document, '$.due.{work}', ?, '$.claims.{work}', ?, '$.revision', revision + 1)
            WHERE studyUID = ({first}) RETURNING document
        """  # noqa: S608 - work is one of WORK, first is made by _select
        with self.writing() as connection:
            rows = connection.execute(sql, [now + lease, storable(owner), *values]).fetchall()
        return text_to_study(rows[0][0]) if rows else None

    def find(self, where: Where, order: Order = (), limit: int | None = None) -> list[Study]:
        """The studies for which all conditions hold."""
        return [text_to_study(text) for (text,) in self.read(*self._select("document", where, order, limit))]

    def count(self, where: Where) -> int:
        """How many studies :meth:`find` would give."""
        (number,) = self.read(*self._select("count(*)", where, (), None))[0]
        return int(number)

    def next_due(self, work: str) -> int | None:
        """The earliest due time of all studies."""
        (time,) = self.read(f"SELECT min({value_of(due_field(work))}) FROM study_info_list", [])[0]  # noqa: S608 - checked
        return None if time is None else int(time)

    def close(self) -> None:
        """Close the connections of all threads."""
        self._closed = True
        for connection in tuple(self._connections):
            connection.close()

    # --- statements ---

    def _select(self, what: str, where: Where, order: Order, limit: int | None, hint: str = "") -> tuple[str, list[Any]]:
        conditions, values, rest = compile_where(where)
        if rest:
            self._connection().create_function("holds", 1, lambda text: matches(json.loads(text), rest), deterministic=True)
            conditions.append("holds(document)")
        sql = f"SELECT {what} FROM study_info_list {hint}"  # noqa: S608 - names are checked, values are bound
        if conditions:
            sql += f" WHERE {' AND '.join(conditions)}"
        if order:
            sql += " ORDER BY " + ", ".join(f"{sortable(field)} {'ASC' if up > 0 else 'DESC'}" for field, up in order)
        if limit is not None:
            sql += " LIMIT ?"
            values.append(limit)
        return sql, values

    def read(self, sql: str, values: list[Any]) -> list[Any]:
        """Rows of the file."""
        with _translated(self._path):
            return self._connection().execute(sql, values).fetchall()

    def _write_study(self, study: Study, revision: int, sql: str, values: Any) -> bool:
        before, study.revision = study.revision, revision
        written = False
        try:
            text = study_to_text(study)
            with self.writing() as connection:
                written = bool(connection.execute(sql, values(text)).fetchall())
        finally:
            if not written:
                study.revision = before
        return written

    @contextmanager
    def writing(self) -> Iterator[_Connection]:
        """A transaction with the write lock."""
        with _translated(self._path):
            connection = self._connection()
            with _transaction(connection):
                yield connection

    # --- connections ---

    def _connection(self) -> _Connection:
        """This thread's, to a file in which the tables are."""
        if not self._prepared:
            with _translated(self._path):
                self._prepare_once()
        return self._connected()

    def _prepare_once(self) -> None:
        if not self._preparing.acquire(blocking=False):  # not one after the other: each would wait for the lock anew
            raise StoreAway(f"the store {self._path} is being opened")
        try:
            if not self._prepared:
                with _waiting(self._connected(), _OPEN_WAIT_S):
                    self._prepare()
                self._prepared = True
        finally:
            self._preparing.release()

    def _connected(self) -> _Connection:
        if self._closed:
            raise PermanentError(f"the store {self._path} is closed")
        connection: _Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._path, timeout=_LOCK_WAIT_S, isolation_level=None, check_same_thread=False, factory=_Connection
            )
            connection.execute("PRAGMA synchronous = FULL")
            self._connections.add(connection)
            self._local.connection = connection
        return connection

    # The change to WAL does not wait for another process that opens the file at the same moment.
    @tenacity.retry(
        retry=tenacity.retry_if_exception_type(sqlite3.OperationalError),
        stop=tenacity.stop_after_delay(_OPEN_WAIT_S),
        wait=tenacity.wait_random(0.05, 0.3),
        reraise=True,
    )
    def _prepare(self) -> None:
        connection = self._connected()
        connection.execute("PRAGMA journal_mode = WAL")
        with _transaction(connection):
            bring_up_to_date(connection, self._path)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """With the write lock; all of it or, after an error, nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _waiting(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """For the write lock, at the most so long."""
    connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA busy_timeout = {_LOCK_WAIT_S * 1000:.0f}")


def _make_file(path: Path) -> None:
    """The file holds patients' data: for its owner only (SQLite gives its -wal and -shm the same mode)."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise PermanentError(f"the store {path} cannot be written: {error.strerror}") from error


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    with about(f"store {path}"), _in_our_words(path):
        yield


@contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        kind = StoreAway if code in _PASSING else PermanentError
        raise kind(f"the store {path}: {error}") from error
