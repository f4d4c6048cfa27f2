"""Room on the RAM disk, as a table of cases; how large an instance is."""

from __future__ import annotations

from typing import Any

import pytest

from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.pull.ram_disk import (
    CT_BYTES,
    DX_BYTES,
    MB,
    Disk,
    Expected,
    Here,
    Seen,
    Wish,
    deadlocked,
    expected_instances,
    is_full,
    judge_room,
    still_to_come,
    usual_size,
)

DISK = Disk(1000 * MB, 800 * MB, 200 * MB)


def wish(study: str, megabytes: int, priority: int = 0, since: float = 0.0, sure: bool = True) -> Wish:
    return Wish(study, priority, since, megabytes * MB, sure)


@pytest.mark.parametrize(
    ("mine", "promised", "waiting", "fits", "never"),
    [
        (wish("a", 600), 0, [], True, False),
        (wish("a", 601), 0, [], False, False),
        (wish("a", 400), 300, [], False, False),
        (wish("a", 751), 0, [], False, True),  # the index has its part of the disk
        (wish("a", 5000, sure=False), 0, [], False, False),  # a guess is tried on an empty disk
        (wish("a", 300, since=2), 0, [wish("b", 500, since=1)], False, False),
        (wish("a", 300, since=1), 0, [wish("b", 500, since=2)], True, False),
        (wish("a", 300, priority=2, since=2), 0, [wish("b", 500, since=1)], True, False),
        (wish("a", 300, since=1), 0, [wish("b", 500, priority=4, since=2)], False, False),
        (wish("a", 600), 0, [wish("a", 600)], True, False),
        (wish("a", 300, since=2), 0, [wish("b", 5000, since=1, sure=False)], True, False),
    ],
)
def test_whether_a_pull_may_begin(
    mine: Wish, promised: int, waiting: list[Wish], fits: bool, never: bool
) -> None:
    verdict = judge_room(mine, DISK, promised * MB, waiting)
    assert (verdict.fits, verdict.never) == (fits, never)
    assert bool(verdict.why) is not fits


def test_what_is_here_from_before_belongs_to_the_study_too() -> None:
    full = Disk(1000 * MB, 0, 200 * MB)
    verdict = judge_room(Wish("a", 0, 0.0, 300 * MB, True, 700 * MB), full, 0)
    assert verdict.never
    assert verdict.why.startswith("larger than the RAM disk: 1000 MB needed")
    assert not judge_room(Wish("a", 0, 0.0, 300 * MB, True, 400 * MB), full, 0).never


def test_a_guess_larger_than_the_disk_begins_when_nothing_else_is_there() -> None:
    empty = Disk(1000 * MB, 995 * MB, 200 * MB)
    assert judge_room(wish("a", 5000, sure=False), empty, 0).fits
    assert not judge_room(wish("a", 5000, sure=False), empty, 100 * MB).fits


def test_a_wish_that_nothing_more_can_help_touches_the_reserve_and_keeps_nobody_waiting() -> None:
    """The index takes more than it is reckoned with: waiting for those last bytes would be for ever."""
    empty = Disk(84 * MB, 75 * MB, 8 * MB)  # 9 MB of it are the index
    guess, sure = wish("a", 120, sure=False), wish("a", 68)
    for mine in (guess, sure):
        assert not judge_room(mine, empty, 0).fits
        assert judge_room(mine, empty, 0, idle=True).fits
        assert not judge_room(mine, empty, 0, [wish("b", 30, since=-1)], idle=True).fits  # its turn comes


def test_what_does_not_fit_on_a_disk_that_others_fill_keeps_no_room() -> None:
    """Something that is no study's fills it: who needs less than is left goes on."""
    filled = Disk(1000 * MB, 400 * MB, 200 * MB)
    first = wish("a", 500, since=1)
    assert not judge_room(first, filled, 0, idle=True).fits
    assert not judge_room(wish("b", 100, since=2), filled, 0, [first]).fits
    assert judge_room(wish("b", 100, since=2), filled, 0, [first], idle=True).fits


@pytest.mark.parametrize("needed", [0, 5000])
def test_a_study_that_has_filled_the_disk_alone_is_larger_than_it(needed: int) -> None:
    """Also where the PACS told too few images, or so many that those that came are no measure."""
    full = Disk(1000 * MB, 5 * MB, 200 * MB)
    mine = Wish("a", 0, 0.0, needed * MB, False, 740 * MB)
    verdict = judge_room(mine, full, 0, idle=True)
    assert verdict.never
    assert verdict.why.startswith("larger than the RAM disk: it has filled it alone with 740 MB")
    assert not judge_room(mine, full, 0).never
    assert not judge_room(Wish("a", 0, 0.0, 0, False, 100 * MB), full, 0, idle=True).never


def test_an_index_that_has_grown_takes_its_part_of_the_disk() -> None:
    assert Disk(84 * MB, 84 * MB, 8 * MB).usable == 68 * MB
    assert Disk(84 * MB, 74 * MB, 8 * MB, index=10 * MB).usable == 66 * MB


GE = Seen("CT", "GE", "Revolution", "512x512", 900, 900 * 500_000)
SIEMENS = Seen("CT", "SIEMENS", "Force", "1024x1024", 300, 300 * 2_000_000)


def test_until_enough_was_seen_the_size_is_a_safe_guess() -> None:
    assert usual_size([], False, ["CT"]) == (CT_BYTES, False)
    assert usual_size([GE], False, ["CT"]) == (CT_BYTES, False)
    assert usual_size([GE], True, ["DX"]) == (DX_BYTES, False)
    assert usual_size([GE, SIEMENS], False, ["CT"]) == (int(1.1 * 1_050_000_000 / 1200), True)


def test_a_device_that_is_known_decides_by_itself() -> None:
    assert usual_size([GE, SIEMENS], False, ["CT"], ("SIEMENS", "Force")) == (2_200_000, True)
    assert usual_size([GE, SIEMENS], False, ["CT"], ("CANON", "")) == usual_size([GE, SIEMENS], False, ["CT"])


@pytest.mark.parametrize(
    ("expected", "here", "megabytes", "sure"),
    [
        (100, Here(), 60, False),
        (None, Here(), 360, False),
        (100, Here(5, 5 * 2 * MB), 57, False),  # a few images, scouts perhaps, tell nothing of the rest
        (100, Here(20, 20 * 2 * MB), 176, False),
        (100, Here(50, 50 * 2 * MB), 110, True),
        (100, Here(100, 200 * MB), 0, True),
        (None, Here(900, 450 * MB), 0, True),
    ],
)
def test_what_will_still_come(expected: int | None, here: Here, megabytes: int, sure: bool) -> None:
    told = Expected(expected or 0, expected is not None)
    size, certain = still_to_come(told, here, CT_BYTES, False, False)
    assert (round(size / MB), certain) == (megabytes, sure)


IMAGES = {"a": ("1", "2", "3"), "b": ("4", "5", "5")}


@pytest.mark.parametrize(
    ("values", "instances", "whole"),
    [
        ({"expected": 100}, 100, True),
        ({"expected_series": {"a": 10, "b": 20}}, 30, True),
        (
            {
                "level": "SERIES",
                "series_uids": ("a",),
                "expected": 500,
                "expected_series": {"a": 10, "b": 20},
            },
            10,
            True,
        ),
        ({}, 0, False),
        ({"expected_instances": IMAGES}, 5, True),  # a PACS that is counted by image
        (
            {"expected_instances": IMAGES, "announced": {"a": {}, "b": {}, "c": {}}},
            5,
            False,
        ),  # of c nobody knows
        ({"level": "SERIES", "series_uids": ("a",), "expected_instances": IMAGES}, 3, True),
        ({"level": "SERIES", "series_uids": ("a", "c"), "expected_instances": IMAGES}, 3, False),
        ({"level": "SERIES", "series_uids": ("c",)}, 0, False),
        ({"expected": 4, "expected_instances": IMAGES}, 5, True),
        ({"expected_series": {"a": 10}, "expected_instances": IMAGES}, 12, True),
        ({"expected_series": {"a": 2}, "expected_instances": IMAGES}, 5, True),
        ({"expected": 7, "expected_series": {"a": 3}}, 7, True),
    ],
)
def test_instances_that_a_pull_will_bring(values: dict[str, Any], instances: int, whole: bool) -> None:
    assert expected_instances(PullRequest("p", "1.2", "PACS", **values)) == Expected(instances, whole)


def test_a_study_of_which_only_a_part_was_counted_is_reckoned_with_as_if_nobody_had_counted() -> None:
    assert still_to_come(Expected(5, False), Here(), CT_BYTES, True, False) == (600 * CT_BYTES, False)
    assert still_to_come(Expected(1500, False), Here(), CT_BYTES, True, False) == (1500 * CT_BYTES, False)
    assert still_to_come(Expected(1500, True), Here(), CT_BYTES, True, False) == (1500 * CT_BYTES, True)


def test_the_alarm_does_not_flutter() -> None:
    def used(percent: int) -> Disk:
        return Disk(100, 100 - percent, 0)

    looks = ((84, False), (85, False), (80, True), (74, True))
    assert [is_full(used(percent), 85, was) for percent, was in looks] == [False, True, True, False]
    assert not is_full(Disk(0, 0, 0), 85, False)


def test_a_half_received_study_goes_only_when_nothing_else_makes_room() -> None:
    waiting = [wish("a", 500), wish("d", 100)]
    assert deadlocked(waiting, 0, 0, 0, ["b", "c", "a"]) == "c"
    assert deadlocked(waiting, 0, 0, 0, ["a"]) is None
    assert deadlocked([], 0, 0, 0, ["b"]) is None
    assert [deadlocked(waiting, *busy, ["b"]) for busy in ((1, 0, 0), (0, 1, 0), (0, 0, 1))] == [None] * 3
