"""
What a clock wrote that was ahead does not keep a study waiting until the right clock gets there.

With real processes and clocks: tests/chaos/proofs/test_clocks.py.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pacs_module.domain.study.lifecycle import State
from pacs_module.domain.study.study import PULL, WORK
from pacs_module.service.due_limits import longest_pauses
from pacs_module.settings import load_settings
from pacs_module.use_cases.recover.repair_due_times import RepairDueTimes
from tests.fakes.pipeline import UID, Pipeline, answer
from tests.fakes.served import settings_file
from tests.fakes.world import DAY, FakeCopies

EIGHT_HOURS = 8 * 3600.0
LONGEST = dict.fromkeys(WORK, timedelta(minutes=15))


@pytest.fixture
def world() -> Pipeline:
    return Pipeline(copies=FakeCopies())


def mend(world: Pipeline) -> None:
    assert not RepairDueTimes(world.store, world.clock, world.log, LONGEST)()


def set_back_and_mend(world: Pipeline) -> None:
    world.clock.pass_seconds(-EIGHT_HOURS)
    mend(world)


def test_all_that_is_due_goes_on_after_the_clock_is_set_right(world: Pipeline) -> None:
    world.pacs.studies["A"] = [answer(UID, 100)]
    world.clock.pass_seconds(EIGHT_HOURS)
    for _ in range(2):
        world.find("A", DAY)
    world.clock.pass_seconds(-EIGHT_HOURS)
    assert world.pull() == 0
    mend(world)
    assert world.pull() == 1


@pytest.mark.parametrize("step", ["anonymise", "publish", "release"])
def test_a_hand_over_goes_on(world: Pipeline, step: str) -> None:
    world.clock.pass_seconds(EIGHT_HOURS)
    world.until_handed_over()
    if step in ("publish", "release"):
        assert world.anonymise()
    if step == "release":
        world.published()
        assert world.result("completed") == "recorded"
        world.clock.pass_seconds(700)
    set_back_and_mend(world)
    assert getattr(world, step)()
    assert world.study().state in (State.PULL_DATA_END, State.COMPLETED)


def test_a_pause_that_can_be_stays_and_so_does_the_backlogs_time(world: Pipeline) -> None:
    world.pacs.studies["A"] = [answer(UID, 100)]
    for _ in range(2):
        world.find("A", DAY)
    study = world.study()
    now = world.clock.now()
    study.due[PULL] = now + 900_000
    assert world.store.replace(study)
    mend(world)
    assert world.study().due[PULL] == now + 900_000
    study = world.study()
    study.due[PULL] = now + 900_000 + 90_000
    assert world.store.replace(study)
    mend(world)
    assert world.study().due[PULL] == now + 900_000 + 90_000, (
        "another process, whose clock is 90 s ahead, wrote it"
    )
    study = world.study()
    study.backlog, study.due[PULL] = True, now + 90_000_000
    assert world.store.replace(study)
    mend(world)
    assert world.study().due[PULL] == now + 90_000_000


def test_every_kind_of_work_has_a_longest_pause(tmp_path: Path) -> None:
    longest = longest_pauses(load_settings(settings_file(tmp_path), {}))
    assert longest.keys() == set(WORK)
    assert min(longest.values()) >= timedelta(minutes=5)
