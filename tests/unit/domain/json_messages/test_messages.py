"""
Messages of other processes: the good ones, and what the bad ones are told (the notification:
test_notification.py).
"""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.errors import MessageError
from pacs_module.domain.json_messages.documents import to_document
from pacs_module.domain.json_messages.messages import (
    MAX_RESULT,
    MAX_WORDS,
    PullReport,
    PullRequest,
    Result,
    SeriesReport,
    read_pull_report,
    read_pull_request,
    read_result,
)
from pacs_module.domain.rules.verdict import Verdict

SR = Verdict(False, "modality", "Modality", "SR")
REQUEST = PullRequest(
    "p-1", "1.2.3", "PACS", "SERIES", ("1.1",), 4, 300, {"1.1": 300}, {"1.2": SR}, ("1.1",), final=True
)
REPORT = PullReport(
    "r-1",
    "p-1",
    "1.2.3",
    "received",
    "COMPLETE",
    300,
    move_seconds=29.67,
    series=(SeriesReport("1.1", True, "", "", 300),),
)
RESULT = Result("1.2.3", "1.1", "completed", "fine", "h-1", {"lungVolume": 4.2, "nested": [1, None]})


def test_a_series_dropped_at_find_as_earlier_versions_wrote_it() -> None:
    earlier = {**to_document(REQUEST), "filtered": {"1.2": "Modality SR"}}
    assert read_pull_request(earlier).filtered == {"1.2": Verdict(False, "find", "", "Modality SR")}


def test_good_messages_are_read() -> None:
    assert read_pull_request(to_document(REQUEST)) == REQUEST
    assert read_pull_report(to_document(REPORT)) == REPORT
    assert read_result(to_document(RESULT)) == RESULT
    assert read_result({"studyUID": "1", "seriesUID": "2", "state": "failed", "unknown": 1}) == Result(
        "1", "2", "failed"
    )


def test_a_result_that_says_too_much_is_cut_or_refused() -> None:
    long = {**to_document(RESULT), "message": "x" * 100_000}
    assert read_result(long).message == "x" * MAX_WORDS + "..."
    with pytest.raises(MessageError, match="characters of JSON"):
        read_result({**to_document(RESULT), "result": {"mask": "x" * MAX_RESULT}})


@pytest.mark.parametrize(
    "uid", ["", "*", "1..2", "../../etc/passwd", "1.2\\1.3", "1" * 65, "one", "1.2.3'; DROP TABLE x"]
)
@pytest.mark.parametrize("key", ["studyUID", "seriesUID"])
def test_a_result_of_what_is_no_uid(key: str, uid: str) -> None:
    with pytest.raises(MessageError) as caught:
        read_result({**to_document(RESULT), key: uid})
    assert caught.value.key == key


def test_uids_as_a_backend_reads_them_out_of_a_header() -> None:
    padded = {"studyUID": "1.2.3\0", "seriesUID": "1.1 ", "state": "completed"}
    assert read_result(padded) == Result("1.2.3", "1.1", "completed")


READERS = {
    "request": (read_pull_request, REQUEST),
    "report": (read_pull_report, REPORT),
    "result": (read_result, RESULT),
}


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
def test_a_bad_value_names_key_value_and_what_is_allowed(
    which: str, key: str, value: object, allowed: str
) -> None:
    read, good = READERS[which]
    with pytest.raises(MessageError) as caught:
        read({**to_document(good), key: value})
    assert caught.value.key == key
    assert allowed in caught.value.allowed
    assert str(caught.value).startswith(f"{key} = ")


@pytest.mark.parametrize(
    ("which", "key"),
    [("request", "pullID"), ("report", "outcome"), ("result", "state"), ("result", "seriesUID")],
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
