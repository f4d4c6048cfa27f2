"""The notification (operator contract, section 4): letter by letter, validated once, and what is refused."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs_module.domain.errors import MessageError
from pacs_module.domain.json_messages.messages import FILTERED_OUT, ReceptionNote, SeriesFolder, SeriesReport
from pacs_module.domain.json_messages.notification import Notification, is_below, read_notification

FOLDER = "/store_image/4c18cd69-ecee1be6-10a1dcd4-73308186-275b913f"
CONTRACT = {
    "studyUID": "1.2.3",
    "seriesUID": "1.2.3.4",
    "numberReceived": 1041,
    "statecode": 800,
    "message": "",
    "filepath": FOLDER,
    "callingAPTitle": "BATCH1",
    "callingPresentationAddress": "192.168.1.224",
    "seriesnum": 1,
    "totalRecievedtime": "",
    "priorities": 4,
    "isPush": 1,
    "lastUpdateTime": "20200618T080626",
}
HANDOVER = "4c18cd69ecee1be610a1dcd473308186"
MADE = Notification(
    study_uid="1.2.3",
    series_uid="1.2.3.4",
    number_received=1041,
    statecode=800,
    filepath=FOLDER,
    calling_ae_title="BATCH1",
    calling_address="192.168.1.224",
    series_count=1,
    priority=4,
    is_push=1,
    last_update_time="20200618T080626",
    handover_id=HANDOVER,
    completeness="COMPLETE",
)
MESSAGE = MADE.to_message()


def test_the_contracts_keys_stand_first_letter_by_letter() -> None:
    assert list(MESSAGE)[: len(CONTRACT)] == list(CONTRACT)
    assert CONTRACT.items() <= MESSAGE.items()


def test_it_is_read_as_it_was_made() -> None:
    series = (SeriesFolder("1.2.3.4", f"{FOLDER}/a", 1000), SeriesFolder("1.2.3.5", f"{FOLDER}/b", 41))
    reports = (
        SeriesReport("1.1", True, "body part", "BodyPartExamined CHEST", 300, 300),
        SeriesReport("1.2", False, "kernel", "B70", 0),
    )
    notes, identity = (ReceptionNote("set_aside", "3 images"),), {"PatientID": "P1"}
    whole = replace(
        MADE, series=series, reports=reports, notes=notes, identity=identity, patient_ids=("A", "B"),
        announced={"pacs": "PACS", "expected": None},
    )  # fmt: skip
    assert read_notification(whole.to_message()) == whole
    assert whole.to_message()["series"][1] == {
        "seriesUID": "1.2.3.5",
        "filepath": f"{FOLDER}/b",
        "numberReceived": 41,
    }


def test_the_contracts_keys_are_enough_beside_the_id() -> None:
    read = read_notification({**CONTRACT, "handoverID": HANDOVER})
    assert (read.has_images, read.series, read.pushed_against) == (True, (), None)


def test_keys_that_nobody_knows_are_kept_and_passed_on() -> None:
    sent = {**MESSAGE, "ward": "ICU", "more": {"nested": [1]}}
    assert read_notification(sent).to_message() == sent


def test_another_statecode_says_that_all_was_filtered_out() -> None:
    filtered = replace(
        MADE, statecode=FILTERED_OUT, series_uid="", filepath="", number_received=0, message="HEAD"
    )
    assert not read_notification(filtered.to_message()).has_images


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(
            (key, None)
            for key in (
                "studyUID",
                "seriesUID",
                "numberReceived",
                "statecode",
                "filepath",
                "isPush",
                "handoverID",
            )
        ),
        ("studyUID", 5),
        ("studyUID", ""),
        ("studyUID", "*"),
        ("studyUID", "1.2\\1.3"),
        ("studyUID", "../.."),
        ("studyUID", "1" * 60_000),
        ("seriesUID", ""),
        ("seriesUID", "1.2/../../x"),
        ("handoverID", ""),
        ("handoverID", "x/../../../OUTSIDE"),
        ("handoverID", "../../etc/passwd"),
        ("handoverID", "/etc/passwd"),
        ("handoverID", HANDOVER.upper()),
        ("handoverID", HANDOVER + "0"),
        ("handoverID", HANDOVER[:-1] + "\0"),
        ("handoverID", "."),
        ("filepath", ""),
        ("filepath", "store_image/x"),
        ("filepath", "/"),
        ("filepath", "/store_image/../etc"),
        ("filepath", "/store_image/.."),
        ("filepath", "/store_image/./x"),
        ("filepath", "/store_image//x"),
        ("filepath", "/store_image/x\0"),
        ("filepath", "/store_image/x\ny"),
        ("filepath", "/store_image/\ud800"),
        ("filepath", "/" + "x" * 5000),
        ("numberReceived", "1041"),
        ("numberReceived", -1),
        ("numberReceived", 2**31),
        ("numberReceived", 10**23),
        ("numberReceived", True),
        ("numberReceived", 1041.5),
        ("statecode", "800"),
        ("statecode", -800),
        ("seriesnum", -1),
        ("priorities", 3),
        ("priorities", 5),
        ("priorities", -1),
        ("priorities", 300),
        ("isPush", 2),
        ("isPush", "1"),
        ("lastUpdateTime", "yesterday"),
        ("lastUpdateTime", "20201340T080626"),
        ("lastUpdateTime", "2020-06-18T08:06:26"),
        ("message", 5),
        ("message", "x" * 5000),
        ("callingAPTitle", ["BATCH1"]),
        ("completeness", "x" * 5000),
        ("identity", []),
        ("identity", {"StudyDate": 20200618}),
        ("identity", {"PatientID": "x" * 5000}),
        ("announced", []),
        ("announced", {"pacs": 3}),
        ("announced", {"pacs": "A", "expected": "many"}),
        ("announced", {"pacs": "A", "expected": True}),
        ("announced", {"pacs": "A", "expected": -1}),
        ("notes", ["x"]),
        ("patientIDs", "P1"),
        ("seriesReports", 5),
        ("seriesReports", [5]),
        ("seriesReports", [{}]),
        ("seriesReports", [{"seriesUID": "1", "taken": "yes", "rule": "", "because": "", "received": 1}]),
    ],
)
def test_a_bad_value_is_named(key: str, value: object) -> None:
    with pytest.raises(MessageError) as caught:
        read_notification({**MESSAGE, key: value})
    if not isinstance(value, list | dict):
        assert (caught.value.key, caught.value.value) == (key, value)
    assert len(str(caught.value)) < 1000


def listed(**changes: Any) -> dict[str, Any]:
    return {"seriesUID": "1.2.3.4", "filepath": FOLDER, "numberReceived": 1041, **changes}


@pytest.mark.parametrize(
    "series",
    [
        5,
        {},
        ["x"],
        [{"seriesUID": "1.2.3.4", "filepath": FOLDER}],
        [listed(seriesUID="..")],
        [listed(seriesUID="1.2.3.5")],
        [listed(filepath="/etc")],
        [listed(filepath=f"{FOLDER}/../other")],
        [listed(filepath=f"{FOLDER}x")],
        [listed(filepath="")],
        [listed(numberReceived=1040)],
        [listed(numberReceived=-1)],
        [listed(numberReceived="1041")],
        [listed(numberReceived=1000), listed(numberReceived=41)],
    ],
)
def test_series_that_do_not_lie_in_the_hand_over_or_do_not_add_up(series: object) -> None:
    with pytest.raises(MessageError):
        read_notification({**MESSAGE, "series": series})


def test_too_many_keys_that_nobody_knows() -> None:
    with pytest.raises(MessageError, match="not known"):
        read_notification({**MESSAGE, **{f"x{number:03}": 1 for number in range(101)}})


@pytest.mark.parametrize("message", [None, 5, "text", [], [1]])
def test_what_is_no_object_is_refused(message: Any) -> None:
    with pytest.raises(MessageError):
        read_notification(message)


def test_below() -> None:
    assert is_below("/a/b", "/a/b")
    assert is_below("/a/b/c", "/a/b/")
    assert not is_below("/a/bc", "/a/b")
    assert not is_below("/a", "/a/b")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)


@given(changes=st.dictionaries(st.sampled_from(sorted(MESSAGE)) | st.text(), ANYTHING, max_size=3))
def test_whatever_comes_is_read_or_refused(changes: dict[str, Any]) -> None:
    with suppress(MessageError):
        read_notification({**MESSAGE, **changes})
