"""The recorded headers: read back as they were, small, and tolerant of what cannot be read."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.rehearse.record import (
    FIND,
    MAX_SERIES,
    RECEPTION,
    JudgedStudy,
    decode,
    encode,
    header,
)
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.read_attributes import MAX_VALUE, READ_BY_RULES
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.rules.verdict import Verdict

TAKEN = Verdict(True, "all", "", "no rule speaks against it", rules="3-abc")


def facts(uid: str = "1.2.1", instances: int | None = 100, **attributes: str) -> SeriesFacts:
    return SeriesFacts(uid, {"Modality": "CT", "BodyPartExamined": "CHEST", **attributes}, instances)


attributes = st.dictionaries(st.sampled_from(READ_BY_RULES), st.text(max_size=40), max_size=13)


@given(st.lists(attributes, max_size=5), st.none() | st.integers(0, 5000))
def test_what_was_recorded_is_judged_as_it_was(several: list[dict[str, str]], instances: int | None) -> None:
    study = JudgedStudy("1.2", "2026-11-01", "A")
    for number, one in enumerate(several):
        series = SeriesFacts(f"1.2.{number}", one, instances)
        study = study.with_headers([header(series, judge_series(series, Switches()), RECEPTION, "kept_back")])
    read = decode("1.2", "2026-11-01", encode(study))
    assert read == study
    assert read is not None
    for one_header in read.series.values():
        assert judge_series(one_header.facts, Switches()) == one_header.verdict
        assert one_header.verdict.rules == Switches().version


def test_names_of_patients_are_not_recorded_and_long_values_are_bounded() -> None:
    long = facts(PatientID="P1", AccessionNumber="A1", PatientName="X", ImageComments="肺" * 9000)
    kept = header(long, TAKEN, FIND).facts.attributes
    assert kept.keys() == {"Modality", "BodyPartExamined", "ImageComments"}
    assert len(kept["ImageComments"]) == MAX_VALUE


def test_an_attribute_that_was_told_empty_is_not_one_that_was_not_told() -> None:
    one = header(facts(ProtocolName=""), TAKEN, FIND)
    read = decode("1.2", "", encode(JudgedStudy("1.2", "").with_headers([one])))
    assert read is not None
    assert "ProtocolName" in read.series["1.2.1"].facts.attributes
    assert "SeriesDescription" not in read.series["1.2.1"].facts.attributes


def test_what_the_pacs_told_before_the_pull_says_nothing_new_of_judged_images() -> None:
    at_find = header(facts(StationName="CT3"), Verdict(False, "x", "", ""), FIND)
    received = header(facts(instances=90), TAKEN, RECEPTION)
    study = JudgedStudy("1.2", "").with_headers([at_find]).with_headers([received])
    assert study.series["1.2.1"].verdict.taken
    assert study.series["1.2.1"].device == "CT3"
    assert study.with_headers([at_find]) == study


def test_a_study_of_very_many_series_is_bounded() -> None:
    many = [header(facts(f"1.{number}"), TAKEN, FIND) for number in range(MAX_SERIES + 5)]
    assert len(JudgedStudy("1.2", "").with_headers(many).series) == MAX_SERIES


@pytest.mark.parametrize("data", [b"", b"\x02later", b"\x01damaged", b"\x01" + zlib.compress(b"[]")])
def test_what_cannot_be_read_is_none(data: bytes) -> None:
    assert decode("1.2", "2026-11-01", data) is None


def test_the_format_stays_readable() -> None:
    """Written by the first version: a change of the dictionary that is no new format breaks it."""
    read = decode("1.2", "2026-11-01", FIRST_VERSION)
    assert read is not None
    (one,) = read.series.values()
    assert (one.facts.text("BodyPartExamined"), one.facts.instances, one.verdict.taken) == (
        "CHEST",
        100,
        True,
    )


FIRST_VERSION = bytes.fromhex(
    "0178f90b8cf171ab86277a479062e4948f142cc094ab833d7020a951079bf70c956ab1580f7293a181810e5a2420c79e8e42b4215028312707244330e241d85837312959295647a1ba3636b6160037963ea0"
)
