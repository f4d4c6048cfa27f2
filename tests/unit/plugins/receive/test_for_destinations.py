"""A pull for destinations: what was asked for is handed over as it comes, whatever the rules say of it."""

from __future__ import annotations

from typing import Any

from tests.fakes.reception_desk import Desk

SR: dict[str, Any] = {"Modality": "SR"}
THICK: dict[str, Any] = {"Modality": "CT", "BodyPartExamined": "FOOT", "SliceThickness": "8"}
OTHERS: dict[str, Any] = {
    "level": "SERIES",
    "series_uids": ("1.2.2", "1.2.9"),
    "skip_filter": ("1.2.2", "1.2.9"),
    "forced": True,
    "for_destinations": ("region",),
    "announced": {"1.2.2": THICK, "1.2.9": SR},
    "expected_series": {"1.2.2": 2, "1.2.9": 1},
    "expected": 3,
}


def test_all_of_them_are_handed_over_once_and_whole(desk: Desk) -> None:
    request = desk.ask("1.2", **OTHERS)
    desk.store.add("1.2", "1.2.2", 2, **THICK)
    desk.step()
    assert desk.sent() == []  # the dose report is still to come
    desk.store.add("1.2", "1.2.9", 1, **SR)
    desk.step()
    desk.end(request)
    desk.step(5)
    (notification,) = desk.told("notify")
    assert {one["seriesUID"]: one["numberReceived"] for one in notification["series"]} == {
        "1.2.2": 2,
        "1.2.9": 1,
    }
    assert (notification["completeness"], notification["pullID"]) == ("COMPLETE", request.pull_id)
    assert not [line for line in desk.lines() if "Thickest" in line or "reinform" in line]


def test_what_lacks_is_pulled_again(desk: Desk) -> None:
    request = desk.ask("1.2", **OTHERS)
    desk.store.add("1.2", "1.2.2", 1, **THICK)
    desk.step()
    desk.end(request)
    desk.step(5)
    (report,) = desk.told("pull_report")
    assert (report["outcome"], report["completeness"]) == ("short", "SHORT 1 of 3")


def test_what_lies_here_beside_them_is_not_theirs(desk: Desk) -> None:
    request = desk.ask("1.2", **OTHERS)
    desk.store.add("1.2", "1.2.1", 4)
    desk.store.add("1.2", "1.2.2", 2, **THICK)
    desk.store.add("1.2", "1.2.9", 1, **SR)
    desk.step()
    desk.end(request)
    desk.step(5)
    (notification,) = desk.told("notify")
    assert {one["seriesUID"] for one in notification["series"]} == {"1.2.2", "1.2.9"}
    assert notification["completeness"] == "COMPLETE"
    told = (desk.log_folder / "orthanc-python.jsonl").read_text(encoding="utf-8")
    assert "all 2 series that region wants" in told
    assert "DX: all" not in told


def both_handed_over(desk: Desk) -> None:
    """First the series to compute, then the others for a destination."""
    first = desk.ask("1.2", announced={"1.2.1": {"Modality": "CT"}}, expected_series={"1.2.1": 4}, expected=4)
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    desk.end(first)
    for _ in range(5):
        desk.step(4)
    desk.deletion.step()
    others = desk.ask("1.2", **OTHERS)
    desk.store.add("1.2", "1.2.2", 2, **THICK)
    desk.store.add("1.2", "1.2.9", 1, **SR)
    desk.step()
    desk.end(others)
    for _ in range(5):
        desk.step(4)
    desk.deletion.step()
    assert len(desk.told("notify")) == 2


def test_the_backends_series_is_not_handed_over_again_after_them(desk: Desk) -> None:
    both_handed_over(desk)
    again = desk.ask(
        "1.2", announced={"1.2.1": {"Modality": "CT"}}, expected_series={"1.2.1": 4}, expected=4,
        before_series=("1.2.1",), before_instances=4, known_handover="0" * 32,
    )  # fmt: skip
    desk.store.add("1.2", "1.2.1", 4)
    desk.step()
    desk.end(again)
    desk.step(5)
    assert len(desk.told("notify")) == 2
    assert desk.told("pull_report")[-1]["outcome"] == "nothing_new"


def test_nor_when_its_images_are_pushed_after_them(desk: Desk) -> None:
    both_handed_over(desk)
    desk.store.add("1.2", "1.2.1", 4)
    for _ in range(20):
        desk.step(10)
    assert len(desk.told("notify")) == 2
