"""
K6 and K10 against the real Orthanc with the plugins: what stands in the headers of images that are pulled.

Other inputs of these kinds: tests/unit/domain/dicom/test_k06_*.py, tests/unit/domain/rules/test_k10_*.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import generate_uid

from tests.fakes.plugin_stack import PluginStack, ct_series

pytestmark = pytest.mark.server("orthanc", "orthanc-python")

_THICKNESS = Tag(0x0018, 0x0050)
_SAID: dict[str, Any] = {"ProtocolName": None, "StudyDescription": None}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginStack]:
    with PluginStack(tmp_path_factory.mktemp("headers"), "STABLE_AGE = 3.0\n") as running:
        yield running


def with_thickness(images: list[Dataset], text: str) -> list[Dataset]:
    """As a device writes it, which pydicom would refuse."""
    value = text.encode("utf-8")
    for image in images:
        padded = value + b" " * (len(value) % 2)
        image[_THICKNESS] = RawDataElement(_THICKNESS, "DS", len(padded), padded, 0, False, True)
    return images


def handed_over(stack: PluginStack, *series: list[Dataset]) -> tuple[str, str]:
    """The series that was handed over, and why it and no other one."""
    images = [image for one in series for image in one]
    stack.to_pacs(images)
    study = str(images[0].StudyInstanceUID)
    report = stack.report_of(stack.pull(study, expected=len(images)))
    assert report["outcome"] == "received", report
    (notification,) = stack.recorder.taken("notify", study)
    chosen = str(notification["seriesUID"])
    (why,) = [one["outcomeWhy"] for one in report["series"] if one["seriesUID"] == chosen]
    return chosen, str(why)


@pytest.mark.parametrize("text", ["1,25", "1.25 mm", "+1.25", "1.25\\1.25", "125e-2"])
def test_k06_a_thickness_that_anybody_can_read_is_chosen(stack: PluginStack, text: str) -> None:
    study = generate_uid()
    thin, thick = with_thickness(ct_series(study, 11), text), ct_series(study, 14, SliceThickness="5.0")
    chosen, why = handed_over(stack, thick, thin)
    assert chosen == thin[0].SeriesInstanceUID
    assert "1.25 mm" in why


@pytest.mark.parametrize("text", ["999", "0", "-5", "NaN", "thin"])
def test_k06_a_thickness_that_cannot_be_true_falls_back_on_the_number_of_images(
    stack: PluginStack, text: str
) -> None:
    study = generate_uid()
    untold, thick = with_thickness(ct_series(study, 14), text), ct_series(study, 11, SliceThickness="5.0")
    chosen, why = handed_over(stack, thick, untold)
    assert chosen == untold[0].SeriesInstanceUID
    assert "by instances before" in why


@pytest.mark.parametrize("text", ["ＣＨＥＳＴ　１ｍｍ", "Tórax", "胸部 1mm"])
def test_k06_a_text_that_anybody_can_read_has_the_keyword(stack: PluginStack, text: str) -> None:
    images = ct_series(generate_uid(), 12, BodyPartExamined=None, SeriesDescription=text, **_SAID)
    assert handed_over(stack, images)[0] == images[0].SeriesInstanceUID


@pytest.mark.parametrize(("lung", "soft"), [("B50f", "B30f"), ("LUNG", "STANDARD"), ("FC51", "FC10")])
def test_k10_of_two_equal_series_the_kernel_is_no_lot(stack: PluginStack, lung: str, soft: str) -> None:
    study, uids = generate_uid(), sorted(generate_uid() for _ in range(2))
    first = ct_series(study, 12, series_uid=uids[0], ConvolutionKernel=soft)
    second = ct_series(study, 12, series_uid=uids[1], ConvolutionKernel=lung)
    chosen, why = handed_over(stack, first, second)
    assert (chosen, why.count("by kernel class before")) == (uids[1], 1)


TAKEN: list[dict[str, Any]] = [
    {"BodyPartExamined": "UNKNOWN", "SeriesDescription": "Thorax"},
    {"BodyPartExamined": "XXX", "SeriesDescription": "LUNG"},
    {"BodyPartExamined": "CAP", "SeriesDescription": "1.0"},
    {"BodyPartExamined": "CHABDPELV", "SeriesDescription": "1.0"},
    {"BodyPartExamined": "TORACE", "SeriesDescription": "1.0"},
    {"BodyPartExamined": "WHOLEBODY", "SeriesDescription": "1.0"},
    {
        "BodyPartExamined": "HEAD",
        "SeriesDescription": "LUNG AXIAL CT 2.5 MM",
        "StudyDescription": "PETCT_Skull_MidThigh",
    },
]
DROPPED: list[tuple[dict[str, Any], str]] = [
    ({"BodyPartExamined": "CHEST", "SeriesDescription": "T-SPINE"},
     "BodyPartExamined CHEST, but SeriesDescription says t spine"),
    ({"BodyPartExamined": None, "SeriesDescription": "胸椎CT平扫"}, "says 胸椎"),
    ({"BodyPartExamined": None, "SeriesDescription": "胸锁关节"}, "says 胸锁"),
    ({"BodyPartExamined": None, "SeriesDescription": "CHEST WALL BIOPSY"}, "says biopsy"),
    ({"BodyPartExamined": None, "SeriesDescription": "LUNG", "StudyDescription": "CT ABDOMEN"},
     "StudyDescription:CT ABDOMEN SeriesDescription:LUNG"),
    ({"BodyPartExamined": "UNKNOWN", "SeriesDescription": "ESCAPE"}, "SeriesDescription:ESCAPE"),
    ({"BodyPartExamined": "HAND", "SeriesDescription": "Chest 1.0"}, "BodyPartExamined HAND"),
]  # fmt: skip


def test_k10_the_default_rules_on_real_headers(stack: PluginStack) -> None:
    study = generate_uid()
    taken = [ct_series(study, 10, **{**_SAID, **values}) for values in TAKEN]
    dropped = [(ct_series(study, 10, **{**_SAID, **values}), words) for values, words in DROPPED]
    images = [image for one in (*taken, *(one for one, _ in dropped)) for image in one]
    stack.to_pacs(images)
    report = stack.report_of(stack.pull(study, expected=len(images)))
    verdicts = {one["seriesUID"]: one for one in report["series"]}
    for one in taken:
        assert verdicts[one[0].SeriesInstanceUID]["taken"], one[0]
    for one, words in dropped:
        verdict = verdicts[one[0].SeriesInstanceUID]
        assert not verdict["taken"], one[0]
        assert words in verdict["because"]
        assert stack.lines(f"{one[0].SeriesInstanceUID} filter because BodyPartExamined")
