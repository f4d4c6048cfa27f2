"""What a PACS told of a study is a value, written to the document as before and read back from older ones."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from pacs_module.domain.dicom.attributes import found_study
from pacs_module.domain.find.sighting import new_study, see
from pacs_module.domain.find.stability import StabilityPolicy
from pacs_module.domain.find.vanished import expected
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.pacs_attributes import Correction, StudyNames
from pacs_module.domain.study.study import read_study

TOLD = StudyNames("2020-06-18", "080000", "A1", "P1", "CHEST")


@pytest.mark.parametrize(
    ("now", "corrections"),
    [
        (StudyNames(), ()),
        (TOLD, ()),
        (StudyNames(patient_id="P2"), (Correction("patient_id", "P1", "P2"),)),
        (
            StudyNames(study_date="2020-06-19", study_time=""),
            (Correction("study_date", "2020-06-18", "2020-06-19"),),
        ),
        (StudyNames(study_description="CHEST"), ()),
        (StudyNames(study_description="chest"), (Correction("study_description", "CHEST", "chest"),)),
    ],
)
def test_only_what_both_tell_is_corrected(now: StudyNames, corrections: tuple[Correction, ...]) -> None:
    assert now.corrections_of(TOLD) == corrections
    assert now.corrections_of(StudyNames()) == ()


def test_what_is_not_told_any_more_stays() -> None:
    assert StudyNames(patient_id="P2").told_over(TOLD) == StudyNames(
        "2020-06-18", "080000", "A1", "P2", "CHEST"
    )
    assert not StudyNames()
    assert StudyNames(study_time="080000")


def _found(pacs: str, study_date: str) -> dict[str, str]:
    names = {"AccessionNumber": "A1", "PatientID": "P1", "StudyDescription": "CHEST"}
    return {
        "StudyInstanceUID": "1.2.3",
        "StudyDate": study_date,
        "StudyTime": "080000",
        "ModalitiesInStudy": "CT",
        **names,
    }


def test_a_pacs_that_files_the_study_under_another_date_is_not_missed_on_ours() -> None:
    """K9: what was written under camelCase names and read under others counted as never told."""
    ours, theirs = found_study("A", _found("A", "20200618")), found_study("B", _found("B", "20200619"))
    one = new_study(ours, 0, Switches())
    for found in (ours, theirs):
        see(one, found, 0, StabilityPolicy(), Switches())
    again = read_study(one.to_document())
    day = date(2020, 6, 18)
    assert again.pacs["B"].told == StudyNames("2020-06-19", "080000", "A1", "P1", "CHEST")
    assert expected(again, "A", day, in_parts=False)
    assert not expected(again, "B", day, in_parts=False)
    assert not expected(again, "B", day + timedelta(days=1), in_parts=False)


def test_a_document_of_an_earlier_version_is_read() -> None:
    one = read_study(
        {
            "studyUID": "1.2.3",
            "pacs": {"A": {"told": {"studyDate": "2020-06-19"}}, "B": {"told": {}}, "C": {}},
        }
    )
    assert one.pacs["A"].told == StudyNames(study_date="2020-06-19")
    assert not one.pacs["B"].told
    assert one.pacs["C"].told is None
