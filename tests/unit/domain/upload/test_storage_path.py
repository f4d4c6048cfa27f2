"""Names at a destination: a rule that is checked at the start, and values that lead nowhere."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.errors import ConfigurationError, PermanentError
from pacs_module.domain.upload.storage_path import DEFAULT, StoragePath, escaped, read_storage_path

VALUES = {
    "StudyDate": "20200618",
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.4",
    "SOPInstanceUID": "1.2.3.4.5",
    "PatientID": "P 1",
}


def test_the_shipped_rule() -> None:
    assert read_storage_path("path", DEFAULT).name("H1", VALUES) == "H1/20200618/1.2.3/1.2.3.4/1.2.3.4.5.dcm"


@pytest.mark.parametrize(
    "rule",
    [
        "", "image.dcm", "/{SOPInstanceUID}", "../{SOPInstanceUID}", "a/../{SOPInstanceUID}",
        "a//{SOPInstanceUID}",
        "{SOPInstanceUID}/", ".{SOPInstanceUID}", "{Nonsense}/{SOPInstanceUID}", "{SOPInstanceUID",
        "a\\{SOPInstanceUID}",
        "{StudyInstanceUID}.dcm", "a b/{SOPInstanceUID}", "{}{SOPInstanceUID}", "胸/{SOPInstanceUID}",
        "a\n/{SOPInstanceUID}",
        "a/./{SOPInstanceUID}", "a~/{SOPInstanceUID}",
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_used_stops_the_start(rule: str) -> None:
    with pytest.raises(ConfigurationError, match="path"):
        read_storage_path("path", rule)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("", "_"), ("_", "~5F"), ("P 1", "P~201"), ("..", "~2E."), ("../../etc", "~2E.~2F..~2Fetc"),
        ("a/b", "a~2Fb"),
        ("a\\b", "a~5Cb"), ("~", "~7E"), (".x", "~2Ex"), ("胸", "~E8~83~B8"), ("a\0", "a~00"),
        ("P-1_2.3", "P-1_2.3"),
    ],
)  # fmt: skip
def test_values_are_escaped(value: str, name: str) -> None:
    assert escaped(value) == name


@given(st.text(max_size=60))
def test_no_value_is_a_step_out_of_its_folder(value: str) -> None:
    part = escaped(value)
    assert part not in (".", "..")
    assert "/" not in part
    assert part.isascii()
    assert posixpath.normpath(f"a/{part}/b") == f"a/{part}/b"


@given(st.text(max_size=30), st.text(max_size=30))
def test_two_values_stay_two(one: str, other: str) -> None:
    assert (escaped(one) == escaped(other)) == (one == other)


@pytest.mark.parametrize("uid", ["", "../1", "1..2", "1.2/3", "1." * 40, "x", "1.2\n3"])
def test_a_uid_that_is_none_is_refused(uid: str) -> None:
    with pytest.raises(PermanentError, match="is no UID"):
        StoragePath(DEFAULT).name("H1", {**VALUES, "SOPInstanceUID": uid})


def test_a_name_that_is_too_long_is_refused() -> None:
    rule = read_storage_path("path", "{PatientID}/{SOPInstanceUID}")
    with pytest.raises(PermanentError, match="too long"):
        rule.name("", {**VALUES, "PatientID": "胸" * 64})
