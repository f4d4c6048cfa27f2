"""A whole service looks at itself and tells what is wrong."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pacs_module.domain.alarm import checks
from pacs_module.domain.explain.outages import ServerFault
from pacs_module.domain.instants import iso
from pacs_module.domain.report_exchange.entry import EntryKind, refused
from pacs_module.domain.report_exchange.report import Report
from pacs_module.domain.study.study import PacsCopy, Study
from pacs_module.service.alarming import ALARMS, Looks
from pacs_module.use_cases.operate.tell_alarms import TellAlarms
from pacs_module.web.app import create_app
from tests.fakes.served import KEY, TestClient, service_on, settings_file
from tests.support.servers.raw_http import raw_server

WEEK_MS = 7 * 24 * 3600 * 1000
TAKEN = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def test_an_outage_is_posted_to_the_web_hook_shown_in_health_and_resolved(tmp_path: Path) -> None:
    file = settings_file(tmp_path)
    with raw_server(TAKEN) as hook:
        told = f'[alarms]\nhold_s = 0\naway_min = 1\n[alarms.webhook]\nurl = "{hook.url}/hook"\n'
        file.write_text(file.read_text(encoding="utf-8") + told, encoding="utf-8")
        with service_on(file) as (service, _):
            step = service.loops[ALARMS].step
            assert isinstance(step, TellAlarms)
            step()
            assert hook.requests == []
            long_ago = service.clock.now() - 120_000
            service.loops["publish"].fault = ServerFault("RabbitMQ", "refused", long_ago)
            step()
            assert [head.split()[1] for head in hook.requests] == ["/hook"]
            shown = TestClient(create_app(service)).get("/health").json()["alarms"]
            assert [(one["alarm"], one["severity"]) for one in shown] == [("away RabbitMQ", "critical")]
            step()
            assert len(hook.requests) == 1
            service.loops["publish"].fault = None
            step()
            assert len(hook.requests) == 2


def test_without_a_channel_it_is_shown_and_told_to_nobody(tmp_path: Path) -> None:
    with service_on(settings_file(tmp_path)) as (service, _):
        step = service.loops[ALARMS].step
        assert isinstance(step, TellAlarms)
        service.ram_disk.take("", {"alarm": True})
        step()
        assert [entry.alarm.key for entry in step.lasting()] == ["ram_disk"]


def test_every_page_that_an_alarm_links_to_is_there(tmp_path: Path) -> None:
    found = [*checks.dead_letters(1), *checks.missing(1, "2026-11-29"), *checks.ram_disk(full=True)]
    found += [*checks.refused_entries(1), *checks.stuck_uploads(1)]
    with service_on(settings_file(tmp_path)) as (service, _):
        client = TestClient(create_app(service), headers={"X-API-Key": KEY, "Accept": "application/json"})
        pages = {alarm.page for alarm in found} | {"/studies?state=meta_only", "/studies?state=pull_data_end"}
        # The dead letters lie in RabbitMQ, which is not there: the page says so.
        assert {
            page: client.get(page).status_code for page in pages if page != "/dead-letters"
        } == dict.fromkeys(pages - {"/dead-letters"}, 200)
        assert client.get("/dead-letters").status_code in (200, 503)


def test_studies_of_today_and_of_earlier_weeks_are_looked_at_on_the_hospitals_clock(tmp_path: Path) -> None:
    """
    Without a zone in it, the hospital's time cannot be compared with that of a document, and no alarm was
    told.
    """
    with service_on(settings_file(tmp_path)) as (service, _):
        now = service.clock.now()
        zone = service.settings.zone
        for week in (1, 2, 3):
            at = now - week * WEEK_MS - 60_000
            day = datetime.fromtimestamp(at / 1000, zone).date().isoformat()
            service.store.insert(
                Study(f"1.2.{week}", day, modality=["CT"], first_seen_at=iso(at), pacs={"A": PacsCopy(1)})
            )
        assert "silent CT of A" in {alarm.key for alarm in Looks(service)()}
        today = datetime.fromtimestamp(now / 1000, zone).date().isoformat()
        service.store.insert(
            Study("1.2.9", today, modality=["CT"], first_seen_at=iso(now - 1000), pacs={"A": PacsCopy(1)})
        )
        assert "silent CT of A" not in {alarm.key for alarm in Looks(service)()}


def test_a_report_that_the_platform_refused_is_an_alarm_until_a_person_sends_it_again(tmp_path: Path) -> None:
    with service_on(settings_file(tmp_path)) as (service, _):
        exchange = service.exchange
        exchange.take_report(Report(serial="R-1", day="2026-11-30"), "api")
        assert "reports" not in {alarm.key for alarm in Looks(service)()}
        entry = exchange.ledger.get(EntryKind.REPORT, "R-1")
        assert entry is not None
        exchange.ledger.put(refused(entry, "no such patient"))
        assert "reports" in {alarm.key for alarm in Looks(service)()}
        exchange.take.again(EntryKind.REPORT, "R-1", "Li: mended")
        assert "reports" not in {alarm.key for alarm in Looks(service)()}
