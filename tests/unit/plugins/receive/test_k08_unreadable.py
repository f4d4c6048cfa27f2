"""
An image that nobody after us can read is not handed over, wherever it lies in its series, and is told (K8).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aipull.receive.arriving_study import ArrivingStudy
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.receive.image_origin import PacsWord
from tests.fakes.orthanc_store import name_of
from tests.fakes.reception_desk import Desk
from tests.support.images.poison import nested

DEEP = nested(5_000)


def poison(desk: Desk, *images: str) -> None:
    for image in images:
        content = desk.store.stored(image).read_bytes() + DEEP
        desk.store.stored(image).write_bytes(content)
        desk.store.images[image]["size"] = len(content)


def pulled(
    desk: Desk, series: dict[str, int], poisoned: tuple[str, ...], modality: str = "CT"
) -> dict[str, Any]:
    total = sum(series.values())
    desk.answers.says = PacsWord("P1", total)
    request = desk.ask("1.2", expected=total)
    for uid, count in series.items():
        desk.store.add("1.2", uid, count, Modality=modality)
    poison(desk, *poisoned)
    desk.end(request)
    for _ in range(3):
        desk.step(3)
    report: dict[str, Any] = desk.told("pull_report")[0]
    return report


def handed_over(desk: Desk, tmp_path: Path) -> list[str]:
    folder = tmp_path / "handover" / Path(desk.told("notify")[0]["filepath"]).name
    return sorted(name_of(file) for file in folder.rglob("*.dcm"))


@pytest.mark.parametrize("place", [1, 2, 13, 24])
def test_one_of_a_ct_series_stays_behind(desk: Desk, tmp_path: Path, place: int) -> None:
    bad = f"P1-1.2.1-{place}"
    report = pulled(desk, {"1.2.1": 24}, (bad,))
    assert (report["outcome"], report["completeness"]) == ("received", "COMPLETE")
    assert report["series"][0]["verdict"]["images"] == "23 of 24 images (1 not readable)"
    files = handed_over(desk, tmp_path)
    assert len(files) == 23
    assert bad not in files
    assert desk.told("notify")[0]["numberReceived"] == 23
    (manifest,) = (tmp_path / "handover").glob("*.manifest.json")
    (odd,) = json.loads(manifest.read_text(encoding="utf-8"))["oddImages"]
    assert odd["images"] == [
        {"sopInstanceUID": f"sop-{bad}", "why": "not readable", "value": "more than 32 nested sequences"}
    ]


def test_another_series_is_computed_where_a_whole_one_cannot_be_read(desk: Desk, tmp_path: Path) -> None:
    bad = tuple(f"P1-1.2.1-{number}" for number in range(1, 41))
    report = pulled(desk, {"1.2.1": 40, "1.2.2": 20}, bad)
    assert report["outcome"] == "received"
    assert {file.split("-")[1] for file in handed_over(desk, tmp_path)} == {"1.2.2"}
    became = {one["seriesUID"]: (one["outcome"], one["outcomeWhy"]) for one in report["series"]}
    assert became["1.2.1"] == ("kept_back", "images came that cannot be read")


def test_a_study_of_nothing_else_is_no_hand_over(desk: Desk) -> None:
    report = pulled(desk, {"1.2.1": 12}, tuple(f"P1-1.2.1-{number}" for number in range(1, 13)))
    assert (report["outcome"], report["message"]) == ("failed", "images came that cannot be read")
    assert desk.told("notify") == []


def test_a_view_of_a_radiograph_stays_behind(desk: Desk, tmp_path: Path) -> None:
    report = pulled(desk, {"1.2.1": 2, "1.2.2": 1}, ("P1-1.2.1-1",), "DX")
    assert report["outcome"] == "received"
    assert handed_over(desk, tmp_path) == ["P1-1.2.1-2", "P1-1.2.2-1"]


def test_a_radiograph_of_one_view_that_cannot_be_read_leaves_the_other_series(
    desk: Desk, tmp_path: Path
) -> None:
    report = pulled(desk, {"1.2.1": 1, "1.2.2": 1}, ("P1-1.2.1-1",), "DX")
    assert report["outcome"] == "received"
    assert handed_over(desk, tmp_path) == ["P1-1.2.2-1"]


ERRORS = [
    ValueError("unforeseen"),
    KeyError("PatientID"),
    RecursionError("too deep"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    MemoryError(),
    RetriableError("Orthanc does not answer"),
    OSError(28, "No space left on device"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_k08_whatever_goes_wrong_with_one_study_the_others_are_handed_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    look = desk.worker._look

    def looks(arrival: ArrivingStudy) -> None:
        if arrival.row.study_uid == "1.2" and not mended:
            raise error
        look(arrival)

    mended: list[str] = []
    monkeypatch.setattr(desk.worker, "_look", looks)
    requests = [desk.ask(study, expected=3) for study in ("1.2", "1.3")]
    for study in ("1.2", "1.3"):
        desk.store.add(study, f"{study}.1", 3)
    for request in requests:
        desk.end(request)
    for _ in range(3):
        desk.step(3)
    assert [one["studyUID"] for one in desk.told("notify")] == ["1.3"]
    arrival = desk.worker._arrivals.get("1.2")
    assert arrival is not None
    assert arrival.why_open is not None
    assert arrival.why_open.reason == "step_failed"
    assert told(desk) == 1, "once, and not in every step"
    mended.append("by hand")
    desk.step(3)
    assert [one["studyUID"] for one in desk.told("notify")] == ["1.3", "1.2"]


@pytest.mark.parametrize("error", ERRORS[:3], ids=lambda error: type(error).__name__)
def test_k08_a_study_that_cannot_be_deleted_keeps_no_other_on_the_ram_disk(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    requests = [desk.ask(study, expected=3) for study in ("1.2", "1.3", "1.4")]
    for study in ("1.2", "1.3", "1.4"):
        desk.store.add(study, f"{study}.1", 3)
    for request in requests:
        desk.end(request)
    for _ in range(3):
        desk.step(3)
    delete = desk.store.delete_instances

    def refuses(images: list[str]) -> None:
        if any(one.startswith("P1-1.3.1") for one in images):
            raise error
        delete(images)

    monkeypatch.setattr(desk.store, "delete_instances", refuses)
    with pytest.raises(type(error)):
        desk.deletion.step()
    assert {image["study"] for image in desk.store.images.values()} == {"1.3"}
    monkeypatch.setattr(desk.store, "delete_instances", delete)
    desk.deletion.step()
    assert desk.store.images == {}


def told(desk: Desk) -> int:
    text = (desk.log_folder / "orthanc-python.jsonl").read_text(encoding="utf-8")
    return text.count('"reception_step_failed"')
