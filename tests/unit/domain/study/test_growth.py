"""What tells growth where a PACS gives no counts, and the budget of the looks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pacs_module.domain.study.growth_checks import WHOLE, GrowthCheck, GrowthPolicy, growth


@pytest.mark.parametrize(
    ("shown", "before", "received", "words"),
    [
        ({"1": 0, "2": 0}, {"1": 0}, {}, "1 new series: 2"),
        ({"1": 0, "2": 0}, {"1": 0, "2": 0}, {}, ""),
        ({"1": 0, "2": 0}, {}, {}, ""),
        ({"1": 0, "2": 0}, {}, {"1": 30, "2": 0}, ""),
        ({"1": 0, "2": 0}, {}, {"1": 30}, "1 new series: 2"),
        ({"1": 31}, {}, {"1": 30}, "series 1 has 31 instances, 30 before"),
        ({"1": 31}, {"1": 31}, {"1": 30}, ""),
        ({"1": 30}, {"1": 0}, {}, ""),
        ({"1": 20}, {"1": 30}, {}, ""),
        ({WHOLE: 31}, {}, {WHOLE: 30, "1": 30}, "the study has 31 instances, 30 before"),
        ({WHOLE: 31}, {}, {"1": 30}, ""),
        ({"1": 0}, {WHOLE: 30}, {}, ""),
        ({}, {"1": 30}, {"1": 30}, ""),
    ],
)  # fmt: skip
def test_growth(shown: dict[str, int], before: dict[str, int], received: dict[str, int], words: str) -> None:
    assert growth(shown, before, received) == words


def test_the_most_that_was_shown_is_remembered() -> None:
    look = GrowthCheck("A", series={"1": 5, "2": 7})
    look.take({"1": 6, "2": 3, "3": 0})
    assert look.series == {"1": 6, "2": 7, "3": 0}


def test_the_budget_reaches_into_the_next_day_and_is_never_more_than_six_hours_late() -> None:
    pauses = GrowthPolicy().pauses
    each = [pauses.pause_after(number) for number in range(1, pauses.attempts + 1)]
    assert each == sorted(each)
    assert max(each) == timedelta(hours=6)
    assert timedelta(hours=46) < sum(each, timedelta()) < timedelta(hours=47)
