"""
What was judged of a day in MongoDB: counted once, and again only when one of the day's studies is judged
anew.

A day has a version. It is counted up before a study is written whose verdicts or day differ, so that a count
is never older than its version says. Between that and the write itself a reader may count the study as it
was: what was counted is kept only when the version has stood still for longer than a write can take.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import pymongo.errors
from pymongo.collection import Collection

from ....domain.explain.listing import JudgedOfDay, judged_of_day

Documents = Collection[dict[str, Any]]
Groups = tuple[JudgedOfDay, ...]
FIELD = "listing"
VERSIONS = "judged_days"
"""The collection of the versions: ``_id`` the day, ``version``, ``at`` when it was counted up (epoch ms)."""
SETTLED_MS = 60_000
"""No write lasts so long, and no clock of ours is wrong by so much."""
_MOST_DAYS = 100
"""Days whose counted verdicts are remembered: a quarter."""
_DAY = f"{FIELD}.row.day"
_TOLD = {f"{FIELD}.judged": 1, _DAY: 1}


def _now() -> int:
    return int(time.time() * 1000)


class JudgedDays:
    """
    The days' versions, and what was counted.

    Args:
        versions: Gives the collection of the versions.
        now: Epoch milliseconds.
    """

    def __init__(self, versions: Callable[[], Documents], now: Callable[[], int] = _now) -> None:
        self._versions, self._now = versions, now
        self._days: dict[str, tuple[int, Groups]] = {}
        """What was judged of each day, with the day's version; those that were counted last."""
        self._lock = threading.Lock()

    def inserting(self, listing: Mapping[str, Any]) -> None:
        """A new study is about to be written."""
        if listing["judged"]:
            self._count_up({_day_of(listing)})

    def replacing(self, documents: Documents, key: Mapping[str, Any], listing: Mapping[str, Any]) -> None:
        """The study with this key is about to be written; most writes change nothing of its verdicts."""
        before = documents.find_one(key, _TOLD)
        known = (before or {}).get(FIELD)
        if before is None or (known and _told(known) == _told(listing)):
            return
        self._count_up({_day_of(listing), *([_day_of(known)] if known else [])})

    def removing(self, documents: Documents, key: Mapping[str, Any]) -> None:
        """The study with this key is about to be removed."""
        known = (documents.find_one(key, _TOLD) or {}).get(FIELD)
        if known:
            self._count_up({_day_of(known)})

    def forget(self) -> None:
        """Nothing that was counted holds any more."""
        with self._lock:
            self._days.clear()

    def between(self, documents: Documents, first_day: str, last_day: str) -> list[JudgedOfDay]:
        """What was judged on these days, both included."""
        span = {"$gte": first_day, "$lte": last_day}
        versions = {one["_id"]: one for one in self._versions().find({"_id": span})}
        known = self._known(first_day, last_day, versions)
        found = _counted(documents.find({_DAY: {**span, "$nin": list(known)}}, _TOLD))
        self._keep(found, versions)
        days = {**known, **found}
        return [group for day in sorted(days) for group in days[day]]

    def _known(self, first_day: str, last_day: str, versions: Mapping[str, Any]) -> dict[str, Groups]:
        with self._lock:
            days = dict(self._days)
        return {
            day: groups
            for day, (version, groups) in days.items()
            if first_day <= day <= last_day and version == _version(versions, day)
        }

    def _keep(self, found: Mapping[str, Groups], versions: Mapping[str, Any]) -> None:
        latest = self._now() - SETTLED_MS
        settled = [day for day in found if versions.get(day, {}).get("at", 0) <= latest]
        with self._lock:
            for day in settled:
                self._days.pop(day, None)
                self._days[day] = (_version(versions, day), found[day])
            while len(self._days) > _MOST_DAYS:
                del self._days[next(iter(self._days))]

    def _count_up(self, days: Iterable[str]) -> None:
        change = {"$inc": {"version": 1}, "$set": {"at": self._now()}}
        versions = self._versions()
        for day in days:
            # Another process may make the day's version in the same moment: then it is there to be changed.
            with suppress(pymongo.errors.DuplicateKeyError):
                versions.update_one({"_id": day}, change, upsert=True)
                continue
            versions.update_one({"_id": day}, change)


def _version(versions: Mapping[str, Any], day: str) -> int:
    return int(versions.get(day, {}).get("version", 0))


def _day_of(listing: Mapping[str, Any]) -> str:
    return str(listing["row"].get("day", ""))


def _told(listing: Mapping[str, Any]) -> tuple[str, list[Any]]:
    return _day_of(listing), listing.get("judged", [])


def _counted(documents: Iterable[Mapping[str, Any]]) -> dict[str, Groups]:
    by_day: dict[str, list[tuple[str, list[list[Any]]]]] = {}
    for one in documents:
        listing = one[FIELD]
        by_day.setdefault(_day_of(listing), []).append((one["_id"], listing.get("judged", [])))
    # Sorted here: a server sorts so many only in its memory's limits.
    return {day: judged_of_day(sorted(studies, key=_uid)) for day, studies in by_day.items()}


def _uid(study: tuple[str, Any]) -> str:
    return study[0]
