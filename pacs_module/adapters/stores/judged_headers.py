"""
The judged headers beside each study store: a table in the SQLite file, a collection in MongoDB, a dictionary
in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import bson
import pymongo
import pymongo.errors

from ...domain.errors import PermanentError
from ...ports import DaySize, HeaderRecords, StoredRecord, StudyStore
from .json_safe import storable
from .memory import MemoryStore
from .mongo import HEADERS, MongoStore, translated
from .sqlite import SqliteStore

_AT_ONCE = 1000
"""Records that are read with one statement."""


def records_of(store: StudyStore) -> HeaderRecords:
    """The records in the same place as the studies."""
    if isinstance(store, SqliteStore):
        return SqliteRecords(store)
    if isinstance(store, MongoStore):
        return MongoRecords(store)
    if isinstance(store, MemoryStore):
        return MemoryRecords()
    raise PermanentError(f"there are no records beside a {type(store).__name__}")


class MemoryRecords:
    """For tests and for trying things out."""

    def __init__(self) -> None:
        self._records: dict[str, StoredRecord] = {}
        self._lock = threading.Lock()

    def get(self, study_uid: str) -> StoredRecord | None:
        """The record of a study."""
        return self._records.get(study_uid)

    def put(self, record: StoredRecord, before: bytes | None) -> bool:
        """Write a record if nobody wrote it in between."""
        with self._lock:
            there = self._records.get(record.study_uid)
            if (None if there is None else there.data) != before:
                return False
            self._records[record.study_uid] = record
            return True

    def between(self, first: str, last: str) -> Iterator[StoredRecord]:
        """The records of these days."""
        found = [one for one in list(self._records.values()) if first <= one.day <= last]
        yield from sorted(found, key=lambda one: (one.day, one.study_uid))

    def days(self) -> list[DaySize]:
        """The days that have records."""
        sizes: dict[str, DaySize] = {}
        for one in sorted(self._records.values(), key=lambda one: one.day):
            known = sizes.get(one.day, DaySize(one.day, 0, 0))
            sizes[one.day] = DaySize(one.day, known.studies + 1, known.size + len(one.data))
        return list(sizes.values())

    def purge(self, before: str) -> int:
        """Drop the records of the days before this one."""
        with self._lock:
            old = [uid for uid, one in self._records.items() if one.day < before]
            for uid in old:
                del self._records[uid]
            return len(old)


class SqliteRecords:
    """In the file of a study store."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def get(self, study_uid: str) -> StoredRecord | None:
        """The record of a study."""
        rows = self._store.read(f"{_ALL} WHERE studyUID = ?", [storable(study_uid)])
        return StoredRecord(*rows[0]) if rows else None

    def put(self, record: StoredRecord, before: bytes | None) -> bool:
        """Write a record if nobody wrote it in between."""
        uid, day, data = storable(record.study_uid), record.day, record.data
        with self._store.writing() as connection:
            if before is None:
                written = connection.execute(_INSERT, [uid, day, data]).fetchall()
            else:
                written = connection.execute(_UPDATE, [day, data, uid, before]).fetchall()
        return bool(written)

    def between(self, first: str, last: str) -> Iterator[StoredRecord]:
        """The records of these days, some at a time: no read lasts long."""
        after = (first, "")
        while True:
            rows = self._store.read(_BETWEEN, [*after, last, _AT_ONCE])
            yield from (StoredRecord(*row) for row in rows)
            if len(rows) < _AT_ONCE:
                return
            after = (rows[-1][1], rows[-1][0])

    def days(self) -> list[DaySize]:
        """The days that have records."""
        return [DaySize(*row) for row in self._store.read(_DAYS, [])]

    def purge(self, before: str) -> int:
        """Drop the records of the days before this one, some at a time: no lock is held for long."""
        number = 0
        while True:
            with self._store.writing() as connection:
                gone = len(connection.execute(_PURGE, [before, _AT_ONCE]).fetchall())
            number += gone
            if gone < _AT_ONCE:
                return number


_ALL = "SELECT studyUID, day, data FROM judged_headers"
_INSERT = "INSERT OR IGNORE INTO judged_headers (studyUID, day, data) VALUES (?, ?, ?) RETURNING 1"
_UPDATE = "UPDATE judged_headers SET day = ?, data = ? WHERE studyUID = ? AND data = ? RETURNING 1"
_BETWEEN = f"{_ALL} WHERE (day, studyUID) > (?, ?) AND day <= ? ORDER BY day, studyUID LIMIT ?"
_DAYS = "SELECT day, count(*), sum(length(data)) FROM judged_headers GROUP BY day ORDER BY day"
_PURGE = """
    DELETE FROM judged_headers
    WHERE studyUID IN (SELECT studyUID FROM judged_headers WHERE day < ? LIMIT ?) RETURNING 1
"""


class MongoRecords:
    """In the database of a study store."""

    def __init__(self, store: MongoStore) -> None:
        self._collection = store.beside(HEADERS)
        self._prepared = False

    def get(self, study_uid: str) -> StoredRecord | None:
        """The record of a study."""
        with translated():
            found = self._collection.find_one({"_id": storable(study_uid)})
        return None if found is None else _record(found)

    def put(self, record: StoredRecord, before: bytes | None) -> bool:
        """Write a record if nobody wrote it in between."""
        uid = storable(record.study_uid)
        document = {"_id": uid, "day": record.day, "data": bson.Binary(record.data), "size": len(record.data)}
        with translated():
            self._prepare()
            if before is not None:
                same = {"_id": uid, "data": bson.Binary(before)}
                return self._collection.replace_one(same, document).matched_count == 1
            try:
                self._collection.insert_one(document)
            except pymongo.errors.DuplicateKeyError:
                return False
        return True

    def between(self, first: str, last: str) -> Iterator[StoredRecord]:
        """The records of these days."""
        with translated():
            self._prepare()
            found = self._collection.find({"day": {"$gte": first, "$lte": last}}, sort=[("day", 1)])
            for document in found.batch_size(_AT_ONCE):
                yield _record(document)

    def days(self) -> list[DaySize]:
        """The days that have records."""
        group = {"_id": "$day", "studies": {"$sum": 1}, "size": {"$sum": "$size"}}
        with translated():
            found = list(self._collection.aggregate([{"$group": group}, {"$sort": {"_id": 1}}]))
        return [DaySize(one["_id"], int(one["studies"]), int(one["size"])) for one in found]

    def purge(self, before: str) -> int:
        """Drop the records of the days before this one."""
        with translated():
            return self._collection.delete_many({"day": {"$lt": before}}).deleted_count

    def _prepare(self) -> None:
        if not self._prepared:
            self._collection.create_index([("day", pymongo.ASCENDING)])
            self._prepared = True


def _record(document: dict[str, Any]) -> StoredRecord:
    return StoredRecord(document["_id"], document["day"], bytes(document["data"]))
