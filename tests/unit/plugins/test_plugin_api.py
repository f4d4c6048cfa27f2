from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aipull.hand_over.folder import HandoverFolder
from aipull.journal.device_sizes import SizeRows
from aipull.journal.handovers import HandoverRow, HandoverRows
from aipull.journal.journal import Journal
from aipull.journal.pulls import PullRows
from aipull.journal.receptions import ReceptionRows
from aipull.plugin_api import Answer, PluginApi, answer_to, routes
from aipull.pull.admission import Admission, Sizes
from pacs_module.domain.json_messages.messages import read_pull_request
from pacs_module.domain.pull.ram_disk import Seen
from pacs_module.domain.recover.consistency import read_plugin_records
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.logs import ContractLog

MB = 1_000_000


class Disk:
    f_frsize = 1
    f_blocks = 1000 * MB

    def __init__(self, free: int) -> None:
        self.f_bavail = free


@pytest.fixture
def api(tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> PluginApi:
    monkeypatch.setattr(os, "statvfs", lambda _: Disk(1000 * MB))
    pulls = PullRows(journal)
    folder = HandoverFolder(tmp_path, "/store_image", None, None)  # type: ignore[arg-type]
    sizes = Sizes(None, ReceptionRows(journal), SizeRows(journal), Switches())  # type: ignore[arg-type]
    room = Admission(
        tmp_path, 256, pulls, sizes, HandoverRows(journal), ReceptionRows(journal), tmp_path / "index"
    )
    return PluginApi(
        journal,
        pulls,
        HandoverRows(journal),
        folder,
        room,
        frozenset({"PACS"}),
        ContractLog(tmp_path, "orthanc-python"),
        lambda: None,
        lambda: None,
    )


def call(api: PluginApi, uri: str, body: object = None, *groups: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return answer_to(api, routes(api)[uri][1], {"body": raw, "groups": groups})


PULL = {"pullID": "p1", "studyUID": "1.2", "pacs": "PACS", "expected": 600}


def test_pull_is_noted_once(api: PluginApi) -> None:
    for _ in range(2):
        assert call(api, "/aipull/pulls", PULL) == Answer(200, {"status": "running"})
    assert len(api.pulls.unreported()) == 1
    assert call(api, "/aipull/pulls/(.+)", None, "p1") == Answer(200, {"status": "running"})


def test_a_pull_for_another_receiver_is_refused(api: PluginApi) -> None:
    named = replace(api, receiver="two")
    assert call(named, "/aipull/pulls", {**PULL, "receiver": "one"}).status == 421
    assert call(named, "/aipull/pulls", {**PULL, "receiver": "two"}).status == 200
    assert call(named, "/aipull/status").body["receiver"] == "two"


def test_room_counts_the_reserve_and_what_running_pulls_will_bring(api: PluginApi) -> None:
    assert call(api, "/aipull/pulls", PULL).status == 200  # 360 of 744 MB
    answer = call(api, "/aipull/pulls", {**PULL, "pullID": "p2", "studyUID": "1.3", "expected": 700})
    assert answer.status == 507
    assert answer.body["message"] == (
        "no room: 1000 MB free, 256 MB kept in reserve, 360 MB promised to running pulls, 420 MB needed"
    )
    api.pulls.ended("p1", 1, "", 1.0)
    assert (
        call(api, "/aipull/pulls", {**PULL, "pullID": "p2", "studyUID": "1.3", "expected": 700}).status == 200
    )


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b"{", "body"),
        (b"[]", "body"),
        ({"pullID": "p1"}, "studyUID"),
        ({**PULL, "level": "SERIES"}, "seriesUIDs"),
        ({**PULL, "pacs": ""}, "pacs"),
    ],
)
def test_bad_message_is_named(api: PluginApi, body: object, key: str) -> None:
    answer = call(api, "/aipull/pulls", body)
    assert (answer.status, answer.body["key"]) == (400, key)
    assert answer.body["allowed"]


def test_unexpected_error_is_an_answer(api: PluginApi) -> None:
    api.journal.close()
    assert call(api, "/aipull/status").status == 500


def test_release_removes_only_what_was_handed_over(api: PluginApi, tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    api.handovers.add(HandoverRow("a" * 32, "1.2", ("1",), 1, "series"), "series", 1)
    assert call(api, "/aipull/release", {"handoverID": "b" * 32}).body == {"released": False}
    assert (tmp_path / "series").exists()
    for _ in range(2):
        assert call(api, "/aipull/release", {"handoverID": "a" * 32}).body == {"released": True}
    assert not (tmp_path / "series").exists()
    assert call(api, "/aipull/release", {}).status == 400


def test_verdicts_are_single_lines(api: PluginApi, tmp_path: Path) -> None:
    assert call(api, "/aipull/verdicts", {"lines": ["a\nb"]}).status == 200
    assert (tmp_path / "orthanc-python.log").read_text() == "a b\n"


def test_room_is_reckoned_by_the_images_of_a_pacs_that_is_counted_by_image(api: PluginApi) -> None:
    images = {"1.2.1": [f"1.2.1.{number}" for number in range(1000)]}  # 600 of 744 MB
    by_image = {"pullID": "p1", "studyUID": "1.2", "pacs": "PACS", "expectedInstances": images}
    assert call(api, "/aipull/pulls", by_image).status == 200
    assert (
        call(api, "/aipull/pulls", {**PULL, "pullID": "p2", "studyUID": "1.3", "expected": 300}).status == 507
    )


def test_what_can_never_have_room_is_said_so_and_what_was_seen_decides(api: PluginApi) -> None:
    large = {**PULL, "expected": 1000}
    assert call(api, "/aipull/pulls", PULL).status == 200
    assert (
        call(api, "/aipull/pulls", {**large, "pullID": "p2", "studyUID": "1.3"}).status == 507
    )  # 600 MB, not now
    SizeRows(api.journal).add(Seen("CT", "GE", "Revolution", "512x512", 2000, 2000 * MB))
    answer = call(api, "/aipull/pulls", {**large, "pullID": "p2", "studyUID": "1.3"})
    assert answer.status == 413
    assert answer.body["message"] == (
        "larger than the RAM disk: 1100 MB needed, the whole disk has 1000 MB, 256 MB of it kept in reserve"
    )
    api.pulls.ended("p1", 1, "", 1.0)
    assert (
        call(api, "/aipull/pulls", {**PULL, "pullID": "p3", "studyUID": "1.4", "expected": 100}).status == 200
    )


def test_small_pulls_do_not_pass_a_large_one_that_waits_for_ever(api: PluginApi) -> None:
    small = {"pullID": "s1", "studyUID": "2.1", "pacs": "PACS", "expected": 500}  # 300 of 744 MB
    assert call(api, "/aipull/pulls", small).status == 200
    assert call(api, "/aipull/pulls", {**PULL, "expected": 1000}).status == 507
    answer = call(api, "/aipull/pulls", {**small, "pullID": "s2", "studyUID": "2.2"})
    assert answer.status == 507
    assert answer.body["message"].endswith("600 MB kept for 1 that came before")
    assert (
        call(api, "/aipull/pulls", {**small, "pullID": "s3", "studyUID": "2.3", "priority": 4}).status == 200
    )  # a person asked
    api.pulls.ended("s1", 1, "", 1.0)
    api.pulls.ended("s3", 1, "", 1.0)
    assert call(api, "/aipull/pulls", {**PULL, "expected": 1000}).status == 200
    assert api.room.state()["pullsWaiting"] == 1


def test_copies_without_names_need_room_too(api: PluginApi, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    api.room._copies = copies
    assert call(api, "/aipull/pulls", PULL).status == 200  # 2 x 360 MB
    assert api.room.state()["promisedBytes"] == 720 * MB
    api.pulls.ended("p1", 1, "", 1.0)
    api.handovers.add(HandoverRow("h1", "1.2", ("1",), 1, "series", size=100 * MB), "series", 1)
    assert api.room.state()["promisedBytes"] == 100 * MB
    (copies / "h1").mkdir(parents=True)
    assert api.room.state()["promisedBytes"] == 0
    assert api.room.state()["handoverBytes"] == 100 * MB


UID = "1.2.840.1"


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"studyUID": "*"}, "studyUID"),
        ({"studyUID": "1.2\\1.3"}, "studyUID"),
        ({"studyUID": "../.."}, "studyUID"),
        ({"studyUID": "1" * 65}, "studyUID"),
        ({"studyUID": "1.2 "}, "studyUID"),
        ({"pullID": "x" * 129}, "pullID"),
        ({"pullID": "../p"}, "pullID"),
        ({"pullID": "p\u0000"}, "pullID"),
        ({"level": "SERIES", "seriesUIDs": ["*"]}, "seriesUIDs"),
        ({"expectedSeries": {"": 5}}, "expectedSeries"),
        ({"expectedSeries": {UID: -1}}, "expectedSeries"),
        ({"expectedSeries": {UID: 10**12}}, "expectedSeries"),
        ({"expected": -3}, "expected"),
        ({"expectedInstances": {UID: ["../x"]}}, "expectedInstances"),
        ({"announced": {"?": {}}}, "announced"),
        ({"skipFilter": ["1..2"]}, "skipFilter"),
        ({"priority": 10**9}, "priority"),
        ({"priority": -1}, "priority"),
    ],
)
def test_a_field_that_is_not_what_it_should_be_is_named_and_nothing_is_journaled(
    api: PluginApi, values: dict[str, Any], key: str
) -> None:
    answer = call(api, "/aipull/pulls", {**PULL, **values})
    assert (answer.status, answer.body["key"]) == (400, key)
    assert api.pulls.unreported() == []


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"pullID": "' + b"x" * 20_000_000 + b'"}',
        b'{"expectedSeries": {' + b",".join(b'"1.%d": 1' % n for n in range(300_000)) + b"}}",
        b"\xff\xfe",
        b'{"pullID": "a", "pullID": "b"}',
    ],
)
def test_a_body_beyond_the_limits_is_refused_before_it_is_parsed(api: PluginApi, body: bytes) -> None:
    answer = call(api, "/aipull/pulls", body)
    assert (answer.status, answer.body["key"]) == (400, "body")
    assert len(answer.text()) < 2000


def test_an_answer_goes_out_whatever_is_in_it(api: PluginApi) -> None:
    odd = {"x": "\ud800", "y": float("nan"), "z": 10**5000, "bytes": b"\xff", "deep": {"a": {1, 2}}}
    assert json.loads(Answer(200, odd).text()).keys() == odd.keys()
    assert call(api, "/aipull/release", {"handoverID": "\ud800"}).status == 200


def test_lines_that_are_too_long_are_not_written(api: PluginApi, tmp_path: Path) -> None:
    assert call(api, "/aipull/verdicts", {"lines": ["ok", "x" * 20_000]}).status == 400
    assert not (tmp_path / "orthanc-python.log").read_text()


def given(api: PluginApi, tmp_path: Path, name: str = "x", files: int = 3) -> HandoverRow:
    row = HandoverRow(f"h-{name}", "1.2", ("9.1",), files, name)
    api.handovers.add(row, name, 5)
    api.handovers.keep_notification(
        row.handover_id, {"handoverID": row.handover_id, "identity": {"PatientID": "张"}}
    )
    (tmp_path / name / "sub").mkdir(parents=True)
    for number in range(files):
        (tmp_path / name / "sub" / f"{number}.dcm").write_bytes(b"DICM")
    return row


def test_the_audit_tells_what_a_lost_store_has_to_know(api: PluginApi, tmp_path: Path) -> None:
    given(api, tmp_path)
    call(api, "/aipull/pulls", PULL)
    api.journal.to_send("1.7", "notify", {"a": 1})
    (tmp_path / "stray").mkdir()
    (tmp_path / ".tmp-half").mkdir()
    told = read_plugin_records(call(api, "/aipull/audit").body)
    assert told.installation == ""
    (one,) = told.handovers
    assert (one.handover_id, one.study_uid, one.state, one.files, one.instances) == (
        "h-x",
        "1.2",
        "given",
        3,
        3,
    )
    assert one.notification == {"handoverID": "h-x", "identity": {"PatientID": "张"}}
    (pull,) = told.pulls
    assert (pull.pull_id, pull.status, pull.pacs) == ("p1", "running", "PACS")
    assert read_pull_request(pull.request or {}) == api.pulls.unreported()[0].request
    assert told.owed == {"1.7"}
    assert told.stray_folders == ("stray",)
    assert told.journal_id == read_plugin_records(call(api, "/aipull/audit").body).journal_id != ""


def test_what_is_released_is_told_without_its_notification(api: PluginApi, tmp_path: Path) -> None:
    given(api, tmp_path)
    call(api, "/aipull/release", {"handoverID": "h-x"})
    (one,) = read_plugin_records(call(api, "/aipull/audit").body).handovers
    assert (one.state, one.files, one.notification) == ("released", 0, None)
    assert api.handovers.notifications() == {}


def test_files_that_are_gone_are_counted_as_none(api: PluginApi, tmp_path: Path) -> None:
    given(api, tmp_path, files=0)
    (one,) = read_plugin_records(call(api, "/aipull/audit").body).handovers
    assert (one.state, one.files) == ("given", 0)


def test_the_journal_belongs_to_an_installation(api: PluginApi) -> None:
    first, second = "a" * 32, "b" * 32
    assert call(api, "/aipull/installation", {"installation": first}).body == {
        "installation": first,
        "before": "",
    }
    assert call(api, "/aipull/installation", {"installation": second}).body == {
        "installation": second,
        "before": first,
    }
    assert read_plugin_records(call(api, "/aipull/audit").body).installation == second


@pytest.mark.parametrize(
    "installation", [None, "", 7, "A" * 32, "a" * 31, "a" * 33, "../" + "a" * 29, ["a" * 32], "a" * 32 + "\n"]
)
def test_an_installation_is_an_id(api: PluginApi, installation: object) -> None:
    assert call(api, "/aipull/installation", {"installation": installation}).status == 400


def test_the_log_level_is_changed_and_told(api: PluginApi, tmp_path: Path) -> None:
    told = call(api, "/aipull/log_level/set", {"level": "DEBUG", "seconds": 60})
    assert (told.status, told.body["level"]) == (200, "DEBUG")
    assert call(api, "/aipull/log_level").body["level"] == "DEBUG"
    assert call(api, "/aipull/log_level/set", {"level": "TRACE", "seconds": 60}).status == 400
    events = [
        json.loads(line)["event"] for line in (tmp_path / "orthanc-python.jsonl").read_text().splitlines()
    ]
    assert events == ["log_level", "request_answered", "request_answered"]
