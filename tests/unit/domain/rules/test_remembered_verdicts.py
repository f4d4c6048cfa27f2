"""
What is remembered by the values that decide is what the rules say, whatever the header and the switches.
"""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacs_module.domain.dicom.attributes import (
    AGREEING,
    FRAMES,
    MISSING_IMAGES,
    MULTI_FRAME,
    SLICE_SPACING,
    SeriesFacts,
)
from pacs_module.domain.rules import switches as switches_module
from pacs_module.domain.rules.filters import judge_plainly, judge_series
from pacs_module.domain.rules.switches import Switches

SETS = (
    Switches(),
    Switches(thin_only=True, filter_contrast=True, filter_consecutive_images=True, rules_version=3),
    Switches(
        filter_kernel=True,
        kernels_unwanted=("B70",),
        image_types_dx=("ORIGINAL",),
        filter_other_body_parts=True,
    ),
    Switches(filter_body_part=False, filter_image_type=False, filter_min_instances=False, min_instances_ct=1),
)
VALUES: dict[str, tuple[str, ...]] = {
    "Modality": ("CT", "ct", " DX ", "CR", "MR", "", "PT"),
    "BodyPartExamined": ("CHEST", "HAND", "", "UNKNOWN", "STND", "肺", "THORAX "),
    "ProtocolName": ("1.1 HEAD", "", "LUNG", "胸"),
    "StudyDescription": ("CT CHEST", "CT ABDOMEN", "", "111"),
    "SeriesDescription": ("LUNG 1.25MM", "CHEST C+", "T SPINE", "biopsy", "", "Lung"),
    "ImageComments": ("", "thorax"),
    "ImageType": (
        "ORIGINAL\\PRIMARY\\AXIAL",
        "DERIVED\\PRIMARY\\VOLUME",
        "ORIGINAL\\PRIMARY\\LOCALIZER",
        "",
        "\\\\",
    ),
    "SliceThickness": ("1", "8", "", "1,25 mm", "999", "0"),
    "ConvolutionKernel": ("B70f", "B30f", ""),
    SLICE_SPACING: ("1.25", "7"),
    MULTI_FRAME: ("yes", ""),
    FRAMES: ("200", "3", "", " 12 ", "many", "²"),
    MISSING_IMAGES: ("0", "3"),
    AGREEING: ("24 of 25 images (1 localizer)", ""),
}
headers = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in VALUES.items()}
)


@settings(max_examples=1500, deadline=None)
@given(headers, st.none() | st.sampled_from([0, 1, 9, 10, 500]), st.sampled_from(SETS))
def test_equal_to_the_rules_one_by_one(
    attributes: dict[str, str], instances: int | None, switches: Switches
) -> None:
    for _ in range(2):  # remembered, the second time
        series = SeriesFacts("1.2", attributes, instances)
        remembered, plain = judge_series(series, switches), judge_plainly(series, switches)
        assert (remembered, remembered.rules) == (plain, plain.rules)


def test_bytes_that_are_shown_are_those_of_this_series() -> None:
    attributes: dict[str, Any] = {"Modality": "CT", "BodyPartExamined": "ÐÐ"}
    for raw in ("c3 90", "d0 d0"):
        series = SeriesFacts("1.2", attributes, 100, {"BodyPartExamined": raw})
        assert raw in judge_series(series, SETS[0]).value


def test_memory_is_bounded_and_other_rules_have_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switches_module, "_REMEMBERED", 10)
    first, other = Switches(), Switches(keywords=("STND",))
    for number in range(50):
        series = SeriesFacts("1.2", {"Modality": "CT", "BodyPartExamined": f"STND{number}"}, 100)
        assert not judge_series(series, first).taken
        assert judge_series(series, other).taken
    assert len(first.memory.texts) <= 10
    assert replace(first).memory is not first.memory
