"""The kept reports over HTTP, and that the service has its nightly loop."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pacs_module.adapters.files.report_folder import ReportFolder
from pacs_module.domain.reconcile.report import report
from pacs_module.domain.reconcile.report_line import PacsList
from pacs_module.web.app import create_app
from tests.fakes.served import TestClient, service_on, settings_file

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
