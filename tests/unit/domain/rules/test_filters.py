"""The filter rules as the site knows them (M2-M5, operator-contract section 6)."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.rules.filters import ASKED_AT_FIND, goes_with, is_dx, judge_modalities, judge_series
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.rules.verdict import Verdict

SITE = Switches()
AXIAL = "ORIGINAL\\PRIMARY\\AXIAL"


def ct(instances: int | None = 300, /, **attributes: str) -> SeriesFacts:
    """A chest CT series that is taken, but for what is given."""
    usual = {"Modality": "CT", "BodyPartExamined": "CHEST", "ImageType": AXIAL, "SliceThickness": "1.25"}
    told = dict.fromkeys(ASKED_AT_FIND, "")
    return SeriesFacts("1.2.3", {**told, **usual, **attributes}, instances)


def said(series: SeriesFacts, switches: Switches = SITE) -> str:
    verdict = judge_series(series, switches)
    return "taken" if verdict.taken else verdict.because


# --- by study ---


@pytest.mark.parametrize(
    ("modalities", "taken"),
    [
        (("CT",), True),
        (("CT", "PR"), True),
        (("MG", "CT"), True),
        (("DX",), True),
        (("DR",), True),
        (("CR",), True),
        (("MR",), False),
        (("RF",), False),
        (("OT",), False),
        (
            ("SR", "PR"),
            True,
        ),  # objects that go with images: a PACS that tells one modality only hides the CT behind them
        (("MR", "SR"), False),
        ((), True),  # not told: the series or the images will tell
    ],
)
def test_field_cases_1_and_2_modalities_in_study_contain_a_wanted_one(
    modalities: tuple[str, ...], taken: bool
) -> None:
    assert judge_modalities(modalities, SITE).taken is taken


def test_field_case_2_rf_and_ot_can_be_switched_on() -> None:
    site = replace(SITE, dx_modalities=("DX", "DR", "CR", "RF", "OT"))
    assert judge_modalities(("RF",), site).taken
    assert judge_modalities(("OT",), site).taken


def test_a_modality_that_the_pacs_leaves_empty_drops_nothing() -> None:
    assert said(ct(Modality="")) == "taken"


def test_field_case_2_the_words_of_the_log() -> None:
    assert said(ct(Modality="RF")) == "Modality RF"


@pytest.mark.parametrize(
    ("modalities", "dx"),
    [
        (("DX",), True),
        (("CR", "PR"), True),
        (("CT",), False),
        (("CT", "DX"), False),
        (("MR",), False),
        ((), False),
    ],
)
def test_field_case_17_what_is_radiography(modalities: tuple[str, ...], dx: bool) -> None:
    assert is_dx(modalities, SITE) is dx


# --- body part ---


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"BodyPartExamined": "CHEST"}, "taken"),
        ({"BodyPartExamined": "Chest_To_Abdomen"}, "taken"),
        ({"BodyPartExamined": "HAND"}, "BodyPartExamined HAND"),
        ({"BodyPartExamined": "HAND", "SeriesDescription": "LUNG"}, "BodyPartExamined HAND"),
        ({"BodyPartExamined": "", "SeriesDescription": "LowDoseLung"}, "taken"),
        ({"BodyPartExamined": "", "ProtocolName": "pulmo hr"}, "taken"),
        ({"BodyPartExamined": "", "StudyDescription": "Thorax nativ"}, "taken"),
        ({"BodyPartExamined": "", "ImageComments": "chest"}, "taken"),
        ({"BodyPartExamined": "", "SeriesDescription": "胸部平扫"}, "taken"),
        ({"BodyPartExamined": "  ", "SeriesDescription": "胸部"}, "taken"),
    ],
)
def test_body_part(attributes: dict[str, str], words: str) -> None:
    assert said(ct(**attributes)) == words


def test_the_words_of_the_log_when_the_body_part_is_empty() -> None:
    series = ct(
        BodyPartExamined="",
        ProtocolName="1.1 HEAD",
        StudyDescription="HEAD",
        SeriesDescription="SKULL 1.25MM",
    )
    assert said(series) == (
        "BodyPartExamined: ProtocolName:1.1 HEAD StudyDescription:HEAD SeriesDescription:SKULL "
        "1.25MM ImageComments:"
    )


def test_field_case_3_a_study_description_of_111_decides_nothing() -> None:
    assert said(ct(BodyPartExamined="", StudyDescription="111", SeriesDescription="Lung")) == "taken"
    assert said(ct(BodyPartExamined="", StudyDescription="111", SeriesDescription="Skull")).startswith(
        "BodyPartExamined: "
    )


def test_field_case_4_damaged_chinese_is_taken_and_shown_with_its_bytes() -> None:
    assert said(ct(BodyPartExamined="", SeriesDescription="ÐØ²¿")) == "taken"
    words = said(ct(BodyPartExamined="", SeriesDescription="Í·Â­"))
    assert "SeriesDescription:头颅 [c3 8d c2 b7 c3 82 c2 ad]" in words


def test_field_case_4_the_bytes_on_the_wire_where_they_are_known() -> None:
    series = SeriesFacts(
        "1", {"Modality": "CT", "BodyPartExamined": "头"}, 300, {"BodyPartExamined": "cd b7"}
    )
    assert said(series) == "BodyPartExamined 头 [cd b7]"


@pytest.mark.parametrize("attribute", ["ProtocolName", "StudyDescription", "SeriesDescription"])
def test_field_case_5_any_keyword_in_any_attribute(attribute: str) -> None:
    assert said(ct(BodyPartExamined="", **{attribute: "肺 HRCT"})) == "taken"
    site = replace(SITE, keywords=(*SITE.keywords, "STND"))
    assert said(ct(BodyPartExamined="", **{attribute: "5mm STND"}), site) == "taken"
    assert said(ct(BodyPartExamined="", **{attribute: "5mm STND"})) != "taken"


def test_what_was_not_told_drops_nothing() -> None:
    assert said(SeriesFacts("1", {}, None)) == "taken"
    assert said(SeriesFacts("1", {"Modality": "CT"}, None)) == "taken"
    assert (
        said(SeriesFacts("1", {"Modality": "CT", "StudyDescription": "111"}, None)) == "taken"
    )  # all that dcmqrscp tells


@pytest.mark.parametrize(
    "untold", ["BodyPartExamined", "ProtocolName", "StudyDescription", "SeriesDescription"]
)
def test_no_series_is_dropped_for_a_keyword_that_may_stand_where_the_pacs_did_not_tell(untold: str) -> None:
    told = {keyword: "" for keyword in ASKED_AT_FIND if keyword != untold}
    assert said(SeriesFacts("1", {"Modality": "CT", **told}, None)) == "taken"
    assert said(SeriesFacts("1", {"Modality": "CT", **told, untold: ""}, None)).startswith(
        "BodyPartExamined: "
    )


def test_a_verdict_names_what_decided_when_the_series_is_taken() -> None:
    verdict = judge_series(ct(BodyPartExamined="", SeriesDescription="Lung"), SITE)
    assert verdict == Verdict(True, "body part", "SeriesDescription", "Lung")


# --- image type, thickness, instances, kernel, contrast, gaps ---


@pytest.mark.parametrize(
    ("image_type", "words"),
    [
        (AXIAL, "taken"),
        ("ORIGINAL\\PRIMARY\\HELICAL", "taken"),
        ("ORIGINAL\\PRIMARY\\AXIAL\\CT_SOM5 SPI", "taken"),
        ("original\\primary\\other\\axial", "taken"),
        ("DERIVED\\SECONDARY\\MPR", "ImageType DERIVED\\SECONDARY\\MPR"),
        ("ORIGINAL\\PRIMARY\\LOCALIZER", "ImageType ORIGINAL\\PRIMARY\\LOCALIZER"),
        ("DERIVED\\PRIMARY\\AXIAL", "ImageType DERIVED\\PRIMARY\\AXIAL"),
        ("", "taken"),
    ],
)
def test_field_case_7_image_type(image_type: str, words: str) -> None:
    assert said(ct(ImageType=image_type)) == words


def test_field_case_7_a_site_may_end_a_wanted_type_with_a_backslash() -> None:
    site = replace(SITE, image_types_ct=("ORIGINAL\\ PRIMARY \\",))
    assert said(ct(ImageType="ORIGINAL\\PRIMARY\\AXIAL"), site) == "taken"


def test_image_type_of_dx_is_not_judged_unless_the_site_says_so() -> None:
    dx = SeriesFacts("1", {"Modality": "DX", "BodyPartExamined": "CHEST", "ImageType": "DERIVED\\PRIMARY"}, 1)
    assert said(dx) == "taken"
    assert said(dx, replace(SITE, image_types_dx=("ORIGINAL\\PRIMARY",))) == "ImageType DERIVED\\PRIMARY"


@pytest.mark.parametrize(
    ("thickness", "instances", "thin_only", "words"),
    [
        ("5", 60, False, "taken"),
        ("5.0", 60, False, "taken"),
        ("8", 60, False, "SliceThickness 8"),
        ("5", 60, True, "SliceThickness 5"),
        ("2", 150, True, "taken"),
        ("1.25", 300, True, "taken"),
        ("", 60, False, "taken"),
        ("", 60, True, "instance nums 60 < 100"),
        ("", 300, True, "taken"),
        ("0", 300, True, "taken"),
        ("wrong", 60, True, "instance nums 60 < 100"),
        ("", None, True, "taken"),
    ],
)
def test_field_case_6_thickness_and_instances_in_its_place(
    thickness: str, instances: int | None, thin_only: bool, words: str
) -> None:
    assert said(ct(instances, SliceThickness=thickness), replace(SITE, thin_only=thin_only)) == words


@pytest.mark.parametrize(
    ("instances", "words"),
    [(1, "instance nums 1 < 10"), (9, "instance nums 9 < 10"), (10, "taken"), (None, "taken")],
)
def test_a_scout_has_too_few_instances(instances: int | None, words: str) -> None:
    assert said(ct(instances)) == words


@pytest.mark.parametrize(
    ("attributes", "taken"),
    [
        ({"BodyPartExamined": ""}, True),
        ({"BodyPartExamined": "HAND"}, False),
        ({"BodyPartExamined": "", "Modality": "CT"}, False),
        ({"BodyPartExamined": "", "Modality": "RF"}, False),
    ],
)
def test_field_case_16_what_goes_with_a_chest_radiograph(attributes: dict[str, str], taken: bool) -> None:
    told = {"Modality": "DX", **dict.fromkeys(ASKED_AT_FIND, ""), **attributes}
    series = SeriesFacts("2", told, 1)
    alone = judge_series(series, SITE)
    assert not alone.taken
    assert goes_with(series, alone, "1", SITE).taken is taken
    assert goes_with(series, Verdict(True, "body part", "", ""), "1", SITE) == Verdict(
        True, "body part", "", ""
    )


def test_field_case_16_one_dx_image_is_enough() -> None:
    dx = SeriesFacts("1", {"Modality": "DX", "BodyPartExamined": "CHEST", "SliceThickness": "8"}, 1)
    assert said(dx) == "taken"
    assert said(replace(dx, instances=0)) == "instance nums 0 < 1"


def test_kernels_that_are_not_wanted() -> None:
    site = replace(SITE, filter_kernel=True, kernels_unwanted=("B70", "lung sharp"))
    assert said(ct(ConvolutionKernel="B70f"), site) == "ConvolutionKernel B70f"
    assert said(ct(ConvolutionKernel="B30f"), site) == "taken"
    assert said(ct(ConvolutionKernel=""), site) == "taken"
    assert said(ct(ConvolutionKernel="B70f")) == "taken"


def test_contrast_is_off_by_default_and_drops_what_has_no_keyword_when_on() -> None:
    site = replace(SITE, filter_contrast=True)
    assert said(ct(SeriesDescription="Thorax nativ")) == "taken"
    assert said(ct(SeriesDescription="Thorax nativ"), site) == "SeriesDescription Thorax nativ"
    assert said(ct(SeriesDescription="Thorax C+"), site) == "taken"
    assert said(ct(SeriesDescription="胸部增强"), site) == "taken"
    assert said(SeriesFacts("1", {"Modality": "CT"}, None), site) == "taken"  # not told


def test_consecutive_images_are_off_by_default() -> None:
    gap = {"missing images": "1"}
    assert said(ct(**gap)) == "taken"
    assert said(ct(**gap), replace(SITE, filter_consecutive_images=True)) == "consecutive images missing 1"
    assert said(ct(**{"missing images": "0"}), replace(SITE, filter_consecutive_images=True)) == "taken"


# --- all together ---

OFF = {
    "filter_body_part": ct(BodyPartExamined="HAND"),
    "filter_image_type": ct(ImageType="DERIVED\\SECONDARY\\MPR"),
    "filter_slice_thickness": ct(SliceThickness="8"),
    "filter_min_instances": ct(2),
}


@pytest.mark.parametrize(("switch", "series"), OFF.items())
def test_each_rule_can_be_switched_off_by_itself(switch: str, series: SeriesFacts) -> None:
    assert said(series) != "taken"
    off: dict[str, Any] = {switch: False}
    assert said(series, replace(SITE, **off)) == "taken"


RULE_NAMES = (
    *("all", "modality", "body part", "image type", "slice thickness"),
    *("kernel", "contrast", "min instances", "consecutive images"),
)
ATTRIBUTES = [
    "Modality",
    "BodyPartExamined",
    "ProtocolName",
    "ImageType",
    "SliceThickness",
    "ConvolutionKernel",
    "SeriesDescription",
    "missing images",
]
ON = replace(
    SITE,
    filter_contrast=True,
    filter_kernel=True,
    kernels_unwanted=("B70",),
    thin_only=True,
    filter_consecutive_images=True,
)


@given(
    st.dictionaries(st.sampled_from(ATTRIBUTES), st.text() | st.sampled_from(["CT", "DX", "CHEST"])),
    st.none() | st.integers(0, 5000),
    st.sampled_from([SITE, ON]),
)
def test_the_strangest_header_gets_a_verdict_that_fits_on_a_line(
    attributes: dict[str, str], instances: int | None, site: Switches
) -> None:
    verdict = judge_series(SeriesFacts("1", attributes, instances), site)
    assert "\n" not in verdict.because
    assert verdict.rule in RULE_NAMES
