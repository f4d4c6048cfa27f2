"""How C-FIND answers are read, however untidily the PACS writes them (field cases 1, 10 and 12)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.dicom.attributes import (
    FoundStudy,
    SeriesFacts,
    clean_uid,
    dashed_date,
    found_study,
    parse_count,
    parse_thickness,
    plain_time,
    split_values,
)
from pacs_module.domain.find.series_answers import series_of

KEYWORDS = [
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "PatientID",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedInstances",
]


def test_a_tidy_answer() -> None:
    answer = {
        "StudyInstanceUID": "1.2.840.1",
        "StudyDate": "20200618",
        "StudyTime": "101530.250",
        "AccessionNumber": "NA200618EVCT077",
        "PatientID": "10939048",
        "StudyDescription": "Thorax",
        "ModalitiesInStudy": "CT\\PR",
        "NumberOfStudyRelatedInstances": "321",
    }
    wanted = FoundStudy(
        "GEPACS",
        "1.2.840.1",
        "2020-06-18",
        "101530",
        "NA200618EVCT077",
        "10939048",
        "Thorax",
        ("CT", "PR"),
        321,
    )
    assert found_study("GEPACS", answer) == wanted


def test_field_case_12_an_empty_answer_is_still_an_answer() -> None:
    assert found_study("P", {}) == FoundStudy("P", "", "", "", "", "", "", (), None)


@given(st.dictionaries(st.sampled_from(KEYWORDS), st.text()))
def test_field_case_12_no_answer_raises(answer: dict[str, str]) -> None:
    found = found_study("P", answer)
    assert found.count is None or found.count >= 0


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("12", 12),
        (" 12 ", 12),
        ("0", 0),
        ("", None),
        ("n/a", None),
        (None, None),
        ("-1", None),
        ("12.5", None),
        (7, 7),
        ("9" * 5000, None),
        ("9" * 20, None),
    ],
)
def test_field_case_12_counts(text: object, count: int | None) -> None:
    assert parse_count(text) == count


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        (" 1.2.3 ", "1.2.3"),
        ("1.2. 3", "1.2.3"),
        ("1.2.3\0", "1.2.3"),
        ("", ""),
        ("  ", ""),
        ("1.2\t.3\n", "1.2.3"),
    ],
)
def test_field_case_12_uids(text: str, uid: str) -> None:
    assert clean_uid(text) == uid


@pytest.mark.parametrize(
    ("text", "values"),
    [("CT\\PR", ("CT", "PR")), ("MG\\CT", ("MG", "CT")), (" ct \\\\", ("CT",)), ("", ()), ("CT", ("CT",))],
)
def test_field_case_1_several_modalities(text: str, values: tuple[str, ...]) -> None:
    assert split_values(text) == values


@pytest.mark.parametrize(
    ("text", "thickness"),
    [
        ("1.25", 1.25),
        (" 5 ", 5.0),
        ("1.0\\2.0", 1.0),
        ("", None),
        ("abc", None),
        ("0", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("5000", None),
    ],
)
def test_field_case_6_thickness(text: str, thickness: float | None) -> None:
    assert parse_thickness(text) == thickness


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("20200612", "2020-06-12"),
        ("2020.06.12", "2020-06-12"),
        ("", ""),
        ("202006", ""),
        ("20200612-20200613", ""),
        ("99999999", ""),
        ("20200230", ""),
        ("٢٠٢٠٠٦١٢", "2020-06-12"),
    ],
)
def test_dates(text: str, date: str) -> None:
    assert dashed_date(text) == date


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("101530.25", "101530"),
        ("10:15:30", "101530"),
        ("1015", "101500"),
        ("10", ""),
        ("", ""),
        ("101530", "101530"),
    ],
)
def test_times(text: str, time: str) -> None:
    assert plain_time(text) == time


def test_absent_and_empty_attributes_read_the_same_but_are_told_apart() -> None:
    told = SeriesFacts("1", {"Modality": " ct\0"})
    assert told.modality == "CT"
    assert told.text("BodyPartExamined") == ""
    assert "BodyPartExamined" not in told.attributes


@pytest.mark.parametrize("told", ["0", " 00 ", "0.0", "０", "-0", "0\\0", "", "x", "-3", None])
def test_k13_a_study_without_instances_was_not_counted(told: str | None) -> None:
    answer = {"StudyInstanceUID": "1.2"} | ({} if told is None else {"NumberOfStudyRelatedInstances": told})
    assert found_study("A", answer).count is None


@pytest.mark.parametrize(
    "told",
    [
        "65535", "99999", "999999", " 999999 ", "999999.0", "9999999", "99999999", "1000000", "2147483647",
        "2147483648", "4294967295", "18446744073709551615", "1e400", "NaN", "Infinity", "-1", "-300",
        "1,234", "1.234", "1 234", "300 images", ">300", "<300", "300?", "0x12c", "3oo", "three",
        "300+", "300.5", "1e-1", "300/301", "300;301", "None", "null", "true", "('300',)",
    ],
)  # fmt: skip
def test_k13_a_count_that_nobody_counted_is_not_told(told: str) -> None:
    assert parse_count(told) is None
    study = {"StudyInstanceUID": "1.2", "NumberOfStudyRelatedInstances": told}
    assert found_study("A", study).count is None
    (series,) = series_of("1.2", [{"SeriesInstanceUID": "1.2.1", "NumberOfSeriesRelatedInstances": told}])
    assert series.instances is None


@pytest.mark.parametrize(
    "told",
    [
        "300", " 300 ", "300.0", "3e2", "+300", "00300", "３００", "300\0", "300\\", "\\300", "0\\300", "~300",
        "[300]",
    ],
)  # fmt: skip
def test_k13_a_count_however_it_is_written(told: str) -> None:
    assert parse_count(told) == 300
