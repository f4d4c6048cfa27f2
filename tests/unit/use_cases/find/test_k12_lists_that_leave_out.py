"""
K12: PACS whose lists leave out what they have, for minutes or now and then: nothing is called gone, by finds and by
the reconciliation; what is really gone is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import pytest

from pacs_module.domain.dicom.attributes import Attributes
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.rules.switches import Switches
from pacs_module.use_cases.find.ask_window import AskWindow
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.use_cases.reconcile.ask_devices import AskDevices
from pacs_module.use_cases.reconcile.reconcile import Reconcile, ReconcilePolicy
from tests.fakes.pipeline import UID, Pipeline, answer
from tests.fakes.world import DAY

YESTERDAY = DAY - timedelta(days=1)
TODAY_S = [answer(f"{UID}.{n}", 50, StudyTime=f"08{n:02d}00", AccessionNumber=f"A{n}") for n in range(1, 6)]
BEFORE = [answer(f"{UID}.9{n}", 50, StudyDate="20200617", AccessionNumber=f"B{n}") for n in range(3)]

Habit = Callable[[Pipeline, int, Mapping[str, str], list[Attributes]], list[Attributes]]
"""What becomes of the right answers to the n-th query."""


def even_minutes(
    world: Pipeline, _n: int, _query: Mapping[str, str], right: list[Attributes]
) -> list[Attributes]:
    return [] if world.clock.now() // 60_000 % 2 == 0 else right


def every(period: int) -> Habit:
    return lambda _world, n, _query, right: [] if n % period == 0 else right


def by_lot(_world: Pipeline, n: int, _query: Mapping[str, str], right: list[Attributes]) -> list[Attributes]:
    return [] if random.Random(n).random() < 0.5 else right


def lists_lack_one(
    _world: Pipeline, _n: int, query: Mapping[str, str], right: list[Attributes]
) -> list[Attributes]:
    """An archive node that lists do not show, and that a question by UID reaches."""
    if "StudyInstanceUID" in query:
        return right
    return [one for one in right if one["StudyInstanceUID"] != f"{UID}.3"]


def only_by_uid(
    _world: Pipeline, _n: int, query: Mapping[str, str], right: list[Attributes]
) -> list[Attributes]:
    return right if "StudyInstanceUID" in query else []


HABITS: dict[str, Habit] = {
    "even minutes": even_minutes, "every second": every(2), "every third": every(3), "by lot": by_lot,
    "lists lack one": lists_lack_one, "only by UID": only_by_uid,
}  # fmt: skip


class Lying(Pipeline):
    """Has found both days; from then on the PACS has the habit."""

    def __init__(self) -> None:
        super().__init__()
        self.pacs.studies["A"] = [*TODAY_S, *BEFORE]
        for _ in range(4):
            self.find("A", DAY)
            self.find("A", YESTERDAY)

    def takes(self, habit: Habit) -> None:
        answered, number = self.pacs.find, 0

        def find(
            pacs: str, level: str, query: Mapping[str, str], return_keys: Sequence[str] = ()
        ) -> list[Attributes]:
            nonlocal number
            number += 1
            return habit(self, number, query, answered(pacs, level, query, return_keys))

        self.pacs.find = find  # type: ignore[method-assign]

    def finds(self, times: int = 150) -> None:
        for _ in range(times):
            self.clock.pass_seconds(10)
            self.find("A", DAY)
            self.find("A", YESTERDAY)

    def gone(self) -> set[str]:
        return {study.study_uid for study in self.store.find({}) if study.pacs["A"].gone_at}

    def told(self) -> int:
        return [words for words, _ in self.log.events].count(
            "a PACS leaves out of its lists what it has: nothing is called gone"
        )


@pytest.mark.parametrize("habit", HABITS)
def test_nothing_is_called_gone_where_lists_leave_out_what_the_pacs_has(habit: str) -> None:
    world = Lying()
    world.takes(HABITS[habit])
    world.finds()
    assert world.gone() == set()
    assert habit not in ("even minutes", "lists lack one", "only by UID") or world.told() >= 1


def test_a_list_that_always_lacks_one_is_told_once() -> None:
    world = Lying()
    world.takes(lists_lack_one)
    world.finds()
    assert world.told() == 1


def test_what_is_really_gone_is_called_gone_one_study_and_a_whole_day() -> None:
    world = Lying()
    world.pacs.studies["A"] = [*TODAY_S[1:], *BEFORE]
    world.finds(60)
    assert world.gone() == {f"{UID}.1"}
    world.pacs.studies["A"] = BEFORE
    world.finds(60)
    assert world.gone() == {one["StudyInstanceUID"] for one in TODAY_S}


def test_a_question_by_uid_that_fails_proves_nothing() -> None:
    def fails(
        _world: Pipeline, _n: int, query: Mapping[str, str], right: list[Attributes]
    ) -> list[Attributes]:
        if "StudyInstanceUID" in query:
            raise RetriableError("association refused")
        return right[1:]

    world = Lying()
    world.takes(fails)
    world.finds()
    assert world.gone() == set()


@pytest.mark.parametrize("habit", ["even minutes", "lists lack one", "only by UID"])
def test_a_reconciliation_does_not_believe_such_a_list(habit: str) -> None:
    world = Lying()
    world.takes(HABITS[habit])
    ask = AskWindow(MatchedFinder(world.pacs, world.log), world.log, ("CT",))
    devices = AskDevices(world.pacs, world.log, {})
    world.clock.pass_seconds(60 - world.clock.now() // 1000 % 60)
    world.clock.pass_seconds(60 * (world.clock.now() // 60_000 % 2))  # an even minute
    compare = Reconcile(
        world.store,
        ask,
        devices,
        world.clock,
        world.log,
        Switches(),
        ("A",),
        ReconcilePolicy(),
        lambda _: None,
    )
    (listed,) = compare([DAY]).answered
    assert not listed.complete
    assert habit == "even minutes" or listed.studies == 5


MANY = [
    answer(f"{UID}.7{n}", 50, StudyTime=f"{8 + n // 6:02d}{n % 6 * 10:02d}00", AccessionNumber=f"M{n}", PatientID=f"P{n}")
    for n in range(48)
]  # fmt: skip
CAPS: dict[str, Callable[[Pipeline, int], int]] = {
    "from now on": lambda _world, _n: 20,
    "by the hour": lambda world, _n: 20 if world.clock.now() // 3_600_000 % 2 else 1000,
    "every second query": lambda _world, n: 20 if n % 2 else 1000,
    "by lot": lambda _world, n: random.Random(n).choice([13, 20, 30, 1000]),
    "shrinking": lambda _world, n: max(11, 40 - n // 20),
    "growing": lambda _world, n: 11 + n // 20,
    "a handful": lambda _world, _n: 3,
}


def matches(study: Mapping[str, str], query: Mapping[str, str]) -> bool:
    """As a PACS does, with ranges of StudyTime and beginnings of names."""
    begin, _, end = query.get("StudyTime", "000000-235959").partition("-")
    others = {key: text for key, text in query.items() if key != "StudyTime" and text}
    return begin <= study["StudyTime"] <= end and all(
        study.get(key, "").startswith(text.rstrip("*")) for key, text in others.items()
    )


def capped(cap: Callable[[Pipeline, int], int], oldest: bool) -> Habit:
    """A list is cut in silence; the oldest or the newest studies are what is left of it."""

    def habit(
        world: Pipeline, n: int, query: Mapping[str, str], _right: list[Attributes]
    ) -> list[Attributes]:
        held: list[Attributes] = [one for one in world.pacs.studies["A"] if matches(one, query)]
        told = sorted(held, key=lambda one: one["StudyTime"])
        most = cap(world, n)
        return told[:most] if oldest else told[-most:]

    return habit


@pytest.mark.parametrize("oldest", [True, False], ids=["oldest", "newest"])
@pytest.mark.parametrize("cap", CAPS)
def test_k12_a_cap_that_comes_later_or_changes_hides_no_new_study_and_calls_none_gone(
    cap: str, oldest: bool
) -> None:
    world = Lying()
    world.pacs.studies["A"] = [*MANY, *BEFORE]
    for _ in range(8):
        world.clock.pass_seconds(60)
        world.find("A", DAY)
    assert len(world.store.find({"studyDate": DAY.isoformat()})) >= len(MANY)
    world.takes(capped(CAPS[cap], oldest))
    world.finds(20)
    late = answer(f"{UID}.888", 50, StudyTime="235000" if oldest else "000500", AccessionNumber="LATE")
    world.pacs.studies["A"] = [*MANY, late, *BEFORE]
    world.finds(60)
    assert world.store.get(f"{UID}.888") is not None, "beyond the cap"
    assert {uid for uid in world.gone() if uid.startswith(f"{UID}.7")} == set()
