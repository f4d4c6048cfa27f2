"""
K2: a PACS that answers what it likes, asked by both finders; nothing is pulled or written of what does not
match.

The matching itself, and many more answers: tests/unit/domain/find/test_k02_attribute_matching.py.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from hospital_sim.busy_day.day import BusyDay
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import SimPacs
from pacs_module.ports import PacsFinder
from tests.fakes.pipeline import Pipeline
from tests.fakes.world import FakeLog
from tests.support.pacs.asked_pacs import FINDERS, PACS, Finders, both_finders

pytestmark = pytest.mark.server("orthanc")

DATE = dt.date(2026, 11, 21)
EVENING = dt.datetime.combine(DATE, dt.time(23, 59))


@pytest.fixture(scope="module")
def day() -> BusyDay:
    return plan_busy_day(DATE, 40, max_slices=12)


@pytest.fixture(scope="module")
def finders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finders]:
    with both_finders(tmp_path_factory.mktemp("k02")) as made:
        yield made


@pytest.fixture(params=FINDERS)
def finder(request: pytest.FixtureRequest, finders: Finders) -> PacsFinder:
    return finders.of(str(request.param), FakeLog())


def world_with(finder: PacsFinder) -> Pipeline:
    world = Pipeline(pacs=(PACS,))
    world.finder.finder = finder
    return world


def on_the_day(pacs: SimPacs) -> dict[str, str]:
    """The studies of the date with their numbers."""
    told = {study.uid: study.attributes_at(pacs.now) for study in pacs.archive.visible(pacs.now)}
    return {
        uid: names["AccessionNumber"] for uid, names in told.items() if names["StudyDate"] == f"{DATE:%Y%m%d}"
    }


def test_a_manual_pull_by_a_number_that_the_pacs_ignores(
    finders: Finders, finder: PacsFinder, day: BusyDay
) -> None:
    with finders.pacs(day, EVENING, "ignores-key=AccessionNumber+PatientID") as pacs:
        world = world_with(finder)
        uid, number = next((uid, number) for uid, number in on_the_day(pacs).items() if number)
        told = world.manual({"AccessionNumber": number}, "Dr. Li")
        same = {one for one, other in on_the_day(pacs).items() if other == number}
        assert {study["studyUID"] for study in told["studies"]} == same
        assert uid in same
        assert (
            f"of {len(pacs.archive.visible(pacs.now))} answers have another AccessionNumber"
            in told["notMatching"][PACS]
        )
        nothing = world.manual({"AccessionNumber": "NO-SUCH-NUMBER"}, "Dr. Li")
        assert nothing["studies"] == []
        assert world.manual({"PatientID": "NOBODY"}, "Dr. Li")["studies"] == []
        assert world.finder.learned(PACS).ignores == {"AccessionNumber", "PatientID"}
        assert world.store.count({}) == len(same)


@pytest.mark.parametrize(
    "habits",
    [
        ("foreign-answers=3",),
        ("bad-uid-answers",),
        ("answers-without-data=3",),
        ("ignores-key=StudyDate",),
        ("foreign-answers=3", "bad-uid-answers", "answers-without-data=2", "answers-shuffled"),
        ("ignores-key=StudyDate+StudyTime+ModalitiesInStudy", "bad-uid-answers"),
    ],
    ids=lambda habits: "+".join(habits),
)
def test_of_a_days_find_only_the_days_studies_are_kept(
    finders: Finders, finder: PacsFinder, day: BusyDay, habits: tuple[str, ...]
) -> None:
    with finders.pacs(day, EVENING, *habits) as pacs:
        world = world_with(finder)
        for _ in range(3):
            world.find(PACS, DATE)
        assert {study.study_uid for study in world.store.find({})} == set(on_the_day(pacs))
        told = [
            values.get("attribute") or values["because"]
            for words, values in world.log.events
            if "are dropped" in words
        ]
        assert told
        assert len(told) == len(set(told)), "told once a key, not in every find"


def test_series_of_other_studies_are_not_asked_for(
    finders: Finders, finder: PacsFinder, day: BusyDay
) -> None:
    with finders.pacs(day, EVENING, "ignores-key=StudyInstanceUID") as pacs:
        world = world_with(finder)
        study = next(one for one in day.wanted if one.uid in on_the_day(pacs))
        answers = world.finder.find(PACS, "SERIES", {"StudyInstanceUID": study.uid}, ("SeriesInstanceUID",))
        assert {one["StudyInstanceUID"] for one in answers} == {study.uid}
        assert {one["SeriesInstanceUID"] for one in answers} == {
            series.uid for series in study.planned.series
        }
        assert world.finder.learned(PACS).dropped["SERIES StudyInstanceUID"] > 10
