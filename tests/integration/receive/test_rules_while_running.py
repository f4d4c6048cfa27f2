"""
Rules that are applied while the plugins run in a real Orthanc: no restart, one version a reception, all of
them named, none lost; ten changes while a small day runs, and a kill in the middle of it.

Does not prove anything about pacs_module's own process: tests/unit/use_cases/rehearse and the service's loop.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from pacs_module.adapters.files.site_rules import SiteRulesFile
from pacs_module.use_cases.rehearse.manage_rules import ManageRules
from tests.fakes.plugin_stack import PluginStack, ct_series, until
from tests.fakes.world import FakeClock, FakeLog

pytestmark = pytest.mark.server("orthanc", "orthanc-python")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginStack]:
    with PluginStack(tmp_path_factory.mktemp("rules")) as running:
        yield running


@pytest.fixture
def rules(stack: PluginStack, tmp_path: Path) -> ManageRules:
    files = SiteRulesFile(None, stack.site, tmp_path / "history.jsonl")
    return ManageRules(files, lambda: files.switches_of(files.read()), FakeClock(), FakeLog())


def in_force(stack: PluginStack) -> str:
    return str(stack.get("/aipull/status").json()["rules"])


def taken_over(stack: PluginStack, version: str) -> None:
    until(lambda: in_force(stack) == version, 30, f"rules {version} in force", stack)


def versions(report: dict[str, object]) -> set[str]:
    series = report["series"]
    assert isinstance(series, list)
    return {one["verdict"]["rules"] for one in series}


def test_apply_and_undo_without_a_restart(stack: PluginStack, rules: ManageRules) -> None:
    images = {
        uid: ct_series(uid, 12, BodyPartExamined="STND", SeriesDescription="1.25MM")
        for uid in (generate_uid() for _ in range(3))
    }
    before, *later = images
    for one in images.values():
        stack.to_pacs(one)
    assert stack.report_of(stack.pull(before, expected=12))["outcome"] == "filtered"
    applied = rules.apply(["KEYWORDS+=STND"], "hans", "CT-3 writes it")
    taken_over(stack, applied.version)
    report = stack.report_of(stack.pull(later[0], expected=12))
    assert (report["outcome"], versions(report)) == ("received", {applied.version})
    undone = rules.undo("hans", "wrong")
    taken_over(stack, undone.version)
    report = stack.report_of(stack.pull(later[1], expected=12))
    assert (report["outcome"], versions(report)) == ("filtered", {undone.version})
    assert len([one for one in stack.events() if one.get("event") == "started"]) == 1


def test_ten_changes_while_a_small_day_runs(stack: PluginStack, rules: ManageRules) -> None:
    """Pulls name the version of that moment, as pacs_module does; the file runs ahead of them."""
    asked: dict[str, str] = {}
    for number in range(10):
        version = rules.apply([f"MIN_INSTANCES_CT={number + 2}"], "hans", "a test").version
        study = generate_uid()
        stack.to_pacs(ct_series(study, 12) + ct_series(study, 14, SliceThickness="3.0"))
        asked[stack.pull(study, expected=26, rules=version)] = version
        if number == 5:
            stack.receiver.kill()
            stack.receiver.start()
    for pull, version in asked.items():
        report = stack.report_of(pull)
        assert (report["outcome"], versions(report)) == ("received", {version})
        assert all(one["attributes"]["Modality"] == "CT" for one in report["series"])
    assert len(set(asked.values())) == 10
