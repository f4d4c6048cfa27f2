"""
Which days MongoDB's documents are counted of again for the filter page: those that changed, and no others.

The documents are in memory; that a real server gives the same numbers is the contract suite's part
(tests/contract/store/test_lists_contract.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pacs_module.adapters.stores.rows.mongo_judged import SETTLED_MS, JudgedDays

FIRST, SECOND = "2026-11-01", "2026-11-02"


def listing(day: str, value: str, series: int = 1) -> dict[str, Any]:
    return {
        "row": {"day": day},
        "judged": [["filtered", "body part", "BodyPartExamined", value, "CT", "", series]],
    }


class Documents:
    """Finds by day; remembers how many documents it has read."""

    def __init__(self, **studies: dict[str, Any]) -> None:
        self.studies = studies
        self.read = 0

    def find(self, where: Mapping[str, Any], keys: object) -> list[dict[str, Any]]:
        (span,) = where.values()
        found = [
            {"_id": uid, "listing": told}
            for uid, told in self.studies.items()
            if span["$gte"] <= told["row"]["day"] <= span["$lte"] and told["row"]["day"] not in span["$nin"]
        ]
        self.read += len(found)
        return found

    def find_one(self, key: Mapping[str, Any], keys: object) -> dict[str, Any] | None:
        told = self.studies.get(key["_id"])
        return None if told is None else {"_id": key["_id"], "listing": told}


class Versions:
    """The collection of the versions."""

    def __init__(self) -> None:
        self.days: dict[str, dict[str, Any]] = {}

    def find(self, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [{"_id": day, **told} for day, told in self.days.items()]

    def update_one(self, key: Mapping[str, Any], change: Mapping[str, Any], upsert: bool = False) -> None:
        told = self.days.setdefault(key["_id"], {"version": 0})
        told["version"] += change["$inc"]["version"]
        told["at"] = change["$set"]["at"]


class World:
    """Two days with a study each, and a clock."""

    def __init__(self) -> None:
        self.now = 10 * SETTLED_MS
        self.versions = Versions()
        self.documents = Documents(**{"1.1": listing(FIRST, "THX"), "1.2": listing(SECOND, "HEAD")})
        self.days = JudgedDays(lambda: self.versions, lambda: self.now)  # type: ignore[arg-type,return-value]

    def write(self, uid: str, told: dict[str, Any]) -> None:
        """As the store does it: the day's version is counted up first."""
        self.days.replacing(self.documents, {"_id": uid}, told)  # type: ignore[arg-type]
        self.documents.studies[uid] = told

    def ask(self) -> tuple[dict[str, int], int]:
        """Series by value, and how many documents were read for it."""
        before = self.documents.read
        found = self.days.between(self.documents, FIRST, SECOND)  # type: ignore[arg-type]
        return {one.value: one.series for one in found}, self.documents.read - before


@pytest.fixture
def world() -> World:
    return World()


def test_a_day_is_counted_once(world: World) -> None:
    assert world.ask() == ({"THX": 1, "HEAD": 1}, 2)
    assert world.ask() == ({"THX": 1, "HEAD": 1}, 0)


def test_a_day_that_changed_is_counted_until_its_version_stands_still(world: World) -> None:
    world.ask()
    world.write("1.2", listing(SECOND, "HEAD", 3))
    assert world.ask() == ({"THX": 1, "HEAD": 3}, 1)
    assert world.ask()[1] == 1, "the write that was told may still be on its way"
    world.now += SETTLED_MS
    assert world.ask()[1] == 1
    assert world.ask() == ({"THX": 1, "HEAD": 3}, 0)


def test_a_write_that_judges_nothing_anew_costs_no_count(world: World) -> None:
    world.ask()
    world.write("1.2", listing(SECOND, "HEAD"))
    assert world.versions.days == {}
    assert world.ask()[1] == 0


def test_a_corrected_date_changes_both_days(world: World) -> None:
    world.ask()
    world.write("1.1", listing(SECOND, "THX"))
    assert set(world.versions.days) == {FIRST, SECOND}
    assert world.ask() == ({"THX": 1, "HEAD": 1}, 2)


def test_a_count_that_began_before_the_write_is_not_kept(world: World) -> None:
    """Told, not written yet, counted by somebody else, then written: the old number must not last."""
    world.ask()
    world.days.replacing(world.documents, {"_id": "1.2"}, listing(SECOND, "HEAD", 9))  # type: ignore[arg-type]
    assert world.ask() == ({"THX": 1, "HEAD": 1}, 1)
    world.documents.studies["1.2"] = listing(SECOND, "HEAD", 9)
    assert world.ask() == ({"THX": 1, "HEAD": 9}, 1)


def test_a_removed_study_and_a_store_that_was_begun_anew(world: World) -> None:
    world.ask()
    world.days.removing(world.documents, {"_id": "1.1"})  # type: ignore[arg-type]
    del world.documents.studies["1.1"]
    assert world.ask() == ({"HEAD": 1}, 0)
    world.documents.studies.clear()
    world.days.forget()
    assert world.ask() == ({}, 0)
