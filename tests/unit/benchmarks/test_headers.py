"""
The table "The default rules and real headers" in docs/field-guide.md: the goals of K10, on the extract of
public headers.

What it does not prove: that the labels are right (benchmarks/headers/truth.py was written by hand over the
same headers).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.headers.measure import Result, measure, read_headers, read_studies
from benchmarks.headers.truth import Header, Region, series_region
from pacs_module.domain.rules.switches import Switches

HEADERS = read_headers()
STUDIES = read_studies()[
    ::6
]  # each sixth kind of study: the whole is what ``python -m benchmarks.headers`` measures


@pytest.fixture(scope="module")
def shipped() -> Result:
    return measure(Switches(), HEADERS, STUDIES, choices=False)


def test_chest_studies_are_taken(shipped: Result) -> None:
    assert shipped.counts["chest studies that speak"] > 10_000
    assert shipped.share("chest studies taken", "chest studies that speak") >= 99.5
    assert shipped.share("radiography of the chest taken", "radiography of the chest") >= 99.9


def test_few_are_lost_by_a_wrong_body_part_and_few_others_are_taken(shipped: Result) -> None:
    never = measure(replace(Switches(), overrule_body_part_by=()), HEADERS, STUDIES, choices=False)
    assert (
        shipped.counts["studies lost, BodyPartExamined"]
        <= 0.1 * never.counts["studies lost, BodyPartExamined"]
    )
    assert (
        shipped.counts["series chest lost, BodyPartExamined"]
        <= 0.1 * never.counts["series chest lost, BodyPartExamined"]
    )
    assert shipped.share("series other taken", "series taken") <= 0.5
    assert shipped.share("other studies taken", "other studies") <= 0.5


def test_none_is_chosen_by_uid_while_a_told_attribute_differs() -> None:
    several = [study for study in STUDIES if len(study.series) > 2]
    result = measure(Switches(), HEADERS, several[:: max(1, len(several) // 1000)])
    assert result.counts["choices"] > 300
    assert result.counts["by UID though an attribute differs"] == 0
    assert result.share("by UID in screening", "choices in screening") < 2


@pytest.mark.parametrize(
    ("body_part", "study", "series", "region"),
    [
        ("HEAD", "PETCT_Skull_MidThigh", "LUNG AXIAL CT 2.5 MM", Region.CHEST),
        ("ABDOMEN", "CT ABDOMEN PELVIS", "LUNG", Region.OTHER),
        ("", "CT_CHEST_ABDOMEN_PELVIS", "ABD_COR", Region.OTHER),
        ("", "CT_CHEST_ABDOMEN_PELVIS", "AXIAL 5mm", Region.UNKNOWN),
        ("", "CT BIOPSY LUNG", "CHEST", Region.UNKNOWN),
        ("KIDNEY", "CT ABDOMEN WITH CONTRAST", "AXIAL", Region.OTHER),
        ("", "CT CHEST WO IV CONT", "SCOUT AP/LAT", Region.UNKNOWN),
    ],
)
def test_what_a_person_reads_in_a_header(body_part: str, study: str, series: str, region: Region) -> None:
    assert series_region(Header("x", "CT", body_part, study, series)) is region
