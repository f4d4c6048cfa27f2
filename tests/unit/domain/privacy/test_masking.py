"""A line without identifiers still tells which study it is about."""

from __future__ import annotations

import json

import pytest

from pacs_module.domain.explain import loglines
from pacs_module.domain.privacy.masking import Masking
from pacs_module.domain.privacy.pseudonym import Pseudonyms

UID = "1.2.840.113619.2.55.3.604688119"
SERIES = f"{UID}.7"
NAMES = Pseudonyms(b"k" * 32)
MASKING = Masking(NAMES)
P = NAMES.of

MESSAGE = {
    "studyUID": UID,
    "identity": {"PatientID": "P 12", "AccessionNumber": "A1", "PatientName": "Li^Ming"},
    "patientIDs": ["P 12", "P 13"],
}


@pytest.mark.parametrize(
    "line",
    [
        loglines.series_filtered("A1", "P 12", UID, SERIES, "Modality RF"),
        loglines.study_filtered("A1", "P 12", UID),
        loglines.is_stable("P 12", "A1", UID, 3),
        loglines.move(UID, "PACS", 1.0),
        loglines.inform(MESSAGE),
        loglines.received_notify(MESSAGE),
        loglines.worker_message("WORKER-1", MESSAGE),
        loglines.manual_find_move({"PatientID": "P 12", "AccessionNumber": "A1"}),
        loglines.find_query({"PatientID": "P 12", "StudyDate": "20200618"}),
        loglines.move_success([(UID, "PACS")]),
        loglines.reinform(UID, 3, "20200618T120000", SERIES, 5),
    ],
)
def test_no_line_of_the_contract_keeps_a_number_of_the_patient(line: str) -> None:
    masked = MASKING.line(line)
    for word in ("P 12", "P 13", "A1", "Li^Ming", UID, SERIES):
        assert word not in masked, masked
    assert MASKING.line(line) == masked


def test_lines_of_one_study_are_known_by_one_pseudonym() -> None:
    assert P(UID) in MASKING.line(loglines.new_study(UID))
    assert P(UID) in MASKING.line(loglines.series_filtered("", "", UID, SERIES, "x"))
    assert MASKING.values({"studyUID": UID})["studyUID"] == P(UID)


def test_values_of_events_at_any_depth() -> None:
    told = {
        "patient": "P12", "error": f"PatientID: 'P12' of {UID} is odd", "counts": {SERIES: 3}, "n": 5,
        "deep": [{"accessionNumber": "A1", "modality": "CT"}], "sop": "1.2.840.10008.5.1.4.1.1.2",
        "address": "10.20.30.40", "pullID": "0123456789abcdef",
    }  # fmt: skip
    masked = MASKING.values(told)
    text = json.dumps(masked)
    for word in ("P12", "A1", UID):
        assert word not in text
    assert masked["counts"] == {P(SERIES): 3}
    assert (masked["n"], masked["sop"], masked["address"]) == (5, told["sop"], "10.20.30.40")
    assert masked["pullID"] == told["pullID"]
    assert masked["deep"] == [{"accessionNumber": P("A1"), "modality": "CT"}]


def test_a_pseudonym_stays_as_it_is() -> None:
    assert MASKING.values({"patient": P("P12")}) == {"patient": P("P12")}
