"""
``make demo-edge``: hospital, gateway and a regional platform on one machine; the line to the platform is cut
for half a minute in the middle. A report of each examination is posted while it is cut, and one of them is
changed; an image that promises more pixels than it has arrives, and the platform wants smaller batches.

Judged by files alone: what was handed over, image by image, and what the platform has and shows. The
pipeline's documents give the states in the table, never the verdict.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid
from rich.console import Console
from rich.table import Table

from hospital_sim.platform.gate import gate
from hospital_sim.platform.habits import Habit, Habits
from hospital_sim.platform.parameters import ParameterBook, parameter_server
from hospital_sim.platform.registry import PlatformServer, Registry
from hospital_sim.platform.store import PlatformStore, serve
from hospital_sim.sending.scu import Association, Pacs
from stack.ports import LOOPBACK
from stack.servers.orthanc import HOSPITAL_AET, RECEIVER_AET
from stack.whole import Stack, StackOptions

from .run import DemoOptions, remove_last_run, stack_options
from .script import Script, department, simulated
from .watch import LOOK_S, Watcher

CUT_S = 30.0
"""How long the line is cut, in seconds."""
NAME, HOSPITAL = "region", "H001"
_UPLOADS_S = 120.0
"""After everything was computed, uploads and reports may take so long, in seconds."""


@dataclass(frozen=True)
class Region:
    """The platform: its images, its reports, the line to it, and the addresses that the gateway knows."""

    store: PlatformStore
    registry: Registry
    line: Habits
    images_url: str
    reports_url: str
    book: ParameterBook
    parameters_url: str


@dataclass(frozen=True)
class Examination:
    """One study: images by SOPInstanceUID with the SHA-256 of their files, here and at the platform."""

    label: str
    states: str
    here: Mapping[str, str]
    there: Mapping[str, str]

    @property
    def equal(self) -> bool:
        """Whether the platform has these images, as they are here, and no others of the study."""
        return self.here == self.there


def run_edge(options: DemoOptions, console: Console) -> bool:
    """
    Run the demo.

    Returns:
        Whether every examination that was handed over is at the platform, image by image, and none was ever
        seen half.
    """
    script = simulated(options.day, send_s=options.send_s)
    remove_last_run(options.run_folder)
    begin = time.monotonic()
    folder = options.run_folder.with_name(f"{options.run_folder.name}-platform")
    shutil.rmtree(folder, ignore_errors=True)
    with _platform(folder / "images") as region:
        made = _with_destination(stack_options(options, script), region, folder / "cache")
        with Stack(options.run_folder, made, say=lambda text: console.print(f"[dim]{text}[/dim]")) as stack:
            good = _course(stack, script, region, options, console)
        seconds, where = time.monotonic() - begin, region.store.folder
        console.print(f"{seconds:.0f} s in all; the platform's images: {where}", soft_wrap=True)
    shutil.rmtree(stack.hospital.folder, ignore_errors=True)
    return good


@contextmanager
def _platform(folder: Path) -> Iterator[Region]:
    folder.mkdir(parents=True)
    store, registry, line = PlatformStore(folder), Registry(), Habits()
    book = ParameterBook({"batch_size": 50, "threads": 2})
    with (
        parameter_server(book) as counter,
        serve(store) as images,
        PlatformServer(registry) as office,
        gate(images.url, line) as front,
        gate(office.url, line) as desk,
    ):
        yield Region(store, registry, line, front.url, desk.url, book, counter.url)


def _with_destination(options: StackOptions, region: Region, cache: Path) -> StackOptions:
    destination = {
        "name": NAME, "kind": "http", "hospital": HOSPITAL, "url": region.images_url, "circuit_pause_s": 1.0,
        "first_pause_s": 1.0,
        "circuit_longest_pause_s": 5.0, "longest_pause_s": 5.0, "attempts": 100,
    }  # fmt: skip
    settings = {
        **(options.settings or {}),
        "destination": [destination],
        "upload_cache": {"folder": str(cache)},
        "platform": {"url": region.reports_url, "hospital": HOSPITAL, "longest_pause_s": 5.0},
        "reports": {"interval_s": 5.0},
        "parameters": {
            "url": region.parameters_url, "file": str(cache.with_name("parameters.json")), "destinations": [NAME],
            "hospital": HOSPITAL, "interval_s": 2.0,
        },
    }  # fmt: skip
    return replace(options, settings=settings, switches={**(options.switches or {}), "VALIDATE": True})


def _course(
    stack: Stack,
    script: Script,
    region: Region,
    options: DemoOptions,
    console: Console,
) -> bool:
    sender, watcher = department(stack, script), Watcher(stack, script, console)
    sender.spawn()
    with _cut_in_the_middle(stack, script, region, options.send_s / 3, console):
        settled = watcher.until_settled(sender, time.monotonic() + options.deadline_s)
    deadline = time.monotonic() + _UPLOADS_S
    uploaded = settled and _until_uploaded(stack, deadline)
    reported = uploaded and _until_compared(stack, script, deadline)
    good = _is_equal(stack, script, region, console) and reported
    if good:
        words = "every examination that was handed over is at the platform, image by image, and every report"
        console.print(f"[bold green]{words}[/bold green]")
    return good


def _is_equal(stack: Stack, script: Script, region: Region, console: Console) -> bool:
    """Print both sides; whether they have the same, and nobody saw an image half."""
    found, reports = _examinations(stack, script, region.store), _reports(stack, region.registry)
    gateway = _gateway(stack, region.book)
    _print(found, reports, gateway, region.store, console)
    equal = bool(found) and all(one.equal for one in found) and reports[0] == reports[1]
    return equal and all(one[-1] for one in gateway) and not region.store.half_seen


def _gateway(stack: Stack, book: ParameterBook) -> list[tuple[str, str, str, bool]]:
    """
    Rows of what the gateway keeps to itself, and of what the platform sets at it; the last: as it should be.
    """
    held, told = _told(stack, "quarantine")["held"], _told(stack, "parameters")
    words = "; ".join(one["words"] for one in held) or "nothing"
    as_told = told["version"] == book.version and not told["problem"]
    return [
        ("quarantine", words, "-", len(held) == 1),
        ("parameters", f"version {told['version']}", f"version {book.version}", as_told),
    ]


@contextmanager
def _cut_in_the_middle(
    stack: Stack, script: Script, region: Region, after_s: float, console: Console
) -> Iterator[None]:
    """
    The line goes while images are on their way, reports are written meanwhile, and it comes back by itself.
    """
    over, line = threading.Event(), region.line

    def cut() -> None:
        if over.wait(after_s):
            return
        line.set(Habit.AWAY)
        console.print(f"[bold red]the line to the platform is cut for {CUT_S:.0f} s[/bold red]")
        _write_reports(stack, script)
        _send_half_an_image(stack)
        region.book.change(batch_size=20)
        over.wait(CUT_S)
        line.clear()
        console.print(
            f"[bold green]the line is back; {_waiting(stack)} examinations wait for it[/bold green]"
        )

    thread = threading.Thread(target=cut, name="line")
    thread.start()
    try:
        yield
        thread.join()  # a day that is over sooner waits for its cut
    finally:
        over.set()
        thread.join()


def _write_reports(stack: Stack, script: Script) -> None:
    """A report of each examination; the first one is signed a second time with other words."""
    day = script.dates[0].isoformat()
    reports = [
        {
            "serial": f"R-{number:03}",
            "day": day,
            "studyUID": study.study_uid,
            "conclusion": f"report of {study.label}",
        }
        for number, study in enumerate(script.expected)
    ]
    key, url = {"X-API-Key": stack.pacs_module.api_key}, f"{stack.pacs_module.url}/api/v1/reports"
    for body in ({"reports": reports}, {**reports[0], "status": "corrected", "conclusion": "corrected"}):
        requests.post(url, json=body, headers=key, timeout=30).raise_for_status()


def _send_half_an_image(stack: Stack) -> None:
    """An image that promises more pixels than it has: it costs only itself."""
    image = Dataset()
    image.SOPClassUID = CTImageStorage
    image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID = (generate_uid() for _ in range(3))
    image.PatientID, image.Modality, image.AccessionNumber = "HALF", "CT", "HALF"
    image.Rows = image.Columns = 512
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.PixelData = bytes(1000)
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    receiver = Pacs(LOOPBACK, stack.ports.receiver.dicom, RECEIVER_AET)
    contexts = [(str(CTImageStorage), (str(ExplicitVRLittleEndian),))]
    with Association(receiver, HOSPITAL_AET, contexts) as association:
        association.store(image, "half an image")


def _told(stack: Stack, path: str = "destinations") -> dict[str, Any]:
    key = {"X-API-Key": stack.pacs_module.api_key}
    answer = requests.get(f"{stack.pacs_module.url}/api/v1/{path}", headers=key, timeout=10)
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


def _waiting(stack: Stack) -> int:
    return sum(int(one["waiting"]) for one in _told(stack)["destinations"])


def _until_uploaded(stack: Stack, deadline: float) -> bool:
    while time.monotonic() < deadline:
        if _waiting(stack) == 0:
            return True
        time.sleep(LOOK_S)
    return False


def _until_compared(stack: Stack, script: Script, deadline: float) -> bool:
    """Until every report was sent, in the version that we have."""
    while time.monotonic() < deadline:
        reports = _told(stack, "reports?limit=1000")["reports"]
        if len(reports) == len(script.expected) and all(one["state"] == "sent" for one in reports):
            return True
        time.sleep(LOOK_S)
    return False


def _reports(stack: Stack, registry: Registry) -> tuple[dict[str, int], dict[str, int]]:
    """Version by serial number, here and at the platform."""
    listed: Sequence[Mapping[str, Any]] = _told(stack, "reports?limit=1000")["reports"]
    return {one["key"]: one["version"] for one in listed}, registry.versions()


def _examinations(stack: Stack, script: Script, store: PlatformStore) -> list[Examination]:
    here = _by_study(stack.receiver.handover_folder)
    there = _by_study(store.folder)
    labels = {study.study_uid: study.label for study in script.expected}
    states = _states(stack)
    return [
        Examination(labels.get(uid, uid), states.get(uid, "-"), here.get(uid, {}), there.get(uid, {}))
        for uid in sorted({*here, *there}, key=lambda one: labels.get(one, one))
    ]


def _states(stack: Stack) -> dict[str, str]:
    key = {"X-API-Key": stack.pacs_module.api_key}
    answer = requests.get(f"{stack.pacs_module.url}/api/v1/studies", headers=key, timeout=10)
    studies = answer.json().get("studies", [])
    return {
        one["studyUID"]: ", ".join(sorted({up["state"] for up in one.get("uploads", [])})) for one in studies
    }


def _by_study(folder: Path) -> dict[str, dict[str, str]]:
    """Files by study and image."""
    found: dict[str, dict[str, str]] = {}
    for file in folder.rglob("*.dcm"):
        header = dcmread(file, stop_before_pixels=True, specific_tags=["StudyInstanceUID", "SOPInstanceUID"])
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        found.setdefault(str(header.StudyInstanceUID), {})[str(header.SOPInstanceUID)] = digest
    return found


def _print(
    found: list[Examination],
    reports: tuple[dict[str, int], dict[str, int]],
    gateway: Sequence[tuple[str, str, str, bool]],
    store: PlatformStore,
    console: Console,
) -> None:
    table = Table("examination", "images here", "at the platform", "equal", "upload")
    _add_examinations(table, found)
    here, there = reports
    table.add_row("reports", f"{len(here)} reports", f"{len(there)} reports", _shown(here == there), "")
    for name, ours, theirs, good in gateway:
        table.add_row(name, ours, theirs, _shown(good), "")
    console.print(table)
    console.print(f"images seen half at the platform: {len(store.half_seen)}")


def _add_examinations(table: Table, found: Sequence[Examination]) -> None:
    """A row each, and below a line the sum of all."""
    here = there = 0
    for one in found:
        table.add_row(one.label, str(len(one.here)), str(len(one.there)), _shown(one.equal), one.states)
        here += len(one.here)
        there += len(one.there)
    table.add_section()
    all_equal = all(one.equal for one in found)
    table.add_row(f"{len(found)} examinations", str(here), str(there), _shown(all_equal), "")


def _shown(equal: bool) -> str:
    return "[green]yes[/green]" if equal else "[red]no[/red]"
