"""Which device made a series, as it stands in lists: bounded, readable, and each device once."""

from __future__ import annotations

import pytest

from pacs_module.domain.dicom.device import MAX_PART, Device, device_of, devices_of_study
from pacs_module.domain.explain.listing import judged_alike, row_of
from pacs_module.domain.json_messages.messages import SeriesReport
from pacs_module.domain.study.study import SeriesRecord, Study

GE = {
    "Manufacturer": "GE MEDICAL SYSTEMS ",
    "ManufacturerModelName": " Revolution  EVO",
    "StationName": "CT99\0",
}
NAME = "GE MEDICAL SYSTEMS / Revolution EVO / CT99"


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        (GE, NAME),
        ({}, ""),
        ({"Manufacturer": "  ", "StationName": "CT\x1f3"}, "CT 3"),
        ({"Manufacturer": "x" * 5000}, "x" * MAX_PART),
        ({"StationName": "联影\r\nuCT"}, "联影 uCT"),
        ({"ManufacturerModelName": "uCT 780"}, "uCT 780"),
    ],
)
def test_a_device_has_a_short_name_on_one_line(attributes: dict[str, str], name: str) -> None:
    assert device_of(attributes).name == name


def test_what_nobody_told_is_said_so() -> None:
    assert Device().words == "not told"


@pytest.mark.parametrize(
    ("series", "devices"),
    [
        ([("CT", "GE / CT-1"), ("CT", "GE / CT-1")], ("GE / CT-1",)),
        ([("CT", "GE / CT-1"), ("SR", "Viewer / WS-9")], ("GE / CT-1",)),
        ([("SR", "Viewer / WS-9")], ("Viewer / WS-9",)),
        ([("CT", "GE"), ("CT", "GE / Revolution / CT-1")], ("GE / Revolution / CT-1",)),
        ([("CT", "GE / CT-1"), ("CT", "GE / CT-2"), ("CT", "")], ("GE / CT-1", "GE / CT-2")),
        ([], ()),
    ],
)
def test_a_study_names_each_of_its_devices_once(
    series: list[tuple[str, str]], devices: tuple[str, ...]
) -> None:
    assert devices_of_study(series) == devices


def report(uid: str, **values: str) -> SeriesReport:
    return SeriesReport(uid, True, "all", "", 100, modality="CT", attributes=values)


def test_the_row_names_the_device_from_the_report_of_the_images_on() -> None:
    study = Study("1.2")
    study.remember_found([SeriesRecord("1.2.1", True, "all", "", "find", "CT", device="GE MEDICAL SYSTEMS")])
    assert row_of(study).device == ("GE MEDICAL SYSTEMS",)
    study.remember_series([report("1.2.1", **GE)], 0)
    assert row_of(study).device == (NAME,)


def test_a_report_that_tells_no_headers_leaves_the_device() -> None:
    """A notification has none, and comes before or after the report of its pull."""
    study = Study("1.2")
    for attributes in (GE, {}):
        study.remember_series([report("1.2.1", **attributes)], 0)
        study.remember_found([SeriesRecord("1.2.1", True, "all", "", "find", "CT")])
    assert row_of(study).device == (NAME,)


def test_a_series_without_a_device_counts_for_the_only_one_of_its_study() -> None:
    study = Study("1.2")
    study.remember_series([report("1.2.1", **GE), report("1.2.2")], 0)
    (judged,) = judged_alike(study)
    assert (judged.device, judged.series) == (NAME, 2)
    study.remember_series([report("1.2.3", StationName="CT-7")], 0)
    assert {one.device for one in judged_alike(study)} == {NAME, "", "CT-7"}
