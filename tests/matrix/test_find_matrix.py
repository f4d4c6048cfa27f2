"""
The short form of the find matrix: some habits, with an hour between the rounds; `make find-matrix` plays them all.

Asserts that nothing wanted is lost, behind or asked twice, and that the naive control fails. Not all habits are here.
"""

from __future__ import annotations

import datetime as dt

import pytest

from hospital_sim.busy_day import BusyDay, plan_busy_day

from .find_matrix import ALONE, COMBINABLE, DATE, HARMLESS, combinations, run_row

SHORT = [
    (),
    ("cap=100", "duplicate-answers", "time-range-ignored"),
    ("cap-a700=100",),
    ("empty-uid", "no-modalities-in-study", "dirty-uid"),
    ("empty-uid-everywhere",),
    ("gbk-undeclared", "overloaded"),
]


@pytest.fixture(scope="module")
def day() -> BusyDay:
    return plan_busy_day(DATE, 300, seed=1, max_slices=12)


@pytest.mark.timeout(120)
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # sockets that pynetdicom's server leaves to the collector
@pytest.mark.parametrize("habits", SHORT, ids=lambda habits: " + ".join(habits) or "no habit")
def test_nothing_wanted_is_lost(day: BusyDay, habits: tuple[str, ...]) -> None:
    outcome = run_row(day, habits, dt.timedelta(minutes=60), deadline_s=10.0)
    assert outcome.wanted > 200
    assert (outcome.lost, outcome.behind, outcome.twice) == ((), (), ())
    assert outcome.found + outcome.unpullable >= outcome.wanted
    assert habits or outcome.naive_missing < 10, "without habits it nearly succeeds"
    assert not habits or outcome.bites(baseline=10), "the naive control must fail"


def test_the_matrix_is_what_it_says() -> None:
    rows = combinations(1)
    assert len(rows) == len(set(rows)) == 10
    assert rows == combinations(1) != combinations(2)
    assert {habit for row in rows for habit in row} <= set(COMBINABLE)
    assert {habit for row in ALONE for habit in row} >= HARMLESS
