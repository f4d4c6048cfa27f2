"""
The grammar itself: it knows the contract's own examples and refuses what looks nearly like them.

Proves nothing of a real run; tests/e2e/test_log_contract.py does.
"""

import pytest

from tests.support.log_grammar import grammar, matching

STUDY = "1.2.840.113619.2.55.3.1"
SERIES = "1.2.840.113619.2.55.3.1.7"

# The lines as they stand in the operator contract, section 2, with UIDs for STUDY and SERIES.
PLUGIN_LINES = {
    f"move: {STUDY} from PACS takes: 29.67": "move",
    f"new study: {STUDY}": "new study",
    f"stable study: {STUDY}": "stable study",
    f"ACC PID {STUDY} {SERIES} filter because BodyPartExamined HAND": "filter BodyPartExamined filled",
    f"ACC PID {STUDY} {SERIES} filter because BodyPartExamined: ProtocolName:1.1 HEAD StudyDescription:HEAD "
    "SeriesDescription:SKULL 1.25MM ImageComments:": "filter BodyPartExamined empty",
    f"ACC PID {STUDY} {SERIES} filter because SliceThickness 8": "filter SliceThickness",
    f"ACC PID {STUDY} {SERIES} filter because Modality RF": "filter Modality",
    f"ACC PID {STUDY} {SERIES} filter because ImageType DERIVED\\SECONDARY\\MPR": "filter ImageType",
    f"ACC PID {STUDY} {SERIES} filter because ConvolutionKernel B70f": "filter ConvolutionKernel",
    f"ACC PID {STUDY} {SERIES} filter because instance nums 1 < 10": "filter instances",
    f"ACC PID {STUDY} study is filtered out": "study filtered out",
    f"study {STUDY} thickest series is {SERIES}, instances num is 1147": "thickest series",
    f"where study from {STUDY} GEPACS 192.168.1.150": "where study from",
    f"completeness check success: series {SERIES} in pacs is 296,  we have 296 too": "completeness success of a series",
    f"completeness check success: study {STUDY} in pacs is 296,  we have 296 too": "completeness success of a study",
    f"completeness check failed: series {SERIES} in pacs is 296,  we have 290": "completeness failed",
    f"reinform {STUDY} last is 588;now 20200618T063027 {SERIES} is 1147": "reinform",
    f"notinform {STUDY} has no more instances this time": "notinform",
    "inform pacs_module {'studyUID': '1.2'}": "inform",
}
MODULE_LINES = {
    "find 2020-06-18 study list": "find list",
    "orthanc find query is {'StudyDate': '20200618'}": "find query of a day",
    "find 2020-06-18 study list from pacs is 839": "found list",
    "study not in local db is 9": "not in local db",
    "study from pacs after modality filter left 9": "after modality filter",
    "actually add new number: 9": "added",
    (
        f"patientID 10939048 accessionNumber NA200618EVCT077 studyuid {STUDY} is stable: instances num: 321"
    ): "is stable",
    "num: stable study 10 finded": "stable found",
    "move data in ['2020-06-18']": "move dates",
    "send move study. amount is 10": "send moves",
    "continue to pull study, amount=10": "continue moves",
    f"move success: [['{STUDY}', 'HOSPITAL-PACS']]": "move success",
    "move success: []": "move success of none",
    "after receive notify {'studyUID': '1.2'}": "received notify",
    f"send {STUDY} to rabbitmq success": "sent to rabbitmq",
    "send_to_backend WORKER get message {'studyUID': '1.2'}": "worker message",
    "upload_image_path file_path /store_image/4c18cd69-ecee1be6 has file number is 219": "upload files",
    "upload_image_path file_path ----/store_image/4c18cd69-ecee1be6----success": "upload success",
    f"{STUDY} exists, last isloading is 2, we receive a new one, calc again": "calc again",
    "manual_find_move {'AccessionNumber': '10136791'}": "manual find move",
    "orthanc find query is {'StudyDate': '20200618', 'StudyTime': '000000-115959'}": "find query of a part of a day",
    "orthanc find query is {'AccessionNumber': '10136791', 'StudyDate': ''}": "find query by accession",
    "orthanc find query is {'PatientID': '10136791', 'StudyDate': ''}": "find query by patient",
    f"orthanc find query is {{'StudyInstanceUID': '{STUDY}', 'StudyDate': ''}}": "find query by UID",
    f"pull data manually. study_uid={STUDY}, study_date=2012-04-28": "manual pull",
    "orthanc move failed!": "move failed",
    f"manual_work cancel {STUDY} by manual: Dr. Li because a phantom": "manual work",
}


@pytest.mark.parametrize(
    ("log", "line", "name"),
    [("orthanc-python.log", line, name) for line, name in PLUGIN_LINES.items()]
    + [("dcm_end.log", line, name) for line, name in MODULE_LINES.items()],
)
def test_the_contracts_own_examples_match_one_row(log: str, line: str, name: str) -> None:
    assert matching(log, line) == [name]


def test_every_row_has_an_example_in_the_contract() -> None:
    assert {row.name for row in grammar()} == {*PLUGIN_LINES.values(), *MODULE_LINES.values()}


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("orthanc-python.log", f"2026-11-21 10:00:00 new study: {STUDY}"),
        (
            "orthanc-python.log",
            f"completeness check success: series {SERIES} in pacs is 296, we have 296 too",
        ),
        ("orthanc-python.log", f"new study: {STUDY} "),
        ("dcm_end.log", "send move study. amount is ten"),
        ("dcm_end.log", "move success: [('1.2', 'HOSPITAL-PACS')]"),
    ],
)
def test_what_only_looks_like_a_contract_line_is_refused(log: str, line: str) -> None:
    assert matching(log, line) == []
