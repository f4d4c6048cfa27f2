"""Whom a death is charged to, and who begins: decided over plain values (K8)."""

import pytest

from pacs_module.domain.pull.crash_blame import (
    Charge,
    Ending,
    Moving,
    Waiting,
    charge,
    judge_ending,
    to_begin,
)


@pytest.mark.parametrize(
    ("moving", "charges"),
    [
        ((), ()),
        ((Moving("a"),), (Charge("a", 1, False),)),
        ((Moving("a", 1),), (Charge("a", 2, True),)),
        ((Moving("a", 7),), (Charge("a", 8, True),)),
        ((Moving("a"), Moving("b")), (Charge("a", 0, False), Charge("b", 0, False))),
        ((Moving("a", 1), Moving("b")), (Charge("a", 1, False), Charge("b", 0, False))),
    ],
)
def test_a_death_is_charged_only_to_a_pull_that_moved_alone(
    moving: tuple[Moving, ...], charges: tuple[Charge, ...]
) -> None:
    assert charge(moving) == charges


@pytest.mark.parametrize(("deaths", "set_aside"), [(0, False), (1, False), (3, False), (4, True)])
def test_beside_something_else_that_kills_a_pull_is_not_so_sure_to_be_guilty(
    deaths: int, set_aside: bool
) -> None:
    assert charge([Moving("a", deaths)], others=True) == (Charge("a", deaths + 1, set_aside),)


def one(name: str, priority: int = 0, suspect: bool = False) -> Waiting:
    return Waiting(name, ord(name), priority, suspect)


@pytest.mark.parametrize(
    ("waiting", "moving", "at_once", "suspect_moves", "begin"),
    [
        ([], 0, 4, False, ""),
        ([one("b"), one("a")], 0, 4, False, "ab"),
        ([one("a"), one("b"), one("c")], 2, 4, False, "ab"),
        ([one("a"), one("b", 4)], 0, 1, False, "b"),
        ([one("a")], 4, 4, False, ""),
        ([one("a")], 5, 4, False, ""),
        ([one("a"), one("b", suspect=True)], 0, 4, False, "b"),
        ([one("a", 2), one("b", suspect=True)], 0, 4, False, "a"),
        ([one("a"), one("b", suspect=True)], 1, 4, False, ""),
        ([one("a"), one("b")], 1, 4, True, ""),
        ([one("c", suspect=True), one("b", suspect=True)], 0, 4, False, "b"),
    ],
)
def test_urgent_ones_begin_first_and_while_there_is_a_suspect_one_at_a_time(
    waiting: list[Waiting], moving: int, at_once: int, suspect_moves: bool, begin: str
) -> None:
    assert "".join(to_begin(waiting, moving, at_once, suspect_moves)) == begin


@pytest.mark.parametrize(
    ("status", "same_boot", "memory", "ending"),
    [
        (139, True, False, Ending.CRASHED),
        (134, True, False, Ending.CRASHED),
        (135, True, True, Ending.CRASHED),
        (137, True, False, Ending.KILLED),
        (143, True, False, Ending.KILLED),
        (130, True, False, Ending.KILLED),
        (137, True, True, Ending.UNKNOWN),
        (1, True, False, Ending.UNKNOWN),
        (0, True, False, Ending.UNKNOWN),
        (128, True, False, Ending.UNKNOWN),
        (None, True, False, Ending.UNKNOWN),
        (None, False, False, Ending.KILLED),
        (139, False, True, Ending.KILLED),
    ],
)
def test_k08_a_signal_tells_whether_a_process_died_of_itself(
    status: int | None, same_boot: bool, memory: bool, ending: Ending
) -> None:
    assert judge_ending(status, same_boot, memory) is ending


@pytest.mark.parametrize("deaths", [0, 1, 4])
def test_k08_a_kill_from_outside_is_charged_to_nobody(deaths: int) -> None:
    assert charge([Moving("a", deaths)], ending=Ending.KILLED) == (Charge("a", deaths, False),)
    assert charge([Moving("a", 1)], ending=Ending.CRASHED) == (Charge("a", 2, True),)
