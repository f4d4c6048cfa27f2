"""
The site's further preferences, as a radiologist would say them (M17; "Must show" 4 of the receiving issue).
"""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from pacs_module.domain.dicom.attributes import SLICE_SPACING, SeriesFacts
from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.rules.choice import choose
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.kernel_and_contrast import candidate_here, contrast_phase, kernel_class, made_at
from pacs_module.domain.rules.read_switches import parse_switches
from pacs_module.domain.rules.switches import Switches

SITE = Switches()


def series(uid: str, thickness: str = "1", count: int = 300, **more: str) -> SeriesFacts:
    return SeriesFacts(uid, {"Modality": "CT", "SliceThickness": thickness, **more}, count)


LUNG, SOFT = series("a lung", ConvolutionKernel="B70f"), series("b soft", ConvolutionKernel="B30f")
PLAIN, VENOUS = (
    series("b plain", SeriesDescription="胸部平扫 1mm"),
    series("a venous", SeriesDescription="胸部静脉期 1mm"),
)
AXIAL = series("b axial", ImageType="ORIGINAL\\PRIMARY\\AXIAL")
HELICAL = series("a helical", ImageType="ORIGINAL\\PRIMARY\\HELICAL\\CT_SOM5")
FIRST = series("a first", SeriesDate="20200618", SeriesTime="080626.5")
LATER = series("b later", SeriesDate="20200618", SeriesTime="0915")


@pytest.mark.parametrize(
    ("rule", "order", "preferences", "of", "chosen"),
    [
        ("the lung kernel", ("kernel class",), {"kernel_class_preferred": ("lung",)}, (LUNG, SOFT), "a lung"),
        ("the mediastinal kernel", ("kernel class",), {"kernel_class_preferred": ("mediastinum",)},
         (LUNG, SOFT), "b soft"),
        ("thin before soft", ("thickness", "kernel class"), {"kernel_class_preferred": ("mediastinum",)},
         (LUNG, replace(SOFT, attributes={**SOFT.attributes, "SliceThickness": "5"})), "a lung"),
        ("plain before contrast", ("contrast",), {}, (PLAIN, VENOUS), "b plain"),
        ("the venous phase", ("contrast",), {"contrast_preferred": ("venous", "plain")}, (PLAIN, VENOUS),
         "a venous"),
        ("axial before helical", ("image type",), {"image_types_preferred": ("ORIGINAL\\PRIMARY\\AXIAL",)},
         (AXIAL, HELICAL), "b axial"),
        ("no wish about ImageType: by UID", ("image type",), {}, (AXIAL, HELICAL), "a helical"),
        ("the latest reconstruction", ("thickness", "latest"), {}, (FIRST, LATER), "b later"),
        ("a time is later than none", ("latest",), {}, (series("a untimed"), FIRST), "a first"),
    ],
)  # fmt: skip
def test_of_a_ct_study(
    rule: str, order: tuple[str, ...], preferences: dict[str, Any], of: tuple[SeriesFacts, ...], chosen: str
) -> None:
    site = replace(SITE, choice_order=order, **preferences)
    for way in permutations(candidate_here(one, one.instances or 0, site, final=True) for one in of):
        assert choose(way, dx=False, switches=site).series[0].series_uid == chosen, rule


@pytest.mark.parametrize(
    ("told", "spacing", "words"),
    [
        ("1,25", "", ": 1.25 mm, "),
        ("999", "", ": unknown (999 is not between 0.1 and 100 mm), "),
        ("999", "0.75", ": 0.75 mm (999 is not between 0.1 and 100 mm), "),
        ("thin", "", ": unknown (thin is no number), "),
        ("", "", ": unknown, "),
        ("", "0.75", ": 0.75 mm, "),
    ],
)
def test_k06_the_reason_says_why_a_thickness_was_not_told(told: str, spacing: str, words: str) -> None:
    facts = series("1", told, 300, **{SLICE_SPACING: spacing})
    assert words in choose([candidate_here(facts, 300, SITE, final=True)], dx=False, switches=SITE).why


@pytest.mark.parametrize(
    ("kernel", "is_of"),
    [
        ("B70f", "lung"), ("B31s", "mediastinum"), ("Br64", "lung"), ("Bl57\\3", "lung"),
        ("Bf37", "mediastinum"),
        ("LUNG", "lung"), ("BONEPLUS", "lung"), ("STANDARD", "mediastinum"), ("FC08", "mediastinum"),
        ("FC51", "lung"),
        ("YA", "lung"), ("UB", "mediastinum"), ("B_SOFT_B", "mediastinum"), ("B_SHARP_C", "lung"), ("", ""),
        ("XYZ", ""),
    ],
)  # fmt: skip
def test_classes_of_kernels(kernel: str, is_of: str) -> None:
    assert kernel_class(kernel, SITE) == is_of


@pytest.mark.parametrize(
    ("attributes", "phase"),
    [
        ({"SeriesDescription": "Thorax 1.0 B70f"}, "plain"),
        ({"SeriesDescription": "Thorax CE 1.0"}, "contrast"),
        ({"SeriesDescription": "x", "ContrastBolusAgent": "Iohexol"}, "contrast"),
        ({"SeriesDescription": "x", "ProtocolName": "Chest ARTERIAL"}, "arterial"),
        ({"SeriesDescription": "门脉期"}, "venous"),
        ({"SeriesDescription": "延迟 5min"}, "delayed"),
    ],
)
def test_contrast_phases(attributes: dict[str, str], phase: str) -> None:
    assert contrast_phase(SeriesFacts("1", attributes), SITE) == phase


@pytest.mark.parametrize(
    ("day", "time", "moment"),
    [
        ("20200618", "080626.123", "20200618080626"), ("20200618", "0806", "20200618080600"),
        ("2020.06.18", "080626", "20200618080626"), ("20200618", "", ""), ("", "080626", ""),
        ("june", "noon", ""),
    ],
)  # fmt: skip
def test_the_moment_of_a_reconstruction(day: str, time: str, moment: str) -> None:
    assert made_at(SeriesFacts("1", {"SeriesDate": day, "SeriesTime": time})) == moment


def test_ct_and_dx_have_rules_of_their_own() -> None:
    dx = SeriesFacts(
        "1",
        {"Modality": "DX", "BodyPartExamined": "HAND", "SliceThickness": "9", "SeriesDescription": "x"},
        1,
    )
    assert not judge_series(dx, SITE).taken
    assert judge_series(dx, replace(SITE, filter_body_part_dx=False)).taken
    assert judge_series(dx, replace(SITE, keywords_dx=("HAND",))).taken
    ct = replace(dx, attributes={**dx.attributes, "Modality": "CT"})
    assert (
        judge_series(ct, replace(SITE, keywords_dx=("HAND",), filter_body_part_dx=False)).rule == "body part"
    )
    only_contrast = replace(
        SITE, filter_body_part_dx=False, filter_contrast=True, filter_consecutive_images=True
    )
    gaps = replace(dx, attributes={**dx.attributes, "missing images": "3"})
    assert judge_series(gaps, only_contrast).taken


@pytest.mark.parametrize(
    ("key", "value"),
    [("CHOICE_ORDER", ["colour"]), ("KERNEL_CLASS_PREFERRED", ["bone"]), ("CONTRAST_PREFERRED", ["late"])],
)
def test_a_preference_that_there_is_not(key: str, value: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=key):
        parse_switches({key: value})
