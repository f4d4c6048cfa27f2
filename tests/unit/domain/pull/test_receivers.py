"""Which of several receiving Orthancs a pull goes to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pacs_module.domain.pull.receivers import Receiver, Rule, Wanted, choose_receiver

GB = 1_000_000_000
A = Receiver("a", total=8 * GB, free=8 * GB, reserve=GB)
B = replace(A, name="b")
C = replace(A, name="c")


def chosen(*receivers: Receiver, **wanted: object) -> tuple[str, Rule]:
    made = choose_receiver(receivers, Wanted(**wanted))  # type: ignore[arg-type]
    return made.name, made.rule


def test_one_alone_is_taken_whatever_it_says() -> None:
    assert chosen(replace(A, away="refused", full="full")) == ("a", Rule.ONLY_ONE)


def test_the_emptiest_is_taken_by_what_its_pulls_will_bring_too() -> None:
    assert chosen(replace(A, free=5 * GB), B) == ("b", Rule.ROOM)
    assert chosen(replace(A, promised=3 * GB), B) == ("b", Rule.ROOM)


def test_a_disk_twice_as_large_gets_no_more_while_both_are_empty() -> None:
    large = replace(A, total=80 * GB, free=80 * GB, reserve=10 * GB, pulls=2)
    assert chosen(large, B) == ("b", Rule.LEAST_BUSY)


def test_of_equal_ones_the_least_busy() -> None:
    assert chosen(replace(A, pulls=2), replace(B, pulls=1), replace(C, pulls=3)) == ("b", Rule.LEAST_BUSY)


def test_one_that_is_away_or_full_gets_none() -> None:
    assert chosen(replace(A, away="refused"), B) == ("b", Rule.ROOM)
    assert chosen(replace(A, full="no room"), replace(B, free=2 * GB))[0] == "b"


def test_a_study_goes_where_it_was_before() -> None:
    assert chosen(replace(A, free=2 * GB), B, last="a") == ("a", Rule.BEFORE)


@pytest.mark.parametrize(
    "before", [replace(A, away="refused"), replace(A, full="full")], ids=["away", "full"]
)
def test_but_not_where_that_one_cannot_take_it(before: Receiver) -> None:
    assert chosen(before, B, last="a")[0] == "b"


def test_where_its_last_pull_failed_only_when_no_other_can() -> None:
    assert chosen(A, replace(B, free=2 * GB), last="a", failed="a")[0] == "b"
    assert chosen(A, replace(B, away="refused"), last="a", failed="a")[0] == "a"


def test_a_disk_that_is_too_small_for_it_is_not_asked_again() -> None:
    assert chosen(A, B, too_small=frozenset("a"))[0] == "b"
    nowhere = choose_receiver([A, replace(B, away="refused")], Wanted(too_small=frozenset("a")))
    assert (nowhere.found, nowhere.rule) == (False, Rule.NONE_THERE)
    assert nowhere.why == "a: its RAM disk is smaller than the study; b: refused"


def test_none_there_and_none_with_room_say_why_of_each() -> None:
    away = choose_receiver([replace(A, away="refused"), replace(B, away="no answer")], Wanted())
    assert (away.name, away.rule, away.why) == ("", Rule.NONE_THERE, "a: refused; b: no answer")
    full = choose_receiver([replace(A, full="no room"), replace(B, away="refused")], Wanted())
    assert (full.name, full.rule, full.why) == ("", Rule.NONE_HAS_ROOM, "a: no room; b: refused")


def test_one_that_has_told_nothing_yet_comes_after_those_that_have_room() -> None:
    assert chosen(Receiver("a"), replace(B, free=5 * GB))[0] == "b"
