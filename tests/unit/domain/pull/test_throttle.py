"""Hours and rates in which a PACS is spared."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.pull.throttle import Hours, PacsLimits, RateMeter, allowance, meter_memo, meter_of
from pacs_module.domain.study.priority import BACKLOG, EMERGENCY, MANUAL

THURSDAY = datetime(2020, 6, 18, 9, tzinfo=UTC)
NOW = int(THURSDAY.timestamp() * 1000)
RUSH = Hours(time(8), time(11), frozenset(range(5)), parallel=1, least=EMERGENCY)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2020, 6, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("local", "held"),
    [
        (at(18, 7, 59), False),
        (at(18, 8), True),
        (at(18, 10, 59), True),
        (at(18, 11), False),
        (at(20, 9), False),
    ],
)
def test_hours_of_some_days(local: datetime, held: bool) -> None:
    assert RUSH.hold_at(local) is held


@pytest.mark.parametrize(
    ("local", "held"),
    [(at(19, 22), True), (at(20, 5, 59), True), (at(20, 6), False), (at(20, 22), False), (at(19, 5), False)],
)
def test_hours_over_midnight_belong_to_the_day_they_begin_on(local: datetime, held: bool) -> None:
    assert Hours(time(22), time(6), frozenset({4})).hold_at(local) is held


def test_in_rush_hours_fewer_at_once_and_only_what_is_urgent() -> None:
    limits = PacsLimits(parallel=4, hours=(RUSH, Hours(time(8), time(9, 30), parallel=2, least=MANUAL)))
    held = allowance(limits, RateMeter(), at(18, 9), NOW)
    assert (held.places, held.least) == (1, MANUAL)
    assert held.why == (
        "spared from 08:00 to 11:00: 1 at once, priority 2 and above; spared from 08:00 to 09:30: "
        "2 at once, priority 4 and above"
    )
    free = allowance(limits, RateMeter(), at(18, 12), NOW)
    assert (free.places, free.least, free.why) == (4, BACKLOG, "")


def test_rates_hold_the_others_and_let_emergencies_through() -> None:
    limits = PacsLimits(pulls=60, images=3600)
    meter = RateMeter().started(limits, 120, NOW)
    held = allowance(limits, meter, THURSDAY, NOW + 1)
    assert (held.places, held.least) == (1, EMERGENCY)
    assert held.why == "60 pulls an hour: the next in 60 s; 3600 images an hour: the next in 120 s"
    assert allowance(limits, meter, THURSDAY, NOW + 60_000).why == "3600 images an hour: the next in 60 s"
    assert allowance(limits, meter, THURSDAY, NOW + 120_000).why == ""


def test_without_limits_nothing_is_counted() -> None:
    assert RateMeter().started(PacsLimits(), 1000, NOW) == RateMeter()


def test_the_meter_is_kept_as_plain_values() -> None:
    meter = RateMeter(NOW, NOW + 1)
    assert meter_of(meter_memo(meter)) == meter
    assert meter_of({}) == RateMeter() == meter_of({"pullsAt": "x"})


@given(st.integers(1, 500), st.lists(st.integers(0, 600_000), max_size=60))
def test_never_more_an_hour_than_allowed(per_hour: int, pauses: list[int]) -> None:
    limits, meter, now, starts = PacsLimits(pulls=per_hour), RateMeter(), NOW, []
    for pause in pauses:
        now += pause
        if not allowance(limits, meter, THURSDAY, now).why:
            starts.append(now)
            meter = meter.started(limits, 1, now)
    for first in starts:
        assert len([start for start in starts if first <= start < first + 3_600_000]) <= per_hour + 1
