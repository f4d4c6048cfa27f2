"""
Leases beside each study store: what only one process may do at a time, and who does it.

A table ``leases`` in the SQLite file, a collection ``leases`` in MongoDB, a dictionary in memory.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pymongo
import pymongo.errors

from ...domain.errors import PermanentError, RetriableError
from ...domain.json_messages.kept_json import kept_object
from ...ports import Lease, Leases, Memo, StudyStore
from .json_safe import storable
from .memory import MemoryStore
from .mongo import MongoStore, translated
from .sqlite import SqliteStore
from .unreadable import UnreadableDocuments


def leases_of(store: StudyStore) -> Leases:
    """The leases in the same place as the studies."""
    if isinstance(store, SqliteStore):
        return SqliteLeases(store)
    if isinstance(store, MongoStore):
        return MongoLeases(store)
    if isinstance(store, MemoryStore):
        return MemoryLeases()
    raise PermanentError(f"there are no leases beside a {type(store).__name__}")


_TRIES = 50


def _first_beat() -> int:
    return secrets.randbits(48)


class MemoryLeases:
    """For the threads of one process."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}
        self._lock = threading.Lock()

    def take(self, name: str, owner: str, over: int | None = None) -> Lease:
        """
        Take a lease that is free, one's own already, or still at the beat ``over``; the lease as it stands
        now.
        """
        with self._lock:
            there = self._leases.get(name) or Lease(name, "", _first_beat(), {})
            if there.owner in ("", owner) or there.beat == over:
                there = self._leases[name] = replace(there, owner=owner, beat=there.beat + 1)
            return there

    def give(self, name: str, owner: str, memo: Mapping[str, object] | None = None) -> None:
        """Let a lease go; nothing happens when another has it."""
        self._write(name, owner, memo, given=True)

    def note(self, name: str, owner: str, memo: Mapping[str, object]) -> None:
        """Write its memo."""
        self._write(name, owner, memo, given=False)

    def remove(self, name: str, owner: str) -> None:
        """Let a lease go for good."""
        with self._lock:
            if name in self._leases and self._leases[name].owner == owner:
                del self._leases[name]

    def memo(self, name: str) -> Memo:
        """Read a memo."""
        with self._lock:
            return self._leases[name].memo if name in self._leases else {}

    def edit(self, name: str, change: Callable[[Memo], Memo]) -> Memo:
        """Change a memo, whoever holds the lease."""
        with self._lock:
            there = self._leases.get(name) or Lease(name, "", _first_beat(), {})
            after = self._leases[name] = replace(there, memo=dict(storable(change(there.memo))))
            return after.memo

    def all(self) -> Sequence[Lease]:
        """Those that there are, held or not."""
        with self._lock:
            return list(self._leases.values())

    def _write(self, name: str, owner: str, memo: Mapping[str, object] | None, given: bool) -> None:
        with self._lock:
            there = self._leases.get(name)
            if there is not None and there.owner == owner:
                there = replace(there, memo=there.memo if memo is None else dict(storable(memo)))
                self._leases[name] = replace(there, owner="") if given else there


class SqliteLeases:
    """In the file of a study store."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def take(self, name: str, owner: str, over: int | None = None) -> Lease:
        """
        Take a lease that is free, one's own already, or still at the beat ``over``; the lease as it stands
        now.
        """
        there = self._read(name)
        if there is not None and there.owner not in ("", owner) and there.beat != over:
            return there  # the usual case of the second process: without the write lock
        with self._store.writing() as connection:
            connection.execute(_TAKE, [storable(name), storable(owner), _first_beat(), over])
            return self._lease(connection.execute(f"{_LOOK} WHERE name = ?", [storable(name)]).fetchone())

    def give(self, name: str, owner: str, memo: Mapping[str, object] | None = None) -> None:
        """Let a lease go; nothing happens when another has it."""
        sql = "UPDATE leases SET owner = '', memo = coalesce(?, memo) WHERE name = ? AND owner = ?"
        self._write(
            sql, [None if memo is None else json.dumps(storable(memo)), storable(name), storable(owner)]
        )

    def note(self, name: str, owner: str, memo: Mapping[str, object]) -> None:
        """Write its memo."""
        sql = "UPDATE leases SET memo = ? WHERE name = ? AND owner = ?"
        self._write(sql, [json.dumps(storable(memo)), storable(name), storable(owner)])

    def remove(self, name: str, owner: str) -> None:
        """Let a lease go for good."""
        self._write("DELETE FROM leases WHERE name = ? AND owner = ?", [storable(name), storable(owner)])

    def memo(self, name: str) -> Memo:
        """Read a memo."""
        there = self._read(name)
        return there.memo if there else {}

    def edit(self, name: str, change: Callable[[Memo], Memo]) -> Memo:
        """Change a memo, whoever holds the lease."""
        with self._store.writing() as connection:
            row = connection.execute(f"{_LOOK} WHERE name = ?", [storable(name)]).fetchone()
            after: dict[str, object] = storable(change(self._lease(row).memo if row else {}))
            connection.execute(_EDIT, [storable(name), _first_beat(), json.dumps(after)])
            return after

    def all(self) -> Sequence[Lease]:
        """Those that there are, held or not."""
        return [self._lease(row) for row in self._store.read(_LOOK, [])]

    def _read(self, name: str) -> Lease | None:
        rows = self._store.read(f"{_LOOK} WHERE name = ?", [storable(name)])
        return self._lease(rows[0]) if rows else None

    def _lease(self, row: Sequence[Any]) -> Lease:
        name, owner, beat, memo = row
        return Lease(name, owner, beat, _memo(self._store.beside_unreadable, name, memo))

    def _write(self, sql: str, values: Sequence[Any]) -> None:
        with self._store.writing() as connection:
            connection.execute(sql, values)


_LOOK = "SELECT name, owner, beat, CAST(memo AS BLOB) FROM leases"
_TAKE = """
    INSERT INTO leases (name, owner, beat) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE
    SET owner = excluded.owner, beat = leases.beat + 1
    WHERE leases.owner IN ('', excluded.owner) OR leases.beat = ?
"""
_EDIT = """
    INSERT INTO leases (name, owner, beat, memo) VALUES (?, '', ?, ?)
    ON CONFLICT (name) DO UPDATE SET memo = excluded.memo
"""


def _memo(unreadable: UnreadableDocuments, name: str, text: bytes | str) -> Memo:
    """A memo; one that is damaged counts as never written, so that the lease itself can be taken."""
    return unreadable.read_once(f"memo {name!r}", text, kept_object) or {}


class MongoLeases:
    """In the database of a study store."""

    def __init__(self, store: MongoStore) -> None:
        self._collection = store.beside("leases")
        self._unreadable = store.beside_unreadable

    def take(self, name: str, owner: str, over: int | None = None) -> Lease:
        """
        Take a lease that is free, one's own already, or still at the beat ``over``; the lease as it stands
        now.
        """
        free = _free(name, owner, over)
        taken = {"$set": {"owner": storable(owner)}, "$inc": {"beat": 1}}
        with translated():
            there = self._collection.find_one_and_update(
                free, taken, return_document=pymongo.ReturnDocument.AFTER
            )
            there = there or self._make(name, owner) or self._collection.find_one({"_id": storable(name)})
        return self._lease(there) if there else Lease(name, "", 0, {})

    def give(self, name: str, owner: str, memo: Mapping[str, object] | None = None) -> None:
        """Let a lease go; nothing happens when another has it."""
        kept = {} if memo is None else {"memo": json.dumps(storable(memo))}
        self._set(name, owner, {"owner": "", **kept})

    def note(self, name: str, owner: str, memo: Mapping[str, object]) -> None:
        """Write its memo."""
        self._set(name, owner, {"memo": json.dumps(storable(memo))})

    def remove(self, name: str, owner: str) -> None:
        """Let a lease go for good."""
        with translated():
            self._collection.delete_one({"_id": storable(name), "owner": storable(owner)})

    def memo(self, name: str) -> Memo:
        """Read a memo."""
        with translated():
            there = self._collection.find_one({"_id": storable(name)})
        return self._lease(there).memo if there else {}

    def edit(self, name: str, change: Callable[[Memo], Memo]) -> Memo:
        """Change a memo, whoever holds the lease: written only where it still stands as it was read."""
        for _ in range(_TRIES):
            with translated():
                there = self._collection.find_one({"_id": storable(name)}) or self._make(name, "")
                if there is None:
                    continue  # another made it in this moment
                after: dict[str, object] = storable(change(self._lease(there).memo))
                if self._write_memo(name, there.get("memo"), after):
                    return after
        raise RetriableError(f"the memo of {name!r} is being changed by others all the time")

    def _write_memo(self, name: str, as_read: object, after: dict[str, object]) -> bool:
        """Where it still stands as it was read."""
        where = {"_id": storable(name), "memo": as_read}
        return self._collection.update_one(where, {"$set": {"memo": json.dumps(after)}}).matched_count == 1

    def all(self) -> Sequence[Lease]:
        """Those that there are, held or not."""
        with translated():
            return [self._lease(there) for there in self._collection.find()]

    def _lease(self, there: Mapping[str, Any]) -> Lease:
        name, text = str(there["_id"]), str(there.get("memo", ""))
        memo = _memo(self._unreadable, name, text)
        return Lease(name, str(there.get("owner", "")), int(there.get("beat", 0)), memo)

    def _make(self, name: str, owner: str) -> dict[str, Any] | None:
        """The first of its name; None: another has it."""
        new = {"_id": storable(name), "owner": storable(owner), "beat": _first_beat(), "memo": "{}"}
        try:
            self._collection.insert_one(new)
        except pymongo.errors.DuplicateKeyError:
            return None
        return new

    def _set(self, name: str, owner: str, values: dict[str, Any]) -> None:
        with translated():
            self._collection.update_one({"_id": storable(name), "owner": storable(owner)}, {"$set": values})


def _free(name: str, owner: str, over: int | None) -> dict[str, Any]:
    """Matches a lease of nobody's, of one's own, or still at the beat ``over``."""
    unchanged = [] if over is None else [{"beat": over or None}]  # 0: of a version that wrote no beat
    return {"_id": storable(name), "$or": [{"owner": {"$in": ["", storable(owner)]}}, *unchanged]}
