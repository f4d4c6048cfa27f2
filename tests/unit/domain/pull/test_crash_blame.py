"""Whom a death is charged to, and who begins: decided over plain values (K8)."""

import pytest

from pacs_module.domain.pull.crash_blame import (
    MAX_DEATHS_UNTOLD,
    SET_ASIDE,
    SET_ASIDE_UNTOLD,
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
        ((Moving("a"),), (Charge("a", 1),)),
        ((Moving("a", 1, 1),), (Charge("a", 2, SET_ASIDE),)),
        ((Moving("a", 1),), (Charge("a", 2, SET_ASIDE),)),
        ((Moving("a", 7, 7),), (Charge("a", 8, SET_ASIDE),)),
        ((Moving("a", 0, 1),), (Charge("a", 1),)),
        ((Moving("a", 0, 2),), (Charge("a", 1, SET_ASIDE_UNTOLD),)),
        ((Moving("a"), Moving("b")), (Charge("a", 0), Charge("b", 0))),
        ((Moving("a", 1), Moving("b")), (Charge("a", 1), Charge("b", 0))),
    ],
)
def test_a_crash_is_charged_only_to_a_pull_that_moved_alone(
    moving: tuple[Moving, ...], charges: tuple[Charge, ...]
) -> None:
    assert charge(moving, ending=Ending.CRASHED) == charges


@pytest.mark.parametrize(("deaths", "why"), [(0, ""), (1, ""), (3, ""), (4, SET_ASIDE_UNTOLD)])
@pytest.mark.parametrize("ending", [Ending.CRASHED, Ending.UNKNOWN])
def test_beside_something_else_that_kills_a_pull_is_not_so_sure_to_be_guilty(
    deaths: int, why: str, ending: Ending
) -> None:
    assert charge([Moving("a", deaths, deaths)], True, ending) == (Charge("a", deaths + 1, why),)


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
    assert charge([Moving("a", deaths)], ending=Ending.KILLED) == (Charge("a", deaths),)


def deaths_of(company: int, endings: list[Ending]) -> list[str]:
    """What is decided of one pull: it moves in company for some deaths, then alone."""
    one, found = Moving("a", 0, company), []
    for ending in endings:
        (charged,) = charge([one], ending=ending)
        found.append(charged.why)
        one = Moving("a", charged.deaths, one.seen + (ending is not Ending.KILLED))
    return found


CRASHED, KILLED, UNKNOWN = Ending.CRASHED, Ending.KILLED, Ending.UNKNOWN


@pytest.mark.parametrize(
    ("company", "endings", "set_aside_at"),
    [
        (0, [UNKNOWN, UNKNOWN], None),
        (0, [UNKNOWN, UNKNOWN, UNKNOWN], 3),
        (0, [CRASHED, CRASHED], 2),
        (0, [UNKNOWN, CRASHED], 2),
        (0, [CRASHED, UNKNOWN], None),
        (0, [CRASHED, UNKNOWN, UNKNOWN], 3),
        (0, [UNKNOWN, KILLED, KILLED, KILLED, UNKNOWN], None),
        (0, [UNKNOWN, KILLED, UNKNOWN, KILLED, UNKNOWN], 5),
        (1, [UNKNOWN], None),
        (1, [UNKNOWN, UNKNOWN], 2),
        (1, [CRASHED, CRASHED], 2),
        (2, [UNKNOWN], 1),
    ],
)
def test_k08_two_deaths_of_which_nobody_told_set_nothing_aside_and_three_do(
    company: int, endings: list[Ending], set_aside_at: int | None
) -> None:
    """At the same place of the study as well: a person may kill it before its first image each time."""
    found = deaths_of(company, endings)
    assert [number for number, why in enumerate(found, 1) if why] == ([set_aside_at] if set_aside_at else [])
    own = sum(ending is not KILLED for ending in endings)
    assert company + own <= MAX_DEATHS_UNTOLD
