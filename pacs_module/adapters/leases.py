"""
Leases beside each study store: what only one process may do at a time, and who does it.

A table ``leases`` in the SQLite file, a collection ``leases`` in MongoDB, a dictionary in memory.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
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
            if there.owner == owner or there.until <= now:
                there = replace(there, owner=owner, until=now + length)
            self._leases[name] = there
            return there

    def give(self, name: str, owner: str, memo: Mapping[str, object] | None = None) -> None:
        """Let a lease go; nothing happens when another has it."""
        self._write(name, owner, memo, until=0)

    def note(self, name: str, owner: str, memo: Mapping[str, object]) -> None:
        """Write its memo."""
        self._write(name, owner, memo, until=None)

    def _write(self, name: str, owner: str, memo: Mapping[str, object] | None, until: int | None) -> None:
        with self._lock:
            there = self._leases.get(name)
            if there is not None and there.owner == owner:
                kept = there.memo if memo is None else dict(storable(memo))
                self._leases[name] = replace(there, until=there.until if until is None else until, memo=kept)


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
            connection.execute(
                "INSERT INTO leases (name, owner, until) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE "
                "SET owner = excluded.owner, until = excluded.until WHERE leases.owner = excluded.owner OR leases.until <= ?",
                [storable(name), storable(owner), now + length, now],
            )
        taken = self._read(name)
        assert taken is not None, "it has just been written"  # noqa: S101
        return taken

    def give(self, name: str, owner: str, memo: Mapping[str, object] | None = None) -> None:
        """Let a lease go; nothing happens when another has it."""
        sql = "UPDATE leases SET until = 0, memo = coalesce(?, memo) WHERE name = ? AND owner = ?"
        with self._store.writing() as connection:
            connection.execute(sql, [None if memo is None else json.dumps(storable(memo)), storable(name), storable(owner)])

    def note(self, name: str, owner: str, memo: Mapping[str, object]) -> None:
        """Write its memo."""
        with self._store.writing() as connection:
            connection.execute(
                "UPDATE leases SET memo = ? WHERE name = ? AND owner = ?", [json.dumps(storable(memo)), name, owner]
            )

    def _read(self, name: str) -> Lease | None:
        rows = self._store.read("SELECT name, owner, until, memo FROM leases WHERE name = ?", [storable(name)])
        return Lease(rows[0][0], rows[0][1], rows[0][2], json.loads(rows[0][3])) if rows else None


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
                found = self._collection.find_one_and_update(
                    free, taken, upsert=True, return_document=pymongo.ReturnDocument.AFTER
                )
            except pymongo.errors.DuplicateKeyError:  # another has it
                found = self._collection.find_one({"_id": storable(name)})
        if found is None:
            return Lease(name, "", 0, {})
        return Lease(name, found["owner"], int(found["until"]), json.loads(found["memo"]))

    def give(self, name: str, owner: str, memo: Mapping[str, object] | None = None) -> None:
        """Let a lease go; nothing happens when another has it."""
        kept = {} if memo is None else {"memo": json.dumps(storable(memo))}
        self._set(name, owner, {"until": 0, **kept})

    def note(self, name: str, owner: str, memo: Mapping[str, object]) -> None:
        """Write its memo."""
        self._set(name, owner, {"memo": json.dumps(storable(memo))})

    def _set(self, name: str, owner: str, values: dict[str, Any]) -> None:
        with translated():
            self._collection.update_one({"_id": storable(name), "owner": storable(owner)}, {"$set": values})
