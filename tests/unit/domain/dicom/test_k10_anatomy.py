"""K10: an image that names its part of the body by a code only is taken as one that names it by a word."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from pacs_module.domain.dicom.anatomy import REGIONS, region_of
from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.rules.attribute_rules import judge_body_part
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.dicom_header import READ_OF_RECEIVED, Header, read_facts, read_header
from tests.support.images.poison import CT

SITE = Switches()


def code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", "a part"
    return item


def at_first_level(image: Dataset, value: str) -> None:
    image.AnatomicRegionSequence = Sequence([code(value)])


def in_shared_groups(image: Dataset, value: str) -> None:
    frame, anatomy = Dataset(), Dataset()
    anatomy.AnatomicRegionSequence = Sequence([code(value)])
    frame.FrameAnatomySequence = Sequence([anatomy])
    image.SharedFunctionalGroupsSequence = Sequence([frame])


def in_frames(image: Dataset, value: str) -> None:
    frame, anatomy = Dataset(), Dataset()
    anatomy.AnatomicRegionSequence = Sequence([code(value)])
    frame.FrameAnatomySequence = Sequence([anatomy])
    image.PerFrameFunctionalGroupsSequence = Sequence([frame] * 30)


def told(modality: str, place: Callable[[Dataset, str], None], value: str, **more: str) -> str:
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID, image.Modality = CT, "1.2.3", modality
    for name, text in {"StudyDescription": "", "SeriesDescription": "", "ProtocolName": "", **more}.items():
        setattr(image, name, text)
    place(image, value)
    file = io.BytesIO()
    image.save_as(file, implicit_vr=False, little_endian=True)
    whole = b"\0" * 128 + b"DICM" + file.getvalue()
    header = read_header(io.BytesIO(whole), READ_OF_RECEIVED)
    assert isinstance(header, Header), header
    return verdict_of(header)


def verdict_of(header: Header) -> str:
    facts = read_facts(header, "1", 1)
    verdict = judge_body_part(facts, SITE)
    assert verdict is not None
    return verdict.value if verdict.taken else ""


NOTHING_SAID = {"ProtocolName": "", "StudyDescription": "", "SeriesDescription": ""}
PLACES = [at_first_level, in_shared_groups, in_frames]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", sorted(REGIONS))
def test_k10_a_code_of_the_chest_is_a_word_for_it(value: str, place: Callable[[Dataset, str], None]) -> None:
    for modality in ("DX", "CT"):
        assert told(modality, place, value) == f"{REGIONS[value]} (AnatomicRegionSequence)"


@pytest.mark.parametrize("value", ["69536005", "T-D1100", "818983003", "", "CHEST", "5118500", "51185008 X"])
def test_k10_a_code_of_another_part_or_none_says_nothing(value: str) -> None:
    assert told("DX", at_first_level, value) == ""
    assert told("DX", at_first_level, value, SeriesDescription="Thorax pa") == "Thorax pa"


@pytest.mark.parametrize("padded", [" 51185008", "51185008 ", "t-d3000", "t-d3000\0"])
def test_k10_padding_and_case_of_a_code_do_not_matter(padded: str) -> None:
    assert region_of({"AnatomicRegionSequence": [{"CodeValue": padded}]}) == "CHEST (AnatomicRegionSequence)"


def test_k10_a_filled_body_part_stays_what_it_is() -> None:
    assert told("DX", at_first_level, "51185008", BodyPartExamined="HAND") == ""
    assert told("DX", at_first_level, "69536005", BodyPartExamined="CHEST") == "CHEST"


@pytest.mark.parametrize(
    "tags",
    [
        {}, {"AnatomicRegionSequence": "51185008"}, {"AnatomicRegionSequence": ["51185008", None, {}]},
        {"AnatomicRegionSequence": [{"CodeValue": ["51185008"]}]}, {"SharedFunctionalGroupsSequence": [{}, 7]},
        {"PerFrameFunctionalGroupsSequence": [{"FrameAnatomySequence": [{"AnatomicRegionSequence": None}]}]},
    ],
)  # fmt: skip
def test_k10_an_odd_header_says_nothing_and_fails_nobody(tags: dict[str, Any]) -> None:
    assert region_of(tags) == ""


@pytest.mark.parametrize("value", sorted(REGIONS))
@pytest.mark.parametrize("modality", ["CT", "DX"])
def test_k10_a_code_in_the_place_of_the_body_part_is_read_as_its_term(value: str, modality: str) -> None:
    facts = SeriesFacts("1", {"Modality": modality, "BodyPartExamined": f"{value} ", **NOTHING_SAID}, 300)
    assert judge_series(facts, SITE).taken or judge_series(facts, SITE).rule != "body part"
    spine = SeriesFacts("1", {**facts.attributes, "SeriesDescription": "T-SPINE"}, 300)
    assert judge_series(spine, SITE).attribute == "BodyPartExamined"


@pytest.mark.parametrize("value", ["69536005", "T-D1100", "R-FAB99", "T-D", "T D", "R FAB"])
def test_k10_a_code_of_another_part_is_no_chest(value: str) -> None:
    facts = SeriesFacts("1", {"Modality": "CT", "BodyPartExamined": value, **NOTHING_SAID}, 300)
    assert judge_series(facts, SITE).rule == "body part"
    assert not judge_series(facts, SITE).taken
