"""
The quarantine over the HTTP API, on its page and on the command line, and its alarms.

The plugins are in memory here; the real ones: ``tests/integration/receive/test_quarantine.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pacs_module.adapters.http.quarantine import Quarantines
from pacs_module.cli import app
from pacs_module.cli import gateway as command
from pacs_module.domain.alarm import checks
from pacs_module.domain.errors import RetriableError
from pacs_module.domain.study.study import Study
from pacs_module.service.alarming import Looks
from pacs_module.service.service import Service
from pacs_module.web.app import create_app
from tests.fakes.quarantine import TALLY, FakeQuarantine, image
from tests.fakes.served import KEY, TestClient, service_on, settings_file

STUDY = "1.2.3"
WHO = {"by": "anna", "why": "looked at it"}


@pytest.fixture
def plugins() -> FakeQuarantine:
    return FakeQuarantine(*(image(number, STUDY) for number in range(1, 4)), image(4, "1.2.4"))


@pytest.fixture
def service(tmp_path: Path, plugins: FakeQuarantine) -> Iterator[Service]:
    with service_on(settings_file(tmp_path)) as (service, _):
        service.quarantine = replace(service.quarantine, plugins=plugins)
        yield service


@pytest.fixture
def client(service: Service) -> TestClient:
    return TestClient(
        create_app(service),
        raise_server_exceptions=False,
        client=("127.0.0.1", 1),
        headers={"X-API-Key": KEY},
    )


def post(client: TestClient, action: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = client.post(f"/api/v1/quarantine/{action}", json=body)
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def test_what_waits_is_shown_with_its_reason_on_page_and_in_json(client: TestClient) -> None:
    told = client.get("/api/v1/quarantine").json()
    assert [one["number"] for one in told["held"]] == [4, 3, 2, 1]
    assert told["counts"] == {"held": 4}
    page = client.get("/quarantine", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "PixelData has 100 of 512 bytes" in page.text
    assert client.get("/quarantine?format=json").json()["held"] == told["held"]
    assert client.get("/api/v1/validation").json()["senders"][0]["aeTitle"] == "CT1"


def test_a_page_ends_and_goes_on(client: TestClient, plugins: FakeQuarantine) -> None:
    plugins.images = [image(number, STUDY) for number in range(1, 151)]
    first = client.get("/api/v1/quarantine").json()
    assert (len(first["held"]), first["before"]) == (100, 51)
    rest = client.get("/api/v1/quarantine", params={"before": first["before"]}).json()
    assert ([one["number"] for one in rest["held"]], rest["before"]) == (list(range(50, 0, -1)), 0)


def test_a_decision_needs_who_and_why_and_stands_in_the_history_of_its_study(
    client: TestClient, service: Service
) -> None:
    service.store.insert(Study(STUDY, "2026-11-30"))
    post(client, "drop", {"numbers": [1], "by": "anna"}, 400)
    post(client, "drop", {**WHO}, 400)
    post(client, "drop", {**WHO, "numbers": ["1"]}, 400)
    assert post(client, "drop", {**WHO, "numbers": [1]}) == {
        "decided": [1], "refused": [], "pulled": [], "pullAgain": [],
    }  # fmt: skip
    assert post(client, "release", {**WHO, "numbers": [1]})["refused"] == [{"number": 1, "why": "over"}]
    study = service.store.get(STUDY)
    assert study is not None
    noted = study.history[-1]
    assert (noted.event, noted.why, noted.by.endswith("anna")) == (
        "quarantine decided", "drop: looked at it", True,
    )  # fmt: skip
    (act,) = service.store.lists.acts("", 10)
    assert act.study_uid == STUDY


def test_a_pulled_study_whose_image_is_released_is_pulled_again(
    client: TestClient, service: Service, plugins: FakeQuarantine
) -> None:
    plugins.pulled = {STUDY, "1.2.4"}
    service.store.insert(Study(STUDY, "2026-11-30"))
    told = post(client, "release", {**WHO, "studyUID": STUDY})
    assert (told["decided"], told["pulled"], told["pullAgain"]) == ([1, 2, 3], [STUDY], [])
    study = service.store.get(STUDY)
    assert study is not None
    assert study.forced
    assert post(client, "release", {**WHO, "numbers": [4]})["pullAgain"] == ["1.2.4"], "not known here"


def test_while_orthanc_is_away_the_page_says_so(client: TestClient, plugins: FakeQuarantine) -> None:
    plugins.away = True
    assert client.get("/api/v1/quarantine").json()["away"] == "the receiving Orthanc does not answer"
    page = client.get("/quarantine", headers={"Accept": "text/html"})
    assert (page.status_code, "does not answer" in page.text) == (200, True)
    assert post(client, "drop", {**WHO, "numbers": [1]}, 503)["error"]


def test_alarms_tell_failing_fast_and_full(service: Service, plugins: FakeQuarantine) -> None:
    assert not [one for one in Looks(service)() if one.page == "/quarantine"]
    plugins.senders[0] |= {"window": {**TALLY, "failed": 20, "beyond": True}, "perSecond": 30.0}
    alarms = service.settings.alarms.model_copy(update={"arrivals_per_second": 25.0})
    service.settings = service.settings.model_copy(update={"alarms": alarms})
    told = {one.key: one.words for one in Looks(service)() if one.page == "/quarantine"}
    assert told == {
        "invalid CT1": "20 of 210 images from CT1 failed validation",
        "arrivals CT1": "30.0 images a second from CT1, more than 25",
    }
    plugins.away = True
    assert not [one for one in Looks(service)() if one.page == "/quarantine"]


def test_a_nearly_full_quarantine_is_an_alarm() -> None:
    kept = {"counts": {"held": 95}, "bytes": 0, "maxFiles": 100, "maxBytes": 1}
    assert [one.key for one in checks.quarantine_full({"quarantine": kept})] == ["quarantine"]
    assert checks.quarantine_full({"quarantine": {**kept, "maxFiles": 1000}}) == []
    assert checks.quarantine_full({}) == []


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["show"], 1, "PixelData has 100 of 512 bytes"),
        (["rates"], 0, "CT1"),
        (["drop", "1", "2", "--why", "test images", "--by", "anna"], 0, "drop: 1, 2"),
        (["release", "--study", STUDY, "--why", "good", "--by", "anna"], 0, "release: 1, 2, 3"),
    ],
)
def test_the_command_says_the_same(
    arguments: list[str], status: int, said: str, client: TestClient, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def call(_settings: object, method: str, path: str, body: object = None, **more: Any) -> dict[str, Any]:
        return dict(client.request(method, path, json=body, params=more.get("params")).json())

    monkeypatch.setattr(command, "call", call)
    settings = ["-s", str(settings_file(tmp_path))]
    monkeypatch.setattr(sys, "argv", ["pacs-module", "quarantine", *arguments, *settings])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert int(ended.value.code or 0) == status
    assert said in capsys.readouterr().out


def test_the_quarantines_of_several_orthancs_are_one() -> None:
    first, second = FakeQuarantine(image(1, STUDY), image(2, STUDY)), FakeQuarantine(image(1, "1.2.4"))
    both = Quarantines([first, second])
    told = both.quarantined(["held"], 0, 10)
    assert [(one["number"], one["studyUID"]) for one in told["images"]] == [
        (4, STUDY), (3, "1.2.4"), (2, STUDY),
    ]  # fmt: skip
    assert told["counts"] == {"held": 3}
    assert [one["number"] for one in both.quarantined(["held"], 4, 10)["images"]] == [3, 2]
    assert [one["number"] for one in both.quarantined(["held"], 3, 10)["images"]] == [2]
    assert both.decide_quarantined("drop", [3, 2], "", "anna", "x")["decided"] == [2, 3]
    assert [one["state"] for one in (*first.images, *second.images)] == ["dropped", "held", "dropped"]
    first.away = True
    assert len(both.validation()["senders"]) == 1
    second.away = True
    with pytest.raises(RetriableError):
        both.validation()
