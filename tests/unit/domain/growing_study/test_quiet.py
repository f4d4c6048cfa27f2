"""When a series stands still, told by its own count, and what a device's pauses teach."""

from __future__ import annotations

import pytest

from pacs_module.domain.growing_study.quiet import (
    FORGOTTEN_AFTER,
    Pauses,
    QuietPolicy,
    SeriesTrack,
    falls_short,
    first_seen,
    pauses_of,
)

POLICY = QuietPolicy(2_000, 1_000)


def track(*seen: tuple[int, int]) -> SeriesTrack:
    """From pairs of milliseconds and count."""
    (at, count), *others = seen
    found = first_seen(count, at)
    for at, count in others:
        found = found.again(count, at)
    return found


def test_a_series_that_is_seen_once_does_not_stand_still() -> None:
    assert not track((0, 300)).stands_still(2_000)


def test_a_count_that_stays_for_the_quiet_time_is_the_end() -> None:
    assert not track((0, 300), (1_999, 300)).stands_still(2_000)
    assert track((0, 300), (2_000, 300)).stands_still(2_000)


def test_a_series_that_grows_between_two_looks_does_not_stand_still() -> None:
    assert not track((0, 100), (2_000, 180), (4_000, 260)).stands_still(2_000)


def test_growth_that_falls_short_of_the_rate_says_when_the_last_image_came() -> None:
    """
    40 a second, then 20 in a second: the last came half a second before the look; half the quiet time is
    seen.
    """
    grown = track((0, 100), (1_000, 140), (2_000, 160))
    assert grown.stopped_at == 1_500
    assert grown.still_at(2_000) == 3_500
    assert not grown.again(160, 3_400).stands_still(2_000)
    assert grown.again(160, 3_500).stands_still(2_000)


@pytest.mark.parametrize(
    ("gained", "promised", "says"),
    [
        (56, 70.0, True),
        (65, 70.0, False),
        (61, 70.0, True),
        (39, 50.0, True),
        (46, 50.0, False),
        (3, 4.0, True),
    ],
)
def test_which_growth_says_that_the_last_image_has_come(gained: int, promised: float, says: bool) -> None:
    """Less than four fifths of what was promised, or five images and a tenth less."""
    assert falls_short(gained, promised) is says


def test_a_device_that_pauses_has_stopped_half_as_long_again_after_its_last_image() -> None:
    assert Pauses().with_series(1_000).stopped(POLICY, followed=False) == 1_500
    assert Pauses().with_series(6_000).stopped(POLICY, followed=False) is None, "the quiet time is as long"


def test_a_series_has_stopped_when_ten_images_of_its_rate_did_not_come() -> None:
    grown = track((0, 100), (1_000, 140), (2_000, 180))
    assert not grown.again(180, 2_290).has_stopped(0, as_foreseen=False)
    assert grown.again(180, 2_300).has_stopped(0, as_foreseen=False)
    slow = track((0, 100), (1_000, 102), (2_000, 104))
    assert not slow.again(104, 6_900).has_stopped(0, as_foreseen=False), "two a second: ten are five seconds"
    assert slow.again(104, 7_000).has_stopped(0, as_foreseen=False)
    assert not track((0, 300), (60_000, 300)).has_stopped(0, as_foreseen=True), "nobody saw it grow"


def test_one_that_has_become_slower_has_not_stopped_again_and_again() -> None:
    slower = track((0, 0), (1_000, 60), (2_000, 90), (2_300, 99), (2_600, 108))
    assert slower.rate == pytest.approx(0.03)
    assert slower.stopped_at == 2_600


def test_a_count_that_falls_has_not_stopped() -> None:
    assert not track((0, 100), (1_000, 140), (2_000, 120)).again(120, 9_000).has_stopped(0, as_foreseen=False)


def test_the_rate_alone_is_no_proof() -> None:
    """However early it stopped, half of the quiet time must have been seen."""
    grown = track((0, 100), (1_000, 140), (9_000, 141))
    assert grown.still_at(2_000) == 10_000


def test_a_count_that_falls_proves_nothing_any_more() -> None:
    assert not track((0, 300), (1_000, 2), (4_000, 300), (9_000, 300)).stands_still(2_000)


@pytest.mark.parametrize(
    ("seen", "pause"),
    [
        (((0, 10), (1_000, 50), (2_000, 90)), 0),
        (((0, 10), (1_000, 50), (2_000, 50), (3_000, 50), (4_000, 90)), 3_000),
        (((0, 10), (1_000, 50), (3_000, 50), (60_000, 90)), 4_000),
        (((0, 10), (1_000, 50), (400_000, 50), (410_000, 90)), 0),
    ],
)
def test_the_pause_inside_a_series(seen: tuple[tuple[int, int], ...], pause: int) -> None:
    """Where nobody looked for long it is not more than twice what was seen; hours are no pause."""
    assert track(*seen).pause == pause


def test_a_device_that_pauses_is_waited_for() -> None:
    assert Pauses().with_series(6_000).quiet(POLICY, followed=False) == 9_000
    assert Pauses().with_series(6_000).quiet(POLICY, followed=True) == 9_000


def test_an_even_device_is_waited_for_less() -> None:
    pauses = Pauses()
    assert pauses.quiet(POLICY, followed=False) == 2_000
    assert pauses.quiet(POLICY, followed=True) == 1_000
    for _ in range(5):
        pauses = pauses.with_series(0)
    assert pauses.quiet(POLICY, followed=False) == 1_000


def test_a_pause_that_does_not_come_again_is_forgotten() -> None:
    pauses = Pauses().with_series(40_000)
    for _ in range(FORGOTTEN_AFTER):
        pauses = pauses.with_series(0)
    assert pauses.longest == 20_000


@pytest.mark.parametrize("memo", [{}, {"longestMs": "x"}, {"longestMs": -4, "series": None}])
def test_what_cannot_be_read_is_not_known(memo: dict[str, object]) -> None:
    assert pauses_of(memo) == Pauses()


def test_what_is_kept_is_read_back() -> None:
    pauses = Pauses().with_series(6_000).with_series(0)
    assert pauses_of(pauses.to_memo()) == pauses
