"""
Rows in MongoDB: the key ``listing`` of each document, read by projection and found by indexes of its own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pymongo
from pymongo.collection import Collection

from ....domain.explain.listing import (
    LAYOUT,
    NOT_WANTED,
    Act,
    JudgedOfDay,
    Place,
    RowFilter,
    RowOrder,
    StudyRow,
    cleaned,
    read_acts,
    read_row,
    upload_state,
)
from ....domain.explain.sent import SENT_KEYS, SentStudy, due_key, read_sent
from .mongo_judged import FIELD, JudgedDays

Documents = Collection[dict[str, Any]]
DEVICES_S = 300.0
"""So long a list of devices is good enough to choose from, in seconds."""
_KEYS = {
    RowOrder.NEWEST: f"{FIELD}.newest",
    RowOrder.OLDEST: f"{FIELD}.newest",
    RowOrder.CHANGED: f"{FIELD}.row.changedAt",
    RowOrder.ACCESSION: f"{FIELD}.row.accessionNumber",
    RowOrder.PATIENT: f"{FIELD}.row.patientID",
}
_FIRST_SEEN = f"{FIELD}.row.firstSeenAt"
_ARRIVAL = {"_id": 0, f"{FIELD}.row.day": 1, _FIRST_SEEN: 1}
INDEXES = (
    *(((key, 1), (f"{FIELD}.row.studyUID", 1)) for key in dict.fromkeys(_KEYS.values())),
    ((f"{FIELD}.row.state", 1), (f"{FIELD}.newest", 1)),
    ((f"{FIELD}.row.day", 1), (_FIRST_SEEN, 1)),
    ((f"{FIELD}.row.device", 1), (f"{FIELD}.newest", 1)),
    ((f"{FIELD}.acts.at", 1),),
    ((f"{FIELD}.layout", 1),),
)


def unlisted() -> dict[str, Any]:
    """The condition of documents that have no row, or one of an earlier layout."""
    return {f"{FIELD}.layout": {"$ne": LAYOUT}}


class MongoLists:
    """
    Reads the rows; ``documents`` gives the collection with errors translated, ``judged`` what the days count.
    """

    def __init__(
        self, documents: Callable[[], AbstractContextManager[Documents]], judged: JudgedDays
    ) -> None:
        self._documents, self._judged = documents, judged
        self._devices: dict[str, tuple[float, list[str]]] = {}
        """By the first day: when they were read, and all of them."""

    def rows(self, wanted: RowFilter, order: RowOrder, after: Place | None, limit: int) -> list[StudyRow]:
        """The rows that are asked for, in their order."""
        if limit == 0:  # to MongoDB 0 means without limit
            return []
        key, uid = _KEYS[order], f"{FIELD}.row.studyUID"
        where = _where(wanted)
        if after is not None:
            beyond = "$lt" if order.descending else "$gt"
            same = {key: after.key, uid: {beyond: after.study_uid}}
            where.append({"$or": [{key: {beyond: after.key}}, same]})
        way = pymongo.DESCENDING if order.descending else pymongo.ASCENDING
        with self._documents() as documents:
            found = documents.find(
                _all(where), {f"{FIELD}.row": 1}, sort=[(key, way), (uid, way)], limit=limit
            )
            return [_row(one) for one in found]

    def count_rows(self, wanted: RowFilter, most: int) -> int:
        """How many rows are asked for, at most ``most``."""
        with self._documents() as documents:
            return documents.count_documents(_all(_where(wanted)), limit=most)

    def rows_of_days(self, days: Sequence[str]) -> list[StudyRow]:
        """All rows of some days."""
        with self._documents() as documents:
            return [_row(one) for one in documents.find(_days(list(days)), {f"{FIELD}.row": 1})]

    def first_seen_on(self, days: Sequence[str]) -> list[tuple[str, str]]:
        """Study date and first find of each study of some days, out of the index alone."""
        wanted = {**_days(list(days)), _FIRST_SEEN: {"$gt": ""}}
        with self._documents() as documents:
            rows = [one[FIELD]["row"] for one in documents.find(wanted, _ARRIVAL)]
        return [(row["day"], row["firstSeenAt"]) for row in rows]

    def judged_between(self, first_day: str, last_day: str) -> list[JudgedOfDay]:
        """What was judged on these days; a day is counted again only when one of its studies changed."""
        with self._documents() as documents:
            return self._judged.between(documents, first_day, last_day)

    def uploads_of_day(self, day: str) -> list[tuple[str, str]]:
        """Destination and state of each upload of a day's studies."""
        wanted = {"studyDate": day, "uploads": {"$exists": True}}
        with self._documents() as documents:
            found = list(documents.find(wanted, {"uploads.destination": 1, "uploads.state": 1}))
        return [upload_state(one) for document in found for one in document["uploads"]]

    def sent_with(self, work: str, limit: int) -> list[SentStudy]:
        """What goes to destinations, of the studies with work of a kind."""
        if limit == 0:  # to MongoDB 0 means without limit
            return []
        with self._documents() as documents:
            found = documents.find({due_key(work): {"$exists": True}}, _SENT)
            return _sent(found.sort([(due_key(work), 1), ("studyUID", 1)]).limit(limit))

    def results_of_day(self, day: str) -> list[SentStudy]:
        """The same of a day's studies with results."""
        told = [{f"{key}.0": {"$exists": True}} for key in _CAME_BACK]
        with self._documents() as documents:
            return _sent(documents.find({"studyDate": day, "$or": told}, _SENT))

    def devices(self, since: str, most: int) -> list[str]:
        """
        The devices that made studies from this day on, as of the last minutes: all these are read for it.
        """
        known = self._devices.get(since)
        if known is None or time.monotonic() - known[0] > DEVICES_S:
            with self._documents() as documents:
                found = documents.distinct(f"{FIELD}.row.device", {f"{FIELD}.row.day": {"$gte": since}})
            known = time.monotonic(), sorted(str(device) for device in found)
            self._devices = {since: known}
        return known[1][:most]

    def acts(self, before: str, limit: int) -> list[Act]:
        """What people did, the newest first."""
        at = f"{FIELD}.acts.at"
        where: dict[str, Any] = {at: {"$lt": before}} if before else {at: {"$exists": True}}
        steps: list[dict[str, Any]] = [
            {"$match": where},
            {"$project": {"acts": f"${FIELD}.acts"}},
            {"$unwind": "$acts"},
            *([{"$match": {"acts.at": {"$lt": before}}}] if before else []),
            {"$sort": {"acts.at": -1, "acts.studyUID": -1}},
            {"$limit": limit},
        ]
        with self._documents() as documents:
            return list(read_acts(one["acts"] for one in documents.aggregate(steps)))


_SENT = dict.fromkeys(SENT_KEYS, 1)
_CAME_BACK = ("results", "refusedResults")


def _sent(documents: Iterable[dict[str, Any]]) -> list[SentStudy]:
    read = (read_sent(one) for one in documents)
    return [one for one in read if one is not None]


def _days(days: list[str]) -> dict[str, Any]:
    return {f"{FIELD}.row.day": {"$in": days}}


def _where(wanted: RowFilter) -> list[dict[str, Any]]:
    wanted, row = cleaned(wanted), f"{FIELD}.row"
    asked: list[dict[str, Any]] = []
    if wanted.state:
        asked.append({f"{row}.state": "" if wanted.state == NOT_WANTED else wanted.state})
    equal = {
        "accessionNumber": wanted.accession_number,
        "patientID": wanted.patient_id,
        "studyUID": wanted.study_uid,
        "modality": wanted.modality,
        "pacs": wanted.pacs,
        "device": wanted.device,
    }
    asked += [{f"{row}.{name}": value} for name, value in equal.items() if value]
    if wanted.priority is not None:
        asked.append({f"{row}.priority": wanted.priority})
    if wanted.first_day:
        asked.append({f"{row}.day": {"$gte": wanted.first_day}})
    if wanted.last_day:
        asked.append({f"{row}.day": {"$lte": wanted.last_day}})
    asked += [{f"{FIELD}.search": {"$regex": re.escape(word)}} for word in wanted.words]
    return asked


def _all(where: list[dict[str, Any]]) -> dict[str, Any]:
    return {"$and": where} if where else {}


def _row(document: dict[str, Any]) -> StudyRow:
    return read_row(document[FIELD]["row"])
