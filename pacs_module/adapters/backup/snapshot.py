"""Copies of a store while it is used, for backups; and back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import bson
import bson.errors

from ...domain.errors import PermanentError
from ..stores.mongo import MongoStore, translated

_LOCK_WAIT_S = 30.0
_DOCUMENTS_AT_ONCE = 500


def copy_sqlite(source: Path, target: Path) -> int:
    """
    Copy a SQLite file that others may be writing, as it is at one instant (its backup API).

    Returns:
        Its ``user_version``: the schema.

    Raises:
        PermanentError: It cannot be read, or is damaged.
    """
    try:
        with (
            closing(sqlite3.connect(_to_read(source), uri=True, timeout=_LOCK_WAIT_S)) as reads,
            closing(sqlite3.connect(target)) as writes,
        ):
            # In one step: in several, a writer between them would begin the copy anew.
            reads.backup(writes)
            writes.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
            (verdict,) = writes.execute("PRAGMA quick_check(1)").fetchone()
            (schema,) = writes.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise PermanentError(f"{source} cannot be copied: {error}") from error
    _check_whole(source, verdict)
    return int(schema)


def _check_whole(source: Path, verdict: str) -> None:
    if verdict != "ok":
        raise PermanentError(f"{source} is damaged: {verdict}")


def _to_read(source: Path) -> str:
    """
    The URI of a file to be copied. In a folder where we may not write SQLite reads a file in WAL mode by way
    of the
    -shm that its writers have made; where there is none nobody writes, and the file is read as it lies.
    """
    beside = source.with_name(f"{source.name}-shm")
    as_it_lies = "" if beside.exists() or os.access(source.parent, os.W_OK) else "&immutable=1"
    return f"{source.absolute().as_uri()}?mode=ro{as_it_lies}"


def let_go_of(file: Path) -> None:
    """
    See that nobody uses a SQLite file, and take in what lies beside it.

    Raises:
        PermanentError: Somebody has it open.
    """
    if not file.exists():
        return
    if _mode_after(file) == "wal":
        raise PermanentError(f"{file} is in use: stop pacs_module and Orthanc first")
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)


def _mode_after(file: Path) -> str:
    """The mode of a file that nobody shall have open any more: of one in use it stays ``wal``."""
    try:
        with closing(sqlite3.connect(file, timeout=1.0)) as connection:
            # Only the last connection to a file may end its WAL mode.
            (mode,) = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
            return str(mode)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return "wal"
        raise PermanentError(f"{file}: {error}") from error
    except sqlite3.DatabaseError:
        return "damaged"  # which is what the backup is for; it is set aside


def copy_collection(store: MongoStore, name: str, target: Path) -> int:
    """
    Copy one collection, each document whole; documents that are written meanwhile are in it as before or
    after.

    Returns:
        The number of documents.
    """
    number = 0
    with translated(), target.open("wb") as file:
        for document in store.beside(name).find({}, batch_size=_DOCUMENTS_AT_ONCE):
            file.write(bson.encode(document))
            number += 1
    return number


def put_collection(store: MongoStore, name: str, source: Path) -> int:
    """
    Write the documents of a copy into a collection; one of the same ``_id`` is replaced, others stay.

    Returns:
        The number of documents.

    Raises:
        PermanentError: The copy is no BSON.
    """
    collection, number = store.beside(name), 0
    with translated(), source.open("rb") as file:
        for document in _documents(file.read, source):
            collection.replace_one({"_id": document["_id"]}, document, upsert=True)
            number += 1
    return number


def _documents(read: Callable[[int], bytes], source: Path) -> Iterator[dict[str, Any]]:
    while head := read(4):
        length = int.from_bytes(head, "little")
        try:
            yield bson.decode(head + read(length - 4))
        except (bson.errors.BSONError, ValueError) as error:
            raise PermanentError(f"{source} is no BSON: {error}") from error
