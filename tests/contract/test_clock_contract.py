"""What use cases rely on of a clock: the machine's, and the one that tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pacs_module.adapters.machine import SystemClock
from pacs_module.ports import Clock
from tests.fakes.world import FakeClock


@pytest.fixture(params=[SystemClock(ZoneInfo("UTC")), FakeClock()], ids=["the machine's", "the fake"])
def clock(request: pytest.FixtureRequest) -> Clock:
    found: Clock = request.param
    return found


def test_now_is_a_whole_number_of_milliseconds_of_this_century(clock: Clock) -> None:
    now = clock.now()
    assert isinstance(now, int)
    assert (
        datetime(2020, 1, 1, tzinfo=UTC)
        < datetime.fromtimestamp(now / 1000, UTC)
        < datetime(2100, 1, 1, tzinfo=UTC)
    )


def test_today_is_the_day_of_now(clock: Clock) -> None:
    days = {datetime.fromtimestamp(clock.now() / 1000, UTC).date(), clock.today()}
    assert max(days) - min(days) <= timedelta(days=1)


def test_the_steady_clock_never_goes_back(clock: Clock) -> None:
    readings = [clock.steady() for _ in range(100)]
    assert readings == sorted(readings)
    assert all(isinstance(reading, int) for reading in readings)


def test_setting_the_clock_moves_now_and_not_the_steady_one() -> None:
    fake = FakeClock()
    before = (fake.now(), fake.steady())
    fake.jump(-3600)
    assert (fake.now() - before[0], fake.steady() - before[1]) == (-3_600_000, 0)
