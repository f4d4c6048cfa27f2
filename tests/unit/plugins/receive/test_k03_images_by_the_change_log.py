"""
Thousands of images of one study: what is new is asked for, not all that is here again and again.

What it does not prove: what it costs in a real Orthanc (benchmarks/reception_cost.py does).
"""

from __future__ import annotations

import pytest

from aipull.server.orthanc_client import SeriesHere
from pacs_module.domain.receive.pace import LONGEST_S, SHORTEST_S, pace
from tests.fakes.orthanc_store import FakeStore
from tests.fakes.reception_desk import Desk


@pytest.fixture
def reads(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The studies whose series and images were all asked for, in turn."""
    asked: list[str] = []
    series_of = FakeStore.series_of

    def counted(store: FakeStore, study_id: str) -> list[SeriesHere]:
        asked.append(study_id)
        return series_of(store, study_id)

    monkeypatch.setattr(FakeStore, "series_of", counted)
    return asked


def test_a_growing_series_is_not_read_whole_for_each_step(desk: Desk, reads: list[str]) -> None:
    request = desk.ask("1.2", expected=50)
    for number in range(1, 50):
        desk.store.add("1.2", "1.2.1", first=number)
        desk.step(0.1)
    assert len(reads) <= 2 + 5  # a beginning, and once a second
    desk.store.add("1.2", "1.2.1", first=50)
    desk.step(0.1)
    desk.end(request)
    assert desk.told("notify")[0]["numberReceived"] == 50


def test_every_new_series_and_every_study_gets_its_own_images(desk: Desk) -> None:
    requests = [desk.ask("1.2", expected=6), desk.ask("1.3", expected=4)]
    for first in (1, 2):
        desk.store.add("1.2", "1.2.1", first=first)
        desk.store.add("1.3", "1.3.1", 2, first=2 * first - 1)
        desk.store.add("1.2", "1.2.2", 2, first=2 * first - 1, SliceThickness="5")
        desk.step(0.1)
    assert {uid: desk.worker.tell(uid)["counts"] for uid in ("1.2", "1.3")} == {  # type: ignore[index]
        "1.2": {"1.2.1": 2, "1.2.2": 4},
        "1.3": {"1.3.1": 4},
    }
    for one in requests:
        desk.end(one)
    assert [one["completeness"] for one in desk.told("pull_report")] == ["COMPLETE", "COMPLETE"]


def test_an_image_that_is_deleted_while_others_come_is_missed(desk: Desk) -> None:
    request = desk.ask("1.2", expected=5)
    images = desk.store.add("1.2", "1.2.1", 2)
    desk.step(0.1)
    desk.store.add("1.2", "1.2.1", 2, first=3)
    desk.step(0.1)
    del desk.store.images[images[0]]
    desk.store.add("1.2", "1.2.1", 1, first=5)
    desk.step(0.1)
    desk.end(request)
    for _ in range(4):
        desk.step(3)
    (report,) = desk.told("pull_report")
    assert (report["outcome"], report["received"]) == ("short", 4)
    assert desk.told("notify") == []


def test_images_that_are_all_gone_again_are_no_hand_over(desk: Desk) -> None:
    request = desk.ask("1.2", expected=9)
    for first in (1, 3, 5):
        desk.store.add("1.2", "1.2.1", 2, first=first)
        desk.step(0.1)
    desk.store.images.clear()
    desk.end(request)
    for _ in range(4):
        desk.step(3)
    assert desk.told("pull_report")[0]["outcome"] == "failed"
    assert desk.told("notify") == []


@pytest.mark.parametrize("by_series", [True, False], ids=["counts of the series", "count of the study"])
def test_steps_are_rare_only_while_many_images_are_missing(desk: Desk, by_series: bool) -> None:
    desk.ask("1.2", expected=400, expected_series={"1.2.1": 400} if by_series else {})
    paces = []
    here = 0
    for now in (10, 100, 310, 390):
        desk.store.add("1.2", "1.2.1", now - here, first=here + 1)
        here = now
        desk.step(0.1)
        paces.append(desk.worker._thread.pace_s)
    assert paces[0] == LONGEST_S
    assert paces == sorted(paces, reverse=True)
    assert paces[-1] == SHORTEST_S, "the end is near"


def test_a_study_that_stands_still_is_not_looked_at_all_the_time(desk: Desk) -> None:
    desk.ask("1.2", expected=5)
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    soon = desk.worker._thread.pace_s
    desk.step(5)
    assert (soon, desk.worker._thread.pace_s) == (SHORTEST_S, LONGEST_S)


def test_another_study_that_may_be_whole_soon_is_not_kept_waiting(desk: Desk) -> None:
    desk.ask("1.2", expected=2000)
    desk.ask("1.3", expected=5)
    desk.store.add("1.2", "1.2.1", 10)
    desk.store.add("1.3", "1.3.1", 2)
    desk.step(0.1)
    assert desk.worker._thread.pace_s == pace(3, 0) < pace(1990, 0)
