"""Row 12: how many studies an hour one box carries, and what each costs: the constants of ``pacs-module size``."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import requests

from benchmarks.bench.row import Line, Row, Scale, Target, cpu_of
from benchmarks.reception_cost import of_size
from hospital_sim.busy_day.day import BusyDay
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import SimPacs
from hospital_sim.pacs.clock import ManualClock
from hospital_sim.pacs.planned import archive_of
from stack.ports import free_ports
from stack.ram_disk import GIB
from stack.whole import Stack, StackOptions

PACS, AE_TITLE = "BENCH", "BENCHAE"
DATE = dt.date(2026, 11, 21)
SOFT = ["B30f", "STANDARD", "FC08", "B_SOFT_B", "B"]
IMAGES, PULLS = 400, 4
PATIENCE_S = 300.0
STAGES = (
    ("found to asked", "firstSeenAt", "askedAt"),
    ("asked to received", "askedAt", "receivedAt"),
    ("received to accepted", "receivedAt", "acceptedAt"),
)


def run(scale: Scale) -> Sequence[Line]:
    """All studies are there at once, so that there is always something to do."""
    number = scale.of(30, 3)
    with tempfile.TemporaryDirectory(prefix="bench-busy-") as name, _pacs(number) as (port, tell):
        options = StackOptions(
            more_pacs={PACS: (AE_TITLE, port)},
            settings={
                "pacs": [{"name": PACS, "use_series": True, "parallel_pulls": PULLS}],
                "move_sync": False, "find_dates": [DATE.isoformat()], "find_interval_s": 3.0,
            },
            switches={"KERNEL_PREFERRED": SOFT},
            ram_disk_bytes=4 * GIB,
        )  # fmt: skip
        with Stack(Path(name) / "run", options) as stack:
            tell(stack.receiver.ports.dicom)
            return _measured(stack, number)


def _measured(stack: Stack, number: int) -> Sequence[Line]:
    pids = {
        "receiving Orthanc": stack.receiver.process.pid or 0, "pacs_module": stack.pacs_module.process.pid or 0,
    }  # fmt: skip
    empty = _store_bytes(stack.pacs_module.store_file)
    idle = _idle(pids["pacs_module"])
    first = len(_until_accepted(stack, 1, number))
    begin, before, busy = time.monotonic(), {name: cpu_of(pid) for name, pid in pids.items()}, _busy()
    accepted = _until_accepted(stack, number, number)
    seconds, done = time.monotonic() - begin, max(1, len(accepted) - first)
    share = _share(busy)
    cpu = {name: cpu_of(pid) - before[name] for name, pid in pids.items()}
    documents = _documents(stack, accepted)
    pulled = statistics.mean(one["pull"].get("received") or 0 for one in documents)
    used = statistics.mean(one["handovers"][-1]["numberReceived"] for one in documents)
    size = (_store_bytes(stack.pacs_module.store_file) - empty) / number
    lines = [
        Line(
            f"studies of {used:.0f} images an hour, {PULLS} pulls at once", "studies/h",
            (3600 * done / seconds,), key="studiesAnHour",
        ),
        Line(
            "both cores busy meanwhile, the simulated PACS among them", "%", (100 * share,),
            target=Target(85.0, least=True), key="busyPercent",
        ),
        Line("images pulled for a study", "", (pulled,), key="pulledImages"),
        Line("images used of a study", "", (used,), key="usedImages"),
        Line("store, a study with its rows", "bytes", (size,), key="storeBytesAStudy"),
        Line("idle pacs_module, of a core", "%", (100 * idle,), target=Target(2.0), key="idlePercent"),
    ]  # fmt: skip
    for name, spent in cpu.items():
        key = "orthancCpuMsAnImage" if name.startswith("receiving") else "pacsModuleCpuMsAnImage"
        lines.append(
            Line(f"CPU of {name}, an image that came", "ms", (1000 * spent / done / pulled,), key=key)
        )
    return [*lines, *_stages(documents)]


def _stages(documents: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """Where the time of a study goes while there is always something to do."""
    for what, begin, end in STAGES:
        times = []
        for one in documents:
            told = {**one, **one["pull"], **one["handovers"][-1]}
            times.append((_moment(told[end]) - _moment(told[begin])).total_seconds())
        yield Line(f"stage {what}", "s", tuple(times))


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _until_accepted(stack: Stack, wanted: int, number: int) -> set[str]:
    """The studies that the backend has, once there are so many."""
    deadline = time.monotonic() + PATIENCE_S
    while len(found := _accepted(stack)) < wanted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(found)} of {number} studies were accepted in {PATIENCE_S:g} s")
        time.sleep(0.5)
    return found


def _documents(stack: Stack, uids: set[str]) -> list[dict[str, Any]]:
    """Their documents, once the end of each pull is reported: that comes after the hand-over."""
    deadline = time.monotonic() + PATIENCE_S
    found: dict[str, dict[str, Any]] = {}
    while len(found) < len(uids) and time.monotonic() < deadline:
        for uid in uids - set(found):
            document = _document(stack, uid)
            if document["pull"].get("received") and document["handovers"][-1].get("acceptedAt"):
                found[uid] = document
        time.sleep(0.5)
    return list(found.values())


def _document(stack: Stack, uid: str) -> dict[str, Any]:
    module = stack.pacs_module
    answer = requests.get(
        f"{module.url}/api/v1/dcm/debug", params={"StudyInstanceUID": uid, "askPACS": "false"},
        headers={"X-API-Key": module.api_key}, timeout=60,
    )  # fmt: skip
    answer.raise_for_status()
    return dict(answer.json()["studies"][0])


def _accepted(stack: Stack) -> set[str]:
    """What the backend wrote down."""
    record = stack.backend.record
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    return {word for line in lines for word in [line.partition('"studyUID": "')[2].partition('"')[0]] if word}


def _idle(pid: int, seconds: float = 10.0) -> float:
    """The share of a core that a process takes while it has nothing to do but to ask an empty PACS."""
    before = cpu_of(pid)
    time.sleep(seconds)
    return (cpu_of(pid) - before) / seconds


def _store_bytes(file: Path) -> int:
    """Of the database, with what still stands in its log."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return int(
            connection.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            ).fetchone()[0]
        )


def _busy() -> tuple[int, int]:
    fields = [int(one) for one in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return sum(fields), sum(fields) - idle


def _share(before: tuple[int, int]) -> float:
    total, busy = _busy()
    return (busy - before[1]) / max(1, total - before[0])


@contextmanager
def _pacs(number: int) -> Iterator[tuple[int, Any]]:
    """A simulated PACS in a process of its own: its port, and how it learns where the receiver is."""
    (port,) = free_ports(1)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(number, port, theirs), daemon=True)
    process.start()
    ours.recv()
    try:
        yield port, ours.send
    finally:
        ours.send(0)
        process.join(20)


def _serve(number: int, port: int, pipe: Connection) -> None:
    """Empty until it is told the receiver's port and the idle time is over; then it has all studies at once."""
    plan = plan_busy_day(DATE, 900, seed=5)
    chest = [one for one in plan.new_studies if one.chest and not one.oddities and "CT" in one.modalities]
    whole = [one for one in chest if len(one.arrivals) > 3 and one.planned.started_at.date() == DATE]
    studies = tuple(of_size(one, IMAGES) for one in whole[:number])
    day = BusyDay(DATE, plan.seed, plan.begins_at, plan.ends_at, studies)
    empty = archive_of(replace(day, studies=()))
    with SimPacs(empty, ae_title=AE_TITLE, clock=ManualClock(plan.ends_at), port=port) as pacs:
        pipe.send(len(studies))
        receiver = pipe.recv()
        pacs.destinations["AIPULL"] = ("127.0.0.1", receiver)
        time.sleep(15.0)
        for study in archive_of(day):
            pacs.archive.add(study)
        pipe.recv()


ROW = Row(
    12,
    "sustained",
    f"chest CTs of some {IMAGES} images in the series to compute, all there at once, find at SERIES level; PACS, both "
    "processes of ours, RabbitMQ and backend on this machine. Two receiving Orthancs are not supported and not measured",
    run,
    needs=("Orthanc", "rabbitmqctl"),
    quick=False,
)
