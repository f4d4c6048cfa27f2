"""
From the last image of the series to compute in the PACS to its acceptance by the backend: following the
scan, beside the rule of two equal counts, in the same run on the same machine.

Each way has a simulated PACS of its own behind one pacs_module and one receiving Orthanc, both real. The
PACS hold studies of the same make; their images appear at the rate of a CT, series after series. What
StableAge routing would take is told as its lower bound: the study's last image, and then the age.

    python -m benchmarks.follow_the_scan
"""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import requests
import typer
from rich.console import Console
from rich.table import Table

from hospital_sim.busy_day.day import BusyDay, BusyStudy, SeriesArrival
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.devices import SOFT_KERNELS
from hospital_sim.pacs import SimPacs
from hospital_sim.pacs.clock import RunningClock
from hospital_sim.pacs.content.planned import archive_of
from stack.ram_disk import GIB
from stack.whole import Stack, StackOptions

ZONE = ZoneInfo("Asia/Shanghai")
PATIENCE_S = 240.0
BEGIN_S = 25.0
"""Until the first study: so long the servers take to start."""
STAGES = ("decided", "asked", "received", "accepted")
_DECIDED = ("series stands still", "stable")
STABLE_AGES_S = (5.0, 60.0)

app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Way:
    """A way to find out that a series is whole: settings of its PACS."""

    name: str
    pacs: str
    settings: Mapping[str, Any]


WAYS = (
    Way("followed", "FOLLOWED", {"follow": True}),
    Way("followed, 1 query a second", "ONE", {"follow": True, "queries_per_second": 1.0}),
    Way("two equal counts", "COUNTED", {"follow": False}),
)


@dataclass(frozen=True)
class Shape:
    """
    How the studies come: ``rate`` images a second, ``pause`` seconds between two series, ``every`` seconds
    one.
    """

    rate: float
    pause: float
    every: float
    matrix: int


@dataclass(frozen=True)
class Row:
    """
    One study: seconds from the last image of the chosen series, and of the study, to acceptance; ``pulled``
    and ``used`` images, ``queries`` at SERIES level for it alone, and how often it was handed over.

    ``stages``: seconds from the last image of the chosen series until it was decided, asked for, received and
    accepted.
    """

    way: str
    from_series: float
    from_study: float
    pulled: int
    used: int
    queries: float
    handovers: int
    stages: Mapping[str, float]


def studies_of(number: int, way: int, shape: Shape, begin: dt.datetime) -> BusyDay:
    """
    Plain chest CTs with several series, ``number`` of them, their images re-timed to begin at ``begin``.
    """
    day = plan_busy_day(begin.date(), 500, seed=10 + way, matrix=shape.matrix)
    plain = [one for one in day.new_studies if one.chest and not one.oddities and "CT" in one.modalities]
    found = [one for one in plain if len(one.arrivals) > 3 and one.planned.started_at.date() == begin.date()]
    made = []
    for place, one in enumerate(found[:number]):
        made.append(_retimed(one, shape, begin + dt.timedelta(seconds=place * shape.every + way * 3)))
    return BusyDay(day.date, day.seed, day.begins_at, day.ends_at, tuple(made))


def _retimed(study: BusyStudy, shape: Shape, at: dt.datetime) -> BusyStudy:
    arrivals = []
    for one in study.arrivals:
        end = at + dt.timedelta(seconds=one.planned.instances / shape.rate)
        arrivals.append(SeriesArrival(one.planned, at, end))
        at = end + dt.timedelta(seconds=shape.pause)
    return replace(study, arrivals=tuple(arrivals))


def _document(stack: Stack, uid: str) -> dict[str, Any]:
    module = stack.pacs_module
    answer = requests.get(
        f"{module.url}/api/v1/dcm/debug",
        params={"StudyInstanceUID": uid, "askPACS": "false"},
        headers={"X-API-Key": module.api_key},
        timeout=60,
    ).json()
    return dict(answer["studies"][0]) if answer["studies"] else {}


def _is_over(document: Mapping[str, Any], study: BusyStudy) -> bool:
    (chosen,) = study.expected_series
    last = (document.get("handovers") or [{}])[-1]
    return (
        bool(last.get("acceptedAt")) and last.get("seriesUID") == chosen and document["state"] == "completed"
    )


def row_of(way: Way, study: BusyStudy, document: Mapping[str, Any], queries: float) -> Row:
    """What one study took; the times of the PACS are the hospital's."""
    (chosen,) = study.expected_series
    series_end = next(one.ends_at for one in study.arrivals if one.planned.uid == chosen).replace(tzinfo=ZONE)
    study_end = max(one.ends_at for one in study.arrivals).replace(tzinfo=ZONE)
    pulls = [*document.get("pulls", ()), document["pull"]]
    moments = _moments(document)
    return Row(
        way.name,
        (moments["accepted"] - series_end).total_seconds(),
        (moments["accepted"] - study_end).total_seconds(),
        sum(pull.get("received") or 0 for pull in pulls),
        document["handovers"][-1]["numberReceived"],
        queries,
        len(document["handovers"]),
        {name: (at - series_end).total_seconds() for name, at in moments.items()},
    )


def _moments(document: Mapping[str, Any]) -> dict[str, dt.datetime]:
    """
    When the series was decided on, asked for, received and accepted; of the last time, where there are
    several.
    """
    last = document["handovers"][-1]
    asked = document["pull"].get("askedAt") or "9"
    history = document.get("history", ())
    decided = [one["at"] for one in history if one.get("event") in _DECIDED and one["at"] <= asked]
    told = {
        "decided": decided[-1] if decided else None,
        "asked": document["pull"].get("askedAt"),
        "received": last.get("receivedAt"),
        "accepted": last.get("acceptedAt"),
    }
    return {name: dt.datetime.fromisoformat(text) for name, text in told.items() if text}


def _options(
    ways: Sequence[Way], ports: Mapping[str, tuple[str, int]], date: dt.date, ram_disk_bytes: int
) -> StackOptions:
    return StackOptions(
        more_pacs=ports,
        settings={
            "pacs": [{"name": way.pacs, **way.settings} for way in ways],
            "find_dates": [date.isoformat()],
        },
        switches={"KERNEL_PREFERRED": list(SOFT_KERNELS)},
        ram_disk_bytes=ram_disk_bytes,
    )


def measure(number: int, shape: Shape, ram_disk_gib: float, ways: Sequence[Way] = WAYS) -> list[Row]:
    """All ways side by side; the studies of the ways begin in turn."""
    begin = _now() + dt.timedelta(seconds=BEGIN_S)
    days = {way.name: studies_of(number, WAYS.index(way), shape, begin) for way in ways}
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="follow-")))
        pacs = {
            way.name: exits.enter_context(_pacs(way, number, WAYS.index(way), shape, begin)) for way in ways
        }
        ports = {way.pacs: (f"{way.pacs}AE", pacs[way.name].port) for way in ways}
        options = _options(ways, ports, begin.date(), round(ram_disk_gib * GIB))
        stack = exits.enter_context(Stack(folder / "run", options))
        for one in pacs.values():
            one.pipe.send((stack.receiver.aet, stack.receiver.ports.dicom))
        documents = _until_over(stack, days)
        rows = []
        for way in ways:
            of_way = days[way.name].studies
            queries = pacs[way.name].queries() / len(of_way)
            rows += [row_of(way, one, documents[one.uid], queries) for one in of_way if one.uid in documents]
        return rows


@dataclass
class _Pacs:
    """A simulated PACS in a process of its own, as a hospital's is on a machine of its own."""

    port: int
    pipe: Connection

    def queries(self) -> int:
        """C-FINDs at SERIES level so far."""
        self.pipe.send("queries")
        return int(self.pipe.recv())


@contextmanager
def _pacs(way: Way, number: int, place: int, shape: Shape, begin: dt.datetime) -> Iterator[_Pacs]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(way, number, place, shape, begin, theirs), daemon=True)
    process.start()
    try:
        yield _Pacs(int(ours.recv()), ours)
    finally:
        ours.send("stop")
        process.join(20)


def _serve(way: Way, number: int, place: int, shape: Shape, begin: dt.datetime, pipe: Connection) -> None:
    archive = archive_of(studies_of(number, place, shape, begin))
    clock = RunningClock(_now())
    with SimPacs(archive, ae_title=f"{way.pacs}AE", clock=clock) as pacs:
        pipe.send(pacs.port)
        while (told := pipe.recv()) != "stop":
            if told == "queries":
                pipe.send(pacs.ledger.queries("SERIES"))
            else:
                aet, port = told
                pacs.destinations[aet] = ("127.0.0.1", port)


def _now() -> dt.datetime:
    """By the hospital's clock."""
    return dt.datetime.now(ZONE).replace(tzinfo=None)


def _until_over(stack: Stack, days: Mapping[str, BusyDay]) -> dict[str, dict[str, Any]]:
    waiting = {one.uid: one for day in days.values() for one in day.studies}
    last = max(arrival.ends_at for one in waiting.values() for arrival in one.arrivals)
    deadline = last + dt.timedelta(seconds=PATIENCE_S)
    over: dict[str, dict[str, Any]] = {}
    while waiting and _now() < deadline:
        time.sleep(2.0)
        if _now() < last:
            continue
        for uid, study in list(waiting.items()):
            document = _document(stack, uid)
            if document and _is_over(document, study):
                over[uid] = document
                del waiting[uid]
    return over


def _cells(rows: Sequence[Row]) -> tuple[str, ...]:
    """Of the studies of one way."""
    times = sorted(row.from_series for row in rows)
    p95 = times[min(len(times) - 1, round(0.95 * (len(times) - 1)))]
    return (
        str(len(rows)),
        f"{statistics.median(times):.1f}",
        f"{p95:.1f}",
        f"{times[0]:.1f} to {times[-1]:.1f}",
        f"{statistics.median(row.from_study for row in rows):.1f}",
        f"{rows[0].queries:.1f}",
        f"{statistics.median(row.pulled / row.used for row in rows):.2f}",
        f"{statistics.mean(row.handovers for row in rows):.2f}",
        " / ".join(f"{stage_of(rows, stage):.2f}" for stage in STAGES),
    )


def table_of(rows: Sequence[Row]) -> Table:
    """One row a way."""
    table = Table(
        title="last image of the series to compute in the PACS to acceptance by the backend, seconds"
    )
    columns = ("way", "studies", "median", "p95", "smallest to largest", "from the study's last image")
    for column in (*columns, "queries a study", "pulled / used", "handed over", "/ ".join(STAGES)):
        table.add_column(column, justify="right")
    for way in WAYS:
        mine = [row for row in rows if row.way == way.name]
        if not mine:
            table.add_row(way.name, "0")
            continue
        table.add_row(way.name, *_cells(mine))
    gap = statistics.median(row.from_series - row.from_study for row in rows) if rows else 0.0
    for age in STABLE_AGES_S:
        table.add_row(f"StableAge {age:g}, at least", "", f"{gap + age:.1f}", "", "", f"{age:.1f}", *[""] * 4)
    return table


def stage_of(rows: Sequence[Row], stage: str) -> float:
    """Median seconds from the last image of the series to compute to the end of a stage; NaN: nobody says."""
    told = [row.stages[stage] for row in rows if stage in row.stages]
    return statistics.median(told) if told else float("nan")


@app.command()
def main(
    studies: Annotated[int, typer.Option(help="By each way.")] = 8,
    rate: Annotated[float, typer.Option(help="Images a second that a CT sends.")] = 40.0,
    pause: Annotated[float, typer.Option(help="Seconds between two series.")] = 3.0,
    every: Annotated[float, typer.Option(help="Seconds between the begins of two studies of a way.")] = 25.0,
    matrix: Annotated[int, typer.Option(help="Rows and columns of the images.")] = 512,
    ram_disk: Annotated[float, typer.Option(help="Of the receiving Orthanc, in GiB.")] = 2.0,
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write the rows here.")] = None,
    only: Annotated[str, typer.Option(help="Only the ways of these PACS, with commas: FOLLOWED,ONE.")] = "",
) -> None:
    """Print the table."""
    ways = [way for way in WAYS if not only or way.pacs in only.split(",")]
    rows = measure(studies, Shape(rate, pause, every, matrix), ram_disk, ways)
    if as_json is not None:
        as_json.write_text(json.dumps([vars(row) for row in rows], indent=1), encoding="utf-8")
    Console(width=190).print(table_of(rows))
    raise typer.Exit(0 if len(rows) == studies * len(ways) else 1)


if __name__ == "__main__":
    app()
