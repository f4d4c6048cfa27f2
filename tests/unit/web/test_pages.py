"""
The pages without a browser: one route with the same data for people and programs, who may see and change,
what a page lets nobody do.

How they look and whether their scripts run is for tests/e2e/test_pages_in_browser.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pacs_module.adapters.files.report_folder import ReportFolder
from pacs_module.domain.json_messages.messages import Result
from pacs_module.domain.reconcile.report import Report
from pacs_module.domain.reconcile.report_line import Cause, ReportLine
from pacs_module.domain.study.study import SeriesRecord
from pacs_module.domain.study.uploads import queue_upload
from pacs_module.domain.upload.upload import Upload
from pacs_module.ports import Delivery
from pacs_module.service.service import Service
from pacs_module.use_cases.show.dead_letters import letter_key
from pacs_module.use_cases.upload.upload_outcome import give_up
from pacs_module.web.app import create_app
from pacs_module.web.page_support.common import STATIC, local_path
from pacs_module.web.page_support.site import NAVIGATION
from tests.fakes.pipeline import THIN, UID, Pipeline
from tests.fakes.served import KEY, TestClient, found, service_on, settings_file
from tests.support.pages.department import Letters

HERE, ELSEWHERE = ("127.0.0.1", 1), ("192.168.1.7", 1)
HTML, JSON = {"accept": "text/html"}, {"accept": "application/json"}
HOSTILE = "<script>alert(1)</script>"
NEEDS_RABBITMQ = "/dead-letters"
PAGES = [address for address, _ in NAVIGATION if address != NEEDS_RABBITMQ] + [f"/studies/{UID}"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with service_on(settings_file(tmp_path)) as (service, pacs):
        found(service, pacs)
        message = Pipeline().message(None, message=HOSTILE)
        message["seriesReports"][1]["seriesDescription"] = HOSTILE
        service.accept(message)
        yield service


def client_at(service: Service, where: tuple[str, int]) -> TestClient:
    return TestClient(
        create_app(service), raise_server_exceptions=False, client=where, follow_redirects=False
    )


@pytest.fixture
def client(service: Service) -> TestClient:
    return client_at(service, HERE)


def sign_in(client: TestClient, name: str = "Dr. Li") -> None:
    answer = client.post("/sign-in", data={"name": name, "key": KEY, "next": "/studies"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/studies")


def token(client: TestClient, page: str = f"/studies/{UID}") -> str:
    told = re.search(r'name="form_token" value="([0-9a-f]+)"', client.get(page, headers=HTML).text)
    assert told is not None
    return told[1]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_page_answers_people_and_programs(client: TestClient, page: str, language: str) -> None:
    client.cookies.set("aipull_language", language)
    shown, told = client.get(page, headers=HTML), client.get(page, headers=JSON)
    assert (shown.status_code, told.status_code) == (200, 200)
    assert f'<html lang="{language}"' in shown.text
    assert isinstance(told.json(), dict)
    assert client.get(f"{page}?format=json", headers=HTML).json().keys() == told.json().keys()
    assert "default-src 'none'; script-src 'self'" in shown.headers["content-security-policy"]
    assert shown.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("page", PAGES)
def test_no_page_loads_anything_from_elsewhere_or_has_a_script_of_its_own(
    client: TestClient, page: str
) -> None:
    text = client.get(page, headers=HTML).text
    assert re.findall(r'(?:src|href|action)="(?:https?:)?//', text) == []
    assert HOSTILE not in text
    assert re.findall(r"<script(?![^>]* src=)", text) == []
    assert re.findall(r'\son\w+="|\sstyle="', text) == []


def test_every_file_that_a_page_names_is_in_the_package(client: TestClient) -> None:
    named = set(re.findall(r'"(/static/[^"]+)"', client.get("/docs", headers=HTML).text))
    assert len(named) >= 6
    for file in named:
        assert client.get(file).status_code == 200, file
    for licence in ("htmx.LICENSE", "uPlot.LICENSE", "swagger-ui.LICENSE"):
        assert (STATIC / "vendor" / licence).stat().st_size > 100


def test_docs_work_without_internet(client: TestClient) -> None:
    text = client.get("/docs", headers=HTML).text
    assert 'data-url="/openapi.json"' in text
    assert "cdn" not in text
    assert client.get("/openapi.json").status_code == 200


def test_whoever_is_elsewhere_has_to_sign_in(service: Service) -> None:
    client = client_at(service, ELSEWHERE)
    led = client.get("/studies?text=a", headers=HTML)
    assert (led.status_code, led.headers["location"]) == (303, "/sign-in?next=%2Fstudies%3Ftext%3Da")
    assert client.get("/studies", headers=JSON).status_code == 401
    assert client.get(f"/series/{THIN}/preview.png").status_code == 401
    assert client.get("/events").status_code == 401
    sign_in(client)
    assert client.get("/studies", headers=HTML).status_code == 200


@pytest.mark.parametrize("given", [{"name": "Li", "key": "wrong"}, {"name": "", "key": KEY}, {"key": KEY}])
def test_a_wrong_key_or_no_name_opens_nothing(
    client: TestClient, given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacs_module.web.page_support.common.WRONG_KEY_S", 0)
    answer = client.post("/sign-in", data=given)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_a_change_asks_for_the_session_the_token_and_a_reason(service: Service, client: TestClient) -> None:
    path = f"/studies/{UID}/cancel"
    assert client.post(path, data={"why": "phantom"}).status_code == 401, "nobody has signed in"
    sign_in(client)
    assert client.post(path, data={"why": "phantom"}).status_code == 403, "another site has no token"
    assert client.post(path, data={"why": " ", "form_token": token(client)}).status_code == 400
    study = service.store.get(UID)
    assert study is not None
    assert study.state == "pull_data_end", "none of them changed anything"
    done = client.post(path, data={"why": "phantom", "form_token": token(client)})
    assert (done.status_code, done.headers["location"]) == (303, f"/studies/{UID}")
    study = service.store.get(UID)
    assert study is not None
    assert (study.state, study.history[-1].by, study.why) == ("cancelled", "manual: Dr. Li", "phantom")
    assert "cancel: " in client.get(f"/studies/{UID}", headers=HTML).text, "the page says what was done"


def test_a_token_of_another_session_is_refused(service: Service) -> None:
    one, other = client_at(service, HERE), client_at(service, HERE)
    sign_in(one)
    sign_in(other, "Wu")
    answer = other.post(f"/studies/{UID}/redo", data={"why": "x", "form_token": token(one)})
    assert answer.status_code == 403


def test_the_session_opens_no_door_of_the_api(client: TestClient) -> None:
    sign_in(client)
    answer = client.post("/api/v1/dcm/cancel", json={"StudyInstanceUID": UID, "why": "x"})
    assert answer.status_code == 401, "a browser sends the cookie for any site"


@pytest.mark.parametrize("cookie", ["", "x", "e30=.abc", "WyJMaSIsIDk5OTk5OTk5OTksICIiXQ==.00", ".", "é.é"])
def test_a_forged_session_is_none(service: Service, cookie: str) -> None:
    client = client_at(service, ELSEWHERE)
    answer = client.get("/studies", headers={**JSON, "cookie": f"aipull_session={cookie}".encode()})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("action", "more", "state"),
    [
        ("redo", {}, "meta_only"),
        ("done", {}, "done_by_hand"),
        ("priority", {"priority": "2"}, "pull_data_end"),
    ],
)
def test_what_a_person_can_do_with_a_study(
    service: Service, client: TestClient, action: str, more: dict[str, str], state: str
) -> None:
    sign_in(client)
    data = {"why": "asked for", "form_token": token(client), "back": "/", **more}
    done = client.post(f"/studies/{UID}/{action}", data=data)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    study = service.store.get(UID)
    assert study is not None
    assert study.state == state
    assert client.get("/audit", headers=JSON).json()["acts"][0]["by"] == "manual: Dr. Li"


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", ""]
)
def test_nobody_is_led_to_another_site(address: str) -> None:
    assert local_path(address) == "/"


def test_pull_by_hand_from_the_page(service: Service, client: TestClient) -> None:
    sign_in(client)
    data = {"AccessionNumber": "A1", "why": "the doctor waits", "form_token": token(client)}
    done = client.post("/studies/pull", data=data)
    assert done.headers["location"] == f"/studies/{UID}"
    study = service.store.get(UID)
    assert study is not None
    assert study.priority == 4


def test_a_form_that_is_too_large_is_not_read(client: TestClient) -> None:
    sign_in(client)
    assert client.post(f"/studies/{UID}/redo", data={"why": "x" * 70_000}).status_code == 413
    many = "&".join(f"a{number}=1" for number in range(60))
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post(f"/studies/{UID}/redo", content=many, headers=headers).status_code == 400


def test_the_list_is_filtered_by_the_address(client: TestClient) -> None:
    assert client.get("/studies?modality=ct&text=chest&accession=A1", headers=JSON).json()["found"] == 1
    assert client.get("/studies?state=completed", headers=JSON).json()["rows"] == []
    assert client.get("/studies?from=tomorrow", headers=JSON).status_code == 422


def test_the_filter_explorer_counts_by_value(client: TestClient) -> None:
    told = client.get("/filters?from=2020-01-01&to=2020-12-31", headers=JSON).json()
    (group,) = told["groups"]
    assert (group["rule"], group["value"], group["series"], group["examples"]) == (
        "slice thickness",
        "8",
        1,
        [UID],
    )
    assert client.get("/filters?from=2020-01-01&text=nothing", headers=JSON).json()["groups"] == []


def test_one_study_marks_what_decided(service: Service, client: TestClient) -> None:
    service.record(Result(UID, THIN, "completed", "done", "", {"lungVolumeMl": 4100.5}))
    text = client.get(f"/studies/{UID}", headers=HTML).text
    assert "SliceThickness <mark>8</mark>" in text
    assert "lungVolumeMl: 4100.5" in text
    told = client.get(f"/studies/{UID}", headers=JSON).json()
    assert told["story"]["state"] == "completed"
    assert {span["kind"] for span in told["scale"]["spans"]} >= {"seen", "delivery"}


def test_the_configuration_hides_secrets_and_says_where_a_value_comes_from(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACS_MODULE_CROSSDAY", "0")
    answer = client.get("/configuration", headers=JSON)
    assert KEY not in answer.text
    assert "another-secret-word" not in answer.text
    told = {one["key"]: one for one in answer.json()["entries"]}
    assert told["web.api_key"]["value"] == "(hidden)"
    assert (told["time_zone"]["value"], told["time_zone"]["source"]) == ("Asia/Shanghai", "file")
    assert told["crossday"]["source"] == "environment"
    assert told["KEYWORDS"]["group"] == "switches"
    assert told["web.port"]["where"].endswith("settings.toml")


def test_a_server_that_is_away_is_told_as_a_page(client: TestClient) -> None:
    answer = client.get(NEEDS_RABBITMQ, headers=HTML)
    assert answer.status_code == 503
    assert "Connection refused" in answer.text
    assert "<nav" in answer.text


def test_dead_letters_are_read_sent_again_and_dropped(service: Service) -> None:
    ours = Delivery({"studyUID": UID}, "h:1", False, 0, reason="the backend said 422")
    poison = Delivery({"body": HOSTILE}, "", False, 0, fault="no JSON")
    service.queue = letters = Letters(ours, poison)  # type: ignore[assignment]
    client = client_at(service, HERE)
    sign_in(client)
    shown = client.get(NEEDS_RABBITMQ, headers=HTML).text
    assert "the backend said 422" in shown
    known = service.store.get(UID)
    assert known is not None
    assert f"<p>{known.why}</p>" in shown, (
        "what its study says, too: RabbitMQ only knows that it was given up"
    )
    assert HOSTILE not in shown
    data = {"why": "mended", "form_token": token(client)}
    refused = client.post(f"/dead-letters/{letter_key(poison)}/send", data=data)
    assert refused.status_code == 400, "of no study"
    assert client.post(f"/dead-letters/{letter_key(ours)}/send", data=data).status_code == 303
    study = service.store.get(UID)
    assert study is not None
    assert study.history[-1].why == "redo: mended"
    assert client.post(f"/dead-letters/{letter_key(poison)}/drop", data=data).status_code == 303
    assert letters.letters == []
    assert client.post(f"/dead-letters/{letter_key(ours)}/drop", data=data).status_code == 400, "gone already"


def test_the_log_is_filtered_by_words_and_level(service: Service, client: TestClient) -> None:
    service.log.event("find_failed", "no answer", "ERROR", studyUID="1.2.3")
    told = client.get("/log?text=1.2.3%20no&level=WARNING", headers=JSON).json()
    assert [(line["event"], line["values"]["studyUID"]) for line in told["lines"]] == [
        ("find_failed", "1.2.3")
    ]
    assert client.get("/log?file=orthanc-python", headers=JSON).json()["lines"] == []


def test_a_report_is_shown_with_its_trend(service: Service, client: TestClient) -> None:
    line = ReportLine(
        UID, "2020-06-18", "", "A1", "P", "CHEST", ("CT",), ("A",), Cause.NOT_FOUND, "no find has seen it"
    )
    lines = (line, replace(line, study_uid="1.9", cause=Cause.COMPUTED))
    report = Report("2020-06-18", "2020-06-18", "2020-06-19T00:00:00+00:00", (), lines, {})
    ReportFolder(service.settings.reconcile_folder, 90).keep(report)
    told = client.get("/reconciliation", headers=JSON).json()
    assert (told["day"], told["trend"][0]["missing"]) == ("2020-06-18", 1)
    assert [one["studyUID"] for one in told["lines"]] == [UID]
    assert len(client.get("/reconciliation?all=true", headers=JSON).json()["lines"]) == 2


def test_records_that_are_new_and_do_not_differ_need_nobody(service: Service, client: TestClient) -> None:
    service.audit.last = SimpleNamespace(equal=False, differences=())  # type: ignore[assignment]
    assert client.get("/", headers=JSON).json()["needs"] == []
    service.audit.last = SimpleNamespace(equal=False, differences=(1, 2))  # type: ignore[assignment]
    (need,) = client.get("/", headers=JSON).json()["needs"]
    assert (need["kind"], need["because"]) == ("records", "2 differences at the newest comparison")


def test_what_needs_a_person_has_words_to_its_link(service: Service, client: TestClient) -> None:
    service.audit.last = SimpleNamespace(equal=False, differences=(1,))  # type: ignore[assignment]
    text = client.get("/", headers=HTML).text
    assert '<a href="/health">store, journal, queue</a>' in text


def test_rules_are_rehearsed_and_a_wrong_switch_is_named(client: TestClient) -> None:
    told = client.get("/rehearsal?set=KEYWORDS%2B%3DTHX%0A%0AMIN_INSTANCES_CT%3D20", headers=JSON).json()
    assert told["changes"] == ["KEYWORDS+=THX", "MIN_INSTANCES_CT=20"]
    assert told["result"]["rulesNow"] != told["result"]["rulesThen"]
    wrong = client.get("/rehearsal?set=KEYWORD%2B%3DTHX", headers=HTML)
    assert wrong.status_code == 200
    assert "did you mean KEYWORDS" in wrong.text


def test_applying_rules_needs_a_session_and_names_the_person(service: Service, client: TestClient) -> None:
    assert client.post("/rehearsal/apply", data={"set": "KEYWORDS+=THX", "why": "x"}).status_code == 401
    asked: list[Any] = []
    service.rules.apply = lambda *given: asked.append(given) or SimpleNamespace(version="1-abc")  # type: ignore
    sign_in(client)
    data = {"set": "KEYWORDS+=THX", "why": "CT-3 writes THX", "form_token": token(client)}
    assert client.post("/rehearsal/apply", data=data).headers["location"] == "/rehearsal"
    assert asked == [(("KEYWORDS+=THX",), "manual: Dr. Li", "CT-3 writes THX")]


def test_a_web_hook_shows_no_token_of_its_path(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    hook = '[alarms.webhook]\nurl = "https://hooks.example/services/T0/very-secret"\n'
    file.write_text(file.read_text(encoding="utf-8") + hook, encoding="utf-8")
    with service_on(file) as (service, _):
        text = client_at(service, HERE).get("/configuration", headers=JSON).text
    assert "https://hooks.example/…" in text
    assert "very-secret" not in text


@pytest.mark.parametrize("counts", [{}, {"in_pacs": 96}, {"in_pacs": 96, "received": 0}])
def test_a_series_that_was_not_pulled_is_shown(
    client: TestClient, service: Service, counts: dict[str, Any]
) -> None:
    """Kept back when it was found, so that nobody has counted images of it here."""
    study = service.store.get(UID)
    assert study is not None
    because = "another series was chosen by what the PACS announces"
    kept = SeriesRecord(f"{UID}.9", True, "kept back", because, "find", "CT", "Chest 5.0", **counts)
    study.keep_series([*study.series.values(), kept])
    assert service.store.replace(study)
    shown = client.get(f"/studies/{UID}", headers=HTML)
    assert shown.status_code == 200
    assert because in shown.text


# --- destinations ---


@pytest.fixture
def with_destination(tmp_path: Path) -> Iterator[Service]:
    file = settings_file(tmp_path)
    more = '[[destination]]\nname = "region"\nkind = "stow"\nurl = "http://127.0.0.1:1"\n'
    file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")
    with service_on(file) as (service, pacs):
        found(service, pacs)
        service.accept(Pipeline().message(None))
        study = service.store.get(UID)
        assert study is not None
        upload = Upload("region", study.handovers[0].handover_id, "2020-06-18T12:00:00+00:00", HOSTILE)
        queue_upload(study, upload)
        give_up(study, upload, f"refused: {HOSTILE}", 5)
        assert service.store.replace(study)
        yield service


def test_destinations_show_what_waits_and_a_person_sends_it_again(with_destination: Service) -> None:
    client = client_at(with_destination, HERE)
    told = client.get("/api/v1/destinations").json()
    assert [one["name"] for one in told["destinations"]] == ["region"]
    assert [(one["state"], one["destination"]) for one in told["givenUp"]] == [("dead", "region")]
    for page in ("/destinations", f"/studies/{UID}"):
        shown = client.get(page, headers=HTML)
        assert shown.status_code == 200
        assert "&lt;script&gt;" in shown.text
        assert HOSTILE not in shown.text
    sign_in(client)
    data = {"form_token": token(client), "why": "mended"}
    assert client.post(f"/destinations/{UID}/region/retry", data={**data, "why": " "}).status_code == 400
    assert client.post(f"/destinations/{UID}/region/retry", data=data).status_code == 303
    study = with_destination.store.get(UID)
    assert study is not None
    assert study.uploads[0].state == "queued"
    assert study.history[-1].by == "manual: Dr. Li"
    assert client.get("/api/v1/destinations").json()["numberGivenUp"] == 0


def test_an_upload_is_dropped_over_the_api_with_a_reason(with_destination: Service) -> None:
    client = client_at(with_destination, ELSEWHERE)
    body = {"studyUID": UID, "destination": "region", "why": "not theirs", "by": "Li"}
    assert client.post("/api/v1/destinations/drop", json=body).status_code == 401
    key = {"X-API-Key": KEY}
    assert client.post("/api/v1/destinations/drop", json={**body, "why": ""}, headers=key).status_code == 400
    assert (
        client.post("/api/v1/destinations/drop", json={**body, "studyUID": "1.9"}, headers=key).status_code
        == 404
    )
    answer = client.post("/api/v1/destinations/drop", json=body, headers=key)
    assert answer.json()["uploads"][0]["state"] == "dropped"


def test_without_destinations_the_page_says_so_and_nothing_can_be_done(client: TestClient) -> None:
    assert "AI backend alone" in client.get("/destinations", headers=HTML).text
    body = {"studyUID": UID, "destination": "region", "why": "x", "by": "Li"}
    answer = client.post("/api/v1/destinations/retry", json=body, headers={"X-API-Key": KEY})
    assert answer.status_code == 404
