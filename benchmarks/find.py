"""
What finding costs: verdicts a second on one core, and seconds and queries for days of 1,000 and 10,000
studies.

The find is measured beside a bare C-FIND of the same day at the same simulated PACS in the same run: the
ratio says what knowing every study costs.

    python -m benchmarks.find
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from hospital_sim.busy_day.day import BusyDay
from hospital_sim.busy_day.plan import plan_busy_day
from hospital_sim.pacs import SimPacs
from pacs_module.adapters.dicom.find_scu import Peer
from pacs_module.adapters.dicom.pynetdicom_finder import PynetdicomFinder
from pacs_module.adapters.machine import SystemClock
from pacs_module.adapters.stores.sqlite import SqliteStore
from pacs_module.domain.dicom.attributes import SeriesFacts
from pacs_module.domain.find.stability import StabilityPolicy
from pacs_module.domain.find.windows import Window
from pacs_module.domain.rules.filters import judge_series
from pacs_module.domain.rules.switches import Switches
from pacs_module.shared.logs import ContractLog
from pacs_module.use_cases.find.ask_window import AskWindow
from pacs_module.use_cases.find.find_studies import STUDY_KEYS, FindStudies
from pacs_module.use_cases.find.match_answers import MatchedFinder
from pacs_module.use_cases.find.resolve_uid import ResolveUid

DATE = dt.date(2026, 11, 21)
PACS = "SIM"

app = typer.Typer(add_completion=False)


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, wall clock."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def series_facts(day: BusyDay) -> list[SeriesFacts]:
    """Every series of a day as a SERIES level find would tell it."""
    return [
        SeriesFacts(
            series.uid,
            {
                "Modality": series.modality,
                "BodyPartExamined": series.body_part,
                "ProtocolName": series.protocol,
                "StudyDescription": study.planned.description,
                "SeriesDescription": series.description,
                "ImageType": "\\".join(series.image_type),
                "SliceThickness": "" if series.thickness_mm is None else str(series.thickness_mm),
                "ConvolutionKernel": series.kernel,
            },
            series.instances,
        )
        for study in day.studies
        for series in study.planned.series
    ]


def verdicts_per_second(facts: list[SeriesFacts], least_s: float = 2.0) -> float:
    """Verdicts of all rules in a second of CPU time, repeated until it took long enough to be read."""
    switches, judged, begin = Switches(), 0, time.process_time()
    while time.process_time() - begin < least_s:
        for one in facts:
            judge_series(one, switches)
        judged += len(facts)
    return judged / (time.process_time() - begin)


def find_row(studies: int, habits: tuple[str, ...]) -> tuple[str, ...]:
    """
    One row: bare C-FIND, first find of the day, second find (counts compared), find of a day where nothing
    changed.
    """
    day = plan_busy_day(DATE, studies, max_slices=12)
    with SimPacs(day, habits=habits) as pacs, tempfile.TemporaryDirectory() as folder:
        finder = PynetdicomFinder(Peer(pacs.host, pacs.port, pacs.ae_title, "AIPULL"), 120.0)
        bare = min(
            seconds(lambda: finder.find(PACS, "STUDY", {"StudyDate": "20261121"}, STUDY_KEYS))
            for _ in range(3)
        )
        find = finding(finder, Path(folder))
        results = []
        times = [seconds(lambda: results.append(find(PACS, Window(DATE)))) for _ in range(4)]
    answers, queries = results[0].answers, [result.queries for result in results]
    cells = [f"{at:.2f} s ({at / bare:.1f} x)" for at in (times[0], times[1], times[3])]
    return (
        str(studies),
        " + ".join(habits) or "none",
        str(answers),
        f"{bare:.2f} s",
        *cells,
        f"{queries[0]}, {queries[3]}",
    )


def finding(finder: PynetdicomFinder, folder: Path) -> FindStudies:
    """The find use case on a SQLite store on disk and with its real logs."""
    clock, log, switches = SystemClock(ZoneInfo("Asia/Shanghai")), ContractLog(folder, "dcm_end"), Switches()
    ask = AskWindow(MatchedFinder(finder, log), log, switches.ct_modalities + switches.dx_modalities)
    store = SqliteStore(folder / "study.db")
    return FindStudies(store, ask, ResolveUid(finder, clock, log), clock, log, switches, StabilityPolicy())


@app.command()
def main(largest: Annotated[int, typer.Option(help="Studies of the larger day.")] = 10_000) -> None:
    """Print both tables."""
    console = Console(width=170)
    facts = series_facts(plan_busy_day(DATE, 1000))
    console.print(
        f"filter: {verdicts_per_second(facts):,.0f} verdicts a second on one core ({len(facts)} "
        "different series)"
    )
    table = Table(title="one find of a whole day at the simulated PACS, over loopback")
    columns = (
        "studies in 36 h",
        "habits",
        "answers of the day",
        "bare C-FIND",
        "first find",
        "second find",
        "quiet find",
        "queries",
    )
    for column in columns:
        table.add_column(column, justify="right")
    for studies in (1000, largest):
        for habits in ((), ("cap=500",)):
            row = find_row(studies, habits)
            print("  ".join(row), flush=True)
            table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    app()
