"""
Every line of the operator contract, section 2, letter by letter, made by the function that makes it.

That each line is written when it should be is for the end-to-end test with the grammar.
"""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.explain import loglines
from pacs_module.domain.receive.completeness import Check
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.study.message_state import MessageState

WHO = ("ACC", "PID", "STUDY", "SERIES")
KERNELS = Switches(filter_kernel=True, kernels_unwanted=("B70",))


def filtered(instances: int = 300, /, **attributes: str) -> str:
    usual = {"Modality": "CT", "BodyPartExamined": "CHEST"}
    verdict = judge_series(SeriesFacts("SERIES", {**usual, **attributes}, instances), KERNELS)
    return loglines.series_filtered(*WHO, verdict.because)


HEAD = {
    "BodyPartExamined": "",
    "ProtocolName": "1.1 HEAD",
    "StudyDescription": "HEAD",
    "SeriesDescription": "SKULL 1.25MM",
    "ImageComments": "",
}

ORTHANC_PYTHON = [
    ("move: STUDY from PACS takes: 29.67", loglines.move("STUDY", "PACS", 29.6701)),
    ("new study: STUDY", loglines.new_study("STUDY")),
    ("stable study: STUDY", loglines.stable_study("STUDY")),
    ("ACC PID STUDY SERIES filter because BodyPartExamined HAND", filtered(BodyPartExamined="HAND")),
    (
        "ACC PID STUDY SERIES filter because BodyPartExamined: ProtocolName:1.1 HEAD StudyDescription:HEAD "
        "SeriesDescription:SKULL 1.25MM ImageComments:",
        filtered(**HEAD),
    ),
    ("ACC PID STUDY SERIES filter because SliceThickness 8", filtered(SliceThickness="8")),
    ("ACC PID STUDY SERIES filter because Modality RF", filtered(Modality="RF")),
    (
        "ACC PID STUDY SERIES filter because ImageType DERIVED\\SECONDARY\\MPR",
        filtered(ImageType="DERIVED\\SECONDARY\\MPR"),
    ),
    ("ACC PID STUDY SERIES filter because ConvolutionKernel B70f", filtered(ConvolutionKernel="B70f")),
    ("ACC PID STUDY SERIES filter because instance nums 1 < 10", filtered(1)),
    ("ACC PID STUDY study is filtered out", loglines.study_filtered("ACC", "PID", "STUDY")),
    (
        "study STUDY thickest series is SERIES, instances num is 1147",
        loglines.thickest_series("STUDY", "SERIES", 1147),
    ),
    ("where study from STUDY GEPACS 192.168.1.150", loglines.where_from("STUDY", "GEPACS", "192.168.1.150")),
    (
        "completeness check success: series SERIES in pacs is 296,  we have 296 too",
        loglines.completeness_check(Check("series", "SERIES", 296, 296)),
    ),
    (
        "completeness check failed: series SERIES in pacs is 296,  we have 290",
        loglines.completeness_check(Check("series", "SERIES", 296, 290)),
    ),
    (
        "completeness check success: study STUDY in pacs is 302,  we have 302 too",
        loglines.completeness_check(Check("study", "STUDY", 302, 302)),
    ),
    (
        "reinform STUDY last is 588;now 20200618T063027 SERIES is 1147",
        loglines.reinform("STUDY", 588, "20200618T063027", "SERIES", 1147),
    ),
    ("notinform STUDY has no more instances this time", loglines.notinform("STUDY")),
    (
        "inform pacs_module {'studyUID': 'STUDY', 'numberReceived': 1041}",
        loglines.inform({"studyUID": "STUDY", "numberReceived": 1041}),
    ),
]

DCM_END = [
    ("find 2020-06-18 study list", loglines.find_list("2020-06-18")),
    ("orthanc find query is {'StudyDate': '20200618'}", loglines.find_query({"StudyDate": "20200618"})),
    ("find 2020-06-18 study list from pacs is 839", loglines.found_list("2020-06-18", 839)),
    ("study not in local db is 9", loglines.not_in_db(9)),
    ("study from pacs after modality filter left 9", loglines.after_modality(9)),
    ("actually add new number: 9", loglines.added(9)),
    (
        "patientID 10939048 accessionNumber NA200618EVCT077 studyuid STUDY is stable: instances num: 321",
        loglines.is_stable("10939048", "NA200618EVCT077", "STUDY", 321),
    ),
    ("num: stable study 10 finded", loglines.stable_found(10)),
    ("move data in ['2020-06-18']", loglines.move_dates(("2020-06-18",))),
    ("send move study. amount is 10", loglines.send_moves(10)),
    ("continue to pull study, amount=10", loglines.continue_moves(10)),
    ("move success: [['STUDY', 'HOSPITAL-PACS']]", loglines.move_success([("STUDY", "HOSPITAL-PACS")])),
    ("move success: []", loglines.move_success([])),
    ("after receive notify {'studyUID': 'STUDY'}", loglines.received_notify({"studyUID": "STUDY"})),
    ("send STUDY to rabbitmq success", loglines.sent_to_rabbitmq("STUDY")),
    (
        "send_to_backend WORKER get message {'studyUID': 'STUDY'}",
        loglines.worker_message("WORKER", {"studyUID": "STUDY"}),
    ),
    (
        "upload_image_path file_path /store_image/x has file number is 219",
        loglines.upload_files("/store_image/x", 219),
    ),
    ("upload_image_path file_path ----/store_image/x----success", loglines.upload_success("/store_image/x")),
    (
        "STUDY exists, last isloading is 2, we receive a new one, calc again",
        loglines.calc_again("STUDY", MessageState.DONE),
    ),
    (
        "manual_work priority 2 STUDY by manual: Dr. Li because from the emergency room",
        loglines.manual_work("priority 2", "STUDY", "manual: Dr. Li", "from the\nemergency room"),
    ),
    (
        "manual_find_move {'AccessionNumber': '10136791'}",
        loglines.manual_find_move({"AccessionNumber": "10136791"}),
    ),
    (
        "orthanc find query is {'AccessionNumber': '10136791', 'StudyDate': ''}",
        loglines.find_query({"AccessionNumber": "10136791", "StudyDate": ""}),
    ),
    (
        "orthanc find query is {'PatientID': '10136791', 'StudyDate': ''}",
        loglines.find_query({"PatientID": "10136791", "StudyDate": ""}),
    ),
    (
        "pull data manually. study_uid=STUDY, study_date=2012-04-28",
        loglines.manual_pull("STUDY", "2012-04-28"),
    ),
    ("orthanc move failed!", loglines.MOVE_FAILED),
]


@pytest.mark.parametrize(("contract", "made"), [*ORTHANC_PYTHON, *DCM_END])
def test_the_contracts_line(contract: str, made: str) -> None:
    assert made == contract


def test_no_line_is_forgotten_here() -> None:
    source = inspect.getsource(inspect.getmodule(filtered))  # type: ignore[arg-type]
    functions = [
        name
        for name, value in vars(loglines).items()
        if inspect.isfunction(value) and value.__module__ == loglines.__name__
    ]
    unused = [name for name in functions if not name.startswith("_") and f"loglines.{name}(" not in source]
    assert not unused


def test_a_pacs_without_counts() -> None:
    assert loglines.is_stable("P", "A", "STUDY", None).endswith("is stable: instances num: None")


def test_names_that_are_not_ascii_are_readable_with_their_bytes() -> None:
    assert loglines.study_filtered("ACC", "ÐØ", "STUDY") == "ACC 胸 [c3 90 c3 98] STUDY study is filtered out"


@given(st.text(), st.text())
def test_no_name_breaks_a_line(accession_number: str, patient_id: str) -> None:
    for line in (
        loglines.series_filtered(accession_number, patient_id, "STUDY", "SERIES", "Modality RF"),
        loglines.study_filtered(accession_number, patient_id, "STUDY"),
        loglines.is_stable(patient_id, accession_number, "STUDY", 1),
        loglines.where_from("STUDY", patient_id, accession_number),
        loglines.find_query({"PatientID": patient_id}),
        loglines.inform({"message": patient_id}),
    ):
        assert "\n" not in line
        assert "\r" not in line


def test_names_of_a_series() -> None:
    facts = SeriesFacts("1", {"AccessionNumber": " A1 ", "PatientID": "P1"})
    assert loglines.facts_names(facts) == ("A1", "P1")
