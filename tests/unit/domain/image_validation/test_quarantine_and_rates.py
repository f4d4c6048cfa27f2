"""Limits of the quarantine, failure rates and arrival rates by sliding window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pacs_module.domain.errors import InvalidTransition
from pacs_module.domain.image_validation.quarantine import (
    HELD_STATES,
    HeldEvent,
    HeldState,
    Kept,
    QuarantineLimits,
    WhenFull,
    place_for,
    too_old,
)
from pacs_module.domain.image_validation.rates import MINUTE_MS, Arrivals, Minute, Tally, by_sender

LIMITS = QuarantineLimits(files=3, size=100, age_ms=1000, when_full=WhenFull.DROP_OLDEST)
THERE = [Kept(2, 20, 30), Kept(1, 10, 30), Kept(3, 30, 30)]


def test_there_is_a_place_below_both_limits() -> None:
    assert place_for(30, THERE[:2], LIMITS).fits
    assert place_for(30, THERE[:2], LIMITS).make_way == ()


@pytest.mark.parametrize(("size", "going"), [(10, [1]), (50, [1, 2]), (100, [1, 2, 3])])
def test_the_oldest_make_way_as_many_as_it_takes(size: int, going: list[int]) -> None:
    place = place_for(size, THERE, LIMITS)
    assert place.fits
    assert [one.number for one in place.make_way] == going


def test_one_larger_than_everything_makes_nobody_go() -> None:
    assert place_for(101, THERE, LIMITS) == place_for(101, [], LIMITS)
    assert not place_for(101, THERE, LIMITS).fits


@pytest.mark.parametrize("when", [WhenFull.DROP_NEW, WhenFull.PASS_ON])
def test_where_nothing_makes_way_there_is_no_place(when: WhenFull) -> None:
    place = place_for(10, THERE, replace(LIMITS, when_full=when))
    assert (place.fits, place.make_way) == (False, ())


def test_what_is_too_old_goes_and_without_a_limit_nothing_does() -> None:
    assert [one.number for one in too_old(THERE, LIMITS, 1021)] == [2, 1]
    assert too_old(THERE, replace(LIMITS, age_ms=0), 10**9) == []


def test_what_is_over_cannot_be_decided_again() -> None:
    with pytest.raises(InvalidTransition):
        HELD_STATES.next(HeldState.DROPPED, HeldEvent.RELEASE)


def test_rates_are_of_the_window_and_the_minute_in_which_it_begins() -> None:
    minutes = [
        Minute("CT1", 100, Tally(10, 5)),
        Minute("CT1", 99, Tally(1, 1)),
        Minute("CT2", 100, Tally(3, 0)),
    ]
    found = by_sender(minutes, 101 * MINUTE_MS - 1, MINUTE_MS - 1)
    assert found == {"CT1": Tally(10, 5), "CT2": Tally(3, 0)}


@pytest.mark.parametrize(
    ("tally", "beyond"),
    [(Tally(9, 1), True), (Tally(95, 5), False), (Tally(94, 6), True),
     (Tally(0, 9), False), (Tally(0, 10), True), (Tally(0, 0), False)],
)  # fmt: skip
def test_a_rate_is_beyond_the_tolerance_only_of_enough_images(tally: Tally, beyond: bool) -> None:
    assert tally.beyond(0.05) is beyond


def test_with_a_tolerance_of_nothing_one_failure_of_many_is_beyond() -> None:
    assert Tally(1000, 1).beyond(0)
    assert not Tally(1000, 0).beyond(0)


def test_arrivals_slide_and_the_highest_rate_is_remembered() -> None:
    arrivals = Arrivals(window_s=10)
    for second in range(5):
        arrivals.add({"CT1": 20}, second * 1000)
    assert arrivals.paces(4000)["CT1"].a_second == 10.0
    later = arrivals.paces(60_000)["CT1"]
    assert (later.a_second, later.highest, later.last_at) == (0.0, 10.0, 4000)
    arrivals.add({"CT1": 1}, 700_000)
    assert arrivals.paces(700_000)["CT1"].highest == 0.1, "what is older than ten minutes is forgotten"
