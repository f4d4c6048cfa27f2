"""
Files that we keep ourselves, damaged meanwhile: each costs only itself, and is told (K8).

Does not prove that a power cut damages them in just these ways.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pacs_module.adapters.files.report_folder import ReportFolder
from pacs_module.adapters.files.site_rules import SiteRulesFile
from pacs_module.adapters.files.study_log import lines_with
from pacs_module.adapters.platform_parameters.kept import KeptParameters
from pacs_module.adapters.results.files import DiskResults
from pacs_module.adapters.results.pseudonyms import DiskPseudonyms
from pacs_module.domain.errors import Unreadable
from pacs_module.domain.platform_parameters.parameter import ParameterSet
from pacs_module.domain.reconcile.report import report
from pacs_module.domain.reconcile.report_line import PacsList
from pacs_module.domain.rehearse.rule_history import RulesEntry
from pacs_module.domain.results.pseudonyms import PseudonymRecord
from pacs_module.use_cases.show.reconciliation import ShowReconciliation
from tests.unit.domain.json_messages.test_k08_kept_json import DAMAGED

DAYS = (date(2026, 11, 19), date(2026, 11, 20))
damaged = pytest.mark.parametrize("raw", DAMAGED.values(), ids=DAMAGED)
H1, H2 = "a" * 32, "b" * 32


def reports(folder: Path) -> ReportFolder:
    kept = ReportFolder(folder, 90)
    for day in DAYS:
        kept.keep(report([day], "2026-11-21T03:00:00.000+00:00", [PacsList("A", day)], ()))
    return kept


@damaged
def test_a_damaged_report_is_told_and_the_others_are_shown(raw: bytes, tmp_path: Path) -> None:
    kept = reports(tmp_path)
    (tmp_path / "reconcile-2026-11-20.json").write_bytes(raw)
    view = ShowReconciliation(kept)(None)
    assert view.problem.startswith("the kept report cannot be read: ")
    assert [one.day for one in view.trend] == ["2026-11-19"]
    assert ShowReconciliation(kept)(DAYS[0]).problem == ""
    assert kept.remove_with(lambda text: "2026-11-19" in text) == 1, "forgetting goes through all of them"


def test_names_that_are_no_day_are_not_ours(tmp_path: Path) -> None:
    kept = reports(tmp_path)
    (tmp_path / "reconcile-2026-13-45.json").write_text("{}", encoding="utf-8")
    (tmp_path / "reconcile-2026-11-30.json").mkdir()
    assert kept.days() == list(DAYS)
    assert kept.purge(date(2027, 1, 1)) == 2


@damaged
def test_damaged_parameters_are_told(raw: bytes, tmp_path: Path) -> None:
    kept = KeptParameters(tmp_path / "parameters.json")
    assert kept.read() == (None, [])
    kept.write(ParameterSet(3, {"batch_size": 5}, "now"), [{"name": "batch_size"}])
    kept.file.write_bytes(raw)
    with pytest.raises(Unreadable, match=r"parameters\.json cannot be read"):
        kept.read()


def entry(number: int) -> RulesEntry:
    return RulesEntry(number, "v", "at", "wang", "why", ("KEYWORDS+=THX",))


@damaged
def test_a_damaged_line_of_the_history_costs_only_itself(raw: bytes, tmp_path: Path) -> None:
    rules = SiteRulesFile(None, None, tmp_path / "history.jsonl")
    rules.remember(entry(1))
    with (tmp_path / "history.jsonl").open("ab") as file:
        file.write(raw)  # and no end of a line, as a power cut leaves it
    rules.remember(entry(3))
    assert [one.number for one in rules.history()] == [1, 3]


@damaged
def test_one_damaged_record_of_pseudonyms_leaves_the_others(raw: bytes, tmp_path: Path) -> None:
    kept = DiskPseudonyms(tmp_path)
    kept.keep(H1, PseudonymRecord("1.2", "9.9", "p-1", {"PatientID": "7"}, {"9.1": "1.2.1"}))
    (tmp_path / "1.2" / f"{H2}.json").write_bytes(raw)
    found = kept.of_study("1.2")
    assert found is not None
    assert (found.patient, found.uids) == ("p-1", {"9.1": "1.2.1"})
    (tmp_path / "1.2" / f"{H1}.json").write_bytes(raw)
    with pytest.raises(Unreadable, match="damaged files"):
        kept.of_study("1.2")


@damaged
def test_a_damaged_note_of_results_is_passed_over(raw: bytes, tmp_path: Path) -> None:
    files = DiskResults(tmp_path)
    draft = files.draft()
    (draft / "one").write_bytes(b"DICM")
    files.keep(H1, "1.2", [draft / "one"])
    note = next(path for path in tmp_path.rglob(f"{H1}.*") if path.is_file())
    note.with_name(note.name.replace(H1, H2)).write_bytes(raw)
    assert [(result, study) for result, study, _ in files.all()] == [(H1, "1.2")]


@damaged
def test_a_damaged_line_of_a_log_is_passed_over(raw: bytes, tmp_path: Path) -> None:
    lines = [b'{"studyUID": "1.2", "text": "a"}', raw + b' "1.2"', b'{"studyUID": "1.2", "text": "b"}']
    (tmp_path / "dcm_end.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    assert [line["text"] for _, line in lines_with(tmp_path, frozenset({"1.2"}))] == ["a", "b"]
