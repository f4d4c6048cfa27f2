"""Growing pauses."""

from datetime import timedelta

import pytest

from pacs_module.domain.retry import RetryPolicy, lasts

POLICY = RetryPolicy(attempts=4, first=timedelta(seconds=30), longest=timedelta(minutes=3))


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 30), (2, 60), (3, 120), (4, 180), (5, 180), (10_000, 180), (0, 30), (-5, 30)]
)
def test_pauses_double_up_to_the_longest(attempt: int, seconds: int) -> None:
    assert POLICY.pause_after(attempt) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("attempt", "over"), [(1, False), (3, False), (4, True), (5, True)])
def test_attempts_are_limited(attempt: int, over: bool) -> None:
    assert POLICY.exhausted(attempt) is over


def test_a_first_pause_above_the_longest_is_the_longest() -> None:
    assert RetryPolicy(first=timedelta(hours=1)).pause_after(1) == timedelta(minutes=30)


@pytest.mark.parametrize(("now", "on"), [(999, False), (1_000, True), (3_999, True), (4_000, False)])
def test_a_pause_is_on_until_its_end_and_not_before_its_beginning(now: int, on: bool) -> None:
    assert lasts(1_000, timedelta(seconds=3), now) is on
