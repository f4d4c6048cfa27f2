"""
Row 12: how many studies an hour one box carries, and what each costs: the constants of ``pacs-module size``.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import requests

from benchmarks.bench.flame import flame
from benchmarks.bench.row import Line, Row, Scale, Target, cpu_of
from benchmarks.reception_cost import of_size
from hospital_sim.busy_day.day import BusyDay
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.devices import SOFT_KERNELS
from hospital_sim.pacs import SimPacs
from hospital_sim.pacs.clock import ManualClock
from hospital_sim.pacs.content.planned import archive_of
from stack.ports import LOOPBACK, free_ports
from stack.ram_disk import GIB
from stack.servers.orthanc import ReceivingOrthanc
from stack.two_receivers import TwoReceivers
from stack.whole import Stack, StackOptions

PACS, AE_TITLE = "BENCH", "BENCHAE"
DATE = dt.date(2026, 11, 21)
IMAGES, PULLS = 400, 4
PATIENCE_S = 300.0
STAGES = (
    ("found to asked", "firstSeenAt", "askedAt"),
    ("asked to received", "askedAt", "receivedAt"),
    ("received to accepted", "receivedAt", "acceptedAt"),
)


def run(scale: Scale) -> Sequence[Line]:
    """All studies are there at once, so that there is always something to do."""
    number = scale.of(24, 3)
    one, two = (_with(receivers, number) for receivers in (Stack, TwoReceivers))
    return [*one.lines, *_beside(one, two)]


@dataclass(frozen=True)
class _Day:
    """What a run with one or two receiving Orthancs gave."""

    studies_an_hour: float
    orthanc_ms_an_image: float
    lines: Sequence[Line]


def _with(stack_of: type[Stack], number: int) -> _Day:
    """A day with this many receiving Orthancs."""
    with tempfile.TemporaryDirectory(prefix="bench-busy-") as name, _pacs(number) as (port, tell):
        options = StackOptions(
            more_pacs={PACS: (AE_TITLE, port)},
            settings={
                "pacs": [{"name": PACS, "use_series": True, "parallel_pulls": PULLS}],
                "move_sync": False, "find_dates": [DATE.isoformat()], "find_interval_s": 3.0,
            },
            switches={"KERNEL_PREFERRED": list(SOFT_KERNELS)},
            ram_disk_bytes=4 * GIB,
        )  # fmt: skip
        with stack_of(Path(name) / "run", options) as stack:
            tell({one.aet: (LOOPBACK, one.ports.dicom) for one in _receivers(stack)})
            return _measured(stack, number)


def _receivers(stack: Stack) -> Sequence[ReceivingOrthanc]:
    return [stack.receiver, stack.second] if isinstance(stack, TwoReceivers) else [stack.receiver]


def _beside(one: _Day, two: _Day) -> Iterator[Line]:
    """Two receiving Orthancs against one, on the same two cores."""
    for what, unit, ours, reference in (
        ("studies an hour, two receiving Orthancs", "studies/h", two.studies_an_hour, one.studies_an_hour),
        ("CPU of both, an image that came", "ms", two.orthanc_ms_an_image, one.orthanc_ms_an_image),
    ):
        yield Line(what, unit, (ours,), "one", (reference,))


def _cpu(stack: Stack) -> dict[str, float]:
    """Seconds so far of the processes of ours; both receiving Orthancs together."""
    receiving = [one.process.pid or 0 for one in _receivers(stack)]
    return {
        "receiving Orthanc": sum(map(cpu_of, receiving)),
        "pacs_module": cpu_of(stack.pacs_module.process.pid or 0),
    }


def _measured(stack: Stack, number: int) -> _Day:
    module = stack.pacs_module.process.pid or 0
    empty = _store_bytes(stack.pacs_module.store_file)
    idle = _idle(module)
    first = len(_until_accepted(stack, 1, number))
    begin, before, busy = time.monotonic(), _cpu(stack), _busy()
    with flame(module, "pacs-module") if type(stack) is Stack else nullcontext():
        accepted = _until_accepted(stack, number, number)
        seconds, done = time.monotonic() - begin, max(1, len(accepted) - first)
        share = _share(busy)
        cpu = {name: spent - before[name] for name, spent in _cpu(stack).items()}
    documents = _documents(stack, accepted)
    size = (_store_bytes(stack.pacs_module.store_file) - empty) / number
    pulled = statistics.mean(one["pull"].get("received") or 0 for one in documents)
    lines = [
        *_of_images(documents, done / seconds, {name: spent / done for name, spent in cpu.items()}),
        Line(
            "both cores busy meanwhile, the simulated PACS among them", "%", (100 * share,),
            target=Target(85.0, least=True), key="busyPercent",
        ),
        Line("store, a study with its rows", "bytes", (size,), key="storeBytesAStudy"),
        Line("idle pacs_module, of a core", "%", (100 * idle,), target=Target(2.0), key="idlePercent"),
        *_stages(documents),
    ]  # fmt: skip
    return _Day(3600 * done / seconds, 1000 * cpu["receiving Orthanc"] / done / pulled, lines)


def _of_images(
    documents: Sequence[Mapping[str, Any]], studies_a_second: float, cpu_a_study: Mapping[str, float]
) -> Iterator[Line]:
    """What depends on how many images a study has."""
    pulled = statistics.mean(one["pull"].get("received") or 0 for one in documents)
    used = statistics.mean(one["handovers"][-1]["numberReceived"] for one in documents)
    rate = f"studies of {used:.0f} images an hour, {PULLS} pulls at once"
    yield Line(rate, "studies/h", (3600 * studies_a_second,), key="studiesAnHour")
    yield Line("images pulled for a study", "", (pulled,), key="pulledImages")
    yield Line("images used of a study", "", (used,), key="usedImages")
    for name, spent in cpu_a_study.items():
        key = "orthancCpuMsAnImage" if name.startswith("receiving") else "pacsModuleCpuMsAnImage"
        yield Line(f"CPU of {name}, an image that came", "ms", (1000 * spent / pulled,), key=key)


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
    """A simulated PACS in a process of its own: its port, and how it learns where the receivers are."""
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
    """
    Empty until it is told the receivers' ports and the idle time is over; then it has all studies at once.
    """
    plan = plan_busy_day(DATE, 900, seed=5)
    chest = [one for one in plan.new_studies if one.chest and not one.oddities and "CT" in one.modalities]
    whole = [one for one in chest if len(one.arrivals) > 3 and one.planned.started_at.date() == DATE]
    studies = tuple(of_size(one, IMAGES) for one in whole[:number])
    day = BusyDay(DATE, plan.seed, plan.begins_at, plan.ends_at, studies)
    empty = archive_of(replace(day, studies=()))
    with SimPacs(empty, ae_title=AE_TITLE, clock=ManualClock(plan.ends_at), port=port) as pacs:
        pipe.send(len(studies))
        pacs.destinations.update(pipe.recv())
        time.sleep(15.0)
        for study in archive_of(day):
            pacs.archive.add(study)
        pipe.recv()


ROW = Row(
    12,
    "sustained",
    f"chest CTs of some {IMAGES} images in the series to compute, all there at once, find at SERIES level; PACS, both "
    "processes of ours, RabbitMQ and backend on this machine; then the same with two receiving Orthancs",
    run,
    needs=("Orthanc", "rabbitmqctl"),
    quick=False,
    limit_s=330,
)
