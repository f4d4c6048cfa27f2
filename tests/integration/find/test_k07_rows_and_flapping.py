"""
K7: a study in two rows and texts that come and go, asked by both finders: one answer a find, pulled after two
equal ones.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from hospital_sim.busy_day.day import BusyDay
from hospital_sim.busy_day.plan import plan_busy_day
from pacs_module.domain.study.lifecycle import State
from tests.fakes.pipeline import Pipeline
from tests.support.pacs.asked_pacs import FINDERS, PACS, Finders, both_finders

pytestmark = pytest.mark.server("orthanc")

DATE = dt.date(2026, 11, 21)
EVENING = dt.datetime.combine(DATE, dt.time(23, 59))


@pytest.fixture(scope="module")
def day() -> BusyDay:
    return plan_busy_day(DATE, 40, max_slices=12)


@pytest.fixture(scope="module")
def finders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finders]:
    with both_finders(tmp_path_factory.mktemp("k07")) as made:
        yield made


@pytest.mark.parametrize("finder", FINDERS)
@pytest.mark.parametrize(
    "habits",
    [
        ("flapping-rows=1",),
        ("flapping-text=1",),
        ("duplicate-answers=1", "answers-shuffled"),
        ("flapping-rows=2", "flapping-text=3", "answers-shuffled"),
    ],
    ids=lambda habits: "+".join(habits),
)
def test_flapping_delays_nothing_and_fills_no_history(
    finders: Finders, day: BusyDay, finder: str, habits: tuple[str, ...]
) -> None:
    with finders.pacs(day, EVENING, *habits) as pacs:
        world = Pipeline(pacs=(PACS,))
        world.finder.finder = finders.of(finder)
        for _ in range(2):
            world.find(PACS, DATE)
            world.clock.pass_seconds(10)
        wanted = [study for study in world.store.find({}) if study.state is not None]
        assert len(wanted) > 5
        assert all(study.waits_for_pull for study in wanted), "two equal merged answers"
        truth = {one.uid: one.instances_at(pacs.now) for one in pacs.archive.visible(pacs.now)}
        second_row = 2 if any("rows" in habit for habit in habits) else 0  # as many has the row that lies
        counts = {study.study_uid: study.count for study in wanted}
        assert all(count in (truth[uid], max(truth[uid], second_row)) for uid, count in counts.items())
        assert all(study.state is State.META_ONLY for study in wanted)
        before = {study.study_uid: study.revision for study in world.store.find({})}
        for _ in range(12):
            world.find(PACS, DATE)
            world.clock.pass_seconds(10)
        after = {study.study_uid: study.revision for study in world.store.find({})}
        assert all(after[uid] - before[uid] <= 1 for uid in before), "no write a find"
