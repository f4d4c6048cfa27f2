"""
The study store in one SQLite file: the default on one machine, shared by any number of its processes.

The table is called ``study_info_list`` like the collection, the document is JSON in the column ``document``.
A write that has returned is on disk (WAL with synchronous=FULL); a claim is one UPDATE ... RETURNING under
the write lock: made exactly once.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import tenacity

from ...domain.errors import PermanentError, StoreAway, StoreLost, Unreadable, about
from ...domain.study.priority import Ageing
from ...domain.study.study import PULL, WORK, Study
from ...ports import AtMost, Exists, Identity, Order, Where
from .emptied import Emptied
from .json_safe import storable, study_to_listing, study_to_text, text_to_study
from .questions import NamedQuestions
from .reference_query import claim_order, due_field, matches
from .rows.removal import drop_set_aside, removals, remove_studies, scrub
from .rows.sqlite import SqliteLists, unlisted, write_row
from .sqlite_file import StoreFile
from .sqlite_schema import BY_RANK, BY_RISE, BY_TURN, bring_up_to_date, set_damaged_aside, value_of
from .sqlite_where import compile_where, existence, sortable
from .unreadable import UnreadableDocuments

_LOCK_WAIT_S = 20.0
_FEW = 50
"""So many due studies are sorted as soon as the first of many is found."""
_LISTED_AT_ONCE = 500
"""So many studies of an earlier version get their rows in one transaction."""
_READ_AT_ONCE = 500
_OPEN_WAIT_S = 2.0

_NO_TEXT = "Could not decode to UTF-8"
"""How sqlite3 begins to say that a text in the file is none."""

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
    """Can be referred to weakly: a thread that ends takes its connection with it, and that closes it."""

    def __del__(self) -> None:
        # From Python 3.13 on a connection that is collected open is warned of.
        with suppress(sqlite3.Error):
            self.close()


_ANOTHER_FILE = "another file of the same installation lies there and is used"


class SqliteStore(NamedQuestions):
    """
    One connection a thread, opened when the thread first needs it.

    A file that another process holds locked just now is no error in ``__init__``: calls say so, as StoreAway,
    until one of them gets the lock and makes the tables.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._file = StoreFile(self._path)
        self._local = threading.local()
        self._connections: weakref.WeakSet[sqlite3.Connection] = weakref.WeakSet()
        self._closed = False
        self._unreadable = UnreadableDocuments()
        self.beside_unreadable = UnreadableDocuments()
        """Of leases and ledger, which read by way of this store."""
        self._emptied = Emptied()
        self._indexed: set[str] = set()
        """Kinds of work and PACS whose index was looked after in this file since this process began."""
        self._prepared = False
        self._preparing = threading.Lock()
        self._opened = 0
        """
        Counted up when another file is taken for the store: connections to the one before are used no more.
        """
        self._keepers: tuple[sqlite3.Connection, ...] = ()
        """Two, used for nothing but putting a removed file back: one holds the lock while the other reads."""
        self.lists = SqliteLists(self.read, self._write)
        with _translated(self._path):
            self._file.make()
        with suppress(StoreAway):
            self._connection()

    def get(self, study_uid: str) -> Study | None:
        """The study, or None."""
        rows = self.read("SELECT document FROM study_info_list WHERE studyUID = ?", [storable(study_uid)])
        return self._read_one(study_uid, rows[0][0]) if rows else None

    def get_many(self, study_uids: Sequence[str]) -> dict[str, Study]:
        """Those of the studies that are there and can be read, by UID."""
        found: list[Study] = []
        for begin in range(0, len(study_uids), _READ_AT_ONCE):
            uids = [storable(uid) for uid in study_uids[begin : begin + _READ_AT_ONCE]]
            marks = ", ".join("?" * len(uids))
            sql = f"SELECT studyUID, document FROM study_info_list WHERE studyUID IN ({marks})"  # noqa: S608
            found += self._unreadable.read_all(self.read(sql, uids), text_to_study)
        return {study.study_uid: study for study in found}

    def insert(self, study: Study) -> bool:
        """Write a new study; False when its UID is there already."""
        return bool(self.insert_many([study]))

    def insert_many(self, studies: Sequence[Study]) -> set[str]:
        """Write new studies in one transaction; the UIDs of those that were not there already."""
        return self._write_studies(studies, insert=True)

    def replace(self, study: Study) -> bool:
        """Write a study back if nobody wrote it in between."""
        return bool(self.replace_many([study]))

    def replace_many(self, studies: Sequence[Study]) -> set[str]:
        """Write studies back in one transaction; the UIDs of those that nobody wrote in between."""
        return self._write_studies(studies, insert=False)

    def remove_many(self, studies: Sequence[Study]) -> set[str]:
        """Remove studies in one transaction; the UIDs of those that nobody wrote in between."""
        with self.writing() as connection:
            return remove_studies(connection, [(storable(one.study_uid), one.revision) for one in studies])

    def scrub(self, before: str) -> None:
        """
        Write the file anew without its free space where it is not too large, and empty the WAL.

        Raises:
            StoreAway: Somebody reads just now.
        """
        with self.writing() as connection:
            drop_set_aside(connection, before)
        with _translated(self._path):
            scrub(self._connection(), self._path)

    def claim(
        self, work: str, owner: str, now: int, lease: int, where: Where | None = None, order: Order = ()
    ) -> Study | None:
        """Take the first study that is due for a kind of work."""
        due = {due_field(work): AtMost(now), **(where or {})}
        while rows := self._claim(work, owner, now + lease, due, order):
            uid, text = rows[0]
            study = self._unreadable.read(uid, text, text_to_study)
            if study is not None:
                return study
        return None

    def claim_pull(
        self, pacs: str, owner: str, now: int, lease: int, least: int, ageing: Ageing
    ) -> Study | None:
        """
        Claim the most urgent due pull.

        Most calls find nothing: that takes one look into an index, however many pulls of other PACS are due.
        """
        if pacs and not self._has_due_pulls(pacs, now):
            return None
        return super().claim_pull(pacs, owner, now, lease, least, ageing)

    def _has_due_pulls(self, pacs: str, now: int) -> bool:
        """Whether any may be due; True where the name of a PACS cannot be part of an index."""
        there = existence(f"pacs.{pacs}", Exists())
        if there is None:
            return True
        name = f"pulls_at_{pacs}"
        self._make_index(name, f'("due.pull") WHERE "due.pull" IS NOT NULL AND {there[0]}')
        where = {due_field(PULL): AtMost(now), f"pacs.{pacs}": Exists()}
        sql, values = self._select("1", where, (), 1, f'INDEXED BY "{name}"')
        return bool(self.read(sql, values))

    def _claim(self, work: str, owner: str, until: int, due: Where, order: Order) -> list[Any]:
        """UID and document of the first one, claimed; those that cannot be read are not claimed again."""
        self._index(work)
        hint = f'INDEXED BY "{self._claimed_by(work, due, order)}"'
        first, values = self._select("studyUID", due, claim_order(work, order), 1, hint, claim=True)
        if not self.read(first, values):  # most calls find nothing: these need not take the write lock
            return []
        sql = f"""
            UPDATE study_info_list SET revision = revision + 1, document =
                json_set(document, '$.due.{work}', ?, '$.claims.{work}', ?, '$.revision', revision + 1)
            WHERE studyUID = ({first}) RETURNING studyUID, document
        """  # noqa: S608 - work is one of WORK, first is made by _select
        return self._mending(lambda: self._write(sql, [until, storable(owner), *values]))

    def _claimed_by(self, work: str, due: Where, order: Order) -> str:
        """
        The index through which a claim goes: few due studies are sorted, of many the first in the order of
        pulls is taken, however many there are.
        """
        by_due = f"by_due.{work}"
        if work != PULL or not order or self._are_few({due_field(work): due[due_field(work)]}, by_due):
            return by_due
        if "risesFrom" not in due:
            return BY_RANK
        return (
            BY_RISE
            if self._are_few({key: due[key] for key in ("risesFrom", due_field(work))}, BY_RISE)
            else BY_TURN
        )

    def _are_few(self, where: Where, index: str) -> bool:
        sql, values = self._select("1", where, (), _FEW + 1, f'INDEXED BY "{index}"')
        return len(self.read(sql, values)) <= _FEW

    def count_due(self, work: str) -> int:
        """How many studies have work of a kind."""
        self._index(work)
        return super().count_due(work)

    def next_with(self, work: str, limit: int) -> list[Study]:
        """The studies that have work of a kind, the first to be due first."""
        self._index(work)
        return super().next_with(work, limit)

    def _index(self, work: str) -> None:
        """
        The work of destinations has no column: it gets an index when it is first asked for, and no table is
        rebuilt.
        """
        if work not in WORK:
            field = due_field(work)
            self._make_index(f"by_{field}", f"({value_of(field)})")

    def _make_index(self, name: str, of: str) -> None:
        """One that is not in the schema, once in the life of this process."""
        if name in self._indexed:
            return
        sql = f'CREATE INDEX IF NOT EXISTS "{name}" ON study_info_list {of}'
        self._mending(lambda: self._write(sql, []))
        self._indexed.add(name)

    def find(self, where: Where, order: Order = (), limit: int | None = None) -> list[Study]:
        """The studies for which all conditions hold."""
        rows = self.read(*self._select("studyUID, document", where, order, limit))
        return self._unreadable.read_all(rows, text_to_study)

    def count(self, where: Where) -> int:
        """How many studies :meth:`find` would give."""
        (number,) = self.read(*self._select("count(*)", where, (), None))[0]
        return int(number)

    def next_due(self, work: str) -> int | None:
        """The earliest due time of all studies."""
        # checked
        (time,) = self.read(f"SELECT min({value_of(due_field(work))}) FROM study_info_list", [])[0]  # noqa: S608
        return None if time is None else int(time)

    def close(self) -> None:
        """Close the connections of all threads."""
        self._closed = True
        for connection in (*self._connections, *self._keepers):
            connection.close()

    # --- the file ---

    def identity(self) -> Identity:
        """
        Which store it is.

        Raises:
            StoreLost: Its file was removed or replaced, or what was in it is gone.
        """
        with _translated(self._path):
            connection = self._connection()
            try:
                found = _identity(connection)
                studies = bool(connection.execute("SELECT 1 FROM study_info_list LIMIT 1").fetchall())
                removed = removals(connection)
            except (sqlite3.DatabaseError, KeyError) as error:
                if _passes(error):
                    raise
                words = f"the store {self._path} was emptied or damaged while it was in use: {error}"
                lost = f"{words}; it is not written, start anew with a copy of it or without"
                raise StoreLost(lost) from error
            self._emptied.look(studies, str(self._path), removed)
            return found

    def recover(self) -> str:
        """
        Put a removed file back from a connection that is still open, or take another process's word that it
        did.
        """
        with _translated(self._path):
            try:
                self._file.check()
            except StoreLost:
                return self._recovered()
        return self._emptied.accept()

    def unreadable(self) -> Mapping[str, str]:
        """The documents that could not be read."""
        return self._unreadable.all()

    def unreadable_beside(self) -> Mapping[str, str]:
        """The memos and entries that could not be read."""
        return self.beside_unreadable.all()

    def _identity_there(self) -> Identity | None:
        """Of what lies at the path, which may be anything."""
        try:
            with closing(self._file.look()) as there:
                return _identity(there)
        except (sqlite3.Error, KeyError):
            return None

    def _keep_open(self) -> None:
        self._keepers = tuple(self._file.open(_Connection, _LOCK_WAIT_S) for _ in range(2))
        for keeper in self._keepers:
            _identity(keeper)  # a connection opens the -wal file with its first read

    def _recovered(self) -> str:
        if self._file.is_empty():
            raise StoreLost(f"the store {self._path} was emptied; start anew, with a copy of it or without")
        if not self._keepers:
            raise StoreLost(f"the store {self._path} was never open")
        put_back = self._put_back()
        self._file.drop_old_wal()
        for keeper in self._keepers:
            keeper.close()
        self._opened += 1
        self._indexed.clear()  # the other file may be of before
        self._keep_open()
        self._file.remember()
        return "put back from the open file" if put_back else _ANOTHER_FILE

    def _put_back(self) -> bool:
        """
        Put a removed file back, where no other process has done it.

        Raises:
            StoreLost: Another installation's file lies there.
        """
        holder, reader = self._keepers
        ours = _identity(reader)
        put_back = False
        if self._file.is_gone():
            # A process that has the removed file open, too, writes nothing meanwhile.
            with _transaction(holder):
                put_back = self._file.put_back(reader)
        if self._identity_there() != ours:
            raise StoreLost(
                f"the store {self._path} was replaced by that of another installation; nothing is written"
            )
        return put_back

    # --- statements ---

    def _select(
        self, what: str, where: Where, order: Order, limit: int | None, hint: str = "", claim: bool = False
    ) -> tuple[str, list[Any]]:
        conditions, values, rest = compile_where(where)
        if claim and (unreadable := list(self._unreadable.all())):
            conditions.append(f"studyUID NOT IN ({', '.join('?' * len(unreadable))})")
            values += unreadable
        if rest:
            self._define_holds(rest)
            conditions.append("holds(document)")
        sql = f"SELECT {what} FROM study_info_list {hint}"  # noqa: S608 - names are checked, values are bound
        if conditions:
            sql += f" WHERE {' AND '.join(conditions)}"
        sql += _order_by(order)
        if limit is not None:
            sql += " LIMIT ?"
            values.append(limit)
        return sql, values

    def _define_holds(self, rest: Where) -> None:
        """Make the function in SQL for what SQL cannot ask for."""
        self._connection().create_function(
            "holds", 1, lambda text: matches(json.loads(text), rest), deterministic=True
        )

    def read(self, sql: str, values: list[Any]) -> list[Any]:
        """Rows of the file."""
        return self._mending(lambda: self._read(sql, values))

    def _read(self, sql: str, values: list[Any]) -> list[Any]:
        with _translated(self._path):
            connection = self._connection()
            try:
                return connection.execute(sql, values).fetchall()
            except sqlite3.OperationalError as error:
                if _NO_TEXT not in str(error):
                    raise
            with _bytes_kept(connection):
                return connection.execute(sql, values).fetchall()

    def _write(self, sql: str, values: list[Any]) -> list[Any]:
        with self.writing() as connection, _bytes_kept(connection):
            return connection.execute(sql, values).fetchall()

    def _mending(self, rows_of: Callable[[], list[Any]]) -> list[Any]:
        """A document that is no JSON makes every statement fail that looks into it: once more without it."""
        try:
            return rows_of()
        except PermanentError as error:
            if "malformed JSON" not in str(error):
                raise
        self._set_damaged_aside()
        return rows_of()

    def _read_one(self, uid: str, text: str) -> Study | None:
        """
        The study; None when its document is no JSON any more: it is set aside, and the next find brings the
        study.

        Raises:
            Unreadable: It cannot be read, and is another version's.
        """
        study = self._unreadable.read(uid, text, text_to_study)
        if study is None and not self._set_damaged_aside(uid):
            raise Unreadable(self._unreadable.all().get(uid, f"the document of study {uid} cannot be read"))
        return study

    def _set_damaged_aside(self, wanted: str = "") -> bool:
        """Keep documents that are no JSON in a table of their own; whether this one was among them."""
        with self.writing() as connection:
            uids = [uid for (uid,) in set_damaged_aside(connection)]
        for uid in uids:
            self._unreadable.set_aside(uid)
        return wanted in uids

    def _write_studies(self, studies: Sequence[Study], *, insert: bool) -> set[str]:
        before = {study.study_uid: study.revision for study in studies}
        written: set[str] = set()
        try:
            texts = _texts_of(studies, insert=insert)
            with self.writing() as connection:
                done: set[str] = set()
                for study, (text, listing) in zip(studies, texts, strict=True):
                    if _write_one(connection, study, before[study.study_uid], text, insert=insert):
                        write_row(connection, listing)
                        done.add(study.study_uid)
            written = done  # only what the transaction has on disk counts
        finally:
            for study in studies:
                if study.study_uid not in written:
                    study.revision = before[study.study_uid]
        return written

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction with the write lock."""
        with _translated(self._path):
            connection = self._connection()
            with _transaction(connection):
                # again: another process may have put the file back while we waited for the lock
                self._file.check()
                yield connection

    # --- connections ---

    def _connection(self) -> sqlite3.Connection:
        """This thread's, to a file in which the tables are."""
        if not self._prepared:
            with _translated(self._path):
                self._prepare_once()
        self._file.check()
        return self._connected()

    def _prepare_once(self) -> None:
        if not self._preparing.acquire(
            blocking=False
        ):  # not one after the other: each would wait for the lock anew
            raise StoreAway(f"the store {self._path} is being opened")
        try:
            if not self._prepared:
                with _waiting(self._connected(), _OPEN_WAIT_S):
                    self._prepare()
                self._keep_open()
                self._file.remember()
                self._prepared = True
        finally:
            self._preparing.release()

    def _connected(self) -> sqlite3.Connection:
        if self._closed:
            raise PermanentError(f"the store {self._path} is closed")
        opened, connection = getattr(self._local, "connection", (0, None))
        if connection is None or opened != self._opened:
            connection = self._file.open(_Connection, _LOCK_WAIT_S)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            self._connections.add(connection)
            self._local.connection = (self._opened, connection)
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
        self._list_all(connection)

    def _list_all(self, connection: sqlite3.Connection) -> None:
        """Give the studies of an earlier version their rows, some at a time: others may write meanwhile."""
        while True:
            with _transaction(connection):
                without = unlisted(connection, _LISTED_AT_ONCE)
                for uid, text in without:
                    study = self._unreadable.read(uid, text, text_to_study)
                    listing = study_to_listing(study or Study(uid))
                    write_row(connection, listing)
            if not without:
                return


def _write_one(connection: sqlite3.Connection, study: Study, before: int, text: str, *, insert: bool) -> bool:
    uid = storable(study.study_uid)
    if insert:
        sql = "INSERT OR IGNORE INTO study_info_list (studyUID, revision, document) VALUES (?, 1, ?)"
        return connection.execute(sql, [uid, text]).rowcount == 1
    sql = (
        "UPDATE study_info_list SET revision = revision + 1, document = ? WHERE studyUID = ? AND revision = ?"
    )
    return connection.execute(sql, [text, uid, before]).rowcount == 1


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


def _identity(connection: sqlite3.Connection) -> Identity:
    known = dict(connection.execute("SELECT key, value FROM installation").fetchall())
    return Identity(known["installation"], known["madeAt"])


@contextmanager
def _bytes_kept(connection: sqlite3.Connection) -> Iterator[None]:
    """
    Text that is not UTF-8 any more is read with its bytes as lone surrogates: one damaged document would else
    keep all of a list from being read. Not always: it makes reading slower.
    """
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        connection.text_factory = str


@contextmanager
def _waiting(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """For the write lock, at the most so long."""
    connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA busy_timeout = {_LOCK_WAIT_S * 1000:.0f}")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    with about(f"store {path}"), _in_our_words(path):
        yield


def _passes(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING


@contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        kind = StoreAway if _passes(error) else PermanentError
        raise kind(f"the store {path}: {error}") from error


def _order_by(order: Order) -> str:
    terms = ", ".join(f"{sortable(field)} {'ASC' if up > 0 else 'DESC'}" for field, up in order)
    return f" ORDER BY {terms}" if terms else ""


def _texts_of(studies: Sequence[Study], *, insert: bool) -> list[tuple[str, dict[str, Any]]]:
    """The documents with their next revision, and what the lists tell of them."""
    texts = []
    for study in studies:
        study.revision = 1 if insert else study.revision + 1
        texts.append((study_to_text(study), study_to_listing(study)))
    return texts
