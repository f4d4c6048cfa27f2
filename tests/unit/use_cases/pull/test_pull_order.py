"""
The order of pulls over the use cases: ageing, what is from before going live, and what people raise.

Does not prove the order over several processes (tests/long/whole/test_two_processes.py).
"""

from __future__ import annotations

import pytest

from pacs_module.domain.find.go_live import Backlog
from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.priority import EMERGENCY, GREEN_CHANNEL, ROUTINE
from pacs_module.use_cases.operate.manual_work import Who
from tests.fakes.pipeline import UID, Pipeline, answer
from tests.fakes.world import DAY

HOUR_S = 3600
WHO = Who("manual: Dr. Li", "because")


@pytest.fixture
def world() -> Pipeline:
    return Pipeline(limit=1)


def uid_of(name: str) -> str:
    """The study of this name, which is one letter."""
    return f"{UID}.{ord(name)}"


def waiting(world: Pipeline, **priorities: int) -> None:
    """
    Studies by name, each an hour older than the one before it, stable, with these priorities; and a pull that
    runs.
    """
    world.pacs.studies["A"] = [
        answer(uid_of(name), StudyTime=f"{20 - place:02}0000") for place, name in enumerate(priorities)
    ]
    world.find("A", DAY)
    world.find("A", DAY)
    for name, priority in priorities.items():
        if priority != ROUTINE:
            world.work.prioritise(uid_of(name), priority, WHO)


def in_order(world: Pipeline, number: int) -> str:
    """The names of the next studies in the order of their pulls."""
    names = ""
    for _ in range(number):
        assert world.pull() == 1
        last = world.plugins.asked[-1]
        names += chr(int(last.study_uid.rpartition(".")[2]))
        world.filtered(last)
    return names


def test_the_classes_and_within_each_the_oldest(world: Pipeline) -> None:
    waiting(world, a=ROUTINE, b=EMERGENCY, c=GREEN_CHANNEL, d=ROUTINE, e=EMERGENCY)
    assert in_order(world, 5) == "ebcda"


def test_after_an_hour_routine_goes_with_the_green_channel_and_its_history_says_so(world: Pipeline) -> None:
    waiting(world, g=GREEN_CHANNEL, r=ROUTINE)
    world.clock.pass_seconds(HOUR_S - 30)
    world.plugins.refuse = world.plugins.no_room
    world.pull()
    assert world.plugins.asked == []
    world.clock.pass_seconds(40)
    world.plugins.refuse = lambda request: None
    assert in_order(world, 1) == "r"
    (asked,) = [entry.why for entry in world.study(uid_of("r")).history if entry.event == "pull asked"][-1:]
    assert (
        asked
        == "STUDY from A, attempt 1; has risen from 0 to 1 by waiting since 2020-06-18T12:00:00.000+00:00"
    )
    assert world.study(uid_of("r")).pull.rank == GREEN_CHANNEL  # type: ignore[union-attr]


def test_waiting_never_overtakes_an_emergency(world: Pipeline) -> None:
    waiting(world, e=EMERGENCY, r=ROUTINE)
    world.clock.pass_seconds(1000 * HOUR_S)
    assert in_order(world, 2) == "er"


def test_repeats_keep_their_place_in_the_line(world: Pipeline) -> None:
    waiting(world, a=ROUTINE)
    since = world.study(uid_of("a")).waits_since_at
    world.clock.pass_seconds(100)
    world.pull()
    world.report(world.plugins.asked[-1], "failed", uid=uid_of("a"))
    assert world.study(uid_of("a")).waits_since_at == since
    world.clock.pass_seconds(100)
    world.pull()
    world.filtered(world.plugins.asked[-1])
    assert (world.study(uid_of("a")).waits_since_at, world.study(uid_of("a")).state) == (
        "",
        State.UNSUPPORTED_SERIES,
    )


def test_what_is_from_before_going_live_goes_after_the_days_own(world: Pipeline) -> None:
    world.finding.backlog = Backlog("2020-06-18 100000", per_hour=60)
    world.pacs.studies["A"] = [
        answer(uid_of("o"), StudyTime="080000"),
        answer(uid_of("n"), StudyTime="110000"),
    ]
    world.find("A", DAY)
    world.find("A", DAY)
    assert in_order(world, 2) == "no", "the new one, then the old one"
