"""Row 6: 300 slices into the hand-over folder, by hard link against Orthanc's REST API."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from benchmarks.bench.images import PATIENT, Written, write_images
from benchmarks.bench.row import Line, Row, Scale, Target, in_turn, took
from benchmarks.bench.servers import Bare, ram_folder
from benchmarks.bench.shipped import handover, to_export
from stack.run_folder import RunFolder

SLICES = 300


def run(scale: Scale) -> Sequence[Line]:
    """The plugins' own export, out of a running Orthanc's store."""
    with _orthanc(scale.of(SLICES, 10)) as (orthanc, study):
        told = _instances(orthanc)
        series = to_export(told, study.study_uid, study.series_uid, PATIENT)
        out = orthanc.ram_disk / "handover"
        folder = handover(out, orthanc.ram_disk / "store")
        names = iter(range(10**6))

        def link() -> None:
            done = folder.export(f"linked-{next(names)}", [series], False)
            if done.copied or done.linked != len(told):
                raise ValueError(f"{done.copied} files were copied, not linked")

        def rest() -> None:
            _by_rest(orthanc, told, out / f"rest-{next(names)}")

        link()
        linked, asked = in_turn(scale.of(7, 1), lambda: took(link), lambda: took(rest))
    milliseconds = tuple(1000 * one.wall for one in linked)
    reference = tuple(1000 * one.wall for one in asked)
    cpu = tuple(one.cpu for one in linked)
    what = f"{len(told)} slices, each checked and in the manifest"
    return [Line(what, "ms", milliseconds, "Orthanc's REST API", reference, cpu, Target(20.0))]


def _by_rest(orthanc: Bare, told: Sequence[dict[str, Any]], target: Path) -> None:
    """Each image by Orthanc's REST API."""
    target.mkdir()
    session = requests.Session()
    session.auth = orthanc.auth
    for one in told:
        answer = session.get(f"{orthanc.url}/instances/{one['ID']}/file", timeout=60)
        (target / one["ID"]).write_bytes(answer.content)


@contextmanager
def _orthanc(slices: int) -> Iterator[tuple[Bare, Written]]:
    with ram_folder() as ram, tempfile.TemporaryDirectory() as folder, RunFolder(Path(folder) / "run") as run:
        orthanc = Bare(run, ram)
        orthanc.start()
        (study,) = write_images(ram / "images", [slices])
        for file in study.files:
            answer = requests.post(
                f"{orthanc.url}/instances", data=file.read_bytes(), auth=orthanc.auth, timeout=60
            )
            answer.raise_for_status()
        shutil.rmtree(ram / "images")
        yield orthanc, study
        orthanc.stop()


def _instances(orthanc: Bare) -> list[dict[str, Any]]:
    told = requests.get(f"{orthanc.url}/instances?expand", auth=orthanc.auth, timeout=60).json()
    return sorted(told, key=lambda one: int(one["MainDicomTags"]["InstanceNumber"]))


ROW = Row(
    6, "export", "one series of 300 slices out of Orthanc's store for the backend", run, needs=("Orthanc",)
)
