"""What of a platform's parameters comes into force: all of a set, or nothing of it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pacs_module.domain.platform_parameters.parameter import Judged, ParameterSet, Told, judge

NAMES = "{StudyDate}/{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm"
GOOD: dict[str, Any] = {"batch_size": 50, "threads": 4, "storage_path": NAMES}
BEFORE = ParameterSet(7, {"batch_size": 50, "threads": 2})


def words(judged: Judged) -> list[str]:
    return [one.words for one in judged.faults]


def test_a_good_first_set_is_taken_with_its_changes() -> None:
    judged = judge(Told(7, GOOD), None)
    assert judged.taken == ParameterSet(7, GOOD)
    assert [(one.name, one.old, one.new) for one in judged.changes][:2] == [
        ("batch_size", "", "50"),
        ("threads", "", "4"),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threads", 0), ("threads", 17), ("threads", "4"), ("threads", True), ("threads", 4.0), ("threads", None),
        ("batch_size", -1), ("batch_size", []), ("kilobytes_per_second", math.nan), ("kilobytes_per_second", math.inf),
        ("kilobytes_per_second", -1), ("hospital_code", ""), ("hospital_code", "H 1"), ("hospital_code", "../H"),
        ("hospital_code", "医院"), ("hospital_code", "x" * 65), ("gateway_url", "ftp://a"), ("gateway_url", "http://u:p@a/"),
        ("gateway_url", "http://a b/"), ("gateway_url", "http://a\n/"), ("gateway_url", ["http://a"]),
        ("storage_path", "../{StudyDate}"), ("storage_path", "{Nothing}.dcm"), ("storage_path", 1), ("s3_bucket", "A"),
        ("s3_bucket", "-ab-"), ("s3_bucket", "a/b"), ("s3_secret_key", ""), ("s3_secret_key", {"a": 1}), ("s3_region", "eu west"),
    ],
)  # fmt: skip
def test_one_bad_value_and_nothing_of_the_set_comes_into_force(name: str, value: Any) -> None:
    judged = judge(Told(8, {**GOOD, name: value}), BEFORE)
    assert judged.taken is None
    (fault,) = judged.faults
    assert fault.name == name
    assert fault.allowed in fault.words


def test_what_was_told_before_must_be_told_again_and_what_the_site_needs_too() -> None:
    assert words(judge(Told(8, {"batch_size": 50}), BEFORE)) == [
        "threads is missing: it was told before, or the site needs it"
    ]
    assert words(judge(Told(1, {"batch_size": 50}), None, ("hospital_code",))) == [
        "hospital_code is missing: it was told before, or the site needs it"
    ]


def test_an_older_version_and_other_values_under_the_same_one_are_a_change_in_flight() -> None:
    assert words(judge(Told(6, {"batch_size": 50, "threads": 9}), BEFORE)) == [
        "version is 6: 7 or later, which is in force"
    ]
    assert words(judge(Told(7, {"batch_size": 50, "threads": 9}), BEFORE)) == [
        "version is 7: another number, because the values are others"
    ]
    assert judge(Told(7, dict(BEFORE.values)), BEFORE) == Judged(None)
    assert judge(Told(8, dict(BEFORE.values)), BEFORE).taken == ParameterSet(8, BEFORE.values)


def test_without_versions_the_values_alone_count() -> None:
    before = ParameterSet(None, {"threads": 2})
    assert judge(Told(None, {"threads": 3}), before).taken == ParameterSet(None, {"threads": 3})
    assert judge(Told(None, {"threads": 2}), before) == Judged(None)


def test_unknown_names_are_told_and_do_no_harm() -> None:
    judged = judge(Told(8, {"batch_size": 50, "threads": 2, "colour": "red", "\n" * 99: 1}), BEFORE)
    assert judged.taken is not None
    assert judged.unknown == ("?" * 64, "colour")


def test_secrets_are_shown_by_a_digest_that_tells_a_change() -> None:
    before = ParameterSet(1, {"s3_secret_key": "first-secret"})
    (change,) = judge(Told(2, {"s3_secret_key": "other-secret"}), before).changes
    assert "secret" not in change.old + change.new
    assert change.old != change.new
    (fault,) = judge(Told(2, {"s3_secret_key": ["leaked"]}), before).faults
    assert "leaked" not in fault.words
