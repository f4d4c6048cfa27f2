"""Messages of other processes: the good ones, and what the bad ones are told (operator-contract section 4)."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.errors import MessageError
from pacs_module.domain.rules.filters import Verdict
from pacs_module.domain.wire.documents import to_document
from pacs_module.domain.wire.messages import (
    FILTERED_OUT,
    PullReport,
    PullRequest,
    Result,
    SeriesFolder,
    SeriesReport,
    check_notification,
    notification,
    read_pull_report,
    read_pull_request,
    read_reports,
    read_result,
)

CONTRACT = {
    "studyUID": "1.2.3",
    "seriesUID": "1.2.3.4",
    "numberReceived": 1041,
    "statecode": 800,
    "message": "",
    "filepath": "/store_image/4c18cd69-ecee1be6-10a1dcd4-73308186-275b913f",
    "callingAPTitle": "BATCH1",
    "callingPresentationAddress": "192.168.1.224",
    "seriesnum": 1,
    "totalRecievedtime": "",
    "priorities": 4,
    "isPush": 1,
    "lastUpdateTime": "20200618T080626",
}


def made(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "study_uid": "1.2.3",
        "series_uid": "1.2.3.4",
        "number_received": 1041,
        "filepath": "/store_image/4c18cd69-ecee1be6-10a1dcd4-73308186-275b913f",
        "calling_ae_title": "BATCH1",
        "calling_address": "192.168.1.224",
        "series_count": 1,
        "received_seconds": "",
        "priority": 4,
        "is_push": True,
        "last_update_time": "20200618T080626",
        "handover_id": "h-1",
        "completeness": "COMPLETE",
    }
    return notification(**{**values, **changes})


def test_the_notification_is_the_contracts_with_more_behind_it() -> None:
    message = made()
    assert list(message)[: len(CONTRACT)] == list(CONTRACT)
    assert CONTRACT.items() <= message.items()
    assert check_notification(message) is message


def test_a_dx_notification_lists_all_its_series() -> None:
    series = (SeriesFolder("1.1", "/store_image/x/1.1", 1), SeriesFolder("1.2", "/store_image/x/1.2", 1))
    message = made(series=series, series_count=2, is_push=False)
    assert message["isPush"] == 0
    assert message["seriesnum"] == 2
    assert message["series"][1] == {"seriesUID": "1.2", "filepath": "/store_image/x/1.2", "numberReceived": 1}


def test_the_series_reports_ride_on_the_notification() -> None:
    reports = (
        SeriesReport("1.1", True, "body part", "BodyPartExamined CHEST", 300, 300),
        SeriesReport("1.2", False, "kernel", "B70", 0),
    )
    assert read_reports(made(reports=reports)) == reports
    assert read_reports({}) == ()
    assert made(statecode=FILTERED_OUT)["statecode"] != 800


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("studyUID", None),
        ("studyUID", 5),
        ("studyUID", ""),
        ("numberReceived", "1041"),
        ("handoverID", None),
        ("statecode", None),
        ("isPush", "1"),
    ],
)
def test_a_bad_notification(key: str, value: object) -> None:
    with pytest.raises(MessageError) as caught:
        check_notification({**made(), key: value})
    assert (caught.value.key, caught.value.value) == (key, value)


@pytest.mark.parametrize(
    "reports", [5, "text", [5], [{}], [{"seriesUID": "1", "taken": "yes", "rule": "", "because": "", "received": 1}]]
)
def test_bad_series_reports(reports: object) -> None:
    with pytest.raises(MessageError):
        read_reports({"seriesReports": reports})


SR = Verdict(False, "modality", "Modality", "SR")
REQUEST = PullRequest(
    "p-1", "1.2.3", "PACS", "SERIES", ("1.1",), 4, 300, {"1.1": 300}, {"1.2": SR}, ("1.1",), final=True
)
REPORT = PullReport(
    "r-1", "p-1", "1.2.3", "received", "COMPLETE", 300, move_seconds=29.67, series=(SeriesReport("1.1", True, "", "", 300),)
)
RESULT = Result("1.2.3", "1.1", "completed", "fine", "h-1", {"lungVolume": 4.2, "nested": [1, None]})


def test_a_series_dropped_at_find_as_earlier_versions_wrote_it() -> None:
    earlier = {**to_document(REQUEST), "filtered": {"1.2": "Modality SR"}}
    assert read_pull_request(earlier).filtered == {"1.2": Verdict(False, "find", "", "Modality SR")}


def test_good_messages_are_read() -> None:
    assert read_pull_request(to_document(REQUEST)) == REQUEST
    assert read_pull_report(to_document(REPORT)) == REPORT
    assert read_result(to_document(RESULT)) == RESULT
    assert read_result({"studyUID": "1", "seriesUID": "2", "state": "failed", "unknown": 1}) == Result("1", "2", "failed")


def test_uids_as_a_backend_reads_them_out_of_a_header() -> None:
    padded = {"studyUID": "1.2.3\0", "seriesUID": "1.1 ", "state": "completed"}
    assert read_result(padded) == Result("1.2.3", "1.1", "completed")


READERS = {"request": (read_pull_request, REQUEST), "report": (read_pull_report, REPORT), "result": (read_result, RESULT)}


@pytest.mark.parametrize(
    ("which", "key", "value", "allowed"),
    [
        ("request", "level", "IMAGE", "STUDY or SERIES"),
        ("request", "seriesUIDs", [], "at least one with level SERIES"),
        ("request", "pullID", "", "not empty"),
        ("request", "studyUID", "", "not empty"),
        ("request", "pacs", "", "not empty"),
        ("request", "priority", "high", "a whole number"),
        ("request", "priority", True, "a whole number"),
        ("request", "expected", "300", "a whole number or nothing"),
        ("request", "expectedSeries", {"1.1": "300"}, "an object of a whole number"),
        ("request", "final", 1, "true or false"),
        ("report", "outcome", "fine", "received, short, failed, nothing_new, filtered"),
        ("report", "received", None, "a whole number"),
        ("report", "moveSeconds", "fast", "a number or nothing"),
        ("result", "state", "done", "completed, unsupported_series, failed"),
        ("result", "studyUID", 5, "text"),
        ("result", "message", None, "text"),
        ("result", "result", [4.2], "an object of anything"),
        ("request", "seriesUIDs", 5, "a list of text"),
        ("report", "series", {}, "a list of an object"),
    ],
)
def test_a_bad_value_names_key_value_and_what_is_allowed(which: str, key: str, value: object, allowed: str) -> None:
    read, good = READERS[which]
    with pytest.raises(MessageError) as caught:
        read({**to_document(good), key: value})
    assert caught.value.key == key
    assert allowed in caught.value.allowed
    assert str(caught.value).startswith(f"{key} = ")


@pytest.mark.parametrize(
    ("which", "key"), [("request", "pullID"), ("report", "outcome"), ("result", "state"), ("result", "seriesUID")]
)
def test_a_missing_key_is_named(which: str, key: str) -> None:
    read, good = READERS[which]
    with pytest.raises(MessageError) as caught:
        read({name: value for name, value in to_document(good).items() if name != key})
    assert (caught.value.key, caught.value.allowed) == (key, "must be given")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.parametrize("which", READERS)
@given(data=st.data())
def test_whatever_comes_is_read_or_refused(which: str, data: st.DataObject) -> None:
    read, good = READERS[which]
    document = to_document(good)
    changes = data.draw(st.dictionaries(st.sampled_from(sorted(document)), ANYTHING, max_size=2))
    with suppress(MessageError):
        read({**document, **changes})


@pytest.mark.parametrize("message", [None, 5, "text", [], [1]])
def test_what_is_no_object_is_refused(message: Any) -> None:
    for read, _ in READERS.values():
        with pytest.raises(MessageError):
            read(message)
