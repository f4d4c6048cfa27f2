"""
The ledger beside each study store: a table in the SQLite file, a collection in MongoDB, a dictionary in
memory.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pymongo
import pymongo.errors

from ...domain.errors import PermanentError
from ...domain.json_messages.documents import from_document, to_document
from ...domain.json_messages.kept_json import kept_document
from ...domain.report_exchange.entry import Entry, EntryKind, EntryState
from ...ports import Ledger, StudyStore
from ..stores.json_safe import decode_keys, encode_keys, storable
from ..stores.memory import MemoryStore
from ..stores.mongo import MongoStore, translated
from ..stores.sqlite import SqliteStore
from ..stores.sqlite_schema import set_entry_aside

COLLECTION = "ledger"
_AT_ONCE = 500
"""Entries that are read with one statement."""


def ledger_of(store: StudyStore) -> Ledger:
    """The ledger in the same place as the studies."""
    if isinstance(store, SqliteStore):
        return SqliteLedger(store)
    if isinstance(store, MongoStore):
        return MongoLedger(store)
    if isinstance(store, MemoryStore):
        return MemoryLedger()
    raise PermanentError(f"there is no ledger beside a {type(store).__name__}")


def _document(entry: Entry) -> dict[str, Any]:
    """As it is stored: with the revision that it has from now on."""
    document: dict[str, Any] = storable(to_document(replace(entry, revision=entry.revision + 1)))
    return document


def _entry(document: Mapping[str, Any]) -> Entry:
    return from_document(Entry, document)


class MemoryLedger:
    """For tests and for trying things out."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], dict[str, Any]] = {}
        self._lock = threading.Lock()

    def get(self, kind: EntryKind, key: str) -> Entry | None:
        """The entry."""
        found = self._entries.get((kind.value, str(storable(key))))
        return None if found is None else _entry(found)

    def put(self, entry: Entry) -> bool:
        """Write an entry if nobody wrote it in between."""
        document = _document(entry)
        place = (document["kind"], document["key"])
        with self._lock:
            there = self._entries.get(place)
            if (0 if there is None else there["revision"]) != entry.revision:
                return False
            self._entries[place] = document
            return True

    def due(self, kind: EntryKind, now: int, limit: int) -> list[Entry]:
        """The entries that are to be sent by now."""
        found = [one for one in self._of(kind) if one.due is not None and one.due <= now]
        return sorted(found, key=lambda one: (one.due, one.key))[:limit]

    def between(self, kind: EntryKind, first: str, last: str) -> Iterator[Entry]:
        """The entries of these days."""
        found = [one for one in self._of(kind) if first <= one.day <= last]
        yield from sorted(found, key=lambda one: (one.day, one.key))

    def bodies(self, kind: EntryKind, first: str, last: str) -> list[Mapping[str, Any]]:
        """What the entries of these days say."""
        return [one.body for one in self._of(kind) if first <= one.day <= last]

    def in_state(self, kind: EntryKind, state: EntryState, limit: int) -> list[Entry]:
        """The entries in a state."""
        found = [one for one in self._of(kind) if one.state is state]
        return sorted(found, key=lambda one: (one.day, one.key), reverse=True)[:limit]

    def counts(self, kind: EntryKind) -> dict[EntryState, int]:
        """How many there are in each state."""
        return dict(Counter(one.state for one in self._of(kind)))

    def remove(self, entry: Entry) -> bool:
        """Drop an entry that nobody wrote in between."""
        place = (entry.kind.value, str(storable(entry.key)))
        with self._lock:
            there = self._entries.get(place)
            if there is None or there["revision"] != entry.revision:
                return False
            del self._entries[place]
            return True

    def purge(self, kind: EntryKind, before: str) -> int:
        """Drop old entries that were sent."""
        with self._lock:
            old = [
                place
                for place, one in self._entries.items()
                if place[0] == kind.value and one["day"] < before and one["state"] == EntryState.SENT.value
            ]
            for place in old:
                del self._entries[place]
            return len(old)

    def _of(self, kind: EntryKind) -> list[Entry]:
        return [_entry(one) for place, one in list(self._entries.items()) if place[0] == kind.value]


class SqliteLedger:
    """In the file of a study store."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def get(self, kind: EntryKind, key: str) -> Entry | None:
        """The entry."""
        rows = self._store.read(f"{_ALL} AND key = ?", [kind.value, storable(key)])
        return self._entry(rows[0]) if rows else None

    def put(self, entry: Entry) -> bool:
        """Write an entry if nobody wrote it in between."""
        told = _document(entry)
        values, place = _columns(told), [told["kind"], told["key"]]
        with self._store.writing() as connection:
            if entry.revision == 0:
                return bool(connection.execute(_INSERT, [*place, *values]).fetchall())
            return bool(connection.execute(_UPDATE, [*values, *place, entry.revision]).fetchall())

    def due(self, kind: EntryKind, now: int, limit: int) -> list[Entry]:
        """The entries that are to be sent by now."""
        return self._read(f"{_ALL} AND due <= ? ORDER BY due, key LIMIT ?", [kind.value, now, limit])

    def between(self, kind: EntryKind, first: str, last: str) -> Iterator[Entry]:
        """The entries of these days, some at a time: no read lasts long."""
        after = [first, ""]
        while found := self._read(_BETWEEN, [kind.value, *after, last, _AT_ONCE]):
            yield from found
            after = [found[-1].day, found[-1].key]

    def bodies(self, kind: EntryKind, first: str, last: str) -> list[Mapping[str, Any]]:
        """What the entries of these days say; nothing else of them is read."""
        rows = self._store.read(_BODIES, [kind.value, first, last])
        return [json.loads(body) for (body,) in rows if body]

    def in_state(self, kind: EntryKind, state: EntryState, limit: int) -> list[Entry]:
        """The entries in a state."""
        return self._read(_IN_STATE, [kind.value, state.value, limit])

    def counts(self, kind: EntryKind) -> dict[EntryState, int]:
        """How many there are in each state."""
        return {EntryState(state): number for state, number in self._store.read(_COUNTS, [kind.value])}

    def remove(self, entry: Entry) -> bool:
        """Drop an entry that nobody wrote in between."""
        with self._store.writing() as connection:
            values = [entry.kind.value, storable(entry.key), entry.revision]
            return bool(connection.execute(_REMOVE, values).fetchall())

    def purge(self, kind: EntryKind, before: str) -> int:
        """Drop old entries that were sent, some at a time: no lock is held for long."""
        number = 0
        while True:
            with self._store.writing() as connection:
                gone = len(connection.execute(_PURGE, [kind.value, before, _AT_ONCE]).fetchall())
            number += gone
            if gone < _AT_ONCE:
                return number

    def _read(self, sql: str, values: list[Any]) -> list[Entry]:
        found = (self._entry(row) for row in self._store.read(sql, values))
        return [entry for entry in found if entry is not None]

    def _entry(self, row: Sequence[Any]) -> Entry | None:
        """An entry; None for one that is damaged: it is set aside, and as if it had never been written."""
        place, text = row
        entry = self._store.beside_unreadable.read_once(f"ledger entry {place}", text, _read_entry)
        if entry is None:
            with self._store.writing() as connection:
                set_entry_aside(connection, place)
        return entry


def _read_entry(text: bytes) -> Entry:
    return kept_document(Entry, text)


_ALL = "SELECT rowid, CAST(document AS BLOB) FROM ledger WHERE kind = ?"
_INSERT = """
    INSERT OR IGNORE INTO ledger (kind, key, day, state, due, revision, document)
    VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING 1
"""
_UPDATE = """
    UPDATE ledger SET day = ?, state = ?, due = ?, revision = ?, document = ?
    WHERE kind = ? AND key = ? AND revision = ? RETURNING 1
"""
_IN_STATE = f"{_ALL} AND state = ? ORDER BY day DESC, key DESC LIMIT ?"
_BETWEEN = f"{_ALL} AND (day, key) > (?, ?) AND day <= ? ORDER BY day, key LIMIT ?"
_BODIES = """
    SELECT CASE WHEN json_valid(document) THEN json_extract(document, '$.body') END FROM ledger
    WHERE kind = ? AND day BETWEEN ? AND ?
"""
_COUNTS = "SELECT state, count(*) FROM ledger WHERE kind = ? GROUP BY state"
_REMOVE = "DELETE FROM ledger WHERE kind = ? AND key = ? AND revision = ? RETURNING 1"
_PURGE = """
    DELETE FROM ledger WHERE (kind, key) IN
    (SELECT kind, key FROM ledger WHERE kind = ? AND state = 'sent' AND day < ? LIMIT ?)
    RETURNING 1
"""


class MongoLedger:
    """In the database of a study store."""

    def __init__(self, store: MongoStore) -> None:
        self._collection = store.beside(COLLECTION)
        self._prepared = False

    def get(self, kind: EntryKind, key: str) -> Entry | None:
        """The entry."""
        with translated():
            found = self._collection.find_one({"_id": _id(kind.value, str(storable(key)))})
        return None if found is None else _entry(decode_keys(found))

    def put(self, entry: Entry) -> bool:
        """Write an entry if nobody wrote it in between."""
        told = _document(entry)
        document = {**encode_keys(told), "_id": _id(told["kind"], told["key"])}
        with translated():
            self._prepare()
            if entry.revision:
                same = {"_id": document["_id"], "revision": entry.revision}
                return self._collection.replace_one(same, document).matched_count == 1
            try:
                self._collection.insert_one(document)
            except pymongo.errors.DuplicateKeyError:
                return False
        return True

    def due(self, kind: EntryKind, now: int, limit: int) -> list[Entry]:
        """The entries that are to be sent by now."""
        return self._find({"kind": kind.value, "due": {"$lte": now}}, [("due", 1), ("key", 1)], limit)

    def between(self, kind: EntryKind, first: str, last: str) -> Iterator[Entry]:
        """The entries of these days."""
        wanted = {"kind": kind.value, "day": {"$gte": first, "$lte": last}}
        with translated():
            self._prepare()
            for document in self._collection.find(wanted, sort=[("day", 1), ("key", 1)]).batch_size(_AT_ONCE):
                yield _entry(decode_keys(document))

    def bodies(self, kind: EntryKind, first: str, last: str) -> list[Mapping[str, Any]]:
        """What the entries of these days say."""
        wanted = {"kind": kind.value, "day": {"$gte": first, "$lte": last}}
        with translated():
            self._prepare()
            found = list(self._collection.find(wanted, {"body": 1}))
        return [decode_keys(one)["body"] for one in found]

    def in_state(self, kind: EntryKind, state: EntryState, limit: int) -> list[Entry]:
        """The entries in a state."""
        return self._find({"kind": kind.value, "state": state.value}, [("day", -1), ("key", -1)], limit)

    def counts(self, kind: EntryKind) -> dict[EntryState, int]:
        """How many there are in each state."""
        steps: list[Mapping[str, Any]] = [
            {"$match": {"kind": kind.value}},
            {"$group": {"_id": "$state", "number": {"$sum": 1}}},
        ]
        with translated():
            found = list(self._collection.aggregate(steps))
        return {EntryState(one["_id"]): int(one["number"]) for one in found}

    def remove(self, entry: Entry) -> bool:
        """Drop an entry that nobody wrote in between."""
        which = {"_id": _id(entry.kind.value, entry.key), "revision": entry.revision}
        with translated():
            return self._collection.delete_one(which).deleted_count == 1

    def purge(self, kind: EntryKind, before: str) -> int:
        """Drop old entries that were sent."""
        wanted = {"kind": kind.value, "state": EntryState.SENT.value, "day": {"$lt": before}}
        with translated():
            return self._collection.delete_many(wanted).deleted_count

    def _find(self, wanted: Mapping[str, Any], order: list[tuple[str, int]], limit: int) -> list[Entry]:
        with translated():
            self._prepare()
            return [
                _entry(decode_keys(one)) for one in self._collection.find(wanted, sort=order, limit=limit)
            ]

    def _prepare(self) -> None:
        if not self._prepared:
            for fields in (("due",), ("day",), ("state", "day", "key")):
                self._collection.create_index([(field, pymongo.ASCENDING) for field in ("kind", *fields)])
            self._prepared = True


def _id(kind: str, key: str) -> str:
    return f"{kind} {key}"


def _columns(told: Mapping[str, Any]) -> list[Any]:
    """What is kept beside kind and key: what is asked for, and the document."""
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return [told["day"], told["state"], told.get("due"), told["revision"], text]
