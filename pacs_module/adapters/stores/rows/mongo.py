"""
Rows in MongoDB: the key ``listing`` of each document, read by projection and found by indexes of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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
    judged_of_day,
    read_acts,
    read_row,
)

Documents = Collection[dict[str, Any]]
FIELD = "listing"
_KEYS = {
    RowOrder.NEWEST: f"{FIELD}.newest",
    RowOrder.CHANGED: f"{FIELD}.row.changedAt",
    RowOrder.ACCESSION: f"{FIELD}.row.accessionNumber",
    RowOrder.PATIENT: f"{FIELD}.row.patientID",
}
INDEXES = (
    *(((key, 1), (f"{FIELD}.row.studyUID", 1)) for key in _KEYS.values()),
    ((f"{FIELD}.row.state", 1), (f"{FIELD}.newest", 1)),
    ((f"{FIELD}.row.day", 1),),
    ((f"{FIELD}.row.device", 1), (f"{FIELD}.newest", 1)),
    ((f"{FIELD}.acts.at", 1),),
    ((f"{FIELD}.layout", 1),),
)


def unlisted() -> dict[str, Any]:
    """The condition of documents that have no row, or one of an earlier layout."""
    return {f"{FIELD}.layout": {"$ne": LAYOUT}}


class MongoLists:
    """Reads the rows; ``documents`` gives the collection with errors translated."""

    def __init__(self, documents: Callable[[], AbstractContextManager[Documents]]) -> None:
        self._documents = documents

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

    def judged_between(self, first_day: str, last_day: str) -> list[JudgedOfDay]:
        """What was judged on these days."""
        span = {f"{FIELD}.row.day": {"$gte": first_day, "$lte": last_day}}
        with self._documents() as documents:
            found = documents.find(span, {f"{FIELD}.judged": 1, f"{FIELD}.row.day": 1})
            by_day: dict[str, list[tuple[str, list[list[Any]]]]] = {}
            for one in found.sort("_id", pymongo.ASCENDING):
                listing = one[FIELD]
                by_day.setdefault(listing["row"]["day"], []).append((one["_id"], listing.get("judged", [])))
        return [group for day in sorted(by_day) for group in judged_of_day(by_day[day])]

    def devices(self, since: str, most: int) -> list[str]:
        """The devices that made studies from this day on."""
        with self._documents() as documents:
            found = documents.distinct(f"{FIELD}.row.device", {f"{FIELD}.row.day": {"$gte": since}})
        return sorted(str(device) for device in found)[:most]

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
