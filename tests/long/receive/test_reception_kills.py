"""
kill -9 of Orthanc at each step of reception, export, notification and deletion; index and store wiped while
it is stopped.

The places are named ones of :mod:`pacs_module.shared.crash_points`: Orthanc kills itself exactly there.
Judged by what the PACS has, by what the recorder in pacs_module's place acknowledged, and by what lies in the
hand-over folder. Not proved here: kills of the other processes (make chaos).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from stack.ports import is_free
from tests.fakes.plugin_stack import PluginStack, ct_series, sop_uids, until

pytestmark = [pytest.mark.server("orthanc", "orthanc-python"), pytest.mark.timeout(400)]

STEPS = (
    "pull_journaled", "submitted", "moving", "received", "filtered", "exporting", "exported", "journaled",
    "notifying",
    "notified", "doomed", "deleted",
)  # fmt: skip
WITHIN_S = 120.0


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, faults: Path) -> Iterator[PluginStack]:
    with PluginStack(
        tmp_path_factory.mktemp("plugins"), environment={"AIPULL_FAULT": str(faults)}
    ) as running:
        yield running


def chest(study: str) -> tuple[list[Dataset], list[Dataset], dict[str, object]]:
    """A thin and a thick series, and what a PACS says of them."""
    thin, thick = ct_series(study, 30), ct_series(study, 12, SliceThickness="5.0")
    told = {
        str(series[0].SeriesInstanceUID): {
            "Modality": "CT",
            "BodyPartExamined": "CHEST",
            "SliceThickness": thickness,
        }
        for series, thickness in ((thin, "1.0"), (thick, "5.0"))
    }
    counts = {str(series[0].SeriesInstanceUID): len(series) for series in (thin, thick)}
    return thin, thick, {"expected": 42, "expectedSeries": counts, "announced": told}


def folders(stack: PluginStack) -> dict[str, int]:
    """What a reader of the hand-over folder sees: names and numbers of images."""
    seen = (
        path
        for path in stack.receiver.handover_folder.iterdir()
        if path.is_dir() and not path.name.startswith(".tmp-")
    )
    return {path.name: len(list(path.rglob("*.dcm"))) for path in seen}


@pytest.mark.parametrize("step", STEPS)
def test_killed_there_nothing_is_lost_and_nothing_half_written(
    stack: PluginStack, faults: Path, step: str
) -> None:
    study = generate_uid()
    thin, thick, told = chest(study)
    stack.to_pacs(thin + thick)
    before = folders(stack)
    (faults / step).write_text("kill")
    if step == "pull_journaled":
        with pytest.raises(Exception, match=r"(?i)connection|remote end"):
            stack.pull(study, **told)
    else:
        stack.pull(study, **told)
    until(lambda: not stack.receiver.process.is_alive(), WITHIN_S, f"Orthanc's death at {step}", stack)
    assert (faults / f"{step}.reached").exists()
    assert all(number == 30 for name, number in folders(stack).items() if name not in before), (
        "a reader saw half a folder"
    )

    stack.receiver.kill()  # its launcher, too
    until(
        lambda: all(is_free(port) for port in (stack.receiver.ports.http, stack.receiver.ports.dicom)),
        WITHIN_S,
        "ports",
    )
    stack.receiver.start()

    reports = until(lambda: stack.recorder.taken("pull_report", study), WITHIN_S, "report", stack)
    assert {(one["outcome"], one["completeness"]) for one in reports} == {("received", "COMPLETE")}
    notifications = stack.recorder.taken("notify", study)
    assert len({one["handoverID"] for one in notifications}) == 1
    folder = Path(notifications[0]["filepath"])
    assert sop_uids(folder) == {str(image.SOPInstanceUID) for image in thin}
    stack.gone(study, WITHIN_S)
    assert folders(stack) == {**before, folder.name: 30}
    leftovers = [
        path.name for path in stack.receiver.handover_folder.iterdir() if path.name.startswith(".tmp-")
    ]
    assert leftovers == []


def wipe(stack: PluginStack) -> None:
    """The RAM disk after a power cut."""
    stack.receiver.kill()
    for inside in stack.ram_disk.iterdir():
        shutil.rmtree(inside)
    stack.receiver.start()


@pytest.mark.parametrize("more", [0, 60])
def test_after_a_wipe_nothing_new_is_skipped_below_or_above_the_old_number(
    stack: PluginStack, more: int
) -> None:
    """
    Orthanc's change numbers begin again: below the journal's number first, and some time later above it.
    """
    first = generate_uid()
    thin, thick, told = chest(first)
    stack.to_pacs(thin + thick)
    stack.report_of(stack.pull(first, **told), WITHIN_S)
    stack.gone(first, WITHIN_S)
    epoch = stack.events("new index in Orthanc")[-1]["epoch"]
    wipe(stack)
    until(lambda: stack.events("new index in Orthanc")[-1]["epoch"] != epoch, WITHIN_S, "new epoch", stack)
    for number in range(1 + more // 30):
        pushed = generate_uid()
        images = ct_series(pushed, 12 + more, StudyID=str(number))
        stack.to_pacs(images)
        stack.push(images)
        (notification,) = until(
            partial(stack.recorder.taken, "notify", pushed), WITHIN_S, "notification", stack
        )
        assert sop_uids(Path(notification["filepath"])) == {str(image.SOPInstanceUID) for image in images}


def test_a_wipe_while_a_study_is_short_or_arriving_loses_neither(stack: PluginStack) -> None:
    short, arriving = generate_uid(), generate_uid()
    images = ct_series(short, 12)
    series = str(images[0].SeriesInstanceUID)
    stack.to_pacs(images)
    assert stack.report_of(stack.pull(short, expectedSeries={series: 15}), WITHIN_S)["outcome"] == "short"
    thin, thick, told = chest(arriving)
    stack.to_pacs(thin + thick)
    pull = stack.pull(arriving, **told)
    wipe(stack)
    assert stack.report_of(pull, WITHIN_S)["completeness"] == "COMPLETE"
    # the images that were here are gone: mending knows it and pulls all of them
    stack.to_pacs(ct_series(short, 3, first=13, series_uid=series))
    again = stack.report_of(stack.pull(short, expectedSeries={series: 15}, repair="IMAGE"), WITHIN_S)
    assert (again["outcome"], again["completeness"], again["received"]) == ("received", "COMPLETE", 15)
