"""
The short form of the find matrix: some habits, a smaller day, two hours between the rounds; `make
find-matrix` plays them all.

Asserts that nothing wanted is lost, behind or asked twice, and that the naive control fails. Not here: the
other habits, and the control of text through a real Orthanc.
"""

from __future__ import annotations

import datetime as dt
import functools

import pytest

from hospital_sim.busy_day.day import BusyDay
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs.habits import HABITS, Area, Habits

from .control import Missing, bites, control
from .find_matrix import DATE
from .play import run_row
from .rows import (
    ABOUT_IMAGES,
    ALONE,
    COMBINABLE,
    EXCLUSIVE,
    NOT_ABOUT_FINDING,
    combinations,
    must_bite,
    name_of,
)

PATIENCE_S = 60.0
"""For a PACS without habits: an answer that came too late would count as missing."""
SHORT = [
    (90, ("cap=50", "duplicate-answers", "time-range-ignored")),
    (30, ("empty-uid", "late-series", "no-counts")),
    (16, ("gbk-undeclared", "no-series-level", "overloaded")),
]


@functools.cache
def day(studies: int) -> BusyDay:
    return plan_busy_day(DATE, studies, seed=1, max_slices=12)


@functools.cache
def baseline(studies: int) -> Missing:
    return control(day(studies), (), PATIENCE_S, every=True)


def test_without_habits_the_naive_control_nearly_succeeds() -> None:
    assert baseline(30).keys() == {"STUDY", "SERIES", "IMAGE", "FOREIGN"}
    assert max(baseline(30).values()) < 5


@pytest.mark.parametrize(
    ("studies", "habits"), SHORT, ids=lambda value: " + ".join(value) if isinstance(value, tuple) else None
)
def test_nothing_wanted_is_lost(studies: int, habits: tuple[str, ...]) -> None:
    outcome = run_row(day(studies), habits, dt.timedelta(hours=2))
    assert outcome.wanted > 0.6 * studies
    assert (outcome.lost, outcome.behind, outcome.twice, outcome.strange) == ((), (), (), ())
    assert outcome.found + outcome.unpullable >= outcome.wanted
    assert bites(outcome.missing, baseline(studies)), "the naive control must fail"


def test_every_habit_that_a_find_can_meet_is_a_row() -> None:
    met = {habit.name for habit in HABITS if habit.area not in (Area.MOVE, Area.IDENTITY)} - ABOUT_IMAGES
    assert {habit.split("=")[0] for row in ALONE for habit in row} == met
    for row in ALONE:
        Habits.of(*row)


def test_the_threes_are_random_seeded_and_possible() -> None:
    rows = combinations(1)
    assert len(rows) == len(set(rows)) == 10
    assert rows == combinations(1) != combinations(2)
    for row in rows:
        assert set(row) <= set(COMBINABLE)
        assert not any(pair <= set(row) for pair in EXCLUSIVE)
        assert must_bite(row)


def test_what_is_not_about_finding_is_named() -> None:
    harmless = {row for row in ALONE if not must_bite(row)}
    assert {name_of(habit) for row in harmless for habit in row} == set(NOT_ABOUT_FINDING)
    assert not must_bite(("slow=0.05", "utf8"))
    assert must_bite(("slow=0.05", "cap=100"))
