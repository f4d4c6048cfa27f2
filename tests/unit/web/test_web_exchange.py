"""Reports and quality records over the HTTP API and on their pages."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pacs_module.domain.report_exchange.entry import EntryKind, EntryState, refused
from pacs_module.service.service import Service
from pacs_module.web.app import create_app
from tests.fakes.served import KEY, TestClient, service_on, settings_file
from tests.unit.domain.report_exchange.test_report import FHIR, QUALITY

WITH_KEY = {"X-API-Key": KEY}
REPORT = {"serial": "R-17", "day": "2026-11-30", "conclusion": "右肺结节"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with service_on(settings_file(tmp_path)) as (service, _):
        yield service


@pytest.fixture
def client(service: Service) -> TestClient:
    return TestClient(
        create_app(service), raise_server_exceptions=False, client=("127.0.0.1", 1), headers=WITH_KEY
    )


def post(client: TestClient, path: str, body: Any, status: int = 200) -> Any:
    answer = client.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_the_same_again_changes_nothing_and_a_change_is_a_new_version(client: TestClient) -> None:
    assert post(client, "reports", REPORT) == {"serial": "R-17", "answer": "new"}
    assert post(client, "reports", REPORT)["answer"] == "known already"
    assert post(client, "reports", {**REPORT, "conclusion": "clear"})["answer"] == "new version"
    told = client.get("/api/v1/reports/R-17").json()
    assert (told["version"], told["state"], told["body"]["conclusion"]) == (2, "waiting", "clear")


def test_other_content_under_the_same_version_is_a_conflict(client: TestClient) -> None:
    post(client, "reports", {**REPORT, "version": 3})
    assert post(client, "reports", {**REPORT, "version": 3, "conclusion": "x"}, 409)["answer"].startswith(
        "other content"
    )
    assert post(client, "reports", {**REPORT, "version": 2, "conclusion": "x"})["answer"].startswith("older")
    assert client.get("/api/v1/reports/R-17").json()["body"]["conclusion"] == "右肺结节"


def test_of_several_each_costs_only_itself(client: TestClient) -> None:
    told = post(
        client, "reports", {"reports": [REPORT, {"serial": "R-18"}, "nonsense", {**REPORT, "serial": "R-19"}]}
    )
    assert [one["serial"] for one in told["accepted"]] == ["R-17", "R-19"]
    assert [one["serial"] for one in told["refused"]] == ["R-18", None]
    assert "day" in told["refused"][0]["reason"]
    post(client, "reports", {"reports": [REPORT] * 1001}, 400)
    post(client, "reports", {"reports": "R-17"}, 400)


def test_a_bad_report_names_what_is_wrong(client: TestClient) -> None:
    told = post(client, "reports", {**REPORT, "day": "30.11.2026"}, 400)
    assert (told["key"], told["value"], told["allowed"]) == ("day", "30.11.2026", "a day as YYYY-MM-DD")


def test_fhir_and_the_centres_reports(client: TestClient, service: Service) -> None:
    assert post(client, "reports/fhir", FHIR) == {"answer": "new"}
    post(client, "reports/fhir", {**FHIR, "resourceType": "Patient"}, 400)
    assert post(client, "reports/from-platform", REPORT)["answer"] == "new"
    counts = service.exchange.ledger.counts
    assert (counts(EntryKind.REPORT), counts(EntryKind.CENTRE_REPORT)) == (
        {EntryState.WAITING: 1},
        {EntryState.WAITING: 1},
    )


def test_changes_and_texts_need_a_key_and_lists_say_no_texts(service: Service, client: TestClient) -> None:
    post(client, "reports", REPORT)
    nobody = TestClient(create_app(service), client=("127.0.0.1", 1))
    for path in ("reports", "reports/fhir", "reports/from-platform", "qc", "reports/R-17/send-again"):
        assert nobody.post(f"/api/v1/{path}", json=REPORT).status_code == 401
    assert nobody.get("/api/v1/reports/R-17").status_code == 401
    (listed,) = client.get("/api/v1/reports").json()["reports"]
    assert (listed["key"], listed["state"]) == ("R-17", "waiting")
    assert "body" not in listed
    assert client.get("/api/v1/reports?day=2026-11-29").json() == {"reports": []}
    assert client.get("/api/v1/reports?state=sent").json() == {"reports": []}
    assert client.get("/api/v1/reports?dya=2026-11-29").status_code == 400
    assert client.get("/api/v1/reports/R-99").status_code == 404


def test_quality_scores(client: TestClient) -> None:
    assert post(client, "qc", QUALITY[0]) == {"id": "I1", "answer": "new"}
    told = post(client, "qc", {"records": [*QUALITY, {"id": "bad", "kind": "spot_check", "checked": 0}]})
    assert [one["answer"] for one in told["accepted"]] == ["known already", *["new"] * 4]
    assert [one["id"] for one in told["refused"]] == ["bad"]
    scores = client.get("/api/v1/qc?from=2026-10-01&to=2026-11-30&by=device").json()["scores"]
    assert [(one["group"], one["rate"]) for one in scores["image_quality"]] == [
        ("CT-1", pytest.approx(113 / 150)),
        ("CT-2", 1),
    ]
    assert client.get("/api/v1/qc?from=2026-10-01&to=2026-10-31").json()["scores"]["spot_check"] == []
    assert client.get("/api/v1/qc?from=soon&to=2026-10-31").status_code == 400


def test_the_quality_page_and_its_files(client: TestClient) -> None:
    post(client, "qc", {"records": [{**one, "doctor": "李"} for one in QUALITY]})
    page = client.get("/quality?from=2026-10-01&to=2026-11-30&by=month", headers={"accept": "text/html"})
    assert "97.0" in page.text
    assert "95.0" in page.text
    book = client.get("/quality/export.xlsx?from=2026-10-01&to=2026-11-30")
    with zipfile.ZipFile(io.BytesIO(book.content)) as parts:
        assert sum(name.startswith("xl/worksheets/sheet") for name in parts.namelist()) == 4
        assert "李".encode() in parts.read("xl/sharedStrings.xml")
    document = client.get("/quality/export.pdf?from=2026-10-01&to=2026-11-30")
    assert document.content.startswith(b"%PDF-")
    assert client.get("/quality/export.docx").status_code == 404


def test_a_refused_report_is_shown_with_its_reason_and_can_be_sent_again(
    client: TestClient, service: Service
) -> None:
    post(client, "reports", REPORT)
    entry = service.exchange.ledger.get(EntryKind.REPORT, "R-17")
    assert entry is not None
    service.exchange.ledger.put(refused(entry, "no such patient"))
    assert "no such patient" in client.get("/reports", headers={"accept": "text/html"}).text
    assert post(client, "reports/R-17/send-again", {"by": "Li", "why": "mended"}) == {"answer": "waiting"}
    again = service.exchange.ledger.get(EntryKind.REPORT, "R-17")
    assert again is not None
    assert (again.state, again.reason) == (EntryState.WAITING, "sent again by Li: mended")
    post(client, "reports/R-99/send-again", {}, 404)


def test_settings_make_the_loops_that_they_name(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    more = f"""
[platform]
url = "https://platform.example.org"
hospital = "H-01"
[reports.view]
url = "sqlite:///{tmp_path}/ris.db"
view = "reports"
[reports.mllp]
port = 2575
[reports.to_ris]
kind = "folder"
folder = "{tmp_path}/ris"
"""
    file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")
    with service_on(file) as (service, _):
        loops = {"send report", "send quality", "send centre_report", "compare reports", "HL7 listener"}
        assert loops <= set(service.loops)
    (tmp_path / "plain").mkdir()
    with service_on(settings_file(tmp_path / "plain")) as (service, _):
        assert not loops & set(service.loops)
