"""Several rows for one UID in the answers to the plugins' own questions are one answer (K7, K2)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest

from aipull.receive.ask_pacs import read_images, read_series, read_study

UID = "1.2"


def row(**values: str) -> dict[str, str]:
    return {"StudyInstanceUID": UID, **values}


def counted(count: str, **values: str) -> dict[str, str]:
    return row(NumberOfStudyRelatedInstances=count, **values)


STUDIES: dict[str, tuple[list[dict[str, str]], str | None, int | None]] = {
    "two counts": ([counted("300", PatientID="P1"), counted("2", PatientID="P1")], "P1", 300),
    "a spelling each": ([counted("2", PatientID=" P1 "), counted("300", PatientID="Ｐ１")], "P1", 300),
    "one without a patient": ([counted("300"), counted("2", PatientID="P1")], "P1", 300),
    "two patients": ([counted("2", PatientID="P1"), counted("2", PatientID="P2")], None, 2),
    "a count that is none": ([counted("n/a"), counted("0"), counted("-5"), counted("12 m")], None, None),
    "another study": ([counted("9", StudyInstanceUID="1.3", PatientID="X"), counted("2")], None, 2),
    "padding of the UID": (
        [counted("2", StudyInstanceUID="1.2\0"), counted("3", StudyInstanceUID=" 1.2 ")],
        None,
        3,
    ),
    "several counts in one": ([counted("2\\300"), counted("5")], None, 300),
}


@pytest.mark.parametrize("name", STUDIES)
def test_rows_of_a_study(name: str) -> None:
    rows, patient, count = STUDIES[name]
    for order in itertools.permutations(rows):
        word = read_study(UID, order)
        assert word.study == count
        assert (word.patient_id or "").strip().translate({0xFF30: "P", 0xFF11: "1"}) == (patient or "")


@pytest.mark.parametrize(
    ("uid", "counts"),
    [
        ("1.2.1", {"1.2.1": 300}), ("*", {}), ("../..", {}), ("", {}), ("1.2.1\0", {"1.2.1": 300}),
        ("1.2.1\\1.2.2", {}), ("1.02.1", {"1.02.1": 300}),
    ],
)  # fmt: skip
def test_rows_of_a_series(uid: str, counts: Mapping[str, int]) -> None:
    rows = [row(SeriesInstanceUID=uid, NumberOfSeriesRelatedInstances=count) for count in ("2", "300", "")]
    for order in itertools.permutations(rows):
        assert read_series(UID, order) == counts


def test_rows_of_images() -> None:
    uids = ("1.7", "1.7 ", "1.7\0", "*", "", "../..", "1.8")
    rows = [row(SeriesInstanceUID="1.2.1", SOPInstanceUID=uid) for uid in uids]
    rows.append(row(SeriesInstanceUID="1.2.2", SOPInstanceUID="1.9"))
    assert read_images(UID, "1.2.1", rows) == {"1.7", "1.8"}
