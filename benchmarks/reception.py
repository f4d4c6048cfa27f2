"""
From the last image of the chosen series to its notification: by its count, by that of the study, and by
StableAge, side by side.

The receiving Orthanc with the plugins is real, the PACS simulated, on one machine; each way gets studies of
its own. The clock starts when the PACS sends the last image of the series that is to be computed, so that the
C-STORE itself is in it.

    python -m benchmarks.reception
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any

import requests
import typer
from rich.console import Console
from rich.table import Table

from hospital_sim.busy_day.day import BusyStudy
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.devices import SOFT_KERNELS
from hospital_sim.pacs import SimPacs
from hospital_sim.pacs.clock import ManualClock
from hospital_sim.pacs.content.planned import archive_of
from hospital_sim.pacs.content.studies import Archive, Attributes, Encoded, Images, Study
from hospital_sim.pacs.wire.text import TextCoding
from stack.ports import free_ports
from stack.run_folder import RunFolder
from stack.servers.orthanc import HOSPITAL_NAME, OrthancPorts, ReceivingLinks, ReceivingOrthanc

DATE = dt.date(2026, 11, 21)
API_KEY = "key-of-the-benchmark"
PATIENCE_S = 120.0

app = typer.Typer(add_completion=False)


class TimedImages:
    """The images of a series; notes when each was last sent."""

    def __init__(self, images: Images) -> None:
        self._images = images
        self.sent_at: dict[int, float] = {}

    def visible(self, now: dt.datetime) -> int:
        """As the series itself."""
        return self._images.visible(now)

    def uid(self, index: int) -> str:
        """As the series itself."""
        return self._images.uid(index)

    def sop_class(self, index: int) -> str:
        """As the series itself."""
        return self._images.sop_class(index)

    def contexts(self) -> set[tuple[str, str]]:
        """As the series itself."""
        return self._images.contexts()

    def attributes(self, index: int) -> Attributes:
        """As the series itself."""
        return self._images.attributes(index)

    def encoded(self, index: int, coding: TextCoding | None, syntaxes: tuple[str, ...]) -> Encoded:
        """As the series itself; the PACS sends the image in the moment after this."""
        image = self._images.encoded(index, coding, syntaxes)
        self.sent_at[index] = time.monotonic()
        return image


def timed_images(study: Study) -> dict[str, TimedImages]:
    """Note when the images of a study are sent; by SeriesInstanceUID."""
    timed = {}
    for series in study.series:
        series.images = timed[series.uid] = TimedImages(series.images)
    return timed


@dataclass
class Recorder:
    """In the place of pacs_module: when each study was notified and its pull reported."""

    notified: dict[str, float] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    reported: dict[str, float] = field(default_factory=dict)

    def wait_for(self, study_uid: str) -> None:
        """
        Until a study was notified and its pull reported.

        Raises:
            TimeoutError: One of them does not come.
        """
        deadline = time.monotonic() + PATIENCE_S
        while study_uid not in self.reported or study_uid not in self.notified:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no notification of {study_uid} in {PATIENCE_S:g} s")
            time.sleep(0.005)

    def take(self, path: str, body: dict[str, Any]) -> None:
        """A request of the plugins."""
        study, now = str(body.get("studyUID", "")), time.monotonic()
        if path.endswith("/notify"):
            self.messages[study] = body
            self.notified.setdefault(study, now)
        elif path.endswith("/pull_report"):
            self.reported[study] = now

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Listen; the address."""
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                recorder.take(self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@dataclass
class Bench:
    """Everything that runs."""

    pacs: SimPacs
    receiver: ReceivingOrthanc
    recorder: Recorder

    def pull(self, study_uid: str, **values: object) -> None:
        """Ask the plugins for a pull."""
        request = {"pullID": uuid.uuid4().hex, "studyUID": study_uid, "pacs": HOSPITAL_NAME, **values}
        auth = (self.receiver.user, self.receiver.password)
        requests.post(
            f"{self.receiver.url}/aipull/pulls", json=request, auth=auth, timeout=60
        ).raise_for_status()


@contextmanager
def running(
    stable_age: float,
    receiving: type[ReceivingOrthanc] = ReceivingOrthanc,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Bench]:
    """PACS, receiving Orthanc (of this kind, with this over its environment) and recorder."""
    recorder = Recorder()
    folder = Path(tempfile.mkdtemp())
    ram_disk = Path(tempfile.mkdtemp(prefix="aipull-benchmark-", dir="/dev/shm"))
    site = folder / "site_config.py"
    site.write_text(f"STABLE_AGE = {stable_age}\nKERNEL_PREFERRED = {list(SOFT_KERNELS)}\n", encoding="utf-8")
    (folder / "logs").mkdir()
    h, d = free_ports(2)
    clock = ManualClock(plan().ends_at)
    pacs = SimPacs(Archive(), ae_title="HOSPITALPACS", clock=clock, destinations={"AIPULL": ("127.0.0.1", d)})
    try:
        with recorder.serving() as url, pacs, RunFolder(folder / "run") as run:
            links = ReceivingLinks(
                hospital_port=pacs.port, pacs_module_url=url, api_key=API_KEY, log_folder=folder / "logs",
                time_zone="Asia/Shanghai", site_config=site, environment=environment or {},
            )  # fmt: skip
            receiver = receiving(run, OrthancPorts(h, d), ram_disk, links)
            receiver.start()
            yield Bench(pacs, receiver, recorder)
            receiver.stop()
    finally:
        shutil.rmtree(ram_disk, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Way:
    """A way to the end of a reception: what the PACS tells of a study."""

    name: str
    told: Callable[[BusyStudy], dict[str, object]]


def _by_series(study: BusyStudy) -> dict[str, object]:
    series = study.planned.series
    names = ("modality", "body_part", "protocol", "description", "kernel")
    keys = ("Modality", "BodyPartExamined", "ProtocolName", "SeriesDescription", "ConvolutionKernel")
    announced = {
        one.uid: {
            **{key: getattr(one, name) for key, name in zip(keys, names, strict=True)},
            "ImageType": "\\".join(one.image_type),
            "SliceThickness": "" if one.thickness_mm is None else str(one.thickness_mm),
        }
        for one in series
    }
    return {
        "announced": announced,
        "expectedSeries": {one.uid: one.instances for one in series},
        **_by_study(study),
    }


def _by_study(study: BusyStudy) -> dict[str, object]:
    return {"expected": sum(one.instances for one in study.planned.series)}


WAYS = (
    Way("count of the series", _by_series),
    Way("count of the study", _by_study),
    Way("no counts: StableAge", lambda study: {}),
)


@dataclass(frozen=True)
class Timing:
    """
    Seconds from the last image of the chosen series to the notification, and from then to the end of the
    pull.
    """

    to_notification: float
    to_report: float
    completeness: str


def measure(bench: Bench, study: BusyStudy, way: Way) -> Timing:
    """One pull."""
    held = archive_of_one(study)
    timed = timed_images(held)
    bench.pacs.archive.add(held)
    bench.pull(study.uid, **way.told(study))
    bench.recorder.wait_for(study.uid)
    (chosen,) = study.expected_series
    message, notified = bench.recorder.messages[study.uid], bench.recorder.notified[study.uid]
    if message["seriesUID"] != chosen:
        raise ValueError(f"{message['seriesUID']} was handed over, not {chosen}")
    last = max(timed[chosen].sent_at.values())
    return Timing(notified - last, bench.recorder.reported[study.uid] - notified, message["completeness"])


def archive_of_one(study: BusyStudy) -> Any:
    """The study as the PACS holds it."""
    day = plan()
    held = archive_of(day).study(study.uid)
    if held is None:
        raise ValueError(study.uid)
    return held


_PLANNED: list[Any] = []


def plan() -> Any:
    """The day, planned once."""
    if not _PLANNED:
        _PLANNED.append(plan_busy_day(DATE, 400))
    return _PLANNED[0]


def chest_cts() -> list[BusyStudy]:
    """Studies with several series of which one is to be computed."""
    plain = [one for one in plan().new_studies if one.chest and not one.oddities]
    return [one for one in plain if "CT" in one.modalities and len(one.arrivals) > 3]


@app.command()
def main(
    repeats: Annotated[int, typer.Option(help="Studies by each way.")] = 5,
    stable_age: Annotated[float, typer.Option(help="STABLE_AGE in seconds, as on site.")] = 30.0,
) -> None:
    """Print the table."""
    console = Console(width=150)
    studies = iter(chest_cts())
    table = Table(title=f"last image of the chosen series to its notification, STABLE_AGE {stable_age:g} s")
    columns = (
        "what the PACS tells",
        "studies",
        "images each",
        "median",
        "smallest to largest",
        "until the report",
        "verdict",
    )
    for column in columns:
        table.add_column(column, justify="right")
    medians = {}
    with running(stable_age) as bench:
        for way in WAYS:
            mine = [next(studies) for _ in range(repeats)]
            timings = [measure(bench, study, way) for study in mine]
            seconds = [one.to_notification for one in timings]
            medians[way.name] = statistics.median(seconds)
            images = [sum(one.instances for one in study.planned.series) for study in mine]
            table.add_row(
                way.name, str(repeats), f"{min(images)}-{max(images)}", f"{medians[way.name]:.2f} s",
                f"{min(seconds):.2f}-{max(seconds):.2f} s",
                f"{statistics.median(one.to_report for one in timings):.2f} s",
                " ".join(sorted({one.completeness for one in timings})),
            )  # fmt: skip
    console.print(table)
    first, *_, fallback = medians.values()
    console.print(f"StableAge takes {fallback / first:.0f} x as long as the count of the series")


if __name__ == "__main__":
    app()
