"""
kill -9 of Orthanc while images fail validation: each bad one lies in quarantine once and whole, each good one is
handed over.

The sender sends again after a kill, as devices do. Not proved here: a loss of power between two writes.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from stack.ports import is_free
from tests.fakes.plugin_stack import PluginStack, ct_series, sop_uids, until

pytestmark = [pytest.mark.server("orthanc", "orthanc-python", "dcmtk"), pytest.mark.timeout(300)]
SITE = """STABLE_AGE = 2.0
VALIDATE = True
VALIDATION_MANDATORY = ["PatientID", "StationName"]
MIN_INSTANCES_CT = 2
"""
GOOD, BAD = 6, 20


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginStack]:
    with PluginStack(tmp_path_factory.mktemp("quarantine"), SITE) as running:
        yield running


def written(folder: Path, images: list[Dataset]) -> list[str]:
    """Their files."""
    folder.mkdir()
    for number, image in enumerate(images):
        image.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)
    return sorted(str(one) for one in folder.iterdir())


def sending(stack: PluginStack, files: list[str]) -> subprocess.Popen[bytes]:
    command = [
        "/usr/bin/dcmsend",
        "-aet",
        "DEVICE",
        "-aec",
        "AIPULL",
        "127.0.0.1",
        str(stack.receiver.ports.dicom),
    ]
    return subprocess.Popen([*command, *files], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def held(stack: PluginStack, study: str) -> list[dict[str, Any]]:
    told = stack.post("/aipull/quarantine", {"limit": 1000, "states": ["held"]}).json()["images"]
    return [one for one in told if one["studyUID"] == study]


def kill_and_start(stack: PluginStack) -> None:
    stack.receiver.kill()
    ports = (stack.receiver.ports.http, stack.receiver.ports.dicom)
    until(lambda: all(is_free(port) for port in ports), 60, "ports")
    stack.receiver.start()


def kept_files(stack: PluginStack, study: str) -> list[str]:
    """SOPInstanceUIDs of the study's files in the quarantine's folder, each read to its end."""
    files = [one for one in stack.run.path.rglob("*.dcm") if one.parent.name.startswith("quarantine")]
    images = [dcmread(one) for one in files]
    return [str(one.SOPInstanceUID) for one in images if one.StudyInstanceUID == study and one.PixelData]


@pytest.mark.parametrize("after", [1, BAD // 2, BAD])
def test_each_bad_image_is_kept_once_and_each_good_one_handed_over(
    stack: PluginStack, tmp_path: Path, after: int
) -> None:
    study = str(generate_uid())
    good = ct_series(study, GOOD, StationName="CT-1")
    bad = ct_series(study, BAD, first=GOOD + 1, series_uid=good[0].SeriesInstanceUID)
    files = written(tmp_path / "out", [*bad, *good])
    first = sending(stack, files)
    until(lambda: len(held(stack, study)) >= after, 60, f"{after} images in quarantine", stack)
    kill_and_start(stack)
    first.wait(60)
    assert sending(stack, files).wait(60) == 0

    wanted = sorted(str(one.SOPInstanceUID) for one in bad)
    until(lambda: len(held(stack, study)) >= BAD, 60, "every bad image in quarantine", stack)
    notified = until(lambda: stack.recorder.taken("notify", study), 90, "a hand-over", stack)
    everything = {uid for one in notified for uid in sop_uids(Path(one["filepath"]))}
    assert everything == {str(one.SOPInstanceUID) for one in good}
    assert sorted(one["sopInstanceUID"] for one in held(stack, study)) == wanted
    assert sorted(kept_files(stack, study)) == wanted
