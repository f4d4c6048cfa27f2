"""K6: a number that anybody can read is read; a number that cannot be true was not told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.dicom.attributes import parse_count, parse_thickness
from pacs_module.domain.dicom.numbers import read_number, read_thickness, read_whole


@pytest.mark.parametrize(
    ("text", "mm"),
    [
        ("1.25", 1.25),
        ("1.25*", 1.25),
        ("1,25mm*", 1.25),
        ("1.25^", 1.25),
        ("1,25,", 1.25),
        (",625", 0.625),
        ("1,25", 1.25),
        ("1.25 mm", 1.25),
        ("1,25MM", 1.25),
        ("1.25 ㎜", 1.25),
        ("0.125 cm", 1.25),
        ("1250 um", 1.25),
        ("+1.25", 1.25),
        (" 1 . 25 ", 1.25),
        ("1.25E0", 1.25),
        ("125e-2", 1.25),
        ("1.25\\1.25", 1.25),
        ("\\1.25", 1.25),
        ("１．２５", 1.25),
        ("１，２５ｍｍ", 1.25),
        ("١٫٢٥", 1.25),
        ("1·25", 1.25),
        (".5", 0.5),
        ("5.", 5.0),
        ("1.25\0", 1.25),
        ("0001.250", 1.25),
        ("~1.25", 1.25),
        ("≈ 1.25 mm", 1.25),
        ('"1.25"', 1.25),
        ("1.25;", 1.25),
        ("1.25 [mm]", 1.25),
        ("1.25(mm)", 1.25),
        ("1.25毫米", 1.25),
        ("0.125 厘米", 1.25),
        ("1,25 мм", 1.25),
        ("1.25 millimeters", 1.25),
        ("\ufeff1.25", 1.25),
        ("1.25\u200b", 1.25),
        ("\u200e1.25\u200f", 1.25),
        ("\xa01.25\xa0mm", 1.25),
        ("６．２５e-1\\5", 0.625),
        ("1.25 E+00", 1.25),
        (" " * 70 + "1.25" + " " * 70, 1.25),
        ("\t1.25\r\n", 1.25),
        ("1.25\x1b", 1.25),
        ("\\".join(["1.25"] * 12), 1.25),
        ("1.25/1.25", 1.25),
        ("1,25;1,25", 1.25),
        ("1.25 | 1.25", 1.25),
        ("1.25,1.25", 1.25),
        ("1.25±0.1", 1.25),
        ("∼1.25", 1.25),
        ("1،25", 1.25),
        ("1‚25", 1.25),
        ("1.25 mms", 1.25),
        ("0.00125m", 1.25),
        ("1.25e+0000", 1.25),
        ("1.25D+00", 1.25),
    ],
)
def test_a_thickness_that_anybody_can_read(text: str, mm: float) -> None:
    assert read_thickness(text).value == pytest.approx(mm)
    assert parse_thickness(text) == pytest.approx(mm)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("999", "999 is not between 0.1 and 100 mm"),
        ("1000", "1000 is not between 0.1 and 100 mm"),
        ("100.5 mm", "100.5 mm is not between 0.1 and 100 mm"),
        ("0.00125", "0.00125 is not between 0.1 and 100 mm"),
        ("0", "0 is not above 0 mm"),
        ("-5", "-5 is not above 0 mm"),
        ("−5", "−5 is not above 0 mm"),
        ("NaN", "NaN is no number"),
        ("inf", "inf is no number"),
        ("1e400", "1e400 is not finite"),
        ("1e308", "1e308 is not between 0.1 and 100 mm"),
        ("thin", "thin is no number"),
        ("1 25", "1 25 is no number"),
        ("1.2.3", "1.2.3 is no number"),
        ("5 inch", "5 inch is no number"),
        ("<1", "<1 is no number"),
        ("1-2", "1-2 is no number"),
        ("0.5x0.5", "0.5x0.5 is no number"),
        ("1,250.5", "1,250.5 is no number"),
        ("½", "½ is no number"),
        ("1²", "1² is no number"),
        ("①", "① is no number"),
        ("\u200b", "empty"),
        ("~", "empty"),
        ("~0.0", "~0.0 is not above 0 mm"),
        ("mm", "mm is no number"),
        ("", "empty"),
        ("   ", "empty"),
        ("\\", "empty"),
        ("9" * 500, "too long for a number"),
    ],
)
def test_a_thickness_that_cannot_be_true_was_not_told(text: str, why: str) -> None:
    assert read_thickness(text).value is None
    assert read_thickness(text).why == why


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        (" 12 ", 12),
        ("12.0", 12),
        ("+12", 12),
        ("１２", 12),
        ("-3", -3),
        ("12.5", None),
        ("n/a", None),
        ("", None),
    ],
)
def test_whole_numbers(text: str, number: int | None) -> None:
    assert read_whole(text) == number


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("12.0", 12), ("１２", 12), (12, 12), ("-1", None), ("1e12", None), (None, None), (True, None),
        # One, or a thousand: nobody knows.
        ("1,000", None), ("1.000", None), ("1 000", None), ("1'000", None), ("1,234", None), ("12,345.0", None),
        ("1\u202f000", None), ("1000", 1000), ("1000.0", 1000), ("300.00", 300), ("2\\1,000", None),
    ],
)  # fmt: skip
def test_counts(value: object, count: int | None) -> None:
    assert parse_count(value) == count


@given(st.text(max_size=100))
def test_no_text_is_too_strange(text: str) -> None:
    reading = read_thickness(text)
    assert (reading.value is None) == bool(reading.why)
    read_whole(text)


@given(st.floats(0.1, 100), st.sampled_from(["{}", " {} mm", "+{}", "{}\\{}", "{} "]))
def test_every_way_to_write_it_is_the_same_number(value: float, form: str) -> None:
    text = repr(round(value, 4))
    assert read_number(form.format(text, text)) == read_number(text.replace(".", ",")) == float(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [("2\\300", 300), ("300\\2", 300), ("n/a\\12", 12), ("\\", None), ("-1\\-2", None), ("7" * 12, None)],
)
def test_of_several_counts_in_one_value_the_largest_counts(text: str, count: int | None) -> None:
    assert parse_count(text) == count


def test_whole_numbers_are_exact() -> None:
    """InstanceNumbers that are times: as a float, two neighbours would be one."""
    assert [read_whole(text) for text in ("20201130101530123456", "20201130101530123457")] == [
        20201130101530123456,
        20201130101530123457,
    ]
    assert read_whole("9" * 60) == 10**60 - 1
    assert read_whole("9" * 70) is None
