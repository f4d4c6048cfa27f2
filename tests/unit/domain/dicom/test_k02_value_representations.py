"""K2: by what values are compared, held against the whole dictionary of PS3.6; dates, times and moments."""

from __future__ import annotations

import pytest
from pydicom._dicom_dict import DicomDictionary

from pacs_module.domain.dicom.date_times import Range, date_of, moment_of, range_of, time_of
from pacs_module.domain.dicom.value_representations import Representation, representation

VRS = {
    Representation.UID: {"UI"},
    Representation.DATE: {"DA"},
    Representation.TIME: {"TM"},
    Representation.MOMENT: {"DT"},
    Representation.PERSON: {"PN"},
    Representation.MODALITY: {"CS"},
    Representation.CODE: {"CS"},
    Representation.NUMBER: {"IS", "DS", "US", "UL", "SS", "SL", "US or SS"},
}
ASKED_BY_NOBODY = (
    "Trial",
    "Selector",
    "ContextGroup",
    "Template",
    "HL7",
    "GPS",
    "IssueDate",
    "IssueTime",
    "Source",
    "Transaction",
)
"""Beginnings or parts of keywords of structured reports and plans, whose names do not tell what they are."""
DICTIONARY = {row[4]: row[0] for row in DicomDictionary.values() if row[4]}


def test_whatever_is_no_text_is_what_the_dictionary_says() -> None:
    wrong = {
        keyword: (vr, kind)
        for keyword, vr in DICTIONARY.items()
        if (kind := representation(keyword)) is not Representation.TEXT and vr not in VRS[kind]
    }
    assert wrong == {}


def test_no_date_time_person_or_uid_that_a_find_may_ask_for_is_taken_for_text() -> None:
    missed = {
        keyword
        for keyword, vr in DICTIONARY.items()
        if vr in ("DA", "TM", "DT", "PN", "UI") and representation(keyword) is Representation.TEXT
        if not any(part in keyword for part in ASKED_BY_NOBODY)
    }
    assert missed <= {"RepositoryUniqueID", "HomeCommunityID", "ReferencedContentItem", "FunctionalSyncPulse"}


@pytest.mark.parametrize("keyword", ["SeriesNumber", "InstanceNumber", "NumberOfFrames", "SliceThickness"])
def test_numbers(keyword: str) -> None:
    assert representation(keyword) is Representation.NUMBER


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("20200618", "2020-06-18"),
        ("2020.06.18", "2020-06-18"),
        ("20200618101530", "2020-06-18"),
        ("202006181015", "2020-06-18"),
        ("２０２００６１８", "2020-06-18"),
        (" 20200618\0", "2020-06-18"),
        ("20200631", ""),
        ("2020", ""),
        ("", ""),
        ("18/06/20", ""),
    ],
)
def test_dates(text: str, date: str) -> None:
    assert date_of(text) == date


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("10", "100000", "105959"),
        ("1030", "103000", "103059"),
        ("103015.999", "103015", "103015"),
        ("10:30:15", "103015", "103015"),
        ("103015+0100", "103015", "103015"),
        ("235960", "235959", "235959"),
        ("240000", "", ""),
        ("93015", "093015", "093015"),
        ("10153", "", ""),
        ("morning", "", ""),
    ],
)
def test_times(text: str, first: str, last: str) -> None:
    assert (time_of(text), time_of(text, end=True)) == (first, last)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2020", Range("20200101000000", "20201231235959")),
        ("2020-2021", Range("20200101000000", "20211231235959")),
        ("20200618101530-0500", Range("20200618101530", "20200618101530")),
        ("20200618-", Range("20200618000000", "")),
        ("-2021", Range("", "20211231235959")),
        ("20200618000000+0100-20200619000000+0100", Range("20200618000000", "20200619000000")),
        ("someday", None),
    ],
)
def test_moments(text: str, wanted: Range | None) -> None:
    assert range_of(text, moment_of) == wanted
