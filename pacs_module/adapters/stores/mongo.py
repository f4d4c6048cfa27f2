"""
The study store in MongoDB: for sites that have one, and where several machines share the work.

Collection ``study_info_list``, ``_id`` = ``studyUID``, field names as in the operator contract. Keys inside
sub-documents that hold dots (the SeriesInstanceUIDs under ``series``) are percent-encoded:
``series.1%2E2%2E840``; the UID stands in the value, too.

Reads and, on a replica set, writes are repeated once by the driver after a lost connection. On a single
server a write whose connection broke may or may not have happened: it is reported as retriable, and each one
is safe to repeat after reading again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import bson.errors
import pymongo
import pymongo.errors
from pymongo.collection import Collection
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from ...domain.errors import ConfigurationError, PermanentError, StoreAway, StoreLost, Unreadable, about
from ...domain.study.priority import EMERGENCY, GREEN_CHANNEL, MANUAL, ROUTINE
from ...domain.study.study import WORK, Study
from ...ports import AnyOf, AtLeast, AtMost, Exists, Identity, Order, Where
from .emptied import Emptied
from .json_safe import (
    decode_keys,
    document_to_study,
    encode_keys,
    storable,
    study_to_document,
    study_to_listing,
)
from .questions import NamedQuestions
from .reference_query import claim_order, due_field
from .rows.mongo import INDEXES as LIST_INDEXES
from .rows.mongo import MongoLists, unlisted
from .rows.mongo_judged import FIELD as LISTING
from .rows.mongo_judged import VERSIONS, JudgedDays
from .unreadable import UnreadableDocuments

COLLECTION = "study_info_list"
HEADERS = "judged_headers"
INSTALLATION = "installation"
"""The collection and the document that say which store it is."""
SCHEMA = 1
"""Counted up when an older version could not work with the documents."""
_SERVER_WAIT_MS = 5_000
_ANSWER_WAIT_MS = 20_000
_NAMES = ("studyDate", "state", "accessionNumber", "patientID", "seriesUIDs", "pseudonymUID")
_INDEXED = (*_NAMES, "pull.status", *(due_field(work) for work in WORK))

# Server errors that pass by themselves (src/mongo/base/error_codes.yml): write conflicts, time limits,
# shutdowns, elections; a cursor that a server started since does not know (43), a query that was killed (175,
# 237, 11601), a full disk (14031).
_PASSING_CODES = frozenset(
    {6, 7, 43, 50, 64, 89, 91, 112, 175, 189, 237, 262, 9001, 10107, 11600, 11601, 11602, 13435, 13436, 14031}
)

_ON_DISK = WriteConcern("majority", wtimeout=_ANSWER_WAIT_MS, j=True)

_PRIMARY = ReadPreference.PRIMARY
_KEPT = ReadConcern("majority")
"""Only what a majority has, so that no election takes it back; a single server has no majority."""

Documents = Collection[dict[str, Any]]


class MongoStore(NamedQuestions):
    """
    Studies in one database.

    Args:
        client_or_url: A ``mongodb://`` URL, or a client that the caller made and closes.
        database: Name of the database.
    """

    def __init__(self, client_or_url: str | pymongo.MongoClient[dict[str, Any]], database: str) -> None:
        self._own = isinstance(client_or_url, str)
        with translated():
            self._client = _connect(client_or_url) if isinstance(client_or_url, str) else client_or_url
            self._database = self._client[database]
            self._replicated = isinstance(client_or_url, str) and is_replica_set(client_or_url)
            self._collection = self.beside(COLLECTION)
        self._prepared = False
        self._unreadable = UnreadableDocuments()
        self.beside_unreadable = UnreadableDocuments()
        """Of leases and ledger, which read by way of this store."""
        self._indexed: set[str] = set()
        self._known: Identity | None = None
        self._emptied = Emptied()
        self._judged = JudgedDays(lambda: self.beside(VERSIONS))
        self.lists = MongoLists(self._documents, self._judged)

    def beside(self, name: str) -> Documents:
        """
        A collection of the same database, written as safely.

        Read at the primary, whatever the URL says: a claim that was just written must be seen. What only an
        old primary has, and an election takes back, is not read: such a member answers "not primary" or
        waits.
        """
        if not self._replicated:
            return self._database.get_collection(name, read_preference=_PRIMARY, write_concern=_ON_DISK)
        return self._database.get_collection(
            name, read_preference=_PRIMARY, write_concern=_ON_DISK, read_concern=_KEPT
        )

    def collections(self) -> list[str]:
        """The names of all collections of the database that are ours."""
        with translated():
            names = self._database.list_collection_names()
        return sorted(name for name in names if not name.startswith("system."))

    def get(self, study_uid: str) -> Study | None:
        """The study, or None."""
        with self._documents() as documents:
            document = documents.find_one({"_id": storable(study_uid)})
        return None if document is None else document_to_study(decode_keys(document))

    def insert(self, study: Study) -> bool:
        """Write a new study; False when its UID is there already."""
        document = _document(study, 1)
        try:
            with self._documents() as documents:
                self._judged.inserting(document[LISTING])
                documents.insert_one(document)
        except _AlreadyThere:
            return False
        study.revision = 1
        return True

    def replace(self, study: Study) -> bool:
        """Write a study back if nobody wrote it in between."""
        revision = study.revision + 1
        document = _document(study, revision)
        with self._documents() as documents:
            key = {"_id": storable(study.study_uid), "revision": study.revision}
            self._judged.replacing(documents, key, document[LISTING])
            written = documents.replace_one(key, document).matched_count == 1
        if written:
            study.revision = revision
        return written

    def remove_many(self, studies: Sequence[Study]) -> set[str]:
        """Remove studies one by one; the UIDs of those that nobody wrote in between."""
        gone = set()
        with self._documents() as documents:
            for study in studies:
                key = {"_id": storable(study.study_uid), "revision": study.revision}
                self._judged.removing(documents, key)
                self._count_removal()  # before: a store that is emptied by us is never taken for lost
                if documents.delete_one(key).deleted_count:
                    gone.add(study.study_uid)
                    self.beside(HEADERS).delete_one({"_id": storable(study.study_uid)})
        return gone

    def _count_removal(self) -> None:
        self.beside(INSTALLATION).update_one({"_id": INSTALLATION}, {"$inc": {"removals": 1}})

    def scrub(self, before: str) -> None:
        """MongoDB writes over the space of what was removed in its own time (see docs/security.md)."""

    def claim(
        self, work: str, owner: str, now: int, lease: int, where: Where | None = None, order: Order = ()
    ) -> Study | None:
        """Take the first study that is due for a kind of work."""
        due = compile_where({**(where or {}), due_field(work): AtMost(now)})
        change = {
            "$set": {due_field(work): now + lease, f"claims.{work}": storable(owner)},
            "$inc": {"revision": 1},
        }
        order = list(claim_order(work, order))
        self._index(work)
        while True:
            with self._documents() as documents:
                taken = documents.find_one_and_update(
                    {**due, **self._readable()},
                    change,
                    sort=order,
                    return_document=pymongo.ReturnDocument.AFTER,
                )
            if taken is None:
                return None
            study = self._unreadable.read(taken["_id"], decode_keys(taken), document_to_study)
            if study is not None:
                return study

    def _readable(self) -> dict[str, Any]:
        """Matches all documents but those that could not be read."""
        unreadable = list(self._unreadable.all())
        return {"_id": {"$nin": unreadable}} if unreadable else {}

    def count_due(self, work: str) -> int:
        """How many studies have work of a kind."""
        self._index(work)
        return super().count_due(work)

    def next_with(self, work: str, limit: int) -> list[Study]:
        """The studies that have work of a kind, the first to be due first."""
        self._index(work)
        return super().next_with(work, limit)

    def _index(self, work: str) -> None:
        """The work of destinations gets an index at its first claim."""
        if work not in WORK and work not in self._indexed:
            with self._documents() as documents:
                documents.create_index([(due_field(work), pymongo.ASCENDING)])
            self._indexed.add(work)

    def find(self, where: Where, order: Order = (), limit: int | None = None) -> list[Study]:
        """The studies for which all conditions hold."""
        if limit == 0:  # to MongoDB 0 means without limit
            return []
        with self._documents() as documents:
            found = documents.find(compile_where(where), sort=list(order) or None, limit=limit or 0)
            named = [(document["_id"], decode_keys(document)) for document in found]
        return self._unreadable.read_all(named, document_to_study)

    def count(self, where: Where) -> int:
        """How many studies :meth:`find` would give."""
        with self._documents() as documents:
            return documents.count_documents(compile_where(where))

    def next_due(self, work: str) -> int | None:
        """The earliest due time of all studies."""
        field = due_field(work)
        with self._documents() as documents:
            first = documents.find_one({field: {"$exists": True}}, {field: 1}, sort=[(field, 1)])
        return int(first["due"][work]) if first else None

    def identity(self) -> Identity:
        """
        Which store it is; the first to ask draws its id.

        Raises:
            StoreLost: There was one, and it is gone: the database was dropped.
            PermanentError: A newer version made it.
        """
        with translated():
            return self._look()

    def _look(self) -> Identity:
        with self._documents() as documents:
            there = self._installation()
            studies = documents.find_one({}, {"_id": 1}) is not None
        found = Identity(str(there["installation"]), str(there["madeAt"])) if there else None
        if found is None or found != (self._known or found):
            what = "emptied" if found is None else "replaced by that of another installation"
            raise _lost(what)
        _check_schema(there)
        self._known = found
        self._emptied.look(studies, "in MongoDB", int(there.get("removals", 0)))
        return found

    def _installation(self) -> dict[str, Any]:
        """The document that names the installation, made by who opens the store first; empty: it is gone."""
        kept = self.beside(INSTALLATION)
        if self._known is None:
            made_at = datetime.now(UTC).isoformat(timespec="milliseconds")
            new = {"installation": uuid.uuid4().hex, "madeAt": made_at, "schema": SCHEMA}
            kept.update_one({"_id": INSTALLATION}, {"$setOnInsert": new}, upsert=True)
        return kept.find_one({"_id": INSTALLATION}) or {}

    def recover(self) -> str:
        """Begin anew: what a database has lost is nowhere else in it."""
        try:
            self.identity()
        except StoreLost:
            self._known, self._prepared, self._emptied = None, False, Emptied()
            self._indexed.clear()
            self._judged.forget()
            return f"begun anew as {self.identity().installation}; its studies are lost"
        return ""

    def unreadable(self) -> Mapping[str, str]:
        """The documents that could not be read."""
        return self._unreadable.all()

    def unreadable_beside(self) -> Mapping[str, str]:
        """The memos and entries that could not be read."""
        return self.beside_unreadable.all()

    def close(self) -> None:
        """Close the client, unless it was given."""
        if self._own:
            self._client.close()

    @contextmanager
    def _documents(self) -> Iterator[Documents]:
        # Indexes are made at the first use, not in __init__: pacs_module may start before MongoDB does.
        # Threads may make them at the same time, which MongoDB allows; behind a lock they would wait for a
        # server that is away one after the other.
        with translated():
            if not self._prepared:
                _prepare(self._collection)
                self._prepared = True
            yield self._collection


def is_replica_set(url: str) -> bool:
    """
    Whether a URL names a replica set: ``?replicaSet=rs0``, or ``mongodb+srv://``, whose DNS record does.
    """
    options = urlsplit(url).query.lower()
    return url.startswith("mongodb+srv:") or any(one.startswith("replicaset=") for one in options.split("&"))


def _connect(url: str) -> pymongo.MongoClient[dict[str, Any]]:
    try:
        return pymongo.MongoClient(
            url,
            appname="pacs_module",
            # no UTF-8: costs its characters, not each query that meets it
            unicode_decode_error_handler="replace",
            serverSelectionTimeoutMS=_SERVER_WAIT_MS,
            connectTimeoutMS=_SERVER_WAIT_MS,
            socketTimeoutMS=_ANSWER_WAIT_MS + _SERVER_WAIT_MS,
        )
    except (
        ValueError,
        pymongo.errors.ConfigurationError,
    ) as error:  # the URL itself is not shown: a password may stand in it
        raise ConfigurationError(
            "store.url", "mongodb:...", "mongodb://user:password@host:port/database, escaped"
        ) from error


def _prepare(documents: Documents) -> None:
    documents.create_index([("studyUID", pymongo.ASCENDING)], unique=True)
    for field in _INDEXED:
        documents.create_index([(field, pymongo.ASCENDING)])
    for priority in (ROUTINE, GREEN_CHANNEL, EMERGENCY, MANUAL):  # written before there was a rank
        documents.update_many(
            {"rank": {"$exists": False}, "priority": priority}, {"$set": {"rank": priority}}
        )
    for index in LIST_INDEXES:
        documents.create_index(list(index))
    _list_all(documents)


def _list_all(documents: Documents) -> None:
    """
    Give the studies of an earlier version their rows; one that somebody writes meanwhile gets it from him.
    """
    for document in documents.find(unlisted()):
        try:
            study = document_to_study(decode_keys(document))
        except Unreadable:
            study = Study(document["_id"])
        key = {"_id": document["_id"], "revision": document.get("revision")}
        documents.update_one(key, {"$set": {LISTING: study_to_listing(study)}})


def _document(study: Study, revision: int) -> dict[str, Any]:
    document = {**study_to_document(study), "revision": revision}
    return {"_id": document["studyUID"], **encode_keys(document), LISTING: study_to_listing(study)}


def compile_where(where: Where) -> dict[str, Any]:
    """Conditions in MongoDB's own words."""
    return {field: _condition(value) for field, value in where.items()}


def _condition(value: Any) -> Any:
    if isinstance(value, Exists):
        return {"$exists": value.yes}
    if isinstance(value, AnyOf):
        return {"$in": [storable(item) for item in value.values]}
    if isinstance(value, AtMost):
        return {"$lte": storable(value.value)}
    if isinstance(value, AtLeast):
        return {"$gte": storable(value.value)}
    return {"$eq": encode_keys(storable(value))} if isinstance(value, Mapping) else storable(value)


class _AlreadyThere(PermanentError):
    """A study with that UID is there."""


@contextmanager
def translated() -> Iterator[None]:
    """Foreign errors as ours."""
    with about("store in MongoDB"), _in_our_words():
        yield


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except pymongo.errors.DuplicateKeyError as error:
        raise _AlreadyThere("MongoDB: the study is there already") from error
    except pymongo.errors.PyMongoError as error:
        raise _ours(error) from error
    except (bson.errors.BSONError, OverflowError) as error:
        raise PermanentError(f"MongoDB cannot hold this document: {error}") from error


def _passes(error: pymongo.errors.PyMongoError) -> bool:
    if isinstance(error, pymongo.errors.ConnectionFailure) or error.timeout:
        return True
    if error.has_error_label("RetryableWriteError") or error.has_error_label("TransientTransactionError"):
        return True
    return isinstance(error, pymongo.errors.OperationFailure) and error.code in _PASSING_CODES


def _ours(error: pymongo.errors.PyMongoError) -> StoreAway | PermanentError:
    """The driver's error as ours; who does not answer, and why, before all that the driver knows."""
    kind = StoreAway if _passes(error) else PermanentError
    if isinstance(error, pymongo.errors.ConnectionFailure):
        words, _, rest = str(error).partition(" (configured timeouts")
        return kind(f"MongoDB: {words}", rest)
    return kind(f"MongoDB: {type(error).__name__}", str(error))


def _check_schema(there: Mapping[str, Any]) -> None:
    schema = there.get("schema", SCHEMA)
    if schema > SCHEMA:
        raise PermanentError(
            f"the store in MongoDB was written by a newer version (schema {schema}, known {SCHEMA})"
        )


def _lost(what: str) -> StoreLost:
    return StoreLost(f"the store in MongoDB was {what} while it was in use; it is begun anew in a moment")
