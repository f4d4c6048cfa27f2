"""
kill -9 at every step of an upload, by every protocol, at a platform or a line with each bad habit: nothing is lost, nothing
is seen half, and what the platform has in the end is equal image by image (E3).

The worker is the use cases in a process of its own, not the whole service: that the service's loops go on after a kill is
for the matrix.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hospital_sim.platform.habits import Habit
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.study.handover import HandOver
from pacs_module.domain.study.study import Study
from pacs_module.domain.study.uploads import schedule_routing
from pacs_module.domain.upload.upload_state import UploadState
from pacs_module.shared.crash_points import VARIABLE
from tests.chaos.rig.proxy import Mode, Proxy
from tests.contract.upload import upload_cases
from tests.contract.upload.upload_cases import UploadCase, checksum
from tests.support.images.ct_files import ct_file
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]
IMAGES = 5
RUNS = (("cached", "routed", "to_upload", "uploading"), ("uploaded", "upload_verified"))
"""
Each row is one study, killed at one place after the other: an upload over which three workers have died is given up, because
it may have killed them.
"""
BAD_LINE_S = 0.6
"""So long a line is bad, longer than the first pauses."""


def of_server(way: str, *servers: str) -> object:
    return pytest.param(way, marks=pytest.mark.server(*servers))


GATED = (
    "http-put",
    "http-form",
    "http-resumable",
    of_server("s3", "moto"),
    of_server("stow", "orthanc", "orthanc-dicomweb"),
)
LINES = (
    of_server("sftp", "sshd"), of_server("ftp", "vsftpd"), of_server("ftps", "vsftpd"), of_server("cstore-status", "dcmtk"),
    of_server("cstore-find", "orthanc", "orthanc-dicomweb"), of_server("cstore-commitment", "orthanc", "orthanc-dicomweb"),
)  # fmt: skip
PROGRAMS = (*LINES[:3], LINES[4], GATED[4])
"""Servers that are processes and keep their files."""


class Workers:
    """Forked one at a time; ``faults`` is where places are armed."""

    def __init__(self, faults: Path) -> None:
        self.faults = faults
        environment = {**os.environ, VARIABLE: str(faults)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.programs.upload_worker"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def arm(self, place: str, action: str = "kill") -> None:
        written = self.faults / f".{place}"
        written.write_text(action, encoding="utf-8")
        written.rename(self.faults / place)

    def begin(self, folder: Path, case: UploadCase) -> None:
        """A worker, while we go on."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"folder": str(folder), "told": dict(case.told)}) + "\n")
        self.process.stdin.flush()

    def ended(self) -> int:
        """How the worker that was begun ended."""
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def work(self, folder: Path, case: UploadCase) -> int:
        """A worker from its begin to its end; how it ended."""
        self.begin(folder, case)
        return self.ended()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    made = Workers(tmp_path_factory.mktemp("faults"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UploadCase]:
    """One platform for all that it goes through: each test hands over studies of its own."""
    yield from upload_cases.make(request.param, tmp_path_factory.mktemp("platform"))


@dataclass
class Waiting:
    """A store with one study that waits to be routed; ``images``: its images' checksums by SOPInstanceUID."""

    folder: Path
    study_uid: str
    images: dict[str, str]


def hand_over(folder: Path, study_uid: str, images: int = IMAGES) -> Waiting:
    folder.mkdir(parents=True)
    handover = f"{abs(hash(study_uid)) % 16**32:032x}"
    here, found = folder / "store" / handover, {}
    here.mkdir(parents=True)
    for number in range(1, images + 1):
        file = here / f"{number:05d}.dcm"
        ct_file(file, study_uid, f"{study_uid}.1", number)
        found[f"{study_uid}.1.{number}"] = checksum(file.read_bytes())
    item = HandOver(
        handover, f"{study_uid}.1", images, str(here), {"studyUID": study_uid, "priorities": 0}, ""
    )
    study = Study(study_uid, handovers=[item])
    schedule_routing(study, 1)
    store = SqliteStore(folder / "study.db")
    assert store.insert(study)
    store.close()
    (folder / "cache").mkdir()
    return Waiting(folder, study_uid, found)


def shown(case: UploadCase, waiting: Waiting) -> dict[str, str]:
    """What the platform shows of the study."""
    return {uid: told for uid, told in case.images().items() if uid.startswith(f"{waiting.study_uid}.")}


def check(case: UploadCase, waiting: Waiting) -> None:
    """Equal on both sides, written down, and nothing left in the cache."""
    assert shown(case, waiting) == waiting.images
    assert case.half_seen() == []
    store = SqliteStore(waiting.folder / "study.db")
    study = store.get(waiting.study_uid)
    store.close()
    assert study is not None
    assert [one.state for one in study.uploads] == [UploadState.VERIFIED], study.uploads
    assert list((waiting.folder / "cache").iterdir()) == []


def spoil(case: UploadCase, habit: Habit | Mode) -> None:
    """At the platform's gate three times; on the line for a moment."""
    if isinstance(habit, Habit):
        case.habits.set(habit, 3)
        return
    assert case.proxy is not None
    case.proxy.mode = habit
    threading.Timer(BAD_LINE_S, _pass, [case.proxy]).start()


def _pass(proxy: Proxy) -> None:
    proxy.mode = Mode.PASS


def killed_on_the_way(
    case: UploadCase,
    workers: Workers,
    folder: Path,
    habit: Habit | Mode | None,
    places: Sequence[str],
    uid: str,
) -> None:
    """One study, killed at one place after the other, and whole in the end."""
    waiting = hand_over(folder, uid)
    for place in places:
        if habit is not None:
            spoil(case, habit)
        workers.arm(place)
        assert workers.work(folder, case) == -signal.SIGKILL, place
        assert shown(case, waiting).items() <= waiting.images.items()
    assert workers.work(folder, case) == 0
    case.habits.clear()
    check(case, waiting)


def numbered(habit: object, row: int) -> str:
    """A StudyInstanceUID for a test of its own at a platform that others have used."""
    habits: list[object] = [None, *Habit, *Mode]
    return f"1.2.3.{habits.index(habit) + 1}.{row + 1}"


@pytest.mark.parametrize("case", [*GATED, *LINES], indirect=True, scope="module")
@pytest.mark.parametrize("row", range(len(RUNS)))
def test_a_kill_at_each_step(case: UploadCase, workers: Workers, row: int, tmp_path: Path) -> None:
    killed_on_the_way(case, workers, tmp_path / "run", None, RUNS[row], numbered(None, row))


@pytest.mark.parametrize("case", GATED, indirect=True, scope="module")
@pytest.mark.parametrize("row", range(len(RUNS)))
@pytest.mark.parametrize("habit", list(Habit))
def test_a_kill_at_each_step_at_a_platform_with_a_habit(
    case: UploadCase, workers: Workers, habit: Habit, row: int, tmp_path: Path
) -> None:
    if case.name in ("stow", "http-form") and habit is Habit.HALF:
        pytest.skip("half a request of several parts is none: the platform itself refuses it")
    killed_on_the_way(case, workers, tmp_path / "run", habit, RUNS[row], numbered(habit, row))


@pytest.mark.parametrize("case", LINES, indirect=True, scope="module")
@pytest.mark.parametrize("row", range(len(RUNS)))
@pytest.mark.parametrize("mode", [Mode.REFUSE, Mode.HALVE, Mode.SLOW])
def test_a_kill_at_each_step_on_a_bad_line(
    case: UploadCase, workers: Workers, mode: Mode, row: int, tmp_path: Path
) -> None:
    killed_on_the_way(case, workers, tmp_path / "run", mode, RUNS[row], numbered(mode, row))


@pytest.mark.parametrize("case", PROGRAMS, indirect=True, scope="module")
@pytest.mark.parametrize("place", ["to_upload", "uploading", "uploaded"])
def test_the_platform_is_killed(case: UploadCase, workers: Workers, place: str, tmp_path: Path) -> None:
    waiting = hand_over(tmp_path / "run", f"1.2.3.99.{len(place)}")
    waits = tmp_path / "waits"
    workers.arm(place, str(waits))
    workers.begin(waiting.folder, case)
    wait_for(waits.exists, what=f"a worker at {place}")
    assert case.program is not None
    case.program.stop()
    waits.unlink()
    time.sleep(0.2)  # the worker meets nobody: that is the disaster
    case.program.start()
    assert workers.ended() == 0
    check(case, waiting)
