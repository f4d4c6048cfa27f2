"""Row 1: images a second at one, two and four pulls, from dcmtk's archive, and CPU an image."""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests

from benchmarks.bench.images import Written, write_images
from benchmarks.bench.row import Line, Row, Scale, Target, cpu_of
from benchmarks.bench.servers import (
    PATIENCE_S,
    Archive,
    Bare,
    Defaults,
    Storescp,
    move,
    ram_folder,
    stored,
    until_stored,
)
from benchmarks.reception import API_KEY, Recorder
from stack.ports import free_ports
from stack.run_folder import RunFolder
from stack.servers.orthanc import HOSPITAL_NAME, OrthancPorts, ReceivingLinks, ReceivingOrthanc

PULLS = (1, 2, 4)
WALL = "Orthanc parses each image: some 3.5 CPU-ms, which plugins and settings do not change"
OURS = (
    "the plugins' share of the CPU an image: headers judged, images counted and handed over while others still "
    "come, then "
    "deleted; sender and receiver share two cores"
)


@dataclass(frozen=True)
class Received:
    """Images a second, and CPU milliseconds of the receiver for each."""

    rate: float
    cpu_ms: float


@dataclass
class Place:
    """Where everything of the row is: ports are known before the archive starts, which must know them."""

    run: RunFolder
    ram: Path
    studies: Sequence[Written]
    ports: dict[str, OrthancPorts]
    archive: int = 0

    def of(self, pulls: int) -> Sequence[Written]:
        """The studies of one measurement: each number of pulls has studies of its own."""
        first = sum(one for one in PULLS if one < pulls)
        return self.studies[first : first + pulls]


def run(scale: Scale) -> Sequence[Line]:
    """All receivers in turn, each started anew."""
    images, turns = scale.of(200, 12), scale.of(2, 1)
    found: dict[tuple[str, int], list[Received]] = {}
    with _place(images) as place:
        for _ in range(turns):
            for name, receive in RECEIVERS.items():
                for pulls, received in receive(place):
                    found.setdefault((name, pulls), []).append(received)
    return list(_lines(found))


def _lines(found: dict[tuple[str, int], list[Received]]) -> Iterator[Line]:
    def rates(name: str, pulls: int) -> tuple[float, ...]:
        return tuple(one.rate for one in found[name, pulls])

    def costs(name: str, pulls: int) -> tuple[float, ...]:
        return tuple(one.cpu_ms for one in found[name, pulls])

    for pulls in PULLS:
        what = f"{pulls} pull{'s' if pulls > 1 else ''} at once"
        of_wall = Target(0.45 if pulls == 1 else 0.5, least=True, ratio=True)
        yield _rate(
            what,
            rates("ours", pulls),
            "tuned Orthanc without plugins",
            rates("bare", pulls),
            Target(0.95, True, True),
            OURS,
        )
        yield _rate(what, rates("ours", pulls), "dcmtk storescp +B", rates("storescp", pulls), of_wall, WALL)
        yield _rate(
            what,
            rates("ours", pulls),
            "Orthanc as it comes, TCP_NODELAY",
            rates("nodelay", pulls),
            Target(1.4, True, True),
            OURS,
        )
        yield Line(
            f"CPU of the receiving Orthanc, {what}", "ms an image", costs("ours", pulls),
            "without plugins", costs("bare", pulls),
        )  # fmt: skip
    slow = rates("defaults", 1)
    yield _rate(
        "1 pull", rates("ours", 1), "Orthanc as it comes, no TCP_NODELAY", slow, Target(10, True, True), OURS
    )


def _rate(
    what: str,
    ours: tuple[float, ...],
    against: str,
    reference: tuple[float, ...],
    target: Target,
    reason: str = "",
) -> Line:
    return Line(what, "images/s", ours, against, reference, target=target, reason=reason)


@contextmanager
def _place(images: int) -> Iterator[Place]:
    with ram_folder() as ram, tempfile.TemporaryDirectory() as folder, RunFolder(Path(folder) / "run") as run:
        names = ("AIPULL", "STORESCP")
        ports = {name: OrthancPorts(*free_ports(2)) for name in names}
        studies = write_images(ram / "images", [images] * sum(PULLS))
        archive = Archive(run, ram, {name: ports[name].dicom for name in names})
        archive.take(studies)
        shutil.rmtree(ram / "images")
        yield Place(run, ram, studies, ports, archive.port)
        archive.process.kill()


def _measured(
    place: Place,
    pulls: int,
    pid: Callable[[], int],
    wait: Callable[[int], float],
    ask: Callable[[Written], object],
) -> Received:
    """
    Ask for the studies and wait.

    Args:
        place: Of the row.
        pulls: How many at once.
        pid: Whose CPU time is taken.
        wait: Until so many more images are there; returns when.
        ask: For one study; returns at once.
    """
    studies = place.of(pulls)
    images = sum(len(one.files) for one in studies)
    cpu, begin = cpu_of(pid()), time.perf_counter()
    for study in studies:
        ask(study)
    end = wait(images)
    return Received(images / (end - begin), 1000 * (cpu_of(pid()) - cpu) / images)


def _of_orthanc(
    place: Place, orthanc: ReceivingOrthanc, ask: Callable[[Written], object], most: int = 4
) -> Iterator[tuple[int, Received]]:
    auth, total = (orthanc.user, orthanc.password), 0

    def wait(images: int) -> float:
        nonlocal total
        total += images
        return until_stored(orthanc.url, auth, total)

    for pulls in PULLS:
        if pulls <= most:
            yield pulls, _measured(place, pulls, lambda: orthanc.process.pid or 0, wait, ask)


def _by_rest(orthanc: ReceivingOrthanc) -> Callable[[Written], object]:
    """As a user of Orthanc alone would: its own C-MOVE."""

    def ask(study: Written) -> object:
        body = {
            "Level": "Study", "Resources": [{"StudyInstanceUID": study.study_uid}], "Asynchronous": True,
            "TargetAet": "AIPULL",
        }  # fmt: skip
        url = f"{orthanc.url}/modalities/{HOSPITAL_NAME}/move"
        answer = requests.post(url, json=body, auth=(orthanc.user, orthanc.password), timeout=60)
        answer.raise_for_status()
        return answer

    return ask


def _request(study: Written) -> dict[str, object]:
    """A pull, as pacs_module asks for it."""
    count = len(study.files)
    told = {
        "Modality": "CT",
        "BodyPartExamined": "CHEST",
        "SliceThickness": "1",
        "ConvolutionKernel": "B30f",
    }
    return {
        "pullID": uuid.uuid4().hex,
        "studyUID": study.study_uid,
        "pacs": HOSPITAL_NAME,
        "expected": count,
        "expectedSeries": {study.series_uid: count},
        "announced": {study.series_uid: told},
    }


def _ours(place: Place) -> Iterator[tuple[int, Received]]:
    recorder, ram = Recorder(), place.ram / "ours"
    ram.mkdir()
    (place.run.path / "site-logs").mkdir(exist_ok=True)
    with recorder.serving() as url:
        links = ReceivingLinks(place.archive, url, API_KEY, place.run.path / "site-logs", "Asia/Shanghai")
        orthanc = ReceivingOrthanc(place.run, place.ports["AIPULL"], ram, links)
        orthanc.start()

        def ask(study: Written) -> object:
            request = _request(study)
            auth = (orthanc.user, orthanc.password)
            answer = requests.post(f"{orthanc.url}/aipull/pulls", json=request, auth=auth, timeout=60)
            answer.raise_for_status()
            return answer

        auth = (orthanc.user, orthanc.password)
        for pulls in PULLS:
            uids = [study.study_uid for study in place.of(pulls)]
            while stored(orthanc.url, auth):
                time.sleep(0.1)  # what was handed over is being deleted
            wait = partial(_until_there, orthanc, recorder, uids)
            yield pulls, _measured(place, pulls, lambda: orthanc.process.pid or 0, wait, ask)
        orthanc.stop()
    shutil.rmtree(ram)


def _until_there(orthanc: ReceivingOrthanc, recorder: Recorder, uids: Sequence[str], images: int) -> float:
    """
    When all images were there; what was handed over first is deleted meanwhile, so that the last notification
    says it, too.
    """
    auth, deadline = (orthanc.user, orthanc.password), time.perf_counter() + PATIENCE_S
    while time.perf_counter() < deadline:
        if stored(orthanc.url, auth) >= images or all(uid in recorder.notified for uid in uids):
            return time.perf_counter()
        time.sleep(0.02)
    raise TimeoutError(f"{len(recorder.notified)} studies were notified in {PATIENCE_S:g} s")


def _bare(place: Place) -> Iterator[tuple[int, Received]]:
    yield from _alone(place, lambda ram: Bare(place.run, ram, place.ports["AIPULL"], place.archive))


def _nodelay(place: Place) -> Iterator[tuple[int, Received]]:
    ports = place.ports["AIPULL"]
    yield from _alone(place, lambda ram: Defaults(place.run, ram, ports, place.archive, nodelay=True))


def _defaults(place: Place) -> Iterator[tuple[int, Received]]:
    """Without TCP_NODELAY each image takes some 50 ms, however many pulls: one is enough."""
    ports = place.ports["AIPULL"]
    yield from _alone(
        place, lambda ram: Defaults(place.run, ram, ports, place.archive, nodelay=False), most=1
    )


def _alone(place: Place, made: Callable[[Path], Bare], most: int = 4) -> Iterator[tuple[int, Received]]:
    ram = place.ram / "alone"
    ram.mkdir()
    orthanc = made(ram)
    orthanc.start()
    yield from _of_orthanc(place, orthanc, _by_rest(orthanc), most)
    orthanc.stop()
    shutil.rmtree(ram)


def _storescp(place: Place) -> Iterator[tuple[int, Received]]:
    folder, total = place.ram / "storescp", 0
    scp = Storescp(place.run, folder, place.ports["STORESCP"].dicom)

    def wait(images: int) -> float:
        nonlocal total
        total += images
        while len(list(folder.iterdir())) < total:
            time.sleep(0.02)
        return time.perf_counter()

    for pulls in PULLS:
        yield (
            pulls,
            _measured(
                place,
                pulls,
                lambda: scp.process.pid or 0,
                wait,
                lambda study: move(place.archive, scp.aet, study.study_uid),
            ),
        )
    scp.process.kill()
    shutil.rmtree(folder)


RECEIVERS: dict[str, Callable[[Place], Iterator[tuple[int, Received]]]] = {
    "ours": _ours,
    "bare": _bare,
    "storescp": _storescp,
    "nodelay": _nodelay,
    "defaults": _defaults,
}

ROW = Row(
    1,
    "receiving",
    "studies of 512 x 512 images by C-MOVE from dcmtk's dcmqrscp, all on this machine, each receiver started "
    "anew",
    run,
    needs=("Orthanc", "dcmqrscp", "storescp", "storescu", "movescu"),
    limit_s=300,
)
