from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from handover import HandoverFolder
from handover_rows import HandoverRow, HandoverRows
from journal import Journal
from pacs_module.domain.messages import PullRequest
from pacs_module.logs import ContractLog
from pull_rows import PullRows
from rest_api import Answer, RestApi, answer_to, routes
from room import Room, bytes_of

MB = 1_000_000


class Disk:
    f_frsize = 1

    def __init__(self, free: int) -> None:
        self.f_bavail = free


@pytest.fixture
def api(tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> RestApi:
    monkeypatch.setattr(os, "statvfs", lambda _: Disk(1000 * MB))
    pulls = PullRows(journal)
    folder = HandoverFolder(tmp_path, "/store_image", None, None)  # type: ignore[arg-type]
    room = Room(tmp_path, 256, pulls, lambda _: 0)
    return RestApi(
        journal, pulls, HandoverRows(journal), folder, room, frozenset({"PACS"}), ContractLog(tmp_path, "orthanc-python"),
        lambda: None, lambda: None
    )


def call(api: RestApi, uri: str, body: object = None, *groups: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return answer_to(api, routes(api)[uri][1], {"body": raw, "groups": groups})


PULL = {"pullID": "p1", "studyUID": "1.2", "pacs": "PACS", "expected": 600}


def test_pull_is_noted_once(api: RestApi) -> None:
    for _ in range(2):
        assert call(api, "/aipull/pulls", PULL) == Answer(200, {"status": "running"})
    assert len(api.pulls.unreported()) == 1
    assert call(api, "/aipull/pulls/(.+)", None, "p1") == Answer(200, {"status": "running"})


def test_room_counts_the_reserve_and_what_running_pulls_will_bring(api: RestApi) -> None:
    assert call(api, "/aipull/pulls", PULL).status == 200  # 360 of 744 MB
    answer = call(api, "/aipull/pulls", {**PULL, "pullID": "p2", "studyUID": "1.3", "expected": 700})
    assert answer.status == 507
    assert answer.body["message"] == (
        "no room: 1000 MB free, 256 MB kept in reserve, 360 MB promised to running pulls, 420 MB needed"
    )
    api.pulls.ended("p1", 1, "", 1.0)
    assert call(api, "/aipull/pulls", {**PULL, "pullID": "p2", "studyUID": "1.3", "expected": 700}).status == 200


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
def test_bad_message_is_named(api: RestApi, body: object, key: str) -> None:
    answer = call(api, "/aipull/pulls", body)
    assert (answer.status, answer.body["key"]) == (400, key)
    assert answer.body["allowed"]


def test_unexpected_error_is_an_answer(api: RestApi) -> None:
    api.journal.close()
    assert call(api, "/aipull/status").status == 500


def test_release_removes_only_what_was_handed_over(api: RestApi, tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    api.handovers.add(HandoverRow("h1", "1.2", ("1",), 1, "series", "given"), "series", 1)
    assert call(api, "/aipull/release", {"handoverID": "h2"}).body == {"released": False}
    assert (tmp_path / "series").exists()
    for _ in range(2):
        assert call(api, "/aipull/release", {"handoverID": "h1"}).body == {"released": True}
    assert not (tmp_path / "series").exists()
    assert call(api, "/aipull/release", {}).status == 400


def test_verdicts_are_single_lines(api: RestApi, tmp_path: Path) -> None:
    assert call(api, "/aipull/verdicts", {"lines": ["a\nb"]}).status == 200
    assert (tmp_path / "orthanc-python.log").read_text() == "a b\n"


@pytest.mark.parametrize(
    ("values", "megabytes"),
    [
        ({"expected": 100}, 60),
        ({"expected_series": {"a": 10, "b": 20}}, 18),
        ({"level": "SERIES", "series_uids": ("a",), "expected": 500, "expected_series": {"a": 10, "b": 20}}, 6),
        ({"dx": True, "expected": 2}, 64),
        ({}, 360),
    ],
)
def test_bytes_of_a_pull(values: dict[str, Any], megabytes: int) -> None:
    assert bytes_of(PullRequest("p", "1.2", "PACS", **values)) == megabytes * MB
