"""What is wrong, told from what is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pacs_module.domain.alarm import checks
from pacs_module.domain.alarm.alarm import Severity
from pacs_module.domain.alarm.checks import FEWEST_STUDIES, MINUTE_MS, Limits
from pacs_module.domain.explain.listing import StudyRow
from pacs_module.domain.explain.outages import Outage
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.study import Study
from tests.fakes.pipeline import Pipeline

LIMITS = Limits(5 * MINUTE_MS, 50, 30 * MINUTE_MS, 0.95, 120 * MINUTE_MS)
NOW = datetime(2026, 11, 30, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


def test_a_server_that_has_been_away_for_long_is_critical_and_says_why() -> None:
    outages = [
        Outage("store", 0, "disk full", ("claims",)),
        Outage("RabbitMQ", 240_000, "refused", ("publish",)),
    ]
    (alarm,) = checks.away(outages, 301_000, LIMITS)
    assert (alarm.key, alarm.severity) == ("away store", Severity.CRITICAL)
    assert alarm.words == "store has been away for 5 min: disk full"


def test_a_backlog_is_one_when_it_is_large_and_grows() -> None:
    half_hour = 30 * MINUTE_MS
    assert [alarm.key for alarm in checks.backlog([(0, 40), (half_hour, 60)], half_hour, LIMITS)] == [
        "backlog"
    ]
    for counts in ([(0, 60), (half_hour, 60)], [(0, 10), (half_hour, 49)], [(1, 0), (half_hour, 99)], []):
        assert checks.backlog(counts, half_hour, LIMITS) == []


def test_dead_letters_and_missing_studies_are_counted_in_words() -> None:
    assert checks.dead_letters(0) == checks.missing(0, "2026-11-29") == []
    assert [alarm.words for alarm in checks.dead_letters(1)] == [
        "1 delivery was given up: each waits for a person"
    ]
    (alarm,) = checks.missing(3, "2026-11-29")
    assert (alarm.key, alarm.page) == ("reconciliation 2026-11-29", "/reconciliation?date=2026-11-29")


def test_uploads_and_reports_that_wait_for_a_person_are_counted_in_words() -> None:
    assert checks.stuck_uploads(0) == checks.refused_entries(0) == []
    assert [alarm.words for one in (1, 2) for alarm in checks.stuck_uploads(one)] == [
        "an upload of 1 study was given up: each waits for a person",
        "uploads of 2 studies were given up: each waits for a person",
    ]
    assert [(alarm.words, alarm.page) for one in (1, 3) for alarm in checks.refused_entries(one)] == [
        ("1 report or quality record was refused: each waits for a person", "/reports"),
        ("3 reports or quality records were refused: each waits for a person", "/reports"),
    ]


def test_a_result_is_late_when_the_backend_took_the_study_long_ago() -> None:
    world = Pipeline()
    world.accept(world.message(world.until_asked(100)))
    world.publish()
    world.backend.error = None
    world.deliver(0)
    study = world.study()
    accepted = int(datetime.fromisoformat(study.handovers[0].accepted_at).timestamp() * 1000)
    assert checks.late_results([study], accepted + 29 * MINUTE_MS, LIMITS) == []
    (alarm,) = checks.late_results([study], accepted + 31 * MINUTE_MS, LIMITS)
    assert alarm.words == "1 study at the backend without a result, the oldest for 31 min"


@pytest.mark.parametrize(("short", "told"), [(0, False), (1, False), (2, True)])
def test_completeness_below_the_target(short: int, told: bool) -> None:
    verdicts = ["SHORT 9 of 10"] * short + ["COMPLETE"] * (20 - short)
    assert bool(checks.completeness([handed_over(one) for one in verdicts], LIMITS)) is told


def test_a_share_of_few_studies_says_nothing() -> None:
    assert checks.completeness([handed_over("SHORT 1 of 2")] * (FEWEST_STUDIES - 1), LIMITS) == []


def handed_over(completeness: str) -> Study:
    return Study("1.2.3", handovers=[HandOver("H", "1.2.3.4", 1, "/f", {}, "", completeness)])


def row(week: int, minutes: int, device: str = "CT-3") -> StudyRow:
    """A study that was first seen so many weeks and minutes before NOW."""
    seen = NOW - timedelta(weeks=week, minutes=minutes)
    return StudyRow(
        f"1.{week}.{minutes}", device=(device,), first_seen_at=seen.astimezone(ZoneInfo("UTC")).isoformat()
    )


def test_a_device_is_silent_where_it_usually_is_not() -> None:
    usual = [row(week, 30) for week in (1, 2, 4)]
    (alarm,) = checks.silent_devices(usual, NOW, LIMITS)
    assert alarm.words == "nothing from CT-3 for 2 h 0 min; usually there is at this hour"
    assert checks.silent_devices([*usual, row(0, 119)], NOW, LIMITS) == []
    assert checks.silent_devices([*usual, row(0, 121)], NOW, LIMITS) != []


def test_a_device_that_is_not_usually_there_at_this_hour_is_not_missed() -> None:
    assert checks.silent_devices([row(1, 30), row(2, 30), row(3, 300)], NOW, LIMITS) == []
    assert checks.silent_devices([row(1, 30), row(1, 40), row(1, 50)], NOW, LIMITS) == []


def test_where_no_device_is_known_it_is_the_modality_of_a_pacs() -> None:
    usual = [replace(row(week, 30), device=(), pacs=("A",), modality=("CT",)) for week in (1, 2, 3)]
    (alarm,) = checks.silent_devices(usual, NOW, LIMITS)
    assert alarm.key == "silent CT of A"
    known_by_now = replace(row(0, 30), pacs=("A",), modality=("CT", "SR"))
    assert checks.silent_devices([*usual, known_by_now], NOW, LIMITS) == [], "heard, by its device"


def test_a_study_that_was_only_found_may_be_of_the_device() -> None:
    usual = [replace(row(week, 30), pacs=("A",), modality=("CT",)) for week in (1, 2, 3)]
    found = replace(row(0, 30), device=(), pacs=("A",), modality=("CT",))
    assert checks.silent_devices([*usual, found], NOW, LIMITS) == []
    elsewhere = replace(found, pacs=("B",))
    assert [one.key for one in checks.silent_devices([*usual, elsewhere], NOW, LIMITS)] == ["silent CT-3"]


def test_around_midnight_the_evening_before_is_looked_at_too() -> None:
    days = checks.days_to_compare(datetime(2026, 11, 30, 0, 30, tzinfo=ZoneInfo("Asia/Shanghai")), LIMITS)
    assert days[:4] == ["2026-11-30", "2026-11-29", "2026-11-23", "2026-11-22"]


def test_the_days_that_are_compared_are_todays_weekday() -> None:
    days = checks.days_to_compare(NOW, LIMITS)
    assert days[:2] == ["2026-11-30", "2026-11-23"]
    assert {datetime.fromisoformat(day).weekday() for day in days} == {NOW.weekday()}
