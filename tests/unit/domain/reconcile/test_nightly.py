"""When the nightly reconciliation is due, and which days it compares."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest

from pacs_module.domain.reconcile.nightly import MOST_CATCH_UP, days_of, due_night

THREE = time(3, 0)
TONIGHT = date(2026, 11, 26)
EVENING = datetime(2026, 11, 25, 18, 0)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 26, hour, minute)


@pytest.mark.parametrize(
    ("now", "last", "started", "due"),
    [
        (at(2, 59), None, EVENING, None),
        (at(3), None, EVENING, TONIGHT),
        (at(23), None, EVENING, TONIGHT),
        (at(3, 1), TONIGHT, EVENING, None),
        (at(3, 1), date(2026, 11, 25), EVENING, TONIGHT),
        (at(9), None, at(8), None),
        (at(9), date(2026, 11, 25), at(8), TONIGHT),
        (at(9), date(2026, 11, 27), at(8), TONIGHT),
    ],
    ids=[
        "too early",
        "due",
        "still due",
        "done",
        "the next",
        "first start by day",
        "down at night",
        "noted by a clock that was ahead",
    ],
)
def test_a_night(now: datetime, last: date | None, started: datetime, due: date | None) -> None:
    assert due_night(now, THREE, last, started) == due


def test_usually_yesterday_is_compared() -> None:
    assert days_of(TONIGHT, None, 1) == days_of(TONIGHT, date(2026, 11, 25), 1) == [date(2026, 11, 25)]
    assert days_of(TONIGHT, date(2026, 11, 25), 3) == [date(2026, 11, day) for day in (23, 24, 25)]


def test_nights_that_were_missed_are_made_up_for() -> None:
    assert days_of(TONIGHT, date(2026, 11, 23), 1) == [date(2026, 11, day) for day in (23, 24, 25)]
    assert len(days_of(TONIGHT, date(2026, 1, 1), 1)) == MOST_CATCH_UP
