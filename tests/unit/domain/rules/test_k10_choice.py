"""K10: no series is chosen by its UID while anything that is told tells it from another one."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.rules.choice import Choice, choose, rivals
from pacs_module.domain.rules.kernel_and_contrast import candidate_announced, candidate_here
from pacs_module.domain.rules.switches import Switches

SITE = Switches()
AXIAL, HELICAL = "ORIGINAL\\PRIMARY\\AXIAL", "ORIGINAL\\PRIMARY\\HELICAL"


def series(uid: str, count: int = 150, /, **more: str) -> SeriesFacts:
    return SeriesFacts(uid, {"Modality": "CT", "SliceThickness": "2.0", **more}, count)


def chosen(*facts: SeriesFacts, switches: Switches = SITE) -> Choice:
    choices = {
        choose([candidate_here(one, one.instances or 0, switches, True) for one in order], False, switches)
        for order in permutations(facts)
    }
    assert len(choices) == 1, "the order makes a difference"
    return choices.pop()


@pytest.mark.parametrize(
    ("kind", "better", "other", "by"),
    [
        ("lung and mediastinal kernel", {"ConvolutionKernel": "B50f"}, {"ConvolutionKernel": "B30f"},
         "kernel class"),
        ("the kernels of GE", {"ConvolutionKernel": "BONE"}, {"ConvolutionKernel": "STANDARD"},
         "kernel class"),
        ("the kernels of Toshiba", {"ConvolutionKernel": "FC51"}, {"ConvolutionKernel": "FC10"},
         "kernel class"),
        ("the kernels of Philips", {"ConvolutionKernel": "D"}, {"ConvolutionKernel": "C"}, "kernel class"),
        ("two lung kernels", {"ConvolutionKernel": "B60f"}, {"ConvolutionKernel": "B70f"}, "kernel"),
        ("a lung kernel of another list", {"ConvolutionKernel": "B50f"}, {"ConvolutionKernel": "BL57"},
         "kernel"),
        ("a kernel nobody knows", {"ConvolutionKernel": "Q1"}, {"ConvolutionKernel": "Q2"}, "kernel"),
        ("plain and contrast", {"SeriesDescription": "x"}, {"SeriesDescription": "x CE"}, "contrast"),
        ("the latest reconstruction", {"SeriesDate": "20260101", "SeriesTime": "1101"},
         {"SeriesDate": "20260101", "SeriesTime": "1059"}, "latest"),
        ("its number", {"SeriesNumber": "9"}, {"SeriesNumber": "10"}, "SeriesNumber"),
        ("a number and none", {"SeriesNumber": "300"}, {"SeriesNumber": ""}, "SeriesNumber"),
        ("the description", {"SeriesDescription": "Lung 360"}, {"SeriesDescription": "Lung 400"},
         "SeriesDescription"),
        ("a description and none", {"SeriesDescription": "x"}, {"SeriesDescription": ""},
         "SeriesDescription"),
        ("the fuller ImageType", {"ImageType": f"{HELICAL}\\A"}, {"ImageType": AXIAL}, "image type"),
        ("the ImageType", {"ImageType": AXIAL}, {"ImageType": HELICAL}, "ImageType"),
        ("the protocol", {"ProtocolName": "Chest"}, {"ProtocolName": "Chest low dose"}, "ProtocolName"),
        ("what nobody foresaw", {"FilterType": "BODY"}, {"FilterType": "WEDGE"}, "FilterType"),
        ("how the thickness is written", {"SliceThickness": "2"}, {"SliceThickness": "2.0"},
         "SliceThickness"),
    ],
)  # fmt: skip
def test_what_is_told_decides_before_the_uid(
    kind: str, better: dict[str, str], other: dict[str, str], by: str
) -> None:
    for uids in (("1", "2"), ("2", "1")):
        choice = chosen(series(uids[0], **better), series(uids[1], **other))
        assert choice.series[0].series_uid == uids[0], kind
        assert f"by {by} before" in choice.why


def test_only_what_is_told_alike_is_decided_by_uid() -> None:
    choice = chosen(series("1", SeriesDescription="x"), series("2", SeriesDescription="x"))
    assert choice.why.endswith("equal to 2, by UID")


@pytest.mark.parametrize("order", [("kernel class",), ("latest",), (), ("instances",)])
def test_what_choice_order_leaves_out_decides_before_the_uid(order: tuple[str, ...]) -> None:
    site = replace(SITE, choice_order=order)
    choice = chosen(series("2", SliceThickness="1"), series("1", SliceThickness="5"), switches=site)
    assert choice.series[0].series_uid == "2"
    assert "by thickness before" in choice.why


def test_the_old_order_still_decides_first() -> None:
    site = replace(SITE, choice_order=("thickness", "instances", "kernel"), kernel_preferred=("B30",))
    lung, soft = series("1", ConvolutionKernel="B50f"), series("2", ConvolutionKernel="B30f")
    assert chosen(lung, soft, switches=site).series[0].series_uid == "2"
    fewer = series("1", 200, ConvolutionKernel="B30f")
    assert chosen(fewer, series("2", 300)).series[0].series_uid == "2"


def test_a_series_to_come_that_is_equal_so_far_is_waited_for() -> None:
    here = candidate_here(series("1", ConvolutionKernel="B50f"), 150, SITE, True)
    announced = {
        "equal, and its kernel is not told": (series("2"), True),
        "equal in all that decides, its images may tell more": (series("2", ConvolutionKernel="B50f"), True),
        "another kernel": (series("2", ConvolutionKernel="B30f"), False),
        "thicker": (series("2", SliceThickness="5"), False),
        "fewer": (series("2", 100), False),
    }
    for kind, (facts, waits) in announced.items():
        coming = candidate_announced(facts, SITE)
        assert bool(rivals(here, [here, coming], SITE)) is waits, kind


_TEXTS = st.sampled_from(["", "a", "B", "1", "10", "２", "B50f", "B30f"])
_NAMES = [
    "ConvolutionKernel",
    "SeriesDescription",
    "SeriesNumber",
    "ImageType",
    "SliceThickness",
    "SeriesTime",
]
_ATTRIBUTES = st.dictionaries(st.sampled_from(_NAMES), _TEXTS)


@given(st.lists(_ATTRIBUTES, min_size=2, max_size=4))
def test_by_uid_only_where_the_two_are_told_alike(several: list[dict[str, Any]]) -> None:
    facts = {str(uid): series(str(uid), **told) for uid, told in enumerate(several)}
    choice = chosen(*facts.values())
    if choice.why.endswith("by UID"):
        best, second = choice.series[0].series_uid, choice.why.split("equal to ")[1].split(",")[0]
        told = [
            {name: text for name, text in facts[uid].attributes.items() if text} for uid in (best, second)
        ]
        assert told[0] == told[1]
