"""
Leases beside each study store: what only one process may do at a time, and who does it.

A table ``leases`` in the SQLite file, a collection ``leases`` in MongoDB, a dictionary in memory.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pymongo
import pymongo.errors

from ..domain.errors import PermanentError
from ..ports import Lease, Leases, StudyStore
from .memory_store import MemoryStore
from .mongo_store import MongoStore, translated
from .sqlite_store import SqliteStore
from .storable import storable


def leases_of(store: StudyStore) -> Leases:
    """The leases in the same place as the studies."""
    if isinstance(store, SqliteStore):
        return SqliteLeases(store)
    if isinstance(store, MongoStore):
        return MongoLeases(store)
    if isinstance(store, MemoryStore):
        return MemoryLeases()
    raise PermanentError(f"there are no leases beside a {type(store).__name__}")


class MemoryLeases:
    """For the threads of one process."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}
        self._lock = threading.Lock()

    def take(self, name: str, owner: str, now: int, length: int) -> Lease:
        """Take a lease that is free, over or one's own already; the lease as it stands now, whoever has it."""
        with self._lock:
            there = self._leases.get(name, Lease(name, owner, 0, {}))
            if there.owner != owner and there.until > now:
                return there
            self._leases[name] = replace(there, owner=owner, until=now + length)
            return replace(self._leases[name], before="" if there.owner == owner else there.owner)

    def give(self, name: str, owner: str, memo: Mapping[str, object] | None = None) -> None:
        """Let a lease go; nothing happens when another has it."""
        self._write(name, owner, memo, given=True)

    def note(self, name: str, owner: str, memo: Mapping[str, object]) -> None:
        """Write its memo."""
        self._write(name, owner, memo, given=False)

    def _write(self, name: str, owner: str, memo: Mapping[str, object] | None, given: bool) -> None:
        with self._lock:
            there = self._leases.get(name)
            if there is not None and there.owner == owner:
                there = replace(there, memo=there.memo if memo is None else dict(storable(memo)))
                self._leases[name] = replace(there, owner="", until=0) if given else there


class SqliteLeases:
    """In the file of a study store."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        with store.writing() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS leases "
                "(name TEXT PRIMARY KEY, owner TEXT NOT NULL, until INTEGER NOT NULL, memo TEXT NOT NULL DEFAULT '{}')"
            )

    def take(self, name: str, owner: str, now: int, length: int) -> Lease:
        """Take a lease that is free, over or one's own already; the lease as it stands now, whoever has it."""
        there = self._read(name)
        if there is not None and there.owner != owner and there.until > now:
            return there  # the usual case of the second process: without the write lock
        with self._store.writing() as connection:
            row = connection.execute(_LOOK, [storable(name)]).fetchone()
            there = _lease(row) if row else Lease(name, owner, 0, {})
            if there.owner != owner and there.until > now:
                return there
            connection.execute(
                "INSERT INTO leases (name, owner, until) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE "
                "SET owner = excluded.owner, until = excluded.until",
                [storable(name), storable(owner), now + length],
            )
        return Lease(name, owner, now + length, there.memo, "" if there.owner == owner else there.owner)

    def give(self, name: str, owner: str, memo: Mapping[str, object] | None = None) -> None:
        """Let a lease go; nothing happens when another has it."""
        sql = "UPDATE leases SET owner = '', until = 0, memo = coalesce(?, memo) WHERE name = ? AND owner = ?"
        with self._store.writing() as connection:
            connection.execute(sql, [None if memo is None else json.dumps(storable(memo)), storable(name), storable(owner)])

    def note(self, name: str, owner: str, memo: Mapping[str, object]) -> None:
        """Write its memo."""
        with self._store.writing() as connection:
            connection.execute(
                "UPDATE leases SET memo = ? WHERE name = ? AND owner = ?", [json.dumps(storable(memo)), name, owner]
            )

    def _read(self, name: str) -> Lease | None:
        rows = self._store.read(_LOOK, [storable(name)])
        return _lease(rows[0]) if rows else None


_LOOK = "SELECT name, owner, until, memo FROM leases WHERE name = ?"


def _lease(row: Sequence[Any]) -> Lease:
    return Lease(row[0], row[1], row[2], json.loads(row[3]))


class MongoLeases:
    """In the database of a study store."""

    def __init__(self, store: MongoStore) -> None:
        self._collection = store.beside("leases")

    def take(self, name: str, owner: str, now: int, length: int) -> Lease:
        """Take a lease that is free, over or one's own already; the lease as it stands now, whoever has it."""
        free = {"_id": storable(name), "$or": [{"owner": storable(owner)}, {"until": {"$lte": now}}]}
        taken = {"$set": {"owner": storable(owner), "until": now + length}, "$setOnInsert": {"memo": "{}"}}
        with translated():
            try:
                there = self._collection.find_one_and_update(
                    free, taken, upsert=True, return_document=pymongo.ReturnDocument.BEFORE
                )
            except pymongo.errors.DuplicateKeyError:  # another has it
                found = self._collection.find_one({"_id": storable(name)}) or {"owner": "", "until": 0, "memo": "{}"}
                return Lease(name, found["owner"], int(found["until"]), json.loads(found["memo"]))
        before, memo = ("", "{}") if there is None else (there["owner"], there["memo"])
        return Lease(name, owner, now + length, json.loads(memo), "" if before == owner else before)

    def give(self, name: str, owner: str, memo: Mapping[str, object] | None = None) -> None:
        """Let a lease go; nothing happens when another has it."""
        kept = {} if memo is None else {"memo": json.dumps(storable(memo))}
        self._set(name, owner, {"owner": "", "until": 0, **kept})

    def note(self, name: str, owner: str, memo: Mapping[str, object]) -> None:
        """Write its memo."""
        self._set(name, owner, {"memo": json.dumps(storable(memo))})

    def _set(self, name: str, owner: str, values: dict[str, Any]) -> None:
        with translated():
            self._collection.update_one({"_id": storable(name), "owner": storable(owner)}, {"$set": values})
