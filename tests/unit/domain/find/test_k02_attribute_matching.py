"""K2: an answer is matched again against the keys that were asked (PS3.4 C.2.2.2)."""

from __future__ import annotations

import pytest

from pacs_module.domain.find.attribute_matching import judge_answer, matches
from pacs_module.domain.json_messages.uid_syntax import is_uid

UID = "1.2.840.113619.2.55.3.1"


@pytest.mark.parametrize(
    ("keyword", "asked", "told", "matched"),
    [
        # single value, C.2.2.2.1
        ("AccessionNumber", "Q7", "Q7", True),
        ("AccessionNumber", "Q7", " Q7 ", True),
        ("AccessionNumber", "Q7", "Q7\0", True),
        ("AccessionNumber", "Q7", "Q8", False),
        ("AccessionNumber", "Q7", "Q70", False),
        ("AccessionNumber", "Q7", "XQ7", False),
        ("AccessionNumber", "Q7", "q7", False),
        ("PatientID", "00123", "123", False),
        ("PatientID", "12 3", "123", False),
        ("AccessionNumber", "Q7", "Q6\\Q7", True),
        ("StudyDescription", "胸部", "ÐØ²¿", True),
        ("StudyDescription", "胸部", "腹部", False),
        ("NumberOfStudyRelatedInstances", "12", " 012 ", True),
        # what was not told
        ("AccessionNumber", "Q7", None, None),
        ("AccessionNumber", "Q7", "  ", None),
        # wildcards, C.2.2.2.4
        ("AccessionNumber", "Q*", "Q70", True),
        ("AccessionNumber", "Q*", "q70", True),
        ("AccessionNumber", "Q?", "Q70", False),
        ("AccessionNumber", "Q??", "Q70", True),
        ("AccessionNumber", "*7*", "AQ70", True),
        ("AccessionNumber", "Q*", "AQ7", False),
        ("AccessionNumber", "Q.*", "Q77", False),
        ("AccessionNumber", "Q[7", "Q[7", True),
        # ranges and dates, C.2.2.2.5
        ("StudyDate", "20200618", "20200618", True),
        ("StudyDate", "20200618", "2020.06.18", True),
        ("StudyDate", "20200618", "20200617", False),
        ("StudyDate", "20200610-20200618", "20200618", True),
        ("StudyDate", "20200610-20200618", "20200619", False),
        ("StudyDate", "-20200618", "19990101", True),
        ("StudyDate", "20200618-", "20200617", False),
        ("StudyDate", "20200618", "no date", None),
        ("StudyTime", "080000-115959", "115959.99", True),
        ("StudyTime", "080000-115959", "12", False),
        ("StudyTime", "080000-115959", "0759", False),
        ("StudyTime", "08-11", "115959", True),
        ("StudyTime", "080000-115959", "9 o'clock", None),
        # UIDs, C.2.2.2.2
        ("StudyInstanceUID", UID, f" {UID} \0", True),
        ("StudyInstanceUID", UID, UID + "0", False),
        ("StudyInstanceUID", f"1.2.3\\{UID}", UID, True),
        ("StudyInstanceUID", "1.2.3\\1.2.4", UID, False),
        ("StudyInstanceUID", UID, None, None),
        # modalities however they are written
        ("ModalitiesInStudy", "CT", "CT\\PR", True),
        ("ModalitiesInStudy", "CT", "PR, ct", True),
        ("ModalitiesInStudy", "CT", "MR/SR", False),
        ("ModalitiesInStudy", "CT", "CT PR", True),
        ("ModalitiesInStudy", "CT", "PR;CT\0", True),
        ("ModalitiesInStudy", "ct", "CT", True),
        ("ModalitiesInStudy", "CT\\DX", "DX", True),
        ("ModalitiesInStudy", "C?", "CR\\SR", True),
        ("ModalitiesInStudy", "CT", "XCT\\CTX", False),
        ("Modality", "CT", "ct ", True),
        ("Modality", "CT", "MR", False),
        # names of persons, C.2.2.2.1: without case and accents
        ("PatientName", "MULLER^JORG", "Müller^Jörg", True),
        ("PatientName", "muller*", "Müller^Jörg^^", True),
        ("PatientName", "Muller", "Miller", False),
        ("PatientName", "王^小东", "Wang^XiaoDong=王^小东", True),
        # names in groups: a group that either does not tell says nothing
        ("PatientName", "Wang^XiaoDong=王^小東", "Wang^XiaoDong", True),
        ("PatientName", "Wang^XiaoDong=王^小東", "王^小東", True),
        ("PatientName", "Wang^XiaoDong=王^小東", "Wang^XiaoDong=李^小東", False),
        ("PatientName", "Wang^XiaoDong=王^小東", "Wang^XiaoDong=王^小東=わん^しゃおどん", True),
        ("PatientName", "=王^小東", "Wang^XiaoDong=", None),
        ("PatientName", "Li^*=王*", "Wang^XiaoDong=王^小東", False),
        ("PatientName", "STRASSE^A", "Straße^A", True),
        ("NameOfPhysiciansReadingStudy", "doe^j", "ROE^A\\DOE^J", True),
        ("RequestingPhysician", "doe*", "DOE^JOHN", True),
        # several values in the question, C.2.2.2.8
        ("AccessionNumber", "Q6\\Q7", "Q7", True),
        ("AccessionNumber", "Q6\\Q7", "Q8", False),
        ("SOPClassesInStudy", "1.2.4\\1.2.9", "1.2.3\\1.2.4", True),
        ("SOPClassesInStudy", "1.2.4", "1.2.3", False),
        ("StudyDate", "20200610-20200618", "20190101\\20200611", True),
        ("StudyTime", "10-11", "090000\\103000", True),
        # other representations
        ("ScheduledProcedureStepStartDate", "20200601-20200630", "20200615", True),
        ("PerformedProcedureStepStartTime", "1000-1100", "103000", True),
        ("AcquisitionDateTime", "20200601-20200630", "20200615101010.0+0100", True),
        ("AcquisitionDateTime", "20200601-20200630", "20200715", False),
        ("StudyDate", "20200618", "20200618101530", True),
        ("StudyDate", "20200617", "20200618101530", False),
        ("StudyTime", "120000-235959", "235960", True),
        ("StudyTime", "120000-235959", "240000", None),
        ("StudyTime", "10", "103000+0100", True),
        ("SeriesNumber", "3", " 03 ", True),
        ("SeriesNumber", "3", "+3", True),
        ("SeriesNumber", "3", "30", False),
        ("InstanceNumber", "1", "0001", True),
        ("SliceThickness", "1.25", "1,250 mm", True),
        ("PatientSex", "F", "f ", True),
        ("BodyPartExamined", "CHEST", "Chest", True),
        # written in another way
        ("PatientID", "Mu\u0308ller", "M\u00fcller", True),
        ("AccessionNumber", "Q7", "Ｑ７", True),
        ("AccessionNumber", "Q7", "Q⁷", False),
        ("ModalitiesInStudy", "CT", "['CT', 'PR']", True),
        ("ModalitiesInStudy", "CT", "ＣＴ", True),
        ("ModalitiesInStudy", "CT", "PR.CT", True),
        ("ModalitiesInStudy", "CT", "CT_PR", True),
        # characters that nobody sees
        ("AccessionNumber", "Q7", "Q7\u200b", True),
        ("AccessionNumber", "Q7", "\ufeffQ7", True),
        ("AccessionNumber", "Q7", "Q\u00ad8", False),
        # a list of nothing asks for nothing that could be judged
        ("StudyInstanceUID", "\\", "", None),
        # empty value, C.2.2.2.7
        ("AccessionNumber", '""', "", True),
        ("AccessionNumber", '""', "Q7", False),
        ("AccessionNumber", '""', None, None),
    ],
)
def test_a_value_against_a_key(keyword: str, asked: str, told: str | None, matched: bool | None) -> None:
    assert matches(keyword, asked, told) is matched


@pytest.mark.parametrize("asked", ["", "*", "**", " "])
def test_universal_matching_asks_for_nothing(asked: str) -> None:
    assert judge_answer("STUDY", {"AccessionNumber": asked}, {"StudyInstanceUID": UID}).proved


def test_every_key_is_judged_by_itself() -> None:
    query = {"AccessionNumber": "Q7", "PatientID": "P1", "StudyDate": "20200618"}
    judged = judge_answer(
        "STUDY", query, {"StudyInstanceUID": UID, "AccessionNumber": "Q8", "StudyDate": "20200617"}
    )
    assert (judged.differs, judged.untold) == (("AccessionNumber", "StudyDate"), ("PatientID",))
    assert not judged.matches


def test_a_time_range_across_days_may_be_one_moment() -> None:
    """PS3.4 C.2.2.2.5.4: from the 17th at 8 to the 18th at 12 holds the 17th at 20."""
    moment = {"StudyDate": "20200617-20200618", "StudyTime": "080000-120000"}
    told = {"StudyInstanceUID": UID, "StudyDate": "20200617", "StudyTime": "200000"}
    assert judge_answer("STUDY", moment, told).matches
    assert not judge_answer("STUDY", {**moment, "StudyDate": "20200617"}, told).matches


def test_an_answer_beside_both_ways_to_read_a_range_across_days_is_none() -> None:
    """Neither from 22 h to 6 h of each day, nor from the 17th at 22 h to the 18th at 6 h."""
    night = {"StudyDate": "20200617-20200618", "StudyTime": "220000-060000"}
    told = {"StudyInstanceUID": UID, "StudyDate": "20200617"}
    assert judge_answer("STUDY", night, {**told, "StudyTime": "230000"}).proved
    assert judge_answer("STUDY", night, {**told, "StudyTime": "120000"}).differs == ("StudyTime",)
    open_end = {"StudyDate": "20200617-", "StudyTime": "220000-"}
    assert judge_answer("STUDY", open_end, {**told, "StudyDate": "20210101", "StudyTime": "010000"}).matches
    assert not judge_answer("STUDY", open_end, {**told, "StudyTime": "120000"}).matches
    assert judge_answer("STUDY", night, {"StudyInstanceUID": UID, "StudyTime": "120000"}).untold == (
        "StudyDate", "StudyTime",
    )  # fmt: skip


@pytest.mark.parametrize(
    "uid",
    [
        "*",
        "1.2\\1.3",
        "../..",
        "1" * 65,
        "1.2." * 20_000,
        "abc",
        "1.2.x",
        "1..2",
        ".1",
        "1.",
        "1,2",
        "1.2/3",
        "-1",
        "１.２",
    ],
)
def test_what_is_no_uid_is_no_answer(uid: str) -> None:
    assert not is_uid(uid)
    for level, keyword in (
        ("STUDY", "StudyInstanceUID"),
        ("SERIES", "SeriesInstanceUID"),
        ("IMAGE", "SOPInstanceUID"),
    ):
        answer = {"StudyInstanceUID": UID, "AccessionNumber": "Q7", keyword: uid}
        assert judge_answer(level, {}, answer).malformed == f"{keyword} is no UID"


@pytest.mark.parametrize("uid", [UID, f" {UID} ", "1.2.840. 113619", "1.02.3", "1", "2.25." + "9" * 39, ""])
def test_padded_uids_are_uids_and_an_empty_one_may_be_found_another_way(uid: str) -> None:
    answer = {"StudyInstanceUID": uid, "AccessionNumber": "Q7"}
    assert judge_answer("STUDY", {}, answer).malformed == ""


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"QueryRetrieveLevel": "STUDY"},
        {"QueryRetrieveLevel": "STUDY", "RetrieveAETitle": "PACS", "SpecificCharacterSet": "GB18030"},
        {"StudyInstanceUID": "", "PatientID": "  ", "StudyDate": "\0"},
    ],
)
def test_an_answer_without_data_set_is_none(answer: dict[str, str]) -> None:
    assert judge_answer("STUDY", {"StudyDate": "20200618"}, answer).malformed == "it tells nothing"


def test_a_key_of_a_hundred_asterisks_costs_nothing() -> None:
    assert matches("StudyDescription", "*a" * 100 + "b", "a" * 5_000) is False
