"""The kept reports over HTTP, and that the service has its nightly loop."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from pacs_module.adapters.files.report_folder import ReportFolder
from pacs_module.domain.reconcile.report import report
from pacs_module.domain.reconcile.report_line import PacsList
from pacs_module.web.app import create_app
from tests.fakes.served import KEY, TestClient, service_on, settings_file

DAY = date(2026, 11, 25)


def test_a_kept_report_is_shown_and_its_absence_told(tmp_path: Path) -> None:
    with service_on(settings_file(tmp_path)) as (service, _):
        client = TestClient(create_app(service), client=("127.0.0.1", 1))
        assert client.get("/api/v1/reconcile").json() == {"dates": []}
        missing = client.get("/api/v1/reconcile", params={"date": "2026-11-25"})
        assert (missing.status_code, "pacs-module reconcile" in missing.text) == (404, True)
        ReportFolder(tmp_path / "log" / "reconcile", 90).keep(report([DAY], "now", [PacsList("A", DAY)], ()))
        assert client.get("/api/v1/reconcile").json() == {"dates": ["2026-11-25"]}
        kept = client.get("/api/v1/reconcile", params={"date": "2026-11-25"}).json()
        assert (kept["firstDay"], kept["missing"], kept["compared"]) == ("2026-11-25", 0, True)
        assert client.get("/api/v1/reconcile", params={"date": "yesterday"}).status_code == 422


def test_from_elsewhere_a_key_is_needed(tmp_path: Path) -> None:
    with service_on(settings_file(tmp_path)) as (service, _):
        client = TestClient(create_app(service), client=("192.168.1.9", 1))
        assert client.get("/api/v1/reconcile").status_code == 401


def test_the_nightly_loop_can_be_switched_off(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    with service_on(file) as (service, _):
        assert "reconcile" in service.loops
    file.write_text(file.read_text() + "\n[reconcile]\nnightly = false\nat = 02:30:00\n")
    with service_on(file) as (service, _):
        assert "reconcile" not in service.loops
        assert service.settings.reconcile.at.hour == 2


LINE = {
    "studyUID": "1.2.3", "studyDate": "2026-11-25", "studyTime": "", "accessionNumber": "A-MISSING",
    "patientID": "P", "studyDescription": "CHEST", "modality": ["CT"], "pacs": ["A"], "cause": "not found",
    "why": "no find has seen it",
}  # fmt: skip
WHOLE = {
    "firstDay": "2026-11-25", "lastDay": "2026-11-25", "madeAt": "2026-11-26T00:00:00+00:00", "compared": True,
    "missing": 1, "studiesInPacs": 1, "byCause": {"not found": 1}, "repaired": {}, "answered": [],
    "byDestination": {}, "destinations": [], "lines": [LINE],
}  # fmt: skip
CANNOT = "cannot be read"


def damaged(**change: object) -> str:
    return json.dumps({**WHOLE, **change})


@pytest.mark.parametrize(
    ("text", "told", "shows_line"),
    [
        (damaged(), "", True),
        ("", CANNOT, False),
        ("{", CANNOT, False),
        ("[1]", CANNOT, False),
        ("\x00\x01", CANNOT, False),
        ("{}", "lacks compared, missing, studiesInPacs, madeAt, byCause, repaired, answered, lines", False),
        (json.dumps({"lines": [LINE]}), "lacks compared", True),
        (damaged(byCause=5, byDestination=[1], repaired=None), "lacks byCause, repaired", True),
        (damaged(madeAt=7, compared="yes"), "lacks compared, madeAt", True),
        (damaged(lines=[LINE, {**LINE, "notes": None}, 5]), f"2 lines of the kept report {CANNOT}", True),
        (damaged(lines={"a": 1}), "the kept report lacks lines", False),
        (damaged(answered=[{"pacs": "A"}], destinations=[{}]), f"2 lines of the kept report {CANNOT}", True),
    ],
)  # fmt: skip
def test_a_damaged_report_is_shown_as_far_as_it_can_be_read(
    tmp_path: Path, text: str, told: str, shows_line: bool
) -> None:
    with service_on(settings_file(tmp_path)) as (service, _):
        client = TestClient(create_app(service), client=("127.0.0.1", 1))
        folder = tmp_path / "log" / "reconcile"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "reconcile-2026-11-25.json").write_text(text, encoding="utf-8")
        page = client.get("/reconciliation?all=true", headers={"accept": "text/html"})
        assert page.status_code == 200
        assert told in page.text
        assert (CANNOT in page.text) is (CANNOT in told), told
        assert ("A-MISSING" in page.text) is shows_line
        assert client.get("/reconciliation?format=json").status_code == 200
        kept = client.get("/api/v1/reconcile", params={"date": "2026-11-25"})
        assert kept.status_code in (200, 409)


def test_a_damaged_report_repairs_nothing(tmp_path: Path) -> None:
    with service_on(settings_file(tmp_path)) as (service, _):
        client = TestClient(create_app(service), client=("127.0.0.1", 1))
        folder = tmp_path / "log" / "reconcile"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "reconcile-2026-11-25.json").write_text(damaged(lines=[{}]), encoding="utf-8")
        assert client.post("/sign-in", data={"name": "Li", "key": KEY}).status_code == 200
        token = re.search(r'name="form_token" value="([0-9a-f]+)"', client.get("/reconciliation").text)
        assert token is not None
        form = {"date": "2026-11-25", "why": "try", "form_token": token[1]}
        answer = client.post("/reconciliation/repair", data=form)
        assert (answer.status_code, "compare it again" in answer.text) == (400, True), answer.text
        assert service.store.find({}) == []
