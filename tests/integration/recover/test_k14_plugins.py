"""
K14 at the plugins, with the real Orthanc: index, journal, hand-over folder, each lost, stopped and running.

Does not prove what pacs_module makes of it (tests of use_cases/recover).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from tests.fakes.plugin_stack import PluginStack, ct_series, until

pytestmark = pytest.mark.server("orthanc", "orthanc-python")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginStack]:
    with PluginStack(tmp_path_factory.mktemp("plugins"), "STABLE_AGE = 3.0\n") as running:
        yield running


def stored(stack: PluginStack) -> int:
    return sum(path.is_file() for path in (stack.ram_disk / "store").rglob("*"))


def handed_over(stack: PluginStack, images: int = 12) -> tuple[str, Path]:
    study = generate_uid()
    stack.to_pacs(ct_series(study, images))
    assert stack.report_of(stack.pull(study, expected=images))["outcome"] == "received"
    return study, Path(stack.recorder.taken("notify", study)[0]["filepath"])


def test_index_lost_in_the_middle_of_a_pull_leaves_no_file(stack: PluginStack) -> None:
    study = generate_uid()
    stack.to_pacs(ct_series(study, 112))
    stack.report_of(stack.pull(study, expected=150))
    assert stored(stack) >= 112
    stack.receiver.kill()
    shutil.rmtree(stack.ram_disk / "index")
    stack.receiver.start()
    until(lambda: stored(stack) == 0, 60, "the orphans' end", stack)
    event = stack.events("that its index does not know")[-1]
    assert event["files"] >= 112
    assert stack.report_of(stack.pull(study, expected=112))["outcome"] == "received"


def test_files_of_studies_that_the_index_knows_stay(stack: PluginStack) -> None:
    study = generate_uid()
    stack.to_pacs(ct_series(study, 12))
    stack.report_of(stack.pull(study, expected=15))
    before = stored(stack)
    stack.receiver.kill()
    stack.receiver.start()
    assert stored(stack) == before >= 12
    assert stack.report_of(stack.pull(study, expected=12))["outcome"] == "received"


def test_journal_removed_while_running_is_put_back_and_loses_nothing(stack: PluginStack) -> None:
    study, _ = handed_over(stack)
    for file in stack.receiver.journal.parent.glob("journal.db*"):
        file.unlink()
    until(lambda: stack.events("is there again, with all that it held"), 60, "the journal", stack)
    assert stack.receiver.journal.exists()
    stack.receiver.kill()
    stack.receiver.start()
    report = stack.report_of(stack.pull(study, expected=12))
    assert report["outcome"] == "nothing_new"  # the journal remembers the hand-over


def test_journal_lost_while_stopped_takes_up_the_hand_overs_that_wait(stack: PluginStack) -> None:
    study, folder = handed_over(stack)
    handover_id = stack.recorder.taken("notify", study)[0]["handoverID"]
    stack.receiver.kill()
    for file in stack.receiver.journal.parent.glob("journal.db*"):
        file.unlink()
    stack.receiver.start()
    (event,) = until(
        lambda: stack.events("hand-overs that wait in the folder are taken up"), 60, "adoption", stack
    )
    assert handover_id in event["handovers"]
    assert len(list(folder.iterdir())) == 12
    assert stack.post("/aipull/release", {"handoverID": handover_id}).json() == {"released": True}
    assert not folder.exists()


def test_hand_over_folder_gone_is_told_and_the_next_pull_hands_over_anew(stack: PluginStack) -> None:
    study, _ = handed_over(stack)
    shutil.rmtree(stack.receiver.handover_folder)
    until(lambda: stack.events("the hand-over folder was removed"), 60, "the folder", stack)
    report = stack.report_of(stack.pull(study, expected=12))
    assert report["outcome"] == "received"
    assert len(list(Path(stack.recorder.taken("notify", study)[-1]["filepath"]).iterdir())) == 12


def test_a_store_that_has_no_hand_over_never_hears_that_nothing_is_new(stack: PluginStack) -> None:
    study, _ = handed_over(stack)
    known = stack.recorder.taken("notify", study)[0]["handoverID"]
    assert stack.report_of(stack.pull(study, expected=12, knownHandover=known))["outcome"] == "nothing_new"
    assert stack.report_of(stack.pull(study, expected=12, knownHandover=""))["outcome"] == "received"
