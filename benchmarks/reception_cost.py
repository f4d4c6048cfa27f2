"""
What reception costs, beside an earlier commit: images a second, the last image to its notification, and the
CPU of the receiving Orthanc.

Both commits receive the same studies from simulated PACS in one run, study by study in turn (earlier, now,
now, earlier, ...): only the plugins, the rules and Orthanc's configuration are those of the commit. What is
compared is each study with itself, so that a machine that becomes busy meanwhile slows both; where it does
other things believe the CPU, not the wall.

    python -m benchmarks.reception_cost --base 2a4f94f
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import requests
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.reception import WAYS, Bench, chest_cts, plan, running, timed_images
from hospital_sim.busy_day.day import BusyStudy
from hospital_sim.pacs.content.planned import archive_of
from hospital_sim.planned_study import PlannedSeries
from stack.errors import StackError
from stack.servers.orthanc import ReceivingOrthanc, check_substitutions

REPOSITORY = Path(__file__).resolve().parent.parent
NOW = "now"
PATIENCE_S = 300.0
_LOOK_S = 0.5
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")

app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Cost:
    """
    Of one pull, seconds: asked to last image sent, last image to notification and to the report, CPU of
    Orthanc until the report and until the study is deleted.
    """

    images: int
    sending: float
    to_notification: float
    to_report: float
    cpu: float
    whole_cpu: float


MEASURES: tuple[tuple[str, str, Callable[[Cost], float]], ...] = (
    ("CPU of Orthanc until the report", "ms an image", lambda one: 1000 * one.cpu / one.images),
    ("CPU of Orthanc until it is deleted", "ms an image", lambda one: 1000 * one.whole_cpu / one.images),
    ("pull asked to last image", "ms an image", lambda one: 1000 * one.sending / one.images),
    ("last image to notification", "ms", lambda one: 1000 * one.to_notification),
    ("last image to the pull's end", "ms", lambda one: 1000 * one.to_report),
)


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """The tree of a commit, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="aipull-base-"))
    try:
        archive = subprocess.run(
            ["git", "archive", commit], cwd=REPOSITORY, stdout=subprocess.PIPE, check=True
        ).stdout
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment_of(tree: Path) -> dict[str, str]:
    """
    What makes Orthanc run a tree's plugins and rules; StackError when Python would import them from
    elsewhere.
    """
    environment = {
        "PYTHONPATH": str(tree),
        "ORTHANC_PYTHON_SCRIPT": str(tree / "orthanc" / "plugins" / "pull_plugin.py"),
    }
    ask = [sys.executable, "-c", "import pacs_module; print(pacs_module.__file__)"]
    found = subprocess.run(
        ask, cwd="/", env={**os.environ, **environment}, capture_output=True, text=True, check=True
    ).stdout.strip()
    if not Path(found).is_relative_to(tree):
        raise StackError(f"Python imports {found}, not what lies in {tree}")
    return environment


def receiver_of(tree: Path) -> type[ReceivingOrthanc]:
    """The receiving Orthanc with a tree's own configuration."""

    class OfTree(ReceivingOrthanc):
        def configuration(self) -> Path:
            super().configuration()
            file = tree / "orthanc" / "config" / "orthanc.json"
            check_substitutions(file.read_text(encoding="utf-8"), self.environment())
            return file

    return OfTree


def of_size(study: BusyStudy, images: int) -> BusyStudy:
    """The study, its series to be computed with so many images."""

    def sized(series: PlannedSeries) -> PlannedSeries:
        return replace(series, instances=images) if series.uid in study.expected_series else series

    planned = replace(study.planned, series=tuple(sized(one) for one in study.planned.series))
    arrivals = tuple(replace(one, planned=sized(one.planned)) for one in study.arrivals)
    return replace(study, planned=planned, arrivals=arrivals)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def measure(bench: Bench, study: BusyStudy) -> Cost:
    """One pull, every series' images counted."""
    (held,) = archive_of(replace(plan(), studies=(study,)))
    timed = timed_images(held)
    bench.pacs.archive.add(held)
    pid = bench.receiver.process.pid
    if pid is None:
        raise StackError("the receiving Orthanc does not run")
    cpu, begin = cpu_seconds(pid), time.monotonic()
    bench.pull(study.uid, **WAYS[0].told(study))
    bench.recorder.wait_for(study.uid)
    used = cpu_seconds(pid) - cpu
    (chosen,) = study.expected_series
    message = bench.recorder.messages[study.uid]
    handed_over = f"{message['seriesUID']} {message['completeness']}"
    if handed_over != f"{chosen} COMPLETE":
        raise ValueError(f"handed over {handed_over}, not {chosen} COMPLETE")
    wait_until_empty(bench)
    last = max(at for one in timed.values() for at in one.sent_at.values())
    return Cost(
        sum(len(one.sent_at) for one in timed.values()),
        last - begin,
        bench.recorder.notified[study.uid] - max(timed[chosen].sent_at.values()),
        bench.recorder.reported[study.uid] - last,
        used,
        cpu_seconds(pid) - cpu,
    )


def wait_until_empty(bench: Bench) -> None:
    """Until the receiving Orthanc has deleted everything."""
    auth, until = (bench.receiver.user, bench.receiver.password), time.monotonic() + PATIENCE_S
    while requests.get(f"{bench.receiver.url}/statistics", auth=auth, timeout=60).json()["CountInstances"]:
        if time.monotonic() > until:
            raise TimeoutError(f"images are left in Orthanc after {PATIENCE_S:g} s")
        time.sleep(_LOOK_S)


def one_turn(
    trees: dict[str, Path], studies: list[BusyStudy], variables: Mapping[str, str]
) -> dict[str, list[Cost]]:
    """
    An Orthanc of each tree, started anew with these variables over its environment; the first study warms up
    and is not counted.
    """
    with ExitStack() as stack:
        benches = {
            name: stack.enter_context(running(30.0, receiver_of(tree), {**environment_of(tree), **variables}))
            for name, tree in trees.items()
        }
        costs: dict[str, list[Cost]] = {name: [] for name in trees}
        for number, study in enumerate(studies):
            for name in trees if number % 2 else reversed(trees):
                costs[name].append(measure(benches[name], study))
    return {name: done[1:] for name, done in costs.items()}


@app.command()
def main(
    base: Annotated[str, typer.Option(help="The commit to compare with.")] = "2a4f94f",
    turns: Annotated[int, typer.Option(help="Of each, in turn.")] = 4,
    repeats: Annotated[int, typer.Option(help="Studies in each turn.")] = 2,
    images: Annotated[int, typer.Option(help="Of the series to be computed.")] = 1500,
    dicom_threads: Annotated[int, typer.Option(help="DicomThreadsCount of now; 0: as shipped.")] = 0,
) -> None:
    """Print the table; what it costs now must not be more than 5 % over the base."""
    console = Console(width=130)
    plan()
    # Each waiting thread of Orthanc's DICOM server looks ten times a second: 100 of them take 1 % of a core.
    variables = {"ORTHANC_DICOM_THREADS": str(dicom_threads)} if dicom_threads else {}
    studies = [of_size(one, images) for one in chest_cts()[: repeats + 1]]
    costs: dict[str, list[Cost]] = {base: [], NOW: []}
    with checked_out(base) as tree:
        for turn in range(turns):
            for name, done in one_turn({base: tree, NOW: REPOSITORY}, studies, variables).items():
                costs[name] += done
                told = ", ".join(f"{1000 * one.whole_cpu / one.images:.2f}" for one in done)
                console.print(f"turn {turn + 1} of {turns}, {name}: CPU {told} ms an image")
    console.print(table(costs, base))


def table(costs: dict[str, list[Cost]], base: str) -> Table:
    """Medians, with the smallest and the largest, side by side, and how many times each study's own cost."""
    made = Table(title=f"reception, {len(costs[base])} studies each; median (smallest to largest)")
    for column in ("what", "unit", base, NOW, "now / then"):
        made.add_column(column, justify="right")
    for name, unit, of in MEASURES:
        then, now = ([of(one) for one in costs[which]] for which in (base, NOW))
        ratios = [later / earlier for earlier, later in zip(then, now, strict=True)]
        made.add_row(name, unit, spread(then), spread(now), spread(ratios))
    return made


def spread(values: list[float]) -> str:
    """The median, the smallest and the largest."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


if __name__ == "__main__":
    app()
