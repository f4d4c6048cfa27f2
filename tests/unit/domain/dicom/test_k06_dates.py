"""Dates, times and numbers of images as people and devices write them (K6)."""

from __future__ import annotations

import pytest

from pacs_module.domain.dicom.attributes import dashed_date, found_study, parse_count, plain_time
from pacs_module.domain.dicom.date_times import date_of, moment_of, time_of
from pacs_module.domain.dicom.numbers import read_whole
from pacs_module.domain.find.attribute_matching import matches

DATES = {
    "20200618": "2020-06-18",
    " 20200618 ": "2020-06-18",
    "20200618\0": "2020-06-18",
    "2020.06.18": "2020-06-18",
    "2020-6-18": "2020-06-18",
    "2020/6/8": "2020-06-08",
    "2020年6月18日": "2020-06-18",
    "２０２０年０６月１８日": "2020-06-18",
    "２０２００６１８": "2020-06-18",
    "2020년 6월 18일": "2020-06-18",
    "٢٠٢٠٠٦١٨": "2020-06-18",
    "20200618101530": "2020-06-18",
    "202006181015": "2020-06-18",
    "20200618101530.250000": "2020-06-18",
    "20200618101530+0800": "2020-06-18",
    "20200618 10:15:30": "2020-06-18",
    "20200618T101530": "2020-06-18",
    "2020-06-18 10:15:30": "2020-06-18",
    "2020-06-18T10:15:30Z": "2020-06-18",
    "18.06.2020": "",
    "06/18/2020": "",
    "20201318": "",
    "00000000": "",
    "99999999": "",
    "2020": "",
    "202006": "",
    "20200618-20200620": "",
    "1.2.840.113619.2.55": "",
    "": "",
    "n/a": "",
}
TIMES = {
    "101530": "101530",
    "101530.25": "101530",
    "10:15:30": "101530",
    "73015": "073015",
    "80000": "080000",
    "80000.000": "080000",
    "24000": "024000",
    "1015": "101500",
    "9:05:03": "090503",
    "9:5": "090500",
    "10.15.30": "101530",
    "１０：１５：３０": "101530",
    "１０１５３０": "101530",
    "10时15分30秒": "101530",
    "10시 15분": "101500",
    "02:15:30 PM": "141530",
    "2:15 p.m.": "141500",
    "下午2:15:30": "141530",
    "午後02時15分": "141500",
    "오후 2:15:30": "141530",
    "02:15:30 AM": "021530",
    "12:15:30 AM": "001530",
    "12:15:30 PM": "121530",
    "上午12:15": "001500",
    "14:15:30 PM": "141530",
    "101530+0800": "101530",
    "1015+0800": "101500",
    "10:15-0500": "101500",
    "101530.250000+0800": "101530",
    "101530\0": "101530",
    " 101530 ": "101530",
    "10": "",
    "": "",
    "n/a": "",
}


@pytest.mark.parametrize("text", DATES)
def test_a_date_that_anybody_can_read(text: str) -> None:
    assert (dashed_date(text), date_of(text)) == (DATES[text], DATES[text])


@pytest.mark.parametrize("text", TIMES)
def test_a_time_that_anybody_can_read(text: str) -> None:
    assert plain_time(text) == TIMES[text]


def test_a_study_is_read_with_them() -> None:
    told = {"StudyInstanceUID": "1.2", "StudyDate": "２０２０年６月１８日", "StudyTime": "下午2:15:30"}
    found = found_study("A", told)
    assert (found.study_date, found.study_time) == ("2020-06-18", "141530")


@pytest.mark.parametrize("text", ["12 m", "12m", "3 cm", "12 mm", "250 um", "12 meter", "5厘米", "１２ｍ"])
def test_a_length_is_no_number_of_images(text: str) -> None:
    assert (parse_count(text), read_whole(text)) == (None, None)


@pytest.mark.parametrize(
    ("text", "number"), [("1.2e1", 12), ("12.0", 12), ("12,0", 12), ("１２", 12), ("1E2", 100), ("+12", 12)]
)
def test_a_whole_number_is_read_as_before(text: str, number: int) -> None:
    assert read_whole(text) == number


NO_CLOCK_TIMES = [
    "25:61", "2561", "256100", "240000", "24:00", "24:00:00", "240001", "126100", "120099", "999999", "1260",
    "2400", "99:99:99", "-1", "NaN", "0", "9", "13:60 PM", "20230231120000",
]  # fmt: skip


@pytest.mark.parametrize("told", NO_CLOCK_TIMES)
def test_k06_what_no_clock_shows_is_not_told(told: str) -> None:
    assert plain_time(told) == ""
    assert time_of(told) == time_of(told, end=True) == ""


@pytest.mark.parametrize(
    ("told", "time"),
    [("235960", "235959"), ("12:00:60", "120059"), ("20200618101530", "101530"), ("20200618256100", "")],
)
def test_k06_a_leap_second_and_a_moment_told_as_a_time(told: str, time: str) -> None:
    assert plain_time(told) == time


@pytest.mark.parametrize(
    "told",
    ["20230231", "20231301", "20230001", "20230100", "00000000", "99999999", "20230618256100", "2023061824"],
)
def test_k06_a_moment_that_no_calendar_has_is_not_told(told: str) -> None:
    assert moment_of(told) == ""
    assert matches("ScheduledProcedureStepStartDateTime", "20230101-20231231", told) is None
