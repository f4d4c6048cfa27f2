"""A study without a UID is not taken for another one, whatever the levels below answer (K2)."""

from __future__ import annotations

from typing import Any

import pytest

from pacs_module.domain.dicom.attributes import FoundStudy
from pacs_module.use_cases.find.resolve_uid import ResolveUid
from tests.fakes.world import FakeClock, FakeLog, FakePacs

NAMELESS = FoundStudy("A", "", "2020-06-18", "101530", "A1", "P1", "Thorax", ("CT",), 300)
ROW = {"StudyInstanceUID": "1.2.7", "StudyDate": "20200618", "AccessionNumber": "A1", "PatientID": "P1"}


def resolved(found: FoundStudy, *rows: dict[str, str]) -> str:
    pacs = FakePacs("A")
    pacs.series["A"] = list(rows)
    return ResolveUid(pacs, FakeClock(), FakeLog())("key", found, at_once=True)


def with_names(**names: Any) -> FoundStudy:
    return FoundStudy(**{**NAMELESS.__dict__, **names})


def test_it_is_found_by_its_numbers() -> None:
    assert resolved(NAMELESS, ROW) == "1.2.7"


@pytest.mark.parametrize(
    "other",
    [
        {"AccessionNumber": "A2"},
        {"AccessionNumber": "A2", "StudyInstanceUID": "1.2.8"},
        {"StudyDate": "20200619"},
    ],
)
def test_another_study_of_the_patient_is_not_it(other: dict[str, str]) -> None:
    """The one that is asked for has no UID at any level, and the patient's other one has."""
    nameless = {**ROW, "StudyInstanceUID": ""}
    assert resolved(NAMELESS, {**ROW, **other}) == ""
    assert resolved(NAMELESS, nameless, {**ROW, **other}) == ""


@pytest.mark.parametrize("value", ["*", "A*", "?1", "A?", "A1\\A2", '""', "Ａ＊"])
@pytest.mark.parametrize("name", ["accession_number", "patient_id"])
def test_a_number_that_asks_for_many_is_not_asked_with(name: str, value: str) -> None:
    """A PACS tells an asterisk for a number that nobody gave; as a key it matches every study."""

    class Matching(FakePacs):
        def find(self, pacs, level, query, return_keys=()):  # type: ignore[no-untyped-def]
            self.asked.append((pacs, level, dict(query)))
            return [dict(ROW)]

    pacs = Matching("A")
    found = with_names(**{"accession_number": "", "patient_id": "", name: value})
    assert ResolveUid(pacs, FakeClock(), FakeLog())("key", found, at_once=True) == ""
    assert pacs.asked == []


@pytest.mark.parametrize("told", ["P1", " P1 ", "Ｐ１", "P1\u200b"])
def test_a_patient_in_another_spelling_is_the_same(told: str) -> None:
    assert resolved(with_names(patient_id=told), ROW) == "1.2.7"


def test_what_the_levels_below_do_not_tell_speaks_against_nothing() -> None:
    bare = {"StudyInstanceUID": "1.2.7", "AccessionNumber": "A1"}
    assert resolved(NAMELESS, bare) == "1.2.7"
