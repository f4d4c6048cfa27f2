"""
A reception is judged by one version of the rules, whatever is applied meanwhile, and every verdict names it.

With the real site's file, journal and reception; only Orthanc's store is in memory.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aipull.journal.rules import Rules
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.rules_in_force import RulesInForce
from pacs_module.shared.switches_file import load_switches
from tests.fakes.reception_desk import Desk


@pytest.fixture
def site(desk: Desk, tmp_path: Path) -> Path:
    """The desk's rules come from this file."""
    file = tmp_path / "site_config.py"
    file.write_text("")
    follow(desk, file)
    return file


def follow(desk: Desk, file: Path) -> None:
    desk.rules._in_force = RulesInForce(load_switches(None, file), file, lambda: load_switches(None, file))
    desk.rules._remember(desk.rules.current)


def apply(file: Path, text: str) -> Switches:
    file.write_text(text)
    return load_switches(None, file)


def verdicts(desk: Desk, kind: str = "pull_report") -> dict[str, tuple[bool, str]]:
    """Of the last report: whether it was taken, and by which version."""
    reports = desk.told(kind)[-1]["series"]
    return {one["seriesUID"]: (one["taken"], one["verdict"]["rules"]) for one in reports}


def test_rules_that_are_applied_in_the_middle_of_a_reception_wait_for_the_next_one(
    desk: Desk, site: Path
) -> None:
    before = desk.rules.current
    request = desk.ask("1.2", expected=10)
    desk.store.add("1.2", "1.2.1", 3)
    desk.step()
    after = apply(site, "RULES_VERSION = 1\nMIN_INSTANCES_CT = 500\n")
    assert desk.rules.look()
    desk.store.add("1.2", "1.2.2", 7)
    desk.step()
    desk.end(request)
    desk.step(3)
    assert set(verdicts(desk).values()) == {(True, before.version)} or {
        version for _, version in verdicts(desk).values()
    } == {before.version}
    request = desk.ask("1.3", expected=10)
    desk.store.add("1.3", "1.3.1", 10)
    desk.step()
    desk.end(request)
    desk.step(3)
    assert verdicts(desk) == {"1.3.1": (False, after.version)}


def test_the_version_of_a_pull_holds_for_its_images_though_another_is_in_force_by_now(
    desk: Desk, site: Path
) -> None:
    before = desk.rules.current
    request = desk.ask("1.2", expected=10, rules=before.version)
    apply(site, "RULES_VERSION = 1\nMIN_INSTANCES_CT = 500\n")
    desk.rules.look()
    desk.store.add("1.2", "1.2.1", 10)
    desk.step()
    desk.end(request)
    assert verdicts(desk) == {"1.2.1": (True, before.version)}


def test_a_pull_by_rules_that_were_not_read_yet_reads_them_at_once(desk: Desk, site: Path) -> None:
    after = apply(site, "RULES_VERSION = 1\nMIN_INSTANCES_CT = 500\n")
    request = desk.ask("1.2", expected=10, rules=after.version)
    desk.store.add("1.2", "1.2.1", 10)
    desk.step()
    desk.end(request)
    desk.step(3)
    assert verdicts(desk) == {"1.2.1": (False, after.version)}


def test_a_pull_by_rules_that_nobody_knows_here_is_judged_by_what_is_in_force(desk: Desk, site: Path) -> None:
    request = desk.ask("1.2", expected=10, rules="99-ffffffff")
    desk.store.add("1.2", "1.2.1", 10)
    desk.step()
    desk.end(request)
    assert verdicts(desk) == {"1.2.1": (True, desk.rules.current.version)}


def test_after_a_restart_a_reception_goes_on_by_the_rules_that_it_began_with(desk: Desk, site: Path) -> None:
    before = desk.rules.current
    request = desk.ask("1.2", expected=20, rules=before.version)
    desk.store.add("1.2", "1.2.1", 10)
    desk.step()
    after = apply(site, "RULES_VERSION = 1\nMIN_INSTANCES_CT = 500\n")
    desk.switches = after
    again = desk.restarted()
    assert again.rules.current == after
    again.store.add("1.2", "1.2.2", 10)
    again.step()
    again.end(request)
    again.step(3)
    assert {version for _, version in verdicts(again).values()} == {before.version}


def test_where_the_former_rules_are_known_no_more_all_of_it_is_judged_anew(desk: Desk) -> None:
    desk.store.add("1.2", "1.2.1", 10)
    desk.step()
    desk.tables.journal.write("DELETE FROM rules")
    desk.switches = replace(desk.switches, min_instances_ct=500, rules_version=1)
    again = desk.restarted()
    again.step()
    (arrival,) = again.worker._arrivals.all()
    assert {one.verdict.rules for one in arrival.judged.values()} == {desk.switches.version}


def test_ten_changes_while_a_day_runs_every_verdict_names_its_version_and_none_is_lost(
    desk: Desk, site: Path
) -> None:
    known = {desk.rules.current.version}
    for number in range(1, 32):
        if number % 3 == 0:
            known.add(apply(site, f"RULES_VERSION = {number}\nMIN_INSTANCES_CT = {number % 5 + 3}\n").version)
        study = f"1.{number}"
        request = desk.ask(study, expected=12)
        desk.store.add(study, f"{study}.1", 5)
        desk.step()
        desk.rules.look()
        desk.store.add(study, f"{study}.2", 7)
        desk.step()
        desk.end(request)
        desk.step(3)
    assert len(known) == 11
    reports = desk.told("pull_report")
    assert {report["studyUID"] for report in reports} == {f"1.{number}" for number in range(1, 32)}
    for report in reports:
        versions = {one["verdict"]["rules"] for one in report["series"]}
        assert len(versions) == 1, report["studyUID"]
        assert versions <= known
    assert len({one["verdict"]["rules"] for report in reports for one in report["series"]}) == 11


def test_what_was_judged_by_crosses_the_seam_in_the_report_and_not_in_the_message(desk: Desk) -> None:
    request = desk.ask("1.2", expected=10)
    desk.store.add("1.2", "1.2.1", 10)
    desk.step()
    desk.end(request)
    (one,) = desk.told("pull_report")[-1]["series"]
    assert one["attributes"]["Modality"] == "CT"
    assert "PatientID" not in one["attributes"]
    assert one["instances"] == 10
    (message,) = desk.told("notify")
    assert all(not report.get("attributes") for report in message["seriesReports"])


def test_memory_holds_few_versions_and_the_journal_has_the_others(desk: Desk) -> None:
    rules = desk.rules
    versions = [replace(desk.switches, rules_version=number) for number in range(1, 31)]
    for one in versions:
        rules._remember(one)
    assert len(rules._known) == 10
    assert rules.of(versions[0].version) == versions[0]
    assert len(rules._known) == 10


def test_the_journal_keeps_a_bounded_number_of_versions(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aipull.journal.rules._KEPT", 3)
    for number in range(6):
        Rules(RulesInForce(replace(desk.switches, rules_version=number)), desk.tables.journal)
    assert len(desk.tables.journal.rows("SELECT * FROM rules")) == 3
