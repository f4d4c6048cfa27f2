"""Several addresses of one service: stay with the one that answers, leave those alone that failed."""

from __future__ import annotations

from pacs_module.domain.addresses import REST_S, Addresses

ALL = Addresses(("a", "b", "c"))


def test_the_order_of_the_settings_at_first() -> None:
    assert ALL.in_turn(0.0) == ("a", "b", "c")


def test_the_one_that_answered_last_is_asked_first() -> None:
    assert ALL.answered("b").in_turn(0.0) == ("b", "a", "c")


def test_one_that_failed_is_asked_last_for_a_while() -> None:
    failed = ALL.answered("a").failed("a", 100.0)
    assert failed.in_turn(100.0 + REST_S - 1) == ("b", "c", "a")
    assert failed.in_turn(100.0 + REST_S) == ("a", "b", "c")


def test_all_that_failed_are_still_asked() -> None:
    failed = ALL.failed("a", 0.0).failed("b", 0.0).failed("c", 0.0)
    assert failed.in_turn(1.0) == ("a", "b", "c")


def test_an_answer_ends_the_rest() -> None:
    assert ALL.failed("c", 0.0).answered("c").in_turn(1.0) == ("c", "a", "b")


def test_a_failed_one_that_was_not_preferred_leaves_the_preference() -> None:
    assert ALL.answered("b").failed("a", 0.0).in_turn(1.0) == ("b", "c", "a")
